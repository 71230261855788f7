/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_INTERVAL_H
#define DTS_CHECK_INTERVAL_H 1

/* Which interval between checkpoints a link can hold: see check-interval.c.
 *
 * Pure. */

#include <stdbool.h>

/* Bytes a second that the guest dirties and that the link carries, and
 * microseconds of a round trip.  True, and the shortest interval in ms, or
 * false if there is none. */
bool check_interval(double dirty, double bandwidth, double rtt_us,
                    double *ms);

#endif /* check-interval.h */
