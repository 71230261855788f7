/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_DB_PROVIDER_H
#define DTS_DB_PROVIDER_H 1

/* Between db.c, db-wishes.c, db-receipts.c and db-log.c. */

#include <stdbool.h>

/* What the database has refused is tried again after so long. */
#define REFUSED_MS 5000
struct ovsdb_idl;
struct sset;
struct ovsdb_idl_txn;
struct dts_view;
struct dtsrec_binding;
struct dtsrec_reachability;

const char *db_node(void);
const struct dtsrec_binding *db_find_binding(const char *domain);
const struct dtsrec_reachability *db_find_reachability(
    const struct ovsdb_idl *, const char *observer, const char *subject);

void db_wishes_prepare(struct ovsdb_idl *, const char *node);
void db_wishes_run(struct ovsdb_idl *);
void db_wishes_flush(struct ovsdb_idl *);
void db_wishes_wait(void);
void db_wishes_forget(void);
void db_wishes_changed(void);

void db_receipts_run(void);
void db_receipts_compare(const struct sset *domains);
void db_receipts_flush(struct ovsdb_idl *);
void db_receipts_wait(void);
void db_receipts_forget(void);
void db_receipts_compare_all(void);
void db_receipts_sweep(const struct dts_view *);

void db_log_write(const struct ovsdb_idl *, struct ovsdb_idl_txn *);
void db_log_done(bool in);
void db_log_run(void);
void db_log_wait(void);

#endif /* db-provider.h */
