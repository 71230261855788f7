/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugs of a domain's vifs have been told.
 *
 * The kernel's sch_plug counts the frames since the last BUFFER, and at BUFFER
 * keeps that number as the length of the epoch that RELEASE_ONE lets out.  It
 * keeps one such number: a second BUFFER before the release overwrites it, and
 * frames of the first epoch would leave an epoch late for ever after.  A
 * RELEASE_ONE without a BUFFER releases nothing.  So both are refused here.
 *
 * A domain's vifs are one set, because its frames on different vifs belong to
 * the same checkpoint.  An operation that reached only some of them is pending:
 * it can be done again, and then the others only are told; nothing but
 * RELEASE_ALL may come in between. */

#include <config.h>

#include "plug.h"

#include <errno.h>
#include <string.h>

#include "util.h"

void
plug_set_init(struct plug_set *set, size_t n)
{
    memset(set, 0, sizeof *set);
    ovs_assert(n <= PLUG_MAX);
    set->n = n;
}

static void
finish(struct plug_set *set)
{
    size_t i;

    for (i = 0; i < set->n; i++) {
        if (!set->done[i]) {
            return;
        }
    }
    set->pending = false;
    set->state = (set->op == PLUG_BUFFER ? PLUG_CLOSED
                  : set->op == PLUG_RELEASE_ONE ? PLUG_HELD
                  : PLUG_PASSING);
}

int
plug_begin(struct plug_set *set, enum plug_op op)
{
    if (set->pending && op == set->op) {
        return 0;
    }
    if (op != PLUG_RELEASE_ALL
        && (set->pending || (set->state == PLUG_CLOSED)
                            != (op == PLUG_RELEASE_ONE))) {
        return op == PLUG_BUFFER ? EBUSY : EINVAL;
    }
    set->pending = true;
    set->op = op;
    memset(set->done, 0, sizeof set->done);
    finish(set);                /* A domain without a vif. */
    return 0;
}

bool
plug_wants(const struct plug_set *set, size_t i)
{
    return set->pending && i < set->n && !set->done[i];
}

void
plug_acked(struct plug_set *set, size_t i)
{
    if (plug_wants(set, i)) {
        set->done[i] = true;
        finish(set);
    }
}
