/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_LOCAL_H
#define DTS_CHECK_LOCAL_H 1

/* The domain itself, where it runs: what is said of it, and what the other
 * node must know of it. */

#include <libxl.h>
#include <stdbool.h>
#include <stdint.h>

struct check_lines;
struct check_request;

struct check_domain {
    libxl_ctx *ctx;
    uint32_t domid;
    char *name;
    bool is_protected;          /* By an engine, now. */
    bool has_copy;              /* Or by others, or one is being made. */
    bool disks_replicated;      /* -d */
};

/* All that can be seen without the other node.  Fills in '*request', which is
 * to be uninitialised.  False if the domain is not in a state in which more
 * makes sense. */
bool check_local(struct check_lines *, const struct check_domain *,
                 struct check_request *);

#endif /* check-local.h */
