/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FENCES_H
#define DTS_FENCES_H 1

/* When a switch is over: see fences.c. */

#include <stdint.h>
#include "switch.h"

void fences_destroy(void);

/* 'view' number 'seq' came at 'seen' (monotonic, us); its flows are 'version'
 * of the OpenFlow side.  Only domains in 'changed' (NULL: any) differ from the
 * one before. */
struct sset;
void fences_add(const struct dts_view *, const struct sset *changed,
                uint64_t seq, long long int seen, uint64_t version);
/* Calls back for what is over; 'version' is that of the newest flows. */
void fences_run(const struct switch_callbacks *, uint64_t version);
void fences_format(struct ds *);

#endif /* fences.h */
