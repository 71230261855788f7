/* SPDX-License-Identifier: Apache-2.0 */

/* Finding the rows of questions and answers (Suspicion, Reachability).
 *
 * They lie on the failover path, and any node may write as many of them in its
 * own name as it likes (ctl/rbac.c).  So what is looked for is found by an
 * index: rows that concern nobody cost nobody time.  (Two of one node about one
 * subject there cannot be: the schema.) */

#include <config.h>
#include "db.h"

#include <string.h>

#include "db-provider.h"
#include "dts-idl.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "util.h"

/* As long as the replica that they are of. */
static struct ovsdb_idl_index *reach_index, *observer_index;
static struct ovsdb_idl_index *about_index, *by_index;

/* Before 'idl' is run. */
void
db_rows_prepare(struct ovsdb_idl *idl)
{
    reach_index = ovsdb_idl_index_create2(idl,
                                          &dtsrec_reachability_col_observer,
                                          &dtsrec_reachability_col_subject);
    observer_index = ovsdb_idl_index_create1(
        idl, &dtsrec_reachability_col_observer);
    about_index = ovsdb_idl_index_create1(idl, &dtsrec_suspicion_col_about);
    by_index = ovsdb_idl_index_create1(idl, &dtsrec_suspicion_col_by);
}

const struct dtsrec_reachability *
db_find_reachability(const char *observer, const char *subject)
{
    struct dtsrec_reachability *key
        = dtsrec_reachability_index_init_row(reach_index);
    const struct dtsrec_reachability *row;

    dtsrec_reachability_index_set_observer(key, observer);
    dtsrec_reachability_index_set_subject(key, subject);
    row = dtsrec_reachability_index_find(reach_index, key);
    dtsrec_reachability_index_destroy_row(key);
    return row;
}

/* Stores in '*rowsp', to be freed, what 'observer' has written; returns how many
 * that are.  (A row that is changed or deleted leaves the index.) */
size_t
db_get_reachabilities(const char *observer,
                      const struct dtsrec_reachability ***rowsp)
{
    struct dtsrec_reachability *key
        = dtsrec_reachability_index_init_row(observer_index);
    const struct dtsrec_reachability *row;
    size_t n = 0, allocated = 0;

    *rowsp = NULL;
    dtsrec_reachability_index_set_observer(key, observer);
    DTSREC_REACHABILITY_FOR_EACH_EQUAL (row, key, observer_index) {
        if (n >= allocated) {
            *rowsp = x2nrealloc(*rowsp, &allocated, sizeof **rowsp);
        }
        (*rowsp)[n++] = row;
    }
    dtsrec_reachability_index_destroy_row(key);
    return n;
}

/* The same of what 'by' asks. */
size_t
db_get_suspicions(const char *by, const struct dtsrec_suspicion ***rowsp)
{
    struct dtsrec_suspicion *key = dtsrec_suspicion_index_init_row(by_index);
    const struct dtsrec_suspicion *row;
    size_t n = 0, allocated = 0;

    *rowsp = NULL;
    dtsrec_suspicion_index_set_by(key, by);
    DTSREC_SUSPICION_FOR_EACH_EQUAL (row, key, by_index) {
        if (n >= allocated) {
            *rowsp = x2nrealloc(*rowsp, &allocated, sizeof **rowsp);
        }
        (*rowsp)[n++] = row;
    }
    dtsrec_suspicion_index_destroy_row(key);
    return n;
}

/* Adds the nonces of all who ask about 'subject', by asker. */
void
db_get_nonces(const char *subject, struct smap *nonces)
{
    struct dtsrec_suspicion *key = dtsrec_suspicion_index_init_row(about_index);
    const struct dtsrec_suspicion *row;

    dtsrec_suspicion_index_set_about(key, subject);
    DTSREC_SUSPICION_FOR_EACH_EQUAL (row, key, about_index) {
        smap_replace(nonces, row->by, row->nonce);
    }
    dtsrec_suspicion_index_destroy_row(key);
}
