/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_OVS_LOCAL_H
#define DTS_OVS_LOCAL_H 1

/* The local Open_vSwitch database: see ovs-local.c.  Internal to the switch
 * side of the agent (switch.h). */

#include <stdbool.h>
#include <stdint.h>
#include "flows.h"
#include "switch.h"

struct ds;
struct dts_view;
struct ovsdb_idl;
struct ovsdb_idl_txn;
struct ovsrec_bridge;
struct ovsrec_interface;
struct ovsrec_open_vswitch;
struct ovsrec_port;

void ovs_local_init(const char *remote, const struct switch_callbacks *);
void ovs_local_destroy(void);
/* From now on the ports are to be as 'view', number 'seq', says; NULL: as the
 * one before. */
void ovs_local_set_view(const struct dts_view *view, uint64_t seq);
void ovs_local_run(void);
void ovs_local_wait(void);

/* Where things are on the bridge; '*seqno' changes when the answer may. */
unsigned int ovs_local_seqno(void);
void ovs_local_get_ports(const struct dts_view *, struct dts_ports *);
/* The bridge's name once it is there, else NULL. */
const char *ovs_local_bridge(void);
/* The number of the newest view whose ports are there and in force. */
uint64_t ovs_local_settled(void);
void ovs_local_format(struct ds *);

/* ovs-local.c, for its neighbours below. */
const struct ovsrec_open_vswitch *ovs_local_root(void);
const struct ovsrec_bridge *ovs_local_find_bridge(const char *name);
const struct ovsrec_port *ovs_local_find_port(const char *name);
const struct ovsrec_bridge *ovs_local_bridge_of(const struct ovsrec_port *);
void ovs_local_kick(void);      /* Something is to be written. */

/* ovs-ports.c: the ports that the view asks for. */
void ovs_ports_destroy(void);
void ovs_ports_set_view(const struct dts_view *);
void ovs_ports_set_path_down(bool);
/* Writes what differs; returns true if anything did. */
bool ovs_ports_sync(struct ovsdb_idl *, struct ovsdb_idl_txn *,
                    const struct ovsrec_bridge *);
void ovs_ports_run(struct ovsdb_idl *, const struct ovsrec_bridge *,
                   const struct switch_callbacks *);
void ovs_ports_wait(void);
void ovs_ports_get(struct ovsdb_idl *, const struct ovsrec_bridge *,
                   const struct dts_view *, struct dts_ports *);
void ovs_ports_format(struct ovsdb_idl *, struct ds *);

/* ovs-reach.c: BFD sessions. */
void ovs_reach_destroy(void);
void ovs_reach_begin(void);
void ovs_reach_see(const char *peer, const struct ovsrec_interface *,
                   long long int now, const struct switch_callbacks *);
void ovs_reach_end(const struct switch_callbacks *);
long long int ovs_reach_due(void);
void ovs_reach_format(struct ds *);

/* ovs-vifs.c: guests' interfaces and the marks of generations seen. */
void ovs_vifs_destroy(void);
/* Writes what is asked for and not yet under way. */
void ovs_vifs_write(struct ovsdb_idl *, struct ovsdb_idl_txn *,
                    const struct ovsrec_bridge *);
/* What the transaction came to: NULL, or an error; 'again' to write again. */
void ovs_vifs_done(bool again, const char *error);
void ovs_vifs_lost_marks(void);
bool ovs_vifs_marks_due(void);
void ovs_vifs_marks_wait(void);

/* repl-address.c: the local end of tunnel 1. */
bool repl_address_apply(const char *interface, const char *ip);

#endif /* ovs-local.h */
