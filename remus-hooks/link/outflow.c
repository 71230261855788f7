/* SPDX-License-Identifier: Apache-2.0 */
/* What xl writes, on its way to the peer: see the header.
 *
 * The guest is suspended while xl writes a checkpoint.  So to take it comes
 * before all else: packing and sending are done in small steps in between.
 *
 * The ring is there for one checkpoint.  While one is whole in it and not
 * sent, the next is not taken: on a link that is too slow this slows the guest
 * down, instead of letting its copy fall behind by all that fits into the
 * ring.  It is let in all the same before the gate would call the guest
 * stalled, and then the one after it has to wait; in the end the ring is full,
 * and then the stream stops. */

#include <config.h>

#include "outflow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bucket.h"
#include "framing.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "peer.h"
#include "ring.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(outflow);

#define READ_MAX (256 * 1024)   /* One read. */
#define PIECE (128 * 1024)      /* One message. */
#define STEP (256 * 1024)       /* Packed or sent before xl's turn again. */
#define LOG_MS 60000
#define N_SENT 64               /* Checkpoints whose sending is remembered. */

struct outflow {
    struct outflow_options options;
    struct ring ring;
    struct framing in;          /* Of what was taken. */
    struct framing out;         /* Of what was sent, if it is not packed. */
    struct pack *pack;
    struct bucket bucket;

    const uint8_t *piece;       /* The peer has it in work... */
    size_t piece_len;           /* ...unless this is 0. */
    bool piece_ends;            /* It is the end of a checkpoint. */
    size_t block_ofs;           /* Of pack's output. */

    uint64_t handed;            /* Checkpoints handed to the network... */
    struct outflow_sent sent[N_SENT];   /* ...the newest of them. */
    uint64_t told;              /* By outflow_next_sent(). */
    uint64_t raw, wire;         /* Bytes, in all... */
    uint64_t raw_mark, wire_mark;       /* ...and up to the checkpoint. */
    uint64_t pages_mark;        /* The guest's pages up to it. */

    long long int held_since;   /* A whole checkpoint is in the ring; or 0. */
    uint64_t held_n;            /* This one. */
    bool full;
    bool complained;            /* About this. */

    /* Since the last outflow_log(). */
    long long int logged;
    struct {
        uint64_t n, raw, wire, acks, ack_us, ack_max_us, full, held;
    } period;
};

struct outflow *
outflow_create(const struct outflow_options *options)
{
    struct outflow *o = xzalloc(sizeof *o);

    o->options = *options;
    ring_init(&o->ring, options->max_buffer);
    framing_init(&o->in);
    framing_init(&o->out);
    bucket_init(&o->bucket, options->bandwidth, time_msec());
    o->logged = time_msec();
    return o;
}

void
outflow_destroy(struct outflow *o)
{
    if (o) {
        ring_destroy(&o->ring);
        pack_destroy(o->pack);
        free(o);
    }
}

void
outflow_pack(struct outflow *o, enum pack_method method,
             unsigned int cache_mb)
{
    ovs_assert(!o->pack && !o->raw);
    o->pack = pack_create(method, cache_mb);
}

/* ------------------------------------------------------------------ taking */

static bool
is_held(const struct outflow *o)
{
    return o->held_since
           && time_msec() - o->held_since < o->options.patience;
}

bool
outflow_wants(const struct outflow *o)
{
    return o->ring.len < o->ring.size && !is_held(o);
}

static void
note_held(struct outflow *o)
{
    if (o->in.n_checkpoints <= o->handed) {
        o->held_since = 0;
    } else if (!o->held_since || o->held_n != o->in.n_checkpoints) {
        o->held_since = time_msec();
        o->held_n = o->in.n_checkpoints;
    }
}

/* The stream stops, or the next checkpoint waits, if 'fd' has something. */
static void
complain(struct outflow *o, int fd)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(2, 2);
    struct pollfd p = { .fd = fd, .events = POLLIN };

    if (o->complained || poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN)) {
        return;
    }
    o->complained = true;
    if (o->ring.len < o->ring.size) {
        o->period.held++;
        VLOG_INFO_RL(&rl, "domain %s: checkpoint %"PRIu64" waits until "
                     "%"PRIu64" is sent: the link is slower than the guest "
                     "writes (a longer interval? --compress?)",
                     o->options.domain, o->in.n_checkpoints + 1,
                     o->in.n_checkpoints);
    } else if (o->in.n_checkpoints) {
        o->period.full++;
        VLOG_WARN_RL(&rl, "domain %s: the stream stops, and the guest with "
                     "it: the buffer of %"PRIuSIZE" MB is full (--max-buffer)",
                     o->options.domain, o->ring.size >> 20);
    }
}

int
outflow_fill(struct outflow *o, const struct peer *peer, int fd)
{
    int error = 0;

    note_held(o);
    while (outflow_wants(o)) {
        size_t room;
        uint8_t *p = ring_room(&o->ring, &room);
        ssize_t n = read(fd, p, MIN(room, READ_MAX));

        if (n > 0) {
            enum framing_event event;

            o->complained = false;
            ring_added(&o->ring, n);
            for (size_t ofs = 0; ofs < n; ) {
                size_t taken = framing_feed(&o->in, p + ofs, n - ofs, &event);

                if (event == FRAMING_ERROR) {
                    break;      /* The peer will see it, and say so. */
                }
                ofs += taken;
            }
            note_held(o);
            if (peer_beat_is_due(peer)) {
                break;
            }
        } else if (!n) {
            return EOF;
        } else if (errno != EINTR) {
            error = errno;
            break;
        }
    }
    if (!error && !outflow_wants(o)) {
        complain(o, fd);
    }
    return error;
}

/* ----------------------------------------------------------------- sending */

static void
checkpoint_sent(struct outflow *o)
{
    struct outflow_sent *s = &o->sent[++o->handed % N_SENT];
    uint64_t pages = o->pack ? pack_stats(o->pack)->pages : o->out.n_pages;

    s->n = o->handed;
    s->raw = o->raw - o->raw_mark;
    s->wire = o->wire - o->wire_mark;
    s->pages = pages - o->pages_mark;
    s->mono_us = mono_us();
    o->pages_mark = pages;
    o->raw_mark = o->raw;
    o->wire_mark = o->wire;
    o->period.n++;
    o->period.raw += s->raw;
    o->period.wire += s->wire;
    VLOG_DBG("domain %s: checkpoint %"PRIu64" is sent, %"PRIu64" pages, "
             "%"PRIu64" bytes as %"PRIu64, o->options.domain, s->n, s->pages,
             s->raw, s->wire);
    if (o->handed == 1 || time_msec() - o->logged >= LOG_MS) {
        outflow_log(o);
    }
}

/* The peer is done with the piece. */
static void
piece_sent(struct outflow *o)
{
    o->wire += WIRE_HEADER_LEN + o->piece_len;
    if (o->pack) {
        size_t n;

        pack_output(o->pack, &n);
        o->block_ofs += o->piece_len;
        if (o->block_ofs == n) {
            pack_output_done(o->pack);
            o->block_ofs = 0;
        }
    } else {
        ring_taken(&o->ring, o->piece_len);
        o->raw += o->piece_len;
    }
    o->piece_len = 0;
    if (o->piece_ends) {
        o->piece_ends = false;
        checkpoint_sent(o);
        note_held(o);
    }
}

/* Packs until there is a block. */
static size_t
next_packed(struct outflow *o, size_t max)
{
    size_t n;

    pack_output(o->pack, &n);
    while (!n) {
        size_t room, taken;
        const uint8_t *bytes = ring_bytes(&o->ring, &room);

        if (!room) {
            pack_flush(o->pack);        /* Nothing waits for what may come. */
            pack_output(o->pack, &n);
            if (!n) {
                return 0;
            }
            break;
        }
        taken = pack_feed(o->pack, bytes, MIN(room, STEP));
        ring_taken(&o->ring, taken);
        o->raw += taken;
        pack_output(o->pack, &n);
    }
    o->piece = pack_output(o->pack, &n) + o->block_ofs;
    o->piece_len = MIN(n - o->block_ofs, max);
    o->piece_ends = (o->block_ofs + o->piece_len == n
                     && pack_checkpoints(o->pack) > o->handed);
    return o->piece_len;
}

/* As it is, up to the end of a checkpoint. */
static size_t
next_plain(struct outflow *o, size_t max)
{
    enum framing_event event;
    size_t n;

    o->piece = ring_bytes(&o->ring, &n);
    n = MIN(n, max);
    o->piece_len = framing_feed(&o->out, o->piece, n, &event);
    o->piece_ends = event == FRAMING_CHECKPOINT;
    if (event == FRAMING_ERROR) {
        o->piece_len = n;
    }
    return o->piece_len;
}

void
outflow_note_sent(struct outflow *o, struct peer *peer)
{
    if (o->piece_len && peer_bulk_is_sent(peer)) {
        piece_sent(o);
    }
}

uint64_t
outflow_n_sent(const struct outflow *o)
{
    return o->handed;
}

void
outflow_run(struct outflow *o, struct peer *peer)
{
    size_t done = 0;

    while (peer->stream) {
        size_t max = bucket_piece(&o->bucket, PIECE);

        outflow_note_sent(o, peer);
        if (o->handed - o->told >= N_SENT / 2) {
            break;              /* What was sent is to be told first. */
        }
        if (o->piece_len || done >= STEP || peer_beat_is_due(peer)
            || !bucket_run(&o->bucket, time_msec())
            || !(o->pack ? next_packed(o, max) : next_plain(o, max))) {
            break;
        }
        bucket_take(&o->bucket, WIRE_HEADER_LEN + o->piece_len);
        peer_send_bulk(peer, o->pack ? WIRE_PACKED : WIRE_DATA, o->piece,
                       o->piece_len);
        done += o->piece_len;
    }
}

bool
outflow_is_empty(const struct outflow *o)
{
    size_t n = 0;

    if (o->pack) {
        pack_output(o->pack, &n);
    }
    return !o->ring.len && !o->piece_len && !n;
}

void
outflow_wait(const struct outflow *o, const struct peer *peer)
{
    if (o->held_since) {
        poll_timer_wait_until(o->held_since + o->options.patience);
    }
    if (peer->stream && !o->piece_len && !outflow_is_empty(o)) {
        poll_timer_wait_until(bucket_deadline(&o->bucket));
    }
}

/* -------------------------------------------------------------- accounting */

bool
outflow_next_sent(struct outflow *o, struct outflow_sent *sent)
{
    if (o->told == o->handed) {
        return false;
    }
    *sent = o->sent[++o->told % N_SENT];
    return true;
}

int64_t
outflow_acked(struct outflow *o, uint64_t n, struct outflow_sent *sent)
{
    int64_t us;

    *sent = o->sent[n % N_SENT];
    if (sent->n != n) {
        memset(sent, 0, sizeof *sent);
        return 0;
    }
    us = mono_us() - sent->mono_us;
    o->period.acks++;
    o->period.ack_us += us;
    o->period.ack_max_us = MAX(o->period.ack_max_us, us);
    return us;
}

void
outflow_log(struct outflow *o)
{
    if (o->period.n) {
        VLOG_INFO("domain %s: %"PRIu64" checkpoints in %lld s: %.3f MB of the "
                  "stream as %.3f MB; acknowledged after %.1f ms, at most "
                  "%.1f ms; %"PRIu64" waited for the link, %"PRIu64" times "
                  "the buffer was full", o->options.domain, o->period.n,
                  (time_msec() - o->logged + 500) / 1000,
                  o->period.raw / 1e6, o->period.wire / 1e6,
                  o->period.acks
                  ? o->period.ack_us / 1e3 / o->period.acks : 0.0,
                  o->period.ack_max_us / 1e3, o->period.held,
                  o->period.full);
    }
    memset(&o->period, 0, sizeof o->period);
    o->logged = time_msec();
}
