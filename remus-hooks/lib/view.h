/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_VIEW_H
#define DTS_VIEW_H 1

/* What this node sees of the DTS database, as plain values.
 *
 * The agent builds one 'struct dts_view' from the IDL and follows the database
 * with it: what concerns single domains is brought up to date in place, for
 * anything else the view is made anew.  All that decides (binding, flows, sets,
 * tunnels) reads only this, so that it can be tested without a database.  A
 * view and all in it are owned by whoever made it and freed together by
 * dts_view_destroy(); a pointer to a domain is good for one round.
 * Pointers between the structs point inside the same view; a NULL pointer is a
 * name that the database does not have (the name itself is kept beside it). */

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include "openvswitch/hmap.h"
#include "openvswitch/types.h"
#include "openvswitch/uuid.h"
#include "packets.h"
#include "smap.h"
#include "sset.h"

enum dts_role {
    DTS_ROLE_SERVER = 1 << 0,
    DTS_ROLE_GATEWAY = 1 << 1,
    DTS_ROLE_ROUTER = 1 << 2,
};

enum dts_encap { DTS_ENCAP_UNSET, DTS_ENCAP_GRE, DTS_ENCAP_VXLAN,
                 DTS_ENCAP_GENEVE };

/* The states of a binding (see binding.h for their meaning). */
enum dts_state {
    DTS_STOPPED, DTS_ALONE, DTS_PROTECTED, DTS_GRANTED, DTS_RELEASED,
    DTS_FAILED, DTS_LOST,
};
#define DTS_N_STATES 7

enum dts_reach { DTS_REACH_UNKNOWN, DTS_REACH_UP, DTS_REACH_DOWN };

/* A member of the system: Node. */
struct dts_node {
    struct hmap_node hmap_node; /* In view's 'nodes', by name's hash. */
    char *name;
    uint16_t index;             /* 1..4000, unique. */
    unsigned int roles;         /* DTS_ROLE_*. */
    char *site;                 /* "" if not told. */
    char *encap_ip;             /* Numeric IPv4 or IPv6; "" if not known yet. */
    char *replication_ip;       /* Tunnel 1's inner address: never "": default
                                 * 169.254.64.0/20 + index. */
    enum dts_encap encap;       /* Its preference. */
};

/* What joins this node and 'peer'; defaults filled in. */
struct dts_tunnel {
    const struct dts_node *a, *b;   /* a's name sorts before b's. */
    enum dts_encap encap;
    bool encrypt;                   /* By IPsec, or not at all. */
    char *ip_a, *ip_b;              /* Outer addresses of a and b. */
    int bfd_min_tx;                 /* ms. */
    int bfd_mult;
    int tos;                        /* -1: not set. */
    int mtu;                        /* Of the underlay; 0: not set. */
    struct smap options;            /* Further ones of the interface. */
};

/* A gateway's client port in a network ("gw1:eth1:100"). */
struct dts_client_port {
    char *gateway;                  /* Name of the node. */
    const struct dts_node *node;    /* NULL if unknown. */
    char *port;                     /* OVS interface name in br-dts. */
    int vlan;                       /* 1..4094, 0: untagged. */
};

struct dts_network {
    struct hmap_node hmap_node;     /* In view's 'networks', by name's hash. */
    char *name;
    uint32_t key;
    struct dts_client_port *ports;
    size_t n_ports;
    int mtu;                        /* 0: default. */
    bool switching_port;            /* False: "flow". */
    bool closed_on_database_loss;
};

/* One element of Domain.addresses: "MAC [IP...]". */
struct dts_address {
    struct eth_addr mac;
    ovs_be32 *ip4;
    size_t n_ip4;
    struct in6_addr *ip6;
    size_t n_ip6;
};

/* A gateway's receipt, in this Fence row.  (Two of one gateway are one too many:
 * it deletes the other.) */
struct dts_fence {
    char *gateway;
    int64_t generation;
    struct uuid row;
};

struct dts_domain {
    struct hmap_node hmap_node;     /* In view's 'domains', by name's hash. */
    char *name;
    char *network_name;
    const struct dts_network *network;  /* NULL if unknown. */
    struct dts_address *addresses;
    size_t n_addresses;
    char *primary, *secondary;      /* Names of nodes: the preference. */
    char *witness;                  /* Name of a gateway; "": the first. */
    bool failover_auto;
    bool on_loss_failover;
    char **realtime;            /* Classes, as written: see realtime.h. */
    size_t n_realtime;
    bool realtime_unsafe;
    char *requested_node;           /* Operator's switch; NULL: none. */
    int64_t requested_generation;

    /* Its Binding; has_binding is false when there is none that can be
     * understood; 'binding_row' is zero when there is none. */
    bool has_binding;
    struct uuid binding_row;
    char *owner, *standby;
    const struct dts_node *owner_node, *standby_node;   /* May be NULL. */
    int64_t generation;
    char *session;                  /* "": none. */
    enum dts_state state;
    char *cause;
    int64_t since;                  /* ms since the epoch. */
    int64_t failover_at;            /* The same: since when its owner runs it
                                     * by a failover that no operator asked
                                     * for; 0: it came otherwise. */

    struct dts_fence *fences;
    size_t n_fences;
};

#define DTS_HOLD_DOWN 60        /* s, by default. */
#define DTS_EVENTS_KEPT 500     /* Of a node, in the log. */

struct dts_timers {
    int heartbeat;              /* ms */
    int peer_timeout;           /* ms */
    int bfd_min_tx;             /* ms */
    int bfd_mult;
    int hold_down;              /* s */
    int stall;                  /* ms */
    int lease;                  /* ms */
};

enum dts_fence_action { DTS_FENCE_PAUSE, DTS_FENCE_DESTROY, DTS_FENCE_NONE };

struct dts_view {
    struct hmap nodes;          /* struct dts_node */
    struct hmap networks;       /* struct dts_network */
    struct hmap domains;        /* struct dts_domain */
    struct hmap receipts;       /* Fence rows: of view-receipts.c alone. */
    struct dts_tunnel *tunnels; /* Every pair of nodes that has both outer
                                 * addresses and of which one is 'self'. */
    size_t n_tunnels;
    struct dts_timers timers;
    enum dts_fence_action fence;
    int64_t generation;         /* The highest that a domain which is not here
                                 * any more can have had. */
    char *self_name;            /* From external_ids:dts-node. */
    const struct dts_node *self; /* NULL: not in the database (yet). */

    /* What differs from before the last update: anything, or these domains
     * only (by name; some may be gone). */
    bool all_changed;
    struct sset changed;
    struct sset receipts_changed; /* Domains of which one has come, changed, or
                                   * gone, unless all_changed. */

    bool orphans;               /* There may be rows of Binding or Fence whose
                                 * domain is not here. */
};

struct ovsdb_idl;
struct ovsdb_idl_index;
struct dtsrec_binding;
struct dtsrec_fence;

/* The replica, which has to track changes, with an index of Domain by name.
 * (Not of Binding: to keep one costs more than all that is done with a row that
 * has changed; a domain knows which row is its.) */
struct dts_view_source {
    struct ovsdb_idl *idl;
    struct ovsdb_idl_index *domains;
};
void dts_view_source_init(struct dts_view_source *, struct ovsdb_idl *);

/* The row that 'd', of a view that is up to date, has in 'idl'; NULL if it
 * has none. */
const struct dtsrec_binding *dts_view_get_binding_row(
    const struct ovsdb_idl *idl, const struct dts_domain *d);

/* The Domain row of the name 'name', by an index; NULL if there is none. */
const struct dtsrec_domain *dts_view_get_domain_row(
    const struct dts_view_source *, const char *name);

/* view-receipts.c. */
const int64_t *dts_receipt_get(const struct dtsrec_fence *,
                               const char *domain);
void dts_view_follow_receipts(struct dts_view *,
                              const struct dtsrec_fence *);
void dts_view_destroy_receipts(struct dts_view *);

/* What the local Open_vSwitch table adds to a view. */
struct dts_view_local {
    const char *node;           /* dts-node */
    const char *encap_ip;       /* dts-encap-ip, or "". */
};

struct dts_view *dts_view_create(const struct ovsdb_idl *,
                                 const struct dts_view_local *);
/* Brings the view up to date with what the IDL has tracked.  Returns false if
 * it has to be created anew. */
bool dts_view_update(struct dts_view *, const struct dts_view_source *);
struct dts_view *dts_view_create_empty(const char *self);
void dts_view_destroy(struct dts_view *);

struct dts_node *dts_view_add_node(struct dts_view *, const char *name,
                                   uint16_t index, unsigned int roles,
                                   const char *encap_ip);
struct dts_network *dts_view_add_network(struct dts_view *, const char *name,
                                         uint32_t key);
struct dts_domain *dts_view_add_domain(struct dts_view *, const char *name,
                                       const struct dts_network *);
/* Parses "MAC [IP...]" into '*a'; returns NULL or an error to be freed. */
char *dts_address_parse(const char *s, struct dts_address *a);
void dts_address_uninit(struct dts_address *);
/* Parses "GATEWAY:PORT[:VLAN]". */
char *dts_client_port_parse(const char *s, struct dts_client_port *);
void dts_client_port_uninit(struct dts_client_port *);
/* For those who fill in a view: to everyone else domains are const. */
struct dts_domain *dts_view_change_domain(struct dts_view *,
                                          const char *name);
void dts_view_remove_domain(struct dts_view *, struct dts_domain *);
void dts_view_resolve(struct dts_view *); /* Names to pointers, after adding. */
void dts_view_resolve_domain(const struct dts_view *, struct dts_domain *);

const struct dts_node *dts_view_find_node(const struct dts_view *,
                                          const char *name);
const struct dts_network *dts_view_find_network(const struct dts_view *,
                                                const char *name);
const struct dts_domain *dts_view_find_domain(const struct dts_view *,
                                              const char *name);
const struct dts_tunnel *dts_view_find_tunnel(const struct dts_view *,
                                              const struct dts_node *peer);
/* True if 'gateway' serves 'network' (has a client port in it). */
bool dts_network_has_gateway(const struct dts_network *, const char *gateway);

const char *dts_state_to_string(enum dts_state);
bool dts_state_from_string(const char *, enum dts_state *);
const char *dts_encap_to_string(enum dts_encap);
/* The largest IP packet that fits into a tunnel over an underlay of 'mtu'. */
int dts_encap_room(enum dts_encap, bool ipv6, bool encrypt, int mtu);
int dts_tunnel_room(const struct dts_tunnel *);
/* May the operator set options:'name' of a tunnel's interface? */
bool dts_tunnel_option_is_free(const char *name, bool encrypt);
enum dts_encap dts_encap_from_string(const char *);

#endif /* view.h */
