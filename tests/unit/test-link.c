/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of dts-link: messages, heartbeats, failure detector, the queue
 * that holds checkpoints back, the ring that takes them, the token bucket; and
 * what the engine is told, by a pipe. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../remus-hooks/link/bucket.h"
#include "../../remus-hooks/link/detector.h"
#include "../../remus-hooks/link/events.h"
#include "../../remus-hooks/link/heartbeat.h"
#include "../../remus-hooks/link/hold.h"
#include "../../remus-hooks/link/ring.h"
#include "../../remus-hooks/link/wire.h"
#include "random.h"
#include "util.h"

/* ---------------------------------------------------------------- messages */

struct bytes {
    uint8_t data[8192];
    size_t len;
};

static void
put(struct bytes *b, enum wire_type type, const void *body, size_t n)
{
    wire_header(b->data + b->len, type, n);
    memcpy(b->data + b->len + WIRE_HEADER_LEN, body, n);
    b->len += WIRE_HEADER_LEN + n;
}

/* What comes out, as text, whatever the pieces that go in. */
static void
decode(struct wire *w, const uint8_t *p, size_t n, char *out)
{
    enum wire_event event = WIRE_NOTHING;

    for (size_t ofs = 0; ofs < n && event != WIRE_ERROR; ) {
        size_t taken = wire_feed(w, p + ofs, n - ofs, &event);

        assert_true(taken <= n - ofs);
        ofs += taken;
        out = strchr(out, '\0');
        if (event == WIRE_CHUNK) {
            memcpy(out, w->body, w->body_len);
            out[w->body_len] = '\0';
        } else if (event == WIRE_MESSAGE && w->body_len == 8
                   && (w->type == WIRE_ACK || w->type == WIRE_BEAT)) {
            sprintf(out, "<%d:%"PRIu64">", w->type, wire_get_u64(w->body));
        } else if (event == WIRE_MESSAGE) {
            sprintf(out, "<%d:%s>", w->type, (const char *) w->body);
        } else if (event == WIRE_ERROR) {
            sprintf(out, "!");
        } else {
            assert_int_equal(ofs, n);
        }
    }
}

static void
test_wire_split(void **state OVS_UNUSED)
{
    static const char expected[] = "<1:{\"a\": 1}>data<6:72623859790382856>"
                                   "<5:1>more<7:>";
    const uint8_t number[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const uint8_t one[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };
    struct bytes b = { .len = 0 };

    put(&b, WIRE_HELLO, "{\"a\": 1}", 8);
    put(&b, WIRE_DATA, "data", 4);
    put(&b, WIRE_ACK, number, 8);
    put(&b, WIRE_DATA, "", 0);
    put(&b, WIRE_BEAT, one, 8);
    put(&b, WIRE_DATA, "more", 4);
    put(&b, WIRE_END, "", 0);
    for (size_t i = 0; i <= b.len; i++) {
        char out[512] = "";
        struct wire w;

        wire_init(&w);
        decode(&w, b.data, i, out);
        decode(&w, b.data + i, b.len - i, out);
        assert_string_equal(out, expected);
    }
}

static void
check_header(uint8_t type, uint8_t flags, uint16_t reserved, uint32_t length,
             bool ok)
{
    uint8_t header[8] = { type, flags, reserved >> 8, reserved, length >> 24,
                          length >> 16, length >> 8, length };
    enum wire_event event;
    struct wire w;

    wire_init(&w);
    assert_int_equal(wire_feed(&w, header, 8, &event), 8);
    if ((event != WIRE_ERROR) != ok) {
        fail_msg("type %d flags %d reserved %d length %u: %s", type, flags,
                 reserved, length, ok ? w.error : "no error");
    }
    if (!ok) {
        assert_true(w.error[0]);
        assert_int_equal(wire_feed(&w, "x", 1, &event), 0);
        assert_int_equal(event, WIRE_ERROR);
    }
}

static void
test_wire_headers(void **state OVS_UNUSED)
{
    check_header(WIRE_DATA, 0, 0, 1, true);
    check_header(WIRE_DATA, 0, 0, WIRE_MAX, true);
    check_header(WIRE_DATA, 0, 0, WIRE_MAX + 1, false);
    check_header(WIRE_DATA, 0, 0, UINT32_MAX, false);
    check_header(WIRE_HELLO, 0, 0, WIRE_MAX_JSON, true);
    check_header(WIRE_HELLO, 0, 0, WIRE_MAX_JSON + 1, false);
    check_header(WIRE_END, 0, 0, WIRE_MAX_JSON + 1, false);
    check_header(WIRE_ACK, 0, 0, 8, true);
    check_header(WIRE_ACK, 0, 0, 7, false);
    check_header(WIRE_ACK, 0, 0, 9, false);
    check_header(WIRE_BEAT, 0, 0, 0, false);
    check_header(0, 0, 0, 8, false);
    check_header(9, 0, 0, 8, false);
    check_header(WIRE_PACKED, 0, 0, WIRE_MAX, true);
    check_header(WIRE_PACKED, 0, 0, WIRE_MAX + 1, false);
    check_header(255, 0, 0, 8, false);
    check_header(WIRE_DATA, 1, 0, 8, false);
    check_header(WIRE_DATA, 0, 1, 8, false);
    check_header(WIRE_DATA, 0, 256, 8, false);
}

/* -------------------------------------------------------------- heartbeats */

static const uint8_t session[16] = "0123456789abcde";
static const uint8_t key[32] = "an example's key, of 32 bytes..";

static void
test_heartbeat(void **state OVS_UNUSED)
{
    uint8_t d[HEARTBEAT_LEN + 1] = { 0 }, old[HEARTBEAT_LEN];
    struct heartbeat a, b, other;

    heartbeat_init(&a, true, session, key);
    heartbeat_init(&b, false, session, key);
    heartbeat_build(&a, 1000, 10, d);
    memcpy(old, d, sizeof old);
    assert_false(heartbeat_take(&b, d, HEARTBEAT_LEN - 1, 1, 1));
    assert_false(heartbeat_take(&b, d, HEARTBEAT_LEN + 1, 1, 1));
    assert_false(heartbeat_take(&b, d, 0, 1, 1));
    for (size_t i = 0; i < HEARTBEAT_LEN; i++) {
        for (int bit = 0; bit < 8; bit++) {
            d[i] ^= 1 << bit;
            assert_false(heartbeat_take(&b, d, HEARTBEAT_LEN, 1, 1));
            d[i] ^= 1 << bit;
        }
    }
    assert_int_equal(b.n_rx, 0);
    assert_true(heartbeat_take(&b, d, HEARTBEAT_LEN, 1, 1));
    assert_false(heartbeat_take(&b, d, HEARTBEAT_LEN, 1, 1));   /* Again. */
    heartbeat_build(&a, 2000, 20, d);
    assert_true(heartbeat_take(&b, d, HEARTBEAT_LEN, 1, 1));
    assert_false(heartbeat_take(&b, old, HEARTBEAT_LEN, 1, 1)); /* Older. */
    heartbeat_build(&a, 3000, 30, d);
    assert_false(heartbeat_take(&a, d, HEARTBEAT_LEN, 1, 1)); /* Reflected. */

    assert_true(heartbeat_take(&b, d, HEARTBEAT_LEN, 1, 1));
    assert_false(b.unheard);
    a.deaf = true;
    heartbeat_build(&a, 4000, 40, d);
    assert_true(heartbeat_take(&b, d, HEARTBEAT_LEN, 1, 1));
    assert_true(b.unheard);

    heartbeat_init(&other, false, session, (const uint8_t [32]) { 1 });
    assert_false(heartbeat_take(&other, d, HEARTBEAT_LEN, 1, 1));
    heartbeat_init(&other, false, (const uint8_t [16]) { 1 }, key);
    assert_false(heartbeat_take(&other, d, HEARTBEAT_LEN, 1, 1));
}

/* The clocks of a and b are 5 s apart; 300 us there, 100 us back, 2 ms in
 * between: round trip 400, and the estimate off by no more than its half. */
static void
test_clocks(void **state OVS_UNUSED)
{
    int64_t rtt, offset, uncertainty;
    uint8_t d[HEARTBEAT_LEN];
    struct heartbeat a, b;

    heartbeat_init(&a, true, session, key);
    heartbeat_init(&b, false, session, key);
    assert_false(heartbeat_estimate(&a, &rtt, &offset, &uncertainty));
    heartbeat_build(&a, 1000000, 50, d);
    assert_true(heartbeat_take(&b, d, sizeof d, 6000300, 70));
    assert_false(heartbeat_estimate(&b, &rtt, &offset, &uncertainty));
    heartbeat_build(&b, 6002300, 2070, d);
    assert_true(heartbeat_take(&a, d, sizeof d, 1002400, 2450));
    assert_true(heartbeat_estimate(&a, &rtt, &offset, &uncertainty));
    assert_int_equal(rtt, 400);
    assert_int_equal(uncertainty, 200);
    assert_true(llabs(offset - 5000000) <= uncertainty);
    assert_false(heartbeat_estimate(&a, &rtt, &offset, &uncertainty));

    /* A clock that was set meanwhile teaches nothing. */
    heartbeat_build(&a, 2000000, 60, d);
    assert_true(heartbeat_take(&b, d, sizeof d, 7000300, 80));
    heartbeat_build(&b, 7000400, 180, d);
    assert_true(heartbeat_take(&a, d, sizeof d, 1000, 500));
    assert_false(heartbeat_estimate(&a, &rtt, &offset, &uncertainty));
}

/* A peer that has the key may say what it likes: differences that an int64_t
 * does not hold are nonsense, and nothing worse (UBSan). */
static void
test_absurd_clocks(void **state OVS_UNUSED)
{
    const uint64_t far = UINT64_C(1) << 63, now = 1000000;
    int64_t rtt, offset, uncertainty;
    uint8_t d[HEARTBEAT_LEN];
    struct heartbeat a, b;

    heartbeat_init(&a, true, session, key);
    heartbeat_init(&b, false, session, key);
    b.peer_real = now + far + 9;        /* Of a's heartbeat, it says... */
    heartbeat_build(&b, now, far, d);   /* ...which it had for so long. */
    assert_true(heartbeat_take(&a, d, sizeof d, now, 1));
    b.peer_real = now - 8;
    heartbeat_build(&b, now + far - 1, 0, d);
    assert_true(heartbeat_take(&a, d, sizeof d, now, 1));
    assert_true(heartbeat_estimate(&a, &rtt, &offset, &uncertainty));
    assert_int_equal(rtt, 8);
}

/* ---------------------------------------------------------------- detector */

static void
test_detector(void **state OVS_UNUSED)
{
    struct detector d;
    long long int t;

    detector_init(&d, 500, 1000);
    for (t = 1000; t < 1500; t += 10) {
        assert_false(detector_run(&d, t));
    }
    assert_int_equal(detector_deadline(&d), 1500);
    assert_true(detector_run(&d, 1500));
    assert_true(detector_run(&d, 1600));
    detector_life(&d, 1610);
    assert_false(detector_run(&d, 1610));
    for (t = 1620; t < 2110; t += 10) {
        assert_false(detector_run(&d, t));
    }
    assert_true(detector_run(&d, 2110));

    /* Life in time. */
    detector_init(&d, 500, 0);
    for (t = 0; t < 100000; t += 100) {
        if (t % 400 == 0) {
            detector_life(&d, t);
        }
        assert_false(detector_run(&d, t));
    }

    /* We were stopped for ten seconds: the peer gets half the time again. */
    detector_init(&d, 500, 0);
    assert_false(detector_run(&d, 10));
    assert_false(detector_run(&d, 10010));
    for (t = 10020; t < 10260; t += 10) {
        assert_false(detector_run(&d, t));
    }
    assert_true(detector_run(&d, 10260));
}

/* -------------------------------------------------------------------- hold */

static void
check_hold(size_t limit, size_t piece, bool expect_spool)
{
    struct hold *h = hold_create(limit, "/tmp");
    size_t in = 0, marked = 0, out = 0;
    bool spooled = false;
    int fds[2];

    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    for (int round = 0; round < 40; round++) {
        uint8_t *data = xmalloc(piece);
        uint8_t back[4096];
        ssize_t n;

        for (size_t i = 0; i < piece; i++) {
            data[i] = (in + i) * 31 >> 5;
        }
        assert_int_equal(hold_append(h, data, piece), 0);
        free(data);
        in += piece;
        assert_int_equal(hold_total(h), in - out);
        spooled |= hold_spooled(h) > 0;
        if (round % 8 == 7) {
            hold_mark(h);
            marked = in;
        }
        assert_int_equal(hold_ready(h), marked - out);
        do {
            assert_int_equal(hold_write(h, fds[1]), 0);
            n = read(fds[0], back, sizeof back);
            for (ssize_t i = 0; i < n; i++) {
                assert_int_equal(back[i], (uint8_t) (out * 31 >> 5));
                out++;
            }
            /* In the pipe is what hold_write() has given away already. */
        } while (n > 0 && (round % 8 == 7 ? round > 20 : true));
        while ((n = read(fds[0], back, sizeof back)) > 0) {
            for (ssize_t i = 0; i < n; i++) {
                assert_int_equal(back[i], (uint8_t) (out * 31 >> 5));
                out++;
            }
        }
        assert_true(out <= marked);
    }
    assert_int_equal(spooled, expect_spool);
    close(fds[0]);
    close(fds[1]);
    hold_destroy(h);
}

static void
test_hold(void **state OVS_UNUSED)
{
    check_hold(64 << 20, 1, false);
    check_hold(64 << 20, 100000, false);
    check_hold(1 << 20, 100000, false);
    check_hold(1 << 20, 262144, true);
    check_hold(1, 100001, true);
    check_hold(1, 1048577, true);
}

static void
test_hold_fails(void **state OVS_UNUSED)
{
    struct hold *h = hold_create(1, "/nonexistent");
    static uint8_t data[262144];
    int fds[2];

    assert_int_equal(hold_append(h, data, sizeof data), 0);
    assert_int_equal(hold_append(h, data, 1), ENOENT);
    hold_destroy(h);

    h = hold_create(1, "/tmp");
    hold_append(h, data, 10);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(hold_write(h, fds[1]), 0);     /* Nothing is marked. */
    hold_mark(h);
    close(fds[1]);
    assert_int_equal(hold_write(h, fds[1]), EBADF);
    close(fds[0]);
    hold_destroy(h);
}

/* -------------------------------------------------------------------- ring */

static void
test_ring(void **state OVS_UNUSED)
{
    size_t in = 0, out = 0, n, room;
    struct ring r;

    ring_init(&r, 4096);
    ring_bytes(&r, &n);
    assert_int_equal(n, 0);
    for (int round = 0; round < 20000; round++) {
        const uint8_t *bytes;
        uint8_t *p = ring_room(&r, &room);
        size_t add = random_range(3000), take = random_range(3000);

        assert_true(p >= r.data && p + room <= r.data + r.size);
        assert_true(room || in - out == 4096);
        add = MIN(add, room);
        for (size_t i = 0; i < add; i++) {
            p[i] = in++ * 31 >> 3;
        }
        ring_added(&r, add);
        bytes = ring_bytes(&r, &n);
        assert_true(bytes >= r.data && bytes + n <= r.data + r.size);
        assert_true(n <= in - out && (n || in == out));
        take = MIN(take, n);
        for (size_t i = 0; i < take; i++) {
            assert_int_equal(bytes[i], (uint8_t) (out++ * 31 >> 3));
        }
        ring_taken(&r, take);
        assert_int_equal(r.len, in - out);
    }
    ring_bytes(&r, &n);
    ring_taken(&r, n);
    ring_bytes(&r, &n);
    ring_taken(&r, n);
    ring_room(&r, &room);
    assert_int_equal(room, 4096);       /* From the start again. */
    ring_added(&r, 4096);
    ring_room(&r, &room);
    assert_int_equal(room, 0);
    ring_destroy(&r);
}

/* ------------------------------------------------------------------ bucket */

/* What a taker of pieces of 'piece' bytes gets in ten seconds, looking each
 * 'step' ms. */
static uint64_t
taken(struct bucket *b, long long int start, uint64_t piece, int step)
{
    uint64_t total = 0;

    for (long long int t = start; t < start + 10000; t += step) {
        while (bucket_run(b, t)) {
            bucket_take(b, piece);
            total += piece;
            assert_true(total < 1000000000);
        }
        assert_true(bucket_deadline(b) > t);
    }
    return total;
}

static void
test_bucket(void **state OVS_UNUSED)
{
    static const uint64_t rates[] = { 8000, 1000000, 20000000, 400000000 };
    struct bucket b;

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        uint64_t want = rates[i] / 8 * 10;
        uint64_t burst = rates[i] / 8 * BUCKET_BURST_MS / 1000;
        uint64_t piece, got;

        bucket_init(&b, rates[i], 5000);
        piece = bucket_piece(&b, 128 * 1024);
        assert_true(piece >= 1024 && piece <= 128 * 1024);
        got = taken(&b, 5000, piece, 1);
        assert_true(got <= want + burst + piece);
        assert_true(got + burst + piece >= want);
        /* A pause saves no more than a burst. */
        got = taken(&b, 1000000000, piece, 10);
        assert_true(got <= want + burst + piece);
        assert_true(got + burst + piece >= want);
    }

    /* When it says that it will be ready, it is, and not before. */
    bucket_init(&b, 1000000, 0);
    assert_false(bucket_run(&b, 0));
    assert_true(bucket_run(&b, bucket_deadline(&b)));
    bucket_take(&b, 100000);
    assert_int_equal(bucket_deadline(&b), 801);
    assert_false(bucket_run(&b, 800));
    assert_true(bucket_run(&b, 801));

    bucket_init(&b, 0, 0);              /* No limit. */
    bucket_take(&b, UINT64_MAX / 4000);
    assert_true(bucket_run(&b, 0));
    assert_int_equal(bucket_piece(&b, 4096), 4096);
}

/* ------------------------------------------------------------------ events */

/* Reads all that comes when nothing happens any more; returns its length. */
static size_t
read_events(struct events *ev, int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, text + len, size - len)) > 0) {
        len += n;
        assert_true(len < size);
        events_run(ev);
    }
    assert_int_equal(errno, EAGAIN);
    text[len] = '\0';
    return len;
}

static void
test_events(void **state OVS_UNUSED)
{
    static char text[256 * 1024];
    uint64_t n = 0, seen = 0;
    struct events ev;
    char *line, *save = NULL;
    bool is_last = false;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    events_init(&ev, fds[1]);
    events_put(&ev, "suspect silence a\tb\nc");
    read_events(&ev, fds[0], text, sizeof text);
    assert_string_equal(text, "suspect silence a b c\n");

    /* A reader that sleeps: what is lost it is told as soon as it reads, also
     * if nothing is put any more. */
    while (ev.lost < 3) {
        events_put(&ev, "ack %"PRIu64" 1", ++n);
        assert_true(n < 1000000);
    }
    assert_true(read_events(&ev, fds[0], text, sizeof text) > EVENTS_MAX / 2);
    for (line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        uint64_t i;

        if (sscanf(line, "lost %"SCNu64, &i) == 1) {
            seen += i;
            is_last = true;
        } else {
            assert_int_equal(sscanf(line, "ack %"SCNu64" 1", &i), 1);
            assert_int_equal(i, ++seen);
            is_last = false;
        }
    }
    assert_true(is_last);
    assert_int_equal(seen, n);
    events_put(&ev, "ack 7 1");
    read_events(&ev, fds[0], text, sizeof text);
    assert_string_equal(text, "ack 7 1\n");
    events_uninit(&ev);
    close(fds[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_split),
        cmocka_unit_test(test_wire_headers),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_absurd_clocks),
        cmocka_unit_test(test_detector),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_fails),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
