/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_NETBUF_VIFS_H
#define REMUS_NETBUF_VIFS_H 1

/* Which vifs a domain has, and which buffers there are. */

#include <stddef.h>

#include "netbuf-dev.h"

struct nl_sock;

/* From xenstore: the domain's vifs, in 'devs[]' (room for PLUG_MAX), '*n' of
 * them.  NULL or an error, to be freed. */
char *netbuf_vifs_read(unsigned int domid, struct netbuf_dev devs[],
                       size_t *n);

/* From the kernel: the buffers there are of 'domid', whether or not their vif
 * is still there. */
char *netbuf_vifs_left(struct nl_sock *, unsigned int domid,
                       struct netbuf_dev devs[], size_t *n);

#endif /* netbuf-vifs.h */
