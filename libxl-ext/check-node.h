/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_NODE_H
#define DTS_CHECK_NODE_H 1

/* What a node needs at either end of a protection, each reported as a line. */

#include <libxl.h>
#include <stdbool.h>
#include <stdint.h>

struct check_lines;
struct check_request;
struct json;

/* Runs a program without a shell, its errors unseen.  Returns what it printed,
 * without the last newline, to be freed; NULL: it failed, or was killed
 * because it did not end within three seconds: then a line says so. */
char *check_capture(struct check_lines *, const char *const argv[]);

/* Our gate and Xen's own save helper. */
void check_helpers(struct check_lines *);
/* That output can be held: where the domain runs, or once it does. */
void check_plug(struct check_lines *, bool now);
/* No line, if nobody knows. */
void check_clock(struct check_lines *);
/* Asks the agent, as 'role' with 'domain' and 'peer', for its facts and its
 * status.  Both are to be destroyed; NULL: there is none, and a line says why.
 * Returns the agent's code; 0: it answered. */
int check_agent(struct check_lines *, const char *role, const char *domain,
                const char *peer, struct json **facts, struct json **status);
/* What the agent's status says of a domain; NULL: nothing. */
const struct json *check_agent_domain(const struct json *status,
                                      const char *domain);

/* Why a copy of the domain is made, or may be, by whomever: to be freed.
 * NULL: none is.  Without 'lock' the caller has the lock of `xl-remus
 * protect`. */
char *check_copy(const char *domain, uint32_t domid, bool lock);

/* Which Xen and which libxl this is: to be freed. */
char *check_xen_version(libxl_ctx *);
char *check_libxl_name(void);

#endif /* check-node.h */
