/* SPDX-License-Identifier: Apache-2.0 */
/* When a checkpoint waits for the standby. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../libxl-ext/pace.h"

static void
nothing_is_unacknowledged(void **state)
{
    struct pace p = { .n = 0 };

    (void) state;
    assert_false(pace_lags(&p, 0, 1000000));
    pace_written(&p, 1, 1000);
    assert_false(pace_lags(&p, 1, 1000000));
    /* The standby is ahead of what is known here. */
    assert_false(pace_lags(&p, 5, 1000000));
}

static void
young_ones_may_be_under_way(void **state)
{
    struct pace p = { .n = 0 };

    (void) state;
    for (int n = 1; n <= 5; n++) {
        pace_written(&p, n, 1000 + n * 50);
        assert_false(pace_lags(&p, 0, 1000 + n * 50));
    }
    assert_false(pace_lags(&p, 0, 1050 + PACE_LAG_MS));
    assert_true(pace_lags(&p, 0, 1050 + PACE_LAG_MS + 1));
    /* Only the oldest that is missing counts. */
    assert_false(pace_lags(&p, 1, 1050 + PACE_LAG_MS + 1));
    assert_true(pace_lags(&p, 1, 1100 + PACE_LAG_MS + 1));
    assert_false(pace_lags(&p, 5, 1000000));
}

static void
never_more_than_the_window(void **state)
{
    struct pace p = { .n = 0 };

    (void) state;
    for (int n = 1; n < PACE_WINDOW; n++) {
        pace_written(&p, n, 1000);
        assert_false(pace_lags(&p, 0, 1000));
    }
    pace_written(&p, PACE_WINDOW, 1000);
    assert_true(pace_lags(&p, 0, 1000));
    assert_false(pace_lags(&p, 1, 1000));
    assert_true(pace_lags(&p, 1, 1000 + PACE_LAG_MS + 1));
}

static void
unknown_is_no_reason_to_wait(void **state)
{
    struct pace p = { .n = 0 };

    (void) state;
    pace_written(&p, 1, 1000);
    assert_false(pace_lags(&p, -1, 1000000));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_unacknowledged),
        cmocka_unit_test(young_ones_may_be_under_way),
        cmocka_unit_test(never_more_than_the_window),
        cmocka_unit_test(unknown_is_no_reason_to_wait),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
