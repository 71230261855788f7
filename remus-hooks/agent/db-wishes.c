/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent writes to the DTS database beside the bindings' steps:
 * receipts (Fence), the witness's answers (Reachability), questions
 * (Suspicion), what it is (Node), conditions, and the log (Event).
 *
 * Each is kept here as a wish and compared with the replica; what differs goes
 * into one transaction, of which one is under way at a time.  A transaction
 * that fails is simply made again from the wishes, so nothing is lost when the
 * database is away, and a receipt is never taken back by an old one.
 *
 * Receipts and answers lie on the failover path: they are never held up by the
 * log, which is written only when nothing else is. */

#include <config.h>
#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "db-provider.h"
#include "dts-idl.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(db_wishes);

/* Events of this node that are kept; and at most that many wait to be
 * written. */
#define MAX_EVENTS 500

struct fence_wish {
    int64_t generation;
    int64_t programmed, fenced;
};

struct reach_wish {
    enum dts_reach state;
    char *diag;
};

struct condition_wish {
    char *domain, *name;
    char *text;                 /* NULL: not set. */
};

struct event_wish {
    struct ovs_list list_node;
    struct db_event event;      /* Strings owned here; 'phases' unused. */
    struct smap phases;
    int64_t time;               /* ms since the epoch */
};

static struct shash fences = SHASH_INITIALIZER(&fences);
static struct shash reaches = SHASH_INITIALIZER(&reaches);
static struct shash suspicions = SHASH_INITIALIZER(&suspicions); /* nonces */
static struct shash conditions = SHASH_INITIALIZER(&conditions);
static struct shash requests_done = SHASH_INITIALIZER(&requests_done);
static char *node_encap_ip;
static enum dts_encap node_encap;
static struct smap node_status = SMAP_INITIALIZER(&node_status);
static bool node_wish;
static struct ovs_list events = OVS_LIST_INITIALIZER(&events);
static size_t n_events;

static struct ovsdb_idl_txn *txn;
static size_t n_events_in_txn;
static bool dirty;              /* A wish, or the replica, has changed. */
static bool sweeping;           /* Rows of what is deleted may be left. */
static unsigned int last_seqno;

static void write_fences(const struct ovsdb_idl *);
static void write_reaches(const struct ovsdb_idl *);
static void write_suspicions(const struct ovsdb_idl *);
static void write_node(const struct ovsdb_idl *);
static void write_conditions(void);
static void write_requests_done(const struct ovsdb_idl *);
static void write_events(const struct ovsdb_idl *);
static void sweep_rows(const struct ovsdb_idl *);

/* A gateway's receipt for 'domain'. */
void
db_put_fence(const char *domain, int64_t generation,
             long long int programmed_us, long long int fenced_us)
{
    struct fence_wish *w = shash_find_data(&fences, domain);

    if (!w) {
        w = xzalloc(sizeof *w);
        shash_add(&fences, domain, w);
    } else if (generation == w->generation) {
        return;
    }
    *w = (struct fence_wish) { generation, programmed_us, fenced_us };
    dirty = true;
}

/* What this node sees of 'subject'. */
void
db_put_reach(const char *subject, enum dts_reach state, const char *diag)
{
    struct reach_wish *w = shash_find_data(&reaches, subject);

    if (!w) {
        w = xzalloc(sizeof *w);
        shash_add(&reaches, subject, w);
    }
    w->state = state;
    free(w->diag);
    w->diag = xstrdup(diag ? diag : "");
    dirty = true;
}

void
db_put_suspicion(const char *about, const char *nonce)
{
    const char *old = shash_find_data(&suspicions, about);

    if (nonce ? old && !strcmp(old, nonce) : !old) {
        return;
    }
    free(shash_find_and_delete(&suspicions, about));
    if (nonce) {
        shash_add(&suspicions, about, xstrdup(nonce));
    }
    dirty = true;
}

/* What this node publishes of itself. */
void
db_put_node(const char *encap_ip, enum dts_encap encap,
            const struct smap *status)
{
    if (node_wish && node_encap == encap
        && nullable_string_is_equal(node_encap_ip, encap_ip)
        && smap_equal(&node_status, status)) {
        return;
    }
    free(node_encap_ip);
    node_encap_ip = nullable_xstrdup(encap_ip);
    node_encap = encap;
    smap_destroy(&node_status);
    smap_clone(&node_status, status);
    node_wish = true;
    dirty = true;
}

/* Sets or clears the condition "NAME: TEXT" of a domain's binding. */
void
db_put_condition(const char *domain, const char *name, bool set,
                 const char *text)
{
    char *key = xasprintf("%s/%s", domain, name);
    struct condition_wish *w = shash_find_data(&conditions, key);

    if (!w) {
        if (!set) {
            free(key);
            return;             /* Another node's, perhaps: not ours. */
        }
        w = xzalloc(sizeof *w);
        w->domain = xstrdup(domain);
        w->name = xstrdup(name);
        shash_add(&conditions, key, w);
        dirty = true;
    }
    free(key);
    if (!nullable_string_is_equal(w->text, set ? text : NULL)) {
        free(w->text);
        w->text = set ? xstrdup(text) : NULL;
        dirty = true;
    }
}

void
db_put_request_done(const char *domain, int64_t generation)
{
    int64_t *old = shash_find_data(&requests_done, domain);

    if (!old || *old != generation) {
        free(shash_find_and_delete(&requests_done, domain));
        shash_add(&requests_done, domain,
                  xmemdup(&generation, sizeof generation));
        dirty = true;
    }
}

static void
free_condition(struct condition_wish *w)
{
    free(w->domain);
    free(w->name);
    free(w->text);
    free(w);
}

/* A wish that stayed would write its row again, after the operator's command
 * has deleted it together with the domain. */
void
db_sweep(const struct dts_view *view)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &fences) {
        if (!dts_view_find_domain(view, node->name)) {
            free(node->data);
            shash_delete(&fences, node);
        }
    }
    SHASH_FOR_EACH_SAFE (node, &requests_done) {
        if (!dts_view_find_domain(view, node->name)) {
            free(node->data);
            shash_delete(&requests_done, node);
        }
    }
    SHASH_FOR_EACH_SAFE (node, &conditions) {
        struct condition_wish *w = node->data;
        if (!dts_view_find_domain(view, w->domain)) {
            free_condition(w);
            shash_delete(&conditions, node);
        }
    }
    SHASH_FOR_EACH_SAFE (node, &reaches) {
        if (!dts_view_find_node(view, node->name)) {
            struct reach_wish *w = node->data;
            free(w->diag);
            free(w);
            shash_delete(&reaches, node);
        }
    }
    sweeping = dirty = true;
}

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
    dirty = true;
}

const struct dtsrec_reachability *
db_find_reachability(const struct ovsdb_idl *idl, const char *observer,
                     const char *subject)
{
    const struct dtsrec_reachability *row;

    DTSREC_REACHABILITY_FOR_EACH (row, idl) {
        if (!strcmp(row->observer, observer)
            && !strcmp(row->subject, subject)) {
            return row;
        }
    }
    return NULL;
}

/* Of the log only what this node wrote is read back (to bound it). */
void
db_wishes_prepare(struct ovsdb_idl *idl, const char *node)
{
    struct ovsdb_idl_condition c = OVSDB_IDL_CONDITION_INIT(&c);

    for (size_t i = 0; i < DTSREC_EVENT_N_COLUMNS; i++) {
        ovsdb_idl_omit_alert(idl, &dtsrec_event_columns[i]);
    }
    dtsrec_event_add_clause_node(&c, OVSDB_F_EQ, node);
    dtsrec_event_set_condition(idl, &c);
    ovsdb_idl_condition_destroy(&c);
    dirty = true;
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

void
db_wishes_run(struct ovsdb_idl *idl)
{
    if (txn) {
        enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(txn);
        if (status != TXN_INCOMPLETE) {
            if (status == TXN_SUCCESS || status == TXN_UNCHANGED) {
                while (n_events_in_txn) {
                    struct event_wish *w = CONTAINER_OF(
                        ovs_list_pop_front(&events), struct event_wish,
                        list_node);
                    free_event(w);
                    n_events--;
                    n_events_in_txn--;
                }
            } else if (status == TXN_ERROR) {
                static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
                VLOG_WARN_RL(&rl, "the database refused a write: %s",
                             ovsdb_idl_txn_get_error(txn));
            }
            n_events_in_txn = 0;
            ovsdb_idl_txn_destroy(txn);
            txn = NULL;
            dirty = true;       /* Compare again. */
        }
    }
    if (ovsdb_idl_get_seqno(idl) != last_seqno) {
        last_seqno = ovsdb_idl_get_seqno(idl);
        dirty = true;
    }
}

void
db_wishes_flush(struct ovsdb_idl *idl)
{
    if (txn || !dirty || !ovsdb_idl_has_ever_connected(idl)) {
        return;
    }
    dirty = false;

    txn = ovsdb_idl_txn_create(idl);
    write_fences(idl);
    write_reaches(idl);
    write_suspicions(idl);
    write_conditions();

    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(txn);
    if (status == TXN_UNCHANGED) {
        /* Nothing urgent: the rest. */
        ovsdb_idl_txn_destroy(txn);
        txn = ovsdb_idl_txn_create(idl);
        write_node(idl);
        write_requests_done(idl);
        write_events(idl);
        if (sweeping) {
            sweep_rows(idl);
        }
        status = ovsdb_idl_txn_commit(txn);
        if (status == TXN_UNCHANGED) {
            ovsdb_idl_txn_destroy(txn);
            txn = NULL;
            n_events_in_txn = 0;
            sweeping = false;
        }
    }
}

void
db_wishes_wait(void)
{
    if (txn) {
        ovsdb_idl_txn_wait(txn);
    }
}

/* The connection is given up; the wishes stay. */
void
db_wishes_forget(void)
{
    if (txn) {
        ovsdb_idl_txn_destroy(txn);
        txn = NULL;
    }
    n_events_in_txn = 0;
    dirty = true;
}

static void
write_fences(const struct ovsdb_idl *idl)
{
    struct shash rows = SHASH_INITIALIZER(&rows);
    const struct dtsrec_fence *row;
    struct shash_node *node;

    if (shash_is_empty(&fences)) {
        return;
    }
    DTSREC_FENCE_FOR_EACH (row, idl) {
        if (!strcmp(row->gateway, db_node())) {
            shash_add(&rows, row->domain, row);
        }
    }
    SHASH_FOR_EACH (node, &fences) {
        const struct fence_wish *w = node->data;

        row = shash_find_data(&rows, node->name);
        if (row && row->generation == w->generation) {
            continue;
        }
        if (!row) {
            row = dtsrec_fence_insert(txn);
            dtsrec_fence_set_gateway(row, db_node());
            dtsrec_fence_set_domain(row, node->name);
        }
        dtsrec_fence_set_generation(row, w->generation);
        dtsrec_fence_set_programmed(row, w->programmed);
        dtsrec_fence_set_fenced(row, w->fenced);
    }
    shash_destroy(&rows);
}

/* The nonces that were asked about 'subject', by asker. */
static void
collect_nonces(const struct ovsdb_idl *idl, const char *subject,
               struct smap *nonces)
{
    const struct dtsrec_suspicion *row;

    DTSREC_SUSPICION_FOR_EACH (row, idl) {
        if (!strcmp(row->about, subject)) {
            smap_replace(nonces, row->by, row->nonce);
        }
    }
}

static const char *
reach_to_string(enum dts_reach state)
{
    return (state == DTS_REACH_UP ? "up"
            : state == DTS_REACH_DOWN ? "down" : "unknown");
}

/* Answers every question with what is seen now.  A row from before this
 * agent's start says nothing until the session was up once. */
static void
write_reaches(const struct ovsdb_idl *idl)
{
    const struct dtsrec_reachability *row;
    struct shash_node *node;

    DTSREC_REACHABILITY_FOR_EACH (row, idl) {
        if (!strcmp(row->observer, db_node())
            && strcmp(row->session, db_session())
            && !shash_find(&reaches, row->subject)) {
            db_put_reach(row->subject, DTS_REACH_UNKNOWN, "agent restarted");
        }
    }
    SHASH_FOR_EACH (node, &reaches) {
        const struct reach_wish *w = node->data;
        const char *state = reach_to_string(w->state);
        struct smap nonces = SMAP_INITIALIZER(&nonces);

        collect_nonces(idl, node->name, &nonces);
        row = db_find_reachability(idl, db_node(), node->name);
        if (!row) {
            row = dtsrec_reachability_insert(txn);
            dtsrec_reachability_set_observer(row, db_node());
            dtsrec_reachability_set_subject(row, node->name);
        } else if (!strcmp(row->state, state) && !strcmp(row->diag, w->diag)
                   && !strcmp(row->session, db_session())
                   && smap_equal(&row->answered, &nonces)) {
            smap_destroy(&nonces);
            continue;
        }
        dtsrec_reachability_set_state(row, state);
        dtsrec_reachability_set_diag(row, w->diag);
        dtsrec_reachability_set_session(row, db_session());
        dtsrec_reachability_set_answered(row, &nonces);
        smap_destroy(&nonces);
    }
}

/* Deletes what this node wrote of domains and nodes that are not there. */
static void
sweep_rows(const struct ovsdb_idl *idl)
{
    struct sset names = SSET_INITIALIZER(&names);
    const struct dtsrec_reachability *reach, *next_reach;
    const struct dtsrec_fence *fence, *next_fence;
    const struct dtsrec_domain *domain;
    const struct dtsrec_node *node;

    DTSREC_DOMAIN_FOR_EACH (domain, idl) {
        sset_add(&names, domain->name);
    }
    DTSREC_FENCE_FOR_EACH_SAFE (fence, next_fence, idl) {
        if (!strcmp(fence->gateway, db_node())
            && !sset_contains(&names, fence->domain)) {
            dtsrec_fence_delete(fence);
        }
    }
    sset_clear(&names);
    DTSREC_NODE_FOR_EACH (node, idl) {
        sset_add(&names, node->name);
    }
    DTSREC_REACHABILITY_FOR_EACH_SAFE (reach, next_reach, idl) {
        if (!strcmp(reach->observer, db_node())
            && !sset_contains(&names, reach->subject)) {
            dtsrec_reachability_delete(reach);
        }
    }
    sset_destroy(&names);
}

static void
write_suspicions(const struct ovsdb_idl *idl)
{
    const struct dtsrec_suspicion *row, *next;
    struct shash missing = SHASH_INITIALIZER(&missing);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &suspicions) {
        shash_add(&missing, node->name, node->data);
    }
    DTSREC_SUSPICION_FOR_EACH_SAFE (row, next, idl) {
        if (strcmp(row->by, db_node())) {
            continue;
        }
        const char *nonce = shash_find_and_delete(&missing, row->about);
        if (!nonce) {
            dtsrec_suspicion_delete(row);
        } else if (strcmp(nonce, row->nonce)) {
            dtsrec_suspicion_set_nonce(row, nonce);
        }
    }
    SHASH_FOR_EACH (node, &missing) {
        row = dtsrec_suspicion_insert(txn);
        dtsrec_suspicion_set_by(row, db_node());
        dtsrec_suspicion_set_about(row, node->name);
        dtsrec_suspicion_set_nonce(row, node->data);
    }
    shash_destroy(&missing);
}

static void
write_node(const struct ovsdb_idl *idl)
{
    const struct dtsrec_node *row;

    if (!node_wish) {
        return;
    }
    DTSREC_NODE_FOR_EACH (row, idl) {
        if (strcmp(row->name, db_node())) {
            continue;
        }
        if (node_encap_ip && node_encap_ip[0] && !row->encap_ip[0]) {
            dtsrec_node_set_encap_ip(row, node_encap_ip);
        }
        if (node_encap != DTS_ENCAP_UNSET
            && dts_encap_from_string(row->encap_type) != node_encap) {
            dtsrec_node_set_encap_type(row, dts_encap_to_string(node_encap));
        }
        if (strcmp(row->session, db_session())) {
            dtsrec_node_set_session(row, db_session());
        }
        if (strcmp(row->version, DTS_VERSION)) {
            dtsrec_node_set_version(row, DTS_VERSION);
        }
        if (!smap_equal(&row->status, &node_status)) {
            dtsrec_node_set_status(row, &node_status);
        }
    }
}

static void
write_conditions(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &conditions) {
        struct condition_wish *w = node->data;
        bool differs = false;
        char *wanted = w->text ? xasprintf("%s: %s", w->name, w->text) : NULL;
        size_t prefix = strlen(w->name);
        const struct dtsrec_binding *row = db_find_binding(w->domain);
        bool found = false;

        for (size_t i = 0; row && i < row->n_conditions; i++) {
            const char *c = row->conditions[i];
            if (wanted && !strcmp(c, wanted)) {
                found = true;
            } else if (!strncmp(c, w->name, prefix) && c[prefix] == ':') {
                dtsrec_binding_update_conditions_delvalue(row, c);
                differs = true;
            }
        }
        if (row && wanted && !found) {
            dtsrec_binding_update_conditions_addvalue(row, wanted);
        }
        if (!wanted && !differs) {
            free_condition(w);
            shash_delete(&conditions, node);
        }
        free(wanted);
    }
}

static void
write_requests_done(const struct ovsdb_idl *idl)
{
    const struct dtsrec_domain *row;

    if (shash_is_empty(&requests_done)) {
        return;
    }
    DTSREC_DOMAIN_FOR_EACH (row, idl) {
        const int64_t *generation = shash_find_data(&requests_done,
                                                    row->name);
        if (generation && row->requested_node && row->n_requested_generation
            && *row->requested_generation == *generation) {
            dtsrec_domain_set_requested_node(row, NULL);
            dtsrec_domain_set_requested_generation(row, NULL, 0);
        }
    }
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

/* Deletes the oldest of this node's events beyond MAX_EVENTS. */
static void
prune_events(const struct ovsdb_idl *idl)
{
    const struct dtsrec_event *row, *oldest;
    size_t n = 0;

    /* (Those that this transaction inserts are among them.) */
    DTSREC_EVENT_FOR_EACH (row, idl) {
        n++;
    }
    for (; n > MAX_EVENTS; n--) {
        oldest = NULL;
        DTSREC_EVENT_FOR_EACH (row, idl) {
            if (!oldest || row->time < oldest->time) {
                oldest = row;
            }
        }
        if (!oldest) {
            return;
        }
        dtsrec_event_delete(oldest);
    }
}

static void
write_events(const struct ovsdb_idl *idl)
{
    const struct event_wish *w;

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
    if (n_events_in_txn) {
        prune_events(idl);
    }
}
