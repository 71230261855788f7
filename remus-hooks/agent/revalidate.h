/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_REVALIDATE_H
#define DTS_REVALIDATE_H 1

/* When the datapath has forgotten what was: see revalidate.c. */

#include <stdint.h>

struct ds;

void revalidate_destroy(void);
void revalidate_run(void);
void revalidate_wait(void);

/* Asks for a pass that begins now or later; 'seq' must not go down. */
void revalidate_request(uint64_t seq);
/* The highest 'seq' whose pass is over, and when that was (monotonic, us). */
uint64_t revalidate_done(long long int *when);

void revalidate_format(struct ds *);

#endif /* revalidate.h */
