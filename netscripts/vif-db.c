/* SPDX-License-Identifier: Apache-2.0 */
/* OVSDB's JSON-RPC on a unix socket (see vif-db.h for why not OVS's own). */

#include <config.h>

#include "vif-db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/shash.h"
#include "util.h"

#define DEFAULT_RUNDIR "/var/run/openvswitch"

struct vif_db {
    char path[sizeof ((struct sockaddr_un *) NULL)->sun_path];
    int fd;
    int last_id;
    char in[4096];              /* Read, not yet parsed: in[ofs..len). */
    size_t ofs, len;
};

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

char *
vif_db_open(struct vif_db **dbp)
{
    const char *rundir = getenv("OVS_RUNDIR");
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct vif_db *db;
    int error;

    *dbp = NULL;
    if (snprintf(un.sun_path, sizeof un.sun_path, "%s/db.sock",
                 rundir && rundir[0] ? rundir : DEFAULT_RUNDIR)
        >= (int) sizeof un.sun_path) {
        return xasprintf("OVS_RUNDIR=%s is too long for a socket", rundir);
    }
    db = xzalloc(sizeof *db);
    memcpy(db->path, un.sun_path, sizeof db->path);
    db->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (db->fd < 0 || connect(db->fd, (struct sockaddr *) &un, sizeof un)) {
        error = errno;
        vif_db_close(db);
        return xasprintf("%s: %s: start Open vSwitch (systemctl start "
                         "openvswitch-switch)", un.sun_path, strerror(error));
    }
    *dbp = db;
    return NULL;
}

void
vif_db_close(struct vif_db *db)
{
    if (db) {
        if (db->fd >= 0) {
            close(db->fd);
        }
        free(db);
    }
}

/* Waits until 'events' is so; false when the time is over. */
static bool
wait_for(struct vif_db *db, short int events, long long int deadline)
{
    struct pollfd pfd = { .fd = db->fd, .events = events };
    long long int left = deadline - now_ms();

    return left > 0 && (poll(&pfd, 1, left) > 0 || errno == EINTR);
}

static char *
send_json(struct vif_db *db, struct json *msg, long long int deadline)
{
    char *s = json_to_string(msg, 0), *p = s;
    size_t len = strlen(s);
    char *error = NULL;

    json_destroy(msg);
    while (len && !error) {
        ssize_t n = send(db->fd, p, len, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            len -= n;
        } else if (errno == EAGAIN) {
            if (!wait_for(db, POLLOUT, deadline)) {
                error = xasprintf("%s takes no request", db->path);
            }
        } else if (errno != EINTR) {
            error = xasprintf("%s: %s", db->path, strerror(errno));
        }
    }
    free(s);
    return error;
}

/* Reads one whole message. */
static char *
recv_json(struct vif_db *db, long long int deadline, struct json **msg)
{
    struct json_parser *parser = json_parser_create(0);
    char *error = NULL;

    *msg = NULL;
    for (;;) {
        db->ofs += json_parser_feed(parser, db->in + db->ofs,
                                    db->len - db->ofs);
        if (json_parser_is_done(parser)) {
            *msg = json_parser_finish(parser);
            if ((*msg)->type != JSON_OBJECT) {
                json_destroy(*msg);
                *msg = NULL;
                error = xasprintf("%s does not speak OVSDB", db->path);
            }
            return error;
        }

        ssize_t n = recv(db->fd, db->in, sizeof db->in, 0);
        db->ofs = 0;
        db->len = n > 0 ? n : 0;
        if (!n) {
            error = xasprintf("%s: ovsdb-server closed the connection",
                              db->path);
        } else if (n < 0 && errno == EAGAIN) {
            if (!wait_for(db, POLLIN, deadline)) {
                error = xasprintf("%s does not answer: is ovsdb-server "
                                  "stopped?", db->path);
            }
        } else if (n < 0 && errno != EINTR) {
            error = xasprintf("%s: %s", db->path, strerror(errno));
        }
        if (error) {
            json_parser_abort(parser);
            return error;
        }
    }
}

static struct json *
request(const char *method, struct json *params, struct json *id)
{
    struct json *msg = json_object_create();

    json_object_put_string(msg, "method", method);
    json_object_put(msg, "params", params);
    json_object_put(msg, "id", id);
    return msg;
}

/* True if 'msg' answers request 'id'; then '*result' or '*error' is set. */
static bool
take_answer(struct vif_db *db, struct json *msg, int id,
            struct json **result, char **error)
{
    struct shash *m = json_object(msg);
    const struct json *msg_id = shash_find_data(m, "id");
    const struct json *e = shash_find_data(m, "error");
    const struct json *r = shash_find_data(m, "result");

    if (shash_find(m, "method") || !msg_id || msg_id->type != JSON_INTEGER
        || json_integer(msg_id) != id) {
        return false;
    }
    if (r && r->type != JSON_NULL) {
        *result = json_deep_clone(r);
    } else {
        char *s = e ? json_to_string(e, 0) : xstrdup("an empty answer");

        *error = xasprintf("%s: %s", db->path, s);
        free(s);
    }
    return true;
}

char *
vif_db_transact(struct vif_db *db, struct json *params, int timeout_ms,
                struct json **result)
{
    long long int deadline = now_ms() + timeout_ms;
    int id = ++db->last_id;
    bool done = false;
    char *error;

    *result = NULL;
    error = send_json(db, request("transact", params,
                                  json_integer_create(id)), deadline);
    while (!error && !done) {
        struct json *msg;

        error = recv_json(db, deadline, &msg);
        if (!error) {
            const struct json *method = shash_find_data(json_object(msg),
                                                        "method");
            done = take_answer(db, msg, id, result, &error);
            if (!done && !error && method && method->type == JSON_STRING
                && !strcmp(json_string(method), "echo")) {
                /* The server asks whether we live: an answer is due. */
                struct json *reply = json_object_create();
                struct json *echo_id = shash_find_data(json_object(msg),
                                                       "id");

                json_object_put(reply, "result", json_array_create_empty());
                json_object_put(reply, "error", json_null_create());
                json_object_put(reply, "id", echo_id
                                ? json_deep_clone(echo_id)
                                : json_null_create());
                error = send_json(db, reply, deadline);
            }
            json_destroy(msg);
        }
    }
    return error;
}
