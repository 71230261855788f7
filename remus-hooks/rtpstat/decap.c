/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "decap.h"

#include <pcap/dlt.h>
#include <string.h>

#include "packets.h"

/* Voice that crosses a remus-dts gateway is inside a tunnel on one side and
 * plain on the other, and tcpdump hands out frames with half a dozen different
 * headers.  This file takes all of that off until it reaches the innermost UDP
 * datagram.
 *
 * All lengths come from whoever sent the frame.  So every step goes through
 * pull(), which alone moves the cursor and knows both ends: what was captured
 * and what was on the wire.  Layers are bounded: a frame is at most MAX_LAYERS
 * headers deep. */

#define MAX_LAYERS 24           /* Of any kind. */
#define MAX_TUNNELS 4

#define PROTO_TEB 0x6558        /* Transparent Ethernet bridging. */
#define PORT_VXLAN 4789
#define PORT_VXLAN_LINUX 8472
#define PORT_GENEVE 6081

struct cursor {
    const uint8_t *p;
    size_t cap, len;            /* Captured, and on the wire: cap <= len. */
    unsigned int layers, tunnels;
    enum decap_verdict error;   /* Why pull() failed. */
};

static enum decap_verdict parse_ethernet(struct cursor *, struct decap *);
static enum decap_verdict parse_proto(struct cursor *, uint16_t,
                                      struct decap *);
static enum decap_verdict parse_ip(struct cursor *, struct decap *);
static enum decap_verdict parse_ipv4(struct cursor *, struct decap *);
static enum decap_verdict parse_ipv6(struct cursor *, struct decap *);
static enum decap_verdict parse_l4(struct cursor *, uint8_t, struct decap *);
static enum decap_verdict parse_gre(struct cursor *, struct decap *);
static enum decap_verdict parse_udp(struct cursor *, struct decap *);

static uint16_t
be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* Takes 'n' bytes off the front.  Returns NULL if they are not there. */
static const uint8_t *
pull(struct cursor *c, size_t n)
{
    if (n > c->cap) {
        c->error = n > c->len ? DECAP_MALFORMED : DECAP_TRUNCATED;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    c->cap -= n;
    c->len -= n;
    return p;
}

/* What follows is no longer than 'n' bytes: drops the frame's trailer. */
static void
trim(struct cursor *c, size_t n)
{
    c->len = MIN(c->len, n);
    c->cap = MIN(c->cap, c->len);
}

static bool
enter_layer(struct cursor *c)
{
    return ++c->layers <= MAX_LAYERS;
}

static bool
enter_tunnel(struct cursor *c)
{
    return ++c->tunnels <= MAX_TUNNELS;
}

bool
decap_supports(int dlt)
{
    switch (dlt) {
    case DLT_EN10MB:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_NULL:
    case DLT_LOOP:
        return true;
    default:
        return false;
    }
}

enum decap_verdict
decap_frame(int dlt, const uint8_t *data, size_t cap, size_t len,
            struct decap *d)
{
    struct cursor c = { .p = data, .cap = MIN(cap, len), .len = len };
    const uint8_t *p;

    memset(d, 0, sizeof *d);
    switch (dlt) {
    case DLT_EN10MB:
        return parse_ethernet(&c, d);

    case DLT_LINUX_SLL:
        p = pull(&c, 16);
        return p ? parse_proto(&c, be16(p + 14), d) : c.error;

    case DLT_LINUX_SLL2:
        p = pull(&c, 20);
        return p ? parse_proto(&c, be16(p), d) : c.error;

    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
        return parse_ip(&c, d);

    case DLT_NULL:
    case DLT_LOOP:
        /* The address family, in the byte order and with the numbers of the
         * system that captured it: the packet itself says it better. */
        return pull(&c, 4) ? parse_ip(&c, d) : c.error;

    default:
        return DECAP_OTHER;
    }
}

static enum decap_verdict
parse_ethernet(struct cursor *c, struct decap *d)
{
    const uint8_t *p = pull(c, 14);
    return p ? parse_proto(c, be16(p + 12), d) : c->error;
}

static enum decap_verdict
parse_proto(struct cursor *c, uint16_t proto, struct decap *d)
{
    while (proto == ETH_TYPE_VLAN_8021Q || proto == ETH_TYPE_VLAN_8021AD
           || proto == 0x9100) {
        if (!enter_layer(c)) {
            return DECAP_DEEP;
        }
        const uint8_t *tag = pull(c, 4);
        if (!tag) {
            return c->error;
        }
        d->around |= DECAP_VLAN;
        proto = be16(tag + 2);
    }
    switch (proto) {
    case ETH_TYPE_IP:
        return parse_ipv4(c, d);
    case ETH_TYPE_IPV6:
        return parse_ipv6(c, d);
    case PROTO_TEB:
        return enter_tunnel(c) ? parse_ethernet(c, d) : DECAP_DEEP;
    default:
        return DECAP_OTHER;
    }
}

static enum decap_verdict
parse_ip(struct cursor *c, struct decap *d)
{
    if (!c->cap) {
        return c->len ? DECAP_TRUNCATED : DECAP_MALFORMED;
    }
    switch (c->p[0] >> 4) {
    case 4:
        return parse_ipv4(c, d);
    case 6:
        return parse_ipv6(c, d);
    default:
        return DECAP_OTHER;
    }
}

static enum decap_verdict
parse_ipv4(struct cursor *c, struct decap *d)
{
    if (!enter_layer(c)) {
        return DECAP_DEEP;
    }
    const uint8_t *p = pull(c, 20);
    if (!p) {
        return c->error;
    }
    size_t header = (p[0] & 0x0f) * 4;
    size_t total = be16(p + 2);
    if (p[0] >> 4 != 4 || header < 20) {
        return DECAP_MALFORMED;
    }
    if (total) {                /* 0: segmentation offload on the sender. */
        if (total < header || total - 20 > c->len) {
            return DECAP_MALFORMED;
        }
        trim(c, total - 20);
    }
    if (!pull(c, header - 20)) {
        return c->error;
    }
    if (be16(p + 6) & 0x1fff) {
        return DECAP_FRAGMENT;
    }
    ovs_be32 addr;
    memcpy(&addr, p + 12, sizeof addr);
    in6_addr_set_mapped_ipv4(&d->src, addr);
    memcpy(&addr, p + 16, sizeof addr);
    in6_addr_set_mapped_ipv4(&d->dst, addr);
    return parse_l4(c, p[9], d);
}

static enum decap_verdict
parse_ipv6(struct cursor *c, struct decap *d)
{
    if (!enter_layer(c)) {
        return DECAP_DEEP;
    }
    const uint8_t *p = pull(c, 40);
    if (!p) {
        return c->error;
    }
    if (p[0] >> 4 != 6) {
        return DECAP_MALFORMED;
    }
    size_t payload = be16(p + 4);
    if (payload > c->len) {
        return DECAP_MALFORMED;
    }
    if (payload) {              /* 0: offload, or a jumbogram. */
        trim(c, payload);
    }
    memcpy(&d->src, p + 8, sizeof d->src);
    memcpy(&d->dst, p + 24, sizeof d->dst);

    uint8_t next = p[6];
    for (;;) {
        const uint8_t *ext;
        size_t more;

        switch (next) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
        case IPPROTO_AH:
        case 135:               /* Mobility. */
        case 139:               /* HIP. */
        case 140:               /* Shim6. */
            ext = pull(c, 8);
            if (!ext) {
                return c->error;
            }
            more = next == IPPROTO_AH ? ext[1] * 4 : ext[1] * 8;
            if (!pull(c, more)) {
                return c->error;
            }
            break;
        case IPPROTO_FRAGMENT:
            ext = pull(c, 8);
            if (!ext) {
                return c->error;
            }
            if (be16(ext + 2) & 0xfff8) {
                return DECAP_FRAGMENT;
            }
            break;
        default:
            return parse_l4(c, next, d);
        }
        if (!enter_layer(c)) {
            return DECAP_DEEP;
        }
        next = ext[0];
    }
}

static enum decap_verdict
parse_l4(struct cursor *c, uint8_t proto, struct decap *d)
{
    switch (proto) {
    case IPPROTO_UDP:
        return parse_udp(c, d);
    case IPPROTO_GRE:
        return parse_gre(c, d);
    case IPPROTO_IPIP:
    case IPPROTO_IPV6:
        d->around |= DECAP_IPIP;
        return !enter_tunnel(c) ? DECAP_DEEP
               : proto == IPPROTO_IPIP ? parse_ipv4(c, d) : parse_ipv6(c, d);
    default:
        return DECAP_OTHER;
    }
}

/* RFC 2784 with the key and sequence number of RFC 2890. */
static enum decap_verdict
parse_gre(struct cursor *c, struct decap *d)
{
    const uint8_t *p = pull(c, 4);
    if (!p) {
        return c->error;
    }
    uint16_t flags = be16(p);
    if (flags & 0x4000 || flags & 0x0007) {
        return DECAP_OTHER;     /* Source routes; PPTP's version. */
    }
    size_t options = (4 * !!(flags & 0x8000)    /* Checksum. */
                      + 4 * !!(flags & 0x2000)  /* Key. */
                      + 4 * !!(flags & 0x1000)); /* Sequence number. */
    if (!pull(c, options)) {
        return c->error;
    }
    d->around |= DECAP_GRE;
    uint16_t proto = be16(p + 2);
    if (proto == PROTO_TEB) {
        return parse_proto(c, proto, d);
    }
    return enter_tunnel(c) ? parse_proto(c, proto, d) : DECAP_DEEP;
}

static enum decap_verdict
parse_vxlan(struct cursor *c, struct decap *d)
{
    pull(c, 8);
    d->around |= DECAP_VXLAN;
    return enter_tunnel(c) ? parse_ethernet(c, d) : DECAP_DEEP;
}

static enum decap_verdict
parse_geneve(struct cursor *c, struct decap *d)
{
    const uint8_t *p = pull(c, 8);
    if (!pull(c, (p[0] & 0x3f) * 4)) {
        return c->error;
    }
    d->around |= DECAP_GENEVE;
    uint16_t proto = be16(p + 2);
    if (proto == PROTO_TEB) {
        return parse_proto(c, proto, d);
    }
    return enter_tunnel(c) ? parse_proto(c, proto, d) : DECAP_DEEP;
}

static enum decap_verdict
parse_udp(struct cursor *c, struct decap *d)
{
    const uint8_t *p = pull(c, 8);
    if (!p) {
        return c->error;
    }
    uint16_t sport = be16(p);
    uint16_t dport = be16(p + 2);
    size_t len = be16(p + 4);
    if (len < 8) {
        return DECAP_MALFORMED;
    }
    /* The first fragment of a packet holds less than the header says. */
    trim(c, len - 8);

    if ((dport == PORT_VXLAN || dport == PORT_VXLAN_LINUX) && c->cap >= 8
        && c->p[0] == 0x08 && !c->p[7]) {
        return parse_vxlan(c, d);
    }
    if (dport == PORT_GENEVE && c->cap >= 8 && !(c->p[0] & 0xc0)) {
        return parse_geneve(c, d);
    }
    d->sport = sport;
    d->dport = dport;
    d->payload = c->p;
    d->cap = c->cap;
    d->len = c->len;
    return DECAP_UDP;
}
