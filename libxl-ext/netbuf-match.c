/* SPDX-License-Identifier: Apache-2.0 */
/* From a class of traffic to words for the u32 classifier.
 *
 * The filters look at bytes at fixed places and at nothing else, so what they
 * admit can be said in one sentence: an untagged frame of IPv4 without options,
 * unfragmented, or of IPv6 without extension headers, that carries UDP with the
 * port in the range.  A dissector (as flower has) would look behind options and
 * extension headers, and let a guest choose what it sees.
 *
 * An RTP or RTCP packet begins with the two bits "10" (RFC 3550); what else may
 * share its port (STUN, DTLS: RFC 7983) begins otherwise. */

#include <config.h>

#include "netbuf-match.h"

#include <netinet/in.h>
#include <net/ethernet.h>
#include <string.h>

#include "util.h"

size_t
netbuf_port_masks(uint16_t low, uint16_t high,
                  struct netbuf_ports ports[NETBUF_MAX_PORTS])
{
    unsigned int next = low;
    size_t n = 0;

    while (next <= high) {
        /* The largest block that begins at 'next' and ends in the range. */
        unsigned int size = next ? next & -next : 0x10000;

        while (next + size - 1 > high) {
            size >>= 1;
        }
        ports[n].value = next;
        ports[n].mask = 0x10000 - size;
        n++;
        next += size;
    }
    return n;
}

static void
add_key(struct netbuf_match *m, int ofs, uint32_t value, uint32_t mask)
{
    struct netbuf_key *key = &m->keys[m->n_keys++];

    key->ofs = ofs;
    key->value = value & mask;
    key->mask = mask;
}

static void
add_udp(struct netbuf_match *m, int ofs, const struct remus_class *c,
        const struct netbuf_ports *p)
{
    int shift = c->to ? 0 : 16;

    add_key(m, ofs, (uint32_t) p->value << shift, (uint32_t) p->mask << shift);
    if (c->media != REMUS_MEDIA_UDP) {
        add_key(m, ofs + 8, 0x80000000, 0xc0000000);
    }
}

/* The protocol comes first: most frames are of another. */
static void
match_ip4(struct netbuf_match *m, const struct remus_class *c,
          const struct netbuf_ports *p)
{
    m->ethertype = ETHERTYPE_IP;
    add_key(m, 8, IPPROTO_UDP << 16, 0x00ff0000);
    add_key(m, 0, 0x45000000 | (c->dscp < 0 ? 0 : c->dscp << 18),
            c->dscp < 0 ? 0xff000000 : 0xfffc0000);
    /* Neither "more fragments" nor an offset; "don't fragment" may be. */
    add_key(m, 4, 0, 0x0000bfff);
    add_udp(m, 20, c, p);
}

static void
match_ip6(struct netbuf_match *m, const struct remus_class *c,
          const struct netbuf_ports *p)
{
    m->ethertype = ETHERTYPE_IPV6;
    add_key(m, 4, IPPROTO_UDP << 8, 0x0000ff00);
    add_key(m, 0, 0x60000000 | (c->dscp < 0 ? 0 : c->dscp << 22),
            c->dscp < 0 ? 0xf0000000 : 0xffc00000);
    add_udp(m, 40, c, p);
}

size_t
netbuf_matches(const struct remus_class *c,
               struct netbuf_match matches[NETBUF_MAX_MATCHES])
{
    struct netbuf_ports ports[NETBUF_MAX_PORTS];
    size_t n = netbuf_port_masks(c->low, c->high, ports), i;

    memset(matches, 0, NETBUF_MAX_MATCHES * sizeof *matches);
    for (i = 0; i < n; i++) {
        match_ip4(&matches[i], c, &ports[i]);
        match_ip6(&matches[n + i], c, &ports[i]);
    }
    return 2 * n;
}
