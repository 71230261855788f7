/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_JITTER_H
#define DTS_JITTER_H 1

/* What one RTP source did: interarrival jitter, loss, order and gaps. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A packet's arrival.  'jitter' is J(i) in milliseconds, or NaN where there
 * is no D(i-1,i): the first packet, and the first one after a restart. */
struct rtp_sample {
    int64_t arrival;            /* ns since the epoch. */
    double jitter;
};

struct rtp_source {
    unsigned int clock;         /* Hz */

    /* Sequence numbers, extended to 64 bits. */
    bool started;
    int64_t origin;             /* Extended number of bit 0 of 'seen'. */
    int64_t base;               /* Lowest and highest that were seen. */
    int64_t max;
    uint32_t max_ts;            /* The time stamp of 'max'. */
    uint32_t ts_step;           /* Between two neighbours, 0 if unknown. */
    uint64_t *seen;             /* Bitmap. */
    size_t n_seen;              /* Words. */

    /* A packet whose number fits nowhere: the first one of a restart, if the
     * next one follows it, else a stray. */
    bool pending;
    int64_t pending_arrival;
    uint16_t pending_seq;
    uint32_t pending_ts;
    unsigned int pending_clock;

    /* Jitter. */
    bool have_last;
    int64_t last_arrival;       /* R(i-1) in ns. */
    uint32_t last_ts;           /* S(i-1). */
    double jitter;              /* J(i), in units of 'clock'. */
    double jitter_max;

    uint64_t received;          /* With duplicates, without strays. */
    uint64_t unique;
    uint64_t duplicates;
    uint64_t reordered;
    uint64_t strays;
    uint64_t restarts;
    uint64_t past_expected;     /* Of the numberings before a restart. */

    struct rtp_sample *samples;
    size_t n_samples, allocated_samples;
};

void rtp_source_init(struct rtp_source *, unsigned int clock);
void rtp_source_uninit(struct rtp_source *);

/* A packet arrived 'arrival' ns after the epoch; its time stamp counts at
 * 'clock' Hz. */
void rtp_source_packet(struct rtp_source *, int64_t arrival, uint16_t seq,
                       uint32_t ts, unsigned int clock);

/* Packets that there should have been, and those of them that never came. */
uint64_t rtp_source_expected(const struct rtp_source *);
uint64_t rtp_source_lost(const struct rtp_source *);

/* What happened in [from, to); packets are in it by their arrival, a gap is
 * in it by its end. */
struct rtp_summary {
    uint64_t packets;
    uint64_t n_jitter;          /* Packets with a jitter; if 0, the next... */
    double mean, median, max;   /* ...three are NaN.  ms */
    int64_t gap;                /* The largest, ns; 0: less than 2 packets. */
    int64_t gap_begin, gap_end; /* The packets on its both sides. */
};

void rtp_source_summarize(const struct rtp_source *, int64_t from, int64_t to,
                          struct rtp_summary *);

#endif /* jitter.h */
