/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_RBAC_H
#define DTS_CTL_RBAC_H 1

/* What a node's certificate may write in the DTS database. */

#include "dts-idl.h"

struct svec;

/* The role of all nodes. */
#define NODE_ROLE "dts-node"

/* Makes the rows of the role as this version wants them. */
void ensure_rbac(const struct ovsdb_idl *, struct ovsdb_idl_txn *);

/* Gives the role to connections without one, and makes one that listens at
 * 'target' (NULL: none) if there is none. */
void ensure_connections(const struct ovsdb_idl *, struct ovsdb_idl_txn *,
                        const char *target);

/* True if clients of 'connection' are meant to be above the rules. */
bool connection_is_exempt(const struct dtsrec_connection *);
/* True if 'target' is reached without TLS from other machines. */
bool target_is_plain(const char *target);

/* Returns what is wrong with the role's rows, to be freed, or NULL. */
char *rbac_problem(const struct ovsdb_idl *);

#endif /* rbac.h */
