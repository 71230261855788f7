/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <arpa/inet.h>
#include <pcap/dlt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decap.h"

/* Frames are built from the inside out: each function puts one header before
 * what is there.  Every sample is then cut at every byte, in two ways: by the
 * snap length (the frame was longer) and on the wire (it was not). */

struct frame {
    uint8_t buf[2048];
    size_t start;
};

#define LEN(F) (sizeof (F)->buf - (F)->start)
#define DATA(F) ((F)->buf + (F)->start)

static uint8_t *
push(struct frame *f, const void *header, size_t n)
{
    assert_true(f->start >= n);
    f->start -= n;
    return memcpy(DATA(f), header, n);
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

static void
begin(struct frame *f)
{
    f->start = sizeof f->buf;
    push(f, "\x80\0\0\1\0\0\0\0\0\0\0\1voice", 17);
}

static void
udp(struct frame *f, uint16_t sport, uint16_t dport)
{
    size_t len = LEN(f) + 8;
    uint8_t *p = push(f, "\0\0\0\0\0\0\0\0", 8);
    put16(p, sport);
    put16(p + 2, dport);
    put16(p + 4, len);
}

static void
ip4(struct frame *f, uint8_t proto)
{
    size_t len = LEN(f) + 20;
    uint8_t *p = push(f, "\x45\0\0\0\0\0\0\0\x40\0\0\0\x0a\0\0\1\x0a\0\0\2",
                      20);
    put16(p + 2, len);
    p[9] = proto;
}

static void
ip6(struct frame *f, uint8_t next)
{
    size_t len = LEN(f);
    uint8_t *p = push(f, "\x60\0\0\0\0\0\0\x40"
                      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 40);
    put16(p + 4, len);
    p[6] = next;
}

static void
ether(struct frame *f, uint16_t type)
{
    put16(push(f, "\2\0\0\0\0\1\2\0\0\0\0\2\0\0", 14) + 12, type);
}

static void
vlan(struct frame *f, uint16_t type)
{
    put16(push(f, "\0\5\0\0", 4) + 2, type);
}

static void
gre(struct frame *f, uint16_t flags, uint16_t proto)
{
    int words = !!(flags & 0x8000) + !!(flags & 0x2000) + !!(flags & 0x1000);
    push(f, "\0\0\0\x0a\0\0\0\x0b\0\0\0\x0c", 4 * words);
    uint8_t *p = push(f, "\0\0\0\0", 4);
    put16(p, flags);
    put16(p + 2, proto);
}

static enum decap_verdict
run(int dlt, const struct frame *f, size_t cap, size_t len, struct decap *d)
{
    /* On the heap, so that a sanitizer sees a read beyond the end. */
    uint8_t *copy = malloc(cap ? cap : 1);
    assert_non_null(copy);
    memcpy(copy, DATA(f), cap);
    enum decap_verdict verdict = decap_frame(dlt, copy, cap, len, d);
    if (verdict == DECAP_UDP) {
        assert_true(d->payload >= copy && d->payload + d->cap <= copy + cap);
        assert_true(d->cap <= d->len);
    }
    free(copy);
    return verdict;
}

static bool
is_addr(const struct in6_addr *addr, const char *expect)
{
    char s[INET6_ADDRSTRLEN];
    return !strcmp(inet_ntop(AF_INET6, addr, s, sizeof s), expect);
}

/* Expects the voice in 'f', then cuts 'f' at every byte.  The last 17 bytes
 * are the payload, before them is UDP's header. */
static void
check(int dlt, struct frame *f, unsigned int around, bool v6)
{
    struct decap d;
    size_t n = LEN(f);

    assert_int_equal(run(dlt, f, n, n, &d), DECAP_UDP);
    assert_int_equal(d.len, 17);
    assert_int_equal(d.cap, 17);
    assert_int_equal(d.sport, 10000);
    assert_int_equal(d.dport, 20000);
    assert_int_equal(d.around, around);
    assert_true(is_addr(&d.src, v6 ? "2001:db8::1" : "::ffff:10.0.0.1"));
    assert_true(is_addr(&d.dst, v6 ? "2001:db8::2" : "::ffff:10.0.0.2"));

    for (size_t cut = 0; cut < n; cut++) {
        enum decap_verdict verdict = run(dlt, f, cut, n, &d);
        if (cut >= n - 17) {
            assert_int_equal(verdict, DECAP_UDP);
            assert_int_equal(d.cap, cut - (n - 17));
            assert_int_equal(d.len, 17);
        } else if (verdict != DECAP_TRUNCATED) {
            /* A tunnel's own header cut off looks like plain UDP. */
            assert_int_equal(verdict, DECAP_UDP);
            assert_true(around & (DECAP_VXLAN | DECAP_GENEVE));
            assert_int_not_equal(d.dport, 20000);
        }

        verdict = run(dlt, f, cut, cut, &d);
        assert_int_equal(verdict, DECAP_MALFORMED);
    }
    begin(f);
    udp(f, 10000, 20000);
}

static struct frame f;

static int
setup(void **state)
{
    memset(&f, 0, sizeof f);
    begin(&f);
    udp(&f, 10000, 20000);
    return 0;
}

static void
test_ethernet(void **state)
{
    ip4(&f, IPPROTO_UDP);
    ether(&f, 0x0800);
    check(DLT_EN10MB, &f, 0, false);

    ip6(&f, IPPROTO_UDP);
    ether(&f, 0x86dd);
    check(DLT_EN10MB, &f, 0, true);
}

static void
test_vlan(void **state)
{
    ip4(&f, IPPROTO_UDP);
    vlan(&f, 0x0800);
    ether(&f, 0x8100);
    check(DLT_EN10MB, &f, DECAP_VLAN, false);

    ip6(&f, IPPROTO_UDP);       /* QinQ */
    vlan(&f, 0x86dd);
    vlan(&f, 0x8100);
    ether(&f, 0x88a8);
    check(DLT_EN10MB, &f, DECAP_VLAN, true);
}

static void
test_cooked(void **state)
{
    ip4(&f, IPPROTO_UDP);
    push(&f, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0", 16);
    check(DLT_LINUX_SLL, &f, 0, false);

    ip6(&f, IPPROTO_UDP);
    push(&f, "\x86\xdd\0\0\0\0\0\3\0\1\4\6\2\0\0\0\0\1\0\0", 20);
    check(DLT_LINUX_SLL2, &f, 0, true);

    ip4(&f, IPPROTO_UDP);       /* With a tag. */
    vlan(&f, 0x0800);
    push(&f, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x81\0", 16);
    check(DLT_LINUX_SLL, &f, DECAP_VLAN, false);
}

static void
test_raw_and_null(void **state)
{
    ip4(&f, IPPROTO_UDP);
    check(DLT_RAW, &f, 0, false);
    ip6(&f, IPPROTO_UDP);
    check(DLT_RAW, &f, 0, true);
    ip4(&f, IPPROTO_UDP);
    check(DLT_IPV4, &f, 0, false);
    ip6(&f, IPPROTO_UDP);
    check(DLT_IPV6, &f, 0, true);

    ip4(&f, IPPROTO_UDP);
    push(&f, "\2\0\0\0", 4);
    check(DLT_NULL, &f, 0, false);
    ip6(&f, IPPROTO_UDP);       /* FreeBSD's 28, from a big-endian machine. */
    push(&f, "\0\0\0\x1c", 4);
    check(DLT_LOOP, &f, 0, true);
}

static void
test_gre(void **state)
{
    /* As remus-dts has it: a key and an Ethernet frame. */
    ip4(&f, IPPROTO_UDP);
    ether(&f, 0x0800);
    gre(&f, 0x2000, 0x6558);
    ip4(&f, IPPROTO_GRE);
    ether(&f, 0x0800);
    check(DLT_EN10MB, &f, DECAP_GRE, false);

    /* IP in it, checksum, key and sequence number, IPv6 around IPv4. */
    ip4(&f, IPPROTO_UDP);
    gre(&f, 0xb000, 0x0800);
    ip6(&f, IPPROTO_GRE);
    ether(&f, 0x86dd);
    check(DLT_EN10MB, &f, DECAP_GRE, false);

    /* A tag inside the tunnel. */
    ip6(&f, IPPROTO_UDP);
    vlan(&f, 0x86dd);
    ether(&f, 0x8100);
    gre(&f, 0, 0x6558);
    ip4(&f, IPPROTO_GRE);
    ether(&f, 0x0800);
    check(DLT_EN10MB, &f, DECAP_GRE | DECAP_VLAN, true);
}

static void
test_vxlan(void **state)
{
    ip4(&f, IPPROTO_UDP);
    ether(&f, 0x0800);
    push(&f, "\x08\0\0\0\0\0\x0a\0", 8);
    udp(&f, 54321, 4789);
    ip4(&f, IPPROTO_UDP);
    ether(&f, 0x0800);
    check(DLT_EN10MB, &f, DECAP_VXLAN, false);

    /* No VXLAN flags: then it is the datagram itself. */
    struct decap d;
    begin(&f);
    udp(&f, 10000, 4789);
    ip4(&f, IPPROTO_UDP);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_UDP);
    assert_int_equal(d.dport, 4789);
    assert_int_equal(d.around, 0);
}

static void
test_geneve(void **state)
{
    ip6(&f, IPPROTO_UDP);
    ether(&f, 0x86dd);
    push(&f, "\1\2\3\4\5\6\7\x08", 8);          /* Two words of options. */
    push(&f, "\2\0\x65\x58\0\0\x0a\0", 8);
    udp(&f, 54321, 6081);
    ip6(&f, IPPROTO_UDP);
    ether(&f, 0x86dd);
    check(DLT_EN10MB, &f, DECAP_GENEVE, true);
}

static void
test_ip_in_ip(void **state)
{
    ip4(&f, IPPROTO_UDP);
    ip4(&f, IPPROTO_IPIP);
    check(DLT_RAW, &f, DECAP_IPIP, false);
    ip6(&f, IPPROTO_UDP);
    ip4(&f, IPPROTO_IPV6);
    check(DLT_RAW, &f, DECAP_IPIP, true);
}

static void
test_ipv4_options(void **state)
{
    size_t len = LEN(&f) + 24;
    push(&f, "\1\1\1\0", 4);
    uint8_t *p = push(&f, "\x46\0\0\0\0\0\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2",
                      20);
    put16(p + 2, len);
    check(DLT_RAW, &f, 0, false);
}

/* Ethernet fills short frames up; that is not payload. */
static void
test_trailer(void **state)
{
    struct decap d;

    memmove(f.buf, DATA(&f), 25);
    f.start = sizeof f.buf - 25 - 30;
    memmove(DATA(&f), f.buf, 25);
    size_t padded = LEN(&f);
    assert_int_equal(padded, 55);
    ip4(&f, IPPROTO_UDP);
    put16(DATA(&f) + 2, 20 + 25);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_UDP);
    assert_int_equal(d.len, 17);
}

static void
test_ipv4_fragments(void **state)
{
    struct decap d;

    ip4(&f, IPPROTO_UDP);
    put16(DATA(&f) + 6, 0x2000);        /* The first: more follow. */
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_UDP);
    put16(DATA(&f) + 6, 0x2001);        /* One in the middle. */
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_FRAGMENT);
    put16(DATA(&f) + 6, 0x3000);        /* Only the uppermost bit. */
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_FRAGMENT);
    put16(DATA(&f) + 6, 0x1fff);        /* The last. */
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_FRAGMENT);

    /* UDP's length is that of the whole datagram, not of the fragment. */
    put16(DATA(&f) + 6, 0x2000);
    put16(DATA(&f) + 20 + 4, 4000);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_UDP);
    assert_int_equal(d.len, 17);
}

static void
test_ipv6_extensions(void **state)
{
    /* Destination options behind AH behind routing behind hop-by-hop. */
    push(&f, "\x11\0\1\4\0\0\0\0", 8);
    push(&f, "\x3c\1\0\0\0\0\0\0\0\0\0\0", 12); /* AH: (1 + 2) * 4 bytes. */
    push(&f, "\x33\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    push(&f, "\x2b\0\1\4\0\0\0\0", 8);
    ip6(&f, 0);
    check(DLT_RAW, &f, 0, true);

    struct decap d;
    push(&f, "\x11\0\0\1\0\0\0\7", 8);          /* First fragment. */
    ip6(&f, 44);
    check(DLT_RAW, &f, 0, true);
    push(&f, "\x11\0\0\x09\0\0\0\7", 8);        /* A later one. */
    ip6(&f, 44);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_FRAGMENT);
}

/* Tunnels in tunnels, tags in tags, options after options: all end. */
static void
test_depth(void **state)
{
    struct decap d;

    ip4(&f, IPPROTO_UDP);
    for (int i = 1; i <= 6; i++) {
        ip4(&f, IPPROTO_IPIP);
        assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d),
                         i <= 4 ? DECAP_UDP : DECAP_DEEP);
    }

    setup(NULL);
    ip4(&f, IPPROTO_UDP);
    vlan(&f, 0x0800);
    for (int i = 0; i < 60; i++) {
        vlan(&f, 0x8100);
    }
    ether(&f, 0x8100);
    assert_int_equal(run(DLT_EN10MB, &f, LEN(&f), LEN(&f), &d), DECAP_DEEP);

    setup(NULL);
    push(&f, "\x11\0\1\4\0\0\0\0", 8);
    for (int i = 0; i < 60; i++) {
        push(&f, "\x3c\0\1\4\0\0\0\0", 8);
    }
    ip6(&f, 60);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_DEEP);
}

static void
test_malformed(void **state)
{
    struct decap d;

    ip4(&f, IPPROTO_UDP);
    size_t n = LEN(&f);
    DATA(&f)[0] = 0x44;                 /* A header of 16 bytes. */
    assert_int_equal(run(DLT_RAW, &f, n, n, &d), DECAP_MALFORMED);
    DATA(&f)[0] = 0x45;
    put16(DATA(&f) + 2, 19);            /* In all less than the header. */
    assert_int_equal(run(DLT_RAW, &f, n, n, &d), DECAP_MALFORMED);
    put16(DATA(&f) + 2, n + 1);         /* More than there is. */
    assert_int_equal(run(DLT_RAW, &f, n, n, &d), DECAP_MALFORMED);
    put16(DATA(&f) + 2, 0);             /* Segmentation offload. */
    assert_int_equal(run(DLT_RAW, &f, n, n, &d), DECAP_UDP);
    put16(DATA(&f) + 20 + 4, 7);        /* UDP shorter than its header. */
    assert_int_equal(run(DLT_RAW, &f, n, n, &d), DECAP_MALFORMED);

    /* IPv4's type around IPv6's packet. */
    setup(NULL);
    ip6(&f, IPPROTO_UDP);
    ether(&f, 0x0800);
    assert_int_equal(run(DLT_EN10MB, &f, LEN(&f), LEN(&f), &d),
                     DECAP_MALFORMED);
}

static void
test_other(void **state)
{
    struct decap d;

    ip4(&f, IPPROTO_TCP);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_OTHER);
    ether(&f, 0x0806);
    assert_int_equal(run(DLT_EN10MB, &f, LEN(&f), LEN(&f), &d), DECAP_OTHER);
    DATA(&f)[0] = 0x75;
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_OTHER);
    assert_false(decap_supports(DLT_IEEE802_11));
    assert_int_equal(run(DLT_IEEE802_11, &f, LEN(&f), LEN(&f), &d),
                     DECAP_OTHER);

    /* PPTP's GRE and one with source routes. */
    setup(NULL);
    ip4(&f, IPPROTO_UDP);
    gre(&f, 0x2001, 0x880b);
    ip4(&f, IPPROTO_GRE);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_OTHER);
    setup(NULL);
    ip4(&f, IPPROTO_UDP);
    gre(&f, 0x4000, 0x0800);
    ip4(&f, IPPROTO_GRE);
    assert_int_equal(run(DLT_RAW, &f, LEN(&f), LEN(&f), &d), DECAP_OTHER);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_ethernet),
        TEST(test_vlan),
        TEST(test_cooked),
        TEST(test_raw_and_null),
        TEST(test_gre),
        TEST(test_vxlan),
        TEST(test_geneve),
        TEST(test_ip_in_ip),
        TEST(test_ipv4_options),
        TEST(test_trailer),
        TEST(test_ipv4_fragments),
        TEST(test_ipv6_extensions),
        TEST(test_depth),
        TEST(test_malformed),
        TEST(test_other),
    };
    return cmocka_run_group_tests_name("decap", tests, NULL, NULL);
}
