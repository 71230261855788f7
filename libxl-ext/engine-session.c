/* SPDX-License-Identifier: Apache-2.0 */
/* One session of replication, from the connection to the verdict.
 *
 * What comes from the gate and from dts-link goes into the epoch machine, and
 * what that says is due is done here.  A session has three ends, which come in
 * any order: the link's, the gate's (and with it libxl's call), and the agent's
 * verdict.  It is over when libxl has returned and the verdict is there; until
 * then the buffer stays as it is. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent-session.h"
#include "engine.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "socket-util.h"
#include "timeval.h"
#include "util.h"
#include "xl-header.h"

#define BANNER_MS 60000         /* From the connection to the banner. */
#define PROGRESS_MS 500
#define LOOK_MS 1000            /* At the domain, while it is the peer's. */
#define LAST_WORDS_MS 4000      /* For a link whose stream has ended. */
#define VERDICT_MS 10000        /* About a guest that is no more. */

int64_t
engine_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static void
set_why(struct engine_session *s, int code, const char *why)
{
    if (!s->why) {
        s->why = xstrdup(why);
        s->code = code;
    }
}

static void
close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void
gate_say(struct engine_session *s, const char *text)
{
    if (s->gate >= 0
        && send(s->gate, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0
        && errno != EAGAIN) {
        close_fd(&s->gate);
    }
}

/* -------------------------------------------------------------------- agent */

static struct json *
session_params(const struct engine *e)
{
    struct json *params = json_object_create();

    json_object_put_string(params, "session", e->s.uuid);
    return params;
}

static void
agent_begin(struct engine *e)
{
    struct json *params = session_params(e);

    json_object_put(params, "version", json_integer_create(1));
    json_object_put_string(params, "role", "engine");
    json_object_put(params, "pid", json_integer_create(getpid()));
    json_object_put_string(params, "domain", e->name);
    json_object_put(params, "domid", json_integer_create(e->domid));
    e->s.agent = agent_session_create(NULL);
    agent_session_set_hello(e->s.agent, params);
}

/* Output is committed from the first checkpoint on; and how often. */
static void
agent_tell_output(struct engine *e)
{
    struct json *params = session_params(e);
    struct json *classes = json_array_create_empty();
    char *slow = e->slow.slow ? slow_text(&e->last, e->interval_ms) : NULL;

    json_object_put(params, "committed",
                    json_boolean_create(e->netbuf != NULL));
    for (size_t i = 0; i < e->n_classes; i++) {
        json_array_add(classes, json_string_create_nocopy(
                           remus_class_to_string(&e->classes[i])));
    }
    json_object_put(params, "realtime", classes);
    json_object_put_string(params, "slow", slow ? slow : "");
    free(slow);
    agent_session_keep(e->s.agent, "output", params);
    e->s.output_told = true;
}

static void
take_verdict(struct engine *e, enum epoch_verdict verdict, const char *reason)
{
    struct engine_session *s = &e->s;

    if (s->epoch.verdict != EPOCH_UNDECIDED) {
        return;
    }
    epoch_verdict(&s->epoch, verdict);
    set_why(s, DTS_EXIT_PARTLY, reason);
    if (verdict == EPOCH_TAKEN) {
        remus_log(&e->caller, "%s runs, or may run, on %s: %s", e->name,
                  s->peer, reason);
        e->phase = ENGINE_TAKEN;
        REMUS_CALL(&e->caller, taken, reason);
    } else {
        remus_log(&e->caller, "%s goes on here, alone: %s", e->name, reason);
        e->phase = ENGINE_ENDING;
    }
}

static void
agent_run(struct engine *e)
{
    struct engine_session *s = &e->s;
    const char *verdict, *reason;

    if (!s->agent) {
        return;
    }
    agent_session_run(s->agent);
    verdict = agent_session_verdict(s->agent, &reason);
    if (verdict) {
        take_verdict(e, !strcmp(verdict, "alone") ? EPOCH_ALONE : EPOCH_TAKEN,
                     reason);
    }
}

/* ---------------------------------------------------------------- dts-link */

static void
link_event(struct engine *e, const struct link_event *ev)
{
    struct engine_session *s = &e->s;

    switch (ev->type) {
    case LINK_SESSION:
        ovs_strzcpy(s->uuid, ev->session, sizeof s->uuid);
        ovs_strzcpy(s->peer, ev->text, sizeof s->peer);
        s->generation = ev->n;
        REMUS_CALL(&e->caller, connected, s->uuid, s->peer);
        agent_begin(e);
        break;
    case LINK_SENT:
        if (ev->n == s->epoch.closed) {
            s->checkpoint.bytes = ev->raw;
            s->checkpoint.wire_bytes = ev->wire;
            s->checkpoint.pages = ev->pages;
            s->checkpoint.send_us = engine_now_us() - s->resumed_at;
        }
        break;
    case LINK_ACK:
        s->checkpoint.ack_us = ev->us;
        epoch_acked(&s->epoch, ev->n);
        break;
    case LINK_SUSPECT:
        e->suspect = true;
        remus_log(&e->caller, "%s is suspected: %s", s->peer, ev->text);
        REMUS_CALL(&e->caller, suspect, ev->text);
        break;
    case LINK_UNSUSPECT:
        e->suspect = false;
        remus_log(&e->caller, "%s is heard again", s->peer);
        REMUS_CALL(&e->caller, unsuspect);
        break;
    case LINK_ALONE:
        take_verdict(e, EPOCH_ALONE, ev->text);
        break;
    case LINK_TAKEN:
        take_verdict(e, EPOCH_TAKEN, ev->text);
        break;
    case LINK_REFUSED:
        set_why(s, ev->n, ev->text);
        break;
    case LINK_END:
        set_why(s, DTS_EXIT_PARTLY, ev->text);
        break;
    case LINK_LOST:
        /* Also an ack, perhaps: then nothing would ever be released again. */
        epoch_fail(&s->epoch, "dts-link's reports were lost: this process did "
                   "not read them");
        break;
    case LINK_UNKNOWN:
        break;
    }
}

/* -------------------------------------------------------------------- gate */

static void
gate_message(struct engine *e, const char *text)
{
    struct engine_session *s = &e->s;
    uint64_t n;

    /* Whoever holds the other end now: it is not we. */
    close_fd(&s->theirs);
    if (sscanf(text, "suspend %"SCNu64, &n) == 1) {
        s->suspended_at = engine_now_us();
        REMUS_CALL(&e->caller, suspended, n);
    } else if (sscanf(text, "resume? %"SCNu64, &n) == 1) {
        epoch_resume_asked(&s->epoch, n);
    } else if (sscanf(text, "next? %"SCNu64, &n) == 1) {
        epoch_next_asked(&s->epoch, n);
    } else if (!strcmp(text, "verdict alone")) {
        take_verdict(e, EPOCH_ALONE, s->why ? s->why
                     : "the agent has said so to the gate");
    } else if (!strcmp(text, "verdict taken")) {
        take_verdict(e, EPOCH_TAKEN, "the agent has said so to the gate");
    } else if (sscanf(text, "end %"SCNu64, &n) == 1) {
        s->gate_ended = true;
    }
}

static void
gate_run(struct engine *e)
{
    struct engine_session *s = &e->s;
    char text[64];
    ssize_t n;

    while (s->gate >= 0) {
        n = recv(s->gate, text, sizeof text - 1, MSG_DONTWAIT);
        if (n > 0) {
            text[n] = '\0';
            gate_message(e, text);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else {
            close_fd(&s->gate);
            if (!s->gate_ended) {
                engine_session_close(e, DTS_EXIT_PARTLY, "the gate is gone");
            }
        }
    }
}

/* ------------------------------------------------------------------- epochs */

static void
judge_interval(struct engine *e)
{
    if (!slow_checkpoint(&e->slow, &e->last)) {
        return;
    }
    if (e->slow.slow) {
        char *text = slow_text(&e->last, e->interval_ms);

        remus_log(&e->caller, "%s: %s (bearable: %d ms)", e->name, text,
                  e->slow.bound_ms);
        free(text);
    } else {
        remus_log(&e->caller, "%s: checkpoints come each %d ms again, as is "
                  "bearable", e->name, (int) (e->last.interval_us / 1000));
    }
    agent_tell_output(e);
}

static int
release(struct engine *e)
{
    struct engine_session *s = &e->s;
    int error = engine_output_release(e);

    s->checkpoint.n = s->epoch.closed;
    /* (From the first one to the second it is the whole copy.) */
    s->checkpoint.interval_us = (s->checkpoint.n > 2
                                 ? s->begun_at - s->begun_before : 0);
    s->checkpoint.suspend_us = (s->checkpoint.n > 1
                                ? s->suspended_at - s->begun_at : 0);
    s->checkpoint.pause_us = s->resumed_at - s->suspended_at;
    s->checkpoint.held_frames = s->held_frames;
    e->last = s->checkpoint;
    judge_interval(e);
    if (e->phase == ENGINE_COPYING) {
        e->phase = ENGINE_PROTECTED;
        e->was_protected = true;
        e->retry_ms = 0;
        s->protected_at = engine_now_us();
        agent_tell_output(e);
        remus_log(&e->caller, "%s is protected: %s holds it whole", e->name,
                  s->peer);
        REMUS_CALL(&e->caller, protected_, s->uuid, s->peer);
    }
    REMUS_CALL(&e->caller, checkpoint, &e->last);
    return error;
}

void
engine_epochs_run(struct engine *e)
{
    struct engine_session *s = &e->s;
    enum epoch_action action;

    if (s->release_at && time_msec() >= s->release_at) {
        epoch_retry(&s->epoch);
    }
    while ((action = epoch_todo(&s->epoch)) != EPOCH_WAIT) {
        bool ok = true;

        switch (action) {
        case EPOCH_BUFFER:
            ok = !engine_output_close(e);
            break;
        case EPOCH_RESUME:
            REMUS_CALL(&e->caller, resuming, s->epoch.resume);
            gate_say(s, "go");
            s->resumed_at = engine_now_us();
            break;
        case EPOCH_NEXT:
            s->begun_before = s->begun_at;
            s->begun_at = engine_now_us();
            gate_say(s, "go");
            /* Nothing waits for us now, and as much is held as will be. */
            engine_output_count(e);
            break;
        case EPOCH_RELEASE:
            ok = !release(e);
            break;
        case EPOCH_RELEASE_ALL:
            ok = !engine_output_release_all(e);
            break;
        case EPOCH_STOP:
            REMUS_CALL(&e->caller, alone, s->why ? s->why : "");
            gate_say(s, "stop");
            break;
        case EPOCH_GIVE_UP:
            engine_session_close(e, DTS_EXIT_PARTLY, s->epoch.why);
            break;
        case EPOCH_WAIT:
            break;
        }
        epoch_did(&s->epoch, action, ok);
        if (action == EPOCH_RELEASE) {
            engine_control_committed(e, s->epoch.released);
        }
    }
}

/* When the next checkpoint is due: milliseconds, LLONG_MAX: not yet known. */
static long long int
due_at(const struct engine *e)
{
    const struct engine_session *s = &e->s;
    int64_t interval = e->interval_ms * INT64_C(1000);

    if (!s->resumed_at || s->epoch.due || s->epoch.begun != s->epoch.closed) {
        return LLONG_MAX;
    }
    /* The guest has half of the interval to itself, also where checkpoints
     * take longer than that. */
    return (MAX(s->begun_at + interval, s->resumed_at + interval / 2) + 999)
           / 1000;
}

/* ---------------------------------------------------------------- beginning */

void
engine_session_init(struct engine_session *s)
{
    memset(s, 0, sizeof *s);
    s->link_pidfd = s->events = s->stream = s->theirs = s->gate = -1;
    s->done[0] = s->done[1] = -1;
    s->link_status = -1;
    epoch_init(&s->epoch);
}

void
engine_session_begin(struct engine *e)
{
    struct engine_session *s = &e->s;
    char *error = NULL;
    int fds[2], status;

    engine_session_init(s);
    e->phase = ENGINE_CONNECTING;
    e->suspect = false;
    s->started = s->begun_at = engine_now_us();
    s->banner_deadline = time_msec() + BANNER_MS;
    status = engine_link_start(e, &error);
    if (!status && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds)) {
        status = remus_error(&error, DTS_EXIT_PARTLY, "no socket (%s)",
                             ovs_strerror(errno));
    } else if (!status) {
        s->gate = fds[0];
        s->theirs = fds[1];
        set_nonblocking(s->gate);
        fcntl(s->gate, F_SETFD, FD_CLOEXEC);
    }
    if (status) {
        set_why(s, status, error);
        free(error);
        engine_session_close(e, status, "");
    }
}

/* Waits for the receiver's banner; then xl's header goes out, and libxl does
 * its work. */
static void
connecting(struct engine *e)
{
    struct engine_session *s = &e->s;
    char banner[sizeof XL_BANNER];
    size_t want = strlen(XL_BANNER) - s->banner_len;
    char *error = NULL;
    uint8_t *header;
    bool ok;
    ssize_t n;

    n = recv(s->stream, banner, want, MSG_DONTWAIT);
    if (n > 0 && !memcmp(banner, XL_BANNER + s->banner_len, n)) {
        s->banner_len += n;
    } else if (n > 0) {
        engine_session_close(e, DTS_EXIT_REFUSED, "the receiver is none of "
                             "xl's, nor ours");
    } else if (time_msec() >= s->banner_deadline) {
        engine_session_close(e, DTS_EXIT_TIMEOUT, "the receiver says nothing: "
                             "look into its log on the peer");
    }
    if (s->banner_len < strlen(XL_BANNER) || e->phase != ENGINE_CONNECTING) {
        return;
    }

    header = xl_header_build(e->json, &want);
    ok = send(s->stream, header, want, MSG_NOSIGNAL) == want;
    free(header);
    if (!ok) {
        engine_session_close(e, DTS_EXIT_PARTLY, "the link is gone");
    } else if (engine_worker_start(e, &error)) {
        engine_session_close(e, DTS_EXIT_PARTLY, error);
        free(error);
    } else {
        e->phase = ENGINE_COPYING;
        remus_log(&e->caller, "%s: the first copy goes to %s", e->name,
                  s->peer);
    }
}

/* -------------------------------------------------------------------- ending */

void
engine_session_close(struct engine *e, int code, const char *why)
{
    struct engine_session *s = &e->s;

    set_why(s, code, why);
    if (s->closing) {
        return;
    }
    s->closing = true;
    s->link_deadline = time_msec() + LAST_WORDS_MS;
    if (s->worker_runs) {
        /* The link sees an end of file, and says END to the peer. */
        shutdown(s->stream, SHUT_RDWR);
        gate_say(s, "stop");
    } else if (s->link) {
        kill(s->link, SIGTERM);
    }
    if (e->phase != ENGINE_TAKEN) {
        e->phase = ENGINE_ENDING;
    }
}

/* Everything that runs for the session has ended?  Then, whose is the guest? */
static bool
over(struct engine *e)
{
    struct engine_session *s = &e->s;
    enum engine_domain domain;
    bool ended;

    if (!s->closing || s->worker_runs) {
        return false;
    }
    if (s->link && time_msec() < s->link_deadline) {
        return false;           /* It has last words to say. */
    }
    if (s->done[0] < 0) {
        return true;            /* libxl never began. */
    }
    domain = engine_domain(e);
    ended = domain == ENGINE_GONE || domain == ENGINE_SHUT;
    if (ended && !engine_output_needs_verdict(e)) {
        return true;
    }
    if (s->epoch.verdict == EPOCH_ALONE) {
        engine_resume(e);
        return true;
    }
    if (s->epoch.verdict == EPOCH_UNDECIDED && s->agent
        && !agent_session_is_asking(s->agent)) {
        /* The gate died, or never had a verdict. */
        agent_session_ask(s->agent, "alone?", session_params(e));
    }
    if (ended && !s->verdict_deadline) {
        s->verdict_deadline = time_msec() + VERDICT_MS;
    }
    /* What a guest that is no more sent last never leaves unless it may. */
    return ended && time_msec() >= s->verdict_deadline;
}

bool
engine_session_run(struct engine *e)
{
    struct engine_session *s = &e->s;
    struct link_event ev;
    size_t ofs = 0;

    while (engine_link_event(s, &ev, &ofs)) {
        link_event(e, &ev);
    }
    agent_run(e);
    gate_run(e);
    if (e->phase == ENGINE_CONNECTING) {
        connecting(e);
    } else if (e->phase == ENGINE_COPYING && time_msec() >= e->progress_at) {
        e->progress_at = time_msec() + PROGRESS_MS;
        REMUS_CALL(&e->caller, copying, engine_link_bytes(s),
                   e->config.b_info.max_memkb * UINT64_C(1024));
    }
    if (time_msec() >= due_at(e)) {
        epoch_due(&s->epoch);
    }
    engine_epochs_run(e);

    if (engine_link_ended(s) && !s->closing) {
        /* What it said last first. */
        ofs = 0;
        while (engine_link_event(s, &ev, &ofs)) {
            link_event(e, &ev);
        }
        engine_epochs_run(e);
        engine_session_close(e, DTS_EXIT_PARTLY, "dts-link has ended");
    }
    if (s->done[0] >= 0 && engine_worker_ended(s)) {
        engine_session_close(e, DTS_EXIT_PARTLY, "libxl has ended "
                             "replication");
    }
    return !over(e);
}

void
engine_session_wait(struct engine *e)
{
    struct engine_session *s = &e->s;

    if (s->events >= 0) {
        poll_fd_wait(s->events, POLLIN);
    }
    if (s->gate >= 0) {
        poll_fd_wait(s->gate, POLLIN);
    }
    if (s->link_pidfd >= 0) {
        poll_fd_wait(s->link_pidfd, POLLIN);
    }
    if (s->closing && s->link) {
        poll_timer_wait_until(s->link_deadline);
    }
    if (s->worker_runs) {
        poll_fd_wait(s->done[0], POLLIN);
    }
    if (e->phase == ENGINE_CONNECTING) {
        poll_fd_wait(s->stream, POLLIN);
        poll_timer_wait_until(s->banner_deadline);
    } else if (e->phase == ENGINE_COPYING) {
        poll_timer_wait_until(e->progress_at);
    } else if (!s->worker_runs) {
        poll_timer_wait(LOOK_MS);
    }
    if (due_at(e) != LLONG_MAX) {
        poll_timer_wait_until(due_at(e));
    }
    if (s->release_at) {
        poll_timer_wait_until(s->release_at);
    }
    if (s->agent) {
        int fd = agent_session_fd(s->agent);

        if (fd >= 0) {
            poll_fd_wait(fd, agent_session_events(s->agent));
        }
        if (agent_session_deadline(s->agent) != LLONG_MAX) {
            poll_timer_wait_until(agent_session_deadline(s->agent));
        }
    }
}

void
engine_session_uninit(struct engine *e)
{
    struct engine_session *s = &e->s;

    close_fd(&s->stream);
    if (s->link) {
        kill(s->link, SIGKILL);
        waitpid(s->link, NULL, 0);
    }
    close_fd(&s->events);
    close_fd(&s->theirs);
    close_fd(&s->gate);
    close_fd(&s->done[0]);
    close_fd(&s->done[1]);
    close_fd(&s->link_pidfd);
    agent_session_destroy(s->agent);
    free(s->why);
    s->agent = NULL;
    s->why = NULL;
}
