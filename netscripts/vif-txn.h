/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_TXN_H
#define VIF_TXN_H 1

/* The vif program's own way into the Open_vSwitch database, as JSON values:
 * what to ask, what the answer means, what to change.  Pure: see vif-db.h for
 * the socket. */

#include <stdbool.h>
#include "openvswitch/json.h"
#include "vif-json.h"
#include "vif-spec.h"

/* What the database says about this vif's surroundings. */
struct vif_state {
    bool bridge_exists;
    bool bridge_is_dts;         /* It is external_ids:dts-bridge. */
    char *network_uuid;         /* Its first xs-network-uuids, or NULL. */
    char *port;                 /* UUID of the port of that name, or NULL. */
    char *buffer;               /* UUID of the device's buffer's port. */
    bool interface_exists;
    bool ours;                  /* The interface was made for this device. */
};
void vif_state_uninit(struct vif_state *);

/* Each vif_txn_*() makes the params of a "transact" request. */
struct json *vif_txn_look(const struct vif_spec *);
struct json *vif_txn_plug(const struct vif_spec *, const struct vif_state *);
struct json *vif_txn_unplug(const struct vif_spec *, const struct vif_state *);
/* Answered when ovs-vswitchd took the interface or refused it, or when
 * 'timeout_ms' is over. */
struct json *vif_txn_taken(const struct vif_spec *, int timeout_ms);

/* Each takes the result of a request; returns NULL or an error to be freed. */
char *vif_result_look(const struct json *result, const struct vif_spec *,
                      struct vif_state *);
/* '*timed_out' instead of an error if ovs-vswitchd said nothing. */
char *vif_result_taken(const struct json *result, bool *timed_out);

/* What is noted with the interface, as {"attached-mac": ..., ...}. */
struct json *vif_external_ids(const struct vif_spec *,
                              const char *network_uuid);

#endif /* vif-txn.h */
