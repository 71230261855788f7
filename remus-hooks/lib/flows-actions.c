/* SPDX-License-Identifier: Apache-2.0 */

/* The few actions that flows are made of, and lists of ports. */

#include <config.h>

#include "flows-private.h"

#include <stdlib.h>

#include "flow.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "util.h"

void
port_list_add(struct port_list *l, unsigned int port, int vlan)
{
    if (!port) {
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->ports[i] == u16_to_ofp(port) && l->vlans[i] == vlan) {
            return;
        }
    }
    if (l->n >= l->allocated) {
        l->ports = x2nrealloc(l->ports, &l->allocated, sizeof *l->ports);
        l->vlans = xrealloc(l->vlans, l->allocated * sizeof *l->vlans);
    }
    l->ports[l->n] = u16_to_ofp(port);
    l->vlans[l->n++] = vlan;
}

void
port_list_destroy(struct port_list *l)
{
    free(l->ports);
    free(l->vlans);
}

void
match_set_untagged(struct match *m)
{
    match_set_dl_tci_masked(m, 0, htons(VLAN_CFI | VLAN_VID_MASK));
}

void
act_clear(struct flow_env *env)
{
    ofpbuf_clear(&env->acts);
}

void
act_load_reg(struct flow_env *env, int reg, uint32_t value)
{
    ovs_be32 v = htonl(value);
    ofpact_put_set_field(&env->acts, mf_from_id(MFF_REG0 + reg), &v, NULL);
}

static void
move_key(struct flow_env *env, enum mf_field_id src, enum mf_field_id dst)
{
    struct ofpact_reg_move *m = ofpact_put_REG_MOVE(&env->acts);

    m->src.field = mf_from_id(src);
    m->src.ofs = 0;
    m->src.n_bits = 32;
    m->dst.field = mf_from_id(dst);
    m->dst.ofs = 0;
    m->dst.n_bits = 32;
}

void
act_key_to_tunnel(struct flow_env *env)
{
    move_key(env, MFF_REG0, MFF_TUN_ID);
}

void
act_key_from_tunnel(struct flow_env *env)
{
    move_key(env, MFF_TUN_ID, MFF_REG0);
}

void
act_output(struct flow_env *env, ofp_port_t port)
{
    struct ofpact_output *o = ofpact_put_OUTPUT(&env->acts);

    o->port = port;
    o->max_len = 0;
}

/* Untagged ports first, then each tagged one. */
void
act_output_list(struct flow_env *env, const struct port_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!l->vlans[i]) {
            act_output(env, l->ports[i]);
        }
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->vlans[i]) {
            ofpact_put_PUSH_VLAN(&env->acts)->ethertype
                = htons(ETH_TYPE_VLAN_8021Q);
            ovs_be16 vid = htons(l->vlans[i] | 0x1000);
            ofpact_put_set_field(&env->acts, mf_from_id(MFF_VLAN_VID), &vid,
                                 NULL);
            act_output(env, l->ports[i]);
            ofpact_put_STRIP_VLAN(&env->acts);
        }
    }
}

void
act_resubmit(struct flow_env *env, uint8_t table)
{
    struct ofpact_resubmit *r = ofpact_put_RESUBMIT(&env->acts);

    r->in_port = OFPP_IN_PORT;
    r->table_id = table;
}

void
act_group(struct flow_env *env, uint32_t id)
{
    ofpact_put_GROUP(&env->acts)->group_id = id;
}

void
act_controller(struct flow_env *env)
{
    struct ofpact_controller *c = ofpact_put_CONTROLLER(&env->acts);

    c->max_len = 128;
    c->reason = OFPR_ACTION;
    c->controller_id = 0;
    c->meter_id = NX_CTLR_NO_METER;
    ofpact_finish_CONTROLLER(&env->acts, &c);
}

void
flow_add_timed(struct flow_env *env, uint8_t table, uint16_t priority,
               const struct match *match, uint16_t hard_timeout)
{
    dts_flow_table_add(env->t, table, priority, match, &env->acts, DTS_COOKIE,
                       hard_timeout);
}

void
flow_add(struct flow_env *env, uint8_t table, uint16_t priority,
         const struct match *match)
{
    flow_add_timed(env, table, priority, match, 0);
}
