/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rtp.h"

/* The RTP header, one field at a time, and what must not be taken for one. */

/* V=2, PT 0, marker, sequence 0x0102, time stamp 0x03040506, SSRC
 * 0x0708090a, four bytes of voice. */
static const uint8_t plain[] = {
    0x80, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'v', 'o', 'i', 'c',
};

/* Two CSRCs, an extension of one word, three bytes of voice, three of
 * padding: 12 + 2 * 4 + 4 + 4 + 3 + 3 = 34 bytes. */
static const uint8_t full[] = {
    0xb2, 8, 0xff, 0xff, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef,
    1, 1, 1, 1, 2, 2, 2, 2,
    0xbe, 0xde, 0, 1, 9, 9, 9, 9,
    'v', 'o', 'x', 0, 0, 3,
};

/* Parses a copy on the heap that ends where it should: a sanitizer sees any
 * read beyond. */
static enum rtp_verdict
parse(const uint8_t *data, size_t cap, size_t len, struct rtp_packet *rtp)
{
    uint8_t *copy = malloc(cap ? cap : 1);
    assert_non_null(copy);
    memcpy(copy, data, cap);
    memset(rtp, 0, sizeof *rtp);
    enum rtp_verdict verdict = rtp_parse(copy, cap, len, rtp);
    free(copy);
    return verdict;
}

static void
test_plain(void **state)
{
    struct rtp_packet rtp;
    assert_int_equal(parse(plain, sizeof plain, sizeof plain, &rtp), RTP_OK);
    assert_int_equal(rtp.payload_type, 0);
    assert_true(rtp.marker);
    assert_int_equal(rtp.sequence, 0x0102);
    assert_int_equal(rtp.timestamp, 0x03040506);
    assert_int_equal(rtp.ssrc, 0x0708090a);
    assert_int_equal(rtp.n_csrc, 0);
    assert_false(rtp.extension);
    assert_int_equal(rtp.payload_len, 4);
}

static void
test_full(void **state)
{
    struct rtp_packet rtp;
    assert_int_equal(sizeof full, 34);
    assert_int_equal(parse(full, sizeof full, sizeof full, &rtp), RTP_OK);
    assert_int_equal(rtp.payload_type, 8);
    assert_false(rtp.marker);
    assert_int_equal(rtp.sequence, 0xffff);
    assert_int_equal(rtp.ssrc, 0xdeadbeef);
    assert_int_equal(rtp.n_csrc, 2);
    assert_true(rtp.extension);
    assert_int_equal(rtp.payload_len, 3);
}

/* A datagram that ends early is not RTP or not whole, wherever it ends: the
 * header needs 12 bytes, the CSRCs 8, the extension 8; after that the last
 * byte is taken for the padding's length. */
static void
test_cut_datagram(void **state)
{
    struct rtp_packet rtp;
    for (size_t n = 0; n < sizeof full; n++) {
        enum rtp_verdict expect = n < 2 ? RTP_OTHER : RTP_BAD;
        if (n >= 29) {
            /* 'v', 'o', 'x' (more than there is), 0, 0: none is a length. */
            expect = RTP_BAD;
        }
        assert_int_equal(parse(full, n, n, &rtp), expect);
    }
    for (size_t n = 2; n < 12; n++) {
        assert_int_equal(parse(plain, n, n, &rtp), RTP_BAD);
    }
    assert_int_equal(parse(plain, 12, 12, &rtp), RTP_OK);
    assert_int_equal(rtp.payload_len, 0);
}

/* A capture's snap length takes no more away than it must. */
static void
test_snapped(void **state)
{
    struct rtp_packet rtp;
    for (size_t n = 0; n < sizeof full; n++) {
        enum rtp_verdict expect = n < 2 ? RTP_OTHER : n < 12 ? RTP_BAD
                                  : RTP_OK;
        assert_int_equal(parse(full, n, sizeof full, &rtp), expect);
        if (n >= 24) {
            /* Padding cannot be seen: 34 - 28. */
            assert_int_equal(rtp.payload_len, 6);
        }
    }
}

static void
test_padding(void **state)
{
    uint8_t p[sizeof plain];
    struct rtp_packet rtp;

    memcpy(p, plain, sizeof p);
    p[0] |= 0x20;
    p[15] = 4;                  /* All of the payload. */
    assert_int_equal(parse(p, sizeof p, sizeof p, &rtp), RTP_OK);
    assert_int_equal(rtp.payload_len, 0);
    p[15] = 5;                  /* More than that. */
    assert_int_equal(parse(p, sizeof p, sizeof p, &rtp), RTP_BAD);
    p[15] = 0;                  /* Counts itself, so at least 1. */
    assert_int_equal(parse(p, sizeof p, sizeof p, &rtp), RTP_BAD);
    assert_int_equal(parse(p, 12, 12, &rtp), RTP_BAD);
}

static void
test_extension_too_long(void **state)
{
    uint8_t p[sizeof full];
    struct rtp_packet rtp;

    memcpy(p, full, sizeof p);
    p[22] = p[23] = 0xff;       /* 65535 words. */
    assert_int_equal(parse(p, sizeof p, sizeof p, &rtp), RTP_BAD);
}

/* RFC 5761: 64 to 95 in the place of the payload type is RTCP. */
static void
test_rtcp(void **state)
{
    uint8_t p[sizeof plain];
    struct rtp_packet rtp;

    memcpy(p, plain, sizeof p);
    for (int type = 0; type < 256; type++) {
        p[1] = type;
        bool rtcp = type >= 192 && type <= 223;
        /* Without the marker, 64 to 95 are the same seven bits. */
        rtcp |= type >= 64 && type <= 95;
        assert_int_equal(parse(p, sizeof p, sizeof p, &rtp),
                         rtcp ? RTP_RTCP : RTP_OK);
    }
}

static void
test_other(void **state)
{
    static const char *text[] = {
        "INVITE sip:a@b SIP/2.0\r\n", "SIP/2.0 200 OK\r\n", "ACK sip:a@b SIP",
        "BYE sip:a@b SIP/2.0\r\n", "OPTIONS sip:a@b SIP", "REGISTER sip:a SIP",
        "\r\n\r\n        ",
    };
    struct rtp_packet rtp;

    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        size_t n = strlen(text[i]);
        assert_int_equal(parse((const uint8_t *) text[i], n, n, &rtp),
                         RTP_OTHER);
    }
    uint8_t p[sizeof plain];
    memcpy(p, plain, sizeof p);
    for (int version = 0; version < 4; version++) {
        p[0] = version << 6;
        assert_int_equal(parse(p, sizeof p, sizeof p, &rtp),
                         version == 2 ? RTP_OK : RTP_OTHER);
    }
    assert_true(rtp_port_is_reserved(53));
    assert_true(rtp_port_is_reserved(5060));
    assert_false(rtp_port_is_reserved(5004));
    assert_false(rtp_port_is_reserved(16384));
}

static void
test_clocks(void **state)
{
    assert_int_equal(rtp_static_clock(0), 8000);
    assert_int_equal(rtp_static_clock(6), 16000);
    assert_int_equal(rtp_static_clock(9), 8000);
    assert_int_equal(rtp_static_clock(10), 44100);
    assert_int_equal(rtp_static_clock(17), 22050);
    assert_int_equal(rtp_static_clock(26), 90000);
    assert_int_equal(rtp_static_clock(1), 0);   /* Reserved. */
    assert_int_equal(rtp_static_clock(96), 0);  /* Dynamic. */
    assert_int_equal(rtp_static_clock(127), 0);
    assert_string_equal(rtp_static_name(0), "PCMU");
    assert_null(rtp_static_name(2));
    assert_null(rtp_static_name(101));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_cut_datagram),
        cmocka_unit_test(test_snapped),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_extension_too_long),
        cmocka_unit_test(test_rtcp),
        cmocka_unit_test(test_other),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests_name("rtp", tests, NULL, NULL);
}
