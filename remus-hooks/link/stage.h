/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LINK_STAGE_H
#define DTS_LINK_STAGE_H 1

/* How a session stands at its receiving end: what xl's receiver may get, and
 * when its stream ends (docs/protocol.md, section 2, "the receiver, on
 * suspicion").
 *
 * Pure: what happened goes in, what is to be done comes out; times are
 * milliseconds on the monotonic clock. */

#include <stdbool.h>
#include <stdint.h>

enum stage_name {
    STAGE_COPYING,              /* Before the first whole checkpoint: bytes go
                                 * straight on, and an end is just an end. */
    STAGE_HOLDING,              /* Whole checkpoints only; any end would make
                                 * xl start the copy. */
    STAGE_DRAINING,             /* Committed: the rest, then a reset. */
    STAGE_RESET,                /* Ended; xl is not yet. */
};

/* What is to be done, in this order. */
enum stage_action {
    STAGE_SAY_HEARD = 1 << 0,   /* Tell the agent: no longer suspected... */
    STAGE_SAY_SUSPECT = 1 << 1, /* ...or that it is. */
    STAGE_ASK = 1 << 2,         /* `grant?` */
    STAGE_DRAIN = 1 << 3,       /* Close the connection; xl gets the rest. */
    STAGE_END = 1 << 4,         /* Reset xl's stream. */
};

struct stage {
    enum stage_name name;
    int told;                   /* Suspicion that the agent was told of; 0:
                                 * none. */
    bool asked;
    uint64_t taken;             /* Bytes that xl has taken... */
    long long int taken_at;     /* ...most lately. */
};

void stage_init(struct stage *);

/* A checkpoint is whole.  Returns true for the first one. */
bool stage_whole(struct stage *);
/* Whether what came may go to xl, although no checkpoint ends there. */
bool stage_passes(const struct stage *, bool stream_ended);
/* Whether more of the stream can be taken: what xl has not taken of it
 * ('ready' bytes that it may) must not grow for ever.  A checkpoint that is not
 * whole yet must become so. */
bool stage_wants(const struct stage *, bool connected, uint64_t ready,
                 uint64_t burst, uint64_t memory);

/* The peer is suspected (0: it is not).  Each returns a set of enum
 * stage_action. */
unsigned int stage_suspicion(struct stage *, int suspicion);
/* The agent's answer to `grant?`, or that the session is to end (`kill`). */
unsigned int stage_verdict(struct stage *, const char *verdict);
/* xl has taken all that it may. */
unsigned int stage_drained(struct stage *);
/* It does not matter what for: xl's receiver has ended, what was held is
 * lost. */
unsigned int stage_end(struct stage *);

/* Of 'marked' bytes that xl may have, 'left' are not taken.  Returns true if
 * it has taken nothing for longer than 'limit': its copy could not take
 * over. */
bool stage_hung(struct stage *, uint64_t marked, uint64_t left,
                long long int now, long long int limit);

#endif /* stage.h */
