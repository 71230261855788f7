/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: the helper's frames split at every byte, and what is done with
 * them, row by row of docs/protocol.md, "What the gate does". */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/gate.h"
#include "../../libxl-ext/helper-frames.h"
#include "util.h"

static size_t
put_frame(uint8_t *p, uint16_t number, const void *args, uint16_t n)
{
    uint16_t len = n + 2;

    memcpy(p, &len, 2);
    memcpy(p + 2, &number, 2);
    memcpy(p + 4, args, n);
    return 4 + n;
}

static size_t
decode(struct helper_frames *hf, const uint8_t *p, size_t n, uint8_t *out)
{
    size_t n_out = 0;

    for (size_t ofs = 0; ofs < n; ) {
        size_t taken = helper_frames_feed(hf, p + ofs, n - ofs);

        assert_true(taken <= n - ofs);
        ofs += taken;
        if (helper_frames_whole(hf)) {
            memcpy(out + n_out, hf->data, hf->len);
            n_out += hf->len;
            helper_frames_next(hf);
        } else {
            assert_int_equal(ofs, n);
        }
    }
    return n_out;
}

static void
test_frames(void **state OVS_UNUSED)
{
    static uint8_t in[140000], out[140000], big[65533];
    struct helper_frames hf;
    size_t n = 0, got;
    int result[2] = { -5, 22 }, retval;

    n += put_frame(in + n, HELPER_LOG, "some text", 9);
    n += put_frame(in + n, HELPER_SUSPEND, "", 0);
    n += put_frame(in + n, HELPER_RESTORE_RESULTS, "0123456789abcdef", 16);
    in[n++] = 0;                        /* A frame without a body... */
    in[n++] = 0;
    in[n++] = 1;                        /* ...or half a number. */
    in[n++] = 0;
    in[n++] = 'x';
    n += put_frame(in + n, HELPER_COMPLETE, result, sizeof result);
    for (size_t i = 0; i <= n; i++) {
        memset(out, 0, n);
        helper_frames_init(&hf);
        got = decode(&hf, in, i, out);
        got += decode(&hf, in + i, n - i, out + got);
        assert_int_equal(got, n);
        assert_memory_equal(in, out, n);
    }

    /* The largest frame. */
    n = put_frame(in, HELPER_LOG, big, sizeof big);
    assert_int_equal(n, HELPER_FRAME_MAX);
    helper_frames_init(&hf);
    assert_int_equal(helper_frames_feed(&hf, in, n), n);
    assert_true(helper_frames_whole(&hf));
    assert_int_equal(helper_frame_number(&hf), HELPER_LOG);

    helper_frames_next(&hf);
    n = put_frame(in, HELPER_COMPLETE, result, sizeof result);
    helper_frames_feed(&hf, in, n);
    assert_true(helper_frame_result(&hf, &retval));
    assert_int_equal(retval, -5);

    helper_frames_next(&hf);
    n = put_frame(in, HELPER_COMPLETE, result, 3);
    helper_frames_feed(&hf, in, n);
    assert_false(helper_frame_result(&hf, &retval));
}

static void
test_replies(void **state OVS_UNUSED)
{
    static const bool has_reply[] = { 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0 };

    for (uint16_t i = 0; i < ARRAY_SIZE(has_reply); i++) {
        assert_int_equal(helper_msg_has_reply(i), has_reply[i]);
    }
}

/* The rows of the table. */
struct row {
    const char *what;
    bool save;
    enum gate_session session;
    const char *events;     /* 'r': 9, 'c': 10 with 0, 'C': 10 with -1,
                             * 'e': the helper ends, 's': stall,
                             * 'q': xl-remus ends replication,
                             * 'v': verdict. */
    const char *verdict;
    unsigned int actions;   /* In the end. */
};

static const struct row rows[] = {
    { "restore: nothing yet", false, GATE_ARMED, "", NULL, 0 },
    { "restore: results alone wait for complete", false, GATE_ARMED, "r",
      NULL, 0 },
    { "restore: success is withheld, and asked", false, GATE_ARMED, "rc",
      NULL, GATE_ASK },
    { "restore: granted", false, GATE_ARMED, "rcv", "granted", GATE_PASS },
    { "restore: granted before success", false, GATE_ARMED, "vrc", "granted",
      GATE_PASS },
    { "restore: granted, helper ended", false, GATE_ARMED, "rcve", "granted",
      GATE_PASS | GATE_END },
    { "restore: denied", false, GATE_ARMED, "rcv", "denied", GATE_FAIL },
    { "restore: denied before success", false, GATE_ARMED, "v", "denied",
      GATE_FAIL },
    { "restore: failure passes", false, GATE_ARMED, "rC", NULL, GATE_PASS },
    { "restore: failure and end pass", false, GATE_ARMED, "rCe", NULL,
      GATE_PASS | GATE_END },
    { "restore: an early end passes", false, GATE_ARMED, "e", NULL,
      GATE_PASS | GATE_END },
    { "restore: a death after 9 passes", false, GATE_ARMED, "re", NULL,
      GATE_PASS | GATE_END },
    { "restore: a death while withheld", false, GATE_ARMED, "rce", NULL,
      GATE_FAIL },
    { "restore: no session", false, GATE_NONE, "rc", NULL, GATE_PASS },
    { "restore: not known yet", false, GATE_UNKNOWN, "rc", NULL, 0 },

    { "save: nothing yet", true, GATE_ARMED, "", NULL, 0 },
    { "save: complete is withheld", true, GATE_ARMED, "C", NULL, GATE_ASK },
    { "save: so is success", true, GATE_ARMED, "c", NULL, GATE_ASK },
    { "save: the end is withheld", true, GATE_ARMED, "e", NULL, GATE_ASK },
    { "save: both", true, GATE_ARMED, "Ce", NULL, GATE_ASK },
    { "save: alone after the end", true, GATE_ARMED, "ev", "alone",
      GATE_PASS | GATE_END },
    { "save: alone after complete", true, GATE_ARMED, "Cv", "alone",
      GATE_PASS },
    { "save: alone while it runs stops it", true, GATE_ARMED, "v", "alone",
      GATE_PASS | GATE_STOP },
    { "save: taken holds complete", true, GATE_ARMED, "Cv", "taken", 0 },
    { "save: taken holds the end", true, GATE_ARMED, "ev", "taken", 0 },
    { "save: a stall is asked about", true, GATE_ARMED, "s", NULL, GATE_ASK },
    { "save: a stall and alone: stopped", true, GATE_ARMED, "sv", "alone",
      GATE_PASS | GATE_STOP },
    { "save: a stall and taken: stays", true, GATE_ARMED, "sv", "taken", 0 },
    { "save: to be ended: asked", true, GATE_ARMED, "q", NULL, GATE_ASK },
    { "save: to be ended, and alone: stopped", true, GATE_ARMED, "qv",
      "alone", GATE_PASS | GATE_STOP },
    { "save: to be ended, but taken: stays", true, GATE_ARMED, "qv", "taken",
      0 },
    { "save: to be ended, not known yet", true, GATE_UNKNOWN, "q", NULL, 0 },
    { "save: to be ended, no session", true, GATE_NONE, "q", NULL,
      GATE_PASS | GATE_STOP },
    { "save: no session", true, GATE_NONE, "Ce", NULL, GATE_PASS | GATE_END },
    { "save: no session, a stall", true, GATE_NONE, "s", NULL, GATE_PASS },
    { "save: not known yet", true, GATE_UNKNOWN, "e", NULL, 0 },
};

static void
test_rows(void **state OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct gate gate;

        gate_init(&gate, row->save, row->session);
        for (const char *e = row->events; *e; e++) {
            bool open = (row->session == GATE_NONE
                         || gate.verdict == GATE_OPEN);

            if (*e == 'r') {
                assert_int_equal(gate_message(&gate, HELPER_RESTORE_RESULTS,
                                              0), open);
            } else if (*e == 'c' || *e == 'C') {
                assert_int_equal(gate_message(&gate, HELPER_COMPLETE,
                                              *e == 'c' ? 0 : -1), open);
            } else if (*e == 'e') {
                gate.ended = true;
            } else if (*e == 's') {
                gate.stalled = true;
            } else if (*e == 'q') {
                gate.stopping = true;
            } else {
                assert_true(gate_set_verdict(&gate, row->verdict));
            }
        }
        if (gate_actions(&gate) != row->actions) {
            fail_msg("%s: %#x, not %#x", row->what, gate_actions(&gate),
                     row->actions);
        }
    }
}

/* All that is neither 9 nor 10 passes, in every state. */
static void
test_others_pass(void **state OVS_UNUSED)
{
    for (int i = 0; i < 2 * 3 * 3 * 12; i++) {
        struct gate gate;
        uint16_t number = i % 12;

        gate_init(&gate, i / 12 % 2, (enum gate_session) (i / 24 % 3));
        gate.verdict = i / 72;
        if (number == HELPER_COMPLETE
            || (number == HELPER_RESTORE_RESULTS && !gate.save)) {
            continue;
        }
        assert_true(gate_message(&gate, number, 0));
    }
}

static void
test_verdicts(void **state OVS_UNUSED)
{
    static const char *const verdicts[] = { "granted", "denied", "alone",
                                            "taken", "commit", "", "nonsense"
    };

    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
        struct gate gate;

        gate_init(&gate, true, GATE_ARMED);
        assert_int_equal(gate_set_verdict(&gate, verdicts[i]),
                         i == 2 || i == 3);
        gate_init(&gate, false, GATE_ARMED);
        assert_int_equal(gate_set_verdict(&gate, verdicts[i]), i < 2);
        /* `commit` is the link's: it must never open the gate. */
        assert_int_equal(gate.verdict == GATE_OPEN, i == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_others_pass),
        cmocka_unit_test(test_verdicts),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
