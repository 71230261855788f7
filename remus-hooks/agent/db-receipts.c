/* SPDX-License-Identifier: Apache-2.0 */

/* A gateway's receipts (Fence rows): which generation of a domain it has fenced.
 *
 * A gateway has one for each of its domains, and after the loss of a node they
 * all change; when one domain moves the others must not cost anything.  So a
 * receipt is compared with the replica only when it was given, when its row has
 * changed there, and with all the others when the view was made anew.
 *
 * A survivor waits for its receipt and for no other: many go in several
 * transactions, so that the database has the first ones committed while the
 * last ones are still written. */

#include <config.h>
#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "db-provider.h"
#include "dts-idl.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(db_receipts);

/* A commit costs the database as much as a few hundred receipts in it do; and
 * so many go into a socket at once. */
#define MAX_RECEIPTS 500

struct receipt {
    int64_t generation;
    int64_t programmed, fenced; /* us after the binding's move was seen. */
};

struct receipts_txn {
    struct ovs_list list_node;
    struct ovsdb_idl_txn *txn;
    struct sset domains;
};

static struct shash receipts = SHASH_INITIALIZER(&receipts); /* By domain. */
static struct sset due = SSET_INITIALIZER(&due);    /* To be compared. */
static struct sset in_flight = SSET_INITIALIZER(&in_flight);
static struct ovs_list txns = OVS_LIST_INITIALIZER(&txns);
/* What the database has refused by itself, to be tried again then (ms).  The
 * receipts of a transaction that was refused are tried again at once, in SPLIT
 * transactions, and then each by itself. */
static struct sset refused = SSET_INITIALIZER(&refused);
static long long int refused_until;
static size_t company = MAX_RECEIPTS;   /* In a transaction, at most. */

static void finish(struct receipts_txn *, enum ovsdb_idl_txn_status);

/* That the row of a receipt which is under way is not in the replica yet does
 * not mean that there is none: finish() is the time to compare it. */
static void
to_be_compared(const char *domain)
{
    if (!sset_contains(&in_flight, domain)) {
        sset_add(&due, domain);
        sset_find_and_delete(&refused, domain);
    }
}

/* A gateway's receipt for 'domain'. */
void
db_put_fence(const char *domain, int64_t generation,
             long long int programmed_us, long long int fenced_us)
{
    struct receipt *r = shash_find_data(&receipts, domain);

    if (!r) {
        r = xzalloc(sizeof *r);
        shash_add(&receipts, domain, r);
    }
    if (generation != r->generation) {
        *r = (struct receipt) { generation, programmed_us, fenced_us };
    }
    to_be_compared(domain);
}

/* Looks after the transactions under way, and, if the replica has 'changed', at
 * what has: a row of ours that somebody has changed or deleted is put right. */
void
db_receipts_run(const struct ovsdb_idl *idl, bool changed)
{
    const struct dtsrec_fence *row;
    struct receipts_txn *t;

    LIST_FOR_EACH_SAFE (t, list_node, &txns) {
        enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(t->txn);

        if (status != TXN_INCOMPLETE) {
            finish(t, status);
        }
    }
    if (!changed) {
        return;
    }
    DTSREC_FENCE_FOR_EACH_TRACKED (row, idl) {
        if (!strcmp(row->gateway, db_node())
            && shash_find(&receipts, row->domain)) {
            to_be_compared(row->domain);
        }
    }
}

/* Writes one receipt, if the replica does not have it.  A domain that was
 * deleted has none, and no row that could be found: another would be refused
 * for being the second. */
static void
write_receipt(const struct ovsdb_idl *idl, struct receipts_txn *t,
              const char *domain, const struct receipt *r)
{
    const struct dts_domain *d = dts_view_find_domain(db_view(), domain);
    const struct dtsrec_fence *row
        = d ? dts_view_get_fence_row(idl, d, db_node()) : NULL;

    if (!d || (row && row->generation == r->generation)) {
        return;
    }
    if (!row) {
        row = dtsrec_fence_insert(t->txn);
        dtsrec_fence_set_gateway(row, db_node());
        dtsrec_fence_set_domain(row, domain);
    }
    dtsrec_fence_set_generation(row, r->generation);
    dtsrec_fence_set_programmed(row, r->programmed);
    dtsrec_fence_set_fenced(row, r->fenced);
    sset_add(&t->domains, domain);
    sset_add(&in_flight, domain);
}

/* Sends one transaction of what is due. */
static void
send_some(struct ovsdb_idl *idl)
{
    struct receipts_txn *t = xmalloc(sizeof *t);
    const char *domain, *next;

    t->txn = ovsdb_idl_txn_create(idl);
    sset_init(&t->domains);
    SSET_FOR_EACH_SAFE (domain, next, &due) {
        const struct receipt *r = shash_find_data(&receipts, domain);

        if (sset_count(&t->domains) >= company) {
            break;
        }
        if (r) {
            write_receipt(idl, t, domain, r);
        }
        sset_delete(&due, SSET_NODE_FROM_NAME(domain));
    }
    ovs_list_push_back(&txns, &t->list_node);

    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(t->txn);
    if (status != TXN_INCOMPLETE) {
        finish(t, status);
    }
}

/* Sends all that is due. */
void
db_receipts_flush(struct ovsdb_idl *idl)
{
    const char *domain, *next;
    size_t left = SIZE_MAX;

    if (!ovsdb_idl_has_ever_connected(idl) || !db_view()) {
        return;
    }
    if (!sset_is_empty(&refused) && time_msec() >= refused_until) {
        SSET_FOR_EACH_SAFE (domain, next, &refused) {
            to_be_compared(domain);
        }
    }
    while (!sset_is_empty(&due) && sset_count(&due) < left) {
        left = sset_count(&due);
        send_some(idl);
    }
    if (ovs_list_is_empty(&txns)) {
        company = MAX_RECEIPTS;
    }
}

/* True while receipts are on their way. */
bool
db_receipts_pending(void)
{
    return !ovs_list_is_empty(&txns);
}

void
db_receipts_wait(void)
{
    const struct receipts_txn *t;

    LIST_FOR_EACH (t, list_node, &txns) {
        ovsdb_idl_txn_wait(t->txn);
    }
    if (!sset_is_empty(&refused)) {
        poll_timer_wait_until(refused_until);
    }
}

/* 't' was answered with 'status'.  Whether the replica has its receipts is
 * compared again. */
static void
finish(struct receipts_txn *t, enum ovsdb_idl_txn_status status)
{
    size_t n = sset_count(&t->domains);
    const char *domain;

    if (status == TXN_ERROR) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);
        VLOG_WARN_RL(&rl, "the database refused to have %s%s: %s",
                     n == 1 ? "the receipt of " : "receipts",
                     n == 1 ? SSET_FIRST(&t->domains) : "",
                     ovsdb_idl_txn_get_error(t->txn));
        company = MIN(company, DIV_ROUND_UP(n, SPLIT));
    }
    SSET_FOR_EACH (domain, &t->domains) {
        sset_find_and_delete(&in_flight, domain);
        if (status == TXN_ERROR && n == 1) {
            sset_add(&refused, domain);
            refused_until = time_msec() + REFUSED_MS;
        } else {
            to_be_compared(domain);
        }
    }
    ovsdb_idl_txn_destroy(t->txn);
    sset_destroy(&t->domains);
    ovs_list_remove(&t->list_node);
    free(t);
}

/* The connection is given up. */
void
db_receipts_forget(void)
{
    struct receipts_txn *t;

    LIST_FOR_EACH_SAFE (t, list_node, &txns) {
        finish(t, TXN_INCOMPLETE);
    }
    sset_clear(&refused);
    db_receipts_compare_all();
    company = MAX_RECEIPTS;
}

/* The replica may be another one. */
void
db_receipts_compare_all(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &receipts) {
        to_be_compared(node->name);
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
            sset_find_and_delete(&refused, node->name);
            free(node->data);
            shash_delete(&receipts, node);
        }
    }
}
