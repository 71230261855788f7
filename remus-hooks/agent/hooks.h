/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_HOOKS_H
#define DTS_HOOKS_H 1

/* Operators' hook scripts (docs/hooks.md). */

#include <stdbool.h>

struct smap;
struct ds;

void hooks_init(const char *dir);
/* Runs the executables of DIR/EVENT/ in order, in the background, with the
 * argument 'domain' and 'env' in the environment.  While they run, another
 * call for the same event and domain is ignored. */
void hooks_start(const char *event, const char *domain,
                 const struct smap *env);
bool hooks_running(const char *event, const char *domain);
void hooks_run(void);
void hooks_wait(void);
void hooks_format(struct ds *);

#endif /* hooks.h */
