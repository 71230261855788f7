/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "jitter.h"

#include <math.h>
#include <stdlib.h>

#include "util.h"

/* RFC 3550 on the packets of one source.
 *
 * Jitter is that of section 6.4.1 and appendix A.8, which are equations 1 and
 * 2 of the paper on dynamic tunnel switching:
 *
 *     D(i-1,i) = (R(i) - R(i-1)) - (S(i) - S(i-1))
 *     J(i)     = J(i-1) + (|D(i-1,i)| - J(i-1)) / 16
 *
 * R is the arrival in units of the clock, S the time stamp, and i counts in
 * the order of arrival, whatever the sequence numbers say; so a duplicate is a
 * packet like any other.
 *
 * Sequence numbers follow appendix A.1: up to MAX_DROPOUT ahead is loss, up to
 * MAX_MISORDER behind is late, anything else is a stray until the next packet
 * confirms it, and then the source has restarted.  There is one difference.  A
 * jump by which number and time stamp moved in step is no restart, however
 * large, because whoever restarts draws both anew.  That is what a failover
 * looks like: forward, the sender talked on through a long downtime; backward,
 * a guest that went back to its last checkpoint sends what it sent before. */

#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
#define ORIGIN_SLACK 128        /* Room for late packets below the first. */
#define SEQ_MOD 65536
#define MAX_SPAN (INT64_C(1) << 28) /* Bounds the bitmap: 32 MiB. */

static void start_numbering(struct rtp_source *, uint16_t seq, uint32_t ts);
static bool in_step(const struct rtp_source *, int delta, uint32_t ts);
static void accept_packet(struct rtp_source *, int64_t arrival, int64_t ext,
                          uint32_t ts, unsigned int clock);
static bool mark_seen(struct rtp_source *, int64_t ext);
static void update_jitter(struct rtp_source *, int64_t arrival, uint32_t ts,
                          unsigned int clock);

void
rtp_source_init(struct rtp_source *s, unsigned int clock)
{
    *s = (struct rtp_source) { .clock = clock };
}

void
rtp_source_uninit(struct rtp_source *s)
{
    free(s->seen);
    free(s->samples);
}

void
rtp_source_packet(struct rtp_source *s, int64_t arrival, uint16_t seq,
                  uint32_t ts, unsigned int clock)
{
    if (!s->started) {
        start_numbering(s, seq, ts);
        accept_packet(s, arrival, s->max, ts, clock);
        return;
    }

    int delta = (int16_t) (seq - (uint16_t) s->max);
    int64_t ext = s->max + delta;
    if (ext >= s->origin && ext - s->origin < MAX_SPAN
        && ((delta < MAX_DROPOUT && delta >= -MAX_MISORDER)
            || in_step(s, delta, ts))) {
        if (s->pending) {
            s->strays++;
            s->pending = false;
        }
        accept_packet(s, arrival, ext, ts, clock);
        return;
    }

    if (!s->pending || (uint16_t) (s->pending_seq + 1) != seq) {
        if (s->pending) {
            s->strays++;
        }
        s->pending = true;
        s->pending_arrival = arrival;
        s->pending_seq = seq;
        s->pending_ts = ts;
        s->pending_clock = clock;
        return;
    }

    /* Two in a row: the source has restarted, with the first of them.  There
     * is no D across a restart: the time stamps have nothing in common. */
    s->pending = false;
    s->restarts++;
    s->past_expected += s->max - s->base + 1;
    s->have_last = false;
    start_numbering(s, s->pending_seq, s->pending_ts);
    accept_packet(s, s->pending_arrival, s->max, s->pending_ts,
                  s->pending_clock);
    accept_packet(s, arrival, s->max + 1, ts, clock);
}

uint64_t
rtp_source_expected(const struct rtp_source *s)
{
    return s->past_expected + (s->started ? s->max - s->base + 1 : 0);
}

uint64_t
rtp_source_lost(const struct rtp_source *s)
{
    return rtp_source_expected(s) - s->unique;
}

static int
compare_doubles(const void *a_, const void *b_)
{
    const double *a = a_, *b = b_;
    return *a < *b ? -1 : *a > *b;
}

void
rtp_source_summarize(const struct rtp_source *s, int64_t from, int64_t to,
                     struct rtp_summary *sum)
{
    *sum = (struct rtp_summary) { .mean = NAN, .median = NAN, .max = NAN };

    double *jitter = xmalloc((s->n_samples + 1) * sizeof *jitter);
    double total = 0;
    for (size_t i = 0; i < s->n_samples; i++) {
        const struct rtp_sample *x = &s->samples[i];
        if (x->arrival < from || x->arrival >= to) {
            continue;
        }
        sum->packets++;
        if (!isnan(x->jitter)) {
            jitter[sum->n_jitter++] = x->jitter;
            total += x->jitter;
        }
        if (i && x->arrival - x[-1].arrival > sum->gap) {
            sum->gap = x->arrival - x[-1].arrival;
            sum->gap_begin = x[-1].arrival;
            sum->gap_end = x->arrival;
        }
    }
    if (sum->n_jitter) {
        size_t n = sum->n_jitter;
        qsort(jitter, n, sizeof *jitter, compare_doubles);
        sum->mean = total / n;
        sum->median = (n % 2 ? jitter[n / 2]
                       : (jitter[n / 2 - 1] + jitter[n / 2]) / 2);
        sum->max = jitter[n - 1];
    }
    free(jitter);
}

static void
start_numbering(struct rtp_source *s, uint16_t seq, uint32_t ts)
{
    s->started = true;
    s->base = s->max = SEQ_MOD + (int64_t) seq;
    s->origin = s->base - ORIGIN_SLACK;
    s->max_ts = ts;
    s->ts_step = 0;
    free(s->seen);
    s->seen = NULL;
    s->n_seen = 0;
}

/* Did number and time stamp move by the same count of packets from 'max'? */
static bool
in_step(const struct rtp_source *s, int delta, uint32_t ts)
{
    return s->ts_step && ts - s->max_ts == (uint32_t) delta * s->ts_step;
}

static void
accept_packet(struct rtp_source *s, int64_t arrival, int64_t ext, uint32_t ts,
              unsigned int clock)
{
    s->received++;
    if (mark_seen(s, ext)) {
        s->unique++;
        s->reordered += ext < s->max;
    } else {
        s->duplicates++;
    }
    if (ext > s->max) {
        if (ext == s->max + 1 && (int32_t) (ts - s->max_ts) > 0) {
            s->ts_step = ts - s->max_ts;
        }
        s->max = ext;
        s->max_ts = ts;
    } else if (ext < s->base) {
        s->base = ext;
    }
    update_jitter(s, arrival, ts, clock);
}

/* Returns false if 'ext' had been seen before. */
static bool
mark_seen(struct rtp_source *s, int64_t ext)
{
    size_t bit = ext - s->origin;
    size_t word = bit / 64;
    uint64_t mask = UINT64_C(1) << bit % 64;

    if (word >= s->n_seen) {
        size_t n = MAX(word + 1, s->n_seen * 2);
        s->seen = xrealloc(s->seen, n * sizeof *s->seen);
        memset(s->seen + s->n_seen, 0, (n - s->n_seen) * sizeof *s->seen);
        s->n_seen = n;
    }
    if (s->seen[word] & mask) {
        return false;
    }
    s->seen[word] |= mask;
    return true;
}

static void
update_jitter(struct rtp_source *s, int64_t arrival, uint32_t ts,
              unsigned int clock)
{
    if (clock != s->clock) {
        /* Another payload type, another unit: same J in ms, no D. */
        s->jitter *= (double) clock / s->clock;
        s->jitter_max *= (double) clock / s->clock;
        s->clock = clock;
        s->have_last = false;
    }

    double jitter = NAN;
    if (s->have_last) {
        double r = (double) (arrival - s->last_arrival) * clock / 1e9;
        double d = r - (int32_t) (ts - s->last_ts);
        s->jitter += (fabs(d) - s->jitter) / 16;
        s->jitter_max = MAX(s->jitter_max, s->jitter);
        jitter = s->jitter * 1000 / clock;
    }
    s->have_last = true;
    s->last_arrival = arrival;
    s->last_ts = ts;

    if (s->n_samples >= s->allocated_samples) {
        s->samples = x2nrealloc(s->samples, &s->allocated_samples,
                                sizeof *s->samples);
    }
    s->samples[s->n_samples++] = (struct rtp_sample) {
        .arrival = arrival, .jitter = jitter,
    };
}
