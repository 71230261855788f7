/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMLIST_H
#define DOMLIST_H 1

/* The domains on this host, through libxl. */

#include <libxl.h>
#include <stddef.h>
#include "domstate.h"

/* Opens libxl, logging what is at least a warning to stderr.  NULL with a
 * message on stderr if Xen does not answer. */
libxl_ctx *domlist_open(void);

struct domlist {
    struct dom *doms;           /* By ascending domid; domain 0 is not among
                                 * them. */
    size_t n;
};

/* False if Xen did not answer.  Names cost a round trip to xenstore for each
 * domain: only with 'names'. */
bool domlist_get(libxl_ctx *, bool names, struct domlist *);
void domlist_uninit(struct domlist *);
struct dom *domlist_find(const struct domlist *, uint32_t domid);
char *domlist_name(libxl_ctx *, uint32_t domid);

#endif /* domlist.h */
