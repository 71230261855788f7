/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FLOWS_H
#define DTS_FLOWS_H 1

/* The flows that this node's switch should have: see flows.c. */

#include <stdbool.h>
#include <stdint.h>
#include "openvswitch/types.h"
#include "packets.h"
#include "simap.h"

struct dts_address;
struct dts_flow_table;
struct dts_sets;
struct dts_view;
struct sset;

/* Tables. */
enum {
    DTS_T_CLASSIFY = 0,         /* By port: network key into reg0. */
    DTS_T_SOURCE = 1,           /* From tunnels: addresses to set in reg1. */
    DTS_T_ADMIT = 2,            /* Set and port: reg2 = 1. */
    DTS_T_DEST = 3,             /* Domain's group, client ports, nodes. */
    DTS_T_SOURCE6 = 4,          /* IPv6 sources of table 1. */
    DTS_T_CLIENT = 10,          /* From client ports: none of ours. */
    DTS_T_VIF = 20,             /* From a guest on this node. */
    DTS_T_UPLINK = 21,          /* Destination of its frames. */
    DTS_T_DELIVER = 22,         /* To guests on this node. */
    DTS_T_VIF6 = 24,            /* IPv6 sources of table 20. */
    DTS_T_TUNNEL = 30,          /* From tunnels: which role is meant. */
    DTS_T_TICK = 60,            /* Never reached: see ofctrl.c. */
};

/* Of all our flows but those that catch a first frame. */
#define DTS_COOKIE UINT64_C(0x6474730000000000)
#define DTS_COOKIE_PROBE UINT64_C(0x6474730100000000)

/* Key of tunnel 1 and the inner network of its ends. */
#define DTS_REPL_KEY 16777215

/* What is where on the switch: OpenFlow port numbers by name.  Absent: not
 * (yet) there. */
struct dts_ports {
    struct simap data;          /* Node -> data tunnel to it. */
    struct simap repl;          /* Node -> tunnel 1 to it. */
    struct simap port_mode;     /* Network -> the tunnel to its owner. */
    struct simap clients;       /* Interface -> client port. */
    struct simap vifs;          /* MAC in lower case -> the guest's vif. */
    unsigned int repl_local;    /* dts-repl; 0: none. */
};
void dts_ports_init(struct dts_ports *);
void dts_ports_destroy(struct dts_ports *);
void dts_ports_moved(struct dts_ports *);   /* After a copy of the struct. */
void dts_ports_swap(struct dts_ports *, struct dts_ports *);
bool dts_ports_equal(const struct dts_ports *, const struct dts_ports *);

struct dts_flows_in {
    const struct sset *changed;     /* Since the last computation nothing but
                                     * these domains, their sets and probes
                                     * has changed.  NULL: anything. */
    const struct dts_view *view;    /* With a 'self'. */
    const struct dts_ports *ports;
    const struct dts_sets *sets;    /* Updated for 'view'. */
    const struct sset *blocked;     /* Domains cut off on this node. */
    const struct simap *probes;     /* Domain -> number of the flows that tell
                                     * the controller of its next IP frame. */
};
void dts_flows_compute(struct dts_flow_table *, const struct dts_flows_in *);

/* True if this node may let through frames of 'd' from its own guest. */
struct dts_domain;
bool dts_domain_runs_here(const struct dts_view *, const struct dts_domain *,
                          const struct sset *blocked);
/* OpenFlow port of a vif of 'd' on this node, 0 if there is none. */
unsigned int dts_ports_find_vif(const struct dts_ports *,
                                const struct dts_domain *);

/* The node to whom the tunnel port of a network with switching=port goes. */
struct dts_network;
const struct dts_node *dts_network_port_owner(const struct dts_view *,
                                              const struct dts_network *);

#endif /* flows.h */
