/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of a link do alike: speak to their node's agent. */

#include <config.h>

#include "link.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-session.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "peer.h"
#include "remus-dts/exit.h"
#include "timeval.h"
#include "util.h"

#define MAX_TEXT 1024           /* Of what a peer wants to be shown. */

VLOG_DEFINE_THIS_MODULE(session);

#define BEAT_MS 1000            /* Between `beat` notices. */
#define END_MS 2000             /* To get `end` delivered. */

const char *
json_string_member(const struct json *json, const char *name)
{
    const struct json *m = (json && json->type == JSON_OBJECT
                            ? shash_find_data(json_object(json), name)
                            : NULL);

    return m && m->type == JSON_STRING ? json_string(m) : "";
}

long long int
json_int_member(const struct json *json, const char *name,
                long long int dflt)
{
    const struct json *m = (json && json->type == JSON_OBJECT
                            ? shash_find_data(json_object(json), name)
                            : NULL);

    return m && m->type == JSON_INTEGER ? json_integer(m) : dflt;
}

char *
json_printable_member(const struct json *json, const char *name)
{
    const char *s = json_string_member(json, name);
    char *copy = xmemdup0(s, strnlen(s, MAX_TEXT));

    for (char *p = copy; *p; p++) {
        *p = *p >= 0x20 && *p < 0x7f ? *p : '?';
    }
    return copy;
}

struct json *
json_from_body(const uint8_t *body, size_t n)
{
    struct json_parser *parser = json_parser_create(JSPF_TRAILER);
    struct json *json;

    json_parser_feed(parser, (const char *) body, n);
    json = json_parser_finish(parser);
    if (json->type != JSON_OBJECT) {
        json_destroy(json);
        return NULL;
    }
    return json;
}

void
agent_wait(const struct agent_session *as)
{
    long long int deadline = agent_session_deadline(as);
    int fd = agent_session_fd(as);

    if (fd >= 0) {
        poll_fd_wait(fd, agent_session_events(as));
    }
    if (deadline != LLONG_MAX) {
        poll_timer_wait_until(deadline);
    }
}

struct json *
agent_hello_params(const char *role, const char *domain, const char *session,
                   const char *peer)
{
    struct json *params = json_object_create();

    json_object_put(params, "version", json_integer_create(LINK_VERSION));
    json_object_put_string(params, "role", role);
    json_object_put(params, "pid", json_integer_create(getpid()));
    json_object_put_string(params, "domain", domain);
    json_object_put_string(params, "session", session);
    json_object_put_string(params, "peer", peer);
    return params;
}

struct json *
agent_params(const char *session)
{
    struct json *params = json_object_create();

    json_object_put_string(params, "session", session);
    return params;
}

int
agent_hello(struct agent_session *as, struct json *params, int timeout,
            char **error)
{
    long long int deadline = time_msec() + timeout;

    *error = NULL;
    agent_session_set_hello(as, params);
    for (;;) {
        const char *reason;
        int code = 0;

        agent_session_run(as);
        if (agent_session_connected(as)) {
            return 0;
        }
        reason = agent_session_error(as, &code);
        if ((code && code != DTS_EXIT_NO_DATABASE)
            || time_msec() >= deadline) {
            *error = xstrdup(reason ? reason : "the agent does not answer");
            return code ? code : DTS_EXIT_NO_DATABASE;
        }
        agent_wait(as);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

void
agent_suspect(struct agent_session *as, const char *session,
              const struct peer *peer)
{
    struct json *params = agent_params(session);

    json_object_put_string(params, "reason",
                           suspicion_name(peer->suspicion));
    json_object_put_string(params, "detail", peer->detail);
    json_object_put(params, "mono_us", json_integer_create(mono_us()));
    agent_session_keep(as, "suspect", params);
}

void
agent_unsuspect(struct agent_session *as, const char *session)
{
    agent_session_keep(as, "suspect", NULL);
    agent_session_notify(as, "unsuspect", agent_params(session));
}

void
agent_beat(struct agent_session *as, const char *session, struct peer *peer,
           long long int *next)
{
    int64_t rtt, offset, uncertainty;

    if (time_msec() < *next || !agent_session_connected(as)) {
        return;
    }
    *next = time_msec() + BEAT_MS;
    if (heartbeat_estimate(&peer->heartbeat, &rtt, &offset, &uncertainty)) {
        struct json *params = agent_params(session);

        json_object_put(params, "rtt_us", json_integer_create(rtt));
        json_object_put(params, "offset_us", json_integer_create(offset));
        json_object_put(params, "uncertainty_us",
                        json_integer_create(uncertainty));
        agent_session_notify(as, "beat", params);
    }
}

void
agent_end(struct agent_session *as, const char *session, int status,
          const char *detail)
{
    long long int deadline = time_msec() + END_MS;
    struct json *params = agent_params(session);

    VLOG_INFO("session %s ends, status %d: %s", session, status, detail);
    json_object_put(params, "status", json_integer_create(status));
    json_object_put_string(params, "detail", detail);
    agent_session_keep(as, "end", params);
    for (;;) {
        agent_session_run(as);
        if ((agent_session_connected(as)
             && !(agent_session_events(as) & POLLOUT))
            || time_msec() >= deadline) {
            break;
        }
        agent_wait(as);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}
