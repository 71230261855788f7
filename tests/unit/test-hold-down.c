/* SPDX-License-Identifier: Apache-2.0 */
/* The hold-down: what does not happen so soon after a failover, and since when
 * it counts. */

#include <config.h>

#include "binding-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util.h"

/* So soon after a failover the next one waits for an operator, or its time. */
static void
test_hold_down(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_PROTECTED, "s1");
    x->f.guest = GUEST_UNKNOWN;
    x->f.recv_session = "s1";
    x->f.recv_whole = x->f.recv_gated = x->f.recv_suspect = true;
    x->f.witness_self = WITNESS_UP;
    x->f.hold_ms = 1;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* Nothing would be. */
    x->f.witness_owner = WITNESS_DOWN;
    assert_int_equal(event_on(x, "B"), BE_HELD_DOWN);
    x->f.switch_asked = true;
    assert_int_equal(event_on(x, "B"), BE_PRIMARY_DEAD);
    x->f.switch_asked = false;
    x->f.hold_ms = 0;
    assert_int_equal(event_on(x, "B"), BE_PRIMARY_DEAD);
    x->f.hold_ms = 1;
    x->f.failover_auto = false;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* It waits anyway. */

    /* What the owner gave up, if no operator made it. */
    be(x, DTS_RELEASED, "s1");
    assert_int_equal(event_on(x, "B"), BE_HELD_DOWN);
    x->f.switch_asked = true;
    assert_int_equal(event_on(x, "B"), BE_COPY_HELD);
    x->f.switch_asked = false;
    x->f.hold_ms = -1;
    assert_int_equal(event_on(x, "B"), BE_COPY_HELD);
    x->f.hold_ms = 1;
    be(x, DTS_RELEASED, "");
    x->f.renamed_here = true;
    assert_int_equal(event_on(x, "B"), BE_MIGRATED_HERE);

    /* Nobody may do anything about it. */
    for (int s = 0; s < DTS_N_STATES; s++) {
        assert_null(binding_next(BINDING_STANDBY, s, BE_HELD_DOWN));
    }
}

/* The owner of a guest that has crashed does not take its release back before
 * the standby may have it. */
static void
test_hold_down_released(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_RELEASED, "s1");
    x->f.in_state_ms = BINDING_RELEASE_MS;
    x->f.guest = GUEST_CRASHED;
    assert_int_equal(event_on(x, "A"), BE_RELEASE_EXPIRED);
    x->f.hold_ms = 1;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.hold_ms = 1 - BINDING_RELEASE_MS;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.hold_ms = -BINDING_RELEASE_MS;
    assert_int_equal(event_on(x, "A"), BE_RELEASE_EXPIRED);
    /* An operator's switch that nobody took. */
    x->f.hold_ms = 1;
    x->f.guest = GUEST_SUSPENDED;
    assert_int_equal(event_on(x, "A"), BE_RELEASE_EXPIRED);
}

static void
test_hold_ms(void **state)
{
    struct fixture *x = *state;

    assert_true(binding_hold_ms(x->d, 60, 0) == BINDING_NO_HOLD);
    x->d->failover_at = 1;
    assert_int_equal(binding_hold_ms(x->d, 60, 0), 60000);
    assert_int_equal(binding_hold_ms(x->d, 60, 61000), -1000);
    assert_true(binding_hold_ms(x->d, 0, 0) == BINDING_NO_HOLD);
}

static int64_t
failover_at(enum binding_role role, enum dts_state s, enum binding_event event,
            bool by_operator, int64_t old)
{
    const struct binding_rule *rule = binding_next(role, s, event);

    assert_non_null(rule);
    return binding_failover_at(rule, by_operator, old, 99);
}

/* Which steps begin the hold-down, and which end it. */
static void
test_failover_at(void **state OVS_UNUSED)
{
#define O BINDING_OWNER
#define S BINDING_STANDBY
    assert_int_equal(failover_at(S, DTS_PROTECTED, BE_PRIMARY_DEAD, 0, 7), 99);
    assert_int_equal(failover_at(S, DTS_RELEASED, BE_COPY_HELD, 0, 7), 99);
    assert_int_equal(failover_at(O, DTS_GRANTED, BE_RESUMED, 0, 7), 99);
    assert_int_equal(failover_at(O, DTS_GRANTED, BE_RESUMED, 0, 0), 0);

    assert_int_equal(failover_at(S, DTS_PROTECTED, BE_PRIMARY_DEAD, 1, 7), 0);
    assert_int_equal(failover_at(S, DTS_RELEASED, BE_COPY_HELD, 1, 7), 0);
    assert_int_equal(failover_at(S, DTS_RELEASED, BE_MIGRATED_HERE, 0, 7), 0);
    assert_int_equal(failover_at(O, DTS_STOPPED, BE_SWITCH_STOPPED, 1, 7), 0);
    assert_int_equal(failover_at(S, DTS_FAILED, BE_TAKE_BACK, 0, 7), 0);
    assert_int_equal(failover_at(O, DTS_STOPPED, BE_GUEST_STARTED, 0, 7), 0);
    assert_int_equal(failover_at(O, DTS_LOST, BE_GUEST_STARTED, 0, 7), 0);

    assert_int_equal(failover_at(O, DTS_ALONE, BE_SESSION_BEGAN, 0, 7), 7);
    assert_int_equal(failover_at(S, DTS_ALONE, BE_COPY_WHOLE, 0, 7), 7);
    assert_int_equal(failover_at(O, DTS_PROTECTED, BE_LINK_LOST, 0, 7), 7);
    assert_int_equal(failover_at(O, DTS_PROTECTED, BE_GUEST_REBOOT, 0, 7), 7);
    assert_int_equal(failover_at(O, DTS_PROTECTED, BE_GUEST_LOST_FAILOVER, 0,
                                 7), 7);
    assert_int_equal(failover_at(O, DTS_PROTECTED, BE_SWITCH_READY, 1, 7), 7);
#undef O
#undef S
}

int
main(void)
{
#define TEST(NAME) \
    cmocka_unit_test_setup_teardown(NAME, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_hold_down),
        TEST(test_hold_down_released),
        TEST(test_hold_ms),
        TEST(test_failover_at),
    };
#undef TEST

    return cmocka_run_group_tests_name("hold-down", tests, NULL, NULL);
}
