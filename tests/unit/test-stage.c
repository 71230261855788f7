/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end's state machine: its steps, the time-out of an xl that
 * hangs, and every order in which suspicions, verdicts and ends may come. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../remus-hooks/link/stage.h"
#include "util.h"

#define SILENCE 1
#define RESET 3

static void
test_copying(void **state OVS_UNUSED)
{
    static const char *const verdicts[] = { "kill", "denied", "commit",
                                            "granted" };
    struct stage s;

    stage_init(&s);
    assert_true(stage_passes(&s, false));
    assert_true(stage_wants(&s, true, 9, 10, 5));
    assert_false(stage_wants(&s, true, 10, 10, 50));
    assert_false(stage_wants(&s, false, 0, 10, 50));
    assert_int_equal(stage_suspicion(&s, 0), 0);
    assert_int_equal(stage_drained(&s), 0);
    /* An end is just an end: nobody is asked. */
    assert_int_equal(stage_suspicion(&s, SILENCE),
                     STAGE_SAY_SUSPECT | STAGE_END);
    assert_int_equal(stage_suspicion(&s, 0), 0);
    assert_int_equal(stage_verdict(&s, "kill"), 0);

    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
        stage_init(&s);
        assert_int_equal(stage_verdict(&s, verdicts[i]), STAGE_END);
        assert_false(stage_whole(&s));
        assert_false(stage_wants(&s, true, 0, 10, 50));
    }
}

static void
test_holding(void **state OVS_UNUSED)
{
    struct stage s;

    stage_init(&s);
    assert_true(stage_whole(&s));
    assert_false(stage_whole(&s));
    assert_false(stage_passes(&s, false));
    assert_true(stage_passes(&s, true));        /* xl's own end of it. */
    assert_true(stage_wants(&s, true, 10, 10, 50));
    assert_false(stage_wants(&s, true, 50, 10, 50));
    assert_int_equal(stage_drained(&s), 0);

    /* A suspicion ends nothing; it is asked once. */
    assert_int_equal(stage_suspicion(&s, SILENCE),
                     STAGE_SAY_SUSPECT | STAGE_ASK);
    assert_int_equal(stage_suspicion(&s, SILENCE), 0);
    assert_int_equal(stage_suspicion(&s, 0), STAGE_SAY_HEARD);
    assert_int_equal(stage_suspicion(&s, SILENCE), STAGE_SAY_SUSPECT);
    assert_int_equal(stage_suspicion(&s, RESET), STAGE_SAY_SUSPECT);
    assert_int_equal(stage_verdict(&s, "something new"), 0);
    assert_int_equal(stage_verdict(&s, "denied"), STAGE_END);
    assert_int_equal(stage_suspicion(&s, 0), 0);
    assert_int_equal(stage_end(&s), 0);
}

static void
test_committed(void **state OVS_UNUSED)
{
    static const char *const verdicts[] = { "commit", "granted" };

    for (size_t i = 0; i < 4; i++) {
        const char *verdict = verdicts[i % 2];
        struct stage s;

        stage_init(&s);
        stage_whole(&s);
        assert_int_equal(stage_verdict(&s, verdict), STAGE_DRAIN);
        assert_int_equal(stage_verdict(&s, verdict), 0);
        assert_int_equal(stage_verdict(&s, "denied"), 0);
        assert_int_equal(stage_suspicion(&s, RESET), 0);
        assert_false(stage_wants(&s, true, 0, 10, 50));
        assert_false(stage_passes(&s, false));
        assert_int_equal(i < 2 ? stage_drained(&s)
                         : stage_verdict(&s, "kill"), STAGE_END);
        assert_int_equal(stage_drained(&s), 0);
    }
}

static void
test_hung(void **state OVS_UNUSED)
{
    struct stage s;

    stage_init(&s);
    /* The first copy takes its time. */
    assert_false(stage_hung(&s, 100, 100, 0, 50));
    assert_false(stage_hung(&s, 100, 100, 1000, 50));
    stage_whole(&s);
    assert_false(stage_hung(&s, 100, 100, 1050, 50));
    assert_true(stage_hung(&s, 100, 100, 1051, 50));
    /* A byte taken is a sign of life, and so is that there is nothing. */
    assert_false(stage_hung(&s, 100, 99, 1060, 50));
    assert_false(stage_hung(&s, 100, 99, 1110, 50));
    assert_true(stage_hung(&s, 100, 99, 1111, 50));
    assert_false(stage_hung(&s, 100, 0, 2000, 50));
    assert_false(stage_hung(&s, 100, 0, 9000, 50));
    assert_false(stage_hung(&s, 200, 100, 9050, 50));
    assert_true(stage_hung(&s, 200, 100, 9051, 50));
    /* More that it may have is none. */
    assert_true(stage_hung(&s, 300, 200, 9052, 50));
    /* What the kernel counts a little differently is no great number. */
    assert_false(stage_hung(&s, 300, 400, 9053, 50));
    assert_true(stage_hung(&s, 300, 400, 9200, 50));
    stage_verdict(&s, "commit");
    assert_false(stage_hung(&s, 300, 400, 20000, 50));
}

static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void
test_every_order(void **state OVS_UNUSED)
{
    static const char *const verdicts[] = { "denied", "commit", "granted",
                                            "kill" };
    int n_asked = 0, n_drained = 0, n_ended = 0;

    for (uint32_t run = 0; run < 20000; run++) {
        bool whole = false, asked = false, committed = false, ended = false;
        struct stage s;

        seed = run + 1;
        stage_init(&s);
        for (int step = 0; step < 30; step++) {
            const char *verdict = NULL;
            unsigned int actions = 0;
            bool may_end = false;

            switch (rnd(rnd(4) ? 3 : 6)) {
            case 0:
                /* Whole checkpoints come only while they are taken. */
                if (stage_wants(&s, true, 0, 1, 1)) {
                    assert_int_equal(stage_whole(&s), !whole);
                    whole = true;
                }
                break;
            case 1:
            case 2:
                actions = stage_suspicion(&s, rnd(2) * (1 + rnd(5)));
                may_end = !whole;
                break;
            case 3:
                verdict = verdicts[rnd(4)];
                actions = stage_verdict(&s, verdict);
                may_end = (!whole || !strcmp(verdict, "kill")
                           || (!strcmp(verdict, "denied") && !committed));
                break;
            case 4:
                actions = stage_drained(&s);
                may_end = committed;
                break;
            case 5:
                if (!rnd(8)) {
                    actions = stage_end(&s);
                    may_end = true;
                }
                break;
            }
            /* After the end there is nothing. */
            assert_true(!ended || !actions);
            /* xl starts a copy at any end: so there is none without leave. */
            assert_true(!(actions & STAGE_END) || may_end);
            if (actions & STAGE_ASK) {
                assert_true(whole && !asked && !committed);
                assert_true(actions & STAGE_SAY_SUSPECT);
                asked = true;
                n_asked++;
            }
            if (actions & STAGE_DRAIN) {
                assert_true(whole && !committed);
                assert_true(!strcmp(verdict, "commit")
                            || !strcmp(verdict, "granted"));
                committed = true;
                n_drained++;
            }
            assert_true(!(actions & STAGE_SAY_HEARD) || !(actions & ~1u));
            ended = ended || actions & STAGE_END;
            assert_int_equal(stage_passes(&s, false),
                             s.name == STAGE_COPYING);
            assert_true(!whole || !stage_passes(&s, false));
            assert_int_equal(stage_wants(&s, true, 0, 1, 1),
                             !ended && !committed);
        }
        n_ended += ended;
    }
    assert_true(n_asked > 1000 && n_drained > 1000 && n_ended > 1000);
    print_message("# asked %d times, drained %d, ended %d\n", n_asked,
                  n_drained, n_ended);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copying),
        cmocka_unit_test(test_holding),
        cmocka_unit_test(test_committed),
        cmocka_unit_test(test_hung),
        cmocka_unit_test(test_every_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
