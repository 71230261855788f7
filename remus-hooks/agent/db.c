/* SPDX-License-Identifier: Apache-2.0 */

/* The connection to the DTS database: views and the bindings' steps.
 *
 * A step is one transaction that waits on (owner, generation, session, state)
 * of the binding, and for a takeover on the witness's two answers, and changes
 * them.  OVSDB commits at most one of two steps that race.  Its answer is not
 * trusted beyond "something came back": TXN_TRY_AGAIN is also what a lost
 * connection looks like, when the commit may have succeeded.  The next view
 * tells, and whoever wanted the step decides again from that.
 *
 * Everything else that is written is in db-wishes.c. */

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
#include "smap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(db);

/* How long the server may be silent before the connection is tried again. */
#define PROBE_INTERVAL_MS 2000
/* After a step that was not committed its domain's next one waits for so long:
 * while the replica is not current again, each try would fail at once.  One
 * that the database refuses (it is no race) waits longer each time. */
#define STEP_PAUSE_MS 10
#define MAX_STEP_PAUSE_MS 1000
#define SETBACK_MS 10000        /* Then it is forgotten. */
/* Of a transaction that failed nobody tells for whose sake: what was in it is
 * tried again in so many. */
#define SPLIT 64
#define SETTLE_MS 300
/* A process that did not run for longer cannot know whether its connection has
 * lived on, and gateways renew flows while it does: it connects anew. */
#define STOPPED_MS 1000

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 10);

/* A step that is queued, with its own copies. */
struct queued_step {
    struct ovs_list list_node;
    char *domain, *owner, *standby, *old_session;
    int64_t generation;
    enum dts_state state;
    const struct binding_rule *rule;
    char *session, *detail, *witness, *nonce;
    bool by_operator;
};

/* A transaction under way. */
struct step_txn {
    struct ovs_list list_node;
    struct ovsdb_idl_txn *txn;
    struct sset domains;
};

/* A domain whose last step was not committed. */
struct setback {
    long long int until;        /* ms, monotonic: no step before. */
    int pause;                  /* ms */
    size_t company;             /* At most so many steps in a transaction. */
};

static char *remote_override;
static char *current_remote;
static char *current_node;
static char *session;
static struct ovsdb_idl *idl;
static struct dts_view *view;
static unsigned int view_seqno;
static bool view_stale;         /* To be made again: db_reread(). */
static uint64_t cookie;
static struct ovs_list queue = OVS_LIST_INITIALIZER(&queue);
static struct ovs_list txns = OVS_LIST_INITIALIZER(&txns);
static struct sset in_flight = SSET_INITIALIZER(&in_flight); /* Domains. */
static struct dts_view_source source;
static struct shash setbacks = SHASH_INITIALIZER(&setbacks);
static long long int connected_since;       /* The same. */

static void free_step(struct queued_step *);
static void connect_to(const char *remote, const struct dts_view_local *);
static void disconnect(void);
static void send_steps(void);
static void finish_txn(struct step_txn *);
static void run_txns(void);

/* 'remote' is the command line's, or NULL to follow the local Open_vSwitch
 * table. */
void
db_init(const char *remote)
{
    struct uuid uuid;

    remote_override = nullable_xstrdup(remote);
    uuid_init();
    uuid_generate(&uuid);
    session = xasprintf(UUID_FMT, UUID_ARGS(&uuid));
}

void
db_destroy(void)
{
    disconnect();
    free(remote_override);
    free(session);
}

/* True if this node's switch lets frames through only while the database's
 * session lives. */
static bool
gives_leases(void)
{
    const struct dts_network *n;

    if (view && view->self && view->self->roles & DTS_ROLE_GATEWAY) {
        HMAP_FOR_EACH (n, hmap_node, &view->networks) {
            if (n->closed_on_database_loss) {
                return true;
            }
        }
    }
    return false;
}

void
db_run(const char *remote, const struct dts_view_local *local)
{
    if (remote_override) {
        remote = remote_override;
    }
    if (!remote || !local || !local->node || !local->node[0]) {
        disconnect();
        return;
    }
    if (!idl || strcmp(remote, current_remote)
        || strcmp(local->node, current_node)) {
        disconnect();
        connect_to(remote, local);
    }

    static long long int last_run;
    if (last_run && time_msec() - last_run > STOPPED_MS && gives_leases()
        && ovsdb_idl_is_connected(idl)) {
        VLOG_WARN("this process was stopped for %lld ms: connecting to the "
                  "database anew", time_msec() - last_run);
        ovsdb_idl_force_reconnect(idl);
    }
    last_run = time_msec();
    ovsdb_idl_run(idl);
    if (!ovsdb_idl_is_connected(idl)) {
        connected_since = time_msec();
    }
    run_txns();
    db_wishes_run(idl);

    unsigned int seqno = ovsdb_idl_get_seqno(idl);
    if (ovsdb_idl_has_ever_connected(idl)
        && (!view || view_stale || seqno != view_seqno)) {
        /* While a connection settles, what the IDL has tracked is not all that
         * has changed: a replica that is begun anew forgets it. */
        if (!view || view_stale || time_msec() - connected_since < SETTLE_MS
            || !dts_view_update(view, &source)) {
            view_stale = false;
            dts_view_destroy(view);
            view = dts_view_create(idl, local);
            cookie++;
            /* What the IDL has not tracked, as after a reconnection, may
             * concern receipts, too. */
            db_receipts_compare_all();
        } else {
            db_receipts_compare(&view->receipts_changed);
            if (!sset_is_empty(&view->changed)) {
                cookie++;
            }
        }
        view_seqno = seqno;
    }
    ovsdb_idl_track_clear(idl);
}

/* Sends what was queued and wished in this round. */
void
db_flush(void)
{
    if (!idl || !ovsdb_idl_is_connected(idl)) {
        struct queued_step *step;
        LIST_FOR_EACH_POP (step, list_node, &queue) {
            sset_find_and_delete(&in_flight, step->domain);
            free_step(step);
        }
        return;
    }
    if (!ovs_list_is_empty(&queue)) {
        send_steps();
    }
    db_receipts_flush(idl);
    db_wishes_flush(idl);
}

void
db_wait(void)
{
    if (!idl) {
        return;
    }
    ovsdb_idl_wait(idl);

    struct step_txn *t;
    LIST_FOR_EACH (t, list_node, &txns) {
        ovsdb_idl_txn_wait(t->txn);
    }
    db_wishes_wait();
    if (view_stale) {
        poll_immediate_wake();
    }
}

/* Makes the view anew although the database has not changed. */
void
db_reread(void)
{
    view_stale = true;
}

const struct dts_view *
db_view(void)
{
    return view;
}

uint64_t
db_cookie(void)
{
    return cookie;
}

bool
db_is_connected(void)
{
    return idl && ovsdb_idl_is_connected(idl);
}

bool
db_is_settled(void)
{
    return db_is_connected() && time_msec() - connected_since >= SETTLE_MS;
}

const char *
db_remote(void)
{
    return current_remote ? current_remote : "";
}

const char *
db_session(void)
{
    return session;
}

const char *
db_node(void)
{
    return current_node ? current_node : "";
}

/* Queues 's'; ignored while another step of the same domain is under way. */
void
db_step(const struct db_step *s)
{
    if (db_step_in_flight(s->d->name)) {
        return;
    }

    const struct setback *sb = shash_find_data(&setbacks, s->d->name);
    if (sb && time_msec() < sb->until) {
        poll_timer_wait_until(sb->until);
        return;
    }

    struct queued_step *q = xmalloc(sizeof *q);
    *q = (struct queued_step) {
        .domain = xstrdup(s->d->name),
        .owner = xstrdup(s->d->owner),
        .standby = xstrdup(s->d->standby),
        .old_session = xstrdup(s->d->session),
        .generation = s->d->generation,
        .state = s->d->state,
        .rule = s->rule,
        .session = nullable_xstrdup(s->session),
        .detail = nullable_xstrdup(s->detail),
        .witness = nullable_xstrdup(s->witness),
        .nonce = nullable_xstrdup(s->nonce),
        .by_operator = s->by_operator,
    };
    ovs_list_push_back(&queue, &q->list_node);
    sset_add(&in_flight, q->domain);
}

/* How many steps a transaction may have in which one of 'domain' is. */
static size_t
company_of(const char *domain)
{
    struct setback *sb = shash_find_data(&setbacks, domain);

    if (sb && time_msec() - sb->until > SETBACK_MS) {
        free(shash_find_and_delete(&setbacks, domain));
        sb = NULL;
    }
    return sb ? sb->company : SIZE_MAX;
}

bool
db_step_in_flight(const char *domain)
{
    return sset_contains(&in_flight, domain);
}

bool
db_get_reach(const char *observer, const char *subject, const char *asker,
             struct db_reach *reach)
{
    const struct dtsrec_reachability *row
        = idl ? db_find_reachability(observer, subject) : NULL;
    if (!row) {
        return false;
    }
    reach->state = (!strcmp(row->state, "up") ? DTS_REACH_UP
                    : !strcmp(row->state, "down") ? DTS_REACH_DOWN
                    : DTS_REACH_UNKNOWN);
    reach->answered = smap_get_def(&row->answered, asker, "");
    reach->diag = row->diag;
    return true;
}

void
db_get_askers(const char *about, struct sset *askers)
{
    struct smap nonces = SMAP_INITIALIZER(&nonces);
    const struct smap_node *node;

    if (idl) {
        db_get_nonces(about, &nonces);
    }
    SMAP_FOR_EACH (node, &nonces) {
        sset_add(askers, node->key);
    }
    smap_destroy(&nonces);
}

static void
connect_to(const char *remote, const struct dts_view_local *local)
{
    VLOG_INFO("node %s: connecting to the DTS database at %s",
              local->node, remote);
    current_remote = xstrdup(remote);
    current_node = xstrdup(local->node);
    idl = ovsdb_idl_create_unconnected(&dtsrec_idl_class, true);
    dts_view_source_init(&source, idl);
    ovsdb_idl_set_leader_only(idl, false);
    ovsdb_idl_set_shuffle_remotes(idl, true);
    ovsdb_idl_set_remote(idl, remote, true);
    ovsdb_idl_set_probe_interval(idl, PROBE_INTERVAL_MS);
    db_wishes_prepare(idl, current_node);
}

static void
disconnect(void)
{
    struct step_txn *t;
    LIST_FOR_EACH_POP (t, list_node, &txns) {
        ovsdb_idl_txn_destroy(t->txn);
        sset_destroy(&t->domains);
        free(t);
    }
    sset_clear(&in_flight);
    shash_clear_free_data(&setbacks);
    if (!idl) {
        return;
    }
    db_wishes_forget();
    ovsdb_idl_destroy(idl);
    idl = NULL;
    if (view) {
        dts_view_destroy(view);
        view = NULL;
        cookie++;
    }
    free(current_remote);
    current_remote = NULL;
    free(current_node);
    current_node = NULL;
}

static void
free_step(struct queued_step *q)
{
    free(q->domain);
    free(q->owner);
    free(q->standby);
    free(q->old_session);
    free(q->session);
    free(q->detail);
    free(q->witness);
    free(q->nonce);
    free(q);
}

const struct dtsrec_binding *
db_find_binding(const char *domain)
{
    const struct dts_domain *d = view ? dts_view_find_domain(view, domain)
                                      : NULL;

    return d ? dts_view_get_binding_row(idl, d) : NULL;
}

/* Adds what the takeover waits on: the witness's answers as they are in our
 * replica, which the caller has judged. */
static bool
verify_witness(const struct queued_step *q)
{
    const struct dtsrec_reachability *about_owner
        = db_find_reachability(q->witness, q->owner);
    const struct dtsrec_reachability *about_us
        = db_find_reachability(q->witness, current_node);

    if (!about_owner || !about_us
        || strcmp(about_owner->state, "down") || strcmp(about_us->state, "up")
        || strcmp(smap_get_def(&about_owner->answered, current_node, ""),
                  q->nonce)) {
        return false;
    }
    dtsrec_reachability_verify_state(about_owner);
    dtsrec_reachability_verify_answered(about_owner);
    dtsrec_reachability_verify_state(about_us);
    return true;
}

/* A guest's end is judged by the domain's on_loss.  An operator may be changing
 * it at this moment: the database's word is what goes. */
static bool
verify_on_loss(const struct queued_step *q)
{
    bool failover = q->rule->event == BE_GUEST_LOST_FAILOVER;
    const struct dtsrec_domain *row;

    if (!failover && q->rule->event != BE_GUEST_LOST_STOP) {
        return true;
    }
    row = dts_view_get_domain_row(&source, q->domain);
    if (!row || !strcmp(row->on_loss, "failover") != failover) {
        return false;
    }
    dtsrec_domain_verify_on_loss(row);
    return true;
}

/* Adds 'q' to the present transaction.  Returns false if the replica has moved
 * on already. */
static bool
add_step(const struct queued_step *q)
{
    const struct dtsrec_binding *row = db_find_binding(q->domain);
    const struct binding_rule *r = q->rule;

    if (!row || strcmp(row->owner, q->owner)
        || strcmp(row->standby, q->standby)
        || row->generation != q->generation
        || strcmp(row->session, q->old_session)
        || strcmp(row->state, dts_state_to_string(q->state))
        || (r->needs_witness && !verify_witness(q)) || !verify_on_loss(q)) {
        return false;
    }

    dtsrec_binding_verify_owner(row);
    dtsrec_binding_verify_standby(row);
    dtsrec_binding_verify_generation(row);
    dtsrec_binding_verify_session(row);
    dtsrec_binding_verify_state(row);

    if (r->swap) {
        dtsrec_binding_set_owner(row, q->standby);
        dtsrec_binding_set_standby(row, q->owner);
        dtsrec_binding_set_generation(row, q->generation + 1);
    }
    if (r->session == SESSION_CLEAR) {
        dtsrec_binding_set_session(row, "");
    } else if (r->session == SESSION_SET) {
        dtsrec_binding_set_session(row, q->session);
    }
    dtsrec_binding_set_state(row, dts_state_to_string(r->next));

    char *cause = (q->detail
                   ? xasprintf("%s (%s)", r->cause, q->detail)
                   : xstrdup(r->cause));
    dtsrec_binding_set_cause(row, cause);
    free(cause);
    dtsrec_binding_set_since(row, time_wall_msec());

    int64_t failover_at = binding_failover_at(r, q->by_operator,
                                              row->failover_at,
                                              time_wall_msec());
    /* (A database that was not upgraded yet has no such column.) */
    if (failover_at != row->failover_at
        && dtsrec_server_has_binding_table_col_failover_at(idl)) {
        dtsrec_binding_set_failover_at(row, failover_at);
    }
    return true;
}

static void
send_txn(struct step_txn *t)
{
    if (sset_is_empty(&t->domains)) {
        ovsdb_idl_txn_destroy(t->txn);
        sset_destroy(&t->domains);
        free(t);
    } else {
        ovs_list_push_back(&txns, &t->list_node);
        finish_txn(t);
    }
}

/* Sends the queued steps of those domains that may be in a transaction with
 * 'company' steps. */
static void
send_company(size_t company)
{
    struct step_txn *t = NULL;
    struct queued_step *q;

    LIST_FOR_EACH_SAFE (q, list_node, &queue) {
        if (company_of(q->domain) != company) {
            continue;
        }
        if (!t) {
            t = xmalloc(sizeof *t);
            t->txn = ovsdb_idl_txn_create(idl);
            ovsdb_idl_txn_add_comment(t->txn, "dts-agent %s: bindings",
                                      current_node);
            sset_init(&t->domains);
        }
        if (add_step(q)) {
            VLOG_INFO("domain %s: (%s, %"PRId64", %s) -> %s%s: %s%s%s",
                      q->domain, q->owner, q->generation,
                      dts_state_to_string(q->state),
                      dts_state_to_string(q->rule->next),
                      q->rule->swap ? ", swapped" : "", q->rule->cause,
                      q->detail ? ": " : "", q->detail ? q->detail : "");
            sset_add(&t->domains, q->domain);
        } else {
            sset_find_and_delete(&in_flight, q->domain);
        }
        ovs_list_remove(&q->list_node);
        free_step(q);
        if (sset_count(&t->domains) >= company) {
            send_txn(t);
            t = NULL;
        }
    }
    if (t) {
        send_txn(t);
    }
}

/* Sends all queued steps as one transaction: the loss of a host is one, however
 * many domains it had.  One step that cannot be committed fails them all, and
 * nobody tells which it was; so those that have failed together are tried again
 * in SPLIT transactions, beside each other, and then each by itself.  A domain
 * that somebody contests, or that the database refuses for good, so holds the
 * others up for one round (or two, if there are more than SPLIT). */
static void
send_steps(void)
{
    while (!ovs_list_is_empty(&queue)) {
        const struct queued_step *first
            = CONTAINER_OF(ovs_list_front(&queue), struct queued_step,
                           list_node);
        send_company(company_of(first->domain));
    }
}

/* 'domain's step, one of 'n' of a transaction, was not committed. */
static void
set_back(const char *domain, size_t n, bool refused)
{
    struct setback *sb = shash_find_data(&setbacks, domain);

    if (!sb) {
        sb = xzalloc(sizeof *sb);
        shash_add(&setbacks, domain, sb);
    }
    sb->pause = (refused && n == 1
                 ? MIN(MAX(2 * sb->pause, STEP_PAUSE_MS), MAX_STEP_PAUSE_MS)
                 : STEP_PAUSE_MS);
    sb->until = time_msec() + sb->pause;
    sb->company = DIV_ROUND_UP(n, SPLIT);
}

/* Looks what became of 't', and frees it if something has. */
static void
finish_txn(struct step_txn *t)
{
    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(t->txn);
    size_t n = sset_count(&t->domains);
    const char *domain;

    if (status == TXN_INCOMPLETE) {
        return;
    }
    SSET_FOR_EACH (domain, &t->domains) {
        sset_find_and_delete(&in_flight, domain);
        if (status == TXN_SUCCESS || status == TXN_UNCHANGED) {
            free(shash_find_and_delete(&setbacks, domain));
            continue;
        }
        set_back(domain, n, status == TXN_ERROR);
        if (status == TXN_ERROR && n == 1) {
            static struct vlog_rate_limit refused_rl
                = VLOG_RATE_LIMIT_INIT(12, 12);

            VLOG_WARN_RL(&refused_rl, "domain %s: the database refuses the "
                         "step: %s; trying again", domain,
                         ovsdb_idl_txn_get_error(t->txn));
            continue;
        }
        VLOG_INFO_RL(&rl, "domain %s: the step was not committed (%s%s%s); "
                     "reading again", domain,
                     ovsdb_idl_txn_status_to_string(status),
                     status == TXN_ERROR ? ": " : "",
                     status == TXN_ERROR
                     ? ovsdb_idl_txn_get_error(t->txn) : "");
    }
    ovsdb_idl_txn_destroy(t->txn);
    ovs_list_remove(&t->list_node);
    sset_destroy(&t->domains);
    free(t);
    /* Whoever wanted the step looks again now. */
    poll_immediate_wake();
}

static void
run_txns(void)
{
    struct step_txn *t;

    LIST_FOR_EACH_SAFE (t, list_node, &txns) {
        finish_txn(t);
    }
}
