/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's hand on the output buffer: what the epoch machine asks for is
 * done here, and what becomes of the buffer at the end.
 *
 * A buffer that cannot be closed or released ends the session.  One that
 * cannot be opened, once the guest is this host's alone, is tried again for as
 * long as the protection lives: the guest runs meanwhile, and is not heard. */

#include <config.h>

#include "engine.h"

#include <stdlib.h>

#include "timeval.h"
#include "util.h"

#define CLOSE_TRIES 3
#define RETRY_MS 1000
#define COUNT_MS 500

int
engine_output_close(struct engine *e)
{
    int error = 0;

    for (int i = 0; e->netbuf && i < CLOSE_TRIES; i++) {
        error = remus_netbuf_close_epoch(e->netbuf);
        if (!error) {
            break;
        }
    }
    if (error) {
        remus_log(&e->caller, "%s: its output cannot be held back (%s)",
                  e->name, ovs_strerror(error));
    }
    return error;
}

int
engine_output_release(struct engine *e)
{
    int error = e->netbuf ? remus_netbuf_release(e->netbuf) : 0;

    if (error) {
        remus_log(&e->caller, "%s: its output cannot be released (%s)",
                  e->name, ovs_strerror(error));
    }
    return error;
}

int
engine_output_release_all(struct engine *e)
{
    struct engine_session *s = &e->s;
    int error = e->netbuf ? remus_netbuf_release_all(e->netbuf) : 0;

    if (error && !s->release_at) {
        remus_log(&e->caller, "%s: its output is held back still (%s); it is "
                  "tried again: xl-remus unprotect %s ends protection and "
                  "takes the buffer away", e->name, ovs_strerror(error),
                  e->name);
    } else if (!error && s->release_at) {
        remus_log(&e->caller, "%s: its output is held back no more", e->name);
    }
    s->release_at = error ? time_msec() + RETRY_MS : 0;
    return error;
}

void
engine_output_count(struct engine *e)
{
    struct engine_session *s = &e->s;
    struct remus_netbuf_stats stats;

    if (e->netbuf && time_msec() >= s->count_at) {
        s->count_at = time_msec() + COUNT_MS;
        remus_netbuf_stats(e->netbuf, &stats);
        s->held_frames = stats.waiting.frames;
    }
}

const char *
engine_output_name(const struct engine *e)
{
    if (!e->netbuf) {
        return "uncommitted";
    }
    switch (epoch_output(&e->s.epoch)) {
    case EPOCH_PASSES:
        return "passes";
    case EPOCH_STUCK:
        return "held";
    case EPOCH_COMMITTED:
    case EPOCH_NEVER:
        break;
    }
    return "committed";
}

bool
engine_output_needs_verdict(const struct engine *e)
{
    return e->netbuf && epoch_output(&e->s.epoch) == EPOCH_COMMITTED;
}

void
engine_output_end(struct engine *e)
{
    enum epoch_output output = epoch_output(&e->s.epoch);
    bool drop = output == EPOCH_COMMITTED || output == EPOCH_NEVER;
    char *problem = NULL;

    if (!e->netbuf) {
        return;
    }
    if (output == EPOCH_COMMITTED) {
        remus_log(&e->caller, "%s: nobody has said whose it is: what it sent "
                  "last, and its copy may not have seen, is dropped", e->name);
    }
    if (remus_netbuf_close(e->netbuf, drop ? REMUS_NETBUF_DROP
                           : REMUS_NETBUF_RELEASE, &problem)) {
        remus_log(&e->caller, "%s: its buffer was not taken away (%s): %s %u",
                  e->name, problem, drop ? "nothing of what it holds leaves; "
                  "while the domain is here: xl-remus destroy"
                  : "its vifs may be cut off: xl-remus unbuffer", e->domid);
        free(problem);
    }
    e->netbuf = NULL;
}
