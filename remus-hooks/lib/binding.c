/* SPDX-License-Identifier: Apache-2.0 */

/* The binding's state machine (see binding.h for the states).
 *
 * There are three steps from what a node knows to what it does:
 *
 *    facts --binding_event()--> event --binding_next()--> rule (transaction)
 *
 * and two questions that processes on the node ask of it, `alone?` and
 * `grant?`, which are answered from the binding alone: so the answer is the
 * same whoever asks and however often an agent was restarted in between.
 *
 * Safety rests on very little: every rule that changes the owner starts from a
 * state that the other side cannot leave at the same time (the database commits
 * one of two); and the owner names a session before the standby may protect the
 * domain with it, and forgets it when it goes on alone, so that a copy of a
 * session that the owner has taken leave of can never be protected again (the
 * standby may not have noticed yet).  tests/model/takeover.pml is the same
 * table, checked. */

#include <config.h>
#include "binding.h"

#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#define O BINDING_OWNER
#define S BINDING_STANDBY

static const struct binding_rule rules[] = {
    /* role, state, event, next, swap, session, witness, type, cause */

    /* The orderly life of a guest on its owner. */
    { O, DTS_STOPPED, BE_GUEST_STARTED, DTS_ALONE, false, SESSION_CLEAR,
      false, "started", "the guest was started" },
    { O, DTS_LOST, BE_GUEST_STARTED, DTS_ALONE, false, SESSION_CLEAR,
      false, "started", "the guest was started" },
    { O, DTS_FAILED, BE_GUEST_STARTED, DTS_ALONE, false, SESSION_CLEAR,
      false, "started", "the guest was started" },
    { O, DTS_ALONE, BE_GUEST_SHUTDOWN, DTS_STOPPED, false, SESSION_CLEAR,
      false, "stopped", "the guest was shut down" },
    { O, DTS_ALONE, BE_GUEST_LOST_STOP, DTS_STOPPED, false, SESSION_CLEAR,
      false, "stopped", "the guest crashed or was destroyed" },
    { O, DTS_ALONE, BE_GUEST_LOST_FAILOVER, DTS_STOPPED, false,
      SESSION_CLEAR, false, "stopped", "the guest crashed or was destroyed, "
      "and there is no copy of it" },
    { O, DTS_ALONE, BE_GUEST_MIGRATED, DTS_RELEASED, false, SESSION_CLEAR,
      false, "released", "xl migrate moves the guest away" },
    { O, DTS_STOPPED, BE_SWITCH_STOPPED, DTS_STOPPED, true, SESSION_CLEAR,
      false, "switched", "an operator moved the stopped domain" },

    /* Protection, and its orderly ends. */
    { O, DTS_ALONE, BE_SESSION_BEGAN, DTS_ALONE, false, SESSION_SET,
      false, "replicating", "replication has begun" },
    { O, DTS_ALONE, BE_LINK_LOST, DTS_ALONE, false, SESSION_CLEAR,
      false, "alone", "replication broke before there was a whole copy" },
    { S, DTS_ALONE, BE_COPY_WHOLE, DTS_PROTECTED, false, SESSION_KEEP,
      false, "protected", "the standby holds a whole checkpoint" },
    { O, DTS_PROTECTED, BE_LINK_LOST, DTS_ALONE, false, SESSION_CLEAR,
      false, "alone", "replication broke; the owner goes on alone" },
    { O, DTS_PROTECTED, BE_GUEST_SHUTDOWN, DTS_STOPPED, false, SESSION_CLEAR,
      false, "stopped", "the guest was shut down" },
    { O, DTS_PROTECTED, BE_GUEST_REBOOT, DTS_ALONE, false, SESSION_CLEAR,
      false, "alone", "the guest reboots" },
    { O, DTS_PROTECTED, BE_GUEST_LOST_STOP, DTS_STOPPED, false,
      SESSION_CLEAR, false, "stopped", "the guest crashed or was destroyed "
      "(on_loss=stop)" },
    { O, DTS_PROTECTED, BE_GUEST_LOST_FAILOVER, DTS_RELEASED, false,
      SESSION_KEEP, false, "released", "the guest crashed or was destroyed "
      "(on_loss=failover)" },
    { O, DTS_PROTECTED, BE_GUEST_ABSENT, DTS_RELEASED, false, SESSION_KEEP,
      false, "released", "the host was restarted without the guest" },
    { O, DTS_PROTECTED, BE_GUEST_MIGRATED, DTS_RELEASED, false,
      SESSION_CLEAR, false, "released", "xl migrate moves the guest away" },
    { O, DTS_PROTECTED, BE_SWITCH_READY, DTS_RELEASED, false, SESSION_KEEP,
      false, "released", "an operator's switch" },
    { O, DTS_RELEASED, BE_RELEASE_EXPIRED, DTS_ALONE, false, SESSION_CLEAR,
      false, "alone", "nobody took the released domain" },
    { O, DTS_RELEASED, BE_GUEST_STARTED, DTS_ALONE, false, SESSION_CLEAR,
      false, "started", "the guest was started again by its owner" },

    /* The takeover. */
    { S, DTS_PROTECTED, BE_PRIMARY_DEAD, DTS_GRANTED, true, SESSION_KEEP,
      true, "takeover", "the owner is dead, the witness says so too" },
    { S, DTS_RELEASED, BE_COPY_HELD, DTS_GRANTED, true, SESSION_KEEP,
      false, "takeover", "the owner released it" },
    { S, DTS_RELEASED, BE_MIGRATED_HERE, DTS_GRANTED, true, SESSION_CLEAR,
      false, "takeover", "xl migrate brought it here" },
    { O, DTS_GRANTED, BE_RESUMED, DTS_ALONE, false, SESSION_CLEAR,
      false, "running", "the copy runs" },
    { O, DTS_GRANTED, BE_RESUME_FAILED, DTS_FAILED, false, SESSION_KEEP,
      false, "failed", "the copy could not be resumed" },
    { S, DTS_FAILED, BE_TAKE_BACK, DTS_ALONE, true, SESSION_CLEAR,
      false, "taken-back", "the standby could not resume; the original "
      "goes on" },
    { O, DTS_FAILED, BE_NO_TAKE_BACK, DTS_LOST, false, SESSION_CLEAR,
      false, "lost", "the copy could not be resumed and no original came "
      "back" },
};
#undef O
#undef S

static enum binding_event owner_event(const struct dts_domain *,
                                      const struct binding_facts *);
static enum binding_event standby_event(const struct dts_domain *,
                                        const struct binding_facts *);

enum binding_role
binding_role(const struct dts_domain *d, const char *self)
{
    return (!d->has_binding ? BINDING_OTHER
            : !strcmp(d->owner, self) ? BINDING_OWNER
            : !strcmp(d->standby, self) ? BINDING_STANDBY
            : BINDING_OTHER);
}

/* Names the one thing that 'f' says has happened to 'd' and that matters in
 * its present state; BE_NONE if nothing. */
enum binding_event
binding_event(const struct dts_domain *d, enum binding_role role,
              const struct binding_facts *f)
{
    switch (role) {
    case BINDING_OWNER:
        return owner_event(d, f);
    case BINDING_STANDBY:
        return standby_event(d, f);
    case BINDING_OTHER:
    default:
        return BE_NONE;
    }
}

/* Returns the rule for 'event' in 'state', or NULL: nothing may be done. */
const struct binding_rule *
binding_next(enum binding_role role, enum dts_state state,
             enum binding_event event)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const struct binding_rule *r = &rules[i];
        if (r->role == role && r->state == state && r->event == event) {
            return r;
        }
    }
    return NULL;
}

/* How a guest that was seen here has ended, or BE_NONE. */
static enum binding_event
guest_end(const struct binding_facts *f)
{
    enum binding_event lost = (f->on_loss_failover
                               ? BE_GUEST_LOST_FAILOVER
                               : BE_GUEST_LOST_STOP);

    switch (f->guest) {
    case GUEST_SHUTDOWN:
        return BE_GUEST_SHUTDOWN;
    case GUEST_REBOOT:
        return BE_GUEST_REBOOT;
    case GUEST_CRASHED:
        return lost;
    case GUEST_ABSENT:
        return (!f->guest_seen ? BE_NONE
                : f->guest_migrated ? BE_GUEST_MIGRATED
                : f->reboot_asked ? BE_GUEST_REBOOT
                : f->shutdown_asked ? BE_GUEST_SHUTDOWN
                : lost);
    case GUEST_UNKNOWN:
    case GUEST_RUNNING:
    case GUEST_PAUSED:
    case GUEST_SUSPENDED:
    default:
        return BE_NONE;
    }
}

static bool
same_session(const char *a, const char *b)
{
    return a && b && a[0] && !strcmp(a, b);
}

static enum binding_event
owner_event(const struct dts_domain *d, const struct binding_facts *f)
{
    enum binding_event end;

    switch (d->state) {
    case DTS_STOPPED:
        if (f->guest == GUEST_RUNNING) {
            return BE_GUEST_STARTED;
        }
        return f->switch_asked ? BE_SWITCH_STOPPED : BE_NONE;

    /* Started anew while the former owner may still be heard: it waits for the
     * fence, as a copy would. */
    case DTS_LOST:
        return (f->guest == GUEST_RUNNING && f->fenced
                ? BE_GUEST_STARTED : BE_NONE);

    case DTS_FAILED:
        /* One that is started anew writes its disks, heard or not: from then
         * on the original must not come back. */
        if (f->guest == GUEST_RUNNING && f->fenced) {
            return BE_GUEST_STARTED;
        }
        return (f->guest == GUEST_RUNNING
                || f->in_state_ms >= BINDING_TAKE_BACK_MS
                ? BE_NO_TAKE_BACK : BE_NONE);

    case DTS_ALONE:
        end = guest_end(f);
        if (end != BE_NONE && end != BE_GUEST_REBOOT) {
            return end;
        }
        if (d->session[0]) {
            return (end != BE_NONE || f->send_broken
                    || !same_session(d->session, f->send_session)
                    ? BE_LINK_LOST : BE_NONE);
        }
        return (end == BE_NONE && f->send_session[0] && f->original_held
                && !f->send_broken && f->guest != GUEST_ABSENT
                ? BE_SESSION_BEGAN : BE_NONE);

    case DTS_PROTECTED:
        end = guest_end(f);
        if (end != BE_NONE) {
            return end;
        }
        if (f->guest == GUEST_ABSENT) {
            return BE_GUEST_ABSENT;
        }
        if (f->send_broken || !same_session(d->session, f->send_session)) {
            return BE_LINK_LOST;
        }
        return f->switch_asked && f->switch_ready ? BE_SWITCH_READY : BE_NONE;

    case DTS_RELEASED:
        /* The original still suspended or paused here is not a start: only
         * time makes it ours again, and then by a transaction that races the
         * standby's.  One that has crashed waits for a standby that waits for
         * the end of the hold-down. */
        if (f->guest == GUEST_RUNNING && !f->original_held
            && !f->switch_asked && !f->send_session[0]) {
            return BE_GUEST_STARTED;
        }
        return (f->in_state_ms >= BINDING_RELEASE_MS
                && f->guest != GUEST_ABSENT && f->guest != GUEST_UNKNOWN
                && (f->guest != GUEST_CRASHED
                    || f->hold_ms <= -BINDING_RELEASE_MS)
                ? BE_RELEASE_EXPIRED : BE_NONE);

    case DTS_GRANTED:
        /* A copy that ran, however shortly, may have been heard: what the
         * former owner holds is then the past, and must not come back. */
        if (f->guest == GUEST_RUNNING || f->guest_ran) {
            return BE_RESUMED;
        }
        if (f->recv_failed && (f->guest == GUEST_ABSENT || f->copy_paused)) {
            return BE_RESUME_FAILED;
        }
        /* Nobody works at it any more and it does not run: xl ended without
         * unpausing, or this host was restarted in between. */
        return ((f->recv_ended || !f->recv_session[0])
                && (f->guest != GUEST_UNKNOWN || f->copy_paused)
                && f->in_state_ms >= BINDING_RELEASE_MS
                ? BE_RESUME_FAILED : BE_NONE);
    }
    return BE_NONE;
}

static enum binding_event
standby_event(const struct dts_domain *d, const struct binding_facts *f)
{
    bool held = (same_session(d->session, f->recv_session)
                 && f->recv_whole && f->recv_gated && !f->recv_ended);
    bool waits = f->hold_ms > 0 && !f->switch_asked;

    switch (d->state) {
    case DTS_ALONE:
        return held && !f->recv_suspect ? BE_COPY_WHOLE : BE_NONE;

    case DTS_PROTECTED:
        if (!held || !f->recv_suspect || f->witness_owner != WITNESS_DOWN
            || f->witness_self != WITNESS_UP
            || (!f->failover_auto && !f->switch_asked)) {
            return BE_NONE;
        }
        return waits ? BE_HELD_DOWN : BE_PRIMARY_DEAD;

    case DTS_RELEASED:
        if (held) {
            return waits ? BE_HELD_DOWN : BE_COPY_HELD;
        }
        return (!d->session[0] && f->renamed_here
                ? BE_MIGRATED_HERE : BE_NONE);

    case DTS_FAILED:
        return (f->original_held
                && same_session(d->session, f->send_session)
                ? BE_TAKE_BACK : BE_NONE);

    case DTS_STOPPED:
    case DTS_GRANTED:
    case DTS_LOST:
    default:
        return BE_NONE;
    }
}

/* Answers `alone?`: may xl on 'self' learn that the stream of 'session' has
 * ended, which makes it resume the guest?  'd' is NULL when the domain is
 * unknown to a database that answers: then there is nobody to race with. */
enum binding_verdict
binding_verdict_send(const struct dts_domain *d, const char *self,
                     const char *session)
{
    if (!d || !d->has_binding) {
        return VERDICT_ALONE;
    }
    if (!strcmp(d->owner, self)) {
        switch (d->state) {
        case DTS_STOPPED:
        case DTS_LOST:
        case DTS_FAILED:
            return VERDICT_ALONE;
        case DTS_ALONE:
        case DTS_PROTECTED:
            return (same_session(d->session, session)
                    ? VERDICT_NOT_YET : VERDICT_ALONE);
        case DTS_RELEASED:
            return VERDICT_NOT_YET;
        case DTS_GRANTED:
            return VERDICT_TAKEN;
        }
    }
    /* Held until it runs there or has failed there (then taken back). */
    return ((d->state == DTS_GRANTED || d->state == DTS_FAILED)
            && same_session(d->session, session)
            ? VERDICT_NOT_YET : VERDICT_TAKEN);
}

/* Answers `grant?`: may the copy of 'session' run on 'self'?  VERDICT_COMMIT
 * says that it will, once fenced: the link may end xl's stream now. */
enum binding_verdict
binding_verdict_recv(const struct dts_domain *d, const char *self,
                     const char *session, long long int in_state_ms,
                     int lease_ms)
{
    if (!d || !d->has_binding || !same_session(d->session, session)) {
        return VERDICT_DENIED;
    }
    if (!strcmp(d->owner, self)) {
        if (d->state != DTS_GRANTED) {
            return VERDICT_DENIED;
        }
        return (binding_fenced(d, in_state_ms, lease_ms, NULL)
                ? VERDICT_GRANTED : VERDICT_COMMIT);
    }
    return ((d->state == DTS_PROTECTED || d->state == DTS_RELEASED)
            && !strcmp(d->standby, self)
            ? VERDICT_NOT_YET : VERDICT_DENIED);
}

/* Returns true if every gateway of the domain's network has said that nothing
 * of another generation leaves it.  (A receipt of a later one is left from
 * before the database went backwards: it says nothing.)  A gateway of a network
 * that closes on the loss of the database counts after its lease has surely run
 * out too.  If
 * 'missing' is nonnull, stores there the names that are awaited (to be freed
 * by the caller), or NULL. */
bool
binding_fenced(const struct dts_domain *d, long long int in_state_ms,
               int lease_ms, char **missing)
{
    struct ds names = DS_EMPTY_INITIALIZER;
    const struct dts_network *n = d->network;
    bool lease_over = (n && n->closed_on_database_loss
                       && in_state_ms >= lease_ms + BINDING_LEASE_SLACK_MS);
    bool fenced = n && n->n_ports;

    for (size_t i = 0; n && i < n->n_ports; i++) {
        bool receipt = false, other = false;
        for (size_t j = 0; j < d->n_fences; j++) {
            if (!strcmp(d->fences[j].gateway, n->ports[i].gateway)) {
                receipt |= d->fences[j].generation == d->generation;
                other |= d->fences[j].generation != d->generation;
            }
        }
        /* (Of two receipts that contradict each other neither counts.) */
        bool ok = lease_over || (receipt && !other);
        if (!ok) {
            fenced = false;
            ds_put_format(&names, "%s%s", names.length ? ", " : "",
                          n->ports[i].gateway);
        }
    }
    if (missing) {
        *missing = names.length ? ds_steal_cstr(&names) : NULL;
    }
    ds_destroy(&names);
    return fenced;
}

long long int
binding_hold_ms(const struct dts_domain *d, int hold_down_s,
                long long int since_ms)
{
    return (d->failover_at && hold_down_s
            ? hold_down_s * 1000LL - since_ms : BINDING_NO_HOLD);
}

int64_t
binding_failover_at(const struct binding_rule *r, bool by_operator,
                    int64_t old, int64_t now)
{
    if (r->next == DTS_GRANTED) {
        return by_operator || r->event == BE_MIGRATED_HERE ? 0 : now;
    } else if (r->event == BE_RESUMED) {
        return old ? now : 0;   /* It counts from here. */
    } else if (r->swap || r->event == BE_GUEST_STARTED) {
        return 0;               /* An operator's doing, or it is undone. */
    }
    return old;
}

bool
binding_may_run(const struct dts_domain *d, const char *self)
{
    return (d->has_binding && !strcmp(d->owner, self)
            && (d->state == DTS_ALONE || d->state == DTS_PROTECTED
                || d->state == DTS_GRANTED));
}

const char *
binding_event_to_string(enum binding_event event)
{
    static const char *names[BE_N_EVENTS] = {
        [BE_NONE] = "none",
        [BE_GUEST_STARTED] = "guest-started",
        [BE_GUEST_SHUTDOWN] = "guest-shutdown",
        [BE_GUEST_REBOOT] = "guest-reboot",
        [BE_GUEST_LOST_STOP] = "guest-lost-stop",
        [BE_GUEST_LOST_FAILOVER] = "guest-lost-failover",
        [BE_GUEST_ABSENT] = "guest-absent",
        [BE_GUEST_MIGRATED] = "guest-migrated",
        [BE_SESSION_BEGAN] = "session-began",
        [BE_LINK_LOST] = "link-lost",
        [BE_SWITCH_READY] = "switch-ready",
        [BE_SWITCH_STOPPED] = "switch-stopped",
        [BE_RELEASE_EXPIRED] = "release-expired",
        [BE_RESUMED] = "resumed",
        [BE_RESUME_FAILED] = "resume-failed",
        [BE_NO_TAKE_BACK] = "no-take-back",
        [BE_COPY_WHOLE] = "copy-whole",
        [BE_PRIMARY_DEAD] = "primary-dead",
        [BE_COPY_HELD] = "copy-held",
        [BE_MIGRATED_HERE] = "migrated-here",
        [BE_TAKE_BACK] = "take-back",
        [BE_HELD_DOWN] = "held-down",
    };
    return event < BE_N_EVENTS ? names[event] : "?";
}

const char *
binding_verdict_to_string(enum binding_verdict verdict)
{
    switch (verdict) {
    case VERDICT_NOT_YET: return "not-yet";
    case VERDICT_ALONE: return "alone";
    case VERDICT_TAKEN: return "taken";
    case VERDICT_COMMIT: return "commit";
    case VERDICT_GRANTED: return "granted";
    case VERDICT_DENIED: return "denied";
    }
    return "?";
}
