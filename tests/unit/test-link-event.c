/* SPDX-License-Identifier: Apache-2.0 */
/* dts-link's events as the engine reads them: in any pieces, and what makes no
 * sense is no event. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/link-event.h"
#include "util.h"

static struct link_event
parse(const char *line)
{
    struct link_event ev;

    link_event_parse(line, &ev);
    return ev;
}

static void
test_lines(void **state OVS_UNUSED)
{
    struct link_event ev;

    ev = parse("session c0ffee00-0000-4000-8000-000000000001 7 hostB");
    assert_int_equal(ev.type, LINK_SESSION);
    assert_string_equal(ev.session, "c0ffee00-0000-4000-8000-000000000001");
    assert_int_equal(ev.n, 7);
    assert_string_equal(ev.text, "hostB");
    ev = parse("sent 3 4096 1000 7 something newer");
    assert_int_equal(ev.type, LINK_SENT);
    assert_true(ev.n == 3 && ev.raw == 4096 && ev.wire == 1000
                && ev.pages == 7);
    ev = parse("sent 3 4096 1000 something");
    assert_true(ev.type == LINK_SENT && ev.wire == 1000 && !ev.pages);
    ev = parse("sent 3 4096 1000");
    assert_true(ev.type == LINK_SENT && ev.wire == 1000 && !ev.pages);
    ev = parse("ack 3 2500");
    assert_true(ev.type == LINK_ACK && ev.n == 3 && ev.us == 2500);
    ev = parse("suspect silence nothing was heard for 500 ms");
    assert_int_equal(ev.type, LINK_SUSPECT);
    assert_string_equal(ev.text, "silence nothing was heard for 500 ms");
    assert_int_equal(parse("unsuspect").type, LINK_UNSUSPECT);
    ev = parse("verdict alone the peer is gone");
    assert_int_equal(ev.type, LINK_ALONE);
    assert_string_equal(ev.text, "the peer is gone");
    assert_int_equal(parse("verdict taken").type, LINK_TAKEN);
    ev = parse("refused 3 voip runs on hostB");
    assert_true(ev.type == LINK_REFUSED && ev.n == 3);
    assert_string_equal(ev.text, "voip runs on hostB");
    assert_int_equal(parse("end 6 lost").type, LINK_END);
    ev = parse("lost 12");
    assert_true(ev.type == LINK_LOST && ev.n == 12);
    assert_true(parse("ack 18446744073709551615 0").n == UINT64_MAX);
}

/* Above all: nothing of this is an ack or a verdict. */
static void
test_nonsense(void **state OVS_UNUSED)
{
    static const char *const lines[] = {
        "", " ", "ack", "ack 1", "ack x 1", "ack -1 5", "ack 1 -5", "ack 1x 2",
        "ack 99999999999999999999 1", "ack 18446744073709551616 1", "ackn 1 2",
        "ACK 1 2", "verdict", "verdict alonely x", "verdict granted x",
        "session x", "session x 1", "sent 1 2", "refused x", "end",
        "lost", "whatever else", "ack 0x1 2",
    };
    char text[1000];

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        if (parse(lines[i]).type != LINK_UNKNOWN) {
            fail_msg("\"%s\" is taken for an event", lines[i]);
        }
    }
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(parse(text).type, LINK_UNKNOWN);
    memcpy(text, "suspect ", 8);
    assert_int_equal(parse(text).type, LINK_SUSPECT);
    memcpy(text, "session ", 8);
    assert_int_equal(parse(text).type, LINK_UNKNOWN);
}

static size_t
feed(struct link_lines *l, const char *data, size_t n, char out[][64],
     size_t n_out)
{
    while (n) {
        const char *line;
        size_t ofs = 0, room, take;
        char *p = link_lines_room(l, &room);

        take = MIN(room, n);
        memcpy(p, data, take);
        link_lines_put(l, take);
        data += take;
        n -= take;
        while ((line = link_lines_next(l, &ofs))) {
            ovs_strlcpy(out[n_out++], line, 64);
        }
    }
    return n_out;
}

static void
test_pieces(void **state OVS_UNUSED)
{
    static const char text[] = "one\ntwo\n\nack 3 4\nhalf";
    static struct link_lines l;
    static char out[16][64];
    size_t n;

    for (size_t i = 0; i < sizeof text - 1; i++) {
        memset(&l, 0, sizeof l);
        n = feed(&l, text, i, out, 0);
        n = feed(&l, text + i, sizeof text - 1 - i, out, n);
        assert_int_equal(n, 4);
        assert_string_equal(out[0], "one");
        assert_string_equal(out[2], "");
        assert_string_equal(out[3], "ack 3 4");
    }
    n = feed(&l, "\n", 1, out, 0);
    assert_int_equal(n, 1);
    assert_string_equal(out[0], "half");
}

static void
test_long(void **state OVS_UNUSED)
{
    static struct link_lines l;
    static char out[16][64], big[3 * LINK_LINES_MAX];
    size_t n;

    memset(big, 'x', sizeof big);
    n = feed(&l, big, sizeof big, out, 0);
    n = feed(&l, "ack 1 2\nack 3 4\n", 16, out, n);
    /* What the long line ended with is no line. */
    assert_int_equal(n, 1);
    assert_string_equal(out[0], "ack 3 4");
    n = feed(&l, "ack\0 1\nack 5 6\n", 15, out, 0);
    assert_int_equal(n, 1);
    assert_string_equal(out[0], "ack 5 6");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
