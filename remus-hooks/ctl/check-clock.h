/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_CHECK_CLOCK_H
#define DTS_CTL_CHECK_CLOCK_H 1

struct check_lines;
struct timex;

/* Adds the line about the clock, of which adjtimex() said 'state' and 't' (or
 * failed: 'state' is negative, 'error' its errno). */
void check_clock_judge(struct check_lines *, int state, int error,
                       const struct timex *t);

#endif /* check-clock.h */
