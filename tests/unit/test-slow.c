/* SPDX-License-Identifier: Apache-2.0 */
/* When checkpoints are told to come too seldom, and what is said of it. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "remus-dts/remus.h"
#include "../../libxl-ext/slow.h"

/* Adds 'n' checkpoints of that interval; returns how often it changed. */
static int
add(struct slow *s, int n, int interval_ms)
{
    struct remus_dts_checkpoint c = {
        .interval_us = interval_ms * INT64_C(1000),
    };
    int changes = 0;

    while (n--) {
        changes += slow_checkpoint(s, &c);
    }
    return changes;
}

static void
test_bound(void **state)
{
    struct slow s = { .bound_ms = 500 };

    (void) state;
    assert_int_equal(add(&s, 100, 500), 0);
    assert_false(s.slow);
    assert_int_equal(add(&s, SLOW_CHECKPOINTS - 1, 501), 0);
    assert_int_equal(add(&s, 1, 501), 1);
    assert_true(s.slow);
    assert_int_equal(add(&s, 100, 900), 0);

    /* And back, as late. */
    assert_int_equal(add(&s, SLOW_CHECKPOINTS - 1, 200), 0);
    assert_true(s.slow);
    assert_int_equal(add(&s, 1, 200), 1);
    assert_false(s.slow);
}

static void
test_now_and_then(void **state)
{
    struct slow s = { .bound_ms = 500 };

    (void) state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(add(&s, SLOW_CHECKPOINTS - 1, 2000), 0);
        assert_int_equal(add(&s, 1, 100), 0);
    }
    /* The first ones have no interval. */
    assert_int_equal(add(&s, SLOW_CHECKPOINTS - 1, 2000), 0);
    assert_int_equal(add(&s, 1, 0), 0);
    assert_int_equal(add(&s, 1, 2000), 0);
    assert_false(s.slow);
}

static void
test_default(void **state)
{
    (void) state;
    assert_int_equal(slow_default_bound(40), 2000);
    assert_int_equal(slow_default_bound(200), 2000);
    assert_int_equal(slow_default_bound(1000), 10000);
}

static void
says(const struct remus_dts_checkpoint *c, const char *what)
{
    char *s = slow_text(c, 200);

    if (!strstr(s, what) || !strstr(s, "each 3000 ms, not each 200")) {
        fail_msg("\"%s\" is not about \"%s\"", s, what);
    }
    free(s);
}

static void
test_text(void **state)
{
    struct remus_dts_checkpoint c = { .interval_us = 3000000 };

    (void) state;
    c.suspend_us = 900000;
    says(&c, "900 ms of it: the guest takes long to stand still");
    c.pause_us = 1000000;
    says(&c, "1000 ms of it: the guest's memory");
    c.send_us = 600000;
    c.ack_us = 500000;
    says(&c, "1100 ms of it: the link takes long to send");
    c.ack_us = 700000;
    says(&c, "1300 ms of it: the standby takes long");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_now_and_then),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests_name("slow", tests, NULL, NULL);
}
