/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between a page and what it was when it was last sent.
 *
 * Words that are as they were are counted, words that differ are copied.  The
 * other way would be to send the exclusive or of both pages and leave the rest
 * to the compressor; but then each page gives it 4096 bytes to look at, and
 * text xor text does not compress.  tests/bench/b-wan has both. */

#include <config.h>

#include "pack-private.h"

/* Fewer words between two differences are copied, not counted. */
#define GAP 1

static inline bool
differs(const uint8_t *a, const uint8_t *b, size_t word)
{
    return memcmp(a + word * 8, b + word * 8, 8) != 0;
}

size_t
delta_encode(const uint8_t *old, const uint8_t *page, uint8_t *out,
             size_t max)
{
    uint8_t *p = out, *limit = out + max;
    size_t w = 0;

    while (w < PACK_PAGE_WORDS) {
        size_t start = w, from, end;

        /* Eight words at a time as long as nothing differs. */
        while (w + 8 <= PACK_PAGE_WORDS
               && !memcmp(old + w * 8, page + w * 8, 64)) {
            w += 8;
        }
        while (w < PACK_PAGE_WORDS && !differs(old, page, w)) {
            w++;
        }
        from = end = w;
        while (w < PACK_PAGE_WORDS && w - end <= GAP) {
            if (differs(old, page, w)) {
                end = w + 1;
            }
            w++;
        }
        w = end;
        if (limit - p < 2 * 2 + (end - from) * 8) {
            return 0;
        }
        p = pack_put_varint(p, from - start);
        p = pack_put_varint(p, end - from);
        memcpy(p, page + from * 8, (end - from) * 8);
        p += (end - from) * 8;
    }
    return p - out;
}

const uint8_t *
delta_apply(uint8_t *page, const uint8_t *p, const uint8_t *end)
{
    size_t w = 0;

    while (w < PACK_PAGE_WORDS) {
        uint64_t skip, n;

        p = pack_get_varint(p, end, &skip);
        p = p ? pack_get_varint(p, end, &n) : NULL;
        if (!p || skip > PACK_PAGE_WORDS - w
            || n > PACK_PAGE_WORDS - w - skip || (!skip && !n)
            || n * 8 > end - p) {
            return NULL;
        }
        w += skip;
        memcpy(page + w * 8, p, n * 8);
        w += n;
        p += n * 8;
    }
    return p;
}
