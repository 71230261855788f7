/* SPDX-License-Identifier: Apache-2.0 */

/* The agent's judgement.
 *
 * In each round, for each domain of which this node is owner or standby, what
 * is known (guests.c, session.c, the witness) is gathered into facts, the
 * facts name an event, the event a step (binding.c), and the step is queued as
 * a transaction (db.c).  The verdicts that links and gates wait for follow
 * from the binding alone.  So a round may be repeated, and an agent restarted,
 * at any time.
 *
 * What else follows from a binding (hooks, announcements, the log) is in
 * deeds.c; this file decides only who runs. */

#include <config.h>
#include "takeover.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "db.h"
#include "deeds.h"
#include "guests.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "session.h"
#include "sset.h"
#include "switch.h"
#include "timeval.h"
#include "tracked.h"
#include "util.h"
#include "witness.h"

VLOG_DEFINE_THIS_MODULE(takeover);

/* A session's link that is away (restarting) counts as lost after this. */
#define LINK_GRACE_MS 3000
/* After the agent's start, links and gates have this long to come back. */
#define START_GRACE_MS 5000
/* The peer suspects us and we have had no beat from it: we go alone. */
#define SUSPECTED_MS 2500
/* The gate tells of a stall itself, unless it is the one that hangs. */
#define GATE_GRACE_MS 1000
/* See may_have_died(). */
#define END_GRACE_MS 300
/* A session that its owner has left ends by itself, in the helper's own good
 * time, unless something in it hangs. */
#define LOST_GRACE_MS 2000
/* An operator's switch that is not ready by then is given up. */
#define QUIESCE_MS 15000
/* After a domain was deleted, and after the agent's start, what is left of
 * others is swept. */
#define SWEEP_MS 3000

static long long int started;
static long long int sweep_at;  /* ms, monotonic; 0: nothing to sweep. */
static struct sset blocked = SSET_INITIALIZER(&blocked);
/* Domains to look at: in each round those that concern this node, others once
 * when they have changed.  A gateway has thousands of others. */
/* After a grant: the guest connects to its devices, and clients to it. */
#define RECENT_MS 2500

static long long int recent_until;     /* ms */
static struct sset due = SSET_INITIALIZER(&due);

static void filter(const struct dts_view *, struct dts_domain *);
static bool look(const struct dts_view *, const struct dts_domain *,
                 struct sset *now_blocked);
static void gather(struct tracked *, const struct dts_domain *,
                   enum binding_role, struct binding_facts *);
static void gather_switch(struct tracked *, const struct dts_domain *,
                          enum binding_role, struct binding_facts *);
static void answer_sessions(const struct dts_view *);
static void lose_session(const struct dts_domain *);
static void give_up(void);

void
takeover_init(void)
{
    started = time_msec();
    sweep_at = started + SWEEP_MS;
}

/* True if the highest generation seen says that 'd' is older. */
static bool
went_backward(struct tracked *t, const struct dts_domain *d)
{
    return d->has_binding && d->generation < t->seen_generation;
}

/* Invariant 6: a database that comes back older is not followed.  The
 * domain's binding is put back in the view to what was accepted last; an agent
 * that was restarted since knows only that, and lets nothing through. */
void
takeover_filter(const struct dts_view *view, uint64_t cookie)
{
    static uint64_t last_cookie;
    struct dts_domain *d;
    const char *name;
    bool gone = false;

    if (!view || cookie == last_cookie) {
        return;
    }
    if (view->all_changed || cookie != last_cookie + 1) {
        HMAP_FOR_EACH (d, hmap_node, &view->domains) {
            filter(view, d);
        }
        gone = tracked_sweep(view);
    } else {
        SSET_FOR_EACH (name, &view->changed) {
            d = CONST_CAST(struct dts_domain *,
                           dts_view_find_domain(view, name));
            if (d) {
                filter(view, d);
            } else {
                gone |= tracked_drop(name);
            }
        }
    }
    if (gone) {
        sweep_at = time_msec() + SWEEP_MS;
    }
    last_cookie = cookie;
}

/* Rubs out what is left of domains (and nodes) that were deleted: marks in the
 * local OVS database, this node's own rows. */
static void
sweep(const struct dts_view *view)
{
    if (!sweep_at || !db_is_settled()) {
        return;
    }
    if (time_msec() < sweep_at) {
        poll_timer_wait_until(sweep_at);
        return;
    }
    sweep_at = 0;
    switch_sweep_seen(view, tracked_forget);
    db_sweep(view);
}

static void
filter(const struct dts_view *view, struct dts_domain *d)
{
    struct tracked *t = tracked_get(d->name);

    if (!t->marked) {
        char *uuid;
        if (switch_get_seen(d->name, &t->seen_generation, &uuid)) {
            free(uuid);
        }
        t->marked = true;
    }
    bool backward = went_backward(t, d);
    if (backward != t->backward) {
        t->backward = backward;
        deeds_backward(d, backward, t->seen_generation);
    }
    if (!backward) {
        tracked_accept(t, d);
        if (d->has_binding && d->generation > t->seen_generation) {
            t->seen_generation = d->generation;
            switch_set_seen(d->name, d->generation, d->session);
        }
    } else {
        tracked_restore(t, d, view);
    }
    sset_add(&due, d->name);
}

bool
takeover_is_backward(const char *domain, int64_t *seen)
{
    const struct tracked *t = tracked_find(domain);

    if (t && t->backward) {
        *seen = t->seen_generation;
        return true;
    }
    return false;
}

bool
takeover_adopt(const char *domain)
{
    struct tracked *t = tracked_find(domain);

    if (!t || !t->backward) {
        return false;
    }
    VLOG_WARN("domain %s: an operator adopts the database's older generation",
              domain);
    t->seen_generation = 0;
    switch_set_seen(domain, 0, "");
    db_reread();                /* This view has the newer state put back. */
    return true;
}

void
takeover_run(const struct dts_view *view)
{
    struct sset now_blocked = SSET_INITIALIZER(&now_blocked);
    const char *name, *next;

    session_expire();
    give_up();
    if (!view) {
        started = time_msec();  /* Links are refused until then. */
        return;
    }
    witness_begin();
    SSET_FOR_EACH_SAFE (name, next, &due) {
        const struct dts_domain *d = dts_view_find_domain(view, name);
        if (!d || !look(view, d, &now_blocked)) {
            sset_find_and_delete(&due, name);
        }
    }
    witness_end();
    answer_sessions(view);
    sweep(view);

    if (!sset_equals(&blocked, &now_blocked)) {
        sset_swap(&blocked, &now_blocked);
        switch_set_blocked(&blocked);
    }
    sset_destroy(&now_blocked);
}

/* One domain's part of a round.  Returns true if it is to be looked at again
 * also when it does not change. */
static bool
look(const struct dts_view *view, const struct dts_domain *d,
     struct sset *now_blocked)
{
    struct tracked *t = tracked_get(d->name);
    enum binding_role role = binding_role(d, view->self_name);

    tracked_update(t, d);
    if (t->backward) {
        sset_add(now_blocked, d->name);
        return true;
    }

    if (role == BINDING_OTHER) {
        deeds_bystander(t, d);
        return false;
    }

    struct binding_facts f;
    gather(t, d, role, &f);
    gather_switch(t, d, role, &f);
    if (t->quiescing) {
        sset_add(now_blocked, d->name);
    }

    enum binding_event event = binding_event(d, role, &f);
    const struct binding_rule *rule = binding_next(role, d->state, event);
    t->held_down = event == BE_HELD_DOWN;
    if (rule && db_is_connected() && !db_step_in_flight(d->name)) {
        const struct session *s = session_of(d->name, role
                                             == BINDING_OWNER, NULL);
        struct db_step step = {
            .d = d,
            .rule = rule,
            .session = s ? s->uuid : "",
            .detail = (event == BE_LINK_LOST && s && s->reason[0]
                       ? s->reason : NULL),
            .witness = witness_of(d),
            .nonce = witness_nonce(d->owner),
            .by_operator = f.switch_asked,
        };
        if (event == BE_PRIMARY_DEAD) {
            tracked_phase(t, "witnessed", time_usec());
        } else if (event == BE_LINK_LOST) {
            lose_session(d);
        }
        db_step(&step);
    }
    if (role == BINDING_OWNER && d->state == DTS_GRANTED) {
        recent_until = time_msec() + RECENT_MS;
    }
    deeds_run(t, d, role, &f, view);
    return true;
}

bool
takeover_is_recent(void)
{
    return time_msec() < recent_until;
}

void
takeover_wait(void)
{
    /* Time-outs are coarse: a look each 100 ms while something is under way,
     * which is when a session is known or a domain of ours is not at rest. */
    if (tracked_busy()) {
        poll_timer_wait(100);
    } else {
        poll_timer_wait(1000);
    }
}

void
takeover_fenced(const char *domain, int64_t generation, long long int seen,
                long long int programmed, long long int fenced)
{
    struct tracked *t = tracked_get(domain);

    db_put_fence(domain, generation, programmed - seen, fenced - seen);
    deeds_switched(t, generation, seen, programmed, fenced);
}

void
takeover_first_frame(const char *domain, int64_t generation,
                     long long int mono_us)
{
    deeds_first_frame(tracked_get(domain), generation, mono_us);
}

void
takeover_devices(const char *domain)
{
    struct tracked *t = tracked_find(domain);

    if (t && t->in_takeover) {
        tracked_phase(t, "devices", time_usec());
    }
}

void
takeover_format(const char *domain, struct ds *ds)
{
    const struct tracked *t = tracked_find(domain);

    if (t && t->backward) {
        ds_put_format(ds, "    database-went-backward: generation %"PRId64
                      " was seen here; ovs-appctl -t dts-agent dts/adopt %s "
                      "to accept the older one\n",
                      t->seen_generation, domain);
    }
    if (t && t->quiescing) {
        ds_put_cstr(ds, "    an operator's switch is under way: the guest's "
                    "frames are held back\n");
    }
}

/* The unpause follows the rename by some ms and nobody tells of it. */
static void
await_unpause(const struct guest *g)
{
    static long long int next;

    if (time_msec() >= next) {
        next = time_msec() + 20;
        guests_query(g->domid);
    }
    poll_timer_wait_until(next);
}

/* What the guest does that has 'd's name. */
static void
gather_guest(struct tracked *t, const struct dts_domain *d,
             struct binding_facts *f)
{
    const struct guest *own = guests_find(d->name, GUEST_OWN);
    const struct guest *copy = guests_find(d->name, GUEST_INCOMING);
    const struct gone_guest *gone = guests_find_gone(d->name);

    f->guest = GUEST_UNKNOWN;
    if (!guests_known()) {
        return;
    }
    f->copy_here = copy != NULL;
    f->copy_paused = copy && copy->state == GUEST_PAUSED;
    f->guest_migrated = (guests_find(d->name, GUEST_MIGRATEDAWAY) != NULL
                         || (gone && gone->kind == GUEST_MIGRATEDAWAY));
    if (own && own->mac[0]) {
        bool ours = !d->n_addresses;
        struct eth_addr mac;
        for (size_t i = 0; i < d->n_addresses && !ours; i++) {
            ours = (eth_addr_from_string(own->mac, &mac)
                    && eth_addr_equals(mac, d->addresses[i].mac));
        }
        f->own_is_ours = ours && d->n_addresses;
        if (!ours) {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
            VLOG_WARN_RL(&rl, "domid %d is called %s but its first vif has "
                         "MAC %s, which is not in the Domain's addresses: "
                         "taken for another one", own->domid, d->name,
                         own->mac);
            return;             /* What ours does is unknown. */
        }
    }
    if (own) {
        f->guest = own->state;
        if (d->state == DTS_GRANTED && own->state != GUEST_RUNNING) {
            await_unpause(own);
        }
        tracked_set_guest_seen(t);
        f->shutdown_asked = own->poweroff_asked;
        f->reboot_asked = own->reboot_asked;
        f->renamed_here = own->renamed;
    } else if (f->copy_here) {
        f->guest = GUEST_UNKNOWN;
    } else {
        f->guest = GUEST_ABSENT;
        if (gone && (gone->kind == GUEST_OWN
                     || gone->kind == GUEST_MIGRATEDAWAY)) {
            tracked_set_guest_seen(t);
            f->guest_ran = (gone->kind == GUEST_OWN
                            && gone->when >= t->in_state_since);
            f->shutdown_asked = gone->poweroff_asked;
            f->reboot_asked = gone->reboot_asked;
            if (gone->last_state == GUEST_SHUTDOWN
                || gone->last_state == GUEST_REBOOT
                || gone->last_state == GUEST_CRASHED) {
                f->guest = gone->last_state;
            }
        }
    }
    f->guest_seen = tracked_guest_seen(t);
}

static bool
link_gone(const struct session *s)
{
    long long int since = (s->link_gone == LLONG_MAX
                           ? MAX(s->since, started) : s->link_gone);

    return !s->link && time_msec() - since > LINK_GRACE_MS;
}

/* xl's stream ends by itself when the guest does, and the gate may tell of that
 * before the hypervisor's word has come: it is awaited for a moment, so that a
 * crash is not taken for a broken link. */
static bool
may_have_died(const struct session *s)
{
    const struct guest *g = guests_find(s->domain, GUEST_OWN);
    long long int until = s->end_hint + END_GRACE_MS;

    if (!s->end_hint || time_msec() >= until || !guests_known()) {
        return false;
    }
    if (g) {
        guests_query(g->domid);
    }
    poll_timer_wait_until(MIN(until, time_msec() + 50));
    return true;
}

static void
gather_sender(const struct dts_domain *d, struct binding_facts *f)
{
    const struct dts_view *view = db_view();
    bool bound = d->state == DTS_PROTECTED || d->state == DTS_FAILED
                 || d->state == DTS_RELEASED || d->state == DTS_GRANTED
                 || d->state == DTS_ALONE;
    const struct session *s = session_of(d->name, true, bound && d->session[0]
                                         ? d->session : NULL);

    if (!s) {
        /* Perhaps it has not come back to this agent yet. */
        if (bound && d->session[0]
            && time_msec() - started < START_GRACE_MS) {
            f->send_session = d->session;
        }
        return;
    }
    f->send_session = s->uuid;
    f->original_held = s->gate != NULL;
    f->send_broken = (s->suspect || s->stalled
                      || s->verdict != VERDICT_NOT_YET
                      || ((s->ended || session_asks(s)) && !may_have_died(s))
                      || link_gone(s)
                      || (s->suspended && time_msec() - s->suspended_at
                          > view->timers.stall + GATE_GRACE_MS)
                      || (witness_suspected_ms(d->standby) > SUSPECTED_MS
                          && time_msec() - s->last_beat > SUSPECTED_MS));
}

static void
gather_receiver(const struct dts_domain *d, struct binding_facts *f)
{
    bool bound = d->session[0];
    const struct session *s = session_of(d->name, false,
                                         bound ? d->session : NULL);

    if (!s) {
        if (bound && time_msec() - started < START_GRACE_MS) {
            f->recv_session = d->session;
        }
        return;
    }
    f->recv_session = s->uuid;
    f->recv_whole = s->n > 0 || (bound && d->state != DTS_STOPPED
                                 && d->state != DTS_ALONE);
    f->recv_gated = s->gate != NULL;
    /* A gate that asks says that xl's stream has ended, whoever ended it. */
    f->recv_suspect = s->suspect || link_gone(s) || session_gate_asks(s);
    f->recv_ended = s->ended;
    f->recv_failed = s->ended && s->end_status;
}

static void
gather(struct tracked *t, const struct dts_domain *d, enum binding_role role,
       struct binding_facts *f)
{
    *f = (struct binding_facts) {
        .send_session = "",
        .recv_session = "",
        .failover_auto = d->failover_auto,
        .on_loss_failover = d->on_loss_failover,
        .in_state_ms = time_msec() - t->in_state_since,
        .hold_ms = tracked_hold_ms(t, d, db_view()->timers.hold_down),
    };
    gather_guest(t, d, f);
    if (d->state == DTS_GRANTED && t->ran_generation == d->generation
        && role == BINDING_OWNER) {
        f->guest = GUEST_RUNNING;       /* It has sent a frame. */
    }
    if (d->state == DTS_FAILED || d->state == DTS_LOST) {
        f->fenced = binding_fenced(d, f->in_state_ms,
                                   db_view()->timers.lease, NULL);
    }
    gather_sender(d, f);
    gather_receiver(d, f);

    if (role == BINDING_STANDBY && d->state == DTS_PROTECTED
        && f->recv_suspect && f->recv_session[0]
        && !strcmp(f->recv_session, d->session)) {
        if (!t->suspecting) {
            t->suspecting = true;
            tracked_phase_reset(t);
            tracked_phase(t, "suspected", time_usec());
        }
        witness_ask(d);
        witness_read(d, &f->witness_owner, &f->witness_self);
    } else if (d->state != DTS_GRANTED) {
        if (t->suspecting && role == BINDING_STANDBY) {
            tracked_phase_reset(t);     /* Of a takeover that did not come. */
        }
        t->suspecting = false;
    }
}

/* An operator's switch of a protected domain, at its owner: the guest's frames
 * are held back, and when the standby acknowledges a checkpoint of a suspend
 * that came after that, its copy has all that any client has ever seen. */
static void
gather_switch(struct tracked *t, const struct dts_domain *d,
              enum binding_role role, struct binding_facts *f)
{
    bool asked = (d->requested_node
                  && d->requested_generation == d->generation
                  && !(t->given_up == d->generation));
    const struct session *s = session_of(d->name, true, d->session);

    if (!d->requested_node && t->given_up != -1) {
        t->given_up = -1;
        db_put_request_done(d->name, -1);
    }
    if (d->requested_node && role == BINDING_OWNER
        && d->requested_generation != d->generation) {
        db_put_request_done(d->name, d->requested_generation);
    }
    if (role == BINDING_STANDBY) {
        f->switch_asked = asked && !strcmp(d->requested_node, d->standby);
        return;
    }
    f->switch_asked = (asked && role == BINDING_OWNER
                       && !strcmp(d->requested_node, d->standby));
    if (!f->switch_asked || d->state != DTS_PROTECTED || !s || f->send_broken) {
        t->quiescing = t->quiescing && d->state == DTS_RELEASED;
        return;
    }
    if (!t->quiescing) {
        VLOG_INFO("domain %s: switching to %s: the guest's frames are held "
                  "back from now on", d->name, d->standby);
        t->quiescing = true;
        t->quiesced_at = time_msec();
        /* (After an agent's restart the gate's count begins anew.) */
        t->quiesce_suspend = (s->suspends >= s->n
                              ? s->suspends + 1 : s->n + 2);
        tracked_phase_reset(t);
        tracked_phase(t, "quiesced", time_usec());
    }
    f->switch_ready = s->n >= t->quiesce_suspend;
    if (!f->switch_ready && time_msec() - t->quiesced_at > QUIESCE_MS) {
        VLOG_WARN("domain %s: no checkpoint was acknowledged for %d s: the "
                  "switch is given up", d->name, QUIESCE_MS / 1000);
        t->quiescing = false;
        t->given_up = d->generation;
        f->switch_asked = false;
        db_put_request_done(d->name, d->requested_generation);
        deeds_note(t, d, "switch-failed", "no checkpoint was acknowledged in "
                   "time; the guest goes on where it is");
    }
}

/* Answers all who wait.  A session of which the owner has taken leave, but
 * whose processes have not noticed that anything is wrong (one of them hangs),
 * is told to end: else its guest would stay suspended. */
static void
answer_sessions(const struct dts_view *view)
{
    struct session *s;

    for (s = session_next(NULL); s; s = session_next(s)) {
        const struct dts_domain *d = dts_view_find_domain(view, s->domain);
        const struct tracked *t = tracked_get(s->domain);
        long long int ms = time_msec() - t->in_state_since;
        enum binding_verdict v;

        if (t->backward || (d && !d->has_binding && !db_is_connected())) {
            continue;
        }
        /* While a session may be being named, nobody is told that it is
         * not: a transaction on its way, or a replica that is behind. */
        if (s->sender && d && d->state == DTS_ALONE
            && (db_step_in_flight(s->domain) || !db_is_settled())) {
            continue;
        }
        v = (s->sender
             ? binding_verdict_send(d, view->self_name, s->uuid)
             : binding_verdict_recv(d, view->self_name, s->uuid, ms,
                                    view->timers.lease));
        if (session_asks(s)) {
            session_answer(s, v, d ? d->cause : "the domain was deleted");
        }
        if (s->sender && d && d->has_binding && d->state == DTS_GRANTED
            && strcmp(d->owner, view->self_name)) {
            /* Released in good order: both links are well, and the other one
             * asks for its grant only when this one is gone. */
            session_end_link(s, "another node has been granted the domain");
        }
        if (s->lost_at && v == VERDICT_ALONE && (s->gate || s->link)
            && (s->stalled || time_msec() - s->lost_at > LOST_GRACE_MS)) {
            session_kill(s, "the owner goes on alone");
        } else if (s->sender && v == VERDICT_TAKEN && (s->gate || s->link)
                   && guests_known() && !guests_find(s->domain, GUEST_OWN)) {
            session_kill(s, "taken, and the guest here is destroyed");
        }
    }
}

/* An owner that cannot reach the database cannot go on alone when replication
 * ends: its guest stays suspended, and the standby may not have it either as
 * long as the witness hears this node.  So the node says by its BFD that it
 * gives up, which the witness takes for "down".  That is no more than leave:
 * the takeover is still a transaction that races ours, and ends with a fence.
 *
 * (After this agent's restart without a database there is no view, so no port
 * is touched, and what was said stays said.) */
static void
give_up(void)
{
    static bool gives_up;
    bool frozen = false;
    const struct session *s;

    if (db_remote()[0] && !db_is_connected()) {
        for (s = session_next(NULL); s; s = session_next(s)) {
            frozen |= (s->sender && s->verdict == VERDICT_NOT_YET
                       && session_asks(s));
        }
    }
    if (frozen != gives_up) {
        gives_up = frozen;
        VLOG_WARN("%s", frozen ? "replication has ended and the database "
                  "cannot be reached: leaving the frozen guests to their "
                  "standby, if it can have them"
                  : "not giving up any more");
        switch_set_gives_up(frozen);
    }
}

/* The sessions that the owner of 'd' is about to take leave of. */
static void
lose_session(const struct dts_domain *d)
{
    struct session *s = session_of(d->name, true, d->session);

    if (s) {
        s->lost_at = time_msec();
    }
}
