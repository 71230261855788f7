/* SPDX-License-Identifier: Apache-2.0 */

/* Flows and groups to and from OpenFlow 1.5 messages. */

#include <config.h>

#include "ofctrl-msgs.h"

#include "byte-order.h"
#include "flow-table.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-bundle.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/ofp-msgs.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

#define PROTOCOL OFPUTIL_P_OF15_OXM

static struct ofpbuf *
encode_flows_request(bool aggregate)
{
    struct ofputil_flow_stats_request fsr = {
        .aggregate = aggregate,
        .table_id = OFPTT_ALL,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
    };

    match_init_catchall(&fsr.match);
    return ofputil_encode_flow_stats_request(&fsr, PROTOCOL);
}

struct ofpbuf *
ofctrl_encode_dump_flows(void)
{
    return encode_flows_request(false);
}

struct ofpbuf *
ofctrl_encode_count_flows(void)
{
    return encode_flows_request(true);
}

struct ofpbuf *
ofctrl_encode_dump_groups(void)
{
    return ofputil_encode_group_desc_request(OFP15_VERSION, OFPG_ALL);
}

bool
ofctrl_decode_count(const struct ofp_header *oh, uint32_t *n)
{
    struct ofputil_aggregate_stats stats;

    if (ofputil_decode_aggregate_stats_reply(&stats, oh)) {
        return false;
    }
    *n = stats.flow_count;
    return true;
}

bool
ofctrl_decode_flows(struct ofpbuf *msg, struct hmap *flows)
{
    uint64_t stub[128];
    struct ofpbuf acts = OFPBUF_STUB_INITIALIZER(stub);
    int retval;

    for (;;) {
        struct ofputil_flow_stats fs;

        ofpbuf_clear(&acts);
        retval = ofputil_decode_flow_stats_reply(&fs, msg, true, &acts);
        if (retval) {
            break;
        }
        dts_flows_put(flows, dts_flow_create(fs.table_id, fs.priority,
                                             &fs.match, fs.ofpacts,
                                             fs.ofpacts_len,
                                             ntohll(fs.cookie),
                                             fs.hard_timeout));
    }
    ofpbuf_uninit(&acts);
    return retval == EOF;
}

bool
ofctrl_decode_groups(struct ofpbuf *msg, struct hmap *groups)
{
    for (;;) {
        struct ofputil_group_desc gd;
        int retval = ofputil_decode_group_desc_reply(&gd, msg, OFP15_VERSION);
        if (retval) {
            return retval == EOF;
        }

        /* One that is not as ours are is made to differ from any of ours. */
        const struct ofputil_bucket *b = NULL;
        if (gd.type == OFPGT11_INDIRECT && !ovs_list_is_empty(&gd.buckets)) {
            b = ofputil_bucket_list_front(&gd.buckets);
        }
        struct ofpact_null other;
        ofpact_init_EXIT(&other);
        dts_groups_put(groups,
                       dts_group_create(gd.group_id,
                                        b ? b->ofpacts : &other.ofpact,
                                        b ? b->ofpacts_len : sizeof other));
        ofputil_uninit_group_desc(&gd);
    }
}

struct ofpbuf *
ofctrl_encode_flow(const struct dts_flow *f, bool add)
{
    struct ofputil_flow_mod fm = {
        .priority = f->priority,
        .table_id = f->table,
        .command = add ? OFPFC_ADD : OFPFC_DELETE_STRICT,
        .new_cookie = add ? htonll(f->cookie) : OVS_BE64_MAX,
        .hard_timeout = f->hard_timeout,
        .buffer_id = UINT32_MAX,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
        .ofpacts = add ? f->ofpacts : NULL,
        .ofpacts_len = add ? f->ofpacts_len : 0,
    };
    struct ofpbuf *msg;

    minimatch_clone(&fm.match, &f->match);
    msg = ofputil_encode_flow_mod(&fm, PROTOCOL);
    minimatch_destroy(&fm.match);
    return msg;
}

struct ofpbuf *
ofctrl_encode_group(const struct dts_group *g, int command)
{
    struct ofputil_bucket bucket = {
        .weight = 0,
        .watch_port = OFPP_ANY,
        .watch_group = OFPG_ANY,
        .bucket_id = 0,
        .ofpacts = g->ofpacts,
        .ofpacts_len = g->ofpacts_len,
    };
    struct ofputil_group_mod gm = {
        .command = command,
        .type = OFPGT11_INDIRECT,
        .group_id = g->id,
        .command_bucket_id = OFPG15_BUCKET_ALL,
    };

    ovs_list_init(&gm.buckets);
    if (command != OFPGC11_DELETE) {
        ovs_list_push_back(&gm.buckets, &bucket.list_node);
    }
    return ofputil_encode_group_mod(OFP15_VERSION, &gm, NULL, -1);
}

struct ofpbuf *
ofctrl_encode_bundle(uint32_t id, bool open)
{
    struct ofputil_bundle_ctrl_msg bc = {
        .bundle_id = id,
        .type = open ? OFPBCT_OPEN_REQUEST : OFPBCT_COMMIT_REQUEST,
        .flags = OFPBF_ORDERED | OFPBF_ATOMIC,
    };
    return ofputil_encode_bundle_ctrl_request(OFP15_VERSION, &bc);
}

struct ofpbuf *
ofctrl_encode_bundle_add(uint32_t id, const struct ofpbuf *msg)
{
    struct ofputil_bundle_add_msg bam = {
        .bundle_id = id,
        .flags = OFPBF_ORDERED | OFPBF_ATOMIC,
        .msg = msg->data,
    };
    return ofputil_encode_bundle_add(OFP15_VERSION, &bam);
}

/* Actions that were read from a message differ in how they are noted (which
 * of several encodings it was), not in what they say: so they are compared as
 * they would be sent. */
static bool
same_acts(const struct ofpact *a, size_t a_len,
          const struct ofpact *b, size_t b_len)
{
    uint64_t a_stub[64], b_stub[64];
    struct ofpbuf a_msg = OFPBUF_STUB_INITIALIZER(a_stub);
    struct ofpbuf b_msg = OFPBUF_STUB_INITIALIZER(b_stub);
    bool same;

    if (ofpacts_equal(a, a_len, b, b_len)) {
        return true;
    }
    ofpacts_put_openflow_actions(a, a_len, &a_msg, OFP15_VERSION);
    ofpacts_put_openflow_actions(b, b_len, &b_msg, OFP15_VERSION);
    same = (a_msg.size == b_msg.size
            && !memcmp(a_msg.data, b_msg.data, a_msg.size));
    ofpbuf_uninit(&a_msg);
    ofpbuf_uninit(&b_msg);
    return same;
}

bool
ofctrl_same_flow(const struct dts_flow *a, const struct dts_flow *b)
{
    return (a->cookie == b->cookie && a->hard_timeout == b->hard_timeout
            && same_acts(a->ofpacts, a->ofpacts_len,
                         b->ofpacts, b->ofpacts_len));
}

bool
ofctrl_same_group(const struct dts_group *a, const struct dts_group *b)
{
    return same_acts(a->ofpacts, a->ofpacts_len, b->ofpacts, b->ofpacts_len);
}
