/* SPDX-License-Identifier: Apache-2.0 */

/* What follows from a binding beside who runs.
 *
 * Each change of a binding that concerns this node is noted in the log, may
 * run operators' hooks, and a takeover is announced into the segment.  Copies
 * and guests that have no right to be here are cleared away, and a guest that
 * a dead `xl remus` left suspended, or our own fence paused, goes on when it
 * has the right to, and what a dead `xl-remus` holds back leaves; all by
 * hooks.  Nothing in this file decides who runs, and nothing waits for it. */

#include <config.h>
#include "deeds.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announce.h"
#include "db.h"
#include "guests.h"
#include "hooks.h"
#include "netdev-exists.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "rundir.h"
#include "session.h"
#include "timeval.h"
#include "tracked.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(deeds);

#define HOOK_REPEAT_MS 10000
/* A copy that no session belongs to is cleared away after this. */
#define COPY_GRACE_MS 5000
/* A guest that another node owns, after the fence of the first moment. */
#define OWN_GRACE_MS 1000
/* xl renames a guest that arrives before the binding can follow. */
#define ARRIVAL_US 10000000
/* A fence that is not confirmed by then is shown as a condition. */
#define FENCE_WARN_MS 2000
/* A guest that was fenced and runs again for so long is not paused any more. */
#define UNFENCED_MS 2000
#define STALE_MS 5000
/* The witness answers within. */
#define HELD_MS 1500
#define MAX_VIFS 16             /* Of a guest, that are looked at. */
/* A guest that is suspended so soon after its session was suspended by it. */
#define SERVED_MS 15000

static void transition(struct tracked *, const struct dts_domain *,
                       enum binding_role, const struct dts_view *);
static void granted(struct tracked *, const struct dts_domain *,
                    const struct dts_view *);
static void held_down(struct tracked *, const struct dts_domain *,
                      enum binding_role, const struct dts_view *);
static void clear_away(struct tracked *, const struct dts_domain *,
                       enum binding_role, const struct binding_facts *,
                       const struct dts_view *);
static void release_fenced(struct tracked *, const struct dts_domain *,
                           enum binding_role, const struct binding_facts *,
                           const struct dts_view *);
static void resume_orphan(struct tracked *, const struct dts_domain *,
                          enum binding_role, const struct binding_facts *,
                          const struct dts_view *);
static void open_buffer(struct tracked *, const struct dts_domain *,
                        enum binding_role, const struct dts_view *);
static void conditions(const struct tracked *, const struct dts_domain *,
                       enum binding_role);
static void start_hook(const struct dts_domain *, const char *event,
                       int domid, bool copy, const struct dts_view *);
static void start_hook_with(const struct dts_domain *, const char *event,
                            int domid, bool copy, enum dts_fence_action,
                            const struct dts_view *);

void
deeds_run(struct tracked *t, const struct dts_domain *d,
          enum binding_role role, const struct binding_facts *f,
          const struct dts_view *view)
{
    if (!d->has_binding) {
        return;
    }
    if (!t->acted || t->acted_generation != d->generation
        || t->acted_state != d->state || strcmp(t->acted_owner, d->owner)) {
        if (t->acted) {
            transition(t, d, role, view);
        }
        t->acted = true;
        t->acted_generation = d->generation;
        t->acted_state = d->state;
        free(t->acted_owner);
        t->acted_owner = xstrdup(d->owner);
        t->fence_seen = false;
        t->next_hook = 0;
        if (d->state == DTS_GRANTED) {
            t->announced = 0;
        }
    }

    if (role == BINDING_OWNER && d->state == DTS_GRANTED) {
        granted(t, d, view);
    }
    if (role == BINDING_OWNER && t->announce_since) {
        announce_run(t, d);
    }
    if (view->self && view->self->roles & DTS_ROLE_SERVER) {
        clear_away(t, d, role, f, view);
        release_fenced(t, d, role, f, view);
        resume_orphan(t, d, role, f, view);
        open_buffer(t, d, role, view);
        held_down(t, d, role, view);
        conditions(t, d, role);
    }
}

void
deeds_bystander(struct tracked *t, const struct dts_domain *d)
{
    t->acted = false;           /* What comes later is no transition. */
    t->in_takeover = t->suspecting = t->quiescing = t->held_down = false;
    held_down(t, d, BINDING_OTHER, NULL);
    if (d->state != DTS_GRANTED) {
        t->announce_since = 0;
    }
}

/* Writes an Event about 'd' with the phases recorded so far. */
void
deeds_note(struct tracked *t, const struct dts_domain *d, const char *type,
           const char *message)
{
    struct db_event event = {
        .domain = d->name,
        .type = type,
        .generation = d->generation,
        .message = message,
        .phases = &t->phases,
    };
    db_put_event(&event);
}

void
deeds_backward(const struct dts_domain *d, bool backward, int64_t seen)
{
    struct db_event event = {
        .domain = d->name,
        .type = backward ? "database-went-backward" : "database-caught-up",
        .generation = d->generation,
    };
    char *message = (backward
                     ? xasprintf("generation %"PRId64" was seen here, the "
                                 "database has %"PRId64": not followed; "
                                 "ovs-appctl -t dts-agent dts/adopt %s to "
                                 "accept it", seen, d->generation, d->name)
                     : xstrdup("the database is not older any more"));

    if (backward) {
        VLOG_ERR("domain %s: %s", d->name, message);
    }
    event.message = message;
    db_put_event(&event);
    db_put_condition(d->name, "database-went-backward", backward, message);
    free(message);
}

/* A gateway's receipt was made. */
void
deeds_switched(struct tracked *t, int64_t generation, long long int seen,
               long long int programmed, long long int fenced)
{
    if (t->switched_generation && generation > t->switched_generation) {
        struct db_event event = {
            .domain = t->name,
            .type = "switched",
            .generation = generation,
            .phases = &t->phases,
        };

        tracked_phase_reset(t);
        tracked_phase(t, "notified", seen);
        tracked_phase(t, "programmed", programmed);
        tracked_phase(t, "fenced", fenced);
        char *message = xasprintf("tunnel switched in %lld us, fenced after "
                                  "%lld us", programmed - seen,
                                  fenced - seen);
        event.message = message;
        db_put_event(&event);
        free(message);
        t->switch_logged = true;
    }
    t->switched_generation = generation;
}

void
deeds_first_frame(struct tracked *t, int64_t generation,
                  long long int mono_us)
{
    t->ran_generation = generation;
    if (t->switch_logged && generation == t->switched_generation) {
        struct db_event event = {
            .domain = t->name,
            .type = "restored",
            .generation = generation,
            .message = "first frame from the guest itself",
            .phases = &t->phases,
        };

        t->switch_logged = false;
        tracked_phase(t, "first_frame", mono_us);
        db_put_event(&event);
    }
    if (t->in_takeover) {
        tracked_phase(t, "first_frame", mono_us);
    }
}

/* The binding has changed from what 't' acted on to 'd'. */
static void
transition(struct tracked *t, const struct dts_domain *d,
           enum binding_role role, const struct dts_view *view)
{
    if (role == BINDING_STANDBY) {
        if (d->state == DTS_PROTECTED) {
            deeds_note(t, d, "protected", d->cause);
            start_hook(d, "protected", -1, false, view);
        }
        return;
    }
    if (role != BINDING_OWNER) {
        return;
    }

    switch (d->state) {
    case DTS_GRANTED:
        if (!t->suspecting) {
            tracked_phase_reset(t);
        }
        t->suspecting = false;
        t->in_takeover = true;
        t->announce_since = 0;
        tracked_phase(t, "granted", time_usec());
        start_hook(d, "pre-takeover", -1, false, view);
        return;

    case DTS_ALONE:
        if (t->in_takeover) {
            tracked_phase(t, "resumed", time_usec());
            deeds_note(t, d, "takeover", d->cause);
            start_hook(d, "post-takeover", -1, false, view);
        } else {
            deeds_note(t, d, "alone", d->cause);
            start_hook(d, "alone", -1, false, view);
        }
        t->in_takeover = false;
        return;

    case DTS_STOPPED:
    case DTS_RELEASED:
    case DTS_FAILED:
    case DTS_LOST:
        t->in_takeover = false;
        t->announce_since = 0;
        deeds_note(t, d, dts_state_to_string(d->state), d->cause);
        return;

    case DTS_PROTECTED:
        start_hook(d, "protected", -1, false, view);
        return;
    }
}

/* The survivor, between the grant and the running guest. */
static void
granted(struct tracked *t, const struct dts_domain *d,
        const struct dts_view *view)
{
    long long int ms = time_msec() - t->in_state_since;
    char *missing;

    if (binding_fenced(d, ms, view->timers.lease, &missing)) {
        if (!t->fence_seen) {
            t->fence_seen = true;
            tracked_phase(t, "fenced", time_usec());
            t->announce_since = time_msec();
            db_put_condition(d->name, "fence-unconfirmed", false, NULL);
        }
    } else if (ms > FENCE_WARN_MS) {
        char *text = xasprintf("waiting for %s to say that the old owner is "
                               "cut off", missing ? missing : "a gateway "
                               "(the network has none)");
        db_put_condition(d->name, "fence-unconfirmed", true, text);
        free(text);
    }
    free(missing);
}

/* Only the hold-down keeps this node from a takeover: which is told once. */
static void
tell_held_down(struct tracked *t, const struct dts_domain *d,
               long long int left)
{
    char *at = xastrftime_msec("%H:%M:%S", time_wall_msec() + left, true);
    char *text = xasprintf("%s is not taken over before %s UTC, so soon after "
                           "the last failover, unless an operator says so: "
                           "dts-ctl switch %s %s", d->name, at, d->name,
                           d->standby);
    struct db_event event = {
        .domain = d->name,
        .type = "hold-down",
        .generation = d->generation,
        .message = text,
    };

    t->held_told = true;
    VLOG_WARN("%s", text);
    db_put_event(&event);
    db_put_condition(d->name, "hold-down", true, text);
    free(text);
    free(at);
}

/* (While the witness is asked anew its last answer is none.) */
static void
held_down(struct tracked *t, const struct dts_domain *d,
          enum binding_role role, const struct dts_view *view)
{
    if (t->held_down) {
        long long int left = tracked_hold_ms(t, d, view->timers.hold_down);

        t->held_at = time_msec();
        poll_timer_wait(MAX(left, 0));
        if (!t->held_told) {
            tell_held_down(t, d, left);
        }
    } else if (t->held_told && (role != BINDING_STANDBY
                                || time_msec() - t->held_at > HELD_MS)) {
        t->held_told = false;
        db_put_condition(d->name, "hold-down", false, NULL);
    }
}

static bool
hook_due(struct tracked *t)
{
    if (time_msec() < t->next_hook) {
        return false;
    }
    t->next_hook = time_msec() + HOOK_REPEAT_MS;
    return true;
}

/* Guests and copies that have no right to be here.
 *
 * A guest whose domain another node owns is paused at once (its frames are
 * dropped already) and destroyed when that node runs it.  So is a copy that xl
 * resumes without asking (a plain `xl remus` that hears nothing more), or
 * before it is known that it may (xl migrate), but that it is destroyed only
 * once no grant has come for a while; a copy to which no session belongs is
 * destroyed. */
static void
clear_away(struct tracked *t, const struct dts_domain *d,
           enum binding_role role, const struct binding_facts *f,
           const struct dts_view *view)
{
    const struct guest *own = guests_find(d->name, GUEST_OWN);
    const struct guest *copy = guests_find(d->name, GUEST_INCOMING);

    if (own && own->renamed && role == BINDING_OWNER
        && (d->state == DTS_ALONE || d->state == DTS_PROTECTED)) {
        guests_settle(own->domid);
    }
    /* Only what is surely this domain's, by its MAC, and is not just arriving;
     * and only on the word of a database that answers. */
    bool arrived = (own && own->renamed
                    && time_usec() - own->renamed_us < ARRIVAL_US);
    bool foreign = (own && f->own_is_ours && role == BINDING_STANDBY
                    && db_is_settled() && view->fence != DTS_FENCE_NONE
                    && (d->state == DTS_GRANTED || d->state == DTS_ALONE
                        || d->state == DTS_PROTECTED));
    bool wrong = foreign && !arrived;

    if (foreign && own->domid != t->foreign_domid) {
        t->foreign_domid = own->domid;
        t->next_hook = 0;       /* What another one was told is past. */
    }
    if (!wrong) {
        t->own_since = 0;
    } else if (!t->own_since) {
        t->own_since = time_msec();
    }
    if (foreign && (arrived || d->state == DTS_GRANTED)) {
        /* (Of one that is arriving nothing is destroyed: after xl migrate it is
         * the only one, which the other node is about to give up.) */
        bool destroy = view->fence == DTS_FENCE_DESTROY && !arrived;

        if (own->state == GUEST_RUNNING && hook_due(t)) {
            if (arrived) {
                VLOG_WARN("domain %s: xl has resumed the copy here (domid %d), "
                          "which this node was not granted: %s owns it "
                          "(generation %"PRId64"); it is cut off and paused",
                          d->name, own->domid, d->owner, d->generation);
            }
            if (!destroy) {
                tracked_set_fenced(t, own->domid);
            }
            start_hook_with(d, "fence", own->domid, false, destroy
                            ? DTS_FENCE_DESTROY : DTS_FENCE_PAUSE, view);
        }
    } else if (wrong && own->state != GUEST_UNKNOWN
               && time_msec() - t->own_since >= OWN_GRACE_MS && hook_due(t)) {
        VLOG_WARN("domain %s: %s runs it (generation %"PRId64"): the old one "
                  "here (domid %d) is destroyed", d->name, d->owner,
                  d->generation, own->domid);
        start_hook(d, "cleanup", own->domid, false, view);
    }

    const struct session *s = session_of(d->name, false, NULL);
    bool served = s && (s->link || s->gate);
    if (copy && served) {
        t->copy_domid = copy->domid;
    }
    /* A copy that runs is no left-over, and one that no session of ours made
     * is xl's business (xl migrate). */
    bool orphan = (copy && !served && d->state != DTS_GRANTED
                   && copy->state == GUEST_PAUSED
                   && copy->domid == t->copy_domid);
    if (!orphan) {
        t->copy_since = 0;
    } else if (!t->copy_since) {
        t->copy_since = time_msec();
    } else if (time_msec() - t->copy_since > COPY_GRACE_MS && hook_due(t)) {
        VLOG_WARN("domain %s: the copy here (domid %d) belongs to no "
                  "session: destroyed", d->name, copy->domid);
        start_hook(d, "cleanup", copy->domid, true, view);
    }
}

/* A guest that our fence paused, and that this node may run after all (the
 * new owner could not resume its copy, or it has come by xl migrate): it is let
 * go on.  One that was paused by somebody else is none of our business. */
static void
release_fenced(struct tracked *t, const struct dts_domain *d,
               enum binding_role role, const struct binding_facts *f,
               const struct dts_view *view)
{
    const struct guest *own = guests_find(d->name, GUEST_OWN);
    int domid = tracked_fenced(t);

    if (domid < 0 || !guests_known()) {
        return;
    }
    if (!own || own->domid != domid) {
        if (!guests_find_domid(domid)) {
            tracked_set_fenced(t, -1);
        }
        return;
    }
    /* (One that came by xl migrate has no gate that waits for the fence.) */
    bool may_run = (d->state == DTS_ALONE || d->state == DTS_PROTECTED
                    || (d->state == DTS_GRANTED && own->renamed
                        && t->fence_seen));
    if (role != BINDING_OWNER || !f->own_is_ours || !db_is_settled()
        || !may_run || hooks_running("fence", d->name)) {
        t->unfenced_since = 0;
        return;
    }
    if (own->state == GUEST_RUNNING) {
        /* (The fence's pause may be heard of a little later.) */
        if (!t->unfenced_since) {
            t->unfenced_since = time_msec();
        } else if (time_msec() - t->unfenced_since >= UNFENCED_MS) {
            tracked_set_fenced(t, -1);
        }
    } else {
        t->unfenced_since = 0;
        if (own->state == GUEST_PAUSED && hook_due(t)) {
            VLOG_WARN("domain %s was paused by the fence, and is this node's "
                      "again (generation %"PRId64"): it goes on", d->name,
                      d->generation);
            start_hook(d, "unfence", own->domid, false, view);
        }
    }
}

/* True while something that carries 'd' away from here lives. */
static bool
is_served(const struct dts_domain *d)
{
    const struct session *s = session_of(d->name, true, NULL);

    return s && (s->link || s->gate || s->engine);
}

/* True if 'd' is this node's and no copy can take it over: where a session is
 * named, or the database may have moved on, one may be protected any moment. */
static bool
is_ours_alone(const struct dts_domain *d, enum binding_role role)
{
    return (role == BINDING_OWNER && d->state == DTS_ALONE && !d->session[0]
            && db_is_settled());
}

/* A guest that was suspended by a session of ours which then died with its
 * `xl remus` stays suspended for ever: nobody else resumes it. */
static void
resume_orphan(struct tracked *t, const struct dts_domain *d,
              enum binding_role role, const struct binding_facts *f,
              const struct dts_view *view)
{
    bool served = is_served(d);

    if (served || d->session[0]) {
        t->served_at = time_msec();
    }
    if (f->guest != GUEST_SUSPENDED) {
        t->suspended_since = 0;
        return;
    }
    /* (A suspension that was asked for may come when xl has given up.) */
    if (!t->suspended_since || served) {
        t->suspended_since = time_msec();
        t->had_session = (t->served_at
                          && time_msec() - t->served_at < SERVED_MS);
    }
    if (is_ours_alone(d, role) && t->had_session
        && time_msec() - t->suspended_since > view->timers.stall
        && hook_due(t)) {
        const struct guest *own = guests_find(d->name, GUEST_OWN);
        VLOG_WARN("domain %s was left suspended: resumed", d->name);
        start_hook(d, "resume", own ? own->domid : -1, false, view);
    }
}

/* True if something of a buffer (libxl-ext/netbuf-dev.c) is on one of the vifs:
 * this end of its pair is the last to go. */
static bool
is_buffered(int domid)
{
    char name[IFNAMSIZ];

    for (int devid = 0; devid < MAX_VIFS; devid++) {
        snprintf(name, sizeof name, "dtsa%d.%d", domid, devid);
        if (dts_netdev_exists(name)) {
            return true;
        }
    }
    return false;
}

/* An `xl-remus protect` that died leaves its buffer as it was: what the guest
 * sends is held for ever.  The domain being this node's alone, no copy of before
 * that can run any more: it may leave. */
static void
open_buffer(struct tracked *t, const struct dts_domain *d,
            enum binding_role role, const struct dts_view *view)
{
    const struct guest *own = guests_find(d->name, GUEST_OWN);

    if (!is_ours_alone(d, role) || !own
        || (own->state != GUEST_RUNNING && own->state != GUEST_PAUSED)
        || is_served(d)) {
        t->buffer_look = 0;
        return;
    }
    if (!t->buffer_look) {
        t->buffer_look = time_msec() + view->timers.stall;
    } else if (time_msec() >= t->buffer_look) {
        t->buffer_look = time_msec() + view->timers.stall;
        /* (One that waits for its peer keeps its buffer, which is open.) */
        if (is_buffered(own->domid) && !dts_engine_lives(d->name)
            && !hooks_running("unbuffer", d->name)) {
            VLOG_WARN("domain %s: its output is held by a buffer that nobody "
                      "looks after: let out", d->name);
            start_hook(d, "unbuffer", own->domid, false, view);
        }
    }
    poll_timer_wait_until(t->buffer_look);
}

static void
conditions(const struct tracked *t, const struct dts_domain *d,
           enum binding_role role)
{
    const struct session *s = session_of(d->name, role == BINDING_OWNER,
                                         d->session[0] ? d->session : NULL);
    bool protected = d->state == DTS_PROTECTED;

    bool at_owner = protected && role == BINDING_OWNER;
    bool at_standby = protected && role == BINDING_STANDBY && s;

    if (at_owner && s && s->committed) {
        /* What bypasses the buffer is the operator's wish, but no secret. */
        char *text = (s->realtime[0]
                      ? xasprintf("committed, except %s", s->realtime)
                      : xstrdup("committed"));

        db_put_condition(d->name, "output", true, text);
        free(text);
    } else {
        db_put_condition(d->name, "output", at_owner,
                         "uncommitted (what the guest sends is not held "
                         "until the standby has the checkpoint: xl remus -n, "
                         "or xl-remus protect -n)");
    }
    db_put_condition(d->name, "slow", at_owner && s && s->slow[0],
                     s ? s->slow : "");
    db_put_condition(d->name, "checkpoint",
                     at_standby && s->n && time_msec() - s->n_at > STALE_MS,
                     "stale: no whole checkpoint for more than 5 s");
    db_put_condition(d->name, "suspicion",
                     at_standby && s->suspect && !t->held_told,
                     d->failover_auto
                     ? "the standby suspects the owner; the witness has not "
                     "confirmed it"
                     : "the standby suspects the owner; failover=manual "
                     "waits for dts-ctl switch");
    if (d->state != DTS_GRANTED) {
        db_put_condition(d->name, "fence-unconfirmed", false, NULL);
    }
}

static void
start_hook(const struct dts_domain *d, const char *event, int domid,
           bool copy, const struct dts_view *view)
{
    start_hook_with(d, event, domid, copy, view->fence, view);
}

/* The same, with another way of fencing than the database's. */
static void
start_hook_with(const struct dts_domain *d, const char *event, int domid,
                bool copy, enum dts_fence_action fence,
                const struct dts_view *view)
{
    struct smap env = SMAP_INITIALIZER(&env);

    smap_add_format(&env, "DTS_GENERATION", "%"PRId64, d->generation);
    smap_add(&env, "DTS_OWNER", d->owner);
    smap_add(&env, "DTS_STANDBY", d->standby);
    smap_add(&env, "DTS_STATE", dts_state_to_string(d->state));
    smap_add(&env, "DTS_CAUSE", d->cause);
    smap_add(&env, "DTS_NODE", view->self_name);
    smap_add(&env, "DTS_FENCE",
             fence == DTS_FENCE_DESTROY ? "destroy"
             : fence == DTS_FENCE_NONE ? "none" : "pause");
    smap_add(&env, "DTS_COPY", copy ? "1" : "0");
    if (domid >= 0) {
        smap_add_format(&env, "DTS_DOMID", "%d", domid);
    }
    hooks_start(event, d->name, &env);
    smap_destroy(&env);
}
