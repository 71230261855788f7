/* SPDX-License-Identifier: Apache-2.0 */

/* A gateway's receipts (Fence rows): which generation of a domain it has fenced.
 *
 * A gateway has one for each of its domains, and after the loss of a node they
 * all change; when one domain moves the others must not cost anything.  So a
 * receipt is compared with the replica only when it was given, when its row has
 * changed there, and with all the others when the view was made anew. */

#include <config.h>
#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "db-provider.h"
#include "dts-idl.h"
#include "openvswitch/shash.h"
#include "ovsdb-idl.h"
#include "sset.h"
#include "util.h"

struct receipt {
    int64_t generation;
    int64_t programmed, fenced; /* us after the binding's move was seen. */
};

static struct shash receipts = SHASH_INITIALIZER(&receipts); /* By domain. */
static struct sset due = SSET_INITIALIZER(&due);    /* To be compared. */

/* A gateway's receipt for 'domain'. */
void
db_put_fence(const char *domain, int64_t generation,
             long long int programmed_us, long long int fenced_us)
{
    struct receipt *r = shash_find_data(&receipts, domain);

    if (!r) {
        r = xzalloc(sizeof *r);
        shash_add(&receipts, domain, r);
    } else if (generation == r->generation) {
        return;
    }
    *r = (struct receipt) { generation, programmed_us, fenced_us };
    sset_add(&due, domain);
    db_wishes_changed();
}

/* Adds to 'txn' what the replica does not have yet.  A receipt stays due until
 * the replica has it: the transaction may fail. */
void
db_receipts_write(struct ovsdb_idl_txn *txn)
{
    const char *domain, *next;

    SSET_FOR_EACH_SAFE (domain, next, &due) {
        const struct receipt *r = shash_find_data(&receipts, domain);
        const struct dtsrec_fence *row = r ? db_find_own_fence(domain) : NULL;

        if (!r || (row && row->generation == r->generation)) {
            sset_find_and_delete(&due, domain);
            continue;
        }
        if (!row) {
            row = dtsrec_fence_insert(txn);
            dtsrec_fence_set_gateway(row, db_node());
            dtsrec_fence_set_domain(row, domain);
        }
        dtsrec_fence_set_generation(row, r->generation);
        dtsrec_fence_set_programmed(row, r->programmed);
        dtsrec_fence_set_fenced(row, r->fenced);
    }
}

/* Takes what 'idl' has tracked: a row of ours that somebody has changed or
 * deleted is put right. */
void
db_receipts_follow(const struct ovsdb_idl *idl)
{
    const struct dtsrec_fence *row;

    DTSREC_FENCE_FOR_EACH_TRACKED (row, idl) {
        if (!strcmp(row->gateway, db_node())
            && shash_find(&receipts, row->domain)) {
            sset_add(&due, row->domain);
        }
    }
}

/* The replica may be another one. */
void
db_receipts_compare_all(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &receipts) {
        sset_add(&due, node->name);
    }
}

/* A receipt that stayed would be written again after the operator's command
 * has deleted it together with the domain. */
void
db_receipts_sweep(const struct dts_view *view)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &receipts) {
        if (!dts_view_find_domain(view, node->name)) {
            sset_find_and_delete(&due, node->name);
            free(node->data);
            shash_delete(&receipts, node);
        }
    }
}
