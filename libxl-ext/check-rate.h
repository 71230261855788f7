/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_RATE_H
#define DTS_CHECK_RATE_H 1

/* How much a domain writes to its memory, and whether the link is fast enough
 * for that. */

#include <stdbool.h>
#include <stdint.h>

#include "check-peer.h"

struct check_lines;

/* What is known of a protection that goes on. */
struct check_engine {
    bool lives;                 /* There is an engine... */
    bool is_protected;          /* ...and it protects. */
    int asked_ms;               /* The interval it was told. */
    double interval_ms;         /* What it reaches; 0: nothing yet. */
    double bytes;               /* In a checkpoint. */
};

/* Asks the engine of 'domain', if there is one. */
void check_engine_look(const char *domain, struct check_engine *);

struct check_rate {
    const char *domain;
    uint32_t domid;
    int interval_ms;            /* That is wanted. */
    const struct check_engine *engine;
    const char *copy;           /* Why there is one; NULL: there is none. */
    bool measure_dirty;         /* Switch Xen's log of dirty pages on. */
    const char *peer;
    const struct check_clocks *clocks;  /* NULL: the peer does not answer. */
    double bandwidth;           /* Bytes a second; 0: not measured. */
};
/* Says which interval is held, or could be; measures what the guest writes, if
 * that is wanted and nobody makes a copy. */
void check_rate(struct check_lines *, const struct check_rate *);

#endif /* check-rate.h */
