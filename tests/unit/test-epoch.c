/* SPDX-License-Identifier: Apache-2.0 */
/* Output commit: rounds as they should be, and every order in which messages
 * can come, against a model of the plug (as net/sched/sch_plug.c counts) and of
 * a guest whose every frame knows which checkpoint it must wait for. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>
#include <cmocka.h>

#include "../../libxl-ext/epoch.h"
#include "util.h"

#define MAX_FRAMES 4096

struct world {
    struct epoch e;

    /* The guest. */
    bool running;
    uint64_t resumed;           /* By checkpoint n. */

    /* The plug: frames by the checkpoint that they wait for. */
    uint64_t queue[MAX_FRAMES];
    size_t n, to_release, last_epoch, current_epoch;
    bool throttled, indefinite;
    bool closed_once;           /* A BUFFER without a RELEASE since. */

    uint64_t truly_held;        /* Newest checkpoint the peer really has. */
    uint64_t n_out;
    bool release_all_allowed;
    int n_buffer, n_release, n_go, n_next, n_give_up, n_stop, n_release_all;
    bool buffer_fails, release_all_fails;
};

static void
world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    epoch_init(&w->e);
    w->running = true;
    w->indefinite = true;       /* It passes everything until BUFFER. */
}

static void
world_drain(struct world *w)
{
    size_t out = 0;

    while (out < w->n && (w->indefinite || w->to_release)) {
        uint64_t needs = w->queue[out++];

        if (!w->indefinite) {
            w->to_release--;
        }
        /* The rule itself. */
        assert_true(needs <= w->truly_held || w->release_all_allowed);
        w->n_out++;
    }
    w->n -= out;
    memmove(w->queue, w->queue + out, w->n * sizeof w->queue[0]);
}

/* The guest sends a frame. */
static void
world_frame(struct world *w)
{
    if (!w->running || w->n == MAX_FRAMES) {
        return;
    }
    /* Before the first checkpoint is taken nothing is committed to. */
    w->queue[w->n++] = w->resumed ? w->resumed + 1 : 0;
    w->current_epoch++;
    world_drain(w);
}

static void
world_buffer(struct world *w)
{
    assert_false(w->closed_once);       /* Never two without a RELEASE. */
    assert_false(w->running);           /* Before the guest resumes. */
    w->closed_once = true;
    w->last_epoch = w->current_epoch;
    w->current_epoch = 0;
    if (w->indefinite) {
        w->last_epoch = w->n;
        w->indefinite = false;
    }
    w->n_buffer++;
}

static void
world_run(struct world *w)
{
    enum epoch_action action;
    int rounds = 0;

    while ((action = epoch_todo(&w->e)) != EPOCH_WAIT) {
        bool ok = true;

        assert_true(++rounds < 20);
        assert_non_null(epoch_action_name(action));
        switch (action) {
        case EPOCH_BUFFER:
            if (w->buffer_fails) {
                ok = false;
            } else {
                world_buffer(w);
            }
            break;
        case EPOCH_RESUME:
            assert_true(w->e.verdict == EPOCH_UNDECIDED);
            assert_int_equal(w->e.resume, w->e.closed);
            assert_false(w->indefinite);
            w->running = true;
            w->resumed = w->e.resume;
            w->n_go++;
            break;
        case EPOCH_NEXT:
            assert_true(w->truly_held >= w->e.next);
            w->n_next++;
            break;
        case EPOCH_RELEASE:
            assert_true(w->e.acked >= w->e.closed);
            w->to_release += w->last_epoch;
            w->last_epoch = 0;
            w->closed_once = false;
            w->n_release++;
            break;
        case EPOCH_RELEASE_ALL:
            assert_int_equal(w->e.verdict, EPOCH_ALONE);
            ok = !w->release_all_fails;
            w->release_all_allowed = w->release_all_allowed || ok;
            w->indefinite = w->indefinite || ok;
            w->n_release_all++;
            break;
        case EPOCH_STOP:
            assert_int_equal(w->e.verdict, EPOCH_ALONE);
            assert_true(w->indefinite || w->e.release_waits);
            w->n_stop++;
            break;
        case EPOCH_GIVE_UP:
            w->n_give_up++;
            break;
        case EPOCH_WAIT:
            break;
        }
        epoch_did(&w->e, action, ok);
        world_drain(w);
    }
    /* What is said of the output is what the plug does. */
    switch (epoch_output(&w->e)) {
    case EPOCH_PASSES: assert_true(w->indefinite); break;
    case EPOCH_COMMITTED: assert_false(w->indefinite); break;
    case EPOCH_STUCK: assert_true(w->e.release_waits); break;
    case EPOCH_NEVER: assert_false(w->release_all_allowed); break;
    }
}

/* One whole round, as it should be. */
static void
good_round(struct world *w, bool ack_first)
{
    uint64_t n = w->e.begun;

    w->running = false;                 /* Suspended. */
    epoch_resume_asked(&w->e, n);
    world_run(w);
    assert_true(w->running);
    world_frame(w);
    if (ack_first) {
        w->truly_held = n;
        epoch_acked(&w->e, n);
        world_run(w);
    }
    epoch_next_asked(&w->e, n);
    world_run(w);
    if (!ack_first) {
        epoch_due(&w->e);
        world_run(w);
        assert_int_equal(w->e.begun, n);        /* Not without the ack. */
        w->truly_held = n;
        epoch_acked(&w->e, n);
        world_run(w);
    } else {
        assert_int_equal(w->e.begun, n);        /* Not before it is due. */
        epoch_due(&w->e);
        world_run(w);
    }
    assert_int_equal(w->e.begun, n + 1);
}

static void
test_rounds(void **state OVS_UNUSED)
{
    struct world w;

    world_init(&w);
    world_frame(&w);
    assert_int_equal(w.n_out, 1);       /* Passes before the first. */
    for (int i = 0; i < 10; i++) {
        good_round(&w, i % 2);
        /* What was sent after checkpoint i waits for i + 1. */
        assert_int_equal(w.n, 1);
        assert_int_equal(w.n_out, 1 + i);
    }
    assert_int_equal(w.n_buffer, 10);
    assert_int_equal(w.n_release, 10);
    assert_false(w.e.failed);
}

static void
test_want(void **state OVS_UNUSED)
{
    struct world w;
    uint64_t n;

    world_init(&w);
    good_round(&w, true);
    assert_int_equal(w.e.begun, 2);
    n = epoch_want(&w.e);
    assert_int_equal(n, 3);             /* 2 may have looked already. */
    w.running = false;
    epoch_resume_asked(&w.e, 2);
    world_run(&w);
    epoch_next_asked(&w.e, 2);
    world_run(&w);
    assert_int_equal(w.e.begun, 2);     /* Not without the ack. */
    w.truly_held = 2;
    epoch_acked(&w.e, 2);
    world_run(&w);
    assert_int_equal(w.e.begun, 3);     /* At once, not when due. */
}

static void
test_alone(void **state OVS_UNUSED)
{
    for (int at = 0; at < 3; at++) {
        struct world w;

        world_init(&w);
        good_round(&w, true);
        w.running = false;
        if (at > 0) {
            epoch_resume_asked(&w.e, 2);
        }
        if (at > 1) {
            world_run(&w);
            world_frame(&w);
        }
        assert_true(w.n > 0);
        epoch_verdict(&w.e, EPOCH_ALONE);
        world_run(&w);
        assert_int_equal(w.n, 0);
        assert_int_equal(w.n_release_all, 1);
        assert_int_equal(w.n_stop, 1);
        assert_int_equal(w.n_go, at > 1 ? 2 : 1);       /* libxl resumes. */
        epoch_verdict(&w.e, EPOCH_TAKEN);
        epoch_acked(&w.e, 2);
        world_run(&w);
        assert_int_equal(w.n_stop, 1);
    }
}

static void
test_taken(void **state OVS_UNUSED)
{
    struct world w;

    world_init(&w);
    good_round(&w, true);
    w.running = false;
    epoch_resume_asked(&w.e, 2);
    epoch_verdict(&w.e, EPOCH_TAKEN);
    world_run(&w);
    epoch_acked(&w.e, 2);
    epoch_due(&w.e);
    epoch_verdict(&w.e, EPOCH_ALONE);
    world_run(&w);
    assert_false(w.running);
    assert_int_equal(w.n, 1);
    assert_int_equal(w.n_release_all + w.n_stop, 0);
}

static void
test_fails_closed(void **state OVS_UNUSED)
{
    struct world w;

    /* The buffer does not close: the guest stays suspended. */
    world_init(&w);
    good_round(&w, true);
    w.buffer_fails = true;
    w.running = false;
    epoch_resume_asked(&w.e, 2);
    world_run(&w);
    assert_false(w.running);
    assert_int_equal(w.n_give_up, 1);
    assert_non_null(w.e.why);
    assert_int_equal(w.n, 1);
    epoch_verdict(&w.e, EPOCH_ALONE);
    world_run(&w);
    assert_int_equal(w.n, 0);

    /* An ack of what cannot be held. */
    world_init(&w);
    good_round(&w, true);
    epoch_acked(&w.e, 2);
    world_run(&w);
    assert_int_equal(w.n_give_up, 1);
    assert_int_equal(w.n, 1);

    /* Questions out of turn. */
    for (int i = 0; i < 6; i++) {
        world_init(&w);
        good_round(&w, true);
        w.running = false;
        if (i == 0) {
            epoch_resume_asked(&w.e, 1);
        } else if (i == 1) {
            epoch_resume_asked(&w.e, 3);
        } else if (i == 2) {
            epoch_next_asked(&w.e, 2);
        } else if (i == 3) {
            epoch_resume_asked(&w.e, 2);
            epoch_resume_asked(&w.e, 2);
        } else if (i == 4) {
            epoch_resume_asked(&w.e, 2);
            epoch_next_asked(&w.e, 2);
        } else {
            epoch_next_asked(&w.e, 1);
        }
        world_run(&w);
        assert_true(w.e.failed);
        assert_int_equal(w.n_give_up, 1);
        assert_false(w.running);
        assert_int_equal(w.n, 1);
    }
}

/* What was not let go is tried again, when that is said, and the guest need not
 * wait for it. */
static void
test_stuck(void **state OVS_UNUSED)
{
    struct world w;

    world_init(&w);
    good_round(&w, true);
    w.release_all_fails = true;
    epoch_verdict(&w.e, EPOCH_ALONE);
    world_run(&w);
    assert_int_equal(w.n_release_all, 1);
    assert_int_equal(w.n_stop, 1);
    assert_int_equal(w.n, 1);
    assert_int_equal(epoch_output(&w.e), EPOCH_STUCK);
    epoch_retry(&w.e);
    world_run(&w);
    assert_int_equal(w.n_release_all, 2);
    assert_int_equal(w.n, 1);
    w.release_all_fails = false;
    world_run(&w);
    assert_int_equal(w.n, 1);           /* Not unasked. */
    epoch_retry(&w.e);
    world_run(&w);
    assert_int_equal(w.n_release_all, 3);
    assert_int_equal(w.n_stop, 1);
    assert_int_equal(w.n, 0);
    assert_int_equal(epoch_output(&w.e), EPOCH_PASSES);
    epoch_retry(&w.e);
    world_run(&w);
    assert_int_equal(w.n_release_all, 3);
}

/* What becomes of the output, at any time, also if nothing more comes: from the
 * first epoch on it needs a verdict to leave. */
static void
test_output(void **state OVS_UNUSED)
{
    static const enum epoch_verdict verdicts[] = {
        EPOCH_UNDECIDED, EPOCH_ALONE, EPOCH_TAKEN,
    };

    for (int at = 0; at < 4; at++) {
        for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
            struct world w;

            world_init(&w);
            if (at > 0) {
                good_round(&w, true);
            }
            if (at > 1) {
                w.running = false;
                epoch_resume_asked(&w.e, 2);
                world_run(&w);
            }
            if (at > 2) {
                /* Nor does a session that fails open anything. */
                epoch_fail(&w.e, "test");
                world_run(&w);
            }
            epoch_verdict(&w.e, verdicts[i]);
            world_run(&w);
            assert_int_equal(epoch_output(&w.e),
                             verdicts[i] == EPOCH_TAKEN ? EPOCH_NEVER
                             : verdicts[i] == EPOCH_UNDECIDED && at > 0
                             ? EPOCH_COMMITTED : EPOCH_PASSES);
        }
    }
}

static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* Any event at any time, mostly plausible ones.  The assertions are in the
 * model. */
static void
test_every_order(void **state OVS_UNUSED)
{
    uint64_t out = 0, rounds = 0, ends = 0;

    for (uint32_t run = 0; run < 20000; run++) {
        struct world w;
        uint64_t sent = 0;              /* On its way to the peer. */
        int wild = run % 4 == 0 ? 8 : 400;      /* One in so many. */

        seed = run + 1;
        world_init(&w);
        for (int step = 0; step < 120; step++) {
            struct epoch *e = &w.e;

            if (!rnd(wild)) {
                uint64_t n = e->begun + rnd(3) - 1;

                switch (rnd(7)) {
                case 0: epoch_resume_asked(e, n); w.running = false; break;
                case 1: epoch_next_asked(e, n); break;
                /* A false ack, but never one that could be true. */
                case 2: epoch_acked(e, e->closed + 1 + rnd(2)); break;
                case 3: w.buffer_fails = !rnd(3); break;
                case 4: epoch_verdict(e, rnd(2) ? EPOCH_ALONE : EPOCH_TAKEN);
                        break;
                case 5: epoch_fail(e, "test"); break;
                case 6: w.release_all_fails = rnd(2); epoch_retry(e); break;
                }
            } else {
                switch (rnd(6)) {
                case 0:         /* Suspend and ask. */
                    if (!e->resume && !e->next && e->begun > e->closed) {
                        w.running = false;
                        epoch_resume_asked(e, e->begun);
                    }
                    break;
                case 1:
                    if (!e->resume && !e->next && e->closed == e->begun) {
                        epoch_next_asked(e, e->begun);
                    }
                    break;
                case 2:         /* It reaches the peer... */
                    if (e->closed == e->begun && !e->resume) {
                        sent = e->closed;
                        w.truly_held = MAX(w.truly_held, sent);
                    }
                    break;
                case 3:         /* ...and its ack us, perhaps late or lost. */
                    if (sent && rnd(8)) {
                        epoch_acked(e, rnd(3) ? sent : sent - 1);
                    }
                    break;
                case 4: epoch_due(e); break;
                case 5: world_frame(&w); break;
                }
            }
            world_run(&w);
            world_frame(&w);
        }
        out += w.n_out;
        rounds += w.n_next;
        ends += w.e.failed;
        assert_true(w.n_give_up <= 1 && w.n_stop <= 1);
    }
    /* The test is about something. */
    assert_true(out > 100000);
    assert_true(rounds > 20000);
    assert_true(ends > 1000);
    print_message("# %"PRIu64" frames left, %"PRIu64" rounds, %"PRIu64
                  " sessions failed\n", out, rounds, ends);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_want),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_fails_closed),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_every_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
