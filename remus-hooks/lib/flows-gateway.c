/* SPDX-License-Identifier: Apache-2.0 */

/* A gateway's flows: Algorithm 1 and default deny.
 *
 *   table 30  from a tunnel, by network key: this node is its gateway
 *   table  1  whose addresses are these?  -> reg1 = the domain's set
 *   table  2  is that set admitted from this tunnel?  One flow a set.
 *   table 10  from a client port: not from a domain's address
 *   table  3  where to: a domain's set's group (tun_id = key, owner's tunnel),
 *             else the client ports; reg2 is 1 for frames from a guest
 *
 * So "tunnel 2 in service, tunnel 3 out" is one flow of table 2 and one group
 * a set.  What is in no table is dropped.
 *
 * Broadcast, multicast and unknown frames from clients go once to each node
 * that owns a domain of the network; those of a guest to the client ports and
 * to the other owners, never back to where they came from (OpenFlow does not
 * output to a frame's own port).  Unicast of a guest to an address that is no
 * domain's is for the clients. */

#include <config.h>

#include "flows-private.h"

#include "packets.h"
#include "sets.h"
#include "view.h"

static const struct eth_addr multicast = ETH_ADDR_C(01, 00, 00, 00, 00, 00);

/* Actions that send to each node which owns a domain of 'net'. */
static void
to_owners(struct flow_env *env, const struct net *net)
{
    if (net->owners.n) {
        act_key_to_tunnel(env);
        act_output_list(env, &net->owners);
    }
    if (net->self_owns) {
        act_resubmit(env, DTS_T_DELIVER);
    }
}

static void
add_classify(struct flow_env *env, const struct net *net)
{
    uint32_t key = net->network->key;
    struct match m;

    /* From clients, by port and VLAN. */
    for (size_t i = 0; i < net->clients.n; i++) {
        uint16_t vlan = net->clients.vlans[i];

        match_init_catchall(&m);
        match_set_in_port(&m, net->clients.ports[i]);
        act_clear(env);
        if (vlan) {
            match_set_dl_vlan(&m, htons(vlan), 0);
            ofpact_put_STRIP_VLAN(&env->acts);
        } else {
            match_set_untagged(&m);
        }
        act_load_reg(env, 0, key);
        act_resubmit(env, DTS_T_CLIENT);
        flow_add(env, DTS_T_CLASSIFY, 100, &m);
    }

    /* From servers: the network's own port, or any data tunnel by key. */
    match_init_catchall(&m);
    act_clear(env);
    if (net->network->switching_port) {
        unsigned int port = simap_get(&env->in->ports->port_mode,
                                      net->network->name);
        if (port) {
            match_set_in_port(&m, u16_to_ofp(port));
            match_set_untagged(&m);
            act_load_reg(env, 0, key);
            act_resubmit(env, DTS_T_SOURCE);
            flow_add(env, DTS_T_CLASSIFY, 100, &m);
        }
    } else {
        match_set_reg(&m, 0, key);
        act_resubmit(env, DTS_T_SOURCE);
        flow_add(env, DTS_T_TUNNEL, 100, &m);
    }
}

void
flows_gateway_network(struct flow_env *env, const struct net *net)
{
    struct match base, m;

    add_classify(env, net);

    match_init_catchall(&base);
    match_set_reg(&base, 0, net->network->key);

    act_clear(env);
    act_resubmit(env, DTS_T_DEST);
    flow_add(env, DTS_T_CLIENT, 1, &base);

    /* From a client: to the owners, and to the clients on other ports. */
    m = base;
    match_set_reg(&m, 2, 0);
    act_clear(env);
    act_output_list(env, &net->clients);
    to_owners(env, net);
    flow_add(env, DTS_T_DEST, 10, &m);

    /* From a guest. */
    m = base;
    match_set_reg(&m, 2, 1);
    act_clear(env);
    act_output_list(env, &net->clients);
    flow_add(env, DTS_T_DEST, 10, &m);
    match_set_dl_dst_masked(&m, multicast, multicast);
    to_owners(env, net);
    flow_add(env, DTS_T_DEST, 20, &m);
}

void
flows_gateway_domain(struct flow_env *env, const struct net *net,
                     const struct dts_domain *d, const struct dts_set *set)
{
    struct match base, m;

    match_init_catchall(&base);
    match_set_reg(&base, 0, net->network->key);
    for (size_t i = 0; i < d->n_addresses; i++) {
        const struct dts_address *a = &d->addresses[i];
        struct source_check sc = {
            .a = a,
            .where = &base,
            .table = DTS_T_SOURCE,
            .table6 = DTS_T_SOURCE6,
        };

        act_clear(env);
        act_load_reg(env, 1, set->id);
        act_resubmit(env, DTS_T_ADMIT);
        source_check_add(env, &sc);

        source_deny_add(env, a, net->network->key);

        m = base;
        match_set_dl_dst(&m, a->mac);
        act_clear(env);
        act_group(env, set->id);
        flow_add(env, DTS_T_DEST, 50, &m);
    }
}

/* The port on which frames of 'set' come and go; 0: none. */
ofp_port_t
flows_set_port(const struct flow_env *env, const struct dts_set *set)
{
    const struct dts_view *view = env->in->view;
    const struct dts_ports *ports = env->in->ports;

    if (!set->owner) {
        return 0;
    }
    if (!set->network) {
        return u16_to_ofp(simap_get(&ports->data, set->owner));
    }

    /* The network's port leads to one node only. */
    const struct dts_network *n = dts_view_find_network(view, set->network);
    const struct dts_node *owner = n ? dts_network_port_owner(view, n) : NULL;
    return (owner && !strcmp(owner->name, set->owner)
            ? u16_to_ofp(simap_get(&ports->port_mode, n->name))
            : 0);
}

void
flows_set(struct flow_env *env, const struct dts_set *set)
{
    bool self = (set->owner
                 && !strcmp(set->owner, env->in->view->self_name));
    ofp_port_t port = flows_set_port(env, set);

    if (port && !self) {
        int lease = set->closed ? env->in->view->timers.lease / 1000 : 0;
        struct match m;

        match_init_catchall(&m);
        match_set_reg(&m, 1, set->id);
        match_set_in_port(&m, port);
        act_clear(env);
        act_load_reg(env, 2, 1);
        act_resubmit(env, DTS_T_DEST);
        flow_add_timed(env, DTS_T_ADMIT, 100, &m,
                       set->closed ? MAX(1, lease) : 0);
    }

    act_clear(env);
    if (self) {
        act_resubmit(env, DTS_T_DELIVER);
    } else if (port) {
        act_key_to_tunnel(env);
        act_output(env, port);
    }
    dts_flow_table_add_group(env->t, set->id, &env->acts);
}
