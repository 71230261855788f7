/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PACK_H
#define DTS_PACK_H 1

/* A migration stream made small for a slow link, and back again, byte for
 * byte (docs/protocol.md, section 2, "The packed stream").
 *
 * Of libxc's PAGE_DATA records, pages of zeros are left out and pages whose
 * former content the other end still has are sent as what differs; all else
 * goes as it is.  Blocks of that are then compressed by lz4 or zstd.  The
 * contents that are remembered, and which of them are forgotten for others,
 * follow from the stream alone, so that both ends always remember the same;
 * a checksum of each checkpoint proves it.
 *
 * Pure: bytes in any pieces; all memory is allocated at the start. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_VERSION 1
#define PACK_MAX_CACHE_MB 4096

enum pack_method {              /* Of a block.  Numbers are on the wire. */
    PACK_STORED = 0,
    PACK_LZ4 = 1,
    PACK_ZSTD = 2,
};

/* "none", "lz4", "zstd". */
const char *pack_method_name(enum pack_method);
/* Returns false for a name that is not known. */
bool pack_method_from_name(const char *, enum pack_method *);
/* Whether this build, on this kind of machine, can do it. */
bool pack_method_supported(enum pack_method);
/* The best that is supported for a link that is not too slow. */
enum pack_method pack_method_default(void);

/* ---------------------------------------------------------------- encoding */

struct pack;

struct pack_stats {
    uint64_t raw;               /* Bytes taken. */
    uint64_t packed;            /* Bytes given. */
    uint64_t pages;             /* In PAGE_DATA records... */
    uint64_t zero;              /* ...of zeros... */
    uint64_t same;              /* ...as they were when last sent... */
    uint64_t delta;             /* ...sent as what differs. */
};

struct pack *pack_create(enum pack_method, unsigned int cache_mb);
void pack_destroy(struct pack *);

/* Takes bytes up to the end of a checkpoint, or until a block is full, and
 * returns how many.  Not to be called while there is output. */
size_t pack_feed(struct pack *, const void *, size_t n);
/* Ends the block that is begun, if there is one.  pack_feed() does so itself
 * with one that is full and at the end of a checkpoint. */
void pack_flush(struct pack *);

/* The block that is ready, to be sent and then given back. */
const uint8_t *pack_output(const struct pack *, size_t *n);
void pack_output_done(struct pack *);

/* Checkpoints whose last byte was taken. */
uint64_t pack_checkpoints(const struct pack *);
const struct pack_stats *pack_stats(const struct pack *);

/* ---------------------------------------------------------------- decoding */

struct unpack;

enum unpack_event {
    UNPACK_MORE,                /* All was taken; nothing came of it. */
    UNPACK_BYTES,               /* 'out', 'out_len': bytes of the stream, valid
                                 * until the next call. */
    UNPACK_ERROR,               /* unpack_error() says why; for good. */
};

struct unpack *unpack_create(unsigned int cache_mb);
void unpack_destroy(struct unpack *);

/* Takes bytes up to the next event; returns how many (with UNPACK_BYTES it may
 * be none). */
size_t unpack_feed(struct unpack *, const void *, size_t n,
                   enum unpack_event *, const uint8_t **out, size_t *out_len);
const char *unpack_error(const struct unpack *);

#endif /* pack.h */
