/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the output buffer: ranges of ports as masks, what the
 * filters admit, and what the plugs are told. */

#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/netbuf-match.h"
#include "../../libxl-ext/plug.h"
#include "util.h"

static uint32_t seed = 1;

static uint32_t
draw(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t) (((uint64_t) seed * below) >> 32);
}

/* Masks. */

/* Every port is in exactly one block if it is in the range, and else in none;
 * and no set of blocks could be smaller: two neighbours of one size never make
 * a block together. */
static void
check_range(unsigned int low, unsigned int high)
{
    struct netbuf_ports p[NETBUF_MAX_PORTS];
    static uint8_t hits[65536];
    size_t n = netbuf_port_masks(low, high, p), i;
    unsigned int port;

    assert_in_range(n, 1, NETBUF_MAX_PORTS);
    memset(hits, 0, sizeof hits);
    for (i = 0; i < n; i++) {
        assert_int_equal(p[i].value & ~p[i].mask & 0xffff, 0);
        for (port = 0; port < 65536; port++) {
            hits[port] += (port & p[i].mask) == p[i].value;
        }
        if (i && p[i].mask == p[i - 1].mask) {
            assert_true(p[i - 1].value & (0x10000 - p[i].mask));
        }
    }
    for (port = 0; port < 65536; port++) {
        if (hits[port] != (port >= low && port <= high)) {
            fail_msg("%u-%u: port %u is in %d blocks", low, high, port,
                     hits[port]);
        }
    }
}

static void
test_masks(void **state OVS_UNUSED)
{
    static const struct { uint16_t low, high; } some[] = {
        { 0, 65535 }, { 1, 65535 }, { 0, 65534 }, { 1, 65534 }, { 0, 0 },
        { 65535, 65535 }, { 10000, 20000 }, { 16384, 32767 }, { 7, 7 },
        { 32767, 32768 }, { 1024, 65535 }, { 5062, 65535 }, { 1, 5059 },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(some); i++) {
        check_range(some[i].low, some[i].high);
    }
    for (i = 0; i < 200; i++) {
        unsigned int low = draw(65536);

        check_range(low, low + draw(65536 - low));
    }
}

/* All ranges there are within a byte, in all places of it: the arithmetic
 * knows no other cases. */
static void
test_masks_all(void **state OVS_UNUSED)
{
    struct netbuf_ports p[NETBUF_MAX_PORTS];
    unsigned int low, high, port;

    for (low = 0; low < 256; low++) {
        for (high = low; high < 256; high++) {
            size_t n = netbuf_port_masks(low, high, p), i;

            for (port = 0; port < 512; port++) {
                int hits = 0;

                for (i = 0; i < n; i++) {
                    hits += (port & p[i].mask) == p[i].value;
                }
                if (hits != (port >= low && port <= high)) {
                    fail_msg("%u-%u: port %u: %d", low, high, port, hits);
                }
            }
        }
    }
}

/* Filters: the kernel's u32 against a reader of packets that was written from
 * the RFCs. */

struct packet {
    uint16_t ethertype;
    uint8_t data[64];
    size_t len;
};

static uint32_t
word_at(const struct packet *p, int ofs)
{
    return ((uint32_t) p->data[ofs] << 24 | p->data[ofs + 1] << 16
            | p->data[ofs + 2] << 8 | p->data[ofs + 3]);
}

/* As net/sched/cls_u32.c does it. */
static bool
u32_admits(const struct remus_class *c, const struct packet *p)
{
    struct netbuf_match m[NETBUF_MAX_MATCHES];
    size_t n = netbuf_matches(c, m), i, j;

    for (i = 0; i < n; i++) {
        for (j = 0; j < m[i].n_keys; j++) {
            const struct netbuf_key *k = &m[i].keys[j];

            assert_int_equal(k->ofs % 4, 0);
            if (p->len < k->ofs + 4
                || ((word_at(p, k->ofs) ^ k->value) & k->mask)) {
                break;
            }
        }
        if (m[i].ethertype == p->ethertype && j == m[i].n_keys) {
            return true;
        }
    }
    return false;
}

static bool
should_admit(const struct remus_class *c, const struct packet *p)
{
    const uint8_t *d = p->data, *udp;
    int dscp, port;

    if (p->ethertype == 0x0800) {
        if (d[0] >> 4 != 4 || (d[0] & 15) * 4 != 20     /* Options. */
            || d[9] != 17
            || (d[6] & 0x20) || (d[6] & 0x1f) || d[7]   /* A fragment. */
            || (d[6] & 0x80)) {
            return false;
        }
        dscp = d[1] >> 2;
        udp = d + 20;
    } else if (p->ethertype == 0x86dd) {
        if (d[0] >> 4 != 6 || d[6] != 17) {     /* Or an extension header. */
            return false;
        }
        dscp = ((d[0] & 15) << 2) | (d[1] >> 6);
        udp = d + 40;
    } else {
        return false;
    }
    port = c->to ? udp[2] << 8 | udp[3] : udp[0] << 8 | udp[1];
    return (port >= c->low && port <= c->high
            && (c->dscp < 0 || dscp == c->dscp)
            && (c->media == REMUS_MEDIA_UDP || udp[8] >> 6 == 2));
}

/* A packet that is right but for at most a few bits. */
static void
make_packet(const struct remus_class *c, struct packet *p)
{
    bool ip6 = draw(2);
    uint8_t *d = p->data, *udp = d + (ip6 ? 40 : 20);
    int port = (draw(4) ? c->low + draw(c->high - c->low + 1) : draw(65536));
    int dscp = c->dscp >= 0 && draw(4) ? c->dscp : draw(64);
    unsigned int i;

    for (i = 0; i < sizeof p->data; i++) {
        d[i] = draw(256);
    }
    p->len = sizeof p->data;
    p->ethertype = draw(8) ? (ip6 ? 0x86dd : 0x0800)
                   : (const uint16_t[]) { 0x8100, 0x0806, 0x88a8,
                                          0x0800, 0x86dd }[draw(5)];
    if (ip6) {
        d[0] = 0x60 | dscp >> 2;
        d[1] = (d[1] & 0x3f) | (dscp & 3) << 6;
        d[6] = 17;
    } else {
        d[0] = 0x45;
        d[1] = dscp << 2 | (d[1] & 3);
        d[6] &= 0x40;
        d[7] = 0;
        d[9] = 17;
    }
    udp[c->to ? 2 : 0] = port >> 8;
    udp[c->to ? 3 : 1] = port;
    udp[8] = draw(4) ? 0x80 | (udp[8] & 0x3f) : udp[8];
    if (draw(2)) {
        d[draw(ip6 ? 50 : 30)] ^= 1 << draw(8);
    }
}

static void
test_filters(void **state OVS_UNUSED)
{
    static const char *const classes[] = {
        "udp:10000-20000", "rtp:10000-20000", "srtp:16384-32767",
        "to:udp:4000-4999", "to:rtp:7", "rtp:1-5059/dscp=46",
        "udp:5062-65535/dscp=0", "to:udp:20000-30001/dscp=63",
    };
    unsigned int i, admitted = 0, refused = 0;

    for (i = 0; i < 400000; i++) {
        const char *text = classes[i % ARRAY_SIZE(classes)];
        struct remus_class c;
        struct packet p;
        bool should, does;

        assert_null(remus_class_parse(text, &c));
        make_packet(&c, &p);
        should = should_admit(&c, &p);
        does = u32_admits(&c, &p);
        if (should != does) {
            fail_msg("%s, round %u, ethertype %04x: %s", text, i,
                     p.ethertype, does ? "admitted" : "not admitted");
        }
        admitted += does;
        refused += !does;
    }
    /* Both were asked about often. */
    assert_true(admitted > 50000);
    assert_true(refused > 50000);
}

/* A frame that ends too early is not looked at beyond its end. */
static void
test_short(void **state OVS_UNUSED)
{
    struct remus_class c;
    struct packet p;
    size_t len;

    assert_null(remus_class_parse("rtp:10000-20000", &c));
    do {
        make_packet(&c, &p);
    } while (p.ethertype != 0x0800 || !should_admit(&c, &p));
    for (len = 0; len < sizeof p.data; len++) {
        p.len = len;
        assert_int_equal(u32_admits(&c, &p), len >= 32);
    }
}

/* The plugs: net/sched/sch_plug.c, and a guest that sends numbered frames. */

#define MAX_FRAMES 4096

struct plug {
    int frames[MAX_FRAMES];     /* The epoch of each. */
    unsigned int head, tail;
    unsigned int current, last, to_release;
    bool indefinite, throttled;
    int out[MAX_FRAMES];        /* What left, in order. */
    unsigned int n_out;
};

static void
plug_run(struct plug *p)
{
    while (!p->throttled && p->head != p->tail) {
        if (!p->indefinite) {
            if (!p->to_release) {
                p->throttled = true;
                break;
            }
            p->to_release--;
        }
        p->out[p->n_out++] = p->frames[p->head++];
    }
}

static void
plug_send(struct plug *p, int epoch)
{
    assert_true(p->tail < MAX_FRAMES);
    p->frames[p->tail++] = epoch;
    p->current += !p->indefinite;
    plug_run(p);
}

static void
plug_tell(struct plug *p, enum plug_op op)
{
    if (op == PLUG_BUFFER) {
        p->last = p->current;
        p->current = 0;
        p->throttled |= p->indefinite;
        p->indefinite = false;
    } else if (op == PLUG_RELEASE_ONE) {
        p->to_release += p->last;
        p->last = 0;
        p->throttled = false;
    } else {
        p->indefinite = true;
        p->to_release = p->last = p->current = 0;
        p->throttled = false;
    }
    plug_run(p);
}

/* One call of the library: 'failing' of the vifs do not answer. */
static int
call(struct plug_set *set, struct plug plugs[], enum plug_op op, bool failing)
{
    int error = plug_begin(set, op);
    size_t i;

    for (i = 0; !error && i < set->n; i++) {
        if (plug_wants(set, i)) {
            if (failing && draw(2)) {
                error = ENOBUFS;
            } else {
                plug_tell(&plugs[i], op);
                plug_acked(set, i);
            }
        }
    }
    return error;
}

static void
one_life(int n)
{
    static struct plug plugs[PLUG_MAX];
    int epoch = 0, released = -1, closed = -1, allowed = -1, step, i;
    struct plug_set set;
    bool passing = true;
    unsigned int j;

    memset(plugs, 0, sizeof plugs);
    plug_set_init(&set, n);
    for (i = 0; i < n; i++) {
        plugs[i].throttled = true;
        plug_tell(&plugs[i], PLUG_RELEASE_ALL);
    }
    for (step = 0; step < 300; step++) {
        enum plug_op op = draw(20) ? draw(2) : PLUG_RELEASE_ALL;
        bool failing = !draw(5), close_pending, release_pending;
        int error;

        if (draw(2)) {
            /* The guest runs only while no closing is under way. */
            if (!(set.pending && set.op == PLUG_BUFFER)) {
                plug_send(&plugs[draw(n)], epoch);
            }
            continue;
        }
        close_pending = set.pending && set.op == PLUG_BUFFER;
        release_pending = set.pending && set.op == PLUG_RELEASE_ONE;
        error = call(&set, plugs, op, failing);
        if (op == PLUG_BUFFER) {
            /* Never two without a release in between. */
            if (!close_pending && (closed > released || release_pending
                                   || (set.pending && set.op != op))) {
                assert_int_equal(error, EBUSY);
            }
            if (!error) {
                closed = epoch++;
                /* What was sent while all passed has left. */
                allowed = passing ? closed : allowed;
                passing = false;
            }
        } else if (op == PLUG_RELEASE_ONE) {
            if (!release_pending && closed <= released) {
                assert_int_equal(error, EINVAL);
            }
            if (error != EINVAL) {
                allowed = released = closed;    /* For some, it has begun. */
            }
            if (!error) {
                assert_int_equal(set.state, PLUG_HELD);
            }
        } else if (!error) {
            allowed = released = closed = epoch;
            passing = true;
            epoch++;
        } else {
            /* Let out on some: all that was sent so far may have left. */
            allowed = released = closed = epoch;
            epoch++;
            passing = false;
        }

        for (i = 0; i < n; i++) {
            int waiting = plugs[i].tail - plugs[i].head;

            /* In order, and none before its epoch was released. */
            for (j = 0; j < plugs[i].n_out; j++) {
                assert_int_equal(plugs[i].out[j], plugs[i].frames[j]);
            }
            if (plugs[i].n_out && !passing && !set.pending
                && !plugs[i].indefinite) {
                assert_true(plugs[i].out[plugs[i].n_out - 1] <= allowed);
            }
            /* And none of a released epoch is forgotten. */
            if (waiting && !set.pending) {
                assert_true(plugs[i].frames[plugs[i].head] > allowed);
            }
        }
    }
    for (step = 0; call(&set, plugs, PLUG_RELEASE_ALL, true) && step < 100;
         step++) {
        continue;
    }
    for (i = 0; i < n; i++) {
        assert_int_equal(plugs[i].n_out, plugs[i].tail);
    }
}

static void
test_plugs(void **state OVS_UNUSED)
{
    int i;

    for (i = 0; i < 3000; i++) {
        seed = i + 1;
        one_life(1 + draw(4));
    }
}

static void
test_plug_rules(void **state OVS_UNUSED)
{
    struct plug_set set;

    plug_set_init(&set, 2);
    assert_int_equal(plug_begin(&set, PLUG_RELEASE_ONE), EINVAL);
    assert_int_equal(plug_begin(&set, PLUG_BUFFER), 0);
    plug_acked(&set, 0);
    /* Half done: only the other one is asked, and nothing else is begun. */
    assert_int_equal(plug_begin(&set, PLUG_RELEASE_ONE), EINVAL);
    assert_int_equal(plug_begin(&set, PLUG_BUFFER), 0);
    assert_false(plug_wants(&set, 0));
    assert_true(plug_wants(&set, 1));
    plug_acked(&set, 1);
    assert_int_equal(set.state, PLUG_CLOSED);
    assert_int_equal(plug_begin(&set, PLUG_BUFFER), EBUSY);

    assert_int_equal(plug_begin(&set, PLUG_RELEASE_ONE), 0);
    plug_acked(&set, 1);
    assert_int_equal(plug_begin(&set, PLUG_BUFFER), EBUSY);
    /* Letting all pass is always possible, and asks all. */
    assert_int_equal(plug_begin(&set, PLUG_RELEASE_ALL), 0);
    assert_true(plug_wants(&set, 0));
    assert_true(plug_wants(&set, 1));
    plug_acked(&set, 0);
    plug_acked(&set, 1);
    assert_int_equal(set.state, PLUG_PASSING);

    /* A domain without a vif. */
    plug_set_init(&set, 0);
    assert_int_equal(plug_begin(&set, PLUG_BUFFER), 0);
    assert_int_equal(set.state, PLUG_CLOSED);
    assert_int_equal(plug_begin(&set, PLUG_RELEASE_ONE), 0);
    assert_int_equal(set.state, PLUG_HELD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_masks_all),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_plugs),
        cmocka_unit_test(test_plug_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
