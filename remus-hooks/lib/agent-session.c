/* SPDX-License-Identifier: Apache-2.0 */
/* A lasting conversation of a link or a gate with its node's agent: see the
 * header.  On top of agent-client.c, which is one connection. */

#include <config.h>

#include "agent-session.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent-client.h"
#include "util.h"

#define RETRY_MS 1000           /* Between two attempts. */
#define HELLO_MS 5000           /* An agent that does not answer `hello`. */
#define MAX_KEPT 4

struct kept {
    char *method;
    struct json *params;
};

struct agent_session {
    char *path;                 /* NULL: default. */
    struct json *hello;

    struct agent_client *client;
    int64_t hello_id;           /* Not answered yet, else 0. */
    bool connected;
    long long int deadline;     /* Of the next attempt, or hello's answer. */

    struct json *facts;
    char *error;
    int code;

    struct kept kept[MAX_KEPT];
    size_t n_kept;

    char *question;             /* Method, NULL: none. */
    struct json *question_params;
    int64_t question_id;        /* 0: not asked on this connection. */
    long long int ask_at;       /* Not before. */
    char *verdict, *reason;
    char *killed;
    int64_t acked;
};

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

struct agent_session *
agent_session_create(const char *path)
{
    struct agent_session *as = xzalloc(sizeof *as);

    as->path = nullable_xstrdup(path);
    as->acked = -1;
    return as;
}

void
agent_session_destroy(struct agent_session *as)
{
    if (as) {
        agent_client_close(as->client);
        free(as->path);
        json_destroy(as->hello);
        json_destroy(as->facts);
        free(as->error);
        for (size_t i = 0; i < as->n_kept; i++) {
            free(as->kept[i].method);
            json_destroy(as->kept[i].params);
        }
        free(as->question);
        json_destroy(as->question_params);
        free(as->verdict);
        free(as->reason);
        free(as->killed);
        free(as);
    }
}

void
agent_session_set_hello(struct agent_session *as, struct json *params)
{
    json_destroy(as->hello);
    as->hello = params;
}

static void
disconnect(struct agent_session *as, char *error, int code)
{
    agent_client_close(as->client);
    as->client = NULL;
    as->connected = false;
    as->acked = -1;
    as->hello_id = as->question_id = 0;
    as->deadline = now_ms() + RETRY_MS;
    as->ask_at = 0;
    free(as->error);
    as->error = error;
    as->code = code;
}

void
agent_session_reconnect(struct agent_session *as)
{
    disconnect(as, NULL, 0);
    as->deadline = 0;
}

static void
ask(struct agent_session *as)
{
    if (as->question && as->connected && !as->question_id
        && now_ms() >= as->ask_at) {
        int64_t id = agent_client_request(as->client, as->question,
                                          json_clone(as->question_params));
        as->question_id = MAX(id, 0);
    }
}

static const char *
json_member_string(const struct json *json, const char *name)
{
    const struct json *m;

    if (!json || json->type != JSON_OBJECT) {
        return "";
    }
    m = shash_find_data(json_object(json), name);
    return m && m->type == JSON_STRING ? json_string(m) : "";
}

static long long int
json_member_int(const struct json *json, const char *name,
                long long int dflt)
{
    const struct json *m;

    if (!json || json->type != JSON_OBJECT) {
        return dflt;
    }
    m = shash_find_data(json_object(json), name);
    return (!m ? dflt
            : m->type == JSON_INTEGER ? json_integer(m)
            : m->type == JSON_TRUE ? 1
            : m->type == JSON_FALSE ? 0 : dflt);
}

static void
receive(struct agent_session *as, struct agent_msg *msg)
{
    if (msg->method) {
        if (!strcmp(msg->method, "kill") && !as->killed) {
            as->killed = xstrdup(json_member_string(msg->result, "reason"));
        } else if (!strcmp(msg->method, "acked")) {
            as->acked = json_member_int(msg->result, "n", -1);
        }
    } else if (msg->id == as->hello_id) {
        as->hello_id = 0;
        if (msg->error) {
            disconnect(as, xstrdup(msg->error), msg->code);
            return;
        }
        json_destroy(as->facts);
        as->facts = json_clone(msg->result);
        as->connected = true;
        as->acked = json_member_int(as->facts, "acked", -1);
        as->deadline = LLONG_MAX;
        free(as->error);
        as->error = NULL;
        for (size_t i = 0; i < as->n_kept; i++) {
            agent_client_notify(as->client, as->kept[i].method,
                                json_clone(as->kept[i].params));
        }
    } else if (msg->id == as->question_id && as->question) {
        const char *verdict = json_member_string(msg->result, "verdict");

        as->question_id = 0;
        if (!verdict[0]) {      /* An error, or nothing: again. */
            as->ask_at = now_ms() + RETRY_MS;
            return;
        }
        free(as->verdict);
        free(as->reason);
        as->verdict = xstrdup(verdict);
        as->reason = xstrdup(json_member_string(msg->result, "reason"));
        free(as->question);
        as->question = NULL;
    }
}

bool
agent_session_run(struct agent_session *as)
{
    bool changed = false;
    int error;

    if (!as->client) {
        if (!as->hello || now_ms() < as->deadline) {
            return false;
        }
        error = agent_client_open(as->path, 0, &as->client);
        if (error) {
            disconnect(as, xasprintf("the agent cannot be reached (%s): is "
                                     "dts-agent running?",
                                     ovs_strerror(error)), 0);
            return true;
        }
        as->hello_id = agent_client_request(as->client, "hello",
                                            json_clone(as->hello));
        as->deadline = now_ms() + HELLO_MS;
    }
    while (as->client) {
        struct agent_msg *msg;

        error = agent_client_recv(as->client, &msg);
        if (error == EAGAIN) {
            break;
        }
        changed = true;
        if (error) {
            disconnect(as, xasprintf("the agent's connection broke (%s)",
                                     ovs_retval_to_string(error)), 0);
        } else {
            receive(as, msg);
            agent_msg_destroy(msg);
        }
    }
    if (as->client && as->hello_id && now_ms() >= as->deadline) {
        disconnect(as, xstrdup("the agent does not answer"), 0);
        changed = true;
    }
    ask(as);
    return changed;
}

int
agent_session_fd(const struct agent_session *as)
{
    return agent_client_fd(as->client);
}

short int
agent_session_events(const struct agent_session *as)
{
    return as->client ? agent_client_events(as->client) : 0;
}

long long int
agent_session_deadline(const struct agent_session *as)
{
    long long int deadline = as->hello ? as->deadline : LLONG_MAX;

    if (as->question && as->connected && !as->question_id) {
        deadline = MIN(deadline, as->ask_at);
    }
    return deadline;
}

const struct json *
agent_session_facts(const struct agent_session *as)
{
    return as->facts;
}

const char *
agent_session_fact(const struct agent_session *as, const char *name)
{
    return json_member_string(as->facts, name);
}

long long int
agent_session_fact_int(const struct agent_session *as, const char *name,
                       long long int dflt)
{
    return json_member_int(as->facts, name, dflt);
}

bool
agent_session_connected(const struct agent_session *as)
{
    return as->connected;
}

const char *
agent_session_error(const struct agent_session *as, int *code)
{
    if (code) {
        *code = as->code;
    }
    return as->error;
}

void
agent_session_notify(struct agent_session *as, const char *method,
                     struct json *params)
{
    if (as->connected) {
        agent_client_notify(as->client, method, params);
    } else {
        json_destroy(params);
    }
}

void
agent_session_keep(struct agent_session *as, const char *method,
                   struct json *params)
{
    size_t i;

    for (i = 0; i < as->n_kept; i++) {
        if (!strcmp(as->kept[i].method, method)) {
            free(as->kept[i].method);
            json_destroy(as->kept[i].params);
            as->n_kept--;
            memmove(&as->kept[i], &as->kept[i + 1],
                    (as->n_kept - i) * sizeof as->kept[0]);
            break;
        }
    }
    if (params) {
        ovs_assert(as->n_kept < MAX_KEPT);
        as->kept[as->n_kept].method = xstrdup(method);
        as->kept[as->n_kept].params = params;
        as->n_kept++;
        agent_session_notify(as, method, json_clone(params));
    }
}

void
agent_session_ask(struct agent_session *as, const char *method,
                  struct json *params)
{
    free(as->question);
    json_destroy(as->question_params);
    as->question = xstrdup(method);
    as->question_params = params;
    as->question_id = 0;
    as->ask_at = 0;
    ask(as);
}

bool
agent_session_is_asking(const struct agent_session *as)
{
    return as->question != NULL;
}

const char *
agent_session_verdict(const struct agent_session *as, const char **reason)
{
    if (reason) {
        *reason = as->reason ? as->reason : "";
    }
    return as->verdict;
}

void
agent_session_forget(struct agent_session *as)
{
    free(as->verdict);
    as->verdict = NULL;
}

const char *
agent_session_killed(const struct agent_session *as)
{
    return as->killed;
}

int64_t
agent_session_acked(const struct agent_session *as)
{
    return as->acked;
}
