/* SPDX-License-Identifier: Apache-2.0 */

/* A gateway's receipts (table Fence): which generation of a domain it has
 * fenced.
 *
 * A gateway has one for each of its domains, and after the loss of a node they
 * all change; when one domain moves the others must not cost anything.  So a
 * receipt is compared with the replica only when it was given, when it has
 * changed there, and with all the others when the view was made anew.
 *
 * A row has hundreds of them: the loss of a node then changes few rows, and the
 * move of one domain makes nobody read more than those hundreds. */

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

/* In a row, about: what is on its way to one in another round is not counted. */
#define ROW_RECEIPTS 500
/* In a transaction: the database writes one while the next is made. */
#define MAX_RECEIPTS (5 * ROW_RECEIPTS)

struct receipt {
    int64_t generation;
    int64_t programmed, fenced; /* us after the binding's move was seen. */
};

struct receipts_txn {
    struct ovs_list list_node;
    struct ovsdb_idl_txn *txn;
    struct sset domains;
};

/* Where the next receipt goes that has no row yet. */
struct room {
    const struct dtsrec_fence *row;     /* NULL: a new row. */
    size_t n;                   /* For so many more. */
    bool new;                   /* It is of the transaction being made. */
};

static struct shash receipts = SHASH_INITIALIZER(&receipts); /* By domain. */
static struct sset due = SSET_INITIALIZER(&due);    /* To be compared. */
static struct sset in_flight = SSET_INITIALIZER(&in_flight);
static struct ovs_list txns = OVS_LIST_INITIALIZER(&txns);
/* What the database has refused, to be tried again then (ms). */
static struct sset refused = SSET_INITIALIZER(&refused);
static long long int refused_until;

static void finish(struct receipts_txn *, enum ovsdb_idl_txn_status);

static size_t
room_in(const struct dtsrec_fence *row)
{
    return (strcmp(row->gateway, db_node()) ? 0
            : ROW_RECEIPTS - MIN(ROW_RECEIPTS, row->n_generations));
}

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

/* Looks after the transactions under way. */
void
db_receipts_run(void)
{
    struct receipts_txn *t;
    const char *domain, *next;

    LIST_FOR_EACH_SAFE (t, list_node, &txns) {
        enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(t->txn);

        if (status != TXN_INCOMPLETE) {
            finish(t, status);
        }
    }
    if (!sset_is_empty(&refused) && time_msec() >= refused_until) {
        SSET_FOR_EACH_SAFE (domain, next, &refused) {
            to_be_compared(domain);
        }
    }
}

/* These domains' receipts have changed in the replica: what somebody else has
 * changed or deleted is put right. */
void
db_receipts_compare(const struct sset *domains)
{
    const char *domain;

    SSET_FOR_EACH (domain, domains) {
        if (shash_find(&receipts, domain)) {
            to_be_compared(domain);
        }
    }
}

/* If the row is not ours any more, or is gone, the transaction changes nothing,
 * and all is compared again.  (Of a new row there is nothing to verify.) */
static void
put(const struct dtsrec_fence *row, const char *domain,
    const struct receipt *r)
{
    dtsrec_fence_verify_gateway(row);
    dtsrec_fence_update_generations_setkey(row, domain, r->generation);
    dtsrec_fence_set_programmed(row, r->programmed);
    dtsrec_fence_set_fenced(row, r->fenced);
}

/* Puts a receipt, of which there is none yet, into a row of ours with room. */
static void
put_new(struct ovsdb_idl_txn *txn, struct room *room, const char *domain,
        const struct receipt *r)
{
    while (room->row && !room->new && !room->n) {
        room->row = dtsrec_fence_next(room->row);
        room->n = room->row ? room_in(room->row) : 0;
    }
    if (!room->n) {
        room->row = dtsrec_fence_insert(txn);
        dtsrec_fence_set_gateway(room->row, db_node());
        room->n = ROW_RECEIPTS;
        room->new = true;
    }
    put(room->row, domain, r);
    room->n--;
}

/* Writes one receipt, if the replica does not have it, and deletes any other
 * that it has of the domain.  (A domain that was deleted has none.) */
static void
write_receipt(const struct ovsdb_idl *idl, struct receipts_txn *t,
              struct room *room, const char *domain, const struct receipt *r)
{
    const struct dts_domain *d = dts_view_find_domain(db_view(), domain);
    bool found = false, changed = false;

    if (!d) {
        return;
    }
    for (size_t i = 0; i < d->n_fences; i++) {
        const struct dts_fence *f = &d->fences[i];
        const struct dtsrec_fence *row
            = (strcmp(f->gateway, db_node()) ? NULL
               : dtsrec_fence_get_for_uuid(idl, &f->row));

        if (!row) {
            continue;
        }
        if (found) {
            dtsrec_fence_verify_gateway(row);
            dtsrec_fence_update_generations_delkey(row, domain);
            changed = true;
        } else if (f->generation != r->generation) {
            put(row, domain, r);
            changed = true;
        }
        found = true;
    }
    if (!found) {
        put_new(t->txn, room, domain, r);
        changed = true;
    }
    if (changed) {
        sset_add(&t->domains, domain);
        sset_add(&in_flight, domain);
    }
}

/* Sends the receipts of the 'n' 'domains' as one transaction.  Returns false if
 * none can be sent now: they are due still. */
static bool
send_txn(struct ovsdb_idl *idl, struct room *room, const char **domains,
         size_t n)
{
    struct receipts_txn *t = xmalloc(sizeof *t);

    if (room->new) {            /* That is on its way. */
        *room = (struct room) { .row = NULL };
    }
    t->txn = ovsdb_idl_txn_create(idl);
    sset_init(&t->domains);
    for (size_t i = 0; i < n; i++) {
        const struct receipt *r = shash_find_data(&receipts, domains[i]);

        if (r) {
            write_receipt(idl, t, room, domains[i], r);
        }
    }
    ovs_list_push_back(&txns, &t->list_node);

    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(t->txn);
    if (status != TXN_INCOMPLETE) {
        finish(t, status);
    }
    return status != TXN_TRY_AGAIN;
}

/* Sends all that is due.  Rows are filled in the order of names, so that each
 * is in few transactions. */
void
db_receipts_flush(struct ovsdb_idl *idl)
{
    struct sset now = SSET_INITIALIZER(&now);

    if (sset_is_empty(&due) || !ovsdb_idl_has_ever_connected(idl)
        || !db_view()) {
        return;
    }
    sset_swap(&due, &now);      /* finish() may add to it. */

    const char **sorted = sset_sort(&now);
    size_t n = sset_count(&now), i = 0;
    const struct dtsrec_fence *first = dtsrec_fence_first(idl);
    struct room room = { .row = first, .n = first ? room_in(first) : 0 };

    while (i < n && send_txn(idl, &room, &sorted[i],
                             MIN(MAX_RECEIPTS, n - i))) {
        i += MAX_RECEIPTS;
    }
    for (; i < n; i++) {
        to_be_compared(sorted[i]);
    }
    free(sorted);
    sset_destroy(&now);
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
    const char *domain;

    if (status == TXN_ERROR) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);
        VLOG_WARN_RL(&rl, "the database refused to have receipts (%"PRIuSIZE
                     ", %s's among them): %s", sset_count(&t->domains),
                     SSET_FIRST(&t->domains), ovsdb_idl_txn_get_error(t->txn));
        refused_until = time_msec() + REFUSED_MS;
    }
    SSET_FOR_EACH (domain, &t->domains) {
        sset_find_and_delete(&in_flight, domain);
        if (status == TXN_ERROR) {
            sset_add(&refused, domain);
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
