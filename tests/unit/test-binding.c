/* SPDX-License-Identifier: Apache-2.0 */

/* The binding's state machine: every (role, state, event), the events that
 * facts give, and the verdicts. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "binding-fixture.h"
#include "util.h"

/* Every triple that may do something, and what.  All others do nothing. */
static const struct {
    enum binding_role role;
    enum dts_state state;
    enum binding_event event;
    enum dts_state next;
    bool swap;
    bool witness;
    enum binding_session_op session;
} expected[] = {
#define O BINDING_OWNER
#define S BINDING_STANDBY
#define C SESSION_CLEAR
#define K SESSION_KEEP
    { O, DTS_STOPPED, BE_GUEST_STARTED, DTS_ALONE, 0, 0, C },
    { O, DTS_STOPPED, BE_SWITCH_STOPPED, DTS_STOPPED, 1, 0, C },
    { O, DTS_LOST, BE_GUEST_STARTED, DTS_ALONE, 0, 0, C },
    { O, DTS_FAILED, BE_GUEST_STARTED, DTS_ALONE, 0, 0, C },
    { O, DTS_FAILED, BE_NO_TAKE_BACK, DTS_LOST, 0, 0, C },
    { O, DTS_ALONE, BE_GUEST_SHUTDOWN, DTS_STOPPED, 0, 0, C },
    { O, DTS_ALONE, BE_GUEST_LOST_STOP, DTS_STOPPED, 0, 0, C },
    { O, DTS_ALONE, BE_GUEST_LOST_FAILOVER, DTS_STOPPED, 0, 0, C },
    { O, DTS_ALONE, BE_GUEST_MIGRATED, DTS_RELEASED, 0, 0, C },
    { O, DTS_ALONE, BE_SESSION_BEGAN, DTS_ALONE, 0, 0, SESSION_SET },
    { O, DTS_ALONE, BE_LINK_LOST, DTS_ALONE, 0, 0, C },
    { O, DTS_PROTECTED, BE_LINK_LOST, DTS_ALONE, 0, 0, C },
    { O, DTS_PROTECTED, BE_GUEST_SHUTDOWN, DTS_STOPPED, 0, 0, C },
    { O, DTS_PROTECTED, BE_GUEST_REBOOT, DTS_ALONE, 0, 0, C },
    { O, DTS_PROTECTED, BE_GUEST_LOST_STOP, DTS_STOPPED, 0, 0, C },
    { O, DTS_PROTECTED, BE_GUEST_LOST_FAILOVER, DTS_RELEASED, 0, 0, K },
    { O, DTS_PROTECTED, BE_GUEST_ABSENT, DTS_RELEASED, 0, 0, K },
    { O, DTS_PROTECTED, BE_GUEST_MIGRATED, DTS_RELEASED, 0, 0, C },
    { O, DTS_PROTECTED, BE_SWITCH_READY, DTS_RELEASED, 0, 0, K },
    { O, DTS_RELEASED, BE_RELEASE_EXPIRED, DTS_ALONE, 0, 0, C },
    { O, DTS_RELEASED, BE_GUEST_STARTED, DTS_ALONE, 0, 0, C },
    { O, DTS_GRANTED, BE_RESUMED, DTS_ALONE, 0, 0, C },
    { O, DTS_GRANTED, BE_RESUME_FAILED, DTS_FAILED, 0, 0, K },
    { S, DTS_ALONE, BE_COPY_WHOLE, DTS_PROTECTED, 0, 0, K },
    { S, DTS_PROTECTED, BE_PRIMARY_DEAD, DTS_GRANTED, 1, 1, K },
    { S, DTS_RELEASED, BE_COPY_HELD, DTS_GRANTED, 1, 0, K },
    { S, DTS_RELEASED, BE_MIGRATED_HERE, DTS_GRANTED, 1, 0, C },
    { S, DTS_FAILED, BE_TAKE_BACK, DTS_ALONE, 1, 0, C },
#undef O
#undef S
#undef C
#undef K
};

static void
test_table(void **state)
{
    int n = 0;

    for (int r = 0; r < BINDING_N_ROLES; r++) {
        for (int s = 0; s < DTS_N_STATES; s++) {
            for (int e = 0; e < BE_N_EVENTS; e++) {
                const struct binding_rule *rule = binding_next(r, s, e);
                size_t i;

                for (i = 0; i < ARRAY_SIZE(expected); i++) {
                    if (expected[i].role == r && expected[i].state == s
                        && expected[i].event == e) {
                        break;
                    }
                }
                n++;
                if (i == ARRAY_SIZE(expected)) {
                    assert_null(rule);
                    continue;
                }
                assert_non_null(rule);
                assert_int_equal(rule->next, expected[i].next);
                assert_int_equal(rule->swap, expected[i].swap);
                assert_int_equal(rule->needs_witness, expected[i].witness);
                assert_int_equal(rule->session, expected[i].session);
            }
        }
    }
    assert_int_equal(n, BINDING_N_ROLES * DTS_N_STATES * BE_N_EVENTS);
}

/* What no rule may ever do. */
static void
test_table_invariants(void **state)
{
    for (int r = 0; r < BINDING_N_ROLES; r++) {
        for (int s = 0; s < DTS_N_STATES; s++) {
            for (int e = 0; e < BE_N_EVENTS; e++) {
                const struct binding_rule *rule = binding_next(r, s, e);

                if (!rule) {
                    continue;
                }
                assert_int_not_equal(r, BINDING_OTHER);
                /* A takeover from a living owner needs the witness, or the
                 * owner's own release. */
                if (rule->next == DTS_GRANTED) {
                    assert_int_equal(r, BINDING_STANDBY);
                    assert_true(rule->swap);
                    assert_true(s == DTS_RELEASED
                                || (s == DTS_PROTECTED
                                    && rule->needs_witness));
                }
                /* Nobody can be granted a copy of a guest that went on. */
                if ((rule->next == DTS_ALONE && e != BE_SESSION_BEGAN)
                    || rule->next == DTS_STOPPED) {
                    assert_int_equal(rule->session, SESSION_CLEAR);
                }
                /* Only its owner names a session, and only while alone. */
                if (rule->session == SESSION_SET) {
                    assert_int_equal(r, BINDING_OWNER);
                    assert_int_equal(s, DTS_ALONE);
                    assert_int_equal(rule->next, DTS_ALONE);
                }
                /* Only the standby changes the owner, but for a domain that
                 * runs nowhere. */
                if (rule->swap && r == BINDING_OWNER) {
                    assert_int_equal(s, DTS_STOPPED);
                }
            }
        }
    }
}

static void
test_roles(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(binding_role(x->d, "A"), BINDING_OWNER);
    assert_int_equal(binding_role(x->d, "B"), BINDING_STANDBY);
    assert_int_equal(binding_role(x->d, "gw1"), BINDING_OTHER);
    x->d->has_binding = false;
    assert_int_equal(binding_role(x->d, "A"), BINDING_OTHER);
}

static void
test_protect(void **state)
{
    struct fixture *x = *state;

    x->f.guest = GUEST_UNKNOWN;
    assert_int_equal(event_on(x, "B"), BE_NONE);
    x->f.recv_session = "s1";
    x->f.recv_whole = true;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* No gate. */
    x->f.recv_gated = true;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* Not named. */
    be(x, DTS_ALONE, "s0");
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* Another one is. */
    be(x, DTS_ALONE, "s1");
    assert_int_equal(event_on(x, "B"), BE_COPY_WHOLE);
    x->f.recv_suspect = true;
    assert_int_equal(event_on(x, "B"), BE_NONE);
    x->f.recv_suspect = false;
    x->f.recv_ended = true;
    assert_int_equal(event_on(x, "B"), BE_NONE);
}

/* The owner names its session, once, and takes leave of it. */
static void
test_name_session(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.send_session = "s1";
    assert_int_equal(event_on(x, "A"), BE_NONE);    /* No gate. */
    x->f.original_held = true;
    assert_int_equal(event_on(x, "A"), BE_SESSION_BEGAN);
    x->f.guest = GUEST_SUSPENDED;       /* For a checkpoint. */
    assert_int_equal(event_on(x, "A"), BE_SESSION_BEGAN);
    x->f.send_broken = true;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.send_broken = false;
    x->f.guest = GUEST_REBOOT;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.guest = GUEST_RUNNING;

    be(x, DTS_ALONE, "s1");
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.send_broken = true;
    assert_int_equal(event_on(x, "A"), BE_LINK_LOST);
    x->f.send_broken = false;
    x->f.send_session = "s2";
    assert_int_equal(event_on(x, "A"), BE_LINK_LOST);
    x->f.send_session = "s1";
    x->f.guest = GUEST_REBOOT;
    assert_int_equal(event_on(x, "A"), BE_LINK_LOST);
    x->f.guest = GUEST_SHUTDOWN;
    assert_int_equal(event_on(x, "A"), BE_GUEST_SHUTDOWN);
}

static void
test_takeover(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_PROTECTED, "s1");
    x->f.guest = GUEST_UNKNOWN;
    x->f.recv_session = "s1";
    x->f.recv_whole = x->f.recv_gated = x->f.recv_suspect = true;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* No witness. */
    x->f.witness_owner = WITNESS_DOWN;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* Are we alive? */
    x->f.witness_self = WITNESS_UP;
    assert_int_equal(event_on(x, "B"), BE_PRIMARY_DEAD);

    x->f.witness_owner = WITNESS_UP;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* Tunnel 1 alone. */
    x->f.witness_owner = WITNESS_DOWN;
    x->f.recv_suspect = false;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* We hear it. */
    x->f.recv_suspect = true;
    x->f.recv_session = "s0";
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* An older copy. */
    x->f.recv_session = "s1";
    x->f.recv_gated = false;
    assert_int_equal(event_on(x, "B"), BE_NONE);
    x->f.recv_gated = true;
    x->f.failover_auto = false;
    assert_int_equal(event_on(x, "B"), BE_NONE);    /* failover=manual */
    x->f.switch_asked = true;
    assert_int_equal(event_on(x, "B"), BE_PRIMARY_DEAD);
    be(x, DTS_ALONE, "");
    assert_int_not_equal(event_on(x, "B"), BE_PRIMARY_DEAD);
}

static void
test_link_lost(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_PROTECTED, "s1");
    x->f.send_session = "s1";
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.send_broken = true;
    assert_int_equal(event_on(x, "A"), BE_LINK_LOST);
    x->f.send_broken = false;
    x->f.send_session = "";
    assert_int_equal(event_on(x, "A"), BE_LINK_LOST);
    /* A host that came back without the guest does not go "alone". */
    x->f.guest = GUEST_ABSENT;
    x->f.guest_seen = false;
    assert_int_equal(event_on(x, "A"), BE_GUEST_ABSENT);
}

static void
test_guest_ends(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_PROTECTED, "s1");
    x->f.send_session = "s1";
    x->f.send_broken = true;    /* The stream ends with the guest. */
    x->f.guest = GUEST_SHUTDOWN;
    assert_int_equal(event_on(x, "A"), BE_GUEST_SHUTDOWN);
    x->f.guest = GUEST_REBOOT;
    assert_int_equal(event_on(x, "A"), BE_GUEST_REBOOT);
    x->f.guest = GUEST_CRASHED;
    assert_int_equal(event_on(x, "A"), BE_GUEST_LOST_STOP);
    x->f.on_loss_failover = true;
    assert_int_equal(event_on(x, "A"), BE_GUEST_LOST_FAILOVER);
    x->f.guest = GUEST_ABSENT;
    assert_int_equal(event_on(x, "A"), BE_GUEST_LOST_FAILOVER);
    x->f.shutdown_asked = true;
    assert_int_equal(event_on(x, "A"), BE_GUEST_SHUTDOWN);
    x->f.shutdown_asked = false;
    x->f.guest_migrated = true;
    assert_int_equal(event_on(x, "A"), BE_GUEST_MIGRATED);
    /* A guest that is suspended for a checkpoint has not ended. */
    x->f.guest = GUEST_SUSPENDED;
    x->f.send_broken = false;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    /* Alone: a reboot changes nothing. */
    be(x, DTS_ALONE, "");
    x->f.guest = GUEST_REBOOT;
    assert_int_equal(event_on(x, "A"), BE_NONE);
}

static void
test_resume(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_GRANTED, "s1");
    x->f.recv_session = "s1";
    x->f.guest = GUEST_UNKNOWN;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.guest = GUEST_PAUSED;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.guest = GUEST_RUNNING;
    assert_int_equal(event_on(x, "A"), BE_RESUMED);
    x->f.recv_ended = x->f.recv_failed = true;
    assert_int_equal(event_on(x, "A"), BE_RESUMED);
    x->f.guest = GUEST_ABSENT;
    assert_int_equal(event_on(x, "A"), BE_RESUME_FAILED);
    /* It ran, and is gone again: its past must not come back. */
    x->f.guest_ran = true;
    assert_int_equal(event_on(x, "A"), BE_RESUMED);
    x->f.guest_ran = false;
    /* xl failed, but what became of the copy is not known. */
    x->f.guest = GUEST_UNKNOWN;
    x->f.copy_here = true;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.copy_paused = true;
    assert_int_equal(event_on(x, "A"), BE_RESUME_FAILED);
    x->f.copy_here = x->f.copy_paused = false;
    x->f.guest = GUEST_ABSENT;
    /* xl ended well, and xenstore has yet to show the guest. */
    x->f.recv_failed = false;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.in_state_ms = BINDING_RELEASE_MS;
    assert_int_equal(event_on(x, "A"), BE_RESUME_FAILED);

    /* The standby (the former owner) takes back what it still holds. */
    be(x, DTS_FAILED, "s1");
    x->f.in_state_ms = 0;
    x->f.recv_session = "";
    x->f.send_session = "s1";
    assert_int_equal(event_on(x, "B"), BE_NONE);
    x->f.original_held = true;
    assert_int_equal(event_on(x, "B"), BE_TAKE_BACK);
    x->f.send_session = "s0";
    assert_int_equal(event_on(x, "B"), BE_NONE);
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.in_state_ms = BINDING_TAKE_BACK_MS;
    assert_int_equal(event_on(x, "A"), BE_NO_TAKE_BACK);

    /* Started anew: at once nothing can be taken back any more, but it is not
     * heard while the former owner may be. */
    x->f.in_state_ms = 0;
    x->f.guest = GUEST_RUNNING;
    x->f.fenced = false;
    assert_int_equal(event_on(x, "A"), BE_NO_TAKE_BACK);
    be(x, DTS_LOST, "");
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.fenced = true;
    assert_int_equal(event_on(x, "A"), BE_GUEST_STARTED);
    be(x, DTS_FAILED, "s1");
    assert_int_equal(event_on(x, "A"), BE_GUEST_STARTED);
}

static void
test_release(void **state)
{
    struct fixture *x = *state;

    be(x, DTS_PROTECTED, "s1");
    x->f.send_session = "s1";
    x->f.switch_asked = true;
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.switch_ready = true;
    assert_int_equal(event_on(x, "A"), BE_SWITCH_READY);
    be(x, DTS_RELEASED, "s1");
    assert_int_equal(event_on(x, "A"), BE_NONE);
    x->f.in_state_ms = BINDING_RELEASE_MS;
    assert_int_equal(event_on(x, "A"), BE_RELEASE_EXPIRED);

    x->f.recv_session = "s1";
    x->f.recv_whole = true;
    assert_int_equal(event_on(x, "B"), BE_NONE);
    x->f.recv_gated = true;
    assert_int_equal(event_on(x, "B"), BE_COPY_HELD);
    x->f.recv_session = "s0";
    assert_int_equal(event_on(x, "B"), BE_NONE);
    /* xl migrate: no session on either side. */
    be(x, DTS_RELEASED, "");
    x->f.recv_session = "";
    x->f.renamed_here = true;
    assert_int_equal(event_on(x, "B"), BE_MIGRATED_HERE);
}

static void
add_fence(struct fixture *x, const char *gateway, int64_t generation)
{
    struct dts_domain *d = x->d;

    d->fences = xrealloc(d->fences, (d->n_fences + 1) * sizeof *d->fences);
    d->fences[d->n_fences].gateway = xstrdup(gateway);
    d->fences[d->n_fences++].generation = generation;
}

static void
test_fences(void **state)
{
    struct fixture *x = *state;
    char *missing;

    assert_false(binding_fenced(x->d, 0, 1000, &missing));
    assert_string_equal(missing, "gw1, gw2");
    free(missing);
    add_fence(x, "gw1", 5);
    add_fence(x, "gw2", 4);
    add_fence(x, "gw3", 9);
    assert_false(binding_fenced(x->d, 1000000, 1000, &missing));
    assert_string_equal(missing, "gw2");
    free(missing);
    x->d->fences[1].generation = 6;     /* Of a database that was undone. */
    assert_false(binding_fenced(x->d, 0, 1000, NULL));
    x->d->fences[1].generation = 5;
    assert_true(binding_fenced(x->d, 0, 1000, &missing));
    assert_null(missing);
    add_fence(x, "gw1", 4);             /* In another row: which is true? */
    assert_false(binding_fenced(x->d, 0, 1000, NULL));
    x->d->fences[3].generation = 5;
    assert_true(binding_fenced(x->d, 0, 1000, NULL));

    /* A lease counts only where flows really run out. */
    x->d->fences[1].generation = 4;
    CONST_CAST(struct dts_network *,
               x->d->network)->closed_on_database_loss = true;
    assert_false(binding_fenced(x->d, 2000, 1000, NULL));
    assert_false(binding_fenced(x->d, 999 + BINDING_LEASE_SLACK_MS, 1000,
                                NULL));
    assert_true(binding_fenced(x->d, 1000 + BINDING_LEASE_SLACK_MS, 1000,
                               NULL));
    x->d->network = NULL;
    assert_false(binding_fenced(x->d, 1000 + BINDING_LEASE_SLACK_MS, 1000,
                                NULL));
}

static void
test_verdicts_recv(void **state)
{
    struct fixture *x = *state;
#define RECV(SELF, SESSION) \
    binding_verdict_recv(x->d, SELF, SESSION, 0, 1000)

    be(x, DTS_PROTECTED, "s1");
    assert_int_equal(RECV("B", "s1"), VERDICT_NOT_YET);
    assert_int_equal(RECV("B", "s0"), VERDICT_DENIED);
    assert_int_equal(RECV("A", "s1"), VERDICT_DENIED);
    assert_int_equal(RECV("C", "s1"), VERDICT_DENIED);
    be(x, DTS_ALONE, "");
    assert_int_equal(RECV("B", "s1"), VERDICT_DENIED);
    assert_int_equal(RECV("B", ""), VERDICT_DENIED);
    be(x, DTS_RELEASED, "s1");
    assert_int_equal(RECV("B", "s1"), VERDICT_NOT_YET);
    be(x, DTS_GRANTED, "s1");           /* A is the new owner now. */
    assert_int_equal(RECV("A", "s1"), VERDICT_COMMIT);
    assert_int_equal(RECV("B", "s1"), VERDICT_DENIED);
    add_fence(x, "gw1", 5);
    assert_int_equal(RECV("A", "s1"), VERDICT_COMMIT);
    add_fence(x, "gw2", 5);
    assert_int_equal(RECV("A", "s1"), VERDICT_GRANTED);
    assert_int_equal(RECV("A", "s0"), VERDICT_DENIED);
    be(x, DTS_FAILED, "s1");
    assert_int_equal(RECV("A", "s1"), VERDICT_DENIED);
    assert_int_equal(binding_verdict_recv(NULL, "A", "s1", 0, 1000),
                     VERDICT_DENIED);
#undef RECV
}

static void
test_verdicts_send(void **state)
{
    struct fixture *x = *state;
#define SEND(SELF, SESSION) binding_verdict_send(x->d, SELF, SESSION)

    assert_int_equal(SEND("A", "s1"), VERDICT_ALONE);
    be(x, DTS_ALONE, "s1");             /* B may be protecting it now. */
    assert_int_equal(SEND("A", "s1"), VERDICT_NOT_YET);
    assert_int_equal(SEND("A", "s0"), VERDICT_ALONE);
    be(x, DTS_PROTECTED, "s1");
    assert_int_equal(SEND("A", "s1"), VERDICT_NOT_YET);
    assert_int_equal(SEND("A", "s0"), VERDICT_ALONE);
    be(x, DTS_RELEASED, "s1");
    assert_int_equal(SEND("A", "s1"), VERDICT_NOT_YET);
    /* Taken over by A; B is the one that sent. */
    be(x, DTS_GRANTED, "s1");
    assert_int_equal(SEND("B", "s1"), VERDICT_NOT_YET);
    assert_int_equal(SEND("B", "s0"), VERDICT_TAKEN);
    be(x, DTS_FAILED, "s1");
    assert_int_equal(SEND("B", "s1"), VERDICT_NOT_YET);
    be(x, DTS_ALONE, "");
    assert_int_equal(SEND("B", "s1"), VERDICT_TAKEN);
    be(x, DTS_STOPPED, "");
    assert_int_equal(SEND("A", "s1"), VERDICT_ALONE);
    assert_int_equal(binding_verdict_send(NULL, "A", "s1"), VERDICT_ALONE);
#undef SEND
}

static void
test_may_run(void **state)
{
    struct fixture *x = *state;
    static const bool may[DTS_N_STATES] = {
        [DTS_ALONE] = true, [DTS_PROTECTED] = true, [DTS_GRANTED] = true,
    };

    for (int s = 0; s < DTS_N_STATES; s++) {
        x->d->state = s;
        assert_int_equal(binding_may_run(x->d, "A"), may[s]);
        assert_false(binding_may_run(x->d, "B"));
        assert_false(binding_may_run(x->d, "C"));
    }
}

static void
test_names(void **state)
{
    for (int e = 0; e < BE_N_EVENTS; e++) {
        assert_non_null(binding_event_to_string(e));
        for (int f = 0; f < e; f++) {
            assert_string_not_equal(binding_event_to_string(e),
                                    binding_event_to_string(f));
        }
    }
    for (int s = 0; s < DTS_N_STATES; s++) {
        enum dts_state back;
        assert_true(dts_state_from_string(dts_state_to_string(s), &back));
        assert_int_equal(back, s);
    }
}

int
main(void)
{
#define TEST(NAME) \
    cmocka_unit_test_setup_teardown(NAME, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_table),
        TEST(test_table_invariants),
        TEST(test_roles),
        TEST(test_protect),
        TEST(test_name_session),
        TEST(test_takeover),
        TEST(test_link_lost),
        TEST(test_guest_ends),
        TEST(test_resume),
        TEST(test_release),
        TEST(test_fences),
        TEST(test_verdicts_recv),
        TEST(test_verdicts_send),
        TEST(test_may_run),
        TEST(test_names),
    };
#undef TEST

    return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
