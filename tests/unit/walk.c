/* SPDX-License-Identifier: Apache-2.0 */

/* A very small OpenFlow switch: the actions that our flows use. */

#include <config.h>

#include "walk.h"

#include <stdlib.h>

#include "byte-order.h"
#include "flow-table.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "util.h"

static void do_table(const struct dts_flow_table *, struct flow *,
                     uint8_t table, struct walk *, int depth);

static void
do_output(struct flow *f, ofp_port_t port, struct walk *w)
{
    if (port == f->in_port.ofp_port) {
        return;                 /* As OpenFlow has it. */
    }
    ovs_assert(w->n < ARRAY_SIZE(w->outs));
    w->outs[w->n++] = (struct walk_out) {
        .port = ofp_to_u16(port),
        .tun_id = ntohll(f->tunnel.tun_id),
        .vlan = (f->vlans[0].tci & htons(VLAN_CFI)
                 ? vlan_tci_to_vid(f->vlans[0].tci) : 0),
    };
}

static void
do_actions(const struct dts_flow_table *t, struct flow *f,
           const struct ofpact *acts, size_t len, struct walk *w, int depth)
{
    const struct ofpact *a;

    OFPACT_FOR_EACH (a, acts, len) {
        switch (a->type) {
        case OFPACT_OUTPUT:
            do_output(f, ofpact_get_OUTPUT(a)->port, w);
            break;
        case OFPACT_CONTROLLER:
            w->to_controller++;
            break;
        case OFPACT_SET_FIELD: {
            const struct ofpact_set_field *sf = ofpact_get_SET_FIELD(a);
            mf_set_flow_value_masked(sf->field, sf->value,
                                     ofpact_set_field_mask(sf), f);
            break;
        }
        case OFPACT_REG_MOVE: {
            const struct ofpact_reg_move *m = ofpact_get_REG_MOVE(a);
            union mf_subvalue v;
            mf_read_subfield(&m->src, f, &v);
            mf_write_subfield_flow(&m->dst, &v, f);
            break;
        }
        case OFPACT_RESUBMIT:
            do_table(t, f, ofpact_get_RESUBMIT(a)->table_id, w, depth + 1);
            break;
        case OFPACT_GROUP: {
            struct dts_group_entry *g
                = dts_group_find(&t->groups, ofpact_get_GROUP(a)->group_id);
            ovs_assert(g);      /* No flow may name a group that is not. */
            struct flow bucket = *f;
            do_actions(t, &bucket, g->group->ofpacts, g->group->ofpacts_len,
                       w, depth + 1);
            break;
        }
        case OFPACT_PUSH_VLAN:
            flow_push_vlan_uninit(f, NULL);
            f->vlans[0].tpid = htons(ETH_TYPE_VLAN_8021Q);
            f->vlans[0].tci = htons(VLAN_CFI);
            break;
        case OFPACT_STRIP_VLAN:
            flow_pop_vlan(f, NULL);
            break;
        default:
            ovs_abort(0, "an action that no flow of ours has: %s",
                      ofpact_name(a->type));
        }
    }
}

static void
do_table(const struct dts_flow_table *t, struct flow *f, uint8_t table,
         struct walk *w, int depth)
{
    const struct dts_flow *best = NULL;
    struct dts_flow_entry *e;

    ovs_assert(depth < 32);
    HMAP_FOR_EACH (e, hmap_node, &t->flows) {
        if (e->flow->table == table
            && minimatch_matches_flow(&e->flow->match, f)
            && (!best || e->flow->priority > best->priority)) {
            best = e->flow;
        }
    }
    if (best) {
        do_actions(t, f, best->ofpacts, best->ofpacts_len, w, depth);
    }
}

void
walk(const struct dts_flow_table *t, struct flow flow, uint8_t table,
     struct walk *w)
{
    w->n = 0;
    w->to_controller = 0;
    do_table(t, &flow, table, w, 0);
}

static int
compare_outs(const void *a_, const void *b_)
{
    const struct walk_out *a = a_;
    const struct walk_out *b = b_;

    return a->port != b->port ? (a->port < b->port ? -1 : 1)
           : a->vlan - b->vlan;
}

char *
walk_to_string(const struct walk *w, bool tunnel_ids)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct walk_out outs[ARRAY_SIZE(w->outs)];

    memcpy(outs, w->outs, sizeof outs);
    qsort(outs, w->n, sizeof *outs, compare_outs);
    for (size_t i = 0; i < w->n; i++) {
        ds_put_format(&s, "%s%u", i ? " " : "", outs[i].port);
        if (tunnel_ids && outs[i].tun_id) {
            ds_put_format(&s, "(%"PRIu64")", outs[i].tun_id);
        }
        if (outs[i].vlan) {
            ds_put_format(&s, "/%d", outs[i].vlan);
        }
    }
    return ds_steal_cstr(&s);
}
