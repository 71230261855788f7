/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_EPOCH_H
#define DTS_EPOCH_H 1

/* Output commit: when the guest may resume, when the next checkpoint may
 * begin, and when what the guest sent may leave.
 *
 * Epoch n is what the guest sends between its resume at checkpoint n-1 and its
 * suspension for checkpoint n: it may leave once the peer holds checkpoint n.
 * The buffer (sch_plug) knows one closed epoch at a time:
 *
 *   BUFFER       closes the epoch that is open; all that follows is held.
 *   RELEASE      lets the closed epoch go.
 *   RELEASE_ALL  lets everything go, from now on.
 *
 * A second BUFFER without a RELEASE between would make the plug forget the
 * first, so there is never one.  Pure: events in, one action at a time out; no
 * descriptor, no clock. */

#include <stdbool.h>
#include <stdint.h>

enum epoch_action {
    EPOCH_WAIT,                 /* Nothing is due. */
    EPOCH_BUFFER,               /* Close the epoch. */
    EPOCH_RESUME,               /* Answer `resume?`: the guest goes on. */
    EPOCH_NEXT,                 /* Answer `next?`: checkpoint 'begun' + 1. */
    EPOCH_RELEASE,              /* Let the closed epoch go. */
    EPOCH_RELEASE_ALL,
    EPOCH_STOP,                 /* Tell the gate to end the helper. */
    EPOCH_GIVE_UP,              /* End the session: replication is over, and
                                 * the agent is to say whose the guest is. */
};

enum epoch_verdict {
    EPOCH_UNDECIDED,
    EPOCH_ALONE,                /* The guest goes on here without a copy. */
    EPOCH_TAKEN,                /* It runs, or may run, at the peer. */
};

struct epoch {
    uint64_t begun;             /* Checkpoints begun: the newest one's number
                                 * (the first copy is number 1). */
    uint64_t closed;            /* Newest epoch that is closed. */
    uint64_t released;          /* Newest epoch that was let go. */
    uint64_t acked;             /* Newest checkpoint that the peer holds. */

    uint64_t resume, next;      /* The question that is open: its number;
                                 * 0: not that one. */
    uint64_t wanted;            /* Begin this one without waiting. */
    bool due;                   /* The interval is over. */

    enum epoch_verdict verdict;
    bool released_all, stopped; /* After EPOCH_ALONE. */
    bool release_waits;         /* EPOCH_RELEASE_ALL failed: until
                                 * epoch_retry(). */
    bool failed, given_up;
    const char *why;            /* Of 'failed'. */
};

void epoch_init(struct epoch *);

/* What becomes of what the guest sends, as things stand; also when nothing more
 * will come of the session. */
enum epoch_output {
    EPOCH_PASSES,               /* All leaves: not yet held, or not any more. */
    EPOCH_COMMITTED,            /* It leaves when the peer has the checkpoint
                                 * that it belongs to, and not otherwise. */
    EPOCH_STUCK,                /* All is to leave, and could not yet. */
    EPOCH_NEVER,                /* The peer's copy has not seen it. */
};

/* What happened. */
void epoch_resume_asked(struct epoch *, uint64_t n);
void epoch_next_asked(struct epoch *, uint64_t n);
void epoch_acked(struct epoch *, uint64_t n);
void epoch_due(struct epoch *);
void epoch_verdict(struct epoch *, enum epoch_verdict);
/* Anything after which output commit cannot be kept up.  'why' is kept. */
void epoch_fail(struct epoch *, const char *why);
/* A checkpoint is wanted at once: returns its number, whose content is not
 * older than this call. */
uint64_t epoch_want(struct epoch *);
/* What could not be released is to be tried again. */
void epoch_retry(struct epoch *);

/* The one thing that is due.  The caller does it and says so, until
 * EPOCH_WAIT.  With 'ok' false it could not be done. */
enum epoch_action epoch_todo(const struct epoch *);
void epoch_did(struct epoch *, enum epoch_action, bool ok);

enum epoch_output epoch_output(const struct epoch *);

const char *epoch_action_name(enum epoch_action);

#endif /* epoch.h */
