/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_DB_H
#define VIF_DB_H 1

/* OVSDB's JSON-RPC on a unix socket, for a program that makes two or three
 * requests and ends.  No stream, no reconnection, no TLS. */

#include "openvswitch/json.h"

struct vif_db;

/* Connects to the local ovsdb-server ($OVS_RUNDIR/db.sock, else
 * /var/run/openvswitch/db.sock).  Returns NULL or an error to be freed. */
char *vif_db_open(struct vif_db **);
void vif_db_close(struct vif_db *);

/* Sends "transact" with 'params' (taken over) and waits for its result, which
 * is to be destroyed.  Returns NULL or an error to be freed. */
char *vif_db_transact(struct vif_db *, struct json *params, int timeout_ms,
                      struct json **result);

#endif /* vif-db.h */
