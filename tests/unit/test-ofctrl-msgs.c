/* SPDX-License-Identifier: Apache-2.0 */

/* Flows and groups that a switch was given are recognised when it is asked for
 * them: otherwise an agent that starts would send all of them again. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "flow-bed.h"
#include "ofctrl-msgs.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* What a switch does: takes 'msg', keeps it, and tells of it. */
static void
give_flow(const struct dts_flow *f, struct ovs_list *replies)
{
    struct ofpbuf *msg = ofctrl_encode_flow(f, true);
    struct ofputil_flow_mod fm;
    struct ofpbuf acts;

    ofpbuf_init(&acts, 64);
    assert_int_equal(ofputil_decode_flow_mod(&fm, msg->data,
                                             OFPUTIL_P_OF15_OXM, NULL, NULL,
                                             &acts, u16_to_ofp(0xff00), 255),
                     0);
    struct ofputil_flow_stats fs = {
        .cookie = fm.new_cookie,
        .table_id = fm.table_id,
        .priority = fm.priority,
        .hard_timeout = fm.hard_timeout,
        .packet_count = 12,
        .byte_count = 1234,
        .ofpacts = fm.ofpacts,
        .ofpacts_len = fm.ofpacts_len,
    };
    minimatch_expand(&fm.match, &fs.match);
    ofputil_append_flow_stats_reply(&fs, replies, NULL);
    minimatch_destroy(&fm.match);
    ofpbuf_uninit(&acts);
    ofpbuf_delete(msg);
}

static void
give_group(const struct dts_group *g, struct ovs_list *replies)
{
    struct ofpbuf *msg = ofctrl_encode_group(g, OFPGC11_ADD);
    struct ofputil_group_mod gm;

    assert_int_equal(ofputil_decode_group_mod(msg->data, &gm), 0);
    struct ofputil_group_desc gd = {
        .type = gm.type,
        .group_id = gm.group_id,
    };
    ovs_list_init(&gd.buckets);
    ofputil_append_group_desc_reply(&gd, &gm.buckets, replies);
    ofputil_uninit_group_mod(&gm);
    ofpbuf_delete(msg);
}

/* 'msg' as it comes from a connection. */
static struct ofpbuf
received(struct ofpbuf *msg)
{
    ofpmsg_update_length(msg);
    return ofpbuf_const_initializer(msg->data, msg->size);
}

static void
check_round_trip(struct fixture *x)
{
    struct ovs_list flows = OVS_LIST_INITIALIZER(&flows);
    struct ovs_list groups = OVS_LIST_INITIALIZER(&groups);
    struct hmap have_flows = HMAP_INITIALIZER(&have_flows);
    struct hmap have_groups = HMAP_INITIALIZER(&have_groups);
    struct dts_group_entry *g;
    struct dts_flow_entry *f;
    struct ofpbuf *request, *msg;
    size_t n_bad = 0;

    request = ofctrl_encode_dump_flows();
    ofpmp_init(&flows, request->data);
    ofpbuf_delete(request);
    HMAP_FOR_EACH (f, hmap_node, &x->table.flows) {
        give_flow(f->flow, &flows);
    }
    LIST_FOR_EACH_POP (msg, list_node, &flows) {
        struct ofpbuf m = received(msg);
        assert_true(ofctrl_decode_flows(&m, &have_flows));
        ofpbuf_delete(msg);
    }
    HMAP_FOR_EACH (f, hmap_node, &x->table.flows) {
        const struct dts_flow_entry *e = dts_flow_find(&have_flows, f->flow);

        if (!e || !ofctrl_same_flow(e->flow, f->flow)) {
            struct ds s = DS_EMPTY_INITIALIZER;
            dts_flow_format(f->flow, &s);
            print_error("%s: %s\n", e ? "other actions" : "other match",
                        ds_cstr(&s));
            ds_destroy(&s);
            n_bad++;
        }
    }
    assert_int_equal(n_bad, 0);
    assert_int_equal(hmap_count(&have_flows), hmap_count(&x->table.flows));

    request = ofctrl_encode_dump_groups();
    ofpmp_init(&groups, request->data);
    ofpbuf_delete(request);
    HMAP_FOR_EACH (g, hmap_node, &x->table.groups) {
        give_group(g->group, &groups);
    }
    LIST_FOR_EACH_POP (msg, list_node, &groups) {
        struct ofpbuf m = received(msg);
        assert_true(ofctrl_decode_groups(&m, &have_groups));
        ofpbuf_delete(msg);
    }
    HMAP_FOR_EACH (g, hmap_node, &x->table.groups) {
        const struct dts_group_entry *e = dts_group_find(&have_groups,
                                                         g->group->id);
        assert_non_null(e);
        assert_true(ofctrl_same_group(e->group, g->group));
    }
    dts_flows_clear(&have_flows, &have_groups);
    hmap_destroy(&have_flows);
    hmap_destroy(&have_groups);
}

static void
test_gateway(void **state)
{
    struct fixture *x = *state;

    simap_put(&x->probes, "voip", 7);
    bed_compute(x);
    check_round_trip(x);
    x->network->closed_on_database_loss = true;
    x->network->ports[0].vlan = 100;
    bed_compute(x);
    check_round_trip(x);
}

static void
test_server(void **state)
{
    check_round_trip(*state);
}

/* A group that is not as ours are is seen to differ from each of ours. */
static void
test_other_group(void **state)
{
    struct fixture *x = *state;
    struct dts_group_entry *g = CONTAINER_OF(hmap_first(&x->table.groups),
                                             struct dts_group_entry,
                                             hmap_node);
    struct hmap have = HMAP_INITIALIZER(&have);
    struct hmap no_flows = HMAP_INITIALIZER(&no_flows);
    struct ovs_list replies = OVS_LIST_INITIALIZER(&replies);
    struct ofputil_group_desc gd = {
        .type = OFPGT11_ALL,
        .group_id = g->group->id,
    };
    struct ofpbuf *request = ofctrl_encode_dump_groups();
    struct ofpbuf *msg;

    ofpmp_init(&replies, request->data);
    ofpbuf_delete(request);
    ovs_list_init(&gd.buckets);
    ofputil_append_group_desc_reply(&gd, &gd.buckets, &replies);
    LIST_FOR_EACH_POP (msg, list_node, &replies) {
        struct ofpbuf m = received(msg);
        assert_true(ofctrl_decode_groups(&m, &have));
        ofpbuf_delete(msg);
    }
    assert_false(ofctrl_same_group(
                     dts_group_find(&have, gd.group_id)->group, g->group));
    dts_flows_clear(&no_flows, &have);
    hmap_destroy(&have);
    hmap_destroy(&no_flows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gateway, bed_setup_gateway,
                                        bed_teardown),
        cmocka_unit_test_setup_teardown(test_server, bed_setup_server,
                                        bed_teardown),
        cmocka_unit_test_setup_teardown(test_other_group, bed_setup_gateway,
                                        bed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
