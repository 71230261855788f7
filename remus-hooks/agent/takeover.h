/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_TAKEOVER_H
#define DTS_TAKEOVER_H 1

/* The agent's judgement: from what is known to steps, answers and deeds. */

#include <stdbool.h>
#include <stdint.h>
#include "view.h"

struct ds;
struct json;

void takeover_init(void);
/* Makes '*view' safe for the switch: what went backwards is not followed. */
void takeover_filter(const struct dts_view *view, uint64_t cookie);
void takeover_run(const struct dts_view *view);
void takeover_wait(void);
/* True while a domain that moved here is not granted, or hardly runs yet: what
 * can wait leaves it the processor. */
bool takeover_is_recent(void);

/* From the switch. */
void takeover_fenced(const char *domain, int64_t generation,
                     long long int seen, long long int programmed,
                     long long int fenced);
void takeover_first_frame(const char *domain, int64_t generation,
                          long long int mono_us);
/* From the vif program: the survivor's devices are made. */
void takeover_devices(const char *domain);

/* The operator accepts a database that went backwards for 'domain'. */
bool takeover_adopt(const char *domain);
bool takeover_is_backward(const char *domain, int64_t *seen);
void takeover_format(const char *domain, struct ds *);

#endif /* takeover.h */
