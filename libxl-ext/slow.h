/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SLOW_H
#define DTS_SLOW_H 1

/* Whether checkpoints come as often as is bearable.
 *
 * A checkpoint begins when the one before is acknowledged, so the interval
 * adapts by itself to what guest, hosts and link can do: all that is held waits
 * as long, and as much is lost with the host (but nothing that anybody saw).
 * Beyond a bound that is to be told, with what takes the time.  Pure. */

#include <stdbool.h>

struct remus_dts_checkpoint;

/* So many in a row, so that one long interval is no news. */
#define SLOW_CHECKPOINTS 8

struct slow {
    int bound_ms;
    int n;                      /* In a row that differ from 'slow'. */
    bool slow;
};

/* The bound where none is given: ten times what is asked for, and 2 s. */
int slow_default_bound(int interval_ms);

/* Another one is committed.  Returns true if 'slow' has changed by it. */
bool slow_checkpoint(struct slow *, const struct remus_dts_checkpoint *);

/* What to tell of it: how often they come and what takes the most of it.  To be
 * freed. */
char *slow_text(const struct remus_dts_checkpoint *, int interval_ms);

#endif /* slow.h */
