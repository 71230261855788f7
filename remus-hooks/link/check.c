/* SPDX-License-Identifier: Apache-2.0 */
/* A check session: `xl-remus check` on one node talks to the same program on
 * the other, over the connection that a domain's copy would take.
 *
 * Nothing of a replication session is here: no session's UUID, so neither
 * agent nor database hears of it; no heartbeats, no packing, no checkpoints.
 * What one end writes is given to the other as it is, with little memory, in
 * both directions.  END says that an end will say no more: the asking one's
 * stdin is closed, or the answering one's program has ended, which ends the
 * session.
 *
 * The answering program runs as root for a node that this one knows only by
 * its certificate.  So it is started only when this node's agent says that the
 * other one is one of the domain's two, and few at once; it gets little of the
 * CPU, is the first to be killed where memory is short, is told by its
 * environment who asks, and for which domain, and must believe nothing of what
 * it reads. */

#include <config.h>

#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent-session.h"
#include "bucket.h"
#include "buffer.h"
#include "child.h"
#include "connect.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "peer.h"
#include "remus-dts/exit.h"
#include "rundir.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(check);

#define IDLE_FACTOR 12          /* Times --timeout: a minute. */
#define WHOLE_FACTOR 120        /* Ten minutes, whatever is said. */
#define PIECE 65536             /* Of DATA, and of what waits for a reader. */
#define LAST_WORDS_MS 1000
#define AGENT_MS 2000           /* The asking end has patience for 5 s. */
#define MAX_CHECKS 4            /* Answered at once. */
#define BURST (1024 * 1024)     /* Of DATA in a round of the loop... */
#define BURST_MESSAGES 256      /* ...which may be little ones. */
#define OLD_PEER "the other node's remus-dts is older and cannot be " \
                 "checked: install the same version on both"

/* Between the connection and this host's program. */
struct relay {
    struct peer peer;
    int in, out;                /* From and to the program; may be one. */
    bool in_eof;
    bool out_eof;               /* The program was told that no more comes. */
    struct buffer to_out;
    struct bucket bucket;
    bool said_end, heard_end;
    int status;                 /* What the peer's END said. */
    char *message;              /* The same; NULL: nothing. */
    long long int idle_ms, moved_at, deadline;
};

static void
relay_init(struct relay *r, const struct link_options *o)
{
    memset(r, 0, sizeof *r);
    r->in = r->out = -1;
    r->idle_ms = (long long int) IDLE_FACTOR * o->timeout;
    r->moved_at = time_msec();
    r->deadline = r->moved_at + (long long int) WHOLE_FACTOR * o->timeout;
    bucket_init(&r->bucket, o->bandwidth, r->moved_at);
}

static void
relay_uninit(struct relay *r)
{
    if (r->peer.rx) {
        peer_destroy(&r->peer);
    }
    free(r->to_out.data);
    free(r->message);
}

static void
say_end(struct relay *r, int status, const char *message)
{
    if (!r->said_end) {
        struct json *json = json_object_create();

        r->said_end = true;
        json_object_put(json, "status", json_integer_create(status));
        json_object_put_string(json, "message", message);
        peer_send_json(&r->peer, WIRE_END, json);
    }
}

static void
heard_end(struct relay *r, const struct wire *w)
{
    struct json *json = json_from_body(w->body, w->body_len);
    long long int status = json_int_member(json, "status", -1);

    r->heard_end = true;
    r->status = status >= 0 && status < 256 ? status : DTS_EXIT_PARTLY;
    r->message = json_printable_member(json, "message");
    json_destroy(json);
}

static void
from_peer(struct relay *r)
{
    enum wire_event event;

    for (int i = 0; i < BURST_MESSAGES && r->to_out.len < PIECE; i++) {
        const struct wire *w = &r->peer.wire;

        event = peer_receive(&r->peer);
        if (event == WIRE_NOTHING) {
            break;
        }
        /* What has nothing in it is no sign of life. */
        if (w->body_len) {
            r->moved_at = time_msec();
        }
        if (r->heard_end) {
            peer_fail(&r->peer, SUSPECT_PROTOCOL, "a message after END");
        } else if (event == WIRE_CHUNK && w->type == WIRE_DATA) {
            buffer_put(&r->to_out, w->body, w->body_len);
        } else if (event == WIRE_MESSAGE && w->type == WIRE_END) {
            heard_end(r, w);
        } else {
            peer_fail(&r->peer, SUSPECT_PROTOCOL,
                      "message of type %u out of turn", w->type);
        }
    }
}

static bool
reads(struct relay *r)
{
    return !r->in_eof && !r->said_end && peer_has_room(&r->peer);
}

static void
to_peer(struct relay *r)
{
    uint8_t bytes[PIECE];
    size_t burst = 0;

    while (burst < BURST && reads(r)
           && bucket_run(&r->bucket, time_msec())) {
        ssize_t n = read(r->in, bytes, bucket_piece(&r->bucket,
                                                    sizeof bytes));

        if (n > 0) {
            burst += n;
            bucket_take(&r->bucket, n);
            peer_send(&r->peer, WIRE_DATA, bytes, n);
            r->moved_at = time_msec();
            peer_run(&r->peer);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            r->in_eof = !n || errno != EAGAIN;
            break;
        }
    }
}

/* Returns false when nothing can come of it any more. */
static bool
relay_run(struct relay *r)
{
    uint64_t sent = r->peer.last_tx;

    from_peer(r);
    if (r->to_out.len && buffer_flush(&r->to_out, r->out)) {
        r->out_eof = true;      /* Its reader is gone. */
    }
    to_peer(r);
    peer_run(&r->peer);
    if (r->peer.last_tx != sent) {
        r->moved_at = time_msec();
    }
    if (time_msec() >= MIN(r->moved_at + r->idle_ms, r->deadline)) {
        peer_fail(&r->peer, SUSPECT_SILENCE, "nothing was said for %lld ms",
                  time_msec() - r->moved_at);
    }
    return r->peer.stream != NULL;
}

static void
relay_wait(struct relay *r)
{
    peer_wait(&r->peer, r->to_out.len < PIECE);
    if (r->to_out.len) {
        poll_fd_wait(r->out, POLLOUT);
    }
    if (reads(r)) {
        if (bucket_run(&r->bucket, time_msec())) {
            poll_fd_wait(r->in, POLLIN);
        } else {
            poll_timer_wait_until(bucket_deadline(&r->bucket));
        }
    }
    poll_timer_wait_until(MIN(r->moved_at + r->idle_ms, r->deadline));
}

/* Until the peer has what was said, and closes.  What still comes of a bulk is
 * nobody's: but not to read it would reset the connection. */
static void
last_words(struct relay *r)
{
    long long int deadline = time_msec() + LAST_WORDS_MS;

    while (r->peer.stream && time_msec() < deadline) {
        peer_run(&r->peer);
        while (peer_receive(&r->peer) != WIRE_NOTHING
               && time_msec() < deadline) {
            continue;
        }
        if (r->peer.stream) {
            peer_wait(&r->peer, true);
            poll_timer_wait_until(deadline);
            poll_block();
        }
    }
}

/* --------------------------------------------------------- the asking end */

static int OVS_PRINTF_FORMAT(2, 3)
give_up(int code, const char *format, ...)
{
    va_list args;

    fputs("dts-link: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
    return code;
}

static int
give_up_error(int code, char *error)
{
    give_up(code, "%s", error);
    free(error);
    return code;
}

/* HELLO and WELCOME. */
static int
greet(const struct link_options *o, struct agent_session *agent,
      struct peer *peer)
{
    struct json *hello = json_object_create(), *welcome;
    char *error;
    int status;

    json_object_put(hello, "version", json_integer_create(LINK_VERSION));
    json_object_put(hello, "check", json_integer_create(1));
    json_object_put_string(hello, "domain", o->domain);
    json_object_put_string(hello, "node", agent_session_fact(agent, "node"));
    peer_send_json(peer, WIRE_HELLO, hello);
    status = link_wait_welcome(o, agent, peer, &welcome, &error);
    if (status) {
        /* So say those that know of no checks. */
        if (strstr(error, "no proper session")) {
            free(error);
            error = xstrdup(OLD_PEER);
        }
        return give_up_error(status, error);
    }
    if (!json_int_member(welcome, "check", 0)) {
        status = give_up(DTS_EXIT_REFUSED, "%s", OLD_PEER);
    }
    json_destroy(welcome);
    return status;
}

/* Not 0 and 1: the poll loop does not take them.  '*was': its flags, which
 * are others' too, to be restored. */
static int
take_fd(int fd, int flags, int *was)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    close(fd);
    ignore(open("/dev/null", flags));
    *was = fcntl(copy, F_GETFL);
    fcntl(copy, F_SETFL, *was | O_NONBLOCK);
    return copy;
}

static int
talk(struct relay *r)
{
    while (relay_run(r)) {
        if (r->in_eof) {
            say_end(r, 0, "");
        }
        if (r->out_eof) {
            return give_up(DTS_EXIT_PARTLY, "nobody reads what the other node "
                           "says");
        }
        if (r->heard_end && !r->to_out.len) {
            break;
        }
        relay_wait(r);
        poll_block();
    }
    if (!r->heard_end) {
        return give_up(r->peer.suspicion == SUSPECT_SILENCE ? DTS_EXIT_TIMEOUT
                       : DTS_EXIT_PARTLY, "the other node was lost in the "
                       "middle of the check: %s", r->peer.detail);
    }
    return (r->status ? give_up(DTS_EXIT_PARTLY, "the other node could not do "
                                "the check: %s", r->message)
            : DTS_EXIT_OK);
}

static int
ask(struct relay *r)
{
    int in_was, out_was, status;

    r->in = take_fd(STDIN_FILENO, O_RDONLY, &in_was);
    r->out = take_fd(STDOUT_FILENO, O_WRONLY, &out_was);
    status = talk(r);
    fcntl(r->in, F_SETFL, in_was);
    fcntl(r->out, F_SETFL, out_was);
    return status;
}

int
link_check(const struct link_options *o)
{
    struct stream *stream;
    struct relay r;
    char *error, *name = NULL;
    struct agent_session *agent;
    int status;

    relay_init(&r, o);
    if (o->host) {
        name = link_target(o, o->host, LINK_PORT);
    }
    agent = agent_session_create(o->agent_socket);
    status = agent_hello(agent,
                         agent_hello_params("check", o->domain, "",
                                            o->host && !name ? o->host : ""),
                         o->timeout, &error);
    if (status) {
        give_up_error(status, error);
        goto out;
    }
    if (!name) {
        name = link_target(o, agent_session_fact(agent, "peer_ip"),
                           agent_session_fact_int(agent, "port", LINK_PORT));
    }
    if (!name) {
        status = give_up(DTS_EXIT_NOT_FOUND, "%s: the agent knows no address "
                         "of the other node: dts-ctl status %s", o->domain,
                         o->domain);
        goto out;
    }
    status = link_connect(o, agent, name, &stream, &error);
    if (status) {
        give_up_error(status, error);
        goto out;
    }
    peer_init(&r.peer, stream, true);
    status = greet(o, agent, &r.peer);
    if (!status) {
        status = ask(&r);
    }
out:
    relay_uninit(&r);
    agent_session_destroy(agent);
    free(name);
    return status;
}

/* ------------------------------------------------------ the answering end */

/* Is 'node' one of the domain's two?  Returns 0, or an exit status and in
 * '*error' why it is told nothing. */
static int
ask_agent(const struct link_options *o, const char *domain, const char *node,
          char **error)
{
    struct agent_session *agent = agent_session_create(o->agent_socket);
    int status = agent_hello(agent,
                             agent_hello_params("check", domain, "", node),
                             MIN(o->timeout, AGENT_MS), error);

    if (!status) {
        const struct json *facts = agent_session_facts(agent);
        const struct json *pair = shash_find_data(json_object(facts), "pair");

        if (!pair || pair->type != JSON_TRUE) {
            *error = xasprintf("%s is neither the owner nor the standby of "
                               "%s: it is told nothing of this node", node,
                               domain);
            status = DTS_EXIT_REFUSED;
        }
    }
    agent_session_destroy(agent);
    return status;
}

/* One of the few places for a check.  Returns a descriptor, which is to stay
 * open as long as it lasts, or a negative errno; -EWOULDBLOCK: all are
 * taken. */
static int
take_place(void)
{
    for (int i = 0; i < MAX_CHECKS; i++) {
        char *path = xasprintf("%s/check.%d.lock", dts_rundir(), i);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int error = fd < 0 ? errno : 0;

        free(path);
        if (!error && !flock(fd, LOCK_EX | LOCK_NB)) {
            return fd;
        }
        error = error ? error : errno;
        if (fd >= 0) {
            close(fd);
        }
        if (error != EWOULDBLOCK) {
            return -error;
        }
    }
    return -EWOULDBLOCK;
}

static int
start_checker(const struct link_options *o, const char *domain,
              const char *node, struct child *child)
{
    char *helper = xasprintf("LIBXL_SAVE_HELPER=%s", o->save_helper);
    char *env_domain = xasprintf("DTS_DOMAIN=%s", domain);
    char *env_peer = xasprintf("DTS_PEER=%s", node);
    const char *env[] = { helper, env_domain, env_peer, NULL };
    char *log = (o->receiver_log_dir
                 ? xasprintf("%s/check.log", o->receiver_log_dir) : NULL);
    int error = child_start(child, o->checker, env, log, true);

    free(helper);
    free(env_domain);
    free(env_peer);
    free(log);
    return error;
}

static void
answer(struct relay *r, struct child *child)
{
    r->in = r->out = child->fd;
    while (relay_run(r)) {
        if (r->heard_end && !r->to_out.len && !r->out_eof) {
            shutdown(child->fd, SHUT_WR);
            r->out_eof = true;
        }
        if (r->in_eof && child_ended(child)) {
            char *message = (child->status
                             ? xasprintf("its program ended with status %d "
                                         "(see its log)", child->status)
                             : xstrdup(""));

            say_end(r, child->status, message);
            free(message);
            last_words(r);
            break;
        }
        relay_wait(r);
        if (r->in_eof) {
            child_wait(child);
        }
        poll_block();
    }
    if (!r->peer.stream) {
        VLOG_INFO("the check ends: %s", r->peer.detail);
    }
    child_reset(child);
    if (!child_ended(child)) {
        kill(-child->pid, SIGKILL);     /* It has nothing to clean up. */
    }
}

int
link_check_answer(const struct link_options *o, const struct peer *peer,
                  const struct json *hello)
{
    const char *domain = json_string_member(hello, "domain");
    const char *node = json_string_member(hello, "node");
    char *message = NULL;
    struct child child;
    struct relay r;
    int place = -1, error, status;

    relay_init(&r, o);
    r.peer = *peer;
    VLOG_INFO("domain %s: %s (%s) checks what it would find here", domain,
              node, stream_get_name(r.peer.stream));
    status = ask_agent(o, domain, node, &message);
    if (!status) {
        place = take_place();
        if (place < 0) {
            status = DTS_EXIT_PARTLY;
            message = (place == -EWOULDBLOCK
                       ? xstrdup("too many checks at once: again in a minute")
                       : xasprintf("no place for a check in %s (%s)",
                                   dts_rundir(), ovs_strerror(-place)));
        }
    }
    if (!status) {
        error = start_checker(o, domain, node, &child);
        if (error) {
            status = DTS_EXIT_PARTLY;
            message = xasprintf("cannot start \"%s\" (%s)", o->checker,
                                ovs_strerror(error));
        }
    }
    if (status) {
        link_refuse(&r.peer, status, message);
    } else {
        struct json *welcome = json_object_create();

        json_object_put(welcome, "version",
                        json_integer_create(LINK_VERSION));
        json_object_put(welcome, "check", json_integer_create(1));
        peer_send_json(&r.peer, WIRE_WELCOME, welcome);
        answer(&r, &child);
    }
    if (place >= 0) {
        close(place);
    }
    free(message);
    relay_uninit(&r);
    return status;
}
