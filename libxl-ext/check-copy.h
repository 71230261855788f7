/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_COPY_H
#define DTS_CHECK_COPY_H 1

/* Is a copy of a domain made, by whomever?  Then its link and its dirty pages
 * are not ours to measure. */

#include <stdbool.h>
#include <stdint.h>

struct json;

/* What the agent says of the domain (may be NULL): why there is a copy, or may
 * be; NULL: there is none.  Pure. */
const char *check_copy_known(const struct json *domain);
/* Does a process in 'proc' ("/proc") save 'domid': a protection, ours or stock
 * xl's, a migration, an `xl save`? */
bool check_saver_runs(const char *proc, uint32_t domid);

#endif /* check-copy.h */
