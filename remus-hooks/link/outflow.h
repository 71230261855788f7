/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_OUTFLOW_H
#define DTS_OUTFLOW_H 1

/* What xl writes, on its way to the peer: taken at memory speed into a ring,
 * so that the guest goes on; then packed, if the peer can unpack it; then sent
 * no faster than the bandwidth allows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"

struct outflow;
struct peer;

struct outflow_options {
    const char *domain;         /* For what it logs. */
    size_t max_buffer;          /* Bytes. */
    uint64_t bandwidth;         /* Bits a second; 0: no limit. */
    int patience;               /* How long, in ms, a checkpoint may wait for
                                 * the one before. */
};

/* A checkpoint that was handed to the network. */
struct outflow_sent {
    uint64_t n;
    uint64_t raw;               /* Its bytes in the stream... */
    uint64_t wire;              /* ...and sent, without TLS. */
    uint64_t pages;             /* Of the guest, in it. */
    uint64_t mono_us;           /* When its last byte was handed over. */
};

struct outflow *outflow_create(const struct outflow_options *);
void outflow_destroy(struct outflow *);
/* From now on packed: nothing was sent yet. */
void outflow_pack(struct outflow *, enum pack_method, unsigned int cache_mb);

/* Takes what 'fd' has, as long as no heartbeat of the peer is due.  Returns 0,
 * EOF at its end, or an errno (EAGAIN: no more now). */
int outflow_fill(struct outflow *, const struct peer *, int fd);
/* True if it wants 'fd' to be readable. */
bool outflow_wants(const struct outflow *);
/* Gives the peer what it takes. */
void outflow_run(struct outflow *, struct peer *);
void outflow_wait(const struct outflow *, const struct peer *);
/* True if all that was taken was handed to the network. */
bool outflow_is_empty(const struct outflow *);

/* Sees whether the peer has sent what it was given. */
void outflow_note_sent(struct outflow *, struct peer *);
uint64_t outflow_n_sent(const struct outflow *);
/* Stores the next checkpoint that was sent; false: no more of them. */
bool outflow_next_sent(struct outflow *, struct outflow_sent *);
/* The peer holds checkpoint 'n', which was sent.  Returns how long, in us,
 * that took, and in '*sent' what it was: zeros if that was too long ago. */
int64_t outflow_acked(struct outflow *, uint64_t n,
                      struct outflow_sent *sent);
/* Logs what was sent so far. */
void outflow_log(struct outflow *);

#endif /* outflow.h */
