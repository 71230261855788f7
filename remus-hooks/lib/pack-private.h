/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PACK_PRIVATE_H
#define DTS_PACK_PRIVATE_H 1

/* What encoder and decoder of the packed stream share: the form of blocks and
 * operations, differences of pages, compression.  See docs/protocol.md. */

#include "pack.h"

#include <string.h>

#include "byte-order.h"
#include "hash.h"
#include "util.h"

#define PACK_PAGE 4096u
#define PACK_PAGE_WORDS (PACK_PAGE / 8)

/* A block: u8 method, u24 length once it is plain, u32 length on the wire
 * (big-endian both), then that.  An encoder ends a block once it has so many
 * bytes; what one step adds is less than the slack. */
#define PACK_BLOCK_HEADER 8
#define PACK_BLOCK (256u * 1024)
#define PACK_SLACK (64u * 1024)
#define PACK_MAX_PLAIN (PACK_BLOCK + PACK_SLACK)

static inline void
pack_put_be64(uint8_t *p, uint64_t x)
{
    ovs_be64 be = htonll(x);

    memcpy(p, &be, sizeof be);
}

static inline uint64_t
pack_get_be64(const uint8_t *p)
{
    ovs_be64 be;

    memcpy(&be, p, sizeof be);
    return ntohll(be);
}

/* The stream itself is an x86 host's. */
static inline uint64_t
pack_get_le64(const uint8_t *p)
{
    return __builtin_bswap64(pack_get_be64(p));
}

static inline void
pack_put_le64(uint8_t *p, uint64_t x)
{
    pack_put_be64(p, __builtin_bswap64(x));
}

static inline void
pack_put_block_header(uint8_t *p, enum pack_method method, uint32_t plain,
                      uint32_t wire)
{
    pack_put_be64(p, (uint64_t) method << 56 | (uint64_t) plain << 32 | wire);
}

/* Pages of one record, four times what libxc sends.  Longer records go as
 * they are. */
#define PACK_MAX_PAGES 4096u

enum pack_op {
    PACK_OP_BYTES = 1,          /* varint n, n bytes. */
    PACK_OP_RECORD = 2,         /* varint n, then of each page its number; for
                                 * each that has content a page follows. */
    PACK_OP_ZERO = 3,           /* varint n: so many pages of zeros. */
    PACK_OP_PAGE = 4,           /* 4096 bytes. */
    PACK_OP_DELTA = 5,          /* What differs. */
    PACK_OP_CHECK = 6,          /* u64 checkpoint, u64 checksum since the last
                                 * one: if right, libxl's CHECKPOINT_END. */
};

/* The body of a PAGE_DATA record: u32 count, u32 0, then for each a u64 with
 * the page's number and its type. */
#define PACK_PAGE_DATA 1u
#define PACK_PFN_MASK UINT64_C(0x000fffffffffffff)
#define PACK_TYPE_SHIFT 60
#define PACK_UNUSED_MASK UINT64_C(0x0ff0000000000000)

/* Pages of the types BROKEN, XALLOC and XTAB have no content. */
static inline bool
pack_type_has_content(unsigned int type)
{
    return type < 0xd;
}

/* Integers: little-endian base 128, seven bits a byte, low ones first. */
#define PACK_VARINT_MAX 10

static inline uint8_t *
pack_put_varint(uint8_t *p, uint64_t x)
{
    while (x >= 0x80) {
        *p++ = x | 0x80;
        x >>= 7;
    }
    *p++ = x;
    return p;
}

/* Returns the byte after it, or NULL if there is none before 'end'. */
static inline const uint8_t *
pack_get_varint(const uint8_t *p, const uint8_t *end, uint64_t *x)
{
    *x = 0;
    for (int shift = 0; p < end && shift < 64; shift += 7) {
        *x |= (uint64_t) (*p & 0x7f) << shift;
        if (!(*p++ & 0x80)) {
            return p;
        }
    }
    return NULL;
}

static inline uint64_t
pack_zigzag(int64_t x)
{
    return (uint64_t) x << 1 ^ (uint64_t) (x >> 63);
}

static inline int64_t
pack_unzigzag(uint64_t x)
{
    return (int64_t) (x >> 1 ^ -(x & 1));
}

/* The checksum goes from each piece of the stream to the next, and counts
 * pages of zeros without looking at them. */
static inline uint64_t
pack_sum(uint64_t sum, const void *p, size_t n)
{
    ovs_u128 hash;

    hash_bytes128(p, n, sum ^ sum >> 32, &hash);
    return (sum << 1 | sum >> 63) ^ hash.u64.lo;
}

static inline uint64_t
pack_sum_zeros(uint64_t sum, uint64_t n)
{
    return (sum ^ n) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* delta.c: how a page differs from 'old'.  Runs of (varint words as they were,
 * varint words that differ, these words), until the page is full.
 *
 * Returns its length, 0 if that would be more than 'max'. */
size_t delta_encode(const uint8_t *old, const uint8_t *page, uint8_t *out,
                    size_t max);
/* Makes the page of the old one in place.  Returns the byte after what it took
 * of the difference, or NULL if that is no difference of a page. */
const uint8_t *delta_apply(uint8_t *page, const uint8_t *p,
                           const uint8_t *end);

/* pack-method.c */
struct pack_context;
struct pack_context *pack_context_create(enum pack_method);
void pack_context_destroy(struct pack_context *);
/* Returns the length, 0 if it does not fit into 'max'. */
size_t pack_compress(struct pack_context *, const void *in, size_t n,
                     void *out, size_t max);
/* False unless it becomes exactly 'n_out' bytes. */
bool pack_decompress(struct pack_context *, enum pack_method, const void *in,
                     size_t n_in, void *out, size_t n_out);

#endif /* pack-private.h */
