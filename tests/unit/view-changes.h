/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIEW_CHANGES_H
#define VIEW_CHANGES_H 1

/* Whatever an operator, or an agent, may write. */

struct ovsdb_idl;
struct ovsdb_idl_txn;

/* Domains "d0", "d1", ... */
#define N_DOMAINS 12

/* Adds one random change of what 'idl' has to 'txn'. */
void view_change_something(struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn);

#endif /* view-changes.h */
