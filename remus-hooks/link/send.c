/* SPDX-License-Identifier: Apache-2.0 */
/* The sending end: carries what xl writes to our stdin to the peer, and what
 * the peer says to our stdout.
 *
 * On the primary, the death of this process makes xl resume the guest at
 * once. So it lives until it is certain that the guest may go on here: when
 * the peer is suspected it asks the agent, and goes only on `alone`.  On
 * `taken` it stays and takes nothing more, so that xl stays where it is. */

#include <config.h>

#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-session.h"
#include "buffer.h"
#include "connect.h"
#include "entropy.h"
#include "events.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "outflow.h"
#include "peer.h"
#include "remus-dts/exit.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(send);

#define LAST_WORDS_MS 1000      /* To get END to the peer. */
#define PIPE_SIZE (1024 * 1024)

struct sender {
    const struct link_options *options;
    struct agent_session *agent;
    struct peer peer;
    struct events events;
    char session[UUID_LEN + 1];
    struct uuid uuid;
    uint8_t key[HEARTBEAT_KEY_LEN];
    int generation;

    int in, out;                /* xl. */
    bool in_eof;
    struct outflow *outflow;    /* From 'in' to the peer. */
    struct buffer answers;      /* For xl, not taken yet. */

    enum suspicion told;        /* What the agent was told. */
    bool taken;
    long long int next_beat_notice;
    uint64_t n_acked;
};

static int OVS_PRINTF_FORMAT(3, 4)
give_up(struct sender *s, int code, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    VLOG_ERR("%s", text);
    fprintf(stderr, "dts-link: %s\n", text);
    events_put(&s->events, "refused %d %s", code, text);
    return code;
}

/* --------------------------------------------------------------- beginning */

static struct json *
hello(struct sender *s, uint16_t udp_port)
{
    struct json *json = json_object_create();
    const struct link_options *o = s->options;

    json_object_put(json, "version", json_integer_create(LINK_VERSION));
    json_object_put_string(json, "domain", o->domain);
    json_object_put_string(json, "session", s->session);
    json_object_put(json, "generation", json_integer_create(s->generation));
    json_object_put_string(json, "node", agent_session_fact(s->agent, "node"));
    json_object_put(json, "heartbeat", json_integer_create(o->heartbeat));
    json_object_put(json, "peer_timeout",
                    json_integer_create(o->peer_timeout));
    json_object_put(json, "udp_port", json_integer_create(udp_port));
    if (o->pack) {
        json_object_put(json, "pack", json_integer_create(PACK_VERSION));
        json_object_put_string(json, "compress",
                               pack_method_name(o->compress));
        json_object_put(json, "delta_cache",
                        json_integer_create(o->delta_cache));
    }
    if (!o->insecure) {
        char hex[2 * HEARTBEAT_KEY_LEN + 1];

        for (size_t i = 0; i < HEARTBEAT_KEY_LEN; i++) {
            snprintf(hex + 2 * i, 3, "%02x", s->key[i]);
        }
        json_object_put_string(json, "udp_key", hex);
    }
    return json;
}

/* How the stream is to go, as WELCOME has it.  Returns false if that is
 * nothing that HELLO offered. */
static bool
settle_pack(struct sender *s, const struct json *welcome)
{
    const struct link_options *o = s->options;
    long long int version = json_int_member(welcome, "pack", 0);
    long long int cache = json_int_member(welcome, "delta_cache", 0);
    const char *compress = json_string_member(welcome, "compress");
    enum pack_method method;

    if (!version) {
        VLOG_INFO("domain %s: the stream goes as it is%s", o->domain,
                  o->pack ? ": the peer cannot unpack it" : "");
        return true;
    }
    if (!o->pack || version != PACK_VERSION
        || !pack_method_from_name(compress, &method)
        || (method != o->compress && method != PACK_STORED)
        || cache < 0 || cache > o->delta_cache) {
        return false;
    }
    VLOG_INFO("domain %s: the stream goes packed, compression %s%s, "
              "differences against %lld MB of pages", o->domain, compress,
              method != o->compress ? " (the peer has no other)" : "",
              cache);
    outflow_pack(s->outflow, method, cache);
    return true;
}

/* HELLO, and WELCOME or REFUSE. */
static int
greet(struct sender *s)
{
    uint8_t session[HEARTBEAT_SESSION_LEN];
    struct json *json;
    char *error;
    int status;

    peer_send_json(&s->peer, WIRE_HELLO,
                   hello(s, peer_open_udp(&s->peer, NULL, 0)));
    status = link_wait_welcome(s->options, s->agent, &s->peer, &json, &error);
    if (status) {
        give_up(s, status, "%s", error);
        free(error);
        return status;
    } else if (!settle_pack(s, json)) {
        json_destroy(json);
        return give_up(s, DTS_EXIT_REFUSED, "the peer wants the stream in a "
                       "way that was not offered");
    }
    VLOG_INFO("domain %s: session %s with %s (%s), heartbeat %d ms, "
              "peer-timeout %d ms", s->options->domain, s->session,
              json_string_member(json, "node"),
              stream_get_name(s->peer.stream), s->options->heartbeat,
              s->options->peer_timeout);
    events_put(&s->events, "session %s %d %s", s->session, s->generation,
               json_string_member(json, "node"));
    for (size_t i = 0; i < 4; i++) {
        uint32_t part = htonl(s->uuid.parts[i]);
        memcpy(session + 4 * i, &part, 4);
    }
    peer_start_beats(&s->peer, json_int_member(json, "udp_port", 0), session,
                     s->key, s->options->heartbeat, s->options->peer_timeout);
    json_destroy(json);
    return 0;
}

/* ----------------------------------------------------------------- running */

/* Tells of the checkpoints that have been handed to the network. */
static void
tell_sent(struct sender *s)
{
    struct outflow_sent sent;

    outflow_note_sent(s->outflow, &s->peer);
    while (outflow_next_sent(s->outflow, &sent)) {
        events_put(&s->events, "sent %"PRIu64" %"PRIu64" %"PRIu64" %"PRIu64,
                   sent.n, sent.raw, sent.wire, sent.pages);
    }
}

static void
acked(struct sender *s, uint64_t n)
{
    struct outflow_sent sent;
    struct json *params;
    int64_t us;

    tell_sent(s);
    if (n > outflow_n_sent(s->outflow)) {
        peer_fail(&s->peer, SUSPECT_PROTOCOL, "the peer says that it holds "
                  "checkpoint %"PRIu64", which was not sent", n);
        return;
    } else if (n <= s->n_acked) {
        return;
    }
    s->n_acked = n;
    peer_settle(&s->peer);
    us = outflow_acked(s->outflow, n, &sent);
    events_put(&s->events, "ack %"PRIu64" %"PRId64, n, us);
    params = agent_params(s->session);
    json_object_put(params, "n", json_integer_create(n));
    json_object_put(params, "bytes", json_integer_create(sent.raw));
    json_object_put(params, "wire", json_integer_create(sent.wire));
    json_object_put(params, "ack_us", json_integer_create(us));
    agent_session_keep(s->agent, "checkpoint", params);
}

static void
receive(struct sender *s)
{
    enum wire_event event;

    while (s->answers.len < 65536
           && (event = peer_receive(&s->peer)) != WIRE_NOTHING) {
        struct wire *w = &s->peer.wire;

        if (event == WIRE_CHUNK && w->type == WIRE_DATA) {
            buffer_put(&s->answers, w->body, w->body_len);
        } else if (w->type == WIRE_ACK) {
            acked(s, wire_get_u64(w->body));
        } else if (w->type == WIRE_END) {
            struct json *json = json_from_body(w->body, w->body_len);

            peer_fail(&s->peer, SUSPECT_EOF, "the peer ended the session "
                      "(status %lld): %s", json_int_member(json, "status", -1),
                      json_string_member(json, "message"));
            json_destroy(json);
        } else {
            peer_fail(&s->peer, SUSPECT_PROTOCOL,
                      "message of type %u out of turn", w->type);
        }
    }
}

/* True if nobody can write to our stdin any more. */
static bool
xl_is_gone(struct sender *s)
{
    struct pollfd p = { .fd = s->in, .events = 0 };

    return s->in_eof || (poll(&p, 1, 0) > 0
                         && p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* Whether more is taken from xl.  Not while the peer is suspected: what a guest
 * does that may be another's already is better not done, so it rests at its
 * next checkpoint until there is a verdict. */
static bool
takes(const struct sender *s)
{
    return (s->peer.stream && !s->in_eof
            && s->peer.suspicion == SUSPECT_NOT);
}

/* What finds room in the pipe is as good as taken: of an idle guest that would
 * be many checkpoints.  So while nothing is taken it has as little room as what
 * is in it allows. */
static void
set_room(const struct sender *s, bool takes)
{
    int size = takes ? PIPE_SIZE : 4096;

    while (fcntl(s->in, F_SETPIPE_SZ, size) < 0 && errno == EBUSY
           && size < PIPE_SIZE) {
        size *= 2;
    }
}

static void
judge(struct sender *s)
{
    if (s->peer.suspicion == s->told) {
        return;
    }
    s->told = s->peer.suspicion;
    set_room(s, s->told == SUSPECT_NOT);
    if (s->told == SUSPECT_NOT) {
        VLOG_INFO("domain %s: the peer is heard again", s->options->domain);
        events_put(&s->events, "unsuspect");
        agent_unsuspect(s->agent, s->session);
        return;
    }
    VLOG_WARN("domain %s: the peer is suspected (%s: %s)", s->options->domain,
              suspicion_name(s->told), s->peer.detail);
    agent_suspect(s->agent, s->session, &s->peer);
    events_put(&s->events, "suspect %s %s", suspicion_name(s->told),
               s->peer.detail);
    if (!agent_session_is_asking(s->agent)
        && !agent_session_verdict(s->agent, NULL)) {
        agent_session_ask(s->agent, "alone?", agent_params(s->session));
    }
}

/* True once xl is gone and nothing of what it wrote can still reach the
 * peer. */
static bool
is_over(struct sender *s)
{
    if (!s->peer.stream || s->peer.suspicion != SUSPECT_NOT) {
        return xl_is_gone(s);
    }
    return s->in_eof && outflow_is_empty(s->outflow);
}

static int
end(struct sender *s, int status, const char *detail)
{
    agent_end(s->agent, s->session, status, detail);
    events_put(&s->events, "end %d %s", status, detail);
    return status;
}

/* xl has closed its end, or is dead. */
static int
finish(struct sender *s)
{
    long long int deadline = time_msec() + LAST_WORDS_MS;
    struct json *json = json_object_create();

    json_object_put(json, "status", json_integer_create(0));
    json_object_put_string(json, "message", "xl has closed its stream");
    peer_send_json(&s->peer, WIRE_END, json);
    while (!peer_is_sent(&s->peer) && time_msec() < deadline) {
        peer_wait(&s->peer, false);
        poll_timer_wait_until(deadline);
        poll_block();
    }
    return end(s, DTS_EXIT_OK, "xl has closed its stream");
}

static int
run(struct sender *s)
{
    for (;;) {
        const char *verdict, *reason;

        agent_session_run(s->agent);
        receive(s);
        peer_run(&s->peer);
        events_run(&s->events);
        if (takes(s)) {
            int error = outflow_fill(s->outflow, &s->peer, s->in);
            s->in_eof = error == EOF || (error && error != EAGAIN);
        }
        outflow_run(s->outflow, &s->peer);
        tell_sent(s);
        ignore(buffer_flush(&s->answers, s->out));  /* xl may not care. */
        if (is_over(s)) {
            return finish(s);
        }
        judge(s);
        agent_beat(s->agent, s->session, &s->peer, &s->next_beat_notice);

        if (agent_session_killed(s->agent)) {
            return end(s, DTS_EXIT_PARTLY, agent_session_killed(s->agent));
        }
        verdict = agent_session_verdict(s->agent, &reason);
        if (verdict && !strcmp(verdict, "alone")) {
            VLOG_WARN("domain %s: alone: %s", s->options->domain, reason);
            events_put(&s->events, "verdict alone %s", reason);
            return end(s, DTS_EXIT_PARTLY, reason);
        } else if (verdict && !strcmp(verdict, "taken") && !s->taken) {
            VLOG_WARN("domain %s: taken: %s; holding xl's stream",
                      s->options->domain, reason);
            events_put(&s->events, "verdict taken %s", reason);
            s->taken = true;
            peer_close(&s->peer);
        }

        agent_wait(s->agent);
        peer_wait(&s->peer, s->answers.len < 65536);
        outflow_wait(s->outflow, &s->peer);
        if (takes(s) && outflow_wants(s->outflow)) {
            poll_fd_wait(s->in, POLLIN);
        } else if (!s->in_eof) {
            poll_timer_wait(s->taken ? 500 : 50);   /* xl_is_gone() */
        }
        events_wait(&s->events);
        if (s->answers.len) {
            poll_fd_wait(s->out, POLLOUT);
        }
        poll_block();
    }
}

int
link_send(const struct link_options *options_)
{
    struct link_options options = *options_;
    struct sender s = { .options = &options };
    char *error, *name = NULL;
    struct stream *stream;
    int status;

    events_init(&s.events, options.events_fd);
    uuid_generate(&s.uuid);
    snprintf(s.session, sizeof s.session, UUID_FMT, UUID_ARGS(&s.uuid));
    if (!options.insecure && get_entropy(s.key, sizeof s.key)) {
        return give_up(&s, DTS_EXIT_NO_DATABASE, "no random numbers");
    }
    if (options.host) {
        name = link_target(&options, options.host, LINK_PORT);
    }
    s.agent = agent_session_create(options.agent_socket);
    status = agent_hello(s.agent,
                         agent_hello_params("link-send", options.domain,
                                            s.session,
                                            options.host && !name
                                            ? options.host : ""),
                         options.timeout, &error);
    if (status) {
        give_up(&s, status, "%s: %s", options.domain, error);
        free(error);
        goto out;
    }
    if (!options.heartbeat) {
        options.heartbeat = agent_session_fact_int(s.agent, "heartbeat", 50);
    }
    if (!options.peer_timeout) {
        options.peer_timeout = agent_session_fact_int(s.agent, "peer_timeout",
                                                      500);
    }
    s.generation = agent_session_fact_int(s.agent, "generation", 0);
    if (!name) {
        name = link_target(&options, agent_session_fact(s.agent, "peer_ip"),
                           agent_session_fact_int(s.agent, "port",
                                                  LINK_PORT));
    }
    if (!name) {
        status = give_up(&s, DTS_EXIT_NOT_FOUND,
                         "%s: the agent knows no address "
                         "of the other node: dts-ctl status %s",
                         options.domain, options.domain);
        goto out;
    }
    s.outflow = outflow_create(&(struct outflow_options) {
        .domain = options.domain,
        .max_buffer = options.max_buffer,
        .bandwidth = options.bandwidth,
        .patience = agent_session_fact_int(s.agent, "stall", 2000) / 2,
    });
    status = link_connect(&options, s.agent, name, &stream, &error);
    if (status) {
        give_up(&s, status, "%s", error);
        free(error);
    } else {
        peer_init(&s.peer, stream, true);
        status = greet(&s);
    }
    if (status) {
        agent_end(s.agent, s.session, status, "replication did not begin");
        goto out;
    }

    /* Not 0: the poll loop does not take it. */
    s.in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    s.out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    ignore(open("/dev/null", O_RDONLY));
    ignore(open("/dev/null", O_WRONLY));
    fcntl(s.in, F_SETFL, O_NONBLOCK);
    fcntl(s.out, F_SETFL, O_NONBLOCK);
    set_room(&s, true);
    status = run(&s);
    outflow_log(s.outflow);

out:
    if (s.peer.rx) {
        peer_destroy(&s.peer);
    }
    events_flush(&s.events, LAST_WORDS_MS);
    events_uninit(&s.events);
    outflow_destroy(s.outflow);
    agent_session_destroy(s.agent);
    free(s.answers.data);
    free(name);
    return status;
}
