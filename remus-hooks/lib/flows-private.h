/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FLOWS_PRIVATE_H
#define DTS_FLOWS_PRIVATE_H 1

/* Shared by flows*.c only. */

#include "flow.h"
#include "flow-table.h"
#include "flows.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"

struct dts_network;
struct dts_node;
struct dts_set;

/* A list of OpenFlow ports. */
struct port_list {
    ofp_port_t *ports;
    uint16_t *vlans;            /* Of client ports. */
    size_t n, allocated;
};
void port_list_add(struct port_list *, unsigned int port, int vlan);
void port_list_destroy(struct port_list *);

/* A network as this node sees it. */
struct net {
    struct hmap_node hmap_node; /* In flow_env's 'nets', by 'network'. */
    const struct dts_network *network;
    bool gateway;               /* This node serves its clients. */
    bool any_local;             /* A guest of it is let through here. */
    struct port_list clients;   /* Here. */
    struct port_list uplinks;   /* Tunnels to its gateways. */
    struct port_list vifs;      /* Guests here that are let through. */
    struct port_list owners;    /* Tunnels to nodes that own a domain. */
    bool self_owns;
};

struct flow_env {
    const struct dts_flows_in *in;
    struct dts_flow_table *t;
    struct hmap nets;           /* struct net */
    struct ofpbuf inputs;       /* Of the chunk at hand. */
    struct ofpbuf acts;
};
const struct net *flow_env_net(const struct flow_env *,
                               const struct dts_network *);

/* Adds to the open chunk a flow that does what 'env->acts' says. */
void flow_add(struct flow_env *, uint8_t table, uint16_t priority,
              const struct match *);
void flow_add_timed(struct flow_env *, uint8_t table, uint16_t priority,
                    const struct match *, uint16_t hard_timeout);

/* Only frames without a VLAN tag (as OpenFlow 1.5 says it). */
void match_set_untagged(struct match *);

/* Actions, appended to 'env->acts'. */
void act_clear(struct flow_env *);
void act_load_reg(struct flow_env *, int reg, uint32_t value);
void act_key_to_tunnel(struct flow_env *);      /* reg0 -> tun_id */
void act_key_from_tunnel(struct flow_env *);    /* tun_id -> reg0 */
void act_output(struct flow_env *, ofp_port_t);
void act_output_list(struct flow_env *, const struct port_list *);
void act_resubmit(struct flow_env *, uint8_t table);
void act_group(struct flow_env *, uint32_t id);
void act_controller(struct flow_env *);

/* Flows for frames that come from a guest whose addresses are 'a'.  'where'
 * (port or network) is added to each match; admitted ones do 'env->acts'. */
struct source_check {
    const struct dts_address *a;
    const struct match *where;
    uint8_t table, table6;
    uint32_t probe;             /* Not 0: only those that tell of a frame. */
};
void source_check_add(struct flow_env *, const struct source_check *);
/* Flows for frames from clients that pretend to be 'a'. */
void source_deny_add(struct flow_env *, const struct dts_address *,
                     uint32_t key);

void flows_gateway_network(struct flow_env *, const struct net *);
void flows_gateway_domain(struct flow_env *, const struct net *,
                          const struct dts_domain *, const struct dts_set *);
void flows_set(struct flow_env *, const struct dts_set *);
void flows_server_network(struct flow_env *, const struct net *);
void flows_server_domain(struct flow_env *, const struct net *,
                         const struct dts_domain *, ofp_port_t vif);
void flows_probe(struct flow_env *, const struct net *,
                 const struct dts_domain *, ofp_port_t vif, ofp_port_t tunnel,
                 uint32_t set_id, uint32_t probe);
ofp_port_t flows_set_port(const struct flow_env *, const struct dts_set *);

#endif /* flows-private.h */
