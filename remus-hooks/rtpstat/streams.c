/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "streams.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "util.h"

/* Sorts a capture's packets into RTP streams by SSRC and innermost addresses,
 * so that a call which moves from one tunnel to another stays one stream.
 *
 * Anything whose first two bits are 10 may look like RTP once.  A stream is
 * believed when PROVING packets in a row have consecutive sequence numbers
 * (appendix A.1's probation, one packet longer: DNS has only 14 bits of luck
 * to pass 2); until then it is a candidate, and only the newest MAX_CANDIDATES
 * are kept.  Who names the port or the SSRC knows better than we do: then one
 * packet is enough. */

#define PROVING 3
#define MAX_CANDIDATES 1024
#define MAX_STREAMS 16384
#define DEFAULT_CLOCK 8000

static bool has_port(const struct stream_options *, const struct decap *);
static bool has_addresses(const struct stream_options *,
                          const struct in6_addr *src,
                          const struct in6_addr *dst);
static struct stream *find_stream(const struct stream_table *,
                                  const struct stream_key *);
static struct stream *create_stream(struct stream_table *,
                                    const struct stream_key *, uint8_t type);
static void destroy_stream(struct stream_table *, struct stream *);
static void prove_stream(struct stream_table *, struct stream *, uint16_t seq);
static unsigned int clock_of(const struct stream_table *,
                             const struct stream *, uint8_t type);

void
stream_table_init(struct stream_table *t, const struct stream_options *options)
{
    memset(t, 0, sizeof *t);
    t->options = options;
    hmap_init(&t->streams);
    ovs_list_init(&t->candidates);
}

void
stream_table_uninit(struct stream_table *t)
{
    struct stream *s;
    HMAP_FOR_EACH_SAFE (s, hmap_node, &t->streams) {
        destroy_stream(t, s);
    }
    hmap_destroy(&t->streams);
}

void
stream_table_add(struct stream_table *t, int dlt, int64_t arrival,
                 const uint8_t *data, size_t cap, size_t len)
{
    t->first = t->frames ? t->first : arrival;
    t->last = arrival;
    t->frames++;

    struct decap d;
    enum decap_verdict verdict = decap_frame(dlt, data, cap, len, &d);
    t->verdicts[verdict]++;
    if (verdict != DECAP_UDP || !has_port(t->options, &d)) {
        return;
    }
    bool hidden = !has_addresses(t->options, &d.src, &d.dst);
    if (hidden && !has_addresses(t->options, &d.dst, &d.src)) {
        return;
    }

    struct rtp_packet rtp;
    switch (rtp_parse(d.payload, d.cap, d.len, &rtp)) {
    case RTP_OK:
        break;
    case RTP_RTCP:
        t->rtcp++;
        return;
    case RTP_BAD:
        t->bad_rtp++;
        return;
    case RTP_OTHER:
        return;
    }
    if (t->options->have_ssrc && rtp.ssrc != t->options->ssrc) {
        return;
    }

    struct stream_key key = {
        .src = d.src, .dst = d.dst, .sport = d.sport, .dport = d.dport,
        .ssrc = rtp.ssrc,
    };
    struct stream *s = find_stream(t, &key);
    if (!s) {
        s = create_stream(t, &key, rtp.payload_type);
        if (!s) {
            t->overflow++;
            return;
        }
        s->hidden = hidden;
    }
    s->types[rtp.payload_type / 64] |= UINT64_C(1) << rtp.payload_type % 64;
    s->around |= d.around;
    rtp_source_packet(&s->source, arrival, rtp.sequence, rtp.timestamp,
                      clock_of(t, s, rtp.payload_type));
    prove_stream(t, s, rtp.sequence);
}

static int
compare_streams(const void *a_, const void *b_)
{
    const struct stream *const *ap = a_, *const *bp = b_;
    const struct stream *a = *ap, *b = *bp;
    int64_t a_first = a->source.samples[0].arrival;
    int64_t b_first = b->source.samples[0].arrival;

    return (a_first != b_first ? (a_first < b_first ? -1 : 1)
            : memcmp(&a->key, &b->key, sizeof a->key));
}

const struct stream **
stream_table_sorted(const struct stream_table *t, size_t *n)
{
    const struct stream **streams = xmalloc((t->n_proven + 1)
                                            * sizeof *streams);
    const struct stream *s;

    *n = 0;
    HMAP_FOR_EACH (s, hmap_node, &t->streams) {
        if (s->proven && !s->hidden) {
            streams[(*n)++] = s;
        }
    }
    qsort(streams, *n, sizeof *streams, compare_streams);
    return streams;
}

const struct stream *
stream_table_match(const struct stream_table *t, const struct stream *s)
{
    const struct stream *found = find_stream(t, &s->key);
    if (found && found->proven) {
        return found;
    }
    /* Behind an address translator.  An echo is not what was sent. */
    found = NULL;
    const struct stream *i;
    HMAP_FOR_EACH (i, hmap_node, &t->streams) {
        if (i->proven && i->key.ssrc == s->key.ssrc
            && !stream_table_echoed(t, i)) {
            found = i;
        }
    }
    return found;
}

const struct stream *
stream_table_echoed(const struct stream_table *t, const struct stream *s)
{
    struct stream_key reverse = {
        .src = s->key.dst, .dst = s->key.src,
        .sport = s->key.dport, .dport = s->key.sport, .ssrc = s->key.ssrc,
    };
    const struct stream *r = find_stream(t, &reverse);
    return (r && r != s && r->proven && compare_streams(&r, &s) < 0
            ? r : NULL);
}

static bool
has_port(const struct stream_options *o, const struct decap *d)
{
    if (o->have_ports) {
        if (!(d->sport >= o->port_low && d->sport <= o->port_high)
            && !(d->dport >= o->port_low && d->dport <= o->port_high)) {
            return false;
        }
    } else if (!o->have_ssrc && (rtp_port_is_reserved(d->sport)
                                 || rtp_port_is_reserved(d->dport))) {
        return false;
    }
    return true;
}

static bool
has_addresses(const struct stream_options *o, const struct in6_addr *src,
              const struct in6_addr *dst)
{
    return ((!o->have_src || !memcmp(src, &o->src, sizeof *src))
            && (!o->have_dst || !memcmp(dst, &o->dst, sizeof *dst)));
}

static struct stream *
find_stream(const struct stream_table *t, const struct stream_key *key)
{
    uint32_t hash = hash_bytes(key, sizeof *key, 0);
    struct stream *s;

    HMAP_FOR_EACH_WITH_HASH (s, hmap_node, hash, &t->streams) {
        if (!memcmp(&s->key, key, sizeof *key)) {
            return s;
        }
    }
    return NULL;
}

static struct stream *
create_stream(struct stream_table *t, const struct stream_key *key,
              uint8_t type)
{
    if (t->n_proven >= MAX_STREAMS) {
        return NULL;
    }
    if (t->n_candidates >= MAX_CANDIDATES) {
        destroy_stream(t, CONTAINER_OF(ovs_list_front(&t->candidates),
                                       struct stream, list_node));
    }
    struct stream *s = xzalloc(sizeof *s);
    s->key = *key;
    s->first_type = type;
    unsigned int clock = t->options->clocks[type];
    if (!clock) {
        clock = rtp_static_clock(type);
    }
    s->clock_assumed = !clock;
    rtp_source_init(&s->source, clock ? clock : DEFAULT_CLOCK);
    hmap_insert(&t->streams, &s->hmap_node, hash_bytes(key, sizeof *key, 0));
    ovs_list_push_back(&t->candidates, &s->list_node);
    t->n_candidates++;
    return s;
}

static void
destroy_stream(struct stream_table *t, struct stream *s)
{
    if (!s->proven) {
        ovs_list_remove(&s->list_node);
        t->n_candidates--;
    }
    hmap_remove(&t->streams, &s->hmap_node);
    rtp_source_uninit(&s->source);
    free(s);
}

static void
prove_stream(struct stream_table *t, struct stream *s, uint16_t seq)
{
    if (s->proven) {
        return;
    }
    s->run = s->run && seq == (uint16_t) (s->last_seq + 1) ? s->run + 1 : 1;
    s->last_seq = seq;

    bool told = t->options->have_ports || t->options->have_ssrc;
    if (s->run >= (told ? 1 : PROVING)) {
        s->proven = true;
        ovs_list_remove(&s->list_node);
        t->n_candidates--;
        t->n_proven++;
    }
}

/* The clock of a packet of 'type' in 's'.  A dynamic type beside the first
 * one, such as telephone events, counts as the stream does. */
static unsigned int
clock_of(const struct stream_table *t, const struct stream *s, uint8_t type)
{
    unsigned int clock = t->options->clocks[type];
    if (!clock) {
        clock = rtp_static_clock(type);
    }
    return clock ? clock : s->source.clock;
}
