/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_XFRM_GUARD_H
#define DTS_XFRM_GUARD_H 1

/* Policies by which the kernel refuses a tunnel's packets in the clear.
 *
 * A guard is named by encapsulation and the other end's outer address,
 * "gre 192.0.2.1". */

#include "view.h"

struct sset;

/* To be freed. */
char *xfrm_guard_name(enum dts_encap, const char *remote_ip);

/* Adds to 'guards' those that are in force.  Returns 0 or an errno:
 * EPROTONOSUPPORT is a kernel without IPsec, which has none. */
int xfrm_guard_read(struct sset *guards);

/* Makes it so that those in 'wanted' are in force, and no others.  Returns 0
 * or an errno; '*n_changed' is how many policies were put or taken. */
int xfrm_guard_sync(const struct sset *wanted, size_t *n_changed);

#endif /* xfrm-guard.h */
