/* SPDX-License-Identifier: Apache-2.0 */
/* From an address to a WELCOME: see the header. */

#include <config.h>

#include "connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent-session.h"
#include "link.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "peer.h"
#include "remus-dts/exit.h"
#include "socket-util.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

#define RETRY_MS 200            /* Between attempts to connect. */

static int OVS_PRINTF_FORMAT(3, 4)
give_up(char **error, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *error = xvasprintf(format, args);
    va_end(args);
    return code;
}

char *
link_target(const struct link_options *o, const char *host, int port)
{
    bool ip6 = host[0] != '[' && strchr(host, ':') != strrchr(host, ':');
    char *name = xasprintf(ip6 ? "[%s]" : "%s", host);
    char *result = NULL;
    struct sockaddr_storage ss;

    if (inet_parse_active(name, port, &ss, false, NULL)) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        ss_format_address(&ss, &ds);
        result = xasprintf("%s:%s:%d", o->insecure ? "tcp" : "ssl",
                           ds_cstr(&ds), ss_get_port(&ss));
        ds_destroy(&ds);
    }
    free(name);
    return result;
}

/* Is it whom the agent expects? */
static int
check_name(const struct link_options *o, const struct agent_session *agent,
           struct stream *stream, char **error)
{
    const char *cn = stream_get_peer_id(stream);
    const char *expected = agent_session_fact(agent, "peer");

    if (!o->insecure && expected[0] && (!cn || strcmp(cn, expected))) {
        return give_up(error, DTS_EXIT_REFUSED, "the peer's certificate is "
                       "that of %s, not of %s", cn ? cn : "nobody", expected);
    }
    return 0;
}

int
link_connect(const struct link_options *o, struct agent_session *agent,
             const char *name, struct stream **streamp, char **errorp)
{
    long long int deadline = time_msec() + o->timeout;
    long long int retry = 0;
    struct stream *stream = NULL;
    int error = 0, status;

    *streamp = NULL;
    while (time_msec() < deadline) {
        if (!stream && time_msec() >= retry) {
            error = stream_open(name, &stream, o->dscp);
            if (error) {
                stream = NULL;
                retry = time_msec() + RETRY_MS;
            }
        }
        if (stream) {
            stream_run(stream);
            error = stream_connect(stream);
            if (!error) {
                status = check_name(o, agent, stream, errorp);
                if (status) {
                    stream_close(stream);
                    return status;
                }
                *streamp = stream;
                return 0;
            } else if (error == EPROTO) {
                stream_close(stream);
                return give_up(errorp, DTS_EXIT_REFUSED, "%s: TLS failed: "
                               "does the peer's certificate come from the "
                               "same CA, and does it use TLS (no "
                               "--insecure)?", name);
            } else if (error != EAGAIN) {
                stream_close(stream);
                stream = NULL;
                retry = time_msec() + RETRY_MS;
            } else {
                stream_run_wait(stream);
                stream_connect_wait(stream);
            }
        }
        agent_session_run(agent);
        agent_wait(agent);
        if (!stream) {
            poll_timer_wait_until(retry);
        }
        poll_timer_wait_until(deadline);
        poll_block();
    }
    stream_close(stream);
    return give_up(errorp, error == EAGAIN || !error ? DTS_EXIT_TIMEOUT
                   : DTS_EXIT_NO_DATABASE,
                   "cannot connect to %s (%s): is dts-link --listen running "
                   "there?", name,
                   error == EAGAIN || !error ? "time-out"
                   : ovs_strerror(error));
}

int
link_wait_welcome(const struct link_options *o, struct agent_session *agent,
                  struct peer *peer, struct json **welcome, char **error)
{
    long long int deadline = time_msec() + o->timeout;
    struct json *json;
    int code = 0;

    *welcome = NULL;
    for (;;) {
        peer_run(peer);
        if (peer_receive(peer) != WIRE_NOTHING) {
            break;
        }
        if (!peer->stream) {
            return give_up(error, DTS_EXIT_REFUSED, "the peer ended the "
                           "connection before it said anything: %s%s",
                           peer->detail,
                           o->insecure ? " (does it use TLS?)" : "");
        }
        if (time_msec() >= deadline) {
            return give_up(error, DTS_EXIT_TIMEOUT,
                           "the peer does not answer");
        }
        agent_session_run(agent);
        agent_wait(agent);
        peer_wait(peer, true);
        poll_timer_wait_until(deadline);
        poll_block();
    }

    json = (peer->wire.type == WIRE_WELCOME || peer->wire.type == WIRE_REFUSE
            ? json_from_body(peer->wire.body, peer->wire.body_len) : NULL);
    if (!json) {
        return give_up(error, DTS_EXIT_REFUSED,
                       "the peer speaks another protocol");
    } else if (peer->wire.type == WIRE_REFUSE) {
        long long int said = json_int_member(json, "code", 0);
        char *message = json_printable_member(json, "message");

        code = give_up(error, said > 0 && said < 128 ? said
                       : DTS_EXIT_REFUSED, "refused by the peer: %s",
                       message);
        free(message);
    } else if (json_int_member(json, "version", 0) != LINK_VERSION) {
        code = give_up(error, DTS_EXIT_REFUSED, "the peer speaks version %lld "
                       "of the protocol, not %d: install one release on both "
                       "nodes", json_int_member(json, "version", 0),
                       LINK_VERSION);
    } else {
        *welcome = json;
        return 0;
    }
    json_destroy(json);
    return code;
}
