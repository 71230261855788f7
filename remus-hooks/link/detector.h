/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_DETECTOR_H
#define DTS_DETECTOR_H 1

/* The failure detector: silence on all paths for too long is a suspicion; life
 * withdraws it.
 *
 * Time in which this process itself did not run (it was stopped, the host was
 * out of breath) is no silence of the peer's: what the peer sent meanwhile is
 * still to be read.  After such a gap the peer gets half the time again.
 *
 * Pure; times are milliseconds on the monotonic clock. */

#include <stdbool.h>

struct detector {
    long long int timeout;
    long long int last_life;
    long long int last_run;
};

static inline void
detector_init(struct detector *d, long long int timeout, long long int now)
{
    d->timeout = timeout;
    d->last_life = d->last_run = now;
}

/* A beat or bytes came. */
static inline void
detector_life(struct detector *d, long long int now)
{
    d->last_life = now;
}

/* To be called often, after all that came has been read.  True: suspect. */
static inline bool
detector_run(struct detector *d, long long int now)
{
    long long int grace = d->timeout / 2;

    if (now - d->last_run > grace && now - d->last_life > grace) {
        d->last_life = now - grace;
    }
    d->last_run = now;
    return now - d->last_life >= d->timeout;
}

/* When detector_run() may change its mind. */
static inline long long int
detector_deadline(const struct detector *d)
{
    return d->last_life + d->timeout;
}

#endif /* detector.h */
