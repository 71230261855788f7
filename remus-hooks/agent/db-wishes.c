/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent writes to the DTS database beside the bindings' steps:
 * receipts (Fence: db-receipts.c), the witness's answers (Reachability),
 * questions (Suspicion), what it is (Node), conditions, and the log (Event:
 * db-log.c).
 *
 * Each is kept here as a wish and compared with the replica; what differs goes
 * into a transaction, of which one is under way at a time.  A transaction that
 * fails is simply made again from the wishes, so nothing is lost when the
 * database is away, and a receipt is never taken back by an old one.
 *
 * Receipts have transactions of their own.  The witness's answers lie on the
 * failover path, too: they are never held up by the rest, which is written only
 * when they are there, group by group.  What the database refuses (ctl/rbac.c
 * has what a node may write) holds up its own group only, and is tried again
 * after a while. */

#include <config.h>
#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "db-provider.h"
#include "dts-idl.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(db_wishes);

struct reach_wish {
    enum dts_reach state;
    char *diag;
};

struct condition_wish {
    char *domain, *name;
    char *text;                 /* NULL: not set. */
};

static struct shash reaches = SHASH_INITIALIZER(&reaches);
static struct shash suspicions = SHASH_INITIALIZER(&suspicions); /* nonces */
static struct shash conditions = SHASH_INITIALIZER(&conditions);
static struct shash requests_done = SHASH_INITIALIZER(&requests_done);
static char *node_encap_ip;
static enum dts_encap node_encap;
static struct smap node_status = SMAP_INITIALIZER(&node_status);
static bool node_wish;

static struct ovsdb_idl_txn *txn;
static bool dirty;              /* A wish, or the replica, has changed. */
static bool sweeping;           /* Rows of what is deleted may be left. */
static unsigned int last_seqno;

static void write_urgent(const struct ovsdb_idl *);
static void write_domains(const struct ovsdb_idl *);
static void write_node(const struct ovsdb_idl *);
static void sweep_rows(const struct ovsdb_idl *);
static void write_address(const struct ovsdb_idl *);
static void write_sweep(const struct ovsdb_idl *);
static void write_log(const struct ovsdb_idl *);

/* What is written together, the most urgent first. */
static struct group {
    const char *what;
    void (*write)(const struct ovsdb_idl *);
    long long int refused_until;        /* ms; 0: it was not. */
} groups[] = {
    { "questions and answers", write_urgent, 0 },
    { "conditions", write_domains, 0 },
    { "what this node is", write_node, 0 },
    { "this node's address or encapsulation, which an operator may: "
      "dts-ctl node-set",
      write_address, 0 },
    { "that what is left of deleted domains goes", write_sweep, 0 },
    { "events", write_log, 0 },
};
static struct group *in_txn;    /* Of 'txn'. */

/* Something else is to be written (db-log.c). */
void
db_wishes_changed(void)
{
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

    db_receipts_sweep(view);
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
    db_rows_prepare(idl);
    dirty = true;
}

/* The transaction was answered with 'status'. */
static void
done(enum ovsdb_idl_txn_status status)
{
    db_log_done(status == TXN_SUCCESS || status == TXN_UNCHANGED);
    if (status == TXN_ERROR) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
        VLOG_WARN_RL(&rl, "the database refused to have %s: %s",
                     in_txn->what, ovsdb_idl_txn_get_error(txn));
        in_txn->refused_until = time_msec() + REFUSED_MS;
    }
    ovsdb_idl_txn_destroy(txn);
    txn = NULL;
}

void
db_wishes_run(struct ovsdb_idl *idl)
{
    if (txn) {
        enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(txn);
        if (status != TXN_INCOMPLETE) {
            done(status);
            dirty = true;       /* Compare again. */
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (groups[i].refused_until
            && time_msec() >= groups[i].refused_until) {
            groups[i].refused_until = 0;
            dirty = true;
        }
    }
    db_log_run();
    dirty |= db_pace_run();

    dirty |= ovsdb_idl_get_seqno(idl) != last_seqno;
    last_seqno = ovsdb_idl_get_seqno(idl);
    db_receipts_run();
}

void
db_wishes_flush(struct ovsdb_idl *idl)
{
    if (txn || !dirty || !ovsdb_idl_has_ever_connected(idl)) {
        return;
    }
    dirty = false;

    for (size_t i = 0; i < ARRAY_SIZE(groups) && !txn; i++) {
        if (groups[i].refused_until) {
            continue;
        }
        in_txn = &groups[i];
        txn = ovsdb_idl_txn_create(idl);
        in_txn->write(idl);
        if (ovsdb_idl_txn_commit(txn) == TXN_UNCHANGED) {
            sweeping = sweeping && in_txn->write != write_sweep;
            done(TXN_UNCHANGED);
        }
    }
}

void
db_wishes_wait(void)
{
    if (txn) {
        ovsdb_idl_txn_wait(txn);
    }
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (groups[i].refused_until) {
            poll_timer_wait_until(groups[i].refused_until);
        }
    }
    db_log_wait();
    db_pace_wait();
    db_receipts_wait();
}

/* The connection is given up; the wishes stay. */
void
db_wishes_forget(void)
{
    db_receipts_forget();
    if (txn) {
        ovsdb_idl_txn_destroy(txn);
        txn = NULL;
    }
    db_log_done(false);
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        groups[i].refused_until = 0;
    }
    dirty = true;
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
write_reaches(void)
{
    const struct dtsrec_reachability *row, **rows;
    struct shash_node *node;
    size_t n = db_get_reachabilities(db_node(), &rows);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i]->session, db_session())
            && !shash_find(&reaches, rows[i]->subject)) {
            db_put_reach(rows[i]->subject, DTS_REACH_UNKNOWN,
                         "agent restarted");
        }
    }
    free(rows);
    SHASH_FOR_EACH (node, &reaches) {
        const struct reach_wish *w = node->data;
        const char *state = reach_to_string(w->state);
        struct smap nonces = SMAP_INITIALIZER(&nonces);

        db_get_nonces(node->name, &nonces);
        row = db_find_reachability(db_node(), node->name);
        if (row && !strcmp(row->session, db_session())) {
            db_pace_answers(node->name, &row->answered, &nonces);
        }
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

static void
sweep_receipts(const struct dtsrec_fence *row, const struct sset *domains)
{
    bool used = false;

    for (size_t i = 0; i < row->n_generations && !used; i++) {
        used = sset_contains(domains, row->key_generations[i]);
    }
    if (!used) {
        dtsrec_fence_delete(row);
        return;
    }
    for (size_t i = 0; i < row->n_generations; i++) {
        if (!sset_contains(domains, row->key_generations[i])) {
            dtsrec_fence_update_generations_delkey(row,
                                                   row->key_generations[i]);
        }
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
        if (!strcmp(fence->gateway, db_node())) {
            sweep_receipts(fence, &names);
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
write_suspicions(void)
{
    const struct dtsrec_suspicion *row, **rows;
    struct shash missing = SHASH_INITIALIZER(&missing);
    struct shash_node *node;
    size_t n = db_get_suspicions(db_node(), &rows);

    SHASH_FOR_EACH (node, &suspicions) {
        shash_add(&missing, node->name, node->data);
    }
    for (size_t i = 0; i < n; i++) {
        row = rows[i];
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
    free(rows);
    shash_destroy(&missing);
}

static void
write_urgent(const struct ovsdb_idl *idl OVS_UNUSED)
{
    write_reaches();
    write_suspicions();
}

/* A node that has no part in a domain's binding may not write there: its
 * conditions stand in its own row. */
static bool
has_part(const struct dtsrec_binding *row)
{
    return (row && (!strcmp(row->owner, db_node())
                    || !strcmp(row->standby, db_node())));
}

static const struct dtsrec_node *
own_row(const struct ovsdb_idl *idl)
{
    const struct dtsrec_node *row;

    DTSREC_NODE_FOR_EACH (row, idl) {
        if (!strcmp(row->name, db_node())) {
            return row;
        }
    }
    return NULL;
}

static void
write_node(const struct ovsdb_idl *idl)
{
    const struct dtsrec_node *row = node_wish ? own_row(idl) : NULL;
    struct smap status;
    struct shash_node *node;

    if (!row) {
        return;
    }
    if (strcmp(row->session, db_session())) {
        dtsrec_node_set_session(row, db_session());
    }
    if (strcmp(row->version, DTS_VERSION)) {
        dtsrec_node_set_version(row, DTS_VERSION);
    }
    smap_clone(&status, &node_status);
    SHASH_FOR_EACH (node, &conditions) {
        const struct condition_wish *w = node->data;
        const struct dtsrec_binding *b = db_find_binding(w->domain);

        if (w->text && b && !has_part(b)) {
            smap_add_nocopy(&status, xasprintf("condition/%s", node->name),
                            xstrdup(w->text));
        }
    }
    if (!smap_equal(&row->status, &status)) {
        dtsrec_node_set_status(row, &status);
    }
    smap_destroy(&status);
}

/* Where this node is reached, if its own Open vSwitch knows better. */
static void
write_address(const struct ovsdb_idl *idl)
{
    const struct dtsrec_node *row = node_wish ? own_row(idl) : NULL;

    if (!row) {
        return;
    }
    if (node_encap_ip && node_encap_ip[0] && !row->encap_ip[0]) {
        dtsrec_node_set_encap_ip(row, node_encap_ip);
    }
    if (node_encap != DTS_ENCAP_UNSET
        && dts_encap_from_string(row->encap_type) != node_encap) {
        dtsrec_node_set_encap_type(row, dts_encap_to_string(node_encap));
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

        if (!has_part(row)) {
            row = NULL;
        }
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

static void
write_domains(const struct ovsdb_idl *idl)
{
    write_conditions();
    write_requests_done(idl);
}

static void
write_log(const struct ovsdb_idl *idl)
{
    db_log_write(idl, txn);
}

static void
write_sweep(const struct ovsdb_idl *idl)
{
    if (sweeping) {
        sweep_rows(idl);
    }
}
