/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_DB_PROVIDER_H
#define DTS_DB_PROVIDER_H 1

/* Between db.c, db-wishes.c, db-rows.c, db-pace.c, db-receipts.c and
 * db-log.c. */

#include <stdbool.h>

/* What the database has refused is tried again after so long. */
#define REFUSED_MS 5000
struct ovsdb_idl;
struct sset;
struct ovsdb_idl_txn;
struct dts_view;
struct dtsrec_binding;
struct dtsrec_reachability;
struct dtsrec_suspicion;
struct smap;

const char *db_node(void);
const struct dtsrec_binding *db_find_binding(const char *domain);

void db_rows_prepare(struct ovsdb_idl *);
const struct dtsrec_reachability *db_find_reachability(const char *observer,
                                                       const char *subject);
size_t db_get_reachabilities(const char *observer,
                             const struct dtsrec_reachability ***);
size_t db_get_suspicions(const char *by, const struct dtsrec_suspicion ***);
void db_get_nonces(const char *subject, struct smap *);

void db_pace_answers(const char *subject, const struct smap *old,
                     struct smap *nonces);
bool db_pace_run(void);
void db_pace_wait(void);

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
