/* SPDX-License-Identifier: Apache-2.0 */

/* Tells the segment where a domain's addresses are now: RARP for switches'
 * tables, gratuitous ARP (RFC 5227) and unsolicited neighbour advertisements
 * (RFC 4861, 7.2.6) for neighbours, each several times, as they may be lost.
 * The guest itself announces nothing that it does not know of: it was moved in
 * the middle of a breath. */

#include <config.h>
#include "announce.h"

#include "dp-packet.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "switch.h"
#include "timeval.h"
#include "tracked.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(announce);

/* When, in ms after the fence. */
static const int schedule[] = { 0, 50, 150, 500, 1500 };

static void announce(const struct dts_domain *);

void
announce_run(struct tracked *t, const struct dts_domain *d)
{
    while (t->announced < ARRAY_SIZE(schedule)) {
        long long int due = t->announce_since + schedule[t->announced];
        if (time_msec() < due) {
            poll_timer_wait_until(due);
            return;
        }
        announce(d);
        tracked_phase(t, "announced", time_usec());
        t->announced++;
    }
    t->announce_since = 0;
}

static void
announce_ip4(const struct dts_domain *d, struct eth_addr mac, ovs_be32 ip)
{
    struct dp_packet p;

    dp_packet_init(&p, 64);
    compose_arp(&p, ARP_OP_REQUEST, mac, eth_addr_zero, true, ip, ip);
    switch_inject(d, &p);
    dp_packet_uninit(&p);
}

static void
announce_ip6(const struct dts_domain *d, struct eth_addr mac,
             const struct in6_addr *ip)
{
    static const struct eth_addr all_nodes_mac
        = ETH_ADDR_C(33, 33, 00, 00, 00, 01);
    struct in6_addr all_nodes = IN6ADDR_ANY_INIT;
    struct dp_packet p;

    all_nodes.s6_addr[0] = 0xff;
    all_nodes.s6_addr[1] = 0x02;
    all_nodes.s6_addr[15] = 0x01;
    dp_packet_init(&p, 128);
    compose_nd_na(&p, mac, all_nodes_mac, ip, &all_nodes,
                  htonl(ND_RSO_OVERRIDE));
    switch_inject(d, &p);
    dp_packet_uninit(&p);
}

static void
announce(const struct dts_domain *d)
{
    for (size_t i = 0; i < d->n_addresses; i++) {
        const struct dts_address *a = &d->addresses[i];
        struct dp_packet p;

        dp_packet_init(&p, 64);
        compose_rarp(&p, a->mac);
        switch_inject(d, &p);
        dp_packet_uninit(&p);
        for (size_t j = 0; j < a->n_ip4; j++) {
            announce_ip4(d, a->mac, a->ip4[j]);
        }
        for (size_t j = 0; j < a->n_ip6; j++) {
            announce_ip6(d, a->mac, &a->ip6[j]);
        }
    }
}
