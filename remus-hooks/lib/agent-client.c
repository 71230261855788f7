/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the agent's socket (docs/protocol.md, section 1).
 *
 * The programs that ask the agent lie on the path of a failover and must never
 * wait for it by accident: the socket is non-blocking from the start, what the
 * kernel does not take at once is kept and sent with the next call, and an
 * agent that stops reading is given up (ENOBUFS) before it costs memory.
 * Only agent_client_open(), agent_client_call() and agent_client_status() wait,
 * and no longer than they are told to. */

#include <config.h>

#include "agent-client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "rundir.h"
#include "util.h"

/* Limits: of one message from the agent, and of what it has not read yet. */
#define MAX_MESSAGE (64 * 1024)
#define MAX_UNSENT (256 * 1024)

struct agent_client {
    int fd;
    int error;                  /* Sticky: errno or EOF. */
    int64_t last_id;

    char *out;                  /* Not yet taken by the kernel. */
    size_t out_len;

    char in[4096];              /* Read, not yet parsed: in[in_ofs..in_len). */
    size_t in_ofs, in_len;
    struct json_parser *parser; /* Of the message being read, or NULL. */
    size_t parsed;              /* Its bytes so far. */
};

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Fills in '*un' with the agent's address. */
static int
agent_address(const char *path, struct sockaddr_un *un)
{
    int n;

    if (!path) {
        path = getenv("DTS_AGENT_SOCKET");
    }
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
    if (path && path[0]) {
        n = snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
    } else {
        n = snprintf(un->sun_path, sizeof un->sun_path, "%s/agent.sock",
                     dts_rundir());
    }
    return n >= (int) sizeof un->sun_path ? ENAMETOOLONG : 0;
}

int
agent_client_open(const char *path, int timeout_ms,
                  struct agent_client **clientp)
{
    long long int deadline = now_ms() + timeout_ms;
    struct agent_client *client;
    struct sockaddr_un un;
    int error, fd;

    *clientp = NULL;
    error = agent_address(path, &un);
    if (error) {
        return error;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }

    /* A unix socket connects at once, or not at all, unless the agent's
     * backlog is full, which shows as EAGAIN and cannot be polled for. */
    while (connect(fd, (struct sockaddr *) &un, sizeof un)) {
        error = errno;
        if (error == EINTR) {
            continue;
        }
        if (error != EAGAIN || now_ms() >= deadline) {
            close(fd);
            return error == EAGAIN ? ETIMEDOUT : error;
        }
        poll(NULL, 0, 5);
    }

    client = xzalloc(sizeof *client);
    client->fd = fd;
    *clientp = client;
    return 0;
}

void
agent_client_close(struct agent_client *client)
{
    if (client) {
        close(client->fd);
        if (client->parser) {
            json_parser_abort(client->parser);
        }
        free(client->out);
        free(client);
    }
}

int
agent_client_fd(const struct agent_client *client)
{
    return client ? client->fd : -1;
}

short int
agent_client_events(const struct agent_client *client)
{
    return client && client->out_len ? POLLIN | POLLOUT : POLLIN;
}

void
agent_msg_destroy(struct agent_msg *msg)
{
    if (msg) {
        free(msg->method);
        free(msg->error);
        json_destroy(msg->result);
        free(msg);
    }
}

/* Sends what is kept, as far as the kernel takes it. */
static void
agent_client_flush(struct agent_client *client)
{
    while (!client->error && client->out_len) {
        ssize_t n = send(client->fd, client->out, client->out_len,
                         MSG_NOSIGNAL);
        if (n >= 0) {
            client->out_len -= n;
            memmove(client->out, client->out + n, client->out_len);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            /* What the agent said last may still be read. */
            client->out_len = 0;
            break;
        } else if (errno != EINTR) {
            client->error = errno;
        }
    }
}

static int
agent_client_send(struct agent_client *client, const char *method,
                  struct json *params, struct json *id)
{
    struct json *msg = json_object_create();
    size_t len;
    char *s;

    json_object_put_string(msg, "method", method);
    json_object_put(msg, "params", json_array_create_1(params));
    json_object_put(msg, "id", id);
    if (!client || client->error) {
        json_destroy(msg);
        return !client ? ENOTCONN : client->error > 0 ? client->error : EPIPE;
    }

    s = json_to_string(msg, 0);
    json_destroy(msg);
    len = strlen(s);
    if (client->out_len + len > MAX_UNSENT) {
        client->error = ENOBUFS;
    } else {
        client->out = xrealloc(client->out, client->out_len + len);
        memcpy(client->out + client->out_len, s, len);
        client->out_len += len;
        agent_client_flush(client);
    }
    free(s);
    return client->error > 0 ? client->error : 0;
}

int64_t
agent_client_request(struct agent_client *client, const char *method,
                     struct json *params)
{
    int64_t id = client ? ++client->last_id : 0;
    int error = agent_client_send(client, method, params,
                                  json_integer_create(id));
    return error ? -error : id;
}

int
agent_client_notify(struct agent_client *client, const char *method,
                    struct json *params)
{
    return agent_client_send(client, method, params, json_null_create());
}

/* Takes over an answer's "error" member: {"code", "message"}, or whatever else
 * an agent may say. */
static void
agent_msg_set_error(struct agent_msg *msg, const struct json *error)
{
    msg->code = 1;
    if (error->type == JSON_STRING) {
        msg->error = xstrdup(json_string(error));
        return;
    }
    if (error->type == JSON_OBJECT) {
        struct json *m = shash_find_data(json_object(error), "message");
        struct json *c = shash_find_data(json_object(error), "code");

        if (c && c->type == JSON_INTEGER && json_integer(c) > 0
            && json_integer(c) < 256) {
            msg->code = json_integer(c);
        }
        if (m && m->type == JSON_STRING) {
            msg->error = xstrdup(json_string(m));
            return;
        }
    }
    msg->error = json_to_string(error, 0);
}

/* Turns 'json' into a message; NULL if it is none. */
static struct agent_msg *
agent_msg_from_json(const struct json *json)
{
    const struct json *method, *id, *error, *result, *params;
    struct agent_msg *msg;

    if (json->type != JSON_OBJECT) {
        return NULL;
    }
    method = shash_find_data(json_object(json), "method");
    id = shash_find_data(json_object(json), "id");
    error = shash_find_data(json_object(json), "error");
    result = shash_find_data(json_object(json), "result");
    params = shash_find_data(json_object(json), "params");

    msg = xzalloc(sizeof *msg);
    msg->id = -1;
    if (method) {
        if (method->type != JSON_STRING || !params
            || params->type != JSON_ARRAY || json_array(params)->n != 1) {
            goto bad;
        }
        msg->method = xstrdup(json_string(method));
        msg->result = json_deep_clone(json_array(params)->elems[0]);
        return msg;
    }
    if (!id || id->type != JSON_INTEGER) {
        goto bad;
    }
    msg->id = json_integer(id);
    if (error && error->type != JSON_NULL) {
        agent_msg_set_error(msg, error);
    } else if (result) {
        msg->result = json_deep_clone(result);
    } else {
        goto bad;
    }
    return msg;

bad:
    agent_msg_destroy(msg);
    return NULL;
}

/* Feeds the parser; true when a message is whole. */
static bool
agent_client_parse(struct agent_client *client)
{
    size_t used;

    while (client->in_ofs < client->in_len) {
        if (!client->parser) {
            client->parser = json_parser_create(0);
            client->parsed = 0;
        }
        used = json_parser_feed(client->parser, client->in + client->in_ofs,
                                client->in_len - client->in_ofs);
        client->in_ofs += used;
        client->parsed += used;
        if (json_parser_is_done(client->parser)) {
            return true;
        }
        if (client->parsed > MAX_MESSAGE) {
            client->error = EMSGSIZE;
            return false;
        }
    }
    return false;
}

int
agent_client_recv(struct agent_client *client, struct agent_msg **msgp)
{
    *msgp = NULL;
    if (!client) {
        return ENOTCONN;
    }
    agent_client_flush(client);
    while (!client->error) {
        if (agent_client_parse(client)) {
            struct json *json = json_parser_finish(client->parser);

            client->parser = NULL;
            *msgp = agent_msg_from_json(json);
            json_destroy(json);
            if (*msgp) {
                return 0;
            }
            client->error = EPROTO;
        } else if (!client->error) {
            ssize_t n = recv(client->fd, client->in, sizeof client->in, 0);

            client->in_ofs = client->in_len = 0;
            if (n > 0) {
                client->in_len = n;
            } else if (!n) {
                client->error = EOF;
            } else if (errno == EAGAIN) {
                return EAGAIN;
            } else if (errno == ECONNRESET) {
                client->error = EOF;
            } else if (errno != EINTR) {
                client->error = errno;
            }
        }
    }
    return client->error;
}

int
agent_client_call(struct agent_client *client, const char *method,
                  struct json *params, int timeout_ms,
                  struct agent_msg **answer)
{
    long long int deadline = now_ms() + timeout_ms;
    int64_t id = agent_client_request(client, method, params);

    *answer = NULL;
    if (id < 0) {
        return -id;
    }
    for (;;) {
        struct agent_msg *msg;
        int error = agent_client_recv(client, &msg);

        if (!error && msg->id == id) {
            *answer = msg;
            return 0;
        } else if (!error) {
            agent_msg_destroy(msg);
        } else if (error != EAGAIN) {
            return error;
        } else {
            struct pollfd pfd = { .fd = client->fd,
                                  .events = agent_client_events(client) };
            long long int left = deadline - now_ms();

            if (left <= 0) {
                return ETIMEDOUT;
            }
            poll(&pfd, 1, left);
        }
    }
}

int
agent_client_status(const char *domain, int open_ms, int timeout_ms,
                    struct agent_msg **answer)
{
    struct json *hello = json_object_create();
    struct json *params = json_object_create();
    struct agent_client *client;
    int error = agent_client_open(NULL, open_ms, &client);

    *answer = NULL;
    json_object_put(hello, "version", json_integer_create(DTS_AGENT_VERSION));
    json_object_put_string(hello, "role", "ctl");
    json_object_put(hello, "pid", json_integer_create(getpid()));
    json_object_put_string(params, "domain", domain);
    if (error) {
        json_destroy(hello);
        json_destroy(params);
        return error;
    }
    /* (Its answer is not waited for: one round trip less.) */
    agent_client_request(client, "hello", hello);
    error = agent_client_call(client, "status", params, timeout_ms, answer);
    agent_client_close(client);
    return error;
}
