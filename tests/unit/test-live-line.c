/* SPDX-License-Identifier: Apache-2.0 */
/* The line of `xl-remus protect` on a terminal. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/live-line.h"
#include "remus-dts/remus.h"
#include "util.h"

#define MIB (UINT64_C(1) << 20)

static void
test_copy(void **state OVS_UNUSED)
{
    struct live_copy c = { .at = 0 };
    char line[160];

    live_line_copy(&c, "voip", 0, 512 * MIB, 1000, line, 79);
    assert_string_equal(line, "voip: first copy, 0 of about 512 MiB");
    live_line_copy(&c, "voip", 32 * MIB, 512 * MIB, 2000, line, 79);
    assert_string_equal(line, "voip: first copy 6 %, 32 of about 512 MiB, "
                        "33.6 MB/s, 16 s left");
    /* It is smoothed, and no clock that stands still breaks it. */
    live_line_copy(&c, "voip", 48 * MIB, 512 * MIB, 3000, line, 79);
    assert_string_equal(line, "voip: first copy 9 %, 48 of about 512 MiB, "
                        "28.5 MB/s, 18 s left");
    live_line_copy(&c, "voip", 64 * MIB, 512 * MIB, 3000, line, 79);
    assert_non_null(strstr(line, "64 of about 512 MiB, 28.5 MB/s"));
    /* The copy is longer than the guest's memory: what it writes meanwhile. */
    live_line_copy(&c, "voip", 512 * MIB, 512 * MIB, 9000, line, 79);
    assert_string_equal(line, "voip: first copy, 512 of about 512 MiB");
    live_line_copy(&c, "voip", 600 * MIB, 0, 9500, line, 79);
    assert_string_equal(line, "voip: first copy, 600 of about 0 MiB");
    /* Next to nothing a second. */
    memset(&c, 0, sizeof c);
    live_line_copy(&c, "voip", 0, UINT64_MAX, 1, line, 79);
    live_line_copy(&c, "voip", 1, UINT64_MAX, 60001, line, 79);
    assert_true(strlen(line) <= 79);
    assert_null(strchr(line, '-'));
}

static void
test_checkpoint(void **state OVS_UNUSED)
{
    const struct remus_dts_checkpoint c = {
        .n = 1204, .bytes = 412 << 10, .wire_bytes = 415 << 10,
        .interval_us = 100400, .pause_us = 3100, .ack_us = 2200,
        .pages = 97, .held_frames = 12,
    };
    struct remus_dts_checkpoint big;
    char line[160];

    live_line_checkpoint("voip", &c, line, 132);
    assert_string_equal(line, "voip: epoch 1204, each 100 ms, 97 pages, 412 "
                        "KiB (415 on the wire), pause 3 ms, ack 2 ms, 12 "
                        "held");
    live_line_checkpoint("voip", &c, line, 79);
    assert_string_equal(line, "voip: epoch 1204, each 100 ms, 97 pages, 412 "
                        "KiB, pause 3 ms, ack 2 ms, 12 held");
    memset(&big, 0x7f, sizeof big);
    for (size_t width = 0; width < sizeof line; width++) {
        memset(line, 'x', sizeof line);
        live_line_checkpoint("voip", width % 2 ? &big : &c, line, width);
        assert_true(memchr(line, '\0', width + 1) != NULL);
        assert_true(!strncmp(line, "voip: epoch ", MIN(width, 12)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_checkpoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
