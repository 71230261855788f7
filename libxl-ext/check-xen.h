/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_XEN_H
#define DTS_CHECK_XEN_H 1

/* What only the hypervisor knows, by libxenctrl and libxenguest. */

#include <stdbool.h>
#include <stdint.h>

#include "check-wire.h"

/* The CPU that 'domid' sees; to be freed by check_request_uninit().  NULL, or
 * why it is not to be had (to be freed). */
char *check_policy_get(uint32_t domid, struct check_policy *);

enum check_compat {
    CHECK_COMPATIBLE,
    CHECK_INCOMPATIBLE,         /* '*text' (to be freed) says why... */
    CHECK_UNKNOWN,              /* ...or why that is not known. */
};
/* Could a guest of that type and with that CPU run here, and find again all
 * that it has seen? */
enum check_compat check_policy_compare(enum check_type,
                                       const struct check_policy *,
                                       char **text);

/* How many different pages 'domid' writes to in 'ms', the mean of several
 * times within about a second.  NULL, or why it is not to be had (to be
 * freed).
 *
 * Nothing may checkpoint, save or migrate it meanwhile: Xen knows no owner of
 * its log of dirty pages.  A second one to switch it on switches it off first
 * and on again; and when the first one then switches it off, the second one is
 * told of no dirty pages, without an error, and loses what was written. */
#define CHECK_DIRTY_MAX_MS 2000 /* More is not waited for... */
#define CHECK_DIRTY_MIN_MS 20   /* ...and less is not asked, but scaled. */
char *check_dirty_pages(uint32_t domid, int ms, double *pages);

#endif /* check-xen.h */
