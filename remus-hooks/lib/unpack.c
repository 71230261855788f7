/* SPDX-License-Identifier: Apache-2.0 */
/* The packed stream: the decoder.
 *
 * It takes a block whole, makes it plain, and then hands out what each of its
 * operations says, from where that lies: in the block, in the cache, in a page
 * of zeros.  Whatever is not as the encoder makes it, and a checksum that is
 * not that of the bytes handed out, is an error for good. */

#include <config.h>

#include "pack.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "page-cache.h"
#include "pack-private.h"

struct unpack {
    struct page_cache *cache;
    struct pack_context *context;
    uint64_t sum;
    uint64_t n_checkpoints;
    char error[160];

    uint8_t header[PACK_BLOCK_HEADER];
    size_t header_len;
    uint8_t method;
    uint32_t plain_len, wire_len;       /* As the header says. */
    uint8_t *wire;
    size_t wire_have;
    uint8_t *plain;
    const uint8_t *p, *end;     /* What is left of the block; NULL: none. */

    /* The record whose pages come now. */
    uint8_t *record;            /* Header and list. */
    uint64_t pfns[PACK_MAX_PAGES];
    size_t n_pfns, next_pfn;
    uint64_t last_pfn;
    unsigned int last_type;
    uint64_t zeros;             /* Still to be handed out. */
};

static const uint8_t zero_page[PACK_PAGE];

struct unpack *
unpack_create(unsigned int cache_mb)
{
    struct unpack *u = xzalloc(sizeof *u);

    u->cache = page_cache_create(cache_mb);
    u->context = pack_context_create(PACK_STORED);
    u->wire = xmalloc(PACK_MAX_PLAIN);
    u->plain = xmalloc(PACK_MAX_PLAIN);
    u->record = xmalloc(8 + 8 + 8 * PACK_MAX_PAGES);
    return u;
}

void
unpack_destroy(struct unpack *u)
{
    if (u) {
        page_cache_destroy(u->cache);
        pack_context_destroy(u->context);
        free(u->wire);
        free(u->plain);
        free(u->record);
        free(u);
    }
}

const char *
unpack_error(const struct unpack *u)
{
    return u->error;
}

static enum unpack_event OVS_PRINTF_FORMAT(2, 3)
fail(struct unpack *u, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(u->error, sizeof u->error, format, args);
    va_end(args);
    u->p = NULL;
    return UNPACK_ERROR;
}

/* ------------------------------------------------------------------ blocks */

static enum unpack_event
take_header(struct unpack *u)
{
    uint64_t x = pack_get_be64(u->header);

    u->method = x >> 56;
    u->plain_len = x >> 32 & 0xffffff;
    u->wire_len = x;
    u->wire_have = 0;
    if (u->method > PACK_ZSTD || !pack_method_supported(u->method)) {
        return fail(u, "block of method %u, which is not known", u->method);
    } else if (!u->plain_len || u->plain_len > PACK_MAX_PLAIN || !u->wire_len
               || (u->method == PACK_STORED ? u->wire_len != u->plain_len
                   : u->wire_len >= u->plain_len)) {
        return fail(u, "block of %"PRIu32" bytes in %"PRIu32, u->plain_len,
                    u->wire_len);
    }
    return UNPACK_MORE;
}

static enum unpack_event
open_block(struct unpack *u)
{
    u->header_len = 0;
    if (u->method == PACK_STORED) {
        u->p = u->wire;
    } else if (!pack_decompress(u->context, u->method, u->wire, u->wire_len,
                                u->plain, u->plain_len)) {
        return fail(u, "block that is no %s of %"PRIu32" bytes",
                    pack_method_name(u->method), u->plain_len);
    } else {
        u->p = u->plain;
    }
    u->end = u->p + u->plain_len;
    return UNPACK_MORE;
}

static size_t
take_block(struct unpack *u, const uint8_t *data, size_t n,
           enum unpack_event *event)
{
    size_t take, taken = 0;

    *event = UNPACK_MORE;
    if (u->header_len < PACK_BLOCK_HEADER) {
        taken = MIN(n, PACK_BLOCK_HEADER - u->header_len);
        memcpy(u->header + u->header_len, data, taken);
        u->header_len += taken;
        if (u->header_len < PACK_BLOCK_HEADER) {
            return taken;
        }
        *event = take_header(u);
        if (*event != UNPACK_MORE) {
            return taken;
        }
    }
    take = MIN(n - taken, u->wire_len - u->wire_have);
    memcpy(u->wire + u->wire_have, data + taken, take);
    u->wire_have += take;
    if (u->wire_have == u->wire_len) {
        *event = open_block(u);
    }
    return taken + take;
}

/* -------------------------------------------------------------- operations */

static enum unpack_event
give(struct unpack *u, const uint8_t *bytes, size_t n, const uint8_t **out,
     size_t *out_len)
{
    u->sum = pack_sum(u->sum, bytes, n);
    *out = bytes;
    *out_len = n;
    return UNPACK_BYTES;
}

static enum unpack_event
give_zeros(struct unpack *u, const uint8_t **out, size_t *out_len)
{
    page_cache_forget(u->cache, u->pfns[u->next_pfn++]);
    u->zeros--;
    *out = zero_page;
    *out_len = PACK_PAGE;
    return UNPACK_BYTES;
}

static enum unpack_event
do_record(struct unpack *u, const uint8_t **out, size_t *out_len)
{
    uint64_t count;

    u->p = pack_get_varint(u->p, u->end, &count);
    if (!u->p || !count || count > PACK_MAX_PAGES) {
        return fail(u, "record without a proper number of pages");
    }
    u->n_pfns = u->next_pfn = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t x;

        u->p = pack_get_varint(u->p, u->end, &x);
        if (!u->p) {
            return fail(u, "record without all its pages");
        }
        if (x & 1) {
            if (u->p == u->end || *u->p > 0xf) {
                return fail(u, "page without a proper type");
            }
            u->last_type = *u->p++;
        }
        u->last_pfn += pack_unzigzag(x >> 1) + 1;
        if (u->last_pfn & ~PACK_PFN_MASK) {
            return fail(u, "page number %#"PRIx64, u->last_pfn);
        }
        if (pack_type_has_content(u->last_type)) {
            u->pfns[u->n_pfns++] = u->last_pfn;
        }
        pack_put_le64(u->record + 16 + 8 * i, u->last_pfn
                      | (uint64_t) u->last_type << PACK_TYPE_SHIFT);
    }
    pack_put_le64(u->record, PACK_PAGE_DATA
                  | (8 + 8 * count + PACK_PAGE * u->n_pfns) << 32);
    pack_put_le64(u->record + 8, count);
    return give(u, u->record, 16 + 8 * count, out, out_len);
}

static enum unpack_event
do_page(struct unpack *u, enum pack_op op, const uint8_t **out,
        size_t *out_len)
{
    uint64_t pfn = u->pfns[u->next_pfn++];
    uint8_t *old = page_cache_find(u->cache, pfn);
    const uint8_t *page;

    if (op == PACK_OP_DELTA) {
        if (!old) {
            return fail(u, "page %#"PRIx64" as what differs from one that is "
                        "not known", pfn);
        }
        u->p = delta_apply(old, u->p, u->end);
        if (!u->p) {
            return fail(u, "page %#"PRIx64": no proper difference", pfn);
        }
        page = old;
    } else {
        if (u->end - u->p < PACK_PAGE) {
            return fail(u, "page %#"PRIx64" is not whole", pfn);
        }
        page = u->p;
        u->p += PACK_PAGE;
        old = old ? old : page_cache_insert(u->cache, pfn);
        if (old) {
            memcpy(old, page, PACK_PAGE);
        }
    }
    return give(u, page, PACK_PAGE, out, out_len);
}

static enum unpack_event
do_check(struct unpack *u, const uint8_t **out, size_t *out_len)
{
    static const uint8_t checkpoint_end[8] = { 4 };
    uint64_t n, sum;

    if (u->end - u->p < 16) {
        return fail(u, "checksum is not whole");
    }
    n = pack_get_be64(u->p);
    sum = pack_get_be64(u->p + 8);
    u->p += 16;
    if (n != ++u->n_checkpoints) {
        return fail(u, "checksum of checkpoint %"PRIu64" instead of %"PRIu64,
                    n, u->n_checkpoints);
    } else if (sum != u->sum) {
        return fail(u, "checkpoint %"PRIu64" is not what was sent (checksum "
                    "%016"PRIx64", not %016"PRIx64")", n, u->sum, sum);
    }
    u->sum = 0;
    *out = checkpoint_end;
    *out_len = sizeof checkpoint_end;
    return UNPACK_BYTES;
}

static enum unpack_event
do_op(struct unpack *u, const uint8_t **out, size_t *out_len)
{
    enum pack_op op = *u->p++;
    size_t pages = u->n_pfns - u->next_pfn;
    uint64_t n;

    switch (op) {
    case PACK_OP_ZERO:
        u->p = pack_get_varint(u->p, u->end, &n);
        if (!u->p || !n || n > pages) {
            return fail(u, "pages of zeros that nobody waits for");
        }
        u->zeros = n;
        u->sum = pack_sum_zeros(u->sum, n);
        return give_zeros(u, out, out_len);

    case PACK_OP_PAGE:
    case PACK_OP_DELTA:
        return (pages ? do_page(u, op, out, out_len)
                : fail(u, "page that nobody waits for"));

    case PACK_OP_BYTES:
    case PACK_OP_RECORD:
    case PACK_OP_CHECK:
        if (pages) {
            return fail(u, "%zu pages are missing", pages);
        } else if (op == PACK_OP_RECORD) {
            return do_record(u, out, out_len);
        } else if (op == PACK_OP_CHECK) {
            return do_check(u, out, out_len);
        }
        u->p = pack_get_varint(u->p, u->end, &n);
        if (!u->p || !n || n > u->end - u->p) {
            return fail(u, "bytes that are not there");
        }
        u->p += n;
        return give(u, u->p - n, n, out, out_len);
    }
    return fail(u, "operation %u is not known", op);
}

size_t
unpack_feed(struct unpack *u, const void *data_, size_t n,
            enum unpack_event *event, const uint8_t **out, size_t *out_len)
{
    const uint8_t *data = data_;
    size_t ofs = 0;

    *event = u->error[0] ? UNPACK_ERROR : UNPACK_MORE;
    *out_len = 0;
    while (*event == UNPACK_MORE) {
        if (u->zeros) {
            *event = give_zeros(u, out, out_len);
        } else if (u->p && u->p < u->end) {
            *event = do_op(u, out, out_len);
        } else if (ofs < n) {
            u->p = NULL;
            ofs += take_block(u, data + ofs, n - ofs, event);
        } else {
            break;
        }
    }
    return ofs;
}
