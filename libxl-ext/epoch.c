/* SPDX-License-Identifier: Apache-2.0 */
/* Output commit as a state machine: see the header.
 *
 * The order of one round, n being the checkpoint:
 *
 *   the gate     resume? n     the guest is suspended, its memory written
 *     BUFFER                   what it sent since checkpoint n-1 is epoch n
 *     go                       it runs on
 *   the link     ack n
 *     RELEASE                  epoch n leaves
 *   the gate     next? n       libxl is done with checkpoint n
 *   the clock    due
 *     go                       checkpoint n+1 begins
 *
 * `ack n` and `next? n` come in either order.  `next?` is not answered before
 * the ack, so at most one checkpoint is on its way, and the plug's one closed
 * epoch is enough.
 *
 * Whatever is not in this order is no reason to let anything go: it ends the
 * session, and only a verdict of `alone` opens the buffer then. */

#include <config.h>

#include "epoch.h"

#include <string.h>

#include "util.h"

void
epoch_init(struct epoch *e)
{
    memset(e, 0, sizeof *e);
    e->begun = 1;
}

void
epoch_fail(struct epoch *e, const char *why)
{
    if (!e->failed) {
        e->failed = true;
        e->why = why;
    }
}

void
epoch_resume_asked(struct epoch *e, uint64_t n)
{
    if (n != e->begun || n <= e->closed || e->resume || e->next) {
        epoch_fail(e, "the gate asked to resume out of turn");
    } else {
        e->resume = n;
    }
}

void
epoch_next_asked(struct epoch *e, uint64_t n)
{
    if (n != e->closed || n != e->begun || e->resume || e->next) {
        epoch_fail(e, "the gate asked for the next checkpoint out of turn");
    } else {
        e->next = n;
    }
}

void
epoch_acked(struct epoch *e, uint64_t n)
{
    if (n > e->closed) {
        epoch_fail(e, "the peer acknowledged a checkpoint that it cannot "
                   "have");
    } else {
        e->acked = MAX(e->acked, n);
    }
}

void
epoch_due(struct epoch *e)
{
    e->due = true;
}

void
epoch_verdict(struct epoch *e, enum epoch_verdict verdict)
{
    if (e->verdict == EPOCH_UNDECIDED) {
        e->verdict = verdict;   /* Final. */
    }
}

uint64_t
epoch_want(struct epoch *e)
{
    /* The one that has begun may have looked at the guest's memory before
     * now. */
    e->wanted = e->begun + 1;
    return e->wanted;
}

void
epoch_retry(struct epoch *e)
{
    e->release_waits = false;
}

enum epoch_output
epoch_output(const struct epoch *e)
{
    switch (e->verdict) {
    case EPOCH_TAKEN:
        return EPOCH_NEVER;
    case EPOCH_ALONE:
        return e->released_all ? EPOCH_PASSES : EPOCH_STUCK;
    case EPOCH_UNDECIDED:
        break;
    }
    return e->closed ? EPOCH_COMMITTED : EPOCH_PASSES;
}

enum epoch_action
epoch_todo(const struct epoch *e)
{
    switch (e->verdict) {
    case EPOCH_TAKEN:
        return EPOCH_WAIT;
    case EPOCH_ALONE:
        /* A guest whose output is stuck goes on all the same. */
        return (!e->released_all && !e->release_waits ? EPOCH_RELEASE_ALL
                : !e->stopped ? EPOCH_STOP : EPOCH_WAIT);
    case EPOCH_UNDECIDED:
        break;
    }
    if (e->acked >= e->closed && e->released < e->closed) {
        return EPOCH_RELEASE;   /* What is acknowledged is, whatever came. */
    } else if (e->failed) {
        return e->given_up ? EPOCH_WAIT : EPOCH_GIVE_UP;
    } else if (e->resume) {
        return e->closed == e->resume ? EPOCH_RESUME : EPOCH_BUFFER;
    } else if (e->next && e->released == e->next
               && (e->due || e->wanted > e->begun)) {
        return EPOCH_NEXT;
    }
    return EPOCH_WAIT;
}

void
epoch_did(struct epoch *e, enum epoch_action action, bool ok)
{
    switch (action) {
    case EPOCH_BUFFER:
        /* Not closed: the guest must not resume, for what it sends then would
         * leave at once. */
        if (ok) {
            e->closed = e->resume;
        } else {
            epoch_fail(e, "the buffer could not be closed");
        }
        break;
    case EPOCH_RESUME:
        e->resume = 0;
        e->due = false;
        break;
    case EPOCH_NEXT:
        e->next = 0;
        e->begun++;
        break;
    case EPOCH_RELEASE:
        e->released = e->closed;
        if (!ok) {
            epoch_fail(e, "the buffer could not be released");
        }
        break;
    case EPOCH_RELEASE_ALL:
        e->released_all = ok;
        e->release_waits = !ok;
        break;
    case EPOCH_STOP:
        e->stopped = true;
        break;
    case EPOCH_GIVE_UP:
        e->given_up = true;
        break;
    case EPOCH_WAIT:
        break;
    }
}

const char *
epoch_action_name(enum epoch_action action)
{
    static const char *const names[] = {
        [EPOCH_WAIT] = "wait", [EPOCH_BUFFER] = "buffer",
        [EPOCH_RESUME] = "resume", [EPOCH_NEXT] = "next",
        [EPOCH_RELEASE] = "release", [EPOCH_RELEASE_ALL] = "release-all",
        [EPOCH_STOP] = "stop", [EPOCH_GIVE_UP] = "give-up",
    };
    return names[action];
}
