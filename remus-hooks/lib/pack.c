/* SPDX-License-Identifier: Apache-2.0 */
/* The packed stream: the encoder.  (unpack.c is its other half.)
 *
 * It follows the stream's framing to find libxc's PAGE_DATA records: of these
 * it gathers the list of pages, then takes page after page, from where the
 * caller has them when a page is there in one piece.  What it does not know
 * how to pack it passes on: a stream that makes no sense is the receiver's
 * business, which sees the same bytes. */

#include <config.h>

#include "pack.h"

#include <stdlib.h>

#include "framing.h"
#include "page-cache.h"
#include "pack-private.h"

/* A difference that is not well below a page is no gain: then the page is
 * sent, which the compressor likes better. */
#define DELTA_MAX (PACK_PAGE * 3 / 4)

enum state {
    PASSING,                    /* Anything but the following. */
    LISTING,                    /* The pages' numbers. */
    PAGES,                      /* Their contents. */
    BLIND,                      /* The framing is lost: all is passed on. */
};

struct pack {
    enum state state;
    struct framing framing;
    struct page_cache *cache;
    enum pack_method method;
    struct pack_context *context;
    struct pack_stats stats;
    uint64_t sum;
    uint64_t n_checkpoints;

    /* A header, a list or a page that has not come whole yet. */
    uint8_t gather[8 + 8 + 8 * PACK_MAX_PAGES];
    size_t gathered;

    uint64_t pfns[PACK_MAX_PAGES];      /* Those that have content. */
    size_t n_pfns, next_pfn;
    uint64_t last_pfn;          /* Numbers are differences. */
    unsigned int last_type;
    uint64_t zeros;             /* Pages of zeros not said yet. */

    /* Both have room for a block's header before. */
    uint8_t *block;             /* Being filled... */
    size_t block_len;
    uint8_t *packed;            /* ...and compressed. */
    const uint8_t *out;         /* One of them, header and all... */
    size_t out_len;             /* ...unless this is 0. */
};

static const uint8_t zero_page[PACK_PAGE];

struct pack *
pack_create(enum pack_method method, unsigned int cache_mb)
{
    struct pack *p = xzalloc(sizeof *p);

    framing_init(&p->framing);
    p->cache = page_cache_create(cache_mb);
    p->context = pack_context_create(method);
    p->method = method;
    p->block = xmalloc(PACK_BLOCK_HEADER + PACK_MAX_PLAIN);
    p->block += PACK_BLOCK_HEADER;
    p->packed = xmalloc(PACK_BLOCK_HEADER + PACK_MAX_PLAIN);
    p->packed += PACK_BLOCK_HEADER;
    p->out = p->packed;
    return p;
}

void
pack_destroy(struct pack *p)
{
    if (p) {
        page_cache_destroy(p->cache);
        pack_context_destroy(p->context);
        free(p->block - PACK_BLOCK_HEADER);
        free(p->packed - PACK_BLOCK_HEADER);
        free(p);
    }
}

/* -------------------------------------------------------------- operations */

static uint8_t *
block_tail(struct pack *p)
{
    return p->block + p->block_len;
}

/* 'end' is the byte after what was put there. */
static void
block_grown(struct pack *p, const uint8_t *end)
{
    p->block_len = end - p->block;
    ovs_assert(p->block_len <= PACK_MAX_PLAIN);
}

static void
put_zeros(struct pack *p)
{
    if (p->zeros) {
        uint8_t *q = block_tail(p);

        *q++ = PACK_OP_ZERO;
        block_grown(p, pack_put_varint(q, p->zeros));
        p->sum = pack_sum_zeros(p->sum, p->zeros);
        p->zeros = 0;
    }
}

/* At most PACK_BLOCK bytes, in a block with less than that. */
static void
put_bytes(struct pack *p, const void *data, size_t n)
{
    uint8_t *q = block_tail(p);

    *q++ = PACK_OP_BYTES;
    q = pack_put_varint(q, n);
    memcpy(q, data, n);
    block_grown(p, q + n);
    p->sum = pack_sum(p->sum, data, n);
}

/* Stands for the record that ends a checkpoint, which is not whole unless this
 * is right. */
static void
put_check(struct pack *p)
{
    uint8_t *q = block_tail(p);

    *q++ = PACK_OP_CHECK;
    pack_put_be64(q, p->framing.n_checkpoints);
    pack_put_be64(q + 8, p->sum);
    block_grown(p, q + 16);
    p->sum = 0;
}

static void
put_page(struct pack *p, const uint8_t *page)
{
    uint64_t pfn = p->pfns[p->next_pfn++];
    uint8_t *old, *q;
    size_t n;

    p->stats.pages++;
    if (!memcmp(page, zero_page, PACK_PAGE)) {
        page_cache_forget(p->cache, pfn);
        p->stats.zero++;
        p->zeros++;
        return;
    }
    put_zeros(p);
    p->sum = pack_sum(p->sum, page, PACK_PAGE);
    q = block_tail(p);
    old = page_cache_find(p->cache, pfn);
    n = old ? delta_encode(old, page, q + 1, DELTA_MAX) : 0;
    if (n) {
        *q = PACK_OP_DELTA;
        block_grown(p, q + 1 + n);
        if (n == 3) {           /* One run of 512 words, and none. */
            p->stats.same++;
            return;
        }
        p->stats.delta++;
    } else {
        *q++ = PACK_OP_PAGE;
        memcpy(q, page, PACK_PAGE);
        block_grown(p, q + PACK_PAGE);
        old = old ? old : page_cache_insert(p->cache, pfn);
    }
    if (old) {
        memcpy(old, page, PACK_PAGE);
    }
}

/* A whole list is in 'gather', after the record's header.  Returns false if
 * that is not what libxc writes. */
static bool
put_record(struct pack *p)
{
    const uint8_t *list = p->gather + 16;
    uint32_t count = (p->gathered - 16) / 8;
    uint64_t last_pfn = p->last_pfn;
    unsigned int last_type = p->last_type;
    uint8_t *q = block_tail(p);

    p->n_pfns = p->next_pfn = 0;
    *q++ = PACK_OP_RECORD;
    q = pack_put_varint(q, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t x = pack_get_le64(list + 8 * i);
        uint64_t pfn = x & PACK_PFN_MASK;
        unsigned int type = x >> PACK_TYPE_SHIFT;

        if (x & PACK_UNUSED_MASK) {
            return false;
        }
        q = pack_put_varint(q, pack_zigzag(pfn - last_pfn - 1) << 1
                            | (type != last_type));
        if (type != last_type) {
            *q++ = type;
        }
        last_pfn = pfn;
        last_type = type;
        if (pack_type_has_content(type)) {
            p->pfns[p->n_pfns++] = pfn;
        }
    }
    if (p->framing.record_len != 8 + 8 * count + PACK_PAGE * p->n_pfns) {
        return false;
    }
    p->last_pfn = last_pfn;
    p->last_type = last_type;
    p->sum = pack_sum(p->sum, p->gather, p->gathered);
    block_grown(p, q);
    return true;
}

/* ------------------------------------------------------------- the stream */

/* Looks at the record whose header has just come whole. */
static bool
is_page_data(const struct framing *f)
{
    return (f->layer == FRAMING_LIBXC && f->record_type == PACK_PAGE_DATA
            && f->page_shift == 12 && f->record_len >= 16
            && f->record_len <= 8 + (8 + PACK_PAGE) * PACK_MAX_PAGES);
}

static void
take_header(struct pack *p, const uint8_t *data, size_t n)
{
    uint64_t n_records = p->framing.n_records;
    enum framing_event event;

    ovs_assert(p->gathered + n <= sizeof p->gather);
    memcpy(p->gather + p->gathered, data, n);
    p->gathered += n;
    framing_feed(&p->framing, data, n, &event);
    if (event == FRAMING_MORE && p->framing.header_len) {
        return;
    }
    if (event == FRAMING_ERROR) {
        p->state = BLIND;
    } else if (event == FRAMING_CHECKPOINT) {
        p->gathered = 0;
        put_check(p);
        p->n_checkpoints = p->framing.n_checkpoints;
        pack_flush(p);
        return;
    } else if (p->framing.n_records != n_records
               && is_page_data(&p->framing)) {
        p->state = LISTING;
        return;
    }
    put_bytes(p, p->gather, p->gathered);
    p->gathered = 0;
}

static size_t
gather(struct pack *p, const uint8_t *data, size_t n, size_t want)
{
    size_t take = MIN(n, want - p->gathered);
    enum framing_event event;

    memcpy(p->gather + p->gathered, data, take);
    p->gathered += take;
    framing_feed(&p->framing, data, take, &event);
    return take;
}

static size_t
take_list(struct pack *p, const uint8_t *data, size_t n)
{
    size_t taken = 0, want = 16;

    /* First the count, then the list. */
    if (p->gathered < want) {
        taken = gather(p, data, n, want);
    }
    if (p->gathered >= want) {
        uint32_t count = p->gather[8] | p->gather[9] << 8
                         | p->gather[10] << 16
                         | (uint32_t) p->gather[11] << 24;
        bool ok = (count && count <= PACK_MAX_PAGES
                   && p->framing.record_len >= 8 + 8 * count
                   && !p->gather[12] && !p->gather[13] && !p->gather[14]
                   && !p->gather[15]);

        if (ok) {
            want += 8 * count;
            taken += gather(p, data + taken, n - taken, want);
            if (p->gathered < want) {
                return taken;
            }
            ok = put_record(p);
        }
        if (!ok) {
            put_bytes(p, p->gather, p->gathered);
        }
        p->gathered = 0;
        p->state = ok && p->n_pfns ? PAGES : PASSING;
    }
    return taken;
}

static size_t
take_page(struct pack *p, const uint8_t *data, size_t n)
{
    enum framing_event event;
    size_t taken;

    if (!p->gathered && n >= PACK_PAGE) {
        framing_feed(&p->framing, data, PACK_PAGE, &event);
        put_page(p, data);
        taken = PACK_PAGE;
    } else {
        taken = gather(p, data, n, PACK_PAGE);
        if (p->gathered < PACK_PAGE) {
            return taken;
        }
        put_page(p, p->gather);
        p->gathered = 0;
    }
    if (p->next_pfn == p->n_pfns) {
        put_zeros(p);
        p->state = PASSING;
    }
    return taken;
}

size_t
pack_feed(struct pack *p, const void *data_, size_t n)
{
    const uint8_t *data = data_;
    size_t ofs = 0;

    ovs_assert(!p->out_len);
    while (ofs < n && !p->out_len) {
        size_t left = n - ofs, take;
        enum framing_event event;

        if (p->state == LISTING) {
            take = take_list(p, data + ofs, left);
        } else if (p->state == PAGES) {
            take = take_page(p, data + ofs, left);
        } else if (p->state == PASSING && !framing_in_body(&p->framing)) {
            take = MIN(left, framing_left(&p->framing));
            take_header(p, data + ofs, take);
        } else {
            take = MIN(left, PACK_BLOCK - p->block_len);
            if (p->state == PASSING) {
                take = MIN(take, framing_left(&p->framing));
                framing_feed(&p->framing, data + ofs, take, &event);
            }
            put_bytes(p, data + ofs, take);
        }
        ofs += take;
        if (p->block_len >= PACK_BLOCK) {
            pack_flush(p);
        }
    }
    p->stats.raw += ofs;
    return ofs;
}

void
pack_flush(struct pack *p)
{
    uint8_t *body = p->packed;
    size_t n = 0;

    put_zeros(p);
    if (!p->block_len || p->out_len) {
        return;
    }
    if (p->method != PACK_STORED) {
        /* It must gain a little at least. */
        n = pack_compress(p->context, p->block, p->block_len, body,
                          p->block_len - p->block_len / 32 - 1);
    }
    if (!n) {
        body = p->block;
    }
    pack_put_block_header(body - PACK_BLOCK_HEADER,
                          n ? p->method : PACK_STORED, p->block_len,
                          n ? n : p->block_len);
    p->out = body - PACK_BLOCK_HEADER;
    p->out_len = PACK_BLOCK_HEADER + (n ? n : p->block_len);
    p->stats.packed += p->out_len;
    p->block_len = 0;
}

const uint8_t *
pack_output(const struct pack *p, size_t *n)
{
    *n = p->out_len;
    return p->out;
}

void
pack_output_done(struct pack *p)
{
    p->out_len = 0;
}

uint64_t
pack_checkpoints(const struct pack *p)
{
    return p->n_checkpoints;
}

const struct pack_stats *
pack_stats(const struct pack *p)
{
    return &p->stats;
}
