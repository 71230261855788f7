/* SPDX-License-Identifier: Apache-2.0 */

/* The log: this node's rows of Event.
 *
 * What happened waits here until the database has it, which may be long after;
 * both what waits and what is kept there is bounded, so that nothing that
 * happens too often fills either.  It always waits a moment: what is to be told
 * happens in the middle of a failover, and a transaction there keeps the
 * database, and every agent that hears of it, from what is more urgent. */

#include <config.h>
#include "db.h"

#include <stdlib.h>

#include "db-provider.h"
#include "dts-idl.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(db_log);

/* Events of this node that are kept; and at most that many wait to be
 * written. */
#define MAX_EVENTS DTS_EVENTS_KEPT
#define MAX_PRUNED (2 * MAX_EVENTS)
#define DELAY_MS 100

struct event_wish {
    struct ovs_list list_node;
    struct db_event event;      /* Strings owned here; 'phases' unused. */
    struct smap phases;
    int64_t time;               /* ms since the epoch */
};

static struct ovs_list events = OVS_LIST_INITIALIZER(&events);
static size_t n_events;
static size_t n_events_in_txn;
static long long int due_at;    /* ms: not before; 0: now. */

void
db_put_event(const struct db_event *event)
{
    if (n_events >= MAX_EVENTS) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
        VLOG_WARN_RL(&rl, "too many events wait for the database; dropping "
                     "%s of domain %s", event->type, event->domain);
        return;
    }

    struct event_wish *w = xzalloc(sizeof *w);
    w->event.domain = xstrdup(event->domain);
    w->event.type = xstrdup(event->type);
    w->event.generation = event->generation;
    w->event.message = xstrdup(event->message);
    if (event->phases) {
        smap_clone(&w->phases, event->phases);
    } else {
        smap_init(&w->phases);
    }
    w->time = time_wall_msec();
    ovs_list_push_back(&events, &w->list_node);
    n_events++;
    if (!due_at) {
        due_at = time_msec() + DELAY_MS;
    }
}

void
db_log_run(void)
{
    if (due_at && time_msec() >= due_at) {
        due_at = 0;
        db_wishes_changed();
    }
}

void
db_log_wait(void)
{
    if (due_at) {
        poll_timer_wait_until(due_at);
    }
}

static void
free_event(struct event_wish *w)
{
    free(CONST_CAST(char *, w->event.domain));
    free(CONST_CAST(char *, w->event.type));
    free(CONST_CAST(char *, w->event.message));
    smap_destroy(&w->phases);
    free(w);
}

/* Splits "REALTIME MONOTONIC" (us) of each phase into the two columns. */
static void
write_phases(const struct dtsrec_event *row, const struct smap *phases)
{
    size_t n = smap_count(phases), i = 0;
    const char **keys = xmalloc(n * sizeof *keys);
    int64_t *real = xmalloc(n * sizeof *real);
    int64_t *mono = xmalloc(n * sizeof *mono);
    const struct smap_node *node;

    SMAP_FOR_EACH (node, phases) {
        long long int r = 0, m = 0;
        ovs_scan(node->value, "%lld %lld", &r, &m);
        keys[i] = node->key;
        real[i] = r;
        mono[i++] = m;
    }
    dtsrec_event_set_phases(row, keys, real, n);
    dtsrec_event_set_phases_mono(row, keys, mono, n);
    free(keys);
    free(real);
    free(mono);
}

static int
compare_events(const void *a_, const void *b_)
{
    const struct dtsrec_event *const *a = a_;
    const struct dtsrec_event *const *b = b_;

    return ((*a)->time != (*b)->time ? ((*a)->time < (*b)->time ? -1 : 1)
            : uuid_compare_3way(&(*a)->header_.uuid, &(*b)->header_.uuid));
}

/* Deletes the oldest of this node's events beyond MAX_EVENTS; not too many at
 * once, if somebody else has written in its name. */
static void
prune_events(const struct ovsdb_idl *idl)
{
    const struct dtsrec_event *row, **rows;
    size_t n = 0, i = 0;

    /* (Those that this transaction inserts are among them.) */
    DTSREC_EVENT_FOR_EACH (row, idl) {
        n++;
    }
    if (n <= MAX_EVENTS) {
        return;
    }
    rows = xmalloc(n * sizeof *rows);
    DTSREC_EVENT_FOR_EACH (row, idl) {
        rows[i++] = row;
    }
    qsort(rows, n, sizeof *rows, compare_events);
    n = MIN(n - MAX_EVENTS, MAX_PRUNED);
    for (i = 0; i < n; i++) {
        dtsrec_event_delete(rows[i]);
    }
    free(rows);
}

/* Adds all that wait to 'txn', once the first has waited long enough. */
void
db_log_write(const struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn)
{
    const struct event_wish *w;

    if (due_at) {
        return;
    }
    LIST_FOR_EACH (w, list_node, &events) {
        const struct dtsrec_event *row = dtsrec_event_insert(txn);
        dtsrec_event_set_time(row, w->time);
        dtsrec_event_set_node(row, db_node());
        dtsrec_event_set_domain(row, w->event.domain);
        dtsrec_event_set_type(row, w->event.type);
        dtsrec_event_set_generation(row, w->event.generation);
        dtsrec_event_set_message(row, w->event.message);
        write_phases(row, &w->phases);
        n_events_in_txn++;
    }
    prune_events(idl);
}

/* The transaction that db_log_write() last added to is over; 'in' tells
 * whether the database has it. */
void
db_log_done(bool in)
{
    for (; in && n_events_in_txn; n_events_in_txn--) {
        struct event_wish *w = CONTAINER_OF(ovs_list_pop_front(&events),
                                            struct event_wish, list_node);
        free_event(w);
        n_events--;
    }
    n_events_in_txn = 0;
}
