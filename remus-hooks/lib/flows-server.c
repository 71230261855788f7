/* SPDX-License-Identifier: Apache-2.0 */

/* A server's flows: only who the binding says may speak.
 *
 *   table  0  a guest's vif: reg0 = its network; only while it may run here
 *   table 20  its own addresses, nothing else
 *   table 21  where to: another guest here, else the network's gateways
 *   table 30  from a gateway's tunnel, by network key
 *   table 22  to the guests here; broadcast to all of the network
 *
 * A vif of no domain, or of one that must not run here, has no flow and is cut
 * off both ways.  Nothing goes from one tunnel to another.  On a node that is
 * the gateway of the network too, table 21 goes on in the gateway's table 3.
 *
 * In both switching modes a server uses its data tunnel with the network's
 * key: on the wire that is what the gateway's port of the network speaks. */

#include <config.h>

#include "flows-private.h"

#include "packets.h"
#include "view.h"

static const struct eth_addr multicast = ETH_ADDR_C(01, 00, 00, 00, 00, 00);

void
flows_server_network(struct flow_env *env, const struct net *net)
{
    struct match base, m;

    match_init_catchall(&base);
    match_set_reg(&base, 0, net->network->key);

    if (!net->gateway) {
        for (size_t i = 0; i < net->uplinks.n; i++) {
            m = base;
            match_set_in_port(&m, net->uplinks.ports[i]);
            act_clear(env);
            act_resubmit(env, DTS_T_DELIVER);
            flow_add(env, DTS_T_TUNNEL, 90, &m);
        }
    }

    m = base;
    act_clear(env);
    if (net->gateway) {
        act_load_reg(env, 2, 1);
        act_resubmit(env, DTS_T_DEST);
        flow_add(env, DTS_T_UPLINK, 60, &m);
    } else {
        act_key_to_tunnel(env);
        act_output_list(env, &net->uplinks);
        flow_add(env, DTS_T_UPLINK, 10, &m);
        match_set_dl_dst_masked(&m, multicast, multicast);
        act_output_list(env, &net->vifs);
        flow_add(env, DTS_T_UPLINK, 20, &m);
    }

    m = base;
    match_set_dl_dst_masked(&m, multicast, multicast);
    act_clear(env);
    act_output_list(env, &net->vifs);
    flow_add(env, DTS_T_DELIVER, 20, &m);
}

void
flows_server_domain(struct flow_env *env, const struct net *net,
                    const struct dts_domain *d, ofp_port_t vif)
{
    struct match from, base, m;

    match_init_catchall(&from);
    match_set_in_port(&from, vif);
    m = from;
    match_set_untagged(&m);
    act_clear(env);
    act_load_reg(env, 0, net->network->key);
    act_resubmit(env, DTS_T_VIF);
    flow_add(env, DTS_T_CLASSIFY, 100, &m);

    match_init_catchall(&base);
    match_set_reg(&base, 0, net->network->key);
    for (size_t i = 0; i < d->n_addresses; i++) {
        const struct dts_address *a = &d->addresses[i];
        struct source_check sc = {
            .a = a,
            .where = &from,
            .table = DTS_T_VIF,
            .table6 = DTS_T_VIF6,
        };

        act_clear(env);
        act_resubmit(env, DTS_T_UPLINK);
        source_check_add(env, &sc);

        m = base;
        match_set_dl_dst(&m, a->mac);
        act_clear(env);
        act_output(env, vif);
        flow_add(env, DTS_T_UPLINK, 50, &m);
        flow_add(env, DTS_T_DELIVER, 50, &m);
    }
}

/* The flows that tell the controller of the domain's next IP frame, and let it
 * through like any other. */
void
flows_probe(struct flow_env *env, const struct net *net,
            const struct dts_domain *d, ofp_port_t vif, ofp_port_t tunnel,
            uint32_t set_id, uint32_t probe)
{
    for (size_t i = 0; i < d->n_addresses; i++) {
        struct source_check sc = { .a = &d->addresses[i], .probe = probe };
        struct match where;

        sc.where = &where;
        match_init_catchall(&where);
        if (vif) {
            match_set_in_port(&where, vif);
            act_clear(env);
            act_controller(env);
            act_resubmit(env, DTS_T_UPLINK);
            sc.table = DTS_T_VIF;
            sc.table6 = DTS_T_VIF6;
            source_check_add(env, &sc);
        }
        if (tunnel) {
            match_init_catchall(&where);
            match_set_reg(&where, 0, net->network->key);
            match_set_in_port(&where, tunnel);
            act_clear(env);
            act_controller(env);
            act_load_reg(env, 1, set_id);
            act_resubmit(env, DTS_T_ADMIT);
            sc.table = DTS_T_SOURCE;
            sc.table6 = DTS_T_SOURCE6;
            source_check_add(env, &sc);
        }
    }
}
