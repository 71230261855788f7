/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_BUCKET_H
#define DTS_BUCKET_H 1

/* A token bucket: so many bytes a second, and a little at once.
 *
 * A taker may overdraw it by what it takes last, and then waits until that is
 * paid: so a piece need not be cut to fit, and the rate holds.
 *
 * Pure; times are milliseconds on the monotonic clock. */

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_BURST_MS 20

struct bucket {
    uint64_t rate;              /* Bytes a second; 0: no limit. */
    int64_t tokens;             /* Thousandths of a byte. */
    long long int filled;
};

/* 'bits' a second; 0: no limit. */
static inline void
bucket_init(struct bucket *b, uint64_t bits, long long int now)
{
    b->rate = bits && bits < 8 ? 1 : bits / 8;
    b->tokens = 0;
    b->filled = now;
}

/* True if bytes may be sent now. */
static inline bool
bucket_run(struct bucket *b, long long int now)
{
    int64_t most = b->rate * BUCKET_BURST_MS;

    if (!b->rate) {
        return true;
    }
    if (now > b->filled) {
        long long int ms = now - b->filled;
        /* A long pause fills it, and must not overflow. */
        long long int full = (most - b->tokens) / (int64_t) b->rate + 1;

        b->tokens += (int64_t) b->rate * (ms < full ? ms : full);
        b->tokens = b->tokens < most ? b->tokens : most;
        b->filled = now;
    }
    return b->tokens > 0;
}

static inline void
bucket_take(struct bucket *b, uint64_t bytes)
{
    if (b->rate) {
        b->tokens -= (int64_t) bytes * 1000;
    }
}

/* When bucket_run() will be true. */
static inline long long int
bucket_deadline(const struct bucket *b)
{
    return (!b->rate || b->tokens > 0 ? b->filled
            : b->filled + -b->tokens / (int64_t) b->rate + 1);
}

/* How much to send at once, at most 'max': what takes 10 ms, so that what is
 * more urgent does not wait longer for its turn. */
static inline uint64_t
bucket_piece(const struct bucket *b, uint64_t max)
{
    uint64_t piece = b->rate / 100;

    return (!b->rate || piece >= max ? max : piece < 1024 ? 1024 : piece);
}

#endif /* bucket.h */
