/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "jitter.h"

/* Jitter against values computed by hand, and each way in which sequence
 * numbers can misbehave.
 *
 * Unless said otherwise: G.711, 8000 Hz, a packet each 20 ms, so 160 units. */

#define MS INT64_C(1000000)
#define T0 (INT64_C(1700000000) * 1000 * MS)

static struct rtp_source s;

static int
setup(void **state)
{
    rtp_source_init(&s, 8000);
    return 0;
}

static int
teardown(void **state)
{
    rtp_source_uninit(&s);
    return 0;
}

static void
packet(double ms, uint16_t seq, uint32_t ts)
{
    rtp_source_packet(&s, T0 + llround(ms * MS), seq, ts, 8000);
}

static void
assert_near(double value, double expect)
{
    if (!(fabs(value - expect) < 1e-6)) {
        print_error("%.9f, expected %.9f\n", value, expect);
        fail();
    }
}

/* Arrivals in ms, and what follows from equations 1 and 2:
 *
 *   i  R ms  S     D = (dR * 8) - dS      J
 *   0    0     0   -                      0
 *   1   20   160   160 - 160 =    0       0
 *   2   50   320   240 - 160 =   80       80 / 16             =  5
 *   3   60   480    80 - 160 =  -80       5 + (80 - 5) / 16   =  9.6875
 *   4   80   640   160 - 160 =    0       9.6875 * 15 / 16    =  9.08203125
 *   5  110   800   240 - 160 =   80       9.08203125 + 70.91796875 / 16
 *                                                             = 13.514404296875
 * In ms: /8.  Mean over the five: (0 + 5 + 9.6875 + 9.08203125
 *   + 13.514404296875) / 5 / 8 = 0.932098388671875; median 9.08203125 / 8. */
static void
test_by_hand(void **state)
{
    static const double arrivals[] = { 0, 20, 50, 60, 80, 110 };
    static const double jitter[] = {
        0, 0, 5, 9.6875, 9.08203125, 13.514404296875,
    };
    for (int i = 0; i < 6; i++) {
        packet(arrivals[i], 100 + i, 160 * i);
        assert_near(s.jitter, jitter[i]);
        if (i) {
            assert_near(s.samples[i].jitter, jitter[i] / 8);
        } else {
            assert_true(isnan(s.samples[i].jitter));
        }
    }
    assert_near(s.jitter_max, 13.514404296875);

    struct rtp_summary sum;
    rtp_source_summarize(&s, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.packets, 6);
    assert_int_equal(sum.n_jitter, 5);
    assert_near(sum.mean, 0.932098388671875);
    assert_near(sum.median, 9.08203125 / 8);
    assert_near(sum.max, 13.514404296875 / 8);
    assert_int_equal(sum.gap, 30 * MS);
    assert_int_equal(sum.gap_begin, T0 + 20 * MS);
    assert_int_equal(sum.gap_end, T0 + 50 * MS);
}

/* A constant |D| of 16 units approaches 16: J(n) = 16 (1 - (15/16)^n). */
static void
test_converges(void **state)
{
    packet(0, 0, 0);
    for (int i = 1; i <= 200; i++) {
        packet(i * 22, i, i * 160);     /* 22 ms: 176 units, D = 16. */
        assert_near(s.jitter, 16 * (1 - pow(15.0 / 16, i)));
    }
}

/* 90 kHz: 33 ms are 2970 units against 3000: D = -30, J = 30/16 = 1.875
 * units = 0.0208333 ms. */
static void
test_other_clock(void **state)
{
    rtp_source_uninit(&s);
    rtp_source_init(&s, 90000);
    rtp_source_packet(&s, T0, 1, 0, 90000);
    rtp_source_packet(&s, T0 + 33 * MS, 2, 3000, 90000);
    assert_near(s.jitter, 1.875);
    assert_near(s.samples[1].jitter, 1.875 / 90);
}

/* J = 5 units at 8 kHz = 0.625 ms = 56.25 units at 90 kHz; no D between the
 * two; then D = 0: 56.25 * 15 / 16 = 52.734375 units = 0.5859375 ms. */
static void
test_clock_changes(void **state)
{
    packet(0, 0, 0);
    packet(30, 1, 160);
    assert_near(s.jitter, 5);
    rtp_source_packet(&s, T0 + 50 * MS, 2, 7777, 90000);
    assert_near(s.jitter, 56.25);
    assert_true(isnan(s.samples[2].jitter));
    rtp_source_packet(&s, T0 + 60 * MS, 3, 7777 + 900, 90000);
    assert_near(s.jitter, 52.734375);
    assert_near(s.samples[3].jitter, 0.5859375);
}

static void
test_sequence_wraps(void **state)
{
    for (int i = 0; i < 10; i++) {
        packet(i * 20, 65531 + i, i * 160);     /* 65531 ... 65535, 0 ... 4 */
    }
    assert_int_equal(s.received, 10);
    assert_int_equal(s.unique, 10);
    assert_int_equal(rtp_source_expected(&s), 10);
    assert_int_equal(rtp_source_lost(&s), 0);
    assert_int_equal(s.reordered, 0);
    assert_int_equal(s.restarts, 0);
    assert_near(s.jitter, 0);
}

/* Three times round: 200,000 packets of which every 100th is missing. */
static void
test_sequence_wraps_often(void **state)
{
    for (int i = 0; i < 200000; i++) {
        if (i % 100 != 50) {
            packet(i * 20.0, i, i * 160u);
        }
    }
    assert_int_equal(rtp_source_expected(&s), 200000);
    assert_int_equal(rtp_source_lost(&s), 2000);
    assert_int_equal(s.restarts, 0);
}

/* The wrap itself is lost, and a late packet comes back across it. */
static void
test_wrap_with_loss_and_reordering(void **state)
{
    packet(0, 65533, 0);
    packet(20, 65534, 160);
    packet(80, 1, 640);         /* 65535 and 0 are missing... */
    packet(81, 65535, 320);     /* ...one was late... */
    packet(100, 2, 800);
    assert_int_equal(rtp_source_expected(&s), 6);
    assert_int_equal(s.received, 5);
    assert_int_equal(rtp_source_lost(&s), 1);
    assert_int_equal(s.reordered, 1);
    assert_int_equal(s.duplicates, 0);
}

static void
test_time_stamp_wraps(void **state)
{
    uint32_t ts = UINT32_MAX - 159;     /* The next one is 0. */
    for (int i = 0; i < 5; i++) {
        packet(i * 20, i, ts + i * 160u);
    }
    assert_int_equal(s.samples[1].jitter == 0, 1);
    assert_near(s.jitter, 0);
}

static void
test_loss(void **state)
{
    packet(0, 10, 0);
    packet(20, 11, 160);
    packet(100, 15, 800);       /* 12, 13 and 14 are missing. */
    assert_int_equal(rtp_source_expected(&s), 6);
    assert_int_equal(rtp_source_lost(&s), 3);
    /* The sender stopped nothing: dR = 80 ms, dS = 640 units: D = 0. */
    assert_near(s.jitter, 0);

    struct rtp_summary sum;
    rtp_source_summarize(&s, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.gap, 80 * MS);
    assert_int_equal(sum.gap_begin, T0 + 20 * MS);
    assert_int_equal(sum.gap_end, T0 + 100 * MS);
}

/* i counts in the order of arrival:
 *   12 after 10: dR = 40 ms = 320, dS = 320: 0
 *   11 after 12: dR = 5 ms = 40, dS = -160: D = 200, J = 12.5
 *   13 after 11: dR = 15 ms = 120, dS = 320: D = -200,
 *                J = 12.5 + 187.5 / 16 = 24.21875 */
static void
test_reordering(void **state)
{
    packet(0, 10, 0);
    packet(40, 12, 320);
    packet(45, 11, 160);
    packet(60, 13, 480);
    assert_int_equal(s.reordered, 1);
    assert_int_equal(s.duplicates, 0);
    assert_int_equal(rtp_source_lost(&s), 0);
    assert_int_equal(rtp_source_expected(&s), 4);
    assert_near(s.jitter, 24.21875);
}

/* The first packets are late themselves: the numbering begins below. */
static void
test_reordered_start(void **state)
{
    packet(0, 1, 160);
    packet(1, 0, 0);
    packet(2, 65535, UINT32_MAX - 159);
    packet(40, 2, 320);
    assert_int_equal(rtp_source_expected(&s), 4);
    assert_int_equal(rtp_source_lost(&s), 0);
    assert_int_equal(s.reordered, 2);
}

/* A duplicate 1 ms later: dR = 8, dS = 0: J = 0.5; it makes up for no loss. */
static void
test_duplicates(void **state)
{
    packet(0, 10, 0);
    packet(1, 10, 0);
    assert_near(s.jitter, 0.5);
    packet(40, 12, 320);
    packet(41, 12, 320);
    packet(42, 12, 320);
    assert_int_equal(s.received, 5);
    assert_int_equal(s.unique, 2);
    assert_int_equal(s.duplicates, 3);
    assert_int_equal(s.reordered, 0);
    assert_int_equal(rtp_source_expected(&s), 3);
    assert_int_equal(rtp_source_lost(&s), 1);
}

/* New numbers, new time stamps, two in a row: a restart, and no D across. */
static void
test_restart(void **state)
{
    packet(0, 100, 0);
    packet(20, 101, 160);
    packet(60, 103, 480);               /* 102 is missing. */
    packet(500, 40000, 12345678);
    assert_int_equal(s.received, 3);    /* Not believed yet. */
    packet(520, 40001, 12345838);
    packet(560, 40003, 12346158);       /* 40002 is missing. */
    assert_int_equal(s.restarts, 1);
    assert_int_equal(s.received, 6);
    assert_int_equal(s.strays, 0);
    assert_int_equal(rtp_source_expected(&s), 4 + 4);
    assert_int_equal(rtp_source_lost(&s), 2);
    assert_near(s.jitter, 0);
    assert_true(isnan(s.samples[3].jitter));

    struct rtp_summary sum;
    rtp_source_summarize(&s, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.gap, 440 * MS);
    assert_int_equal(sum.gap_end, T0 + 500 * MS);
}

/* One packet of rubbish changes nothing but its own count. */
static void
test_stray(void **state)
{
    packet(0, 100, 0);
    packet(20, 101, 160);
    packet(30, 40000, 99);
    packet(40, 102, 320);
    packet(45, 50000, 99);
    packet(46, 20000, 99);      /* Not the one after 50000. */
    packet(60, 103, 480);
    assert_int_equal(s.received, 4);
    assert_int_equal(s.strays, 3);
    assert_int_equal(s.restarts, 0);
    assert_int_equal(rtp_source_lost(&s), 0);
    assert_near(s.jitter, 0);
}

/* 2999 ahead is loss, 3000 is not; 100 behind is late, 101 is not. */
static void
test_limits(void **state)
{
    packet(0, 1000, 0);
    packet(1, 3999, 5);
    assert_int_equal(s.received, 2);
    packet(2, 6999, 11);
    assert_int_equal(s.received, 2);
    packet(3, 3899, 7);
    assert_int_equal(s.received, 3);
    packet(4, 3898, 9);
    assert_int_equal(s.received, 3);
}

/* A downtime of 100 s: 5000 packets lost, while the sender talked on. */
static void
test_long_downtime_is_no_restart(void **state)
{
    packet(0, 65000, 0);
    packet(20, 65001, 160);
    packet(100040, (uint16_t) (65001 + 5001), 160 + 5001 * 160);
    packet(100060, (uint16_t) (65001 + 5002), 160 + 5002 * 160);
    assert_int_equal(s.restarts, 0);
    assert_int_equal(rtp_source_expected(&s), 5004);
    assert_int_equal(rtp_source_lost(&s), 5000);
    assert_near(s.jitter, 0);
}

/* A guest goes back to its last checkpoint: 150 packets are sent again, 3 s
 * after the last.  dR = 3000 ms = 24000 units; dS = -149 * 160 = -23840:
 * D = 47840, J = 2990; the rest is on time: J * (15/16)^n. */
static void
test_rollback(void **state)
{
    for (int i = 0; i < 1000; i++) {
        packet(i * 20, 1000 + i, i * 160);
    }
    double resumed = 999 * 20 + 3000;
    for (int i = 850; i < 1100; i++) {
        packet(resumed + (i - 850) * 20, 1000 + i, i * 160);
        assert_near(s.jitter, 2990 * pow(15.0 / 16, i - 850));
    }
    assert_int_equal(s.restarts, 0);
    assert_int_equal(s.duplicates, 150);
    assert_int_equal(s.reordered, 0);
    assert_int_equal(s.unique, 1100);
    assert_int_equal(rtp_source_expected(&s), 1100);
    assert_int_equal(rtp_source_lost(&s), 0);
    assert_near(s.jitter_max, 2990);
}

/* The instant belongs to "after"; so does the gap around it. */
static void
test_split(void **state)
{
    struct rtp_summary before, after;

    packet(0, 0, 0);
    packet(20, 1, 160);
    packet(50, 2, 320);         /* D = 80, J = 5 units = 0.625 ms. */
    packet(550, 3, 480);        /* D = 3840, J = 5 + 3835/16 = 244.6875. */
    packet(570, 4, 640);        /* J = 229.39453125 */

    rtp_source_summarize(&s, INT64_MIN, T0 + 100 * MS, &before);
    rtp_source_summarize(&s, T0 + 100 * MS, INT64_MAX, &after);
    assert_int_equal(before.packets, 3);
    assert_int_equal(before.n_jitter, 2);
    assert_near(before.median, 0.3125);
    assert_near(before.max, 0.625);
    assert_int_equal(before.gap, 30 * MS);
    assert_int_equal(after.packets, 2);
    assert_near(after.max, 244.6875 / 8);
    assert_near(after.median, (244.6875 + 229.39453125) / 16);
    assert_int_equal(after.gap, 500 * MS);
    assert_int_equal(after.gap_begin, T0 + 50 * MS);

    rtp_source_summarize(&s, INT64_MIN, T0 + 550 * MS, &before);
    assert_int_equal(before.packets, 3);
    rtp_source_summarize(&s, T0 + 1000 * MS, INT64_MAX, &after);
    assert_int_equal(after.packets, 0);
    assert_int_equal(after.n_jitter, 0);
    assert_true(isnan(after.median) && isnan(after.mean) && isnan(after.max));
    assert_int_equal(after.gap, 0);
}

static void
test_nothing(void **state)
{
    struct rtp_summary sum;
    rtp_source_summarize(&s, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.packets, 0);
    assert_true(isnan(sum.mean));
    assert_int_equal(rtp_source_expected(&s), 0);
    assert_int_equal(rtp_source_lost(&s), 0);
}

/* A capture whose clock was set back: no gap is negative. */
static void
test_time_goes_back(void **state)
{
    struct rtp_summary sum;
    packet(1000, 0, 0);
    packet(0, 1, 160);
    packet(20, 2, 320);
    rtp_source_summarize(&s, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.gap, 20 * MS);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_by_hand),
        TEST(test_converges),
        TEST(test_other_clock),
        TEST(test_clock_changes),
        TEST(test_sequence_wraps),
        TEST(test_sequence_wraps_often),
        TEST(test_wrap_with_loss_and_reordering),
        TEST(test_time_stamp_wraps),
        TEST(test_loss),
        TEST(test_reordering),
        TEST(test_reordered_start),
        TEST(test_duplicates),
        TEST(test_restart),
        TEST(test_stray),
        TEST(test_limits),
        TEST(test_long_downtime_is_no_restart),
        TEST(test_rollback),
        TEST(test_split),
        TEST(test_nothing),
        TEST(test_time_goes_back),
    };
    return cmocka_run_group_tests_name("jitter", tests, NULL, NULL);
}
