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
    CHECK_INCOMPATIBLE,
    CHECK_UNKNOWN,              /* '*error' (to be freed) says why. */
};
/* Could a guest of that type and with that CPU run here? */
enum check_compat check_policy_compare(enum check_type,
                                       const struct check_policy *,
                                       char **error);

/* How many different pages 'domid' writes to in 'ms', the mean of several
 * times within about a second.  Nothing may checkpoint or migrate it
 * meanwhile.  NULL, or why it is not to be had (to be freed). */
#define CHECK_DIRTY_MAX_MS 2000 /* More is not waited for. */
char *check_dirty_pages(uint32_t domid, int ms, double *pages);

#endif /* check-xen.h */
