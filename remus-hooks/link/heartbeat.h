/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_HEARTBEAT_H
#define DTS_HEARTBEAT_H 1

/* The link's heartbeats (docs/protocol.md, section 2): datagrams of 72 bytes
 * that say "this process runs", and what they tell of the peer's clock.
 *
 * Pure: no socket; clocks are given. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEARTBEAT_LEN 72
#define HEARTBEAT_KEY_LEN 32
#define HEARTBEAT_SESSION_LEN 16

struct heartbeat {
    bool sender;                /* Which end this is. */
    uint8_t session[HEARTBEAT_SESSION_LEN];
    uint8_t key[HEARTBEAT_KEY_LEN];
    bool deaf;                  /* To be told: we do not hear the peer. */
    bool unheard;               /* Told by the peer: it does not hear us. */
    uint64_t tx_seq;
    uint64_t rx_seq;            /* Newest that came. */
    uint64_t peer_real;         /* Its time stamp... */
    uint64_t peer_at;           /* ...and our monotonic clock when it came. */

    uint64_t n_rx, n_bad;       /* Taken; dropped. */

    /* The best sample (least round trip) since heartbeat_estimate(). */
    bool has_sample;
    int64_t rtt, offset;        /* us */
};

void heartbeat_init(struct heartbeat *, bool sender,
                    const uint8_t session[HEARTBEAT_SESSION_LEN],
                    const uint8_t key[HEARTBEAT_KEY_LEN]);

/* 'real' and 'mono' are now, in microseconds, on those clocks. */
void heartbeat_build(struct heartbeat *, uint64_t real, uint64_t mono,
                     uint8_t datagram[HEARTBEAT_LEN]);
/* Returns true if it is the peer's, of this session, and newer than all before
 * it. */
bool heartbeat_take(struct heartbeat *, const void *datagram, size_t n,
                    uint64_t real, uint64_t mono);

/* The round trip, the peer's clock less ours, and how far that may be off, in
 * microseconds; false if nothing was learned since the last call. */
bool heartbeat_estimate(struct heartbeat *, int64_t *rtt, int64_t *offset,
                        int64_t *uncertainty);

#endif /* heartbeat.h */
