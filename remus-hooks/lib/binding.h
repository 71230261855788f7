/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_BINDING_H
#define DTS_BINDING_H 1

/* Who runs a domain: the binding's state machine, pure.
 *
 * A binding is (owner, standby, generation, session, state), one row a domain
 * in the DTS database.  An agent gathers what it knows into 'struct
 * binding_facts', binding_event() names what has happened, and binding_next()
 * looks up in a table what may be done about it: one transaction that waits on
 * (owner, generation, session, state) and changes them, or nothing.  Whether
 * the transaction was committed is learned by reading the binding again, never
 * from the commit's answer alone.
 *
 *    alone      The owner runs (or may start).  No copy may ever be granted.
 *               A 'session' names the one that the owner sends now: the
 *               standby may protect the domain with that one, and no other.
 *    protected  The standby holds at least one whole checkpoint of 'session'.
 *    granted    The owner (the former standby) may resume once fenced.
 *    released   The owner has given the domain up; who holds 'session' may
 *               take it.
 *    failed     The owner could not resume; the former owner may take back.
 *    stopped    Runs nowhere, in good order.
 *    lost       Runs nowhere, and nobody can resume it. */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "view.h"

/* What this node is to the domain. */
enum binding_role { BINDING_OTHER, BINDING_OWNER, BINDING_STANDBY };
#define BINDING_N_ROLES 3

enum binding_event {
    BE_NONE,

    /* On the owner. */
    BE_GUEST_STARTED,           /* The guest runs here. */
    BE_GUEST_SHUTDOWN,          /* It was shut down in good order. */
    BE_GUEST_REBOOT,
    BE_GUEST_LOST_STOP,         /* Crashed or destroyed, and on_loss=stop. */
    BE_GUEST_LOST_FAILOVER,     /* The same, and on_loss=failover. */
    BE_GUEST_ABSENT,            /* Not here, nor ever since this host
                                 * started. */
    BE_GUEST_MIGRATED,          /* xl renamed it to NAME--migratedaway. */
    BE_SESSION_BEGAN,           /* A session of replication is under way. */
    BE_LINK_LOST,               /* The session of replication is broken. */
    BE_SWITCH_READY,            /* Operator's switch: the standby's copy has
                                 * all that clients have seen. */
    BE_SWITCH_STOPPED,          /* Operator's switch of a stopped domain. */
    BE_RELEASE_EXPIRED,         /* Nobody took what we released. */
    BE_RESUMED,                 /* The granted copy runs. */
    BE_RESUME_FAILED,           /* The granted copy could not be resumed. */
    BE_NO_TAKE_BACK,            /* 'failed' for long. */

    /* On the standby. */
    BE_COPY_WHOLE,              /* First whole checkpoint, behind a gate. */
    BE_PRIMARY_DEAD,            /* Suspected, and the witness agrees. */
    BE_COPY_HELD,               /* Released, and we hold that session. */
    BE_MIGRATED_HERE,           /* xl migrate's guest arrived. */
    BE_TAKE_BACK,               /* Failed there, and we hold the original. */
    BE_HELD_DOWN,               /* We would take it over, but for the
                                 * hold-down: nothing is done. */
    BE_N_EVENTS
};

enum guest_state {
    GUEST_UNKNOWN,              /* Xen does not answer (yet). */
    GUEST_ABSENT,
    GUEST_RUNNING,
    GUEST_PAUSED,
    GUEST_SUSPENDED,            /* Shut down with reason "suspend". */
    GUEST_SHUTDOWN,
    GUEST_REBOOT,
    GUEST_CRASHED,
};

enum witness_answer { WITNESS_NONE, WITNESS_UP, WITNESS_DOWN };

/* All that this node knows about a domain beside its binding. */
struct binding_facts {
    /* The guest under its own name (not a copy), here. */
    enum guest_state guest;
    bool guest_seen;            /* It was here since this host started. */
    bool guest_ran;             /* It was here, as itself, since the binding
                                 * is as it is. */
    bool guest_migrated;        /* NAME--migratedaway is here. */
    bool own_is_ours;           /* The guest here has this domain's MAC. */
    bool shutdown_asked;        /* The toolstack asked for poweroff... */
    bool reboot_asked;          /* ...or for a reboot. */

    /* This end as the sender. */
    const char *send_session;   /* "" if none. */
    bool send_broken;           /* The link suspects, ended, is gone; the gate
                                 * waits; the stream stalls; or the peer
                                 * suspects us for long. */
    bool original_held;         /* The gate holds xl of 'send_session'. */

    /* This end as the receiver. */
    const char *recv_session;   /* "" if none. */
    bool recv_whole;            /* Holds a whole checkpoint... */
    bool recv_gated;            /* ...behind a gate that is connected. */
    bool recv_suspect;          /* The link suspects the sender. */
    bool recv_ended;            /* xl's receiver has ended... */
    bool recv_failed;           /* ...with an error. */
    bool copy_here;             /* NAME--incoming is here... */
    bool copy_paused;           /* ...and the hypervisor says: paused. */
    bool renamed_here;          /* NAME appeared by a rename, no session. */

    bool fenced;                /* In 'failed' and 'lost': no gateway lets
                                 * anything of the former owner through. */

    enum witness_answer witness_owner; /* The fresh answer about the owner. */
    enum witness_answer witness_self;  /* About this node. */

    bool failover_auto;
    bool on_loss_failover;
    bool switch_asked;          /* An operator wants this domain moved (on the
                                 * standby: to this node). */
    bool switch_ready;          /* See BE_SWITCH_READY. */
    long long int in_state_ms;  /* Since the binding is as it is. */
    long long int hold_ms;      /* What is left of the hold-down; below 0: it
                                 * is over for so long. */
};

/* Time that a release, and a failed resume, wait for someone to take it. */
#define BINDING_RELEASE_MS 10000
#define BINDING_TAKE_BACK_MS 30000

/* In place of 'hold_ms': there is no hold-down. */
#define BINDING_NO_HOLD LLONG_MIN

/* A gateway of a closed network that cannot reach the database lets nothing of
 * the old owner through any more when its flows' lease is over and so much
 * more: it believes in its session for twice the probe interval (4 s), may have
 * been stopped for a second without noticing it (db.c: STOPPED_MS), its switch
 * looks for expired flows within a second, and its revalidators pass within
 * another.  tests/model/gateways.pml has the same sum. */
#define BINDING_LEASE_SLACK_MS 7000

enum binding_session_op { SESSION_KEEP, SESSION_CLEAR, SESSION_SET };

/* A row of the table: what is done about 'event' in 'state'. */
struct binding_rule {
    enum binding_role role;
    enum dts_state state;
    enum binding_event event;
    enum dts_state next;
    bool swap;                  /* Owner and standby change places, and the
                                 * generation goes up by one. */
    enum binding_session_op session;
    bool needs_witness;         /* The transaction also waits on the witness's
                                 * rows. */
    const char *type;           /* Event.type. */
    const char *cause;          /* Binding.cause. */
};

enum binding_role binding_role(const struct dts_domain *, const char *self);
enum binding_event binding_event(const struct dts_domain *,
                                 enum binding_role,
                                 const struct binding_facts *);
const struct binding_rule *binding_next(enum binding_role, enum dts_state,
                                        enum binding_event);

/* The answers to `alone?` and `grant?`. */
enum binding_verdict {
    VERDICT_NOT_YET,
    VERDICT_ALONE, VERDICT_TAKEN,
    VERDICT_COMMIT, VERDICT_GRANTED, VERDICT_DENIED,
};
enum binding_verdict binding_verdict_send(const struct dts_domain *,
                                          const char *self,
                                          const char *session);
enum binding_verdict binding_verdict_recv(const struct dts_domain *,
                                          const char *self,
                                          const char *session,
                                          long long int in_state_ms,
                                          int lease_ms);
bool binding_fenced(const struct dts_domain *, long long int in_state_ms,
                    int lease_ms, char **missing);

/* The hold-down: so long after a failover that no operator asked for, the next
 * one waits for him.  'since_ms' is how long ago that is. */
long long int binding_hold_ms(const struct dts_domain *, int hold_down_s,
                              long long int since_ms);
/* The binding's new 'failover_at' after a step of 'rule'; 'now' is in ms since
 * the epoch. */
int64_t binding_failover_at(const struct binding_rule *, bool by_operator,
                            int64_t old, int64_t now);

/* True if a guest of this domain may run on 'self' (its vif may speak). */
bool binding_may_run(const struct dts_domain *, const char *self);

const char *binding_event_to_string(enum binding_event);
const char *binding_verdict_to_string(enum binding_verdict);

#endif /* binding.h */
