/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a link: see the header.
 *
 * All bytes that come and all heartbeats count as life, so a busy connection
 * never looks dead and a stuck one does not hide a peer that lives.  After
 * silence the connection stays: what comes later withdraws the suspicion. */

#include <config.h>

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(peer);

#define TX_ROOM (1024 * 1024)   /* No DATA is added beyond. */
#define CHUNK (256 * 1024)      /* One read, one write. */
#define MAX_BEATS 4096          /* Read at once, one after the other. */
#define MAX_DATAGRAMS 100       /* Heartbeats that are taken in a round. */
#define FIRST_COPY_FACTOR 5     /* Times the timeout until there is a copy. */
#define BEAT_DSCP 48            /* CS6: network control. */

uint64_t
real_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

uint64_t
mono_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

const char *
suspicion_name(enum suspicion s)
{
    static const char *const names[] = {
        [SUSPECT_NOT] = "none",
        [SUSPECT_SILENCE] = "silence",
        [SUSPECT_EOF] = "eof",
        [SUSPECT_RESET] = "reset",
        [SUSPECT_PROTOCOL] = "protocol",
        [SUSPECT_LOCAL] = "local",
    };
    return names[s];
}

void
peer_init(struct peer *peer, struct stream *stream, bool sender)
{
    memset(peer, 0, sizeof *peer);
    peer->stream = stream;
    peer->sender = sender;
    peer->udp = -1;
    peer->rx = xmalloc(CHUNK);
    wire_init(&peer->wire);
}

void
peer_close(struct peer *peer)
{
    stream_close(peer->stream);
    peer->stream = NULL;
    peer->tx_len = peer->tx_ofs = 0;
    peer->bulk_len = peer->before_bulk = 0;
    peer->rx_len = peer->rx_ofs = 0;
    if (peer->udp >= 0) {
        close(peer->udp);
        peer->udp = -1;
    }
    peer->detecting = false;
}

void
peer_destroy(struct peer *peer)
{
    peer_close(peer);
    free(peer->tx);
    free(peer->rx);
}

void
peer_fail(struct peer *peer, enum suspicion s, const char *format, ...)
{
    va_list args;

    if (peer->suspicion <= SUSPECT_SILENCE) {
        peer->suspicion = s;
        va_start(args, format);
        vsnprintf(peer->detail, sizeof peer->detail, format, args);
        va_end(args);
    }
    peer_close(peer);
}

/* ----------------------------------------------------------------- sending */

/* Makes room for 'n' more bytes and returns where they go. */
static uint8_t *
tx_reserve(struct peer *peer, size_t n)
{
    if (peer->tx_ofs && peer->tx_ofs + peer->tx_len + n > peer->tx_size) {
        memmove(peer->tx, peer->tx + peer->tx_ofs, peer->tx_len);
        peer->tx_ofs = 0;
    }
    if (peer->tx_len + n > peer->tx_size) {
        peer->tx_size = peer->tx_len + n + CHUNK;
        peer->tx = xrealloc(peer->tx, peer->tx_size);
    }
    return peer->tx + peer->tx_ofs + peer->tx_len;
}

void
peer_send(struct peer *peer, enum wire_type type, const void *body, size_t n)
{
    uint8_t *p;

    if (!peer->stream) {
        return;
    }
    p = tx_reserve(peer, WIRE_HEADER_LEN + n);
    wire_header(p, type, n);
    memcpy(p + WIRE_HEADER_LEN, body, n);
    peer->tx_len += WIRE_HEADER_LEN + n;
}

void
peer_send_json(struct peer *peer, enum wire_type type, struct json *json)
{
    char *s = json_to_string(json, JSSF_SORT);

    peer_send(peer, type, s, strlen(s));
    json_destroy(json);
    free(s);
}

void
peer_send_u64(struct peer *peer, enum wire_type type, uint64_t x)
{
    uint8_t body[8];

    wire_put_u64(body, x);
    peer_send(peer, type, body, sizeof body);
}

bool
peer_has_room(const struct peer *peer)
{
    return peer->stream && peer->tx_len + WIRE_HEADER_LEN + CHUNK <= TX_ROOM;
}

static bool
tx_is_empty(const struct peer *peer)
{
    return !peer->tx_len && !peer->bulk_len;
}

/* Returns the next bytes to send: messages, the bulk after its header, and
 * what was added meanwhile. */
static const uint8_t *
tx_next(const struct peer *peer, size_t *n)
{
    if (peer->bulk_len && !peer->before_bulk) {
        *n = MIN(peer->bulk_len, CHUNK);
        return peer->bulk;
    }
    *n = MIN(peer->bulk_len ? peer->before_bulk : peer->tx_len, CHUNK);
    return peer->tx + peer->tx_ofs;
}

static void
tx_sent(struct peer *peer, size_t n)
{
    peer->last_tx = time_msec();
    if (peer->bulk_len && !peer->before_bulk) {
        peer->bulk += n;
        peer->bulk_len -= n;
        return;
    }
    peer->tx_ofs += n;
    peer->tx_len -= n;
    peer->before_bulk -= MIN(peer->before_bulk, n);
    if (!peer->tx_len) {
        peer->tx_ofs = 0;
    }
}

static void
tx_run(struct peer *peer)
{
    while (peer->stream && !tx_is_empty(peer)) {
        size_t len;
        const uint8_t *p = tx_next(peer, &len);
        int n = stream_send(peer->stream, p, len);

        if (n >= 0) {
            tx_sent(peer, n);
        } else if (n == -EAGAIN) {
            break;
        } else {
            /* What the peer said last is still to be read: that decides. */
            peer->tx_len = peer->tx_ofs = 0;
            peer->bulk_len = peer->before_bulk = 0;
            peer->tx_broken = true;
            if (peer->rx_ofs == peer->rx_len) {
                int got = stream_recv(peer->stream, peer->rx, CHUNK);
                peer->rx_ofs = 0;
                peer->rx_len = MAX(got, 0);
            }
            if (peer->rx_ofs == peer->rx_len) {
                peer_fail(peer, SUSPECT_RESET, "connection broke (%s)",
                          ovs_strerror(-n));
            }
        }
    }
}

void
peer_send_bulk(struct peer *peer, enum wire_type type, const void *body,
               size_t n)
{
    ovs_assert(!peer->bulk_len);
    if (peer->stream) {
        wire_header(tx_reserve(peer, WIRE_HEADER_LEN), type, n);
        peer->tx_len += WIRE_HEADER_LEN;
        peer->before_bulk = peer->tx_len;
        peer->bulk = body;
        peer->bulk_len = n;
        tx_run(peer);
    }
}

bool
peer_bulk_is_sent(struct peer *peer)
{
    tx_run(peer);
    return peer->stream && !peer->bulk_len && !peer->tx_broken;
}

bool
peer_beat_is_due(const struct peer *peer)
{
    return peer->detecting && time_msec() >= peer->next_beat;
}

bool
peer_is_sent(struct peer *peer)
{
    if (peer->stream) {
        stream_run(peer->stream);
        tx_run(peer);
    }
    return tx_is_empty(peer);
}

/* --------------------------------------------------------------- receiving */

static void
alive(struct peer *peer)
{
    if (peer->detecting) {
        detector_life(&peer->detector, time_msec());
    }
}

enum wire_event
peer_receive(struct peer *peer)
{
    /* Who sends nothing but beats, as fast as they are read, must not keep us
     * here. */
    for (int i = 0; peer->stream && i < MAX_BEATS; i++) {
        enum wire_event event;
        int n;

        if (peer->rx_ofs < peer->rx_len) {
            peer->rx_ofs += wire_feed(&peer->wire, peer->rx + peer->rx_ofs,
                                      peer->rx_len - peer->rx_ofs, &event);
            if (event == WIRE_ERROR) {
                peer_fail(peer, SUSPECT_PROTOCOL, "%s", peer->wire.error);
            } else if (event == WIRE_CHUNK
                       || (event == WIRE_MESSAGE
                           && peer->wire.type != WIRE_BEAT)) {
                return event;
            }
            continue;
        }
        n = stream_recv(peer->stream, peer->rx, CHUNK);
        peer->rx_ofs = peer->rx_len = 0;
        if (n > 0) {
            peer->rx_len = n;
            alive(peer);
        } else if (n == -EAGAIN) {
            break;
        } else if (!n) {
            peer_fail(peer, SUSPECT_EOF, "the peer closed the connection");
        } else {
            peer_fail(peer, SUSPECT_RESET, "connection broke (%s)",
                      ovs_strerror(-n));
        }
    }
    return WIRE_NOTHING;
}

/* -------------------------------------------------------------- heartbeats */

static socklen_t
address_len(const struct sockaddr_storage *ss)
{
    return (ss->ss_family == AF_INET ? sizeof(struct sockaddr_in)
            : sizeof(struct sockaddr_in6));
}

static void
set_port(struct sockaddr_storage *ss, uint16_t port)
{
    if (ss->ss_family == AF_INET) {
        ((struct sockaddr_in *) ss)->sin_port = htons(port);
    } else {
        ((struct sockaddr_in6 *) ss)->sin6_port = htons(port);
    }
}

uint16_t
peer_open_udp(struct peer *peer, const char *address, uint16_t port)
{
    struct sockaddr_storage ss, local;
    socklen_t len = sizeof local;
    int on = 1;

    if (!stream_parse_target_with_default_port(stream_get_name(peer->stream),
                                               1, &ss)) {
        VLOG_WARN("%s: no address for heartbeats",
                  stream_get_name(peer->stream));
        return 0;
    }
    peer->udp = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC
                       | SOCK_NONBLOCK, 0);
    if (peer->udp < 0) {
        VLOG_WARN("no socket for heartbeats (%s)", ovs_strerror(errno));
        return 0;
    }
    /* Several sessions share the well-known port: each one's socket is
     * connected to its peer's. */
    setsockopt(peer->udp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    set_dscp(peer->udp, ss.ss_family, BEAT_DSCP);

    if (!address || !inet_parse_active(address, 1, &local, false, NULL)
        || local.ss_family != ss.ss_family) {
        memset(&local, 0, sizeof local);
        local.ss_family = ss.ss_family;
    }
    set_port(&local, port);
    if (bind(peer->udp, (struct sockaddr *) &local, address_len(&local))
        && port) {
        set_port(&local, 0);
        ignore(bind(peer->udp, (struct sockaddr *) &local,
                    address_len(&local)));
    }
    return (getsockname(peer->udp, (struct sockaddr *) &local, &len) ? 0
            : ss_get_port(&local));
}

void
peer_start_beats(struct peer *peer, uint16_t port, const uint8_t *session,
                 const uint8_t *key, int interval, int timeout)
{
    struct sockaddr_storage ss;

    heartbeat_init(&peer->heartbeat, peer->sender, session, key);
    peer->interval = interval;
    peer->next_beat = time_msec();
    if (peer->udp >= 0 && port
        && stream_parse_target_with_default_port(
            stream_get_name(peer->stream), 1, &ss)) {
        set_port(&ss, port);
        peer->udp_connected = !connect(peer->udp, (struct sockaddr *) &ss,
                                       address_len(&ss));
    }
    if (!peer->udp_connected) {
        VLOG_WARN("no heartbeats of their own: bytes of the stream alone "
                  "tell of life");
    }
    peer->detecting = true;
    peer->timeout = timeout;
    detector_init(&peer->detector, FIRST_COPY_FACTOR * timeout, time_msec());
}

void
peer_settle(struct peer *peer)
{
    peer->detector.timeout = peer->timeout;
}

static void
beats_run(struct peer *peer)
{
    uint8_t d[HEARTBEAT_LEN + 1];
    ssize_t n;

    for (int i = 0; i < MAX_DATAGRAMS && peer->udp_connected
         && ((n = recv(peer->udp, d, sizeof d, 0)) >= 0
             || errno == ECONNREFUSED || errno == EINTR); i++) {
        /* ECONNREFUSED: the process there is gone; TCP will say so. */
        if (n >= 0 && heartbeat_take(&peer->heartbeat, d, n, real_us(),
                                     mono_us())) {
            alive(peer);
            if (!peer->heartbeat.unheard) {
                peer->unheard_since = 0;
            } else if (!peer->unheard_since) {
                peer->unheard_since = time_msec();
            }
        }
    }
    if (time_msec() < peer->next_beat) {
        return;
    }
    peer->next_beat += peer->interval;
    if (peer->next_beat <= time_msec()) {
        peer->next_beat = time_msec() + peer->interval;
    }
    if (peer->udp_connected) {
        heartbeat_build(&peer->heartbeat, real_us(), mono_us(), d);
        ignore(send(peer->udp, d, HEARTBEAT_LEN, 0));
    }
    if (tx_is_empty(peer) && time_msec() - peer->last_tx >= peer->interval) {
        peer_send_u64(peer, WIRE_BEAT, ++peer->beat_seq);
    }
}

/* The peer has been saying for a while that it does not hear us.  (Not at
 * once: what it said while we were stopped is read late.) */
static bool
is_unheard(const struct peer *peer)
{
    return (peer->unheard_since
            && time_msec() - peer->unheard_since >= peer->timeout / 2);
}

void
peer_run(struct peer *peer)
{
    if (!peer->stream) {
        return;
    }
    stream_run(peer->stream);
    if (peer->detecting) {
        beats_run(peer);
    }
    tx_run(peer);
    if (!peer->detecting) {
        return;
    }
    peer->heartbeat.deaf = detector_run(&peer->detector, time_msec());
    if (!peer->heartbeat.deaf && !is_unheard(peer)) {
        if (peer->suspicion == SUSPECT_SILENCE) {
            peer->suspicion = SUSPECT_NOT;
        }
    } else if (peer->suspicion == SUSPECT_NOT && !peer->heartbeat.deaf) {
        peer->suspicion = SUSPECT_SILENCE;
        snprintf(peer->detail, sizeof peer->detail,
                 "the peer lives but does not hear us");
    } else if (peer->suspicion == SUSPECT_NOT) {
        peer->suspicion = SUSPECT_SILENCE;
        snprintf(peer->detail, sizeof peer->detail,
                 "nothing was heard for %lld ms (%"PRIu64" heartbeats before, "
                 "%"PRIu64" dropped)",
                 time_msec() - peer->detector.last_life,
                 peer->heartbeat.n_rx, peer->heartbeat.n_bad);
    }
}

void
peer_wait(struct peer *peer, bool receive)
{
    if (!peer->stream) {
        return;
    }
    stream_run_wait(peer->stream);
    if (!tx_is_empty(peer)) {
        stream_send_wait(peer->stream);
    }
    if (receive) {
        if (peer->rx_ofs < peer->rx_len) {
            poll_immediate_wake();
        } else {
            stream_recv_wait(peer->stream);
        }
    }
    if (peer->detecting) {
        if (peer->udp_connected) {
            poll_fd_wait(peer->udp, POLLIN);
        }
        poll_timer_wait_until(peer->next_beat);
        if (peer->suspicion == SUSPECT_NOT) {
            poll_timer_wait_until(detector_deadline(&peer->detector));
        }
    }
}
