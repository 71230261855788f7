/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_PLUG_H
#define REMUS_PLUG_H 1

/* What the plugs of a domain's vifs have been told: pure accounting, so that
 * no epoch leaves early and none is forgotten.  See plug.c. */

#include <stdbool.h>
#include <stddef.h>

#define PLUG_MAX 16             /* vifs of a domain. */

enum plug_op {
    PLUG_BUFFER,                /* Close the epoch. */
    PLUG_RELEASE_ONE,           /* Release the closed epoch. */
    PLUG_RELEASE_ALL,           /* Release all, and let all pass. */
};
#define PLUG_N_OPS 3

enum plug_state {
    PLUG_PASSING,               /* All passes. */
    PLUG_CLOSED,                /* Held; an epoch waits for its release. */
    PLUG_HELD,                  /* Held; none waits. */
};

struct plug_set {
    size_t n;
    enum plug_state state;      /* What all of them have reached. */
    bool pending;               /* Some have done 'op', some not. */
    enum plug_op op;
    bool done[PLUG_MAX];
};

void plug_set_init(struct plug_set *, size_t n);

/* Begins 'op', or goes on with it after it failed for some.  0, or why not:
 * EBUSY: an epoch waits for its release; EINVAL: none does. */
int plug_begin(struct plug_set *, enum plug_op op);
/* Is 'i' still to be told? */
bool plug_wants(const struct plug_set *, size_t i);
/* 'i' has done it. */
void plug_acked(struct plug_set *, size_t i);

#endif /* plug.h */
