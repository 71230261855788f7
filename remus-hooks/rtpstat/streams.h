/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_STREAMS_H
#define DTS_STREAMS_H 1

/* The RTP streams of one capture. */

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "decap.h"
#include "jitter.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "rtp.h"

/* Which datagrams are wanted, and what the user knows about them. */
struct stream_options {
    bool have_ports;            /* Source or destination within... */
    uint16_t port_low, port_high;
    bool have_ssrc;
    uint32_t ssrc;
    bool have_src, have_dst;    /* The way back is kept, but not told. */
    struct in6_addr src, dst;   /* IPv4 is mapped. */
    unsigned int clocks[RTP_N_PAYLOAD_TYPES]; /* Hz; 0: not given. */
};

struct stream_key {
    struct in6_addr src, dst;
    uint16_t sport, dport;
    uint32_t ssrc;
};

struct stream {
    struct hmap_node hmap_node;
    struct ovs_list list_node;  /* In 'candidates' until it is proven. */
    struct stream_key key;
    struct rtp_source source;
    uint64_t types[RTP_N_PAYLOAD_TYPES / 64]; /* Payload types seen. */
    uint8_t first_type;
    bool clock_assumed;         /* Nobody said what the clock is. */
    unsigned int around;        /* DECAP_*. */
    bool hidden;                /* Not from or to the address asked for. */
    bool proven;
    unsigned int run;           /* Packets in sequence up to the newest. */
    uint16_t last_seq;
};

struct stream_table {
    const struct stream_options *options;
    struct hmap streams;
    struct ovs_list candidates; /* Oldest first. */
    size_t n_candidates, n_proven;

    uint64_t frames;
    uint64_t verdicts[DECAP_N_VERDICTS];
    uint64_t rtcp;
    uint64_t bad_rtp;
    uint64_t overflow;          /* Packets of streams beyond the limit. */
    int64_t first, last;        /* Arrival of the first and last frame. */
};

void stream_table_init(struct stream_table *, const struct stream_options *);
void stream_table_uninit(struct stream_table *);
void stream_table_add(struct stream_table *, int dlt, int64_t arrival,
                      const uint8_t *data, size_t cap, size_t len);

/* The streams that are proven and not hidden, those that began first first; to
 * be freed.  Stores their number in '*n'. */
const struct stream **stream_table_sorted(const struct stream_table *,
                                          size_t *n);

/* The stream with the SSRC of 's' that is its other side: the same addresses
 * if there is one, else any.  NULL if there is none. */
const struct stream *stream_table_match(const struct stream_table *,
                                        const struct stream *s);
/* The stream that 's' sends back: the same SSRC from the other end, and it
 * began earlier.  NULL if there is none. */
const struct stream *stream_table_echoed(const struct stream_table *,
                                         const struct stream *s);

#endif /* streams.h */
