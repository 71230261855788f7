/* SPDX-License-Identifier: Apache-2.0 */
/* The framing parser: split at every byte, corrupted in every field of every
 * header, hostile lengths. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "framing.h"
#include "util.h"

/* A synthetic stream, and where its headers and checkpoints are. */
struct stream {
    uint8_t data[65536];
    size_t len;
    size_t checkpoints[16], n_checkpoints;
    size_t libxl, image, domain, first_record;
};

static void
put(struct stream *s, const void *p, size_t n)
{
    assert_true(s->len + n <= sizeof s->data);
    memcpy(s->data + s->len, p, n);
    s->len += n;
}

static void
put_le32(struct stream *s, uint32_t x)
{
    put(s, (uint8_t []) { x, x >> 8, x >> 16, x >> 24 }, 4);
}

static void
put_be32(struct stream *s, uint32_t x)
{
    put(s, (uint8_t []) { x >> 24, x >> 16, x >> 8, x }, 4);
}

static void
put_record(struct stream *s, uint32_t type, uint32_t len)
{
    static const uint8_t body[4096] = { [0 ... 4095] = 0x04 };

    put_le32(s, type);
    put_le32(s, len);
    put(s, body, ROUND_UP(len, 8));
}

/* Pages of the guest: their number, and 'len' bytes in all. */
static void
put_pages(struct stream *s, uint32_t count, uint32_t len)
{
    static const uint8_t body[8192] = { [0 ... 8191] = 0x04 };

    assert_true(len <= sizeof body);

    put_le32(s, 1);
    put_le32(s, len);
    put_le32(s, count);
    put(s, body, ROUND_UP(len, 8) - 4);
}

static void
make_stream(struct stream *s, int n_checkpoints, bool end)
{
    static const char config[] = "{\"c_info\": {\"name\": \"voip\"}}";

    memset(s, 0, sizeof *s);
    put(s, "Xen saved domain, xl format\n \0 \r", 32);
    put_le32(s, 0x01020304);
    put_le32(s, 3);
    put_le32(s, 0);
    put_le32(s, 4 + sizeof config);
    put_le32(s, sizeof config);
    put(s, config, sizeof config);
    s->libxl = s->len;
    put(s, "LibxlFmt", 8);
    put_be32(s, 2);
    put_be32(s, 0);
    put_record(s, 1, 0);
    s->image = s->len;
    put_be32(s, UINT32_MAX);
    put_be32(s, UINT32_MAX);
    put_be32(s, 0x58454e46);
    put_be32(s, 3);
    put_be32(s, 0);
    put_be32(s, 0);
    s->domain = s->len;
    put_le32(s, 2);
    put_le32(s, 12);
    put_le32(s, 4);
    put_le32(s, 17);
    s->first_record = s->len;
    put_record(s, 0x11, 32);            /* CPUID policy. */
    put_record(s, 0x10, 0);             /* Static data end. */
    put_pages(s, 100, 1027);            /* Page data, to be padded. */
    for (int i = 0; i < n_checkpoints; i++) {
        put_pages(s, i + 1, 64 + i);
        put_record(s, 4, 8);            /* In libxc: no checkpoint's end. */
        put_record(s, 0x80000001, 5);   /* Optional. */
        put_record(s, 0xe, 0);
        put_record(s, 2, 13);           /* Emulator's. */
        put_record(s, 4, 0);
        s->checkpoints[s->n_checkpoints++] = s->len;
    }
    if (end) {
        put_record(s, 0, 0);
        put_record(s, 0, 0);
    }
}

/* Feeds 'n' bytes; checks that checkpoints are told where they are. */
static enum framing_event
feed(struct framing *f, const struct stream *s, size_t from, size_t to)
{
    enum framing_event event = FRAMING_MORE;

    while (from < to && event != FRAMING_ERROR) {
        size_t taken = framing_feed(f, s->data + from, to - from, &event);

        assert_true(taken <= to - from);
        from += taken;
        if (event == FRAMING_CHECKPOINT) {
            assert_true(f->n_checkpoints <= s->n_checkpoints);
            assert_int_equal(from, s->checkpoints[f->n_checkpoints - 1]);
        } else if (event == FRAMING_MORE) {
            assert_int_equal(from, to);
        }
        if (event != FRAMING_ERROR) {
            assert_int_equal(f->n_bytes, from);
        }
    }
    return event;
}

static void
test_whole(void **state OVS_UNUSED)
{
    struct stream s;
    struct framing f;

    make_stream(&s, 3, true);
    framing_init(&f);
    assert_int_equal(feed(&f, &s, 0, s.len), FRAMING_END);
    assert_int_equal(f.n_checkpoints, 3);
    assert_int_equal(f.layer, FRAMING_TAIL);
    assert_int_equal(f.libxc_version, 3);
    assert_int_equal(f.guest_type, 2);
    assert_int_equal(f.page_shift, 12);
    assert_int_equal(f.xen_major, 4);
    assert_int_equal(f.xen_minor, 17);
    assert_int_equal(f.n_records, 1 + 3 + 3 * 6 + 2);
    assert_int_equal(f.n_pages, 100 + 1 + 2 + 3);

    /* What follows (xl's own handshake) is let pass. */
    enum framing_event event;
    assert_int_equal(framing_feed(&f, "anything", 8, &event), 8);
    assert_int_equal(event, FRAMING_MORE);
}

static void
test_split_in_two(void **state OVS_UNUSED)
{
    struct stream s;

    make_stream(&s, 3, false);
    for (size_t i = 0; i <= s.len; i++) {
        struct framing f;

        framing_init(&f);
        feed(&f, &s, 0, i);
        feed(&f, &s, i, s.len);
        assert_string_equal(f.error, "");
        assert_int_equal(f.n_checkpoints, 3);
        assert_int_equal(f.n_pages, 106);
        assert_int_equal(f.layer, FRAMING_LIBXC);
    }
}

/* A number of pages that the record cannot have is none. */
static void
test_pages(void **state OVS_UNUSED)
{
    static const struct {
        uint32_t count, len, pages;
    } cases[] = {
        { 0, 8, 0 }, { 1, 16, 1 }, { 2, 16, 1 }, { UINT32_MAX, 4104, 512 },
        { 5, 7, 0 }, { 5, 8, 0 }, { 1, 4104, 1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stream s;
        struct framing f;
        size_t from;

        make_stream(&s, 1, false);
        framing_init(&f);
        feed(&f, &s, 0, s.len);
        from = s.len;
        put_record(&s, 3, 16);          /* Has none, whatever is in it. */
        put_pages(&s, cases[i].count, cases[i].len);
        feed(&f, &s, from, s.len);
        assert_string_equal(f.error, "");
        assert_int_equal(f.n_pages, 101 + cases[i].pages);
    }
}

/* A stream of xl 4.17 (tests/data/reduce-stream): nothing of it was made up
 * here. */
static void
test_recorded(void **state OVS_UNUSED)
{
    const char *top = getenv("abs_top_srcdir");
    char *name = xasprintf("%s/tests/data/remus-stream", top ? top : ".");
    static struct stream s;
    FILE *file = fopen(name, "rb");
    enum framing_event event;
    struct framing f;

    if (!file) {
        fail_msg("%s cannot be read", name);
    }
    memset(&s, 0, sizeof s);
    s.len = fread(s.data, 1, sizeof s.data, file);
    assert_true(feof(file));
    fclose(file);
    free(name);

    framing_init(&f);
    while (f.n_bytes < s.len) {
        size_t n = framing_feed(&f, s.data + f.n_bytes, s.len - f.n_bytes,
                                &event);

        assert_string_equal(f.error, "");
        assert_true(n > 0);
        if (event == FRAMING_CHECKPOINT) {
            s.checkpoints[s.n_checkpoints++] = f.n_bytes;
        }
    }
    assert_int_equal(event, FRAMING_CHECKPOINT);
    assert_int_equal(s.n_checkpoints, 4);
    assert_int_equal(s.checkpoints[3], s.len);
    assert_int_equal(f.guest_type, 2);
    assert_int_equal(f.xen_major, 4);
    assert_int_equal(f.xen_minor, 17);

    for (size_t i = 0; i <= s.len; i++) {
        framing_init(&f);
        feed(&f, &s, 0, i);
        feed(&f, &s, i, s.len);
        assert_string_equal(f.error, "");
        assert_int_equal(f.n_checkpoints, 4);
    }
    framing_init(&f);
    for (size_t i = 0; i < s.len; i++) {
        feed(&f, &s, i, i + 1);
    }
    assert_int_equal(f.n_checkpoints, 4);
}

static void
test_pieces(void **state OVS_UNUSED)
{
    struct stream s;

    make_stream(&s, 3, true);
    for (size_t size = 1; size < 64; size++) {
        struct framing f;

        framing_init(&f);
        for (size_t i = 0; i < s.len; i += size) {
            feed(&f, &s, i, MIN(i + size, s.len));
        }
        assert_string_equal(f.error, "");
        assert_int_equal(f.n_checkpoints, 3);
    }
}

/* Byte 'ofs' becomes 'value': an error, told before 'limit' bytes. */
static void
check_corrupt(size_t ofs, uint8_t value, const char *what)
{
    struct stream s;
    struct framing f;

    make_stream(&s, 2, true);
    if (s.data[ofs] == value) {
        return;
    }
    s.data[ofs] = value;
    framing_init(&f);
    if (feed(&f, &s, 0, s.len) != FRAMING_ERROR || !f.error[0]) {
        fail_msg("byte %"PRIuSIZE" = %d: no error about %s", ofs, value,
                 what);
    }
    if (!strstr(f.error, what)) {
        fail_msg("byte %"PRIuSIZE" = %d: \"%s\" is not about %s", ofs, value,
                 f.error, what);
    }
    /* It stays an error, and nothing more is taken. */
    enum framing_event event;
    assert_int_equal(framing_feed(&f, "x", 1, &event), 0);
    assert_int_equal(event, FRAMING_ERROR);
}

static void
test_corrupt(void **state OVS_UNUSED)
{
    struct stream s;

    make_stream(&s, 2, true);
    for (int i = 0; i < 32; i++) {
        check_corrupt(i, 0x55, "not a stream of xl");
    }
    for (int i = 32; i < 36; i++) {
        check_corrupt(i, 0x55, "byte order");
    }
    check_corrupt(36, 7, "mandatory flags");
    check_corrupt(39, 1, "mandatory flags");
    check_corrupt(36, 1, "not a stream of version 2");
    for (int i = 40; i < 44; i++) {
        check_corrupt(i, 1, "optional flags");
    }
    check_corrupt(44, 3, "configuration of 3 bytes");
    check_corrupt(47, 0xff, "configuration of");
    check_corrupt(48, 0xff, "do not fit");
    check_corrupt(51, 0xff, "do not fit");
    check_corrupt(44, s.data[44] - 4, "do not fit");
    check_corrupt(44, s.data[44] + 4, "ident");
    for (int i = 0; i < 8; i++) {
        check_corrupt(s.libxl + i, 0, "ident");
    }
    for (int i = 8; i < 12; i++) {
        check_corrupt(s.libxl + i, 3, "version");
    }
    for (int i = 12; i < 16; i++) {
        check_corrupt(s.libxl + i, 1, "options");
    }
    check_corrupt(s.libxl + 16, 6, "type 0x6");
    check_corrupt(s.libxl + 16, 5, "COLO");
    check_corrupt(s.libxl + 16, 4, "before the guest's memory");
    check_corrupt(s.libxl + 20, 8, "has no body");
    for (int i = 0; i < 8; i++) {
        check_corrupt(s.image + i, 0, "marker");
    }
    for (int i = 8; i < 12; i++) {
        check_corrupt(s.image + i, 0, "id is");
    }
    check_corrupt(s.image + 15, 1, "version");
    check_corrupt(s.image + 15, 4, "version");
    check_corrupt(s.image + 12, 1, "version");
    check_corrupt(s.image + 16, 1, "options");
    check_corrupt(s.image + 17, 1, "options");
    check_corrupt(s.domain, 3, "guest type");
    check_corrupt(s.domain, 0, "guest type");
    check_corrupt(s.domain + 3, 1, "guest type");
    check_corrupt(s.domain + 4, 17, "pages of");
    check_corrupt(s.domain + 5, 1, "pages of");
    check_corrupt(s.first_record, 0x13, "type 0x13");
    check_corrupt(s.first_record + 1, 1, "type 0x111");
    check_corrupt(s.first_record + 7, 0xff, "too many");
    check_corrupt(s.first_record + 7, 0x09, "too many");
    check_corrupt(s.checkpoints[0] - 4, 1, "has no body");
    check_corrupt(s.checkpoints[0] - 1, 0xff, "too many");
    check_corrupt(s.checkpoints[0] - 8, 1, "second LIBXC_CONTEXT");
    check_corrupt(s.checkpoints[0], 0x34, "type 0x34");
}

/* Lengths at the limits: never more is passed over than the header says, and
 * no sum overflows. */
static void
test_lengths(void **state OVS_UNUSED)
{
    static const struct { uint32_t len; bool ok; } tests[] = {
        { 0, true }, { 1, true }, { 7, true }, { 8, true },
        { FRAMING_MAX_RECORD - 1, true }, { FRAMING_MAX_RECORD, true },
        { FRAMING_MAX_RECORD + 1, false }, { 0x80000000, false },
        { 0xfffffff8, false }, { 0xfffffff9, false }, { 0xffffffff, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        static uint8_t zeros[65536];
        enum framing_event event;
        struct framing f;
        struct stream s;

        make_stream(&s, 1, false);
        put_le32(&s, 1);
        put_le32(&s, tests[i].len);
        framing_init(&f);
        event = feed(&f, &s, 0, s.len);
        assert_int_equal(event == FRAMING_ERROR, !tests[i].ok);
        if (!tests[i].ok) {
            continue;
        }
        for (uint64_t left = ROUND_UP((uint64_t) tests[i].len, 8); left; ) {
            size_t n = MIN(left, sizeof zeros);
            assert_int_equal(framing_feed(&f, zeros, n, &event), n);
            assert_int_equal(event, FRAMING_MORE);
            left -= n;
        }
        s.len = 0;
        put_record(&s, 0xe, 0);
        put_record(&s, 4, 0);
        assert_int_equal(framing_feed(&f, s.data, s.len, &event), s.len);
        assert_int_equal(event, FRAMING_CHECKPOINT);
        assert_int_equal(f.n_checkpoints, 2);
    }
}

/* Rubbish of any kind ends in an error or in nothing, never in a checkpoint
 * that is not there. */
static void
test_rubbish(void **state OVS_UNUSED)
{
    unsigned int seed = 1;

    for (int i = 0; i < 2000; i++) {
        struct framing f;
        struct stream s;
        enum framing_event event;

        make_stream(&s, 3, true);
        for (int j = 0; j < 1 + i % 8; j++) {
            s.data[rand_r(&seed) % s.len] = rand_r(&seed);
        }
        framing_init(&f);
        for (size_t ofs = 0; ofs < s.len; ) {
            ofs += framing_feed(&f, s.data + ofs, s.len - ofs, &event);
            if (event == FRAMING_ERROR) {
                assert_true(f.error[0]);
                break;
            }
        }
        assert_true(f.n_checkpoints <= 3);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_split_in_two),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_rubbish),
    };
    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
