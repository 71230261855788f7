/* SPDX-License-Identifier: Apache-2.0 */
/* The packed stream: what comes out is what went in, whatever that is and in
 * whatever pieces it goes; both caches stay alike; hostile bytes are an
 * error. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pack-private.h"
#include "page-cache.h"
#include "random.h"
#include "util.h"

struct bytes {
    uint8_t *data;
    size_t len, size;
};

static void
put(struct bytes *b, const void *p, size_t n)
{
    if (b->len + n > b->size) {
        b->size = (b->len + n) * 2;
        b->data = xrealloc(b->data, b->size);
    }
    if (n) {
        memcpy(b->data + b->len, p, n);
    }
    b->len += n;
}

static void
put_u32(struct bytes *b, uint32_t x)
{
    put(b, (uint8_t []) { x, x >> 8, x >> 16, x >> 24 }, 4);
}

static void
put_u64(struct bytes *b, uint64_t x)
{
    put_u32(b, x);
    put_u32(b, x >> 32);
}

static void
put_record(struct bytes *b, uint32_t type, const void *body, size_t n)
{
    static const uint8_t zeros[8];

    put_u32(b, type);
    put_u32(b, n);
    put(b, body, n);
    put(b, zeros, ROUND_UP(n, 8) - n);
}

static void
put_start(struct bytes *b)
{
    static const char config[] = "{\"name\": \"voip\"}";

    put(b, "Xen saved domain, xl format\n \0 \r", 32);
    put_u32(b, 0x01020304);
    put_u32(b, 3);
    put_u32(b, 0);
    put_u32(b, 4 + sizeof config);
    put_u32(b, sizeof config);
    put(b, config, sizeof config);
    put(b, "LibxlFmt\0\0\0\2\0\0\0\0", 16);
    put_record(b, 1, "", 0);
    put(b, "\xff\xff\xff\xff\xff\xff\xff\xff" "XENF\0\0\0\3\0\0\0\0\0\0\0\0",
        24);
    put(b, "\2\0\0\0\14\0\0\0\4\0\0\0\21\0\0\0", 16);
    put_record(b, 0x11, "static data", 12);
}

static void
put_end_of_checkpoint(struct bytes *b)
{
    put_record(b, 0xe, "", 0);
    put_record(b, 2, "the emulator's", 15);
    put_record(b, 4, "", 0);
}

/* 'pages' are 4096 bytes each, for those of 'pfns' that have content. */
static void
put_pages(struct bytes *b, const uint64_t *pfns, size_t n,
          const uint8_t *pages)
{
    size_t n_pages = 0;

    for (size_t i = 0; i < n; i++) {
        n_pages += pack_type_has_content(pfns[i] >> 60);
    }
    put_u32(b, 1);
    put_u32(b, 8 + 8 * n + PACK_PAGE * n_pages);
    put_u32(b, n);
    put_u32(b, 0);
    for (size_t i = 0; i < n; i++) {
        put_u64(b, pfns[i]);
    }
    put(b, pages, PACK_PAGE * n_pages);
}

/* A guest: pages that are zero, are as they were, change a little, change
 * altogether. */
#define GUEST_PAGES 200
static void
put_guest(struct bytes *b, uint8_t *memory, int n)
{
    uint64_t pfns[GUEST_PAGES];
    uint8_t *pages = xmalloc(GUEST_PAGES * PACK_PAGE);
    size_t m = 0, n_pages = 0;

    for (int i = 0; i < GUEST_PAGES; i++) {
        uint8_t *page = memory + i * PACK_PAGE;
        bool content = i % 17 != 16;

        if (random_range(3)) {
            continue;
        }
        switch (random_range(5)) {
        case 0:
            memset(page, 0, PACK_PAGE);
            break;
        case 1:
            break;
        case 2:
            page[random_range(PACK_PAGE)]++;
            page[random_range(PACK_PAGE)]++;
            break;
        case 3:
            memset(page, n, PACK_PAGE);
            break;
        default:
            random_bytes(page, PACK_PAGE);
            break;
        }
        pfns[m++] = (uint64_t) (content ? i % 5 : 0xf) << 60
                    | ((i % 3 ? 0x1000 : 0x7fffff000) + i);
        if (content) {
            memcpy(pages + PACK_PAGE * n_pages++, page, PACK_PAGE);
        }
    }
    if (m) {
        put_pages(b, pfns, m, pages);
    }
    free(pages);
}

static void
make_stream(struct bytes *b, int n_checkpoints)
{
    uint8_t *memory = xzalloc(GUEST_PAGES * PACK_PAGE);

    memset(b, 0, sizeof *b);
    put_start(b);
    for (int i = 0; i < n_checkpoints; i++) {
        put_guest(b, memory, i);
        put_guest(b, memory, i);
        put_record(b, 3, "something of the CPU's", 23);
        put_end_of_checkpoint(b);
    }
    free(memory);
}

static size_t
next_piece(size_t piece, size_t left)
{
    size_t n = piece ? piece : 1 + random_range(9000);

    return MIN(n, left);
}

/* Packs 'in', fed in pieces of 'piece' bytes (0: of many sizes). */
static void
pack_all(struct pack *p, const struct bytes *in, size_t piece,
         struct bytes *out)
{
    size_t ofs = 0;

    while (ofs < in->len) {
        size_t n = next_piece(piece, in->len - ofs);

        for (size_t taken = 0; taken < n; ) {
            size_t len;
            const uint8_t *block;

            taken += pack_feed(p, in->data + ofs + taken, n - taken);
            assert_true(taken <= n);
            block = pack_output(p, &len);
            assert_true(len || taken == n);
            put(out, block, len);
            pack_output_done(p);
        }
        ofs += n;
    }
    pack_flush(p);
    if (in->len) {
        size_t len;
        const uint8_t *block = pack_output(p, &len);

        put(out, block, len);
        pack_output_done(p);
    }
}

/* Returns false on an error. */
static bool
unpack_all(struct unpack *u, const uint8_t *in, size_t n, size_t piece,
           struct bytes *out)
{
    size_t ofs = 0;

    while (ofs < n) {
        size_t this = next_piece(piece, n - ofs);
        /* In memory of its own, so that a sanitizer sees each step out. */
        uint8_t *copy = xmemdup(in + ofs, this);
        enum unpack_event event = UNPACK_BYTES;

        for (size_t taken = 0; taken < this || event == UNPACK_BYTES; ) {
            const uint8_t *bytes;
            size_t len;

            taken += unpack_feed(u, copy + taken, this - taken, &event,
                                 &bytes, &len);
            assert_true(taken <= this);
            if (event == UNPACK_ERROR) {
                assert_true(unpack_error(u)[0]);
                free(copy);
                return false;
            } else if (event == UNPACK_BYTES) {
                assert_true(len);
                put(out, bytes, len);
            } else {
                assert_int_equal(taken, this);
            }
        }
        free(copy);
        ofs += this;
    }
    return true;
}

static void
check_round_trip(const struct bytes *in, enum pack_method method,
                 unsigned int cache_mb, size_t piece, size_t unpiece,
                 size_t *packed)
{
    struct pack *p = pack_create(method, cache_mb);
    struct unpack *u = unpack_create(cache_mb);
    struct bytes wire = { .len = 0 }, out = { .len = 0 };

    pack_all(p, in, piece, &wire);
    if (!unpack_all(u, wire.data, wire.len, unpiece, &out)) {
        fail_msg("%s: %s", pack_method_name(method), unpack_error(u));
    }
    assert_int_equal(out.len, in->len);
    assert_memory_equal(out.data, in->data, in->len);
    assert_int_equal(pack_stats(p)->raw, in->len);
    assert_int_equal(pack_stats(p)->packed, wire.len);
    if (packed) {
        *packed = wire.len;
    }
    pack_destroy(p);
    unpack_destroy(u);
    free(wire.data);
    free(out.data);
}

static void
test_round_trip(void **state OVS_UNUSED)
{
    struct bytes in;
    size_t stored, cached, none = 0;

    make_stream(&in, 12);
    for (enum pack_method m = PACK_STORED; m <= PACK_ZSTD; m++) {
        if (!pack_method_supported(m)) {
            continue;
        }
        check_round_trip(&in, m, 0, SIZE_MAX, SIZE_MAX, &none);
        check_round_trip(&in, m, 1, SIZE_MAX, SIZE_MAX, &cached);
        check_round_trip(&in, m, 4, 0, 0, NULL);
        check_round_trip(&in, m, 1, 4096, 8192, NULL);
        if (m == PACK_STORED) {
            stored = none;
            assert_true(none < in.len * 9 / 10);        /* Zeros. */
            assert_true(cached < none * 8 / 10);        /* Differences. */
        } else {
            assert_true(none < stored);
        }
    }
    free(in.data);
}

/* Not all bytes in the middle of pages are worth a try. */
static size_t
next_split(size_t i)
{
    return i + (i % PACK_PAGE > 400 && i % PACK_PAGE < 3700 ? 61 : 1);
}

/* Each of the two in two pieces, split at every byte. */
static void
test_split(void **state OVS_UNUSED)
{
    static uint8_t pages[3 * PACK_PAGE];
    const uint64_t pfns[] = { 7, UINT64_C(0xf) << 60 | 8, 9,
                              UINT64_C(1) << 60 | 100 };
    struct bytes in = { .len = 0 }, wire = { .len = 0 };
    struct pack *p = pack_create(PACK_STORED, 1);

    random_bytes(pages, PACK_PAGE);
    memset(pages + 2 * PACK_PAGE, 'x', PACK_PAGE);
    put_start(&in);
    put_pages(&in, pfns, 4, pages);
    put_end_of_checkpoint(&in);
    pages[17]++;
    put_pages(&in, pfns, 4, pages);
    put_end_of_checkpoint(&in);
    pack_all(p, &in, SIZE_MAX, &wire);

    for (size_t i = 0; i <= in.len; i = next_split(i)) {
        struct bytes head = { .data = in.data, .len = i };
        struct bytes tail = { .data = in.data + i, .len = in.len - i };
        struct pack *q = pack_create(PACK_STORED, 1);
        struct unpack *u = unpack_create(1);
        struct bytes w = { .len = 0 }, out = { .len = 0 };

        pack_all(q, &head, SIZE_MAX, &w);
        pack_all(q, &tail, SIZE_MAX, &w);
        if (!unpack_all(u, w.data, w.len, SIZE_MAX, &out)) {
            fail_msg("at %"PRIuSIZE": %s", i, unpack_error(u));
        }
        assert_int_equal(out.len, in.len);
        assert_memory_equal(out.data, in.data, in.len);
        pack_destroy(q);
        unpack_destroy(u);
        free(w.data);
        free(out.data);
    }
    for (size_t i = 0; i <= wire.len; i = next_split(i)) {
        struct unpack *u = unpack_create(1);
        struct bytes out = { .len = 0 };

        assert_true(unpack_all(u, wire.data, i, SIZE_MAX, &out));
        assert_true(unpack_all(u, wire.data + i, wire.len - i, SIZE_MAX,
                               &out));
        assert_int_equal(out.len, in.len);
        assert_memory_equal(out.data, in.data, in.len);
        unpack_destroy(u);
        free(out.data);
    }
    assert_int_equal(pack_checkpoints(p), 2);
    assert_int_equal(pack_stats(p)->pages, 6);
    assert_int_equal(pack_stats(p)->zero, 2);
    assert_int_equal(pack_stats(p)->same, 1);
    assert_int_equal(pack_stats(p)->delta, 1);
    pack_destroy(p);
    free(in.data);
    free(wire.data);
}

/* Streams that are not libxc's, or that libxc would not take, pass as well. */
static void
test_odd_streams(void **state OVS_UNUSED)
{
    static uint8_t pages[2 * PACK_PAGE + 64];
    uint64_t pfns[] = { 1, 2 };
    struct bytes in = { .len = 0 };

    random_bytes(pages, sizeof pages);
    put(&in, pages, sizeof pages);              /* No stream at all. */
    check_round_trip(&in, PACK_STORED, 1, 0, 0, NULL);

    for (int i = 0; i < 12; i++) {
        size_t list;

        in.len = 0;
        put_start(&in);
        list = in.len;
        put_pages(&in, pfns, 2, pages);
        switch (i) {
        case 0: in.data[list + 8] = 3; break;           /* More pages... */
        case 1: in.data[list + 8] = 1; break;           /* ...or fewer. */
        case 2: in.data[list + 8] = 0; break;
        case 3: memset(in.data + list + 8, 0xff, 4); break;
        case 4: in.data[list + 12] = 1; break;          /* Reserved. */
        case 5: in.data[list + 23] = 0xf0; break;       /* No content. */
        case 6: in.data[list + 22] = 0xf0; break;       /* Unused bits. */
        case 7: memset(in.data + list + 4, 0, 4); break; /* Empty record. */
        case 8: in.data[list + 4] -= 1; break;          /* Padded. */
        case 9: in.data[list] = 0xc; break;             /* Another type. */
        case 10: memset(in.data + list + 16, 0xff, 7); break; /* Numbers. */
        case 11: in.data[list + 7] = 0xff; break;       /* Much too long. */
        }
        put_end_of_checkpoint(&in);
        check_round_trip(&in, PACK_STORED, 1, SIZE_MAX, SIZE_MAX, NULL);
        check_round_trip(&in, pack_method_default(), 1, 1, 1, NULL);
    }
    free(in.data);
}

/* Any byte changed is an error or changes nothing, and never a checkpoint
 * that is not what was sent. */
static void
test_corrupt(void **state OVS_UNUSED)
{
    static uint8_t pages[2 * PACK_PAGE];
    uint64_t pfns[] = { 1, 2 };

    for (enum pack_method m = PACK_STORED; m <= PACK_ZSTD; m++) {
        struct bytes in = { .len = 0 }, wire = { .len = 0 };
        struct pack *p;

        if (!pack_method_supported(m)) {
            continue;
        }
        p = pack_create(m, 1);
        random_bytes(pages, PACK_PAGE);
        put_start(&in);
        put_pages(&in, pfns, 2, pages);
        put_end_of_checkpoint(&in);
        pages[100]++;
        put_pages(&in, pfns, 2, pages);
        put_end_of_checkpoint(&in);
        pack_all(p, &in, SIZE_MAX, &wire);
        for (size_t i = 0; i < wire.len; i = next_split(i)) {
            struct unpack *u = unpack_create(1);
            struct bytes out = { .len = 0 };
            uint8_t bit = 1 << i % 8;

            wire.data[i] ^= bit;
            if (unpack_all(u, wire.data, wire.len, SIZE_MAX, &out)
                && out.len >= in.len) {
                assert_int_equal(out.len, in.len);
                assert_memory_equal(out.data, in.data, in.len);
            } else if (out.len >= in.len) {
                fail_msg("%s: byte %"PRIuSIZE" changed, all given",
                         pack_method_name(m), i);
            }
            wire.data[i] ^= bit;
            unpack_destroy(u);
            free(out.data);
        }
        pack_destroy(p);
        free(in.data);
        free(wire.data);
    }
}

/* A block of operations, as an encoder would never write them. */
static void
check_refused(const uint8_t *ops, size_t n, const char *why)
{
    struct unpack *u = unpack_create(1);
    struct bytes wire = { .len = 0 }, out = { .len = 0 };
    uint8_t header[PACK_BLOCK_HEADER];

    pack_put_block_header(header, PACK_STORED, n, n);
    put(&wire, header, sizeof header);
    put(&wire, ops, n);
    assert_false(unpack_all(u, wire.data, wire.len, SIZE_MAX, &out));
    if (!strstr(unpack_error(u), why)) {
        fail_msg("\"%s\" and not \"%s\"", unpack_error(u), why);
    }
    /* For good. */
    assert_false(unpack_all(u, wire.data, 1, SIZE_MAX, &out));
    unpack_destroy(u);
    free(wire.data);
    free(out.data);
}

static void
check_header_refused(uint8_t method, uint32_t plain, uint32_t n)
{
    struct unpack *u = unpack_create(0);
    uint8_t header[PACK_BLOCK_HEADER];
    struct bytes out = { .len = 0 };

    pack_put_block_header(header, method, plain, n);
    assert_false(unpack_all(u, header, sizeof header, SIZE_MAX, &out));
    unpack_destroy(u);
}

static void
test_hostile(void **state OVS_UNUSED)
{
#define REFUSED(WHY, ...) do {                          \
        static const uint8_t ops_[] = { __VA_ARGS__ };  \
        check_refused(ops_, sizeof ops_, WHY);          \
    } while (0)
#define MANY 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
    REFUSED("operation 0", 0);
    REFUSED("operation 7", 7);
    REFUSED("operation 255", 255);
    REFUSED("bytes that are not there", PACK_OP_BYTES);
    REFUSED("bytes that are not there", PACK_OP_BYTES, 0);
    REFUSED("bytes that are not there", PACK_OP_BYTES, 2, 'x');
    REFUSED("bytes that are not there", PACK_OP_BYTES, MANY, 'x');
    REFUSED("bytes that are not there", PACK_OP_BYTES, 0x80);
    REFUSED("nobody waits for", PACK_OP_PAGE, 0);
    REFUSED("nobody waits for", PACK_OP_DELTA, 0x80, 4, 0);
    REFUSED("nobody waits for", PACK_OP_ZERO, 1);
    REFUSED("number of pages", PACK_OP_RECORD);
    REFUSED("number of pages", PACK_OP_RECORD, 0);
    REFUSED("number of pages", PACK_OP_RECORD, 0x81, 0x20);
    REFUSED("number of pages", PACK_OP_RECORD, MANY);
    REFUSED("all its pages", PACK_OP_RECORD, 2, 4);
    REFUSED("proper type", PACK_OP_RECORD, 1, 5);
    REFUSED("proper type", PACK_OP_RECORD, 1, 5, 16);
    REFUSED("page number", PACK_OP_RECORD, 1, 6);           /* -1 */
    REFUSED("page number", PACK_OP_RECORD, 1, 0xfe, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x01);
    REFUSED("nobody waits for", PACK_OP_RECORD, 1, 4, PACK_OP_ZERO, 2);
    REFUSED("nobody waits for", PACK_OP_RECORD, 1, 4, PACK_OP_ZERO, 0);
    REFUSED("nobody waits for", PACK_OP_RECORD, 1, 5, 0xf, PACK_OP_ZERO, 1);
    REFUSED("not whole", PACK_OP_RECORD, 1, 4, PACK_OP_PAGE, 1, 2, 3);
    REFUSED("not known", PACK_OP_RECORD, 1, 4, PACK_OP_DELTA, 0x80, 4, 0);
    REFUSED("are missing", PACK_OP_RECORD, 1, 4, PACK_OP_BYTES, 1, 'x');
    REFUSED("are missing", PACK_OP_RECORD, 1, 4, PACK_OP_RECORD, 1, 4);
    REFUSED("not whole", PACK_OP_CHECK, 0, 0, 0, 0);
    REFUSED("of checkpoint 2", PACK_OP_CHECK, 0, 0, 0, 0, 0, 0, 0, 2,
            0, 0, 0, 0, 0, 0, 0, 0);
    REFUSED("not what was sent", PACK_OP_BYTES, 1, 'x',
            PACK_OP_CHECK, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
#undef REFUSED
    check_header_refused(3, 10, 5);
    check_header_refused(PACK_STORED, 0, 0);
    check_header_refused(PACK_STORED, 10, 9);
    check_header_refused(PACK_STORED, PACK_MAX_PLAIN + 1, PACK_MAX_PLAIN + 1);
    check_header_refused(PACK_LZ4, 10, 0);
    check_header_refused(PACK_LZ4, 10, 10);
    check_header_refused(PACK_ZSTD, PACK_MAX_PLAIN, UINT32_MAX);
}

static void
test_cache(void **state OVS_UNUSED)
{
    struct page_cache *c = page_cache_create(1);        /* 256 pages. */
    uint8_t *p;
    int kept = 0;

    assert_null(page_cache_find(c, 0));
    for (uint64_t i = 0; i < 64; i++) {
        p = page_cache_insert(c, i);
        assert_non_null(p);
        memset(p, i, PAGE_CACHE_PAGE);
    }
    for (int round = 0; round < 3; round++) {           /* Hot. */
        for (uint64_t i = 0; i < 64; i++) {
            p = page_cache_find(c, i);
            assert_non_null(p);
            assert_int_equal(p[4095], i);
        }
    }
    /* A whole guest passes by. */
    for (uint64_t i = 1000; i < 1512; i++) {
        page_cache_insert(c, i);
    }
    for (uint64_t i = 0; i < 64; i++) {
        p = page_cache_find(c, i);
        kept += p && p[4095] == i;
    }
    assert_int_equal(kept, 64);
    /* And comes again and again: then it is worth more. */
    for (int round = 0; round < 20; round++) {
        for (uint64_t i = 1000; i < 1512; i++) {
            if (!page_cache_find(c, i)) {
                page_cache_insert(c, i);
            }
        }
    }
    kept = 0;
    for (uint64_t i = 0; i < 64; i++) {
        kept += page_cache_find(c, i) != NULL;
    }
    assert_true(kept < 64);

    while (!page_cache_insert(c, 5000)) {
        continue;
    }
    assert_non_null(page_cache_find(c, 5000));
    page_cache_forget(c, 5000);
    assert_null(page_cache_find(c, 5000));
    assert_non_null(page_cache_insert(c, 5000));
    page_cache_destroy(c);

    c = page_cache_create(0);
    assert_null(page_cache_insert(c, 1));
    assert_null(page_cache_find(c, 1));
    page_cache_forget(c, 1);
    page_cache_destroy(c);
}

/* Caches that are not alike: found at the checkpoint, before it is whole. */
static void
test_caches_disagree(void **state OVS_UNUSED)
{
    static uint8_t pages[4 * PACK_PAGE];
    uint64_t pfns[] = { 1, 2, 3, 4 };
    struct bytes in = { .len = 0 }, wire = { .len = 0 }, out = { .len = 0 };
    struct pack *p = pack_create(PACK_STORED, 1);
    struct unpack *u = unpack_create(1);
    size_t page;

    random_bytes(pages, sizeof pages);
    put_start(&in);
    put_pages(&in, pfns, 4, pages);
    put_end_of_checkpoint(&in);
    pack_all(p, &in, SIZE_MAX, &wire);
    assert_true(unpack_all(u, wire.data, wire.len, 0, &out));
    assert_int_equal(out.len, in.len);

    /* A decoder that has another page 3: made by a stream of its own. */
    in.len = wire.len = 0;
    unpack_destroy(u);
    u = unpack_create(1);
    put_start(&in);
    pages[2 * PACK_PAGE + 5]++;
    put_pages(&in, pfns, 4, pages);
    put_end_of_checkpoint(&in);
    {
        struct pack *other = pack_create(PACK_STORED, 1);

        pack_all(other, &in, SIZE_MAX, &wire);
        pack_destroy(other);
    }
    pages[2 * PACK_PAGE + 5]--;
    out.len = 0;
    assert_true(unpack_all(u, wire.data, wire.len, 0, &out));

    in.len = wire.len = out.len = 0;
    pages[2 * PACK_PAGE + 2000]++;
    put_pages(&in, pfns, 4, pages);
    page = in.len;
    put_end_of_checkpoint(&in);
    pack_all(p, &in, SIZE_MAX, &wire);
    assert_false(unpack_all(u, wire.data, wire.len, 0, &out));
    assert_non_null(strstr(unpack_error(u), "is not what was sent"));
    assert_true(out.len >= page && out.len < in.len);
    pack_destroy(p);
    unpack_destroy(u);
    free(in.data);
    free(wire.data);
    free(out.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_odd_streams),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_caches_disagree),
    };

    random_set_seed(20);
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
