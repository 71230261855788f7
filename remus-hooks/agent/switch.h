/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SWITCH_H
#define DTS_SWITCH_H 1

/* The local Open vSwitch, as the agent wants it: bridge, tunnels and flows.
 *
 * One instance a process.  switch_run() is called in each round of the main
 * loop with the newest view (NULL: no database yet, or not for this node) and
 * brings the switch to what the view says; it never blocks. */

#include <stdbool.h>
#include <stdint.h>
#include "view.h"

struct dp_packet;
struct ovsdb_idl;
struct sset;

/* What the main loop is told, in the order in which it happened. */
struct switch_callbacks {
    /* The flows for 'domain' at 'generation' are programmed and the old ones
     * are gone from the datapath too (a gateway's receipt is due).  Times are
     * monotonic microseconds: of the view's arrival, of the barrier's reply,
     * and of the revalidators' pass. */
    void (*fenced)(const char *domain, int64_t generation,
                   long long int seen, long long int programmed,
                   long long int fenced, void *aux);
    /* Liveness of 'peer' as this node's BFD session to it says. */
    void (*reach)(const char *peer, enum dts_reach, const char *diag,
                  void *aux);
    /* The first IP frame from the guest itself since 'generation' was
     * programmed (on the gateway and on the server). */
    void (*first_frame)(const char *domain, int64_t generation,
                        long long int mono_us, void *aux);
    void *aux;
};

void switch_init(const char *ovs_db_remote, const struct switch_callbacks *);
void switch_destroy(void);

/* 'view' may be NULL.  'cookie' changes whenever 'view' does. 'connected' is
 * whether the DTS database answers now (leases of closed networks). */
void switch_run(const struct dts_view *view, uint64_t cookie, bool connected);
void switch_wait(void);

/* The local configuration read from the Open_vSwitch table, false until it is
 * there.  Strings are valid until the next switch_run(). */
struct switch_config {
    const char *remote;         /* external_ids:dts-remote */
    const char *node;           /* external_ids:dts-node */
    const char *encap_ip;       /* external_ids:dts-encap-ip */
    enum dts_encap encap;       /* external_ids:dts-encap-type */
    const char *bridge;         /* external_ids:dts-bridge, default br-dts */
    const char *datapath_type;  /* external_ids:dts-bridge-datapath-type */
};
bool switch_get_config(struct switch_config *);

/* Per-domain marks kept in the local OVS database (invariant 6): the highest
 * generation and the session seen, in external_ids of the bridge,
 * "dts-seen-DOMAIN" = "GENERATION SESSION".  switch_get_seen() returns false
 * when there is none.  switch_set_seen() is written behind, a quarter of a
 * second later, and then too when it is put off, up to five seconds. */
bool switch_get_seen(const char *domain, int64_t *generation, char **session);
void switch_set_seen(const char *domain, int64_t generation,
                     const char *session);
void switch_put_off_marks(void);

/* Forgets the marks of domains that 'view' does not have, and calls 'cb' for
 * each.  A mark of a later generation than the database has ever given stays:
 * that database is an older one, and will know the domain again. */
void switch_sweep_seen(const struct dts_view *,
                       void (*cb)(const char *domain));

/* Domains whose frames this server must not let in or out although the
 * binding would: an operator's switch under way, a fence, a vif that has no
 * gate.  A set of domain names, copied. */
void switch_set_blocked(const struct sset *domains);

/* Tells the gateways, by BFD's "concatenated path down", that this node gives
 * up what it does not replicate: see takeover.c. */
void switch_set_gives_up(bool);

/* Sends 'packet' (owned by the caller) into the segment of 'domain' towards
 * its gateways, as if it came from the guest (announcements). */
void switch_inject(const struct dts_domain *, const struct dp_packet *);

/* Asks that the interface 'vif' be (or, with NULL 'mac', no longer be) a port
 * of the bridge for 'domain'; 'done' is called with NULL or an error (not to
 * be freed) when the transaction has been committed, 'aux' untouched. */
struct switch_vif {
    const char *name;           /* Interface. */
    unsigned int domid;
    const char *mac;            /* Guest's MAC. */
    const char *iface_id;       /* external_ids:iface-id (Xen's: UUID of the vif) */
    const char *vm_id;          /* external_ids:xs-vm-uuid */
    const char *domain;         /* xl's name of the domain (less --incoming). */
    const char *bridge;         /* NULL: ours. */
    const char *vlan;           /* "5", "5:10:20" or NULL: as vif-openvswitch. */
    int mtu;                    /* 0: leave. */
};
void switch_vif_plug(const struct switch_vif *,
                     void (*done)(const char *error, void *aux), void *aux);
void switch_vif_unplug(const char *name,
                       void (*done)(const char *error, void *aux), void *aux);

/* For `dts/status` and `dts/flows`. */
void switch_format_status(struct ds *);
void switch_format_flows(struct ds *);

#endif /* switch.h */
