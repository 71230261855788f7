/* SPDX-License-Identifier: Apache-2.0 */
/* Which interval between checkpoints a link can hold.
 *
 * A checkpoint is begun when the one before is acknowledged.  One of interval
 * T has the pages that the guest dirtied in T, D(T) bytes; to send them takes
 * D(T) / B, and the acknowledgement comes a round trip later.  So T is held if
 *
 *     rtt + D(T) / B <= T.
 *
 * With a steady rate, D(T) = R * T, the shortest such T is rtt / (1 - R / B),
 * and there is none if R >= B.  A page counts once in an interval however
 * often it is written to, so D grows slower than T: with R measured over T0,
 * R * T is too much for T > T0 (the link holds a little more than is said),
 * and too little for T < T0 (it may hold less).  At T0 itself it is exact, so
 * R is measured over the interval that is wanted.
 *
 * This is the stream as it is.  Packed, most pages are a fraction of that, but
 * how small a one is the guest's affair: what is promised here is the worst.
 * The time in which the guest stands still is not in it: it dirties nothing
 * meanwhile. */

#include <config.h>

#include "check-interval.h"

bool
check_interval(double dirty, double bandwidth, double rtt_us, double *ms)
{
    *ms = 0;
    if (!(bandwidth > 0) || !(dirty < bandwidth)) {
        return false;
    }
    *ms = rtt_us / 1000 / (1 - dirty / bandwidth);
    return true;
}
