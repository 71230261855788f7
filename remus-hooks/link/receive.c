/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end of one session, a process of its own: gives the stream to
 * xl's receiver, and decides when that stream ends.
 *
 * Until the first checkpoint is whole the bytes go straight on, and an end is
 * just an end: xl drops an incomplete copy.  From then on xl gets whole
 * checkpoints only, and any end makes it start the copy.  So the stream then
 * stays open, whatever happens, until the agent says `commit` (or `granted`),
 * or `denied`: then it ends too, and the gate, which is denied as well, makes
 * xl destroy the copy. */

#include <config.h>

#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent-session.h"
#include "child.h"
#include "framing.h"
#include "hold.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "peer.h"
#include "remus-dts/exit.h"
#include "stage.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(receive);

#define BURST (4 * 1024 * 1024) /* Received in one round of the loop. */
#define BEHIND_MS 2000          /* How far our agent may be behind. */
#define HUNG_FACTOR 5           /* Times `stall`: xl takes nothing. */

struct receiver {
    const struct link_options *options;
    struct agent_session *agent;
    struct peer peer;
    struct child child;
    struct hold *hold;
    struct framing framing;
    struct unpack *unpack;      /* NULL: the stream comes as it is. */
    const uint8_t *packed;      /* Came and is not unpacked yet... */
    size_t packed_len;
    bool unpacking;             /* ...or there is more of what was. */
    struct stage stage;         /* How the stream to xl stands. */

    char *domain;
    char session[UUID_LEN + 1];
    char *node;                 /* The peer's. */

    uint64_t checkpoint_start;  /* In the stream. */
    uint64_t marked;            /* Bytes of it that xl may have. */
    char *detail;               /* Why it ended. */
    long long int next_beat_notice;
};

/* --------------------------------------------------------------- beginning */

static bool
parse_key(const char *hex, uint8_t key[HEARTBEAT_KEY_LEN])
{
    if (strlen(hex) != 2 * HEARTBEAT_KEY_LEN) {
        return false;
    }
    for (size_t i = 0; i < HEARTBEAT_KEY_LEN; i++) {
        bool ok;

        key[i] = hexits_value(hex + 2 * i, 2, &ok);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* Asks the agent whether this session may be.  The other node may know of a
 * newer generation than our agent has read. */
static int
ask_agent(struct receiver *r, int generation, char **error)
{
    long long int deadline = time_msec() + MIN(r->options->timeout, BEHIND_MS);

    for (;;) {
        int mine, status;

        status = agent_hello(r->agent,
                             agent_hello_params("link-recv", r->domain,
                                                r->session, r->node),
                             r->options->timeout, error);
        mine = agent_session_fact_int(r->agent, "generation", 0);
        if (!status && mine == generation) {
            return 0;
        }
        if ((status != DTS_EXIT_OK && status != DTS_EXIT_REFUSED)
            || (!status && mine > generation) || time_msec() >= deadline) {
            if (!status) {
                *error = xasprintf("%s is at generation %d here, not at %d",
                                   r->domain, mine, generation);
            }
            return status ? status : DTS_EXIT_REFUSED;
        }
        free(*error);
        *error = NULL;
        poll_timer_wait(200);
        poll_block();
        agent_session_reconnect(r->agent);
    }
}

/* How the stream is to come, of what 'hello' offers. */
static void
settle_pack(struct receiver *r, const struct json *hello,
            struct json *welcome)
{
    long long int cache = json_int_member(hello, "delta_cache", 0);
    enum pack_method method;

    if (!r->options->pack || json_int_member(hello, "pack", 0) != PACK_VERSION
        || cache < 0) {
        return;
    }
    if (!pack_method_from_name(json_string_member(hello, "compress"), &method)
        || !pack_method_supported(method)) {
        method = PACK_STORED;
    }
    cache = MIN(cache, r->options->delta_cache);
    json_object_put(welcome, "pack", json_integer_create(PACK_VERSION));
    json_object_put_string(welcome, "compress", pack_method_name(method));
    json_object_put(welcome, "delta_cache", json_integer_create(cache));
    r->unpack = unpack_create(cache);
}

static int
greet(struct receiver *r, const struct json *json)
{
    struct json *welcome;
    uint8_t session[HEARTBEAT_SESSION_LEN], key[HEARTBEAT_KEY_LEN] = { 0 };
    int heartbeat, timeout, status, udp_port;
    struct uuid uuid;
    char *error;

    r->domain = xstrdup(json_string_member(json, "domain"));
    r->node = xstrdup(json_string_member(json, "node"));
    udp_port = json_int_member(json, "udp_port", 0);
    error = (!uuid_from_string(&uuid, json_string_member(json, "session"))
             ? xstrdup("no proper session")
             : udp_port < 0 || udp_port > 65535 ? xstrdup("no proper UDP port")
             : !r->options->insecure
               && !parse_key(json_string_member(json, "udp_key"), key)
             ? xstrdup("no proper udp_key") : NULL);
    if (error) {
        status = link_refuse(&r->peer, DTS_EXIT_REFUSED, error);
        goto out;
    }
    snprintf(r->session, sizeof r->session, UUID_FMT, UUID_ARGS(&uuid));
    for (size_t i = 0; i < 4; i++) {
        uint32_t part = htonl(uuid.parts[i]);
        memcpy(session + 4 * i, &part, 4);
    }
    status = ask_agent(r, json_int_member(json, "generation", -1), &error);
    if (status) {
        status = link_refuse(&r->peer, status, error);
        goto out;
    }

    heartbeat = r->options->heartbeat
                ? r->options->heartbeat
                : agent_session_fact_int(r->agent, "heartbeat", 50);
    timeout = r->options->peer_timeout
              ? r->options->peer_timeout
              : agent_session_fact_int(r->agent, "peer_timeout", 500);
    udp_port = peer_open_udp(&r->peer, r->options->bind ? r->options->bind
                             : agent_session_fact(r->agent, "ip"), LINK_PORT);
    welcome = json_object_create();
    json_object_put(welcome, "version", json_integer_create(LINK_VERSION));
    json_object_put_string(welcome, "node",
                           agent_session_fact(r->agent, "node"));
    json_object_put(welcome, "udp_port", json_integer_create(udp_port));
    settle_pack(r, json, welcome);
    peer_send_json(&r->peer, WIRE_WELCOME, welcome);
    peer_start_beats(&r->peer, json_int_member(json, "udp_port", 0), session,
                     key, heartbeat, timeout);
    VLOG_INFO("domain %s: session %s from %s (%s), heartbeat %d ms, "
              "peer-timeout %d ms", r->domain, r->session, r->node,
              stream_get_name(r->peer.stream), heartbeat, timeout);
out:
    free(error);
    return status;
}

static int
start_xl(struct receiver *r)
{
    const struct link_options *o = r->options;
    char *helper = xasprintf("LIBXL_SAVE_HELPER=%s", o->save_helper);
    char *domain = xasprintf("DTS_DOMAIN=%s", r->domain);
    char *session = xasprintf("DTS_SESSION=%s", r->session);
    const char *env[] = { helper, domain, session, NULL };
    char *log = (o->receiver_log_dir
                 ? xasprintf("%s/xl-%s.log", o->receiver_log_dir, r->domain)
                 : NULL);
    int error = child_start(&r->child, o->receiver, env, log, false);

    free(helper);
    free(domain);
    free(session);
    free(log);
    return error;
}

/* ----------------------------------------------------------------- running */

static void
whole_checkpoint(struct receiver *r)
{
    struct framing *f = &r->framing;
    struct json *params = agent_params(r->session);

    hold_mark(r->hold);
    r->marked = f->n_bytes;
    peer_send_u64(&r->peer, WIRE_ACK, f->n_checkpoints);
    json_object_put(params, "n", json_integer_create(f->n_checkpoints));
    json_object_put(params, "bytes",
                    json_integer_create(f->n_bytes - r->checkpoint_start));
    agent_session_keep(r->agent, "checkpoint", params);
    if (stage_whole(&r->stage)) {
        VLOG_INFO("domain %s: the first checkpoint is whole, %"PRIu64" bytes",
                  r->domain, f->n_bytes);
        peer_settle(&r->peer);
    }
    VLOG_DBG("domain %s: checkpoint %"PRIu64" is whole, %"PRIu64" bytes",
             r->domain, f->n_checkpoints, f->n_bytes - r->checkpoint_start);
    r->checkpoint_start = f->n_bytes;
}

static void
last_words(struct receiver *r, const char *message)
{
    struct json *json = json_object_create();

    json_object_put(json, "status", json_integer_create(DTS_EXIT_PARTLY));
    json_object_put_string(json, "message", message);
    peer_send_json(&r->peer, WIRE_END, json);
    peer_is_sent(&r->peer);
}

static void
take_data(struct receiver *r, const uint8_t *data, size_t n)
{
    while (n && r->peer.stream) {
        enum framing_event event;
        size_t taken = framing_feed(&r->framing, data, n, &event);
        int error = hold_append(r->hold, data, taken);

        data += taken;
        n -= taken;
        if (error) {
            char *s = xasprintf("cannot hold a checkpoint of more than "
                                "%"PRIu64" bytes in %s (%s)",
                                hold_total(r->hold), r->options->spool_dir,
                                ovs_strerror(error));
            last_words(r, s);
            peer_fail(&r->peer, SUSPECT_LOCAL, "%s", s);
            free(s);
        } else if (event == FRAMING_ERROR) {
            char *s = xasprintf("corrupt stream: %s", r->framing.error);

            last_words(r, s);
            peer_fail(&r->peer, SUSPECT_PROTOCOL, "%s", s);
            free(s);
        } else if (event == FRAMING_CHECKPOINT) {
            whole_checkpoint(r);
        } else if (stage_passes(&r->stage, event == FRAMING_END
                                || r->framing.layer == FRAMING_TAIL)) {
            hold_mark(r->hold);
        }
    }
}

/* Unpacks a piece; returns how many bytes of the stream came of it. */
static size_t
take_packed(struct receiver *r)
{
    enum unpack_event event;
    const uint8_t *bytes;
    size_t len, taken = unpack_feed(r->unpack, r->packed, r->packed_len,
                                    &event, &bytes, &len);

    r->packed += taken;
    r->packed_len -= taken;
    r->unpacking = event == UNPACK_BYTES;
    if (event == UNPACK_ERROR) {
        char *s = xasprintf("corrupt packed stream: %s",
                            unpack_error(r->unpack));

        r->packed_len = 0;
        last_words(r, s);
        peer_fail(&r->peer, SUSPECT_PROTOCOL, "%s", s);
        free(s);
    } else if (event == UNPACK_BYTES) {
        take_data(r, bytes, len);
    }
    return len;
}

static bool
wants_data(const struct receiver *r)
{
    return stage_wants(&r->stage, r->peer.stream != NULL, hold_ready(r->hold),
                       BURST, r->options->memory);
}

static void
receive(struct receiver *r)
{
    size_t burst = 0;

    /* Bulk data must not delay heartbeats. */
    while (burst < BURST && wants_data(r)
           && time_msec() < r->peer.next_beat) {
        struct wire *w = &r->peer.wire;
        enum wire_event event;

        /* Little may become much: that, too, must not delay them. */
        if (r->packed_len || r->unpacking) {
            burst += take_packed(r);
            continue;
        }
        event = peer_receive(&r->peer);
        if (event == WIRE_NOTHING) {
            break;
        } else if (event == WIRE_CHUNK && w->type == WIRE_PACKED
                   && r->unpack) {
            r->packed = w->body;
            r->packed_len = w->body_len;
        } else if (event == WIRE_CHUNK && w->type == WIRE_DATA
                   && !r->unpack) {
            burst += w->body_len;
            take_data(r, w->body, w->body_len);
        } else if (w->type == WIRE_END) {
            struct json *json = json_from_body(w->body, w->body_len);

            peer_fail(&r->peer, SUSPECT_EOF, "%s ended the session: %s",
                      r->node, json_string_member(json, "message"));
            json_destroy(json);
        } else {
            peer_fail(&r->peer, SUSPECT_PROTOCOL,
                      "message of type %u out of turn", w->type);
        }
    }
}

static void
reset_stream(struct receiver *r, const char *why)
{
    VLOG_INFO("domain %s: ending xl's stream: %s", r->domain, why);
    child_reset(&r->child);
    free(r->detail);
    r->detail = xstrdup(why);
    if (r->peer.stream) {
        last_words(r, why);
        peer_close(&r->peer);
    }
}

static void
end_stream(struct receiver *r, const char *why)
{
    if (stage_end(&r->stage)) {
        reset_stream(r, why);
    }
}

/* To xl, and from it. */
static void
run_xl(struct receiver *r)
{
    uint8_t answers[4096];
    int error;

    if (r->child.fd < 0) {
        return;
    }
    error = hold_write(r->hold, r->child.fd);
    if (error && error != EPIPE && error != ECONNRESET) {
        VLOG_ERR("domain %s: what was held cannot be given to xl (%s)",
                 r->domain, ovs_strerror(error));
        end_stream(r, "what was held is lost");
        return;
    }
    while (!r->peer.stream || peer_has_room(&r->peer)) {
        ssize_t n = read(r->child.fd, answers, sizeof answers);

        if (n > 0) {
            peer_send(&r->peer, WIRE_DATA, answers, n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            if (!n || errno != EAGAIN) {
                child_reset(&r->child);         /* It will end, too. */
            }
            break;
        }
    }
    if (!hold_ready(r->hold) && !child_unsent(&r->child)
        && stage_drained(&r->stage)) {
        reset_stream(r, "committed");
    }
}

/* A copy whose xl is hung could not take over: that must not look like
 * protection for as long as there is memory. */
static void
check_xl(struct receiver *r)
{
    long long int limit = HUNG_FACTOR * agent_session_fact_int(r->agent,
                                                               "stall", 2000);
    uint64_t left = hold_ready(r->hold) + child_unsent(&r->child);
    long long int now = time_msec();

    if (stage_hung(&r->stage, r->marked, left, now, limit)
        && r->peer.stream) {
        char *s = xasprintf("xl's receiver has taken nothing for %lld ms",
                            now - r->stage.taken_at);

        last_words(r, s);
        peer_fail(&r->peer, SUSPECT_LOCAL, "%s", s);
        free(s);
    }
}

static void
judge(struct receiver *r)
{
    unsigned int actions = stage_suspicion(&r->stage, r->peer.suspicion);

    if (actions & STAGE_SAY_HEARD) {
        VLOG_INFO("domain %s: %s is heard again", r->domain, r->node);
        agent_unsuspect(r->agent, r->session);
    }
    if (actions & STAGE_SAY_SUSPECT) {
        VLOG_WARN("domain %s: %s is suspected (%s: %s)", r->domain, r->node,
                  suspicion_name(r->peer.suspicion), r->peer.detail);
        agent_suspect(r->agent, r->session, &r->peer);
    }
    if (actions & STAGE_ASK) {
        agent_session_ask(r->agent, "grant?", agent_params(r->session));
    }
    if (actions & STAGE_END) {
        reset_stream(r, "the peer was lost before the first checkpoint");
    }
}

static void
obey(struct receiver *r)
{
    const char *reason, *verdict = agent_session_verdict(r->agent, &reason);
    const char *killed = agent_session_killed(r->agent);
    unsigned int actions;

    if (!killed && !verdict) {
        return;
    }
    actions = stage_verdict(&r->stage, killed ? "kill" : verdict);
    if (actions) {
        VLOG_WARN("domain %s: %s: %s; %"PRIu64" bytes are still to go to xl",
                  r->domain, killed ? "kill" : verdict,
                  killed ? killed : reason, hold_ready(r->hold));
    }
    if (actions & STAGE_DRAIN) {
        peer_close(&r->peer);
        run_xl(r);
    }
    if (actions & STAGE_END) {
        reset_stream(r, killed ? killed : reason);
    }
}

static int
run(struct receiver *r)
{
    while (!child_ended(&r->child)) {
        agent_session_run(r->agent);
        receive(r);
        peer_run(&r->peer);
        run_xl(r);
        check_xl(r);
        judge(r);
        obey(r);
        agent_beat(r->agent, r->session, &r->peer, &r->next_beat_notice);

        agent_wait(r->agent);
        peer_wait(&r->peer, wants_data(r));
        if (wants_data(r) && (r->packed_len || r->unpacking)) {
            poll_immediate_wake();
        }
        child_wait(&r->child);
        if (r->child.fd >= 0) {
            bool answers = !r->peer.stream || peer_has_room(&r->peer);

            poll_fd_wait(r->child.fd, (hold_ready(r->hold) ? POLLOUT : 0)
                         | (answers ? POLLIN : 0));
            if (r->stage.name == STAGE_DRAINING && !hold_ready(r->hold)) {
                poll_timer_wait(2);     /* child_unsent() */
            }
        }
        poll_block();
    }
    end_stream(r, "xl's receiver ended by itself");
    agent_end(r->agent, r->session, r->child.status, r->detail);
    return r->child.status ? DTS_EXIT_PARTLY : DTS_EXIT_OK;
}

int
link_receive(const struct link_options *options, const struct peer *peer,
             const struct json *hello)
{
    struct receiver r = { .options = options, .peer = *peer };
    int status;

    r.agent = agent_session_create(options->agent_socket);
    framing_init(&r.framing);
    stage_init(&r.stage);
    status = greet(&r, hello);
    if (!status) {
        int error = start_xl(&r);

        if (error) {
            VLOG_ERR("domain %s: cannot start \"%s\" (%s)", r.domain,
                     options->receiver, ovs_strerror(error));
            status = DTS_EXIT_PARTLY;
        } else {
            r.hold = hold_create(options->memory, options->spool_dir);
            status = run(&r);
            /* Only memory is given back from here on, which may take a dom0
             * the time that a guest needs to connect to its devices. */
            setpriority(PRIO_PROCESS, 0, PRIO_MAX - 1);
            hold_destroy(r.hold);
        }
    }
    unpack_destroy(r.unpack);
    peer_destroy(&r.peer);
    agent_session_destroy(r.agent);
    free(r.domain);
    free(r.node);
    free(r.detail);
    return status;
}
