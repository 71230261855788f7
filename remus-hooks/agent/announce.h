/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_ANNOUNCE_H
#define DTS_ANNOUNCE_H 1

struct dts_domain;
struct tracked;

/* Sends what is due of the announcements that began at 't->announce_since';
 * clears that when all were sent. */
void announce_run(struct tracked *, const struct dts_domain *);

#endif /* announce.h */
