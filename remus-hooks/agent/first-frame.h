/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FIRST_FRAME_H
#define DTS_FIRST_FRAME_H 1

/* Service restored: the first frame of a guest after a switch. */

#include <stdint.h>
#include "switch.h"

struct simap;
struct sset;

void first_frame_destroy(void);

/* From now on the next IP frame of 'domain' is to be told of. */
void first_frame_expect(const char *domain, int64_t generation);
/* Forgets those whose binding has moved on. */
void first_frame_follow(const struct dts_view *);
/* A frame came from a flow with 'cookie'. */
void first_frame_packet_in(uint64_t cookie, const struct switch_callbacks *);

/* The flows to be made (flows.h), and a number that changes with them. */
const struct simap *first_frame_probes(void);
unsigned int first_frame_seqno(void);
/* Adds the domains whose number has changed since the last call. */
void first_frame_take_touched(struct sset *domains);

#endif /* first-frame.h */
