/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <pcap/dlt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "plot.h"
#include "report.h"
#include "streams.h"

/* What is taken for a stream and what is not; filters; what report and
 * picture say of it. */

#define MS INT64_C(1000000)
#define T0 (INT64_C(1700000000) * 1000 * MS)

static struct stream_options options;
static struct stream_table table;

static int
setup(void **state)
{
    memset(&options, 0, sizeof options);
    stream_table_init(&table, &options);
    return 0;
}

static int
teardown(void **state)
{
    stream_table_uninit(&table);
    return 0;
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static void
put32(uint8_t *p, uint32_t x)
{
    put16(p, x >> 16);
    put16(p + 2, x);
}

/* A datagram of 'len' bytes from 10.0.0.SRC to 10.0.0.DST. */
static void
datagram(struct stream_table *t, double ms, uint8_t src, uint16_t sport,
         uint8_t dst, uint16_t dport, const void *data, size_t len)
{
    uint8_t p[1500] = {
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, src, 10, 0, 0, dst,
    };
    put16(p + 2, 28 + len);
    put16(p + 20, sport);
    put16(p + 22, dport);
    put16(p + 24, 8 + len);
    memcpy(p + 28, data, len);
    stream_table_add(t, DLT_RAW, T0 + (int64_t) (ms * MS), p, 28 + len,
                     28 + len);
}

static void
voice(struct stream_table *t, double ms, uint8_t src, uint8_t dst,
      uint8_t type, uint16_t seq, uint32_t ssrc)
{
    uint8_t p[172] = { 0x80, type };
    put16(p + 2, seq);
    put32(p + 4, seq * 160);
    put32(p + 8, ssrc);
    datagram(t, ms, src, 10000, dst, 20000, p, sizeof p);
}

static size_t
n_streams(void)
{
    size_t n;
    free(stream_table_sorted(&table, &n));
    return n;
}

static const struct stream *
stream_at(size_t i)
{
    size_t n;
    const struct stream **streams = stream_table_sorted(&table, &n);
    assert_true(i < n);
    const struct stream *s = streams[i];
    free(streams);
    return s;
}

static void
test_probation(void **state)
{
    voice(&table, 0, 1, 2, 0, 7, 1);
    voice(&table, 20, 1, 2, 0, 8, 1);
    assert_int_equal(n_streams(), 0);
    voice(&table, 40, 1, 2, 0, 9, 1);
    assert_int_equal(n_streams(), 1);
    assert_int_equal(stream_at(0)->source.received, 3);
}

static void
test_by_ssrc_and_address(void **state)
{
    for (int i = 0; i < 5; i++) {
        voice(&table, i * 20, 1, 2, 0, i, 1);
        voice(&table, i * 20 + 1, 1, 2, 8, 100 + i, 2); /* Another SSRC. */
        voice(&table, i * 20 + 2, 3, 2, 0, 200 + i, 1); /* Another host. */
    }
    assert_int_equal(n_streams(), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stream_at(i)->source.received, 5);
        assert_int_equal(rtp_source_lost(&stream_at(i)->source), 0);
    }
    assert_int_equal(stream_at(1)->first_type, 8);
}

/* A thousand DNS answers with random ids, a SIP dialogue, RTCP: no stream. */
static void
test_not_rtp(void **state)
{
    uint32_t random = 1;
    for (int i = 0; i < 1000; i++) {
        random = random * 1103515245 + 12345;
        uint8_t dns[40] = { random >> 24, random >> 16, 0x81, 0x80, 0, 1, 0, 1,
                            0, 0, 0, 0 };
        dns[0] = 0x80 | (dns[0] & 0x3f);        /* Looks like V=2... */
        dns[1] &= 0xbf;                         /* ...and not like RTCP. */
        datagram(&table, i, 9, 40000, 1, 41000, dns, sizeof dns);
        datagram(&table, i, 9, 53, 1, 41000, dns, sizeof dns);
        datagram(&table, i, 1, 5060, 2, 5060, "INVITE sip:a@b SIP/2.0", 22);
        uint8_t sr[28] = { 0x80, 200, 0, 6, 0, 0, 0, 1 };
        datagram(&table, i, 1, 10001, 2, 20001, sr, sizeof sr);
    }
    assert_int_equal(n_streams(), 0);
    assert_int_equal(table.rtcp, 1000);
    assert_int_equal(table.frames, 4000);
}

static void
test_ports(void **state)
{
    options.have_ports = true;
    options.port_low = 9000;
    options.port_high = 10000;
    voice(&table, 0, 1, 2, 0, 1, 1);    /* From port 10000: one is enough. */
    assert_int_equal(n_streams(), 1);

    options.port_high = 9999;
    voice(&table, 0, 3, 2, 0, 1, 1);
    assert_int_equal(n_streams(), 1);
}

static void
test_reserved_port(void **state)
{
    uint8_t p[172] = { 0x80 };
    for (int i = 0; i < 5; i++) {
        p[3] = i;
        datagram(&table, i * 20, 1, 5060, 2, 20000, p, sizeof p);
    }
    assert_int_equal(n_streams(), 0);

    options.have_ports = true;          /* Asked for, it is looked at. */
    options.port_low = options.port_high = 5060;
    datagram(&table, 100, 1, 5060, 2, 20000, p, sizeof p);
    assert_int_equal(n_streams(), 1);
}

static void
test_ssrc_and_addresses(void **state)
{
    options.have_ssrc = true;
    options.ssrc = 2;
    options.have_src = true;
    options.src = in6_addr_mapped_ipv4(htonl(0x0a000001));
    voice(&table, 0, 1, 2, 0, 1, 1);
    voice(&table, 0, 3, 2, 0, 1, 2);
    assert_int_equal(n_streams(), 0);
    voice(&table, 0, 1, 2, 0, 1, 2);
    assert_int_equal(n_streams(), 1);

    options.have_dst = true;
    options.dst = in6_addr_mapped_ipv4(htonl(0x0a000002));
    voice(&table, 20, 1, 4, 0, 2, 2);
    assert_int_equal(n_streams(), 1);
    voice(&table, 20, 1, 2, 0, 2, 2);
    assert_int_equal(stream_at(0)->source.received, 2);
}

static void
test_clocks(void **state)
{
    options.clocks[97] = 48000;
    options.clocks[0] = 16000;          /* The user knows better. */
    for (int i = 0; i < 3; i++) {
        voice(&table, i, 1, 2, 96, i, 1);
        voice(&table, i, 1, 2, 97, i, 2);
        voice(&table, i, 1, 2, 0, i, 3);
        voice(&table, i, 1, 2, 26, i, 4);
    }
    for (int i = 0; i < 4; i++) {
        const struct stream *s = stream_at(i);
        unsigned int clocks[] = { 0, 8000, 48000, 16000, 90000 };
        assert_int_equal(s->source.clock, clocks[s->key.ssrc]);
        assert_int_equal(s->clock_assumed, s->key.ssrc == 1);
    }
}

/* Telephone events in between (a dynamic type) have the clock of the voice. */
static void
test_events_keep_the_clock(void **state)
{
    for (int i = 0; i < 6; i++) {
        voice(&table, i * 20, 1, 2, i == 3 ? 101 : 0, i, 1);
    }
    const struct stream *s = stream_at(0);
    assert_int_equal(s->source.clock, 8000);
    assert_false(s->clock_assumed);
    assert_int_equal(s->types[0], 1);
    assert_int_equal(s->types[1], UINT64_C(1) << (101 - 64));
    assert_true(s->source.jitter < 1e-9);
}

/* However many sources a capture invents, few are kept. */
static void
test_flood(void **state)
{
    for (uint32_t i = 0; i < 20000; i++) {
        voice(&table, i, 1, 2, 0, i * 7919, i);
    }
    assert_int_equal(n_streams(), 0);
    assert_true(hmap_count(&table.streams) <= 1024);
    for (int i = 0; i < 3; i++) {
        voice(&table, 30000 + i, 1, 2, 0, i, 77777);
    }
    assert_int_equal(n_streams(), 1);
}

/* 100 packets sent; 90 come back from the other end. */
static void
test_echo(void **state)
{
    for (int i = 0; i < 100; i++) {
        voice(&table, i * 20, 1, 2, 0, i, 1);
        if (i < 40 || i >= 50) {
            uint8_t p[172] = { 0x80, 0 };
            put16(p + 2, i);
            put32(p + 4, i * 160);
            put32(p + 8, 1);
            datagram(&table, i * 20 + 5, 2, 20000, 1, 10000, p, sizeof p);
        }
    }
    struct capture c = { .file = "x", .at = NO_TIME, .table = table };
    struct stream_report r;

    assert_int_equal(n_streams(), 2);
    stream_report_init(&r, &c, stream_at(0));
    assert_false(r.have_sent);
    stream_report_init(&r, &c, stream_at(1));
    assert_true(r.have_sent);
    assert_ptr_equal(r.echo_of, stream_at(0));
    assert_int_equal(r.sent, 100);
    assert_int_equal(r.sent_lost, 10);
}

/* The end of a stream that never arrived is seen by the sender only. */
static void
test_sent(void **state)
{
    struct capture c = { .file = "x", .at = NO_TIME, .sent_file = "y" };
    stream_table_init(&c.sent, &options);
    for (int i = 0; i < 50; i++) {
        voice(&c.sent, i * 20, 5, 2, 0, i, 1);  /* Address translated. */
        voice(&c.sent, i * 20, 5, 2, 0, i, 9);
        if (i >= 10 && i < 30) {
            voice(&table, i * 20 + 7, 1, 2, 0, i, 1);
        }
    }
    c.table = table;
    struct stream_report r;
    stream_report_init(&r, &c, stream_at(0));
    assert_int_equal(r.lost, 0);
    assert_true(r.have_sent);
    assert_int_equal(r.sent, 50);
    assert_int_equal(r.sent_lost, 30);
    stream_table_uninit(&c.sent);
}

static void
test_report(void **state)
{
    struct capture c = { .file = "a\"b.pcap", .label = "la'bel",
                         .at = T0 + 45 * MS };
    for (int i = 0; i < 4; i++) {
        voice(&table, i < 3 ? i * 20 : 2071, 1, 2, 0, i, 0xabc);
    }
    c.table = table;

    struct ds ds = DS_EMPTY_INITIALIZER;
    report_format(&c, 1, REPORT_TEXT, &ds);
    assert_non_null(strstr(ds_cstr(&ds), "stream 0x00000abc  10.0.0.1:10000 > "
                           "10.0.0.2:20000  type 0 PCMU at 8000 Hz\n"));
    assert_non_null(strstr(ds_cstr(&ds), "downtime  2031.000 ms (largest gap),"
                           " from 1700000000.040000 to 1700000002.071000"));
    ds_clear(&ds);
    report_format(&c, 1, REPORT_CSV, &ds);
    assert_non_null(strstr(ds_cstr(&ds), "\n\"la'bel\",0x00000abc,"
                           "10.0.0.1:10000,10.0.0.2:20000,0,8000,,4,4,0,"));
    ds_clear(&ds);
    report_format(&c, 1, REPORT_JSON, &ds);
    assert_non_null(strstr(ds_cstr(&ds), "\"a\\\"b.pcap\""));
    assert_non_null(strstr(ds_cstr(&ds), "\"gap_ms\": 2031"));
    assert_non_null(strstr(ds_cstr(&ds), "\"sent\": null"));
    ds_destroy(&ds);
}

/* Names and labels cannot leave their quotes. */
static void
test_plot(void **state)
{
    struct capture_mark mark = { T0 + 50 * MS, "it's\n`reboot`" };
    struct capture c = { .file = "x", .label = "a'; system 'reboot",
                         .at = T0 + 45 * MS, .marks = &mark, .n_marks = 1 };
    for (int i = 0; i < 4; i++) {
        voice(&table, i < 3 ? i * 20 : 2071, 1, 2, 0, i, 0xabc);
    }
    c.table = table;

    struct ds ds = DS_EMPTY_INITIALIZER;
    plot_format(&c, 1, "out.svg", "o'u\tt", &ds);
    assert_non_null(strstr(ds_cstr(&ds), "set title 'o''u t'\n"));
    assert_non_null(strstr(ds_cstr(&ds), "'it''s `reboot`'"));
    assert_non_null(strstr(ds_cstr(&ds), "'a''; system ''reboot: "));
    /* The gap from 40 to 2071 ms, seen from 45; the line is broken there. */
    assert_non_null(strstr(ds_cstr(&ds),
                           "from -0.005000,graph 0 to 2.026000,graph 1"));
    assert_non_null(strstr(ds_cstr(&ds), "-0.005000 0.000000\n\n2.026000 "));
    assert_non_null(strstr(ds_cstr(&ds), "'downtime 2031 ms'"));
    /* The event itself is marked where all captures know it. */
    assert_non_null(strstr(ds_cstr(&ds), "arrow 999 from 0,graph 0 to 0,"));
    ds_clear(&ds);
    c.at = NO_TIME;
    plot_format(&c, 1, "out.svg", NULL, &ds);
    assert_null(strstr(ds_cstr(&ds), "arrow 999 "));
    ds_destroy(&ds);

    assert_true(plot_file_is_supported("a.png"));
    assert_true(plot_file_is_supported("a.b.svg"));
    assert_false(plot_file_is_supported("a.pdf"));
    assert_false(plot_file_is_supported("png"));
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_probation),
        TEST(test_by_ssrc_and_address),
        TEST(test_not_rtp),
        TEST(test_ports),
        TEST(test_reserved_port),
        TEST(test_ssrc_and_addresses),
        TEST(test_clocks),
        TEST(test_events_keep_the_clock),
        TEST(test_flood),
        TEST(test_echo),
        TEST(test_sent),
        TEST(test_report),
        TEST(test_plot),
    };
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
