/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_DEEDS_H
#define DTS_DEEDS_H 1

/* What follows from a binding beside who runs: the log, hooks, announcements,
 * conditions. */

#include <stdbool.h>
#include <stdint.h>
#include "binding.h"

struct tracked;

void deeds_run(struct tracked *, const struct dts_domain *,
               enum binding_role, const struct binding_facts *,
               const struct dts_view *);
/* The same for a node that is neither owner nor standby. */
void deeds_bystander(struct tracked *, const struct dts_domain *);
void deeds_note(struct tracked *, const struct dts_domain *,
                const char *type, const char *message);
void deeds_backward(const struct dts_domain *, bool backward, int64_t seen);
void deeds_switched(struct tracked *, int64_t generation, long long int seen,
                    long long int programmed, long long int fenced);
void deeds_first_frame(struct tracked *, int64_t generation,
                       long long int mono_us);

#endif /* deeds.h */
