/* SPDX-License-Identifier: Apache-2.0 */

/* What the flows do with packets: Algorithm 1, default deny, broadcasts, both
 * roles, both switching modes; and how few of them a switch changes. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "flow-bed.h"
#include "packets.h"
#include "util.h"
#include "walk.h"

#define GOES(F, EXPECTED) bed_check(x, F, EXPECTED, false, __LINE__)
#define GOES_TO(F, EXPECTED) bed_check(x, F, EXPECTED, true, __LINE__)
#define DROPPED(F) bed_check(x, F, "", false, __LINE__)

#define FROM_A(MAC, DST) frame(P_A, KEY, MAC, DST)
#define FROM_B(MAC, DST) frame(P_B, KEY, MAC, DST)
#define FROM_CLIENT(DST) ip4(frame(P_CLIENT, 0, CLIENT, DST), "192.168.7.99")

/* If the running server is the primary: tunnel 2 in service, tunnel 3 out;
 * otherwise the reverse. */
static void
test_algorithm1(void **state)
{
    struct fixture *x = *state;

    for (int round = 0; round < 3; round++) {
        GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
        DROPPED(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"));
        GOES_TO(FROM_CLIENT(MAC1), "1001(10)");

        bed_move(x->voip, "B", "A", DTS_GRANTED);
        bed_compute(x);
        GOES(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"), "1");
        DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
        GOES_TO(FROM_CLIENT(MAC1), "1002(10)");

        bed_move(x->voip, "A", "B", DTS_PROTECTED);
        bed_compute(x);
    }
}

/* A binding that lets nobody run lets nobody be heard or reached. */
static void
test_states(void **state)
{
    struct fixture *x = *state;

    for (int s = 0; s < DTS_N_STATES; s++) {
        bool runs = s == DTS_ALONE || s == DTS_PROTECTED || s == DTS_GRANTED;

        x->voip->state = s;
        bed_compute(x);
        GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), runs ? "1" : "");
        DROPPED(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"));
        GOES(FROM_CLIENT(MAC1), runs ? "1001" : "");
        /* The other domain is not concerned. */
        GOES(ip4(FROM_B(MAC2, CLIENT), "192.168.7.11"), "1");
    }
}

static void
test_default_deny(void **state)
{
    struct fixture *x = *state;
    struct flow f;

    /* Its own, in every kind, is let through. */
    GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
    GOES(arp(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
    GOES(arp(FROM_A(MAC1, CLIENT), "0.0.0.0"), "1");
    GOES(ip6(FROM_A(MAC1, CLIENT), "fd07::10"), "1");
    GOES(ip6(FROM_A(MAC1, CLIENT), "fe80::216:3eff:fe00:1"), "1");
    GOES(nd(FROM_A(MAC1, CLIENT), 136, "fd07::10", "fd07::10"), "1");
    GOES(nd(FROM_A(MAC1, CLIENT), 135, "fd07::10", "fd07::99"), "1");
    GOES(nd(FROM_A(MAC1, CLIENT), 135, "::", "fd07::10"), "1");
    f = FROM_A(MAC1, BROADCAST);
    f.dl_type = htons(ETH_TYPE_RARP);
    f.nw_proto = 3;
    f.arp_sha = f.dl_src;
    GOES(f, "1 1002");

    /* MAC, IP, ARP sender, IPv6 source, ND target. */
    DROPPED(ip4(FROM_A("00:16:3e:99:99:99", CLIENT), "192.168.7.10"));
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.77"));
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.11"));
    DROPPED(ip4(FROM_A(MAC2, CLIENT), "192.168.7.11"));
    DROPPED(ip4(FROM_A(MAC2, CLIENT), "192.168.7.10"));
    DROPPED(ip4(FROM_A(CLIENT, CLIENT), "192.168.7.99"));
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "0.0.0.0"));
    DROPPED(arp(FROM_A(MAC1, CLIENT), "192.168.7.11"));
    DROPPED(arp(FROM_A(MAC1, CLIENT), "192.168.7.99"));
    f = arp(FROM_A(MAC1, CLIENT), "192.168.7.10");
    assert_true(eth_addr_from_string(MAC2, &f.arp_sha));
    DROPPED(f);
    DROPPED(ip6(FROM_A(MAC1, CLIENT), "fd07::11"));
    DROPPED(ip6(FROM_A(MAC1, CLIENT), "fe80::216:3eff:fe00:2"));
    DROPPED(nd(FROM_A(MAC1, CLIENT), 136, "fd07::10", "fd07::11"));
    DROPPED(nd(FROM_A(MAC1, CLIENT), 136, "fd07::11", "fd07::10"));
    DROPPED(nd(FROM_A(MAC1, CLIENT), 135, "fd07::11", "fd07::99"));
    DROPPED(nd(FROM_A(MAC1, CLIENT), 135, "::", "fd07::11"));
    DROPPED(FROM_A(MAC1, CLIENT));      /* Some other protocol. */

    /* Another network's key, tunnel 1's, no key; a tagged frame. */
    DROPPED(ip4(frame(P_A, 11, MAC1, CLIENT), "192.168.7.10"));
    DROPPED(ip4(frame(P_A, DTS_REPL_KEY, MAC1, CLIENT), "192.168.7.10"));
    DROPPED(ip4(frame(P_A, 0, MAC1, CLIENT), "192.168.7.10"));
    f = ip4(FROM_A(MAC1, CLIENT), "192.168.7.10");
    f.vlans[0].tci = htons(VLAN_CFI | 5);
    DROPPED(f);
    /* A port that is nobody's. */
    DROPPED(ip4(frame(77, KEY, MAC1, CLIENT), "192.168.7.10"));
}

static void
test_clients(void **state)
{
    struct fixture *x = *state;
    struct flow f;

    GOES_TO(FROM_CLIENT(MAC1), "1001(10)");
    GOES_TO(FROM_CLIENT(MAC2), "1002(10)");
    GOES(arp(frame(P_CLIENT, 0, CLIENT, MAC1), "192.168.7.99"), "1001");

    /* Never a domain's address. */
    DROPPED(ip4(frame(P_CLIENT, 0, MAC1, BROADCAST), "192.168.7.99"));
    DROPPED(ip4(frame(P_CLIENT, 0, CLIENT, MAC2), "192.168.7.10"));
    DROPPED(arp(frame(P_CLIENT, 0, CLIENT, BROADCAST), "192.168.7.10"));
    f = arp(frame(P_CLIENT, 0, CLIENT, BROADCAST), "192.168.7.99");
    assert_true(eth_addr_from_string(MAC1, &f.arp_sha));
    DROPPED(f);
    DROPPED(ip6(frame(P_CLIENT, 0, CLIENT, MAC2), "fd07::10"));
    DROPPED(nd(frame(P_CLIENT, 0, CLIENT, MAC2), 136, "fd07::99",
               "fd07::10"));
    DROPPED(ip6(frame(P_CLIENT, 0, CLIENT, MAC2), "fe80::216:3eff:fe00:1"));
    DROPPED(nd(frame(P_CLIENT, 0, CLIENT, MAC2), 136, "fd07::99",
               "fe80::216:3eff:fe00:1"));
    GOES(nd(frame(P_CLIENT, 0, CLIENT, MAC2), 135, "fd07::99", "fd07::11"),
         "1002");

    /* Untagged only. */
    f = FROM_CLIENT(MAC1);
    f.vlans[0].tci = htons(VLAN_CFI | 5);
    DROPPED(f);
}

/* Broadcast and unknown frames: once to each owner's node, from a guest never
 * back; unicast between guests through the gateway. */
static void
test_broadcast(void **state)
{
    struct fixture *x = *state;

    GOES_TO(FROM_CLIENT(BROADCAST), "1001(10) 1002(10)");
    GOES_TO(FROM_CLIENT("02:00:00:00:00:55"), "1001(10) 1002(10)");
    GOES(arp(FROM_A(MAC1, BROADCAST), "192.168.7.10"), "1 1002");
    GOES(arp(FROM_B(MAC2, BROADCAST), "192.168.7.11"), "1 1001");
    DROPPED(arp(FROM_B(MAC1, BROADCAST), "192.168.7.10"));
    GOES_TO(ip4(FROM_A(MAC1, MAC2), "192.168.7.10"), "1002(10)");
    GOES(ip4(FROM_A(MAC1, "02:00:00:00:00:55"), "192.168.7.10"), "1");

    /* Both at A: one copy. */
    bed_move(x->mail, "A", "B", DTS_ALONE);
    bed_compute(x);
    GOES_TO(FROM_CLIENT(BROADCAST), "1001(10)");
    GOES(arp(FROM_A(MAC1, BROADCAST), "192.168.7.10"), "1");
    DROPPED(ip4(FROM_A(MAC1, MAC2), "192.168.7.10"));   /* Its own port. */
}

static void
test_vlan_client_port(void **state OVS_UNUSED)
{
    struct fixture fixture, *x = &fixture;
    struct flow f;

    bed_init(x, "gw1", DTS_ROLE_GATEWAY, "gw1:eth1:100");
    simap_put(&x->ports.data, "A", P_A);
    simap_put(&x->ports.data, "B", P_B);
    simap_put(&x->ports.clients, "eth1", P_CLIENT);
    bed_compute(x);
    DROPPED(FROM_CLIENT(MAC1));
    f = FROM_CLIENT(MAC1);
    f.vlans[0].tci = htons(VLAN_CFI | 100);
    GOES_TO(f, "1001(10)");
    GOES(arp(FROM_A(MAC1, BROADCAST), "192.168.7.10"), "1/100 1002");
    bed_uninit(x);
}

static void
test_server(void **state)
{
    struct fixture *x = *state;
    struct flow f;

    GOES_TO(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"), "1003(10)");
    GOES_TO(arp(frame(P_VIF1, 0, MAC1, BROADCAST), "192.168.7.10"),
            "1003(10)");
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.11"));
    DROPPED(ip4(frame(P_VIF1, 0, MAC2, CLIENT), "192.168.7.11"));
    DROPPED(nd(frame(P_VIF1, 0, MAC1, CLIENT), 136, "fd07::10", "fd07::11"));
    f = ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10");
    f.vlans[0].tci = htons(VLAN_CFI | 5);
    DROPPED(f);

    /* Of mail there is a vif, but it is B's; and one of no domain. */
    DROPPED(ip4(frame(P_VIF2, 0, MAC2, CLIENT), "192.168.7.11"));
    DROPPED(ip4(frame(P_STRANGER, 0, "00:16:3e:99:99:99", CLIENT),
                "192.168.7.12"));

    /* From the gateway. */
    GOES(ip4(frame(P_GW, KEY, CLIENT, MAC1), "192.168.7.99"), "21");
    GOES(arp(frame(P_GW, KEY, CLIENT, BROADCAST), "192.168.7.99"), "21");
    DROPPED(ip4(frame(P_GW, KEY, CLIENT, MAC2), "192.168.7.99"));
    DROPPED(ip4(frame(P_GW, 11, CLIENT, MAC1), "192.168.7.99"));
    /* Nothing goes from a tunnel to a tunnel. */
    DROPPED(ip4(frame(P_GW, KEY, CLIENT, "02:00:00:00:00:55"),
                "192.168.7.99"));

    /* Two guests of a network on one server. */
    bed_move(x->mail, "A", "B", DTS_ALONE);
    bed_compute(x);
    GOES(ip4(frame(P_VIF1, 0, MAC1, MAC2), "192.168.7.10"), "22");
    GOES(arp(frame(P_VIF1, 0, MAC1, BROADCAST), "192.168.7.10"), "22 1003");
    GOES(arp(frame(P_GW, KEY, CLIENT, BROADCAST), "192.168.7.99"), "21 22");
}

/* A server lets a guest through only while the binding says it runs here. */
static void
test_server_states(void **state)
{
    struct fixture *x = *state;

    for (int here = 0; here < 2; here++) {
        for (int s = 0; s < DTS_N_STATES; s++) {
            bool runs = here && (s == DTS_ALONE || s == DTS_PROTECTED
                                 || s == DTS_GRANTED);
            bed_move(x->voip, here ? "A" : "B", here ? "B" : "A", s);
            bed_compute(x);
            GOES(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"),
                 runs ? "1003" : "");
            GOES(ip4(frame(P_GW, KEY, CLIENT, MAC1), "192.168.7.99"),
                 runs ? "21" : "");
            GOES(arp(frame(P_GW, KEY, CLIENT, BROADCAST), "192.168.7.99"),
                 runs ? "21" : "");
        }
    }

    bed_move(x->voip, "A", "B", DTS_ALONE);
    sset_add(&x->blocked, "voip");
    bed_compute(x);
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"));
    DROPPED(ip4(frame(P_GW, KEY, CLIENT, MAC1), "192.168.7.99"));
    sset_clear(&x->blocked);
    bed_compute(x);
    GOES(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"), "1003");
}

/* Tunnel 1 carries the two ends' own packets and no guest's. */
static void
test_tunnel1(void **state)
{
    struct fixture *x = *state;
    struct flow f = ip4(frame(P_REPL, 0, "02:00:00:00:00:01",
                              "02:00:00:00:00:02"), "169.254.64.1");
    assert_true(ip_parse("169.254.64.2", &f.nw_dst));
    GOES(f, "20002");
    f.in_port.ofp_port = u16_to_ofp(P_VIF1);
    DROPPED(f);

    f = ip4(frame(P_T1, DTS_REPL_KEY, "02:00:00:00:00:02",
                  "02:00:00:00:00:01"), "169.254.64.2");
    assert_true(ip_parse("169.254.64.1", &f.nw_dst));
    GOES(f, "5");
    f.tunnel.tun_id = htonll(KEY);
    DROPPED(f);
    f.tunnel.tun_id = htonll(DTS_REPL_KEY);
    f.in_port.ofp_port = u16_to_ofp(P_GW);
    DROPPED(f);
    DROPPED(ip4(frame(P_T1, DTS_REPL_KEY, CLIENT, MAC1), "192.168.7.99"));
    DROPPED(ip4(frame(P_T1, KEY, CLIENT, MAC1), "192.168.7.99"));
    DROPPED(arp(frame(P_T1, KEY, CLIENT, BROADCAST), "192.168.7.99"));
}

/* A node that is gateway and server at once. */
static void
test_both_roles(void **state OVS_UNUSED)
{
    struct fixture fixture, *x = &fixture;

    bed_init(x, "gw1", DTS_ROLE_GATEWAY | DTS_ROLE_SERVER, "gw1:eth1");
    simap_put(&x->ports.data, "A", P_A);
    simap_put(&x->ports.data, "B", P_B);
    simap_put(&x->ports.clients, "eth1", P_CLIENT);
    simap_put(&x->ports.vifs, MAC1, P_VIF1);
    bed_move(x->voip, "gw1", "A", DTS_ALONE);
    bed_compute(x);

    GOES(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"), "1");
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.11"));
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
    GOES(FROM_CLIENT(MAC1), "21");
    GOES(FROM_CLIENT(BROADCAST), "21 1002");
    GOES(ip4(frame(P_VIF1, 0, MAC1, MAC2), "192.168.7.10"), "1002");
    GOES(ip4(FROM_B(MAC2, MAC1), "192.168.7.11"), "21");
    GOES(arp(frame(P_VIF1, 0, MAC1, BROADCAST), "192.168.7.10"), "1 1002");
    GOES(arp(FROM_B(MAC2, BROADCAST), "192.168.7.11"), "1 21");

    bed_move(x->voip, "A", "gw1", DTS_GRANTED);
    bed_compute(x);
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"));
    GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
    GOES(FROM_CLIENT(MAC1), "1001");
    bed_uninit(x);
}

/* switching=port: the port leads elsewhere, no flow changes. */
static void
test_port_mode(void **state)
{
    struct fixture *x = *state;

    x->network->switching_port = true;
    bed_move(x->mail, "A", "B", DTS_PROTECTED);
    simap_put(&x->ports.port_mode, "voice", P_PORT);
    bed_compute(x);
    GOES(ip4(frame(P_PORT, KEY, MAC1, CLIENT), "192.168.7.10"), "1");
    GOES(FROM_CLIENT(MAC1), "30010");
    GOES(FROM_CLIENT(BROADCAST), "30010");
    /* The data tunnels are not this network's. */
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
    DROPPED(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"));

    bed_move(x->voip, "B", "A", DTS_GRANTED);
    bed_move(x->mail, "B", "A", DTS_GRANTED);
    assert_int_equal(bed_compute(x), 0);
    assert_string_equal(dts_network_port_owner(x->view, x->network)->name,
                        "B");

    /* One that is not where the port leads is cut off. */
    bed_move(x->voip, "A", "B", DTS_ALONE);
    x->mail->generation = x->voip->generation + 1;
    bed_compute(x);
    DROPPED(ip4(frame(P_PORT, KEY, MAC1, CLIENT), "192.168.7.10"));
    DROPPED(FROM_CLIENT(MAC1));
    GOES(ip4(frame(P_PORT, KEY, MAC2, CLIENT), "192.168.7.11"), "1");
}

static void
test_closed(void **state)
{
    struct fixture *x = *state;
    struct dts_flow_entry *e;
    int n = 0;

    x->network->closed_on_database_loss = true;
    x->view->timers.lease = 3500;
    bed_compute(x);
    HMAP_FOR_EACH (e, hmap_node, &x->table.flows) {
        if (e->flow->hard_timeout) {
            assert_int_equal(e->flow->table, DTS_T_ADMIT);
            assert_int_equal(e->flow->hard_timeout, 3);
            n++;
        }
    }
    assert_int_equal(n, 2);     /* Two owners. */
}

/* The first IP frame is told of and goes where it would go. */
static void
test_probe(void **state)
{
    struct fixture *x = *state;
    struct walk w;

    simap_put(&x->probes, "voip", 7);
    bed_compute(x);
    walk(&x->table, ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), 0, &w);
    assert_int_equal(w.to_controller, 1);
    assert_int_equal(w.n, 1);
    assert_int_equal(w.outs[0].port, P_CLIENT);
    walk(&x->table, ip6(FROM_A(MAC1, CLIENT), "fd07::10"), 0, &w);
    assert_int_equal(w.to_controller, 1);
    assert_int_equal(w.n, 1);
    /* Not what an agent announces, and nothing of another node's. */
    walk(&x->table, arp(FROM_A(MAC1, CLIENT), "192.168.7.10"), 0, &w);
    assert_int_equal(w.to_controller, 0);
    walk(&x->table, nd(FROM_A(MAC1, CLIENT), 136, "fd07::10", "fd07::10"), 0,
         &w);
    assert_int_equal(w.to_controller, 0);
    assert_int_equal(w.n, 1);
    walk(&x->table, ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"), 0, &w);
    assert_int_equal(w.to_controller, 0);
    assert_int_equal(w.n, 0);
    DROPPED(ip6(FROM_A(MAC1, CLIENT), "fd07::11"));

    simap_clear(&x->probes);
    bed_compute(x);
    walk(&x->table, ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), 0, &w);
    assert_int_equal(w.to_controller, 0);
    assert_int_equal(w.n, 1);
}

/* Two domains with one address: the second gets nothing of the first's, until
 * the first is gone. */
static void
test_conflict(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *liar = add_domain(x, "liar", MAC1" 192.168.7.10",
                                         "B", "A");

    bed_compute(x);
    assert_int_not_equal(x->table.n_conflicts, 0);
    GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
    DROPPED(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"));
    bed_set(&x->voip->network_name, "");
    bed_compute(x);
    bed_compute(x);
    GOES(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"), "1");
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
    assert_string_equal(liar->owner, "B");
}

static void
test_nothing_changed(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(bed_compute(x), 0);
    /* A new generation of the same binding needs no flow. */
    x->voip->generation++;
    x->voip->state = DTS_ALONE;
    assert_int_equal(bed_compute(x), 0);
}

/* A site's loss: a few flows, however many domains; and a deviation costs
 * what one domain costs. */
static void
test_many(void **state)
{
    enum { N = 10000 };
    struct fixture *x = *state;
    struct dts_domain **d = xmalloc(N * sizeof *d);

    for (int i = 0; i < N; i++) {
        char name[16], address[64];
        snprintf(name, sizeof name, "d%d", i);
        snprintf(address, sizeof address, "02:01:00:00:%02x:%02x 10.1.%d.%d",
                 i >> 8, i & 255, i >> 8, i & 255);
        d[i] = add_domain(x, name, address, "A", "B");
    }
    assert_true(bed_compute(x) > N);

    for (int i = 0; i < N; i++) {
        bed_move(d[i], "B", "A", DTS_GRANTED);
    }
    bed_move(x->voip, "B", "A", DTS_GRANTED);
    size_t n = bed_compute(x);
    if (n > 10) {
        print_error("%"PRIuSIZE" changes for %d domains\n", n, N);
        fail();
    }
    GOES(ip4(FROM_B("02:01:00:00:01:02", CLIENT), "10.1.1.2"), "1");
    DROPPED(ip4(FROM_A("02:01:00:00:01:02", CLIENT), "10.1.1.2"));
    GOES(FROM_CLIENT("02:01:00:00:01:02"), "1002");

    bed_move(d[258], "A", "B", DTS_ALONE);
    n = bed_compute(x);
    if (n > 30) {
        print_error("%"PRIuSIZE" changes for one domain\n", n);
        fail();
    }
    GOES(ip4(FROM_A("02:01:00:00:01:02", CLIENT), "10.1.1.2"), "1");
    DROPPED(ip4(FROM_B("02:01:00:00:01:02", CLIENT), "10.1.1.2"));
    GOES(FROM_CLIENT("02:01:00:00:01:02"), "1001");
    free(d);
}

/* A table that is told which domains have changed is the one that is made from
 * nothing, at every step. */
static void
test_told_of_changes(void **state)
{
    static const char *const nodes[] = { "A", "B", "gw1" };
    enum { N = 20 };
    struct fixture *x = *state;
    struct dts_domain *d[N] = { NULL };
    unsigned int seed = 7;
    char name[16], address[64];

#define RANDOM(MAX) ((seed = seed * 1103515245 + 12345, seed >> 16) % (MAX))
    for (int round = 0; round < 1000; round++) {
        struct sset changed = SSET_INITIALIZER(&changed);

        for (int n = RANDOM(8) ? RANDOM(3) : N; n > 0; n--) {
            int i = RANDOM(N);
            snprintf(name, sizeof name, "d%d", i);
            if (!d[i]) {
                /* Now and then two have the same address. */
                int mac = i / (RANDOM(10) ? 1 : 2);
                int ip = i / (RANDOM(10) ? 1 : 2);
                snprintf(address, sizeof address, "02:01:00:00:02:%02x "
                         "10.1.2.%d", mac, ip);
                d[i] = add_domain(x, name, address, "A", "B");
            } else if (!RANDOM(10)) {
                dts_view_remove_domain(x->view, d[i]);
                d[i] = NULL;
            } else if (!RANDOM(4)) {
                simap_put(&x->probes, name, round + 1);
            } else if (!RANDOM(4)) {
                simap_find_and_delete(&x->probes, name);
            } else {
                int to = RANDOM(ARRAY_SIZE(nodes));
                bed_move(d[i], nodes[to],
                         nodes[(to + 1) % ARRAY_SIZE(nodes)],
                         RANDOM(DTS_N_STATES));
            }
            sset_add(&changed, name);
        }
        bed_compute_changed(x, &changed);
        bed_check_fresh(x);
        sset_destroy(&changed);
    }
#undef RANDOM
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define G(NAME) cmocka_unit_test_setup_teardown( \
        NAME, bed_setup_gateway, bed_teardown)
#define S(NAME) cmocka_unit_test_setup_teardown( \
        NAME, bed_setup_server, bed_teardown)
        G(test_algorithm1),
        G(test_states),
        G(test_default_deny),
        G(test_clients),
        G(test_broadcast),
        cmocka_unit_test(test_vlan_client_port),
        S(test_server),
        S(test_server_states),
        S(test_tunnel1),
        cmocka_unit_test(test_both_roles),
        G(test_port_mode),
        G(test_closed),
        G(test_probe),
        G(test_conflict),
        G(test_nothing_changed),
        G(test_many),
        G(test_told_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
