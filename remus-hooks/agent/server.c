/* SPDX-License-Identifier: Apache-2.0 */

/* The agent's socket: accepts the node's own processes (links, gates, the vif
 * program), checks who they are, and hands their messages to requests.c.  See
 * docs/protocol.md for the messages.
 *
 * A connection is also a sign of life: when it breaks, its session is told. */

#include <config.h>
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fatal-signal.h"
#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "session.h"
#include "socket-util.h"
#include "stream-fd.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(server);

#define MAX_MESSAGE 65536
#define MAX_CONNS 4096

/* In a round: connections that are accepted, and messages of each.  Who has part
 * in a session, or plugs a vif, is heard in each round; all others share a few
 * milliseconds of it. */
#define MAX_ACCEPTED 64
#define MAX_HEARD 50
#define MAX_HEARD_OTHER 5
#define OTHERS_MS 10

/* One that does not read what it is told is not heard meanwhile; and this much
 * is kept for nobody (the status of ten thousand domains is less). */
#define MAX_BACKLOG (16 * 1024 * 1024)

/* Without a file descriptor nothing can be accepted, nor be refused. */
#define NO_FD_MS 100

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static int listen_fd = -1;
static char *listen_path;
static struct ovs_list conns = OVS_LIST_INITIALIZER(&conns);
static size_t n_conns, max_conns = MAX_CONNS;
static uint64_t next_id = 1;
static long long int accept_at; /* ms: not before. */

static void limit_conns(void);
static void accept_conns(void);
static void others_run(void);
static bool conn_is_urgent(const struct conn *);
static bool conn_run(struct conn *, int max_messages);
static void conn_destroy(struct conn *);

/* Listens on 'path'.  Returns 0 or an errno (EADDRINUSE: another agent lives
 * there). */
int
server_init(const char *path)
{
    struct sockaddr_un un;
    socklen_t un_len;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return errno;
    }
    memset(&un, 0, sizeof un);
    un.sun_family = AF_UNIX;
    un_len = sizeof un;
    if (strlen(path) >= sizeof un.sun_path) {
        close(fd);
        return ENAMETOOLONG;
    }
    strcpy(un.sun_path, path);
    if (!connect(fd, (struct sockaddr *) &un, un_len)) {
        close(fd);
        return EADDRINUSE;
    }
    close(fd);

    fd = make_unix_socket(SOCK_STREAM, true, path, NULL);
    if (fd < 0) {
        return -fd;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (chmod(path, 0600) || listen(fd, 64)) {
        int error = errno;
        close(fd);
        return error;
    }
    listen_fd = fd;
    listen_path = xstrdup(path);
    limit_conns();
    return 0;
}

/* The databases' and the switch's connections, and hooks, need file descriptors
 * as well: connections to the socket may have half of them. */
static void
limit_conns(void)
{
    struct rlimit r;

    if (!getrlimit(RLIMIT_NOFILE, &r)) {
        if (r.rlim_cur < 2 * MAX_CONNS && r.rlim_cur < r.rlim_max) {
            r.rlim_cur = MIN(r.rlim_max, 2 * MAX_CONNS);
            setrlimit(RLIMIT_NOFILE, &r);
        }
        max_conns = MIN(MAX_CONNS, r.rlim_cur / 2);
    }
}

void
server_run(void)
{
    struct conn *c;

    accept_conns();
    LIST_FOR_EACH_SAFE (c, list_node, &conns) {
        if (conn_is_urgent(c) && !conn_run(c, MAX_HEARD)) {
            conn_destroy(c);
        }
    }
    others_run();
}

void
server_wait(void)
{
    const struct conn *c;

    if (accept_at) {
        poll_timer_wait_until(accept_at);
    } else {
        poll_fd_wait(listen_fd, POLLIN);
    }
    LIST_FOR_EACH (c, list_node, &conns) {
        jsonrpc_wait(c->rpc);
        if (!jsonrpc_get_backlog(c->rpc)) {
            jsonrpc_recv_wait(c->rpc);
        }
    }
}

void
server_destroy(void)
{
    struct conn *c;

    LIST_FOR_EACH_SAFE (c, list_node, &conns) {
        conn_destroy(c);
    }
    if (listen_fd >= 0) {
        close(listen_fd);
        unlink(listen_path);
    }
    free(listen_path);
}

void
server_reply(struct conn *c, const struct json *id, struct json *result)
{
    jsonrpc_send(c->rpc, jsonrpc_create_reply(result, id));
}

/* 'code' is one of the exit codes of docs/protocol.md. */
void
server_reply_error(struct conn *c, const struct json *id, int code,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct json *error = json_object_create();
    json_object_put(error, "code", json_integer_create(code));
    json_object_put(error, "message",
                    json_string_create_nocopy(xvasprintf(format, args)));
    va_end(args);
    jsonrpc_send(c->rpc, jsonrpc_create_error(error, id));
}

void
server_notify(struct conn *c, const char *method, struct json *params)
{
    jsonrpc_send(c->rpc,
                 jsonrpc_create_notify(method, json_array_create_1(params)));
}

struct conn *
server_find(uint64_t id)
{
    struct conn *c;

    LIST_FOR_EACH (c, list_node, &conns) {
        if (c->id == id) {
            return c;
        }
    }
    return NULL;
}

static void
accept_conns(void)
{
    if (time_msec() < accept_at) {
        return;
    }
    accept_at = 0;
    for (int i = 0; i < MAX_ACCEPTED; i++) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred cred;
        socklen_t len = sizeof cred;

        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                VLOG_WARN_RL(&rl, "accept: %s", ovs_strerror(errno));
                accept_at = time_msec() + NO_FD_MS;
            }
            return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)
            || (cred.uid && cred.uid != geteuid())) {
            VLOG_WARN_RL(&rl, "refused a connection of user %d",
                         (int) cred.uid);
            close(fd);
            continue;
        }
        if (n_conns >= max_conns) {
            VLOG_WARN_RL(&rl, "too many connections; refused one of process "
                         "%d", (int) cred.pid);
            close(fd);
            continue;
        }

        struct stream *stream;
        char *name = xasprintf("unix:%d", (int) cred.pid);
        if (new_fd_stream(name, fd, 0, AF_UNIX, &stream)) {
            continue;
        }

        struct conn *c = xzalloc(sizeof *c);
        c->rpc = jsonrpc_open(stream);
        c->id = next_id++;
        c->pid = cred.pid;
        ovs_list_push_back(&conns, &c->list_node);
        n_conns++;
    }
}

/* True of those that a failover waits for. */
static bool
conn_is_urgent(const struct conn *c)
{
    return c->session || c->role == CONN_VIF;
}

/* All others, in turn, as long as there is time. */
static void
others_run(void)
{
    long long int until = time_msec() + OTHERS_MS;

    for (size_t n = n_conns; n > 0 && time_msec() < until; n--) {
        struct conn *c = CONTAINER_OF(ovs_list_pop_front(&conns), struct conn,
                                      list_node);

        ovs_list_push_back(&conns, &c->list_node);
        if (!conn_is_urgent(c) && !conn_run(c, MAX_HEARD_OTHER)) {
            conn_destroy(c);
        }
    }
}

/* Returns false to close the connection. */
static bool
conn_run(struct conn *c, int max_messages)
{
    jsonrpc_run(c->rpc);
    if (jsonrpc_get_backlog(c->rpc) > MAX_BACKLOG) {
        VLOG_WARN_RL(&rl, "process %d does not read what it is told",
                     (int) c->pid);
        return false;
    }
    for (int i = 0; i < max_messages && !jsonrpc_get_backlog(c->rpc); i++) {
        struct jsonrpc_msg *msg;
        int error = jsonrpc_recv(c->rpc, &msg);

        if (error == EAGAIN) {
            break;
        } else if (error) {
            return false;
        }
        c->received = jsonrpc_get_received_bytes(c->rpc);
        bool ok = server_handle(c, msg);
        jsonrpc_msg_destroy(msg);
        if (!ok) {
            return false;
        }
    }
    if (jsonrpc_get_received_bytes(c->rpc) - c->received > MAX_MESSAGE) {
        VLOG_WARN_RL(&rl, "process %d: message of more than %d bytes",
                     (int) c->pid, MAX_MESSAGE);
        return false;
    }
    return !jsonrpc_get_status(c->rpc);
}

static void
conn_destroy(struct conn *c)
{
    session_goodbye(c);
    json_destroy(c->question);
    jsonrpc_close(c->rpc);
    ovs_list_remove(&c->list_node);
    n_conns--;
    free(c);
}
