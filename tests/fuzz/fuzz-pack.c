/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"
#include "pack-private.h"
#include "util.h"

/* Fuzz-sources: remus-hooks/lib/pack.c remus-hooks/lib/unpack.c
 * Fuzz-sources: remus-hooks/lib/delta.c remus-hooks/lib/page-cache.c
 * Fuzz-sources: remus-hooks/lib/pack-method.c remus-hooks/lib/framing.c
 * Fuzz-max-len: 20480
 *
 * The packed stream.  The first byte says what the rest is: blocks as a peer
 * sends them, operations of such a block, or a stream to be packed, which must
 * come out as it went in.  The second byte says in what pieces it is fed; the
 * pieces must make no difference. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MOST (8u << 20)         /* Little may become much. */

struct total {
    uint64_t bytes, hash;
    bool error;
};

static void
take(struct total *t, const uint8_t *p, size_t n)
{
    t->bytes += n;
    for (size_t i = 0; i < n; i += 61) {
        t->hash = t->hash * 31 + p[i];
    }
    if (n) {
        t->hash = t->hash * 31 + p[n - 1];
    }
}

static struct total
unpack(const uint8_t *data, size_t n, size_t piece)
{
    struct unpack *u = unpack_create(1);
    struct total t = { .bytes = 0 };

    for (size_t pos = 0; pos < n && !t.error && t.bytes < MOST; ) {
        size_t len = MIN(piece, n - pos), taken = 0;
        uint8_t *copy = xmemdup(data + pos, len);
        enum unpack_event event;

        do {
            const uint8_t *out;
            size_t out_len;

            taken += unpack_feed(u, copy + taken, len - taken, &event, &out,
                                 &out_len);
            ovs_assert(taken <= len);
            if (event == UNPACK_BYTES) {
                ovs_assert(out_len && out_len <= PACK_MAX_PLAIN);
                take(&t, out, out_len);
            }
        } while (event == UNPACK_BYTES && t.bytes < MOST);
        ovs_assert(event != UNPACK_MORE || taken == len);
        t.error = event == UNPACK_ERROR;
        ovs_assert(t.error == (unpack_error(u)[0] != '\0'));
        free(copy);
        pos += len;
    }
    unpack_destroy(u);
    return t;
}

static void
round_trip(const uint8_t *data, size_t n, size_t piece,
           enum pack_method method)
{
    struct pack *p = pack_create(method, 1);
    struct unpack *u = unpack_create(1);
    size_t pos = 0, same = 0;

    while (pos < n || p) {
        size_t len = MIN(piece, n - pos), out_len, taken;
        uint8_t *copy = xmemdup(data + pos, len);
        const uint8_t *block;
        size_t block_len;

        taken = len ? pack_feed(p, copy, len) : 0;
        free(copy);
        ovs_assert(taken <= len);
        pos += taken;
        if (pos == n) {
            pack_flush(p);
        }
        block = pack_output(p, &block_len);
        ovs_assert(block_len || taken == len);
        for (size_t ofs = 0;;) {
            enum unpack_event event;
            const uint8_t *out;

            ofs += unpack_feed(u, block + ofs, block_len - ofs, &event, &out,
                               &out_len);
            ovs_assert(event != UNPACK_ERROR);
            if (event == UNPACK_MORE) {
                break;
            }
            ovs_assert(out_len <= pos - same
                       && !memcmp(out, data + same, out_len));
            same += out_len;
        }
        pack_output_done(p);
        if (pos == n && !block_len) {
            break;
        }
    }
    /* All but a header or a page that is not whole. */
    ovs_assert(n - same < 8 + 8 + 8 * PACK_MAX_PAGES);
    pack_destroy(p);
    unpack_destroy(u);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece;

    if (size < 2) {
        return 0;
    }
    piece = 1 + data[1] * 8;
    if (data[0] % 4 < 2) {
        uint8_t *blocks = xmalloc(PACK_BLOCK_HEADER + size);
        size_t n = size - 2;
        struct total a, b;

        memcpy(blocks + PACK_BLOCK_HEADER, data + 2, n);
        if (data[0] % 4 == 1 && n) {
            pack_put_block_header(blocks, PACK_STORED, n, n);
            a = unpack(blocks, n + PACK_BLOCK_HEADER, SIZE_MAX);
            b = unpack(blocks, n + PACK_BLOCK_HEADER, piece);
        } else {
            a = unpack(blocks + PACK_BLOCK_HEADER, n, SIZE_MAX);
            b = unpack(blocks + PACK_BLOCK_HEADER, n, piece);
        }
        ovs_assert(a.error == b.error);
        ovs_assert(a.bytes == b.bytes && a.hash == b.hash);
        free(blocks);
    } else {
        round_trip(data + 2, size - 2, piece, data[0] % 3);
    }
    return 0;
}
