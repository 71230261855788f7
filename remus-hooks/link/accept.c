/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that has come: TLS, HELLO, who it is and what it wants, a
 * domain's stream to be taken (receive.c) or to know whether it would be
 * (check.c).  What both need is found out here. */

#include <config.h>

#include "link.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "peer.h"
#include "remus-dts/exit.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(accept);

#define LAST_WORDS_MS 1000
#define STAND_BACK 10           /* Of nice(2). */

int
link_refuse(struct peer *peer, int code, const char *message)
{
    long long int deadline = time_msec() + LAST_WORDS_MS;
    struct json *json = json_object_create();

    VLOG_WARN("%s: refused: %s", stream_get_name(peer->stream), message);
    json_object_put(json, "code", json_integer_create(code));
    json_object_put_string(json, "message", message);
    peer_send_json(peer, WIRE_REFUSE, json);
    /* Until the peer has it and closes. */
    while (peer->stream && time_msec() < deadline) {
        peer_run(peer);
        peer_receive(peer);
        if (peer->stream) {
            peer_wait(peer, true);
            poll_timer_wait_until(deadline);
            poll_block();
        }
    }
    return code;
}

/* A name of a domain is used in the environment and in a file's name. */
static bool
domain_is_ok(const char *s)
{
    size_t n = strlen(s);

    return (n > 0 && n < 200 && s[0] != '.' && s[0] != '-'
            && n == strspn(s, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"));
}

/* True if this process may have its priority back once it has given it up. */
static bool
may_come_back(void)
{
    struct __user_cap_header_struct head = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    return (!syscall(SYS_capget, &head, data)
            && (data[CAP_TO_INDEX(CAP_SYS_NICE)].effective
                & CAP_TO_MASK(CAP_SYS_NICE)));
}

/* Waits for TLS and HELLO.  Returns its object, or NULL. */
static struct json *
wait_hello(const struct link_options *o, struct peer *peer)
{
    long long int deadline = time_msec() + o->timeout;
    struct stream *stream = peer->stream;
    int error;

    for (;;) {
        stream_run(stream);
        error = stream_connect(stream);
        if (error != EAGAIN || time_msec() >= deadline) {
            break;
        }
        stream_run_wait(stream);
        stream_connect_wait(stream);
        poll_timer_wait_until(deadline);
        poll_block();
    }
    if (error) {
        VLOG_WARN("%s: no connection (%s)", stream_get_name(stream),
                  error == EAGAIN ? "time-out" : ovs_strerror(error));
        return NULL;
    }
    while (peer->stream && time_msec() < deadline) {
        enum wire_event event = peer_receive(peer);

        if (event != WIRE_NOTHING) {
            return (event == WIRE_MESSAGE && peer->wire.type == WIRE_HELLO
                    ? json_from_body(peer->wire.body, peer->wire.body_len)
                    : NULL);
        }
        peer_run(peer);
        peer_wait(peer, true);
        poll_timer_wait_until(deadline);
        poll_block();
    }
    return NULL;
}

/* Why 'hello' is none, whatever it wants; NULL: it is well.  To be freed. */
static char *
hello_error(const struct link_options *o, const struct peer *peer,
            const struct json *hello)
{
    const char *cn = stream_get_peer_id(peer->stream);
    const char *node = json_string_member(hello, "node");

    return (json_int_member(hello, "version", 0) != LINK_VERSION
            ? xasprintf("version %lld of the protocol is not spoken here "
                        "(%d is): install one release on both nodes",
                        json_int_member(hello, "version", 0), LINK_VERSION)
            : !domain_is_ok(json_string_member(hello, "domain"))
            ? xstrdup("no proper domain's name")
            : !o->insecure && (!cn || strcmp(cn, node))
            ? xasprintf("a certificate of %s says that it is %s",
                        cn ? cn : "nobody", node)
            : NULL);
}

int
link_accept(const struct link_options *o, struct stream *stream)
{
    int priority = getpriority(PRIO_PROCESS, 0);
    bool back = may_come_back();
    struct json *hello;
    struct peer peer;
    char *error;
    int status;

    /* Whoever it is: TLS with him is work, of which many who come to nothing
     * can make much.  It is not done before that of the sessions. */
    if (back) {
        setpriority(PRIO_PROCESS, 0, MIN(priority + STAND_BACK, 19));
    }
    peer_init(&peer, stream, false);
    hello = wait_hello(o, &peer);
    if (back && setpriority(PRIO_PROCESS, 0, priority)) {
        VLOG_WARN("setpriority: %s", ovs_strerror(errno));
    }
    if (!hello) {
        VLOG_WARN("no HELLO came");
        peer_destroy(&peer);
        return DTS_EXIT_REFUSED;
    }
    error = hello_error(o, &peer, hello);
    if (error) {
        status = link_refuse(&peer, DTS_EXIT_REFUSED, error);
        peer_destroy(&peer);
    } else if (json_int_member(hello, "check", 0)) {
        status = link_check_answer(o, &peer, hello);
    } else {
        status = link_receive(o, &peer, hello);
    }
    free(error);
    json_destroy(hello);
    return status;
}
