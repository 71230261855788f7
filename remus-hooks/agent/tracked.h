/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_TRACKED_H
#define DTS_TRACKED_H 1

/* What the agent remembers of a domain from round to round.  All of it may be
 * lost: safety comes from the database and the switch's marks. */

#include <stdbool.h>
#include <stdint.h>
#include "smap.h"
#include "view.h"

struct tracked {
    char *name;

    /* Generations (invariant 6). */
    bool marked;                /* 'seen_generation' was read. */
    int64_t seen_generation;
    bool backward;
    struct tracked_binding {
        char *owner, *standby, *session;
        int64_t generation;
        enum dts_state state;
    } accepted;                 /* Last one that did not go backwards. */

    /* The binding as of the last round, and since when. */
    bool known;
    int64_t generation;
    enum dts_state state;
    char *session;
    long long int in_state_since;   /* ms, monotonic */

    /* Suspicion and takeover. */
    bool suspecting;
    bool in_takeover;           /* From the grant to the running guest. */
    int64_t ran_generation;     /* A frame of the guest was seen here. */

    /* The hold-down. */
    int64_t failover_at;        /* As the binding said. */
    long long int failover_mono;    /* ms, monotonic: that was then. */
    bool held_down;             /* Else it would be taken over now. */
    bool held_told;             /* ...which was noted, and still is so... */
    long long int held_at;      /* ...at this time, ms. */
    struct smap phases;         /* Name to "REALTIME MONOTONIC", us. */

    /* An operator's switch. */
    bool quiescing;
    long long int quiesced_at;  /* ms, monotonic */
    uint64_t quiesce_suspend;   /* This checkpoint has all. */
    int64_t given_up;           /* Generation whose request was given up. */

    /* deeds.c: what was done about the present binding. */
    bool acted;                 /* 'acted_*' are set. */
    int64_t acted_generation;
    enum dts_state acted_state;
    char *acted_owner;
    bool fence_seen;
    int announced;              /* Announcements sent since the fence. */
    long long int announce_since;   /* ms, monotonic */
    long long int next_hook;    /* ms: a hook is not repeated before. */
    long long int suspended_since;  /* ms; 0: the guest is not suspended. */
    long long int buffer_look;      /* ms: for a buffer that nobody looks
                                     * after; 0: there cannot be one. */
    bool had_session;           /* ...and a session of ours suspended it. */
    long long int served_at;    /* ms; last time that it had a session. */
    long long int copy_since;   /* ms; 0: no left-over copy. */
    int copy_domid;             /* Copy that a session of ours made. */
    int foreign_domid;          /* Guest here that another node owns. */
    long long int own_since;    /* ms; 0: no guest that is not ours to run. */
    int64_t switched_generation;    /* A gateway's: last receipt. */
    bool switch_logged;

    enum { SEEN_UNKNOWN, SEEN_NO, SEEN_YES } guest_seen;
    bool fenced_known;          /* 'fenced_domid' was read. */
    int fenced_domid;           /* Guest that our fence paused; -1: none. */
    long long int unfenced_since;   /* ms; 0: it does not run as it should. */

    unsigned int sweep;
};

/* Whether the guest itself (not a copy) was here since this host started: kept
 * under /run, so that an agent that was restarted knows it still, and a host
 * that was restarted knows it no more. */
void tracked_set_guest_seen(struct tracked *);
bool tracked_guest_seen(struct tracked *);

/* The guest here that our fence has paused, or is about to; -1: none.  Kept in
 * the same place: who pauses a guest has to let it go on, too. */
void tracked_set_fenced(struct tracked *, int domid);
int tracked_fenced(struct tracked *);

struct tracked *tracked_get(const char *name);  /* Made if need be. */
struct tracked *tracked_find(const char *name);
void tracked_update(struct tracked *, const struct dts_domain *);
/* What is left of the hold-down (binding.h), by this host's monotonic clock. */
long long int tracked_hold_ms(const struct tracked *,
                              const struct dts_domain *, int hold_down_s);
void tracked_accept(struct tracked *, const struct dts_domain *);
void tracked_restore(const struct tracked *, struct dts_domain *,
                     const struct dts_view *);
void tracked_phase(struct tracked *, const char *name, long long mono_us);
void tracked_phase_reset(struct tracked *);
/* Forgets one domain; true if it was known. */
bool tracked_drop(const char *name);
/* Forgets the domains that the view does not have; true if there were any. */
bool tracked_sweep(const struct dts_view *);
/* Removes what is kept of a domain in the run directory. */
void tracked_forget(const char *name);
bool tracked_busy(void);
void tracked_set_busy(void);

#endif /* tracked.h */
