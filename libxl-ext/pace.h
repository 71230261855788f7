/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PACE_H
#define DTS_PACE_H 1

/* How far a copy may fall behind before the next checkpoint waits.
 *
 * xl begins one checkpoint after the other, whether or not the standby has
 * the one before: between them lie the buffers of two sockets, the link's own,
 * and a receiver that may be slow.  All that they hold would be lost with the
 * host.  So the next checkpoint waits, and the guest runs meanwhile, until the
 * standby has acknowledged all that is older than PACE_LAG_MS; what is younger
 * may be under way, so that a distant standby does not make them rarer.
 * (Cully et al., NSDI 2008, section 3.2, let the speed of the link bound the
 * rate of checkpoints in the same way.)
 *
 * Pure: no clock of its own. */

#include <stdbool.h>
#include <stdint.h>

#define PACE_LAG_MS 250
#define PACE_WINDOW 16          /* So many are under way at most. */

struct pace {
    long long int at[PACE_WINDOW];      /* When checkpoint n was written, ms:
                                         * at[n % PACE_WINDOW]. */
    uint64_t n;                 /* The newest, from 1; 0: none yet. */
};

/* Checkpoint 'n', the one after the last, has been written by Xen's helper at
 * 'now'. */
void pace_written(struct pace *, uint64_t n, long long int now);

/* Whether the next one has to wait.  'acked': the newest that the standby has;
 * negative: it is not known, and nothing waits. */
bool pace_lags(const struct pace *, int64_t acked, long long int now);

#endif /* pace.h */
