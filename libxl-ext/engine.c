/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a protection: sessions, one after the other.
 *
 * When a session ends with `alone`, the guest goes on here, its output passes,
 * and another session is begun as soon as the peer answers again.  It is over
 * when an operator says so, the peer has taken the domain over, or the domain
 * is gone. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "left.h"
#include "openvswitch/poll-loop.h"
#include "random.h"
#include "timeval.h"
#include "util.h"

#define INTERVAL_MS 200
#define RETRY_MS 1000           /* Then twice as long each time... */
#define RETRY_MAX_MS 15000      /* ...up to this. */

const char *
engine_phase_name(enum engine_phase phase)
{
    static const char *const names[] = {
        [ENGINE_CONNECTING] = "connecting", [ENGINE_COPYING] = "copying",
        [ENGINE_PROTECTED] = "protected", [ENGINE_ENDING] = "ending",
        [ENGINE_TAKEN] = "taken", [ENGINE_WAITING] = "waiting",
    };
    return names[phase];
}

static int
check_options(struct engine *e, char **error)
{
    const struct remus_dts_protect *o = e->o;
    char *problem;

    if (remus_check_version(o->version, error)) {
        return DTS_EXIT_USAGE;
    }
    if (o->interval_ms < 0 || o->interval_ms > 60000) {
        return remus_error(error, DTS_EXIT_USAGE, "an interval of %d ms: 1 to "
                           "60000 makes sense", o->interval_ms);
    }
    e->interval_ms = o->interval_ms ? o->interval_ms : INTERVAL_MS;
    if (o->max_interval_ms && o->max_interval_ms < e->interval_ms) {
        return remus_error(error, DTS_EXIT_USAGE, "an interval of %d ms is "
                           "more than the longest that is bearable, %d ms",
                           e->interval_ms, o->max_interval_ms);
    }
    e->slow.bound_ms = (o->max_interval_ms ? o->max_interval_ms
                        : slow_default_bound(e->interval_ms));
    for (size_t i = 0; o->realtime && o->realtime[i]; i++) {
        if (e->n_classes == REMUS_MAX_CLASSES) {
            return remus_error(error, DTS_EXIT_USAGE, "more than %d classes",
                               REMUS_MAX_CLASSES);
        }
        problem = remus_class_parse(o->realtime[i],
                                    &e->classes[e->n_classes]);
        if (problem) {
            remus_error(error, 0, "%s", problem);
            free(problem);
            return DTS_EXIT_USAGE;
        }
        e->n_classes++;
    }
    problem = remus_classes_check(e->classes, e->n_classes,
                                  o->realtime_unsafe);
    if (problem) {
        remus_error(error, 0, "%s", problem);
        free(problem);
        return DTS_EXIT_REFUSED;
    }
    if (e->n_classes && !o->buffer) {
        return remus_error(error, DTS_EXIT_USAGE, "without a buffer there is "
                           "nothing that a class could bypass");
    }
    return 0;
}

static int
open_buffer(struct engine *e, char **error)
{
    char *problem = NULL;
    int err;

    if (left_buffer(e->domid)) {
        problem = left_wait(e->name);
        if (problem) {
            remus_error(error, 0, "%s: what it sent is held since a "
                        "protection of it died, and may not leave yet (%s): "
                        "it may once dts-ctl status %s says that it runs "
                        "here, alone", e->name, problem, e->name);
            free(problem);
            return DTS_EXIT_PARTLY;
        }
        if (!e->o->buffer
            && remus_netbuf_undo(e->domid, REMUS_NETBUF_RELEASE, &problem)) {
            remus_error(error, 0, "%s: %s", e->name, problem);
            free(problem);
            return DTS_EXIT_PARTLY;
        }
    }
    if (!e->o->buffer) {
        return 0;
    }
    err = remus_netbuf_open(e->domid, e->classes, e->n_classes,
                            e->o->buffer_bytes ? e->o->buffer_bytes
                            : REMUS_NETBUF_LIMIT, &e->netbuf, &problem);
    if (err) {
        remus_error(error, 0, "%s", problem);
        free(problem);
        return err == ENODEV ? DTS_EXIT_REFUSED : DTS_EXIT_PARTLY;
    }
    return 0;
}

/* ------------------------------------------------------------------ signals */

/* Any thread may get them; the loop reads them here. */
static int signal_pipe[2] = { -1, -1 };

static void
on_signal(int signum OVS_UNUSED)
{
    int saved = errno;

    ignore(write(signal_pipe[1], "", 1));
    errno = saved;
}

static int
catch_signals(char **error)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

    if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK)) {
        return remus_error(error, DTS_EXIT_PARTLY, "no pipe (%s)",
                           ovs_strerror(errno));
    }
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    return 0;
}

static bool
signalled(void)
{
    char bytes[16];

    return read(signal_pipe[0], bytes, sizeof bytes) > 0;
}

/* --------------------------------------------------------------------- life */

/* How it all ends. */
static bool
ends(struct engine *e, int code, const char *why)
{
    e->code = code;
    free(e->why);
    e->why = nullable_xstrdup(why);
    return false;
}

/* A session is over.  Returns false when it was the last one. */
static bool
next(struct engine *e)
{
    struct engine_session *s = &e->s;
    enum epoch_verdict verdict = s->epoch.verdict;
    enum engine_domain domain = engine_domain(e);
    char *why = xstrdup(s->why ? s->why : "the session has ended");
    bool more = true;
    int code = s->code;

    engine_control_committed(e, 0);
    engine_session_uninit(e);
    if (verdict == EPOCH_TAKEN) {
        more = ends(e, DTS_EXIT_OK, why);
    } else if (domain == ENGINE_GONE || domain == ENGINE_SHUT) {
        more = ends(e, DTS_EXIT_OK, "the domain has ended");
    } else if (e->unprotect) {
        more = ends(e, DTS_EXIT_OK, "unprotected");
    } else if (e->o->once || !e->was_protected) {
        more = ends(e, code ? code : DTS_EXIT_PARTLY, why);
    } else {
        e->retry_ms = (e->retry_ms ? MIN(2 * e->retry_ms, RETRY_MAX_MS)
                       : RETRY_MS);
        /* A host that comes back is not to be asked by all at once. */
        e->retry_at = (time_msec() + e->retry_ms * 3 / 4
                       + random_range(e->retry_ms / 2 + 1));
        e->phase = ENGINE_WAITING;
        /* There is none now.  (The epoch knows what becomes of the output.) */
        s->uuid[0] = s->peer[0] = '\0';
        s->generation = 0;
        e->suspect = false;
        if (!e->why || strcmp(e->why, why)) {
            remus_log(&e->caller, "%s is NOT PROTECTED (%s); it is tried "
                      "again", e->name, why);
        }
        ends(e, code, why);
    }
    free(why);
    return more;
}

/* Returns false at the end. */
static bool
run(struct engine *e, bool stop)
{
    engine_control_run(e);
    if (stop && e->phase != ENGINE_TAKEN) {
        e->unprotect = true;
    } else if (stop) {
        /* Nothing is let go by that. */
        return ends(e, DTS_EXIT_OK, "the peer runs it, or may");
    }
    if (e->phase == ENGINE_WAITING) {
        enum engine_domain domain = engine_domain(e);

        engine_epochs_run(e);
        if (e->unprotect) {
            return ends(e, DTS_EXIT_OK, "unprotected");
        } else if (domain == ENGINE_GONE || domain == ENGINE_SHUT) {
            return ends(e, DTS_EXIT_OK, "the domain has ended");
        } else if (time_msec() >= e->retry_at && !e->s.release_at) {
            engine_session_begin(e);
        }
        return true;
    }
    if (e->unprotect) {
        engine_session_close(e, DTS_EXIT_OK, "unprotected by the operator");
    }
    return engine_session_run(e) || next(e);
}

int
remus_dts_protect(const struct remus_dts_protect *o,
                  const struct remus_dts_callbacks *callbacks, void *aux,
                  char **error)
{
    struct engine e = { .caller = { callbacks, aux }, .o = o, .lock = -1 };
    int status;

    if (error) {
        *error = NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    ovs_list_init(&e.waiting);
    libxl_domain_config_init(&e.config);
    engine_session_init(&e.s);
    status = check_options(&e, error);
    if (!status) {
        status = catch_signals(error);
    }
    if (status) {
        goto out;
    }
    e.ctx = remus_libxl_open(error);
    if (!e.ctx) {
        status = DTS_EXIT_NO_DATABASE;
        goto out;
    }
    status = engine_check(&e, error);
    if (!status) {
        status = engine_control_open(&e, error);
    }
    if (!status) {
        status = open_buffer(&e, error);
    }
    if (status) {
        goto out;
    }

    engine_session_begin(&e);
    while (run(&e, signalled())) {
        poll_fd_wait(signal_pipe[0], POLLIN);
        engine_control_wait(&e);
        if (e.phase == ENGINE_WAITING) {
            poll_timer_wait_until(MIN(MAX(e.retry_at, e.s.release_at),
                                      time_msec() + RETRY_MS));
        } else {
            engine_session_wait(&e);
        }
        poll_block();
    }
    status = e.code ? remus_error(error, e.code, "%s: %s", e.name, e.why) : 0;
    remus_log(&e.caller, "%s: %s", e.name, e.why ? e.why : "");
    engine_output_end(&e);

out:
    engine_control_close(&e);
    libxl_domain_config_dispose(&e.config);
    libxl_ctx_free(e.ctx);
    free(e.json);
    free(e.name);
    free(e.why);
    return status;
}
