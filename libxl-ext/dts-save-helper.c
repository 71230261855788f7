/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: a shim around Xen's libxl-save-helper.
 *
 * libxl runs the program that $LIBXL_SAVE_HELPER names in place of its own
 * helper, for stock xl and for every other toolstack.  This one runs the real
 * helper, passes all between the two on, untouched, and sees so when the
 * guest is suspended and resumed and when the migration ends.  It withholds
 * only what makes xl run a guest: on the restoring side the helper's success,
 * on the saving side its end, until the node's agent says so (gate.c).
 *
 * Under xl-remus it also withholds, on the saving side, the question whether
 * the guest may resume and the answer that begins the next checkpoint, until
 * the engine says so (engine-port.c).  Under stock xl that answer waits while
 * the copy has fallen behind (pace.h): the guest runs then.
 *
 * If this process dies, so does the helper, and libxl sees a failed helper:
 * it destroys the copy.  If the agent is away, what is withheld stays
 * withheld. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "agent-session.h"
#include "buffer.h"
#include "engine-port.h"
#include "gate.h"
#include "helper-frames.h"
#include "openvswitch/json.h"
#include "pace.h"
#include "real-helper.h"
#include "remus-dts/exit.h"
#include "util.h"

#define STALL_MS 2000           /* Unless the agent says otherwise. */
#define PACED_MS 10000          /* Then it goes on all the same. */
#define UNKNOWN_MS 1000         /* How long an end waits for `hello`. */
#define KILL_MS 1000            /* Between SIGTERM and SIGKILL. */
#define REHELLO_MS 2000         /* An agent that knows no session is asked */
#define REHELLO_TIMES 5         /* again: its link may be connecting anew. */

struct shim {
    struct gate gate;
    struct agent_session *agent;
    struct real_helper helper;
    int status;                 /* Of the helper, once gate.ended. */
    int domid;
    int signals;                /* signalfd */
    char *session;              /* "" until known. */
    int n_hello;
    long long int hello_at;

    struct helper_frames frames;
    struct buffer to_libxl, to_helper, withheld;
    bool helper_eof;

    /* Replies: the number of the message that is to be answered (there is
     * never more than one), and the reply's bytes so far. */
    uint16_t awaiting;
    uint8_t reply[sizeof(int)];
    size_t reply_len;

    /* What waits for the engine: message 4, or libxl's reply to 5; that one
     * may also wait for the standby, until 'paced' (LLONG_MAX: it does
     * not). */
    struct engine_port engine;
    struct buffer held;
    struct pace pace;
    long long int paced;

    uint64_t n_suspend, n_resume, n_checkpoint;
    bool suspended;
    long long int stall_at;     /* LLONG_MAX: not armed. */
    long long int written;

    long long int ended_at;     /* ms; when the end began to wait. */
    long long int kill_at;      /* ms; LLONG_MAX: not. */
    bool asked;
    bool refused;               /* Another one has the domain's session. */
};

static void pass_on_end(struct shim *) OVS_NO_RETURN;

static long long int
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static long long int
now_ms(void)
{
    return now_us() / 1000;
}

/* To xl's log, and to syslog, which has the time. */
static void OVS_PRINTF_FORMAT(2, 3)
say(const struct shim *shim, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "dts-save-helper: domain %d: %s\n", shim->domid, text);
    syslog(LOG_NOTICE, "domain %d: %s", shim->domid, text);
}

static struct json *
session_params(const struct shim *shim)
{
    struct json *params = json_object_create();

    json_object_put_string(params, "session", shim->session);
    return params;
}

static void
tell_progress(struct shim *shim, const char *what, uint64_t n)
{
    if (shim->gate.session == GATE_ARMED) {
        struct json *params = session_params(shim);

        json_object_put_string(params, "what", what);
        json_object_put(params, "n", json_integer_create(n));
        json_object_put(params, "mono_us", json_integer_create(now_us()));
        agent_session_notify(shim->agent, "progress", params);
    }
}

static void
set_hello(struct shim *shim, const char *domain)
{
    struct json *params = json_object_create();

    json_object_put(params, "version", json_integer_create(1));
    json_object_put_string(params, "role", shim->gate.save ? "gate-save"
                           : "gate-restore");
    json_object_put(params, "pid", json_integer_create(getpid()));
    json_object_put(params, "domid", json_integer_create(shim->domid));
    json_object_put_string(params, "domain", domain);
    json_object_put_string(params, "session", shim->session);
    agent_session_set_hello(shim->agent, params);
}

/* The agent answered `hello`: is there a session? */
static void
take_session(struct shim *shim)
{
    const char *session = agent_session_fact(shim->agent, "session");

    if (shim->gate.session == GATE_ARMED || shim->refused
        || !agent_session_connected(shim->agent)) {
        return;
    }
    if (session[0]) {
        free(shim->session);
        shim->session = xstrdup(session);
        shim->gate.session = GATE_ARMED;
        set_hello(shim, agent_session_fact(shim->agent, "domain"));
        say(shim, "session %s: the agent decides who runs %s", session,
            agent_session_fact(shim->agent, "domain"));
        if (shim->suspended) {
            tell_progress(shim, "suspend", shim->n_suspend);
        }
        return;
    }
    if (shim->gate.session == GATE_UNKNOWN) {
        shim->gate.session = GATE_NONE;
        shim->hello_at = now_ms() + REHELLO_MS;
        say(shim, "no session of dts-link: everything passes");
    } else if (now_ms() >= shim->hello_at
               && shim->n_hello < REHELLO_TIMES) {
        shim->n_hello++;
        shim->hello_at = now_ms() + REHELLO_MS;
        agent_session_reconnect(shim->agent);
    }
}

/* The agent refused `hello`: this guest is in another stream already, whose
 * checkpoints a second one would spoil.  xl learns that this one has failed. */
static void
check_refusal(struct shim *shim)
{
    int code;
    const char *error = agent_session_error(shim->agent, &code);

    if (error && code == DTS_EXIT_REFUSED && !shim->refused
        && shim->gate.save && shim->gate.session == GATE_UNKNOWN) {
        say(shim, "refused: %s", error);
        shim->refused = true;
        shim->gate.session = GATE_NONE;
        shim->gate.stopping = true;
    }
}

static void
run_agent(struct shim *shim)
{
    const char *verdict, *reason;

    agent_session_run(shim->agent);
    check_refusal(shim);
    take_session(shim);
    verdict = agent_session_verdict(shim->agent, &reason);
    if (verdict && shim->gate.verdict == GATE_NO_VERDICT) {
        if (gate_set_verdict(&shim->gate, verdict)) {
            say(shim, "%s: %s", verdict, reason);
            engine_port_tell(&shim->engine, "verdict", verdict);
        } else {
            say(shim, "the agent gave the verdict \"%s\", which makes no sense"
                " here: asking again", verdict);
            agent_session_forget(shim->agent);
            shim->asked = false;
        }
    }
    if (agent_session_killed(shim->agent) && shim->kill_at == LLONG_MAX
        && !(shim->gate.save && shim->gate.verdict == GATE_OPEN)) {
        say(shim, "the agent ends it: %s", agent_session_killed(shim->agent));
        shim->gate.verdict = shim->gate.save ? GATE_OPEN : GATE_SHUT;
    }
}

/* Message 4 goes to libxl. */
static void
resuming(struct shim *shim)
{
    shim->stall_at = LLONG_MAX;
    shim->gate.stalled = false;
    agent_session_keep(shim->agent, "stalled", NULL);
}

static void
helper_frame(struct shim *shim)
{
    uint16_t number = helper_frame_number(&shim->frames);
    int retval = -1;

    helper_frame_result(&shim->frames, &retval);
    if (number == HELPER_RESUME && shim->gate.save
        && engine_port_ask(&shim->engine, ENGINE_RESUME,
                           shim->n_resume + 1)) {
        /* The guest stands still until the engine answers: that it does not
         * is a stall, too. */
        buffer_put(&shim->held, shim->frames.data, shim->frames.len);
        return;
    }
    if (helper_msg_has_reply(number)) {
        shim->awaiting = number;
    }
    if (number == HELPER_RESUME) {
        resuming(shim);
    } else if (number == HELPER_CHECKPOINT) {
        pace_written(&shim->pace, ++shim->n_checkpoint, now_ms());
        tell_progress(shim, "checkpoint", shim->n_checkpoint);
    } else if (number == HELPER_COMPLETE) {
        tell_progress(shim, "complete", 1);
    }

    /* Nothing overtakes what is withheld. */
    if (gate_message(&shim->gate, number, retval) && !shim->withheld.len) {
        buffer_put(&shim->to_libxl, shim->frames.data, shim->frames.len);
    } else {
        buffer_put(&shim->withheld, shim->frames.data, shim->frames.len);
    }
}

static void
read_helper(struct shim *shim)
{
    uint8_t data[16384];

    while (!shim->helper_eof) {
        ssize_t n = read(shim->helper.out, data, sizeof data);

        if (n > 0) {
            for (size_t ofs = 0; ofs < n; ) {
                ofs += helper_frames_feed(&shim->frames, data + ofs, n - ofs);
                if (helper_frames_whole(&shim->frames)) {
                    helper_frame(shim);
                    helper_frames_next(&shim->frames);
                }
            }
        } else if (!n || (errno != EAGAIN && errno != EINTR)) {
            shim->helper_eof = true;
        } else if (errno == EAGAIN) {
            break;
        }
    }
}

/* libxl replied to message 'number' with 'value'. */
static void
libxl_replied(struct shim *shim, uint16_t number, int value)
{
    if (number == HELPER_SUSPEND && value && shim->gate.save) {
        shim->suspended = true;
        shim->stall_at = now_ms() + agent_session_fact_int(shim->agent,
                                                           "stall", STALL_MS);
        shim->written = real_helper_written(shim->helper.pid);
        tell_progress(shim, "suspend", ++shim->n_suspend);
        engine_port_tell_n(&shim->engine, "suspend", shim->n_suspend);
    } else if (number == HELPER_RESUME && shim->gate.save) {
        shim->suspended = false;
        tell_progress(shim, "resume", ++shim->n_resume);
    }
}

static bool
lags(const struct shim *shim)
{
    return (!shim->gate.stopping && shim->gate.verdict == GATE_NO_VERDICT
            && pace_lags(&shim->pace, agent_session_acked(shim->agent),
                         now_ms()));
}

/* Whether the next checkpoint is not begun yet. */
static bool
next_waits(struct shim *shim)
{
    if (engine_port_ask(&shim->engine, ENGINE_NEXT, shim->n_checkpoint)) {
        return true;
    }
    if (lags(shim)) {
        shim->paced = now_ms() + PACED_MS;
        return true;
    }
    return false;
}

static void
run_pace(struct shim *shim)
{
    if (shim->paced == LLONG_MAX) {
        return;
    }
    if (now_ms() >= shim->paced && !agent_session_acked(shim->agent)) {
        /* The first copy is under way: nothing is protected before. */
        shim->paced = now_ms() + PACED_MS;
    }
    if (!lags(shim) || now_ms() >= shim->paced) {
        shim->paced = LLONG_MAX;
        buffer_put(&shim->to_helper, shim->held.data, shim->held.len);
        shim->held.len = 0;
    }
}

/* Returns false when libxl is gone. */
static bool
read_libxl(struct shim *shim)
{
    uint8_t data[256];
    ssize_t n;

    while ((n = read(STDIN_FILENO, data, sizeof data)) > 0) {
        for (size_t i = 0; i < n; i++) {
            shim->reply[shim->reply_len++] = data[i];
            if (shim->reply_len == sizeof shim->reply) {
                uint16_t number = shim->awaiting;
                int value;

                memcpy(&value, shim->reply, sizeof value);
                shim->reply_len = 0;
                shim->awaiting = 0;
                libxl_replied(shim, number, value);
                /* A reply that ends replication goes on at once. */
                buffer_put(number == HELPER_CHECKPOINT && value > 0
                           && shim->gate.save && next_waits(shim)
                           ? &shim->held : &shim->to_helper,
                           shim->reply, sizeof shim->reply);
            }
        }
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Once it has been waited for its process id is anybody's. */
static void
kill_helper(const struct shim *shim, int signo)
{
    if (!shim->gate.ended) {
        kill(shim->helper.pid, signo);
    }
}

static void
read_signals(struct shim *shim)
{
    struct signalfd_siginfo si;

    while (read(shim->signals, &si, sizeof si) == sizeof si) {
        /* A terminal's ^C is for the engine, which ends us in order. */
        if (si.ssi_signo != SIGCHLD
            && !(si.ssi_signo == SIGINT && shim->engine.there)) {
            kill_helper(shim, si.ssi_signo);
        }
    }
    if (!shim->gate.ended
        && waitpid(shim->helper.pid, &shim->status, WNOHANG)
           == shim->helper.pid) {
        read_helper(shim);      /* What it said last. */
        shim->gate.ended = true;
        shim->stall_at = LLONG_MAX;
    }
}

static void
run_engine(struct shim *shim)
{
    enum engine_question answered = engine_port_run(&shim->engine);

    if (answered == ENGINE_RESUME) {
        resuming(shim);
        shim->awaiting = HELPER_RESUME;
        buffer_put(&shim->to_libxl, shim->held.data, shim->held.len);
    } else if (answered == ENGINE_NEXT) {
        buffer_put(&shim->to_helper, shim->held.data, shim->held.len);
    }
    if (answered) {
        shim->held.len = 0;
    }
    /* Whose the guest is still is for the agent to say. */
    if (shim->engine.there && (shim->engine.stop || shim->engine.fd < 0)
        && !shim->gate.stopping) {
        say(shim, shim->engine.stop ? "the engine ends replication"
            : "the engine is gone");
        shim->gate.stopping = true;
    }
}

/* The guest has been suspended for long: does the stream move? */
static void
check_stall(struct shim *shim)
{
    long long int stall = agent_session_fact_int(shim->agent, "stall",
                                                 STALL_MS);
    long long int written;

    if (now_ms() < shim->stall_at) {
        return;
    }
    written = real_helper_written(shim->helper.pid);
    if (written != shim->written && written >= 0) {
        shim->written = written;
        shim->stall_at = now_ms() + stall;
        return;
    }
    shim->stall_at = LLONG_MAX;
    shim->gate.stalled = true;
    say(shim, "suspended, and nothing was sent for %lld ms", stall);
    if (shim->gate.session == GATE_ARMED) {
        struct json *params = session_params(shim);

        json_object_put(params, "ms", json_integer_create(stall));
        agent_session_keep(shim->agent, "stalled", params);
    }
}

/* Ends as the helper did. */
static void
pass_on_end(struct shim *shim)
{
    if (WIFSIGNALED(shim->status)) {
        struct rlimit none = { 0, 0 };
        sigset_t all;

        setrlimit(RLIMIT_CORE, &none);
        signal(WTERMSIG(shim->status), SIG_DFL);
        sigfillset(&all);
        sigprocmask(SIG_UNBLOCK, &all, NULL);
        raise(WTERMSIG(shim->status));
    }
    _exit(WIFEXITED(shim->status) ? WEXITSTATUS(shim->status) : 1);
}

static void
act(struct shim *shim)
{
    unsigned int actions;
    bool waits = shim->gate.completed || shim->gate.ended;

    /* An end that comes before the agent has answered waits for it a little;
     * without an agent there is no session, and the guest must not stay frozen
     * by our fault. */
    if (waits && shim->ended_at == LLONG_MAX) {
        shim->ended_at = now_ms();
    }
    if (waits && shim->gate.session == GATE_UNKNOWN
        && (now_ms() - shim->ended_at >= UNKNOWN_MS
            || agent_session_error(shim->agent, NULL))) {
        say(shim, "%s: no session, everything passes",
            agent_session_error(shim->agent, NULL)
            ? agent_session_error(shim->agent, NULL)
            : "the agent did not answer");
        shim->gate.session = GATE_NONE;
    }

    actions = gate_actions(&shim->gate);
    if (actions & GATE_FAIL) {
        say(shim, "the copy is given up");
        kill_helper(shim, SIGKILL);
        _exit(1);
    }
    if (actions & GATE_ASK && !shim->asked) {
        shim->asked = true;
        say(shim, "the helper %s: withheld until the agent decides",
            shim->gate.ended ? "has ended"
            : shim->gate.completed ? "is done"
            : shim->gate.stopping ? "is to end" : "does not get on");
        agent_session_ask(shim->agent, shim->gate.save ? "alone?" : "grant?",
                          session_params(shim));
    }
    if (actions & GATE_PASS && shim->withheld.len) {
        buffer_put(&shim->to_libxl, shim->withheld.data, shim->withheld.len);
        shim->withheld.len = 0;
    }
    /* Never while libxl is at work on a message: to fail under a suspend that is
     * under way would leave the guest suspended, with nobody to resume it. */
    if (actions & GATE_STOP && shim->kill_at == LLONG_MAX && !shim->awaiting) {
        /* By SIGTERM it puts the guest back to sanity, if it can. */
        kill_helper(shim, SIGTERM);
        shim->kill_at = now_ms() + KILL_MS;
    }
    if (now_ms() >= shim->kill_at && !shim->gate.ended) {
        kill_helper(shim, SIGKILL);
        shim->kill_at = LLONG_MAX - 1;
    }
    if (actions & GATE_END && !shim->to_libxl.len) {
        engine_port_tell_n(&shim->engine, "end",
                           WIFEXITED(shim->status) ? WEXITSTATUS(shim->status)
                           : 128 + WTERMSIG(shim->status));
        pass_on_end(shim);
    }
}

static int
poll_timeout(const struct shim *shim)
{
    long long int deadline = agent_session_deadline(shim->agent);

    deadline = MIN(deadline, MIN(shim->stall_at, shim->paced));
    if (!shim->gate.ended) {
        deadline = MIN(deadline, shim->kill_at);
    }
    if (shim->gate.session == GATE_UNKNOWN && shim->ended_at != LLONG_MAX) {
        deadline = MIN(deadline, shim->ended_at + UNKNOWN_MS);
    }
    if (shim->gate.session == GATE_NONE && shim->n_hello < REHELLO_TIMES
        && agent_session_connected(shim->agent)) {
        deadline = MIN(deadline, shim->hello_at);
    }
    if (deadline >= LLONG_MAX - 1) {
        return -1;
    }
    deadline -= now_ms();
    return deadline < 0 ? 0 : MIN(deadline + 1, 60000);
}

static void
run(struct shim *shim)
{
    for (;;) {
        struct pollfd p[6];

        run_agent(shim);
        run_pace(shim);
        check_stall(shim);
        act(shim);
        if (buffer_flush(&shim->to_libxl, STDOUT_FILENO)) {
            break;
        }
        buffer_flush(&shim->to_helper, shim->helper.in);
        act(shim);

        p[0] = (struct pollfd) { shim->signals, POLLIN, 0 };
        p[1] = (struct pollfd) { STDIN_FILENO, POLLIN, 0 };
        p[2] = (struct pollfd) { shim->helper_eof ? -1 : shim->helper.out,
                                 POLLIN, 0 };
        p[3] = (struct pollfd) { agent_session_fd(shim->agent),
                                 agent_session_events(shim->agent), 0 };
        /* With nothing to write, POLLERR still tells that libxl is gone. */
        p[4] = (struct pollfd) { STDOUT_FILENO,
                                 shim->to_libxl.len ? POLLOUT : 0, 0 };
        p[5] = (struct pollfd) { shim->engine.fd, POLLIN, 0 };
        if (poll(p, ARRAY_SIZE(p), poll_timeout(shim)) < 0
            && errno != EINTR) {
            break;
        }
        if (p[1].revents && !read_libxl(shim)) {
            break;
        }
        if (p[4].revents & (POLLERR | POLLNVAL)) {
            break;
        }
        if (p[2].revents) {
            read_helper(shim);
        }
        read_signals(shim);
        run_engine(shim);
    }
    say(shim, "libxl is gone");
    kill_helper(shim, SIGKILL);
    _exit(1);
}

int
main(int argc, char *argv[])
{
    static struct shim shim;
    const char *domain = getenv("DTS_DOMAIN");
    const char *session = getenv("DTS_SESSION");
    char *path = real_helper_path();
    sigset_t mask, old;
    bool save;
    int error;

    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("dts-save-helper (remus-dts) %s\nreal helper: %s\n",
               DTS_VERSION, path ? path : "none");
        return 0;
    }
    if (!path) {
        fprintf(stderr, "dts-save-helper: Xen's libxl-save-helper was not "
                "found under /usr/lib/xen-*/bin: name it in "
                "DTS_REAL_SAVE_HELPER\n");
        return 2;
    }
    save = argc >= 2 && !strcmp(argv[1], "--save-domain");
    if (argc != (save ? 8 : 11)
        || (!save && strcmp(argv[1], "--restore-domain"))
        || !strcmp(argv[argc - 1], "0")) {
        /* Not a stream with checkpoints: no business of ours. */
        argv[0] = path;
        execv(path, argv);
        fprintf(stderr, "dts-save-helper: cannot execute %s: %s\n", path,
                strerror(errno));
        return 127;
    }

    openlog("dts-save-helper", LOG_PID, LOG_DAEMON);
    engine_port_init(&shim.engine);
    signal(SIGPIPE, SIG_IGN);
    shim.domid = atoi(argv[4]);
    shim.session = xstrdup(!save && session ? session : "");
    shim.stall_at = shim.ended_at = shim.kill_at = shim.paced = LLONG_MAX;
    gate_init(&shim.gate, save, shim.session[0] ? GATE_ARMED : GATE_UNKNOWN);
    helper_frames_init(&shim.frames);
    shim.agent = agent_session_create(NULL);
    set_hello(&shim, !save && domain ? domain : "");

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, &old);
    shim.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);

    argv[0] = path;
    error = real_helper_start(path, argv, &old, &shim.helper);
    if (error) {
        fprintf(stderr, "dts-save-helper: cannot start %s: %s\n", path,
                ovs_strerror(error));
        return 1;
    }
    /* The stream is the helper's: were it open here too, its end would not
     * show. */
    for (int i = 2; i <= 3; i++) {
        if (atoi(argv[i]) > STDERR_FILENO) {
            close(atoi(argv[i]));
        }
    }
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    run(&shim);
}
