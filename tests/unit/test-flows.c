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

#include "flow-table.h"
#include "flows.h"
#include "packets.h"
#include "sets.h"
#include "sset.h"
#include "util.h"
#include "view.h"
#include "walk.h"

#define KEY 10
#define MAC1 "00:16:3e:00:00:01"
#define MAC2 "00:16:3e:00:00:02"
#define CLIENT "02:00:00:00:00:99"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
enum { P_CLIENT = 1, P_VIF1 = 21, P_VIF2 = 22, P_STRANGER = 23,
       P_A = 1001, P_B = 1002, P_GW = 1003, P_T1 = 20002, P_REPL = 5,
       P_PORT = 30010 };

struct fixture {
    struct dts_view *view;
    struct dts_network *network;
    struct dts_domain *voip, *mail;     /* At A and at B. */
    struct dts_ports ports;
    struct dts_sets sets;
    struct dts_flow_table table;
    struct hmap flows, groups;  /* A switch that is told of changes only. */
    struct sset blocked;
    struct simap probes;
};

static void
set(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

static struct dts_domain *
add_domain(struct fixture *x, const char *name, const char *address,
           const char *owner, const char *standby)
{
    struct dts_domain *d = dts_view_add_domain(x->view, name, x->network);

    d->addresses = xmalloc(sizeof *d->addresses);
    d->n_addresses = 1;
    assert_null(dts_address_parse(address, &d->addresses[0]));
    d->has_binding = true;
    d->generation = 1;
    d->state = DTS_PROTECTED;
    set(&d->owner, owner);
    set(&d->standby, standby);
    return d;
}

static void
init(struct fixture *x, const char *self, unsigned int gw_roles,
     const char *client_port)
{
    memset(x, 0, sizeof *x);
    x->view = dts_view_create_empty(self);
    dts_view_add_node(x->view, "A", 1, DTS_ROLE_SERVER, "10.0.0.1");
    dts_view_add_node(x->view, "B", 2, DTS_ROLE_SERVER, "10.0.0.2");
    dts_view_add_node(x->view, "gw1", 3, gw_roles, "10.0.0.3");
    x->network = dts_view_add_network(x->view, "voice", KEY);
    x->network->ports = xmalloc(sizeof *x->network->ports);
    x->network->n_ports = 1;
    assert_null(dts_client_port_parse(client_port, &x->network->ports[0]));
    x->voip = add_domain(x, "voip", MAC1" 192.168.7.10 fd07::10", "A", "B");
    x->mail = add_domain(x, "mail", MAC2" 192.168.7.11 fd07::11", "B", "A");
    dts_view_resolve(x->view);
    dts_ports_init(&x->ports);
    dts_sets_init(&x->sets);
    dts_flow_table_init(&x->table);
    hmap_init(&x->flows);
    hmap_init(&x->groups);
    sset_init(&x->blocked);
    simap_init(&x->probes);
}

static void
uninit(struct fixture *x)
{
    dts_flow_table_destroy(&x->table);
    dts_flows_clear(&x->flows, &x->groups);
    hmap_destroy(&x->flows);
    hmap_destroy(&x->groups);
    dts_sets_destroy(&x->sets);
    dts_ports_destroy(&x->ports);
    dts_view_destroy(x->view);
    sset_destroy(&x->blocked);
    simap_destroy(&x->probes);
}

/* What changed is all that changed. */
static void
follow_changes(struct fixture *x)
{
    struct dts_flow_table *t = &x->table;
    struct dts_flow_entry *f, *have;
    struct dts_group_entry *g, *have_g;

    for (size_t i = 0; i < t->n_changed; i++) {
        f = dts_flow_find(&t->flows, t->changed[i]);
        have = dts_flow_find(&x->flows, t->changed[i]);
        if (f) {
            dts_flows_put(&x->flows, dts_flow_ref(f->flow));
        } else if (have) {
            dts_flows_delete(&x->flows, have);
        }
    }
    for (size_t i = 0; i < t->n_changed_groups; i++) {
        g = dts_group_find(&t->groups, t->changed_groups[i]);
        have_g = dts_group_find(&x->groups, t->changed_groups[i]);
        if (g) {
            dts_groups_put(&x->groups, dts_group_ref(g->group));
        } else if (have_g) {
            dts_groups_delete(&x->groups, have_g);
        }
    }

    assert_int_equal(hmap_count(&x->flows), hmap_count(&t->flows));
    HMAP_FOR_EACH (f, hmap_node, &t->flows) {
        have = dts_flow_find(&x->flows, f->flow);
        assert_non_null(have);
        assert_true(dts_flow_same_actions(have->flow, f->flow));
    }
    assert_int_equal(hmap_count(&x->groups), hmap_count(&t->groups));
    HMAP_FOR_EACH (g, hmap_node, &t->groups) {
        have_g = dts_group_find(&x->groups, g->group->id);
        assert_non_null(have_g);
        assert_true(dts_group_equal(have_g->group, g->group));
    }
}

/* Brings the table up to date; returns how many flows and groups differ. */
static size_t
compute(struct fixture *x)
{
    struct dts_flows_in in = {
        .view = x->view,
        .ports = &x->ports,
        .sets = &x->sets,
        .blocked = &x->blocked,
        .probes = &x->probes,
    };

    dts_view_resolve(x->view);
    dts_flow_table_forget_changes(&x->table);
    dts_sets_update(&x->sets, x->view);
    dts_flows_compute(&x->table, &in);
    follow_changes(x);
    return x->table.n_changed + x->table.n_changed_groups;
}

static int
setup_gateway(void **state)
{
    struct fixture *x = xmalloc(sizeof *x);

    init(x, "gw1", DTS_ROLE_GATEWAY, "gw1:eth1");
    simap_put(&x->ports.data, "A", P_A);
    simap_put(&x->ports.data, "B", P_B);
    simap_put(&x->ports.clients, "eth1", P_CLIENT);
    compute(x);
    *state = x;
    return 0;
}

static int
setup_server(void **state)
{
    struct fixture *x = xmalloc(sizeof *x);

    init(x, "A", DTS_ROLE_GATEWAY, "gw1:eth1");
    simap_put(&x->ports.data, "gw1", P_GW);
    simap_put(&x->ports.repl, "B", P_T1);
    x->ports.repl_local = P_REPL;
    simap_put(&x->ports.vifs, MAC1, P_VIF1);
    simap_put(&x->ports.vifs, MAC2, P_VIF2);
    simap_put(&x->ports.vifs, "00:16:3e:99:99:99", P_STRANGER);
    compute(x);
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    uninit(*state);
    free(*state);
    return 0;
}

static void
move(struct dts_domain *d, const char *owner, const char *standby,
     enum dts_state state)
{
    set(&d->owner, owner);
    set(&d->standby, standby);
    d->state = state;
    d->generation++;
}

/* A frame. */
static struct flow
frame(unsigned int in_port, uint64_t tun_id, const char *src, const char *dst)
{
    struct flow f;

    memset(&f, 0, sizeof f);
    f.in_port.ofp_port = u16_to_ofp(in_port);
    f.tunnel.tun_id = htonll(tun_id);
    assert_true(eth_addr_from_string(src, &f.dl_src));
    assert_true(eth_addr_from_string(dst, &f.dl_dst));
    f.dl_type = htons(0x88b5);
    return f;
}

static struct flow
ip4(struct flow f, const char *src)
{
    f.dl_type = htons(ETH_TYPE_IP);
    f.nw_proto = IPPROTO_UDP;
    assert_true(ip_parse(src, &f.nw_src));
    return f;
}

static struct flow
arp(struct flow f, const char *spa)
{
    f.dl_type = htons(ETH_TYPE_ARP);
    f.nw_proto = ARP_OP_REQUEST;
    f.arp_sha = f.dl_src;
    assert_true(ip_parse(spa, &f.nw_src));
    return f;
}

static struct flow
ip6(struct flow f, const char *src)
{
    f.dl_type = htons(ETH_TYPE_IPV6);
    f.nw_proto = IPPROTO_UDP;
    assert_true(ipv6_parse(src, &f.ipv6_src));
    return f;
}

static struct flow
nd(struct flow f, int type, const char *src, const char *target)
{
    f = ip6(f, src);
    f.nw_proto = IPPROTO_ICMPV6;
    f.tp_src = htons(type);
    assert_true(ipv6_parse(target, &f.nd_target));
    return f;
}

static void
check(struct fixture *x, struct flow f, const char *expected, bool ids,
      int line)
{
    struct walk w;
    char *got;

    walk(&x->table, f, 0, &w);
    got = walk_to_string(&w, ids);
    if (strcmp(got, expected)) {
        print_error("line %d: goes to \"%s\", not to \"%s\"\n", line, got,
                    expected);
        fail();
    }
    free(got);
}
#define GOES(F, EXPECTED) check(x, F, EXPECTED, false, __LINE__)
#define GOES_TO(F, EXPECTED) check(x, F, EXPECTED, true, __LINE__)
#define DROPPED(F) check(x, F, "", false, __LINE__)

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

        move(x->voip, "B", "A", DTS_GRANTED);
        compute(x);
        GOES(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"), "1");
        DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
        GOES_TO(FROM_CLIENT(MAC1), "1002(10)");

        move(x->voip, "A", "B", DTS_PROTECTED);
        compute(x);
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
        compute(x);
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
    move(x->mail, "A", "B", DTS_ALONE);
    compute(x);
    GOES_TO(FROM_CLIENT(BROADCAST), "1001(10)");
    GOES(arp(FROM_A(MAC1, BROADCAST), "192.168.7.10"), "1");
    DROPPED(ip4(FROM_A(MAC1, MAC2), "192.168.7.10"));   /* Its own port. */
}

static void
test_vlan_client_port(void **state OVS_UNUSED)
{
    struct fixture fixture, *x = &fixture;
    struct flow f;

    init(x, "gw1", DTS_ROLE_GATEWAY, "gw1:eth1:100");
    simap_put(&x->ports.data, "A", P_A);
    simap_put(&x->ports.data, "B", P_B);
    simap_put(&x->ports.clients, "eth1", P_CLIENT);
    compute(x);
    DROPPED(FROM_CLIENT(MAC1));
    f = FROM_CLIENT(MAC1);
    f.vlans[0].tci = htons(VLAN_CFI | 100);
    GOES_TO(f, "1001(10)");
    GOES(arp(FROM_A(MAC1, BROADCAST), "192.168.7.10"), "1/100 1002");
    uninit(x);
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
    move(x->mail, "A", "B", DTS_ALONE);
    compute(x);
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
            move(x->voip, here ? "A" : "B", here ? "B" : "A", s);
            compute(x);
            GOES(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"),
                 runs ? "1003" : "");
            GOES(ip4(frame(P_GW, KEY, CLIENT, MAC1), "192.168.7.99"),
                 runs ? "21" : "");
            GOES(arp(frame(P_GW, KEY, CLIENT, BROADCAST), "192.168.7.99"),
                 runs ? "21" : "");
        }
    }

    move(x->voip, "A", "B", DTS_ALONE);
    sset_add(&x->blocked, "voip");
    compute(x);
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"));
    DROPPED(ip4(frame(P_GW, KEY, CLIENT, MAC1), "192.168.7.99"));
    sset_clear(&x->blocked);
    compute(x);
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

    init(x, "gw1", DTS_ROLE_GATEWAY | DTS_ROLE_SERVER, "gw1:eth1");
    simap_put(&x->ports.data, "A", P_A);
    simap_put(&x->ports.data, "B", P_B);
    simap_put(&x->ports.clients, "eth1", P_CLIENT);
    simap_put(&x->ports.vifs, MAC1, P_VIF1);
    move(x->voip, "gw1", "A", DTS_ALONE);
    compute(x);

    GOES(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"), "1");
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.11"));
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
    GOES(FROM_CLIENT(MAC1), "21");
    GOES(FROM_CLIENT(BROADCAST), "21 1002");
    GOES(ip4(frame(P_VIF1, 0, MAC1, MAC2), "192.168.7.10"), "1002");
    GOES(ip4(FROM_B(MAC2, MAC1), "192.168.7.11"), "21");
    GOES(arp(frame(P_VIF1, 0, MAC1, BROADCAST), "192.168.7.10"), "1 1002");
    GOES(arp(FROM_B(MAC2, BROADCAST), "192.168.7.11"), "1 21");

    move(x->voip, "A", "gw1", DTS_GRANTED);
    compute(x);
    DROPPED(ip4(frame(P_VIF1, 0, MAC1, CLIENT), "192.168.7.10"));
    GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
    GOES(FROM_CLIENT(MAC1), "1001");
    uninit(x);
}

/* switching=port: the port leads elsewhere, no flow changes. */
static void
test_port_mode(void **state)
{
    struct fixture *x = *state;

    x->network->switching_port = true;
    move(x->mail, "A", "B", DTS_PROTECTED);
    simap_put(&x->ports.port_mode, "voice", P_PORT);
    compute(x);
    GOES(ip4(frame(P_PORT, KEY, MAC1, CLIENT), "192.168.7.10"), "1");
    GOES(FROM_CLIENT(MAC1), "30010");
    GOES(FROM_CLIENT(BROADCAST), "30010");
    /* The data tunnels are not this network's. */
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
    DROPPED(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"));

    move(x->voip, "B", "A", DTS_GRANTED);
    move(x->mail, "B", "A", DTS_GRANTED);
    assert_int_equal(compute(x), 0);
    assert_string_equal(dts_network_port_owner(x->view, x->network)->name,
                        "B");

    /* One that is not where the port leads is cut off. */
    move(x->voip, "A", "B", DTS_ALONE);
    x->mail->generation = x->voip->generation + 1;
    compute(x);
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
    compute(x);
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
    compute(x);
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
    compute(x);
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

    compute(x);
    assert_int_not_equal(x->table.n_conflicts, 0);
    GOES(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"), "1");
    DROPPED(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"));
    set(&x->voip->network_name, "");
    compute(x);
    compute(x);
    GOES(ip4(FROM_B(MAC1, CLIENT), "192.168.7.10"), "1");
    DROPPED(ip4(FROM_A(MAC1, CLIENT), "192.168.7.10"));
    assert_string_equal(liar->owner, "B");
}

static void
test_nothing_changed(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(compute(x), 0);
    /* A new generation of the same binding needs no flow. */
    x->voip->generation++;
    x->voip->state = DTS_ALONE;
    assert_int_equal(compute(x), 0);
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
    assert_true(compute(x) > N);

    for (int i = 0; i < N; i++) {
        move(d[i], "B", "A", DTS_GRANTED);
    }
    move(x->voip, "B", "A", DTS_GRANTED);
    size_t n = compute(x);
    if (n > 10) {
        print_error("%"PRIuSIZE" changes for %d domains\n", n, N);
        fail();
    }
    GOES(ip4(FROM_B("02:01:00:00:01:02", CLIENT), "10.1.1.2"), "1");
    DROPPED(ip4(FROM_A("02:01:00:00:01:02", CLIENT), "10.1.1.2"));
    GOES(FROM_CLIENT("02:01:00:00:01:02"), "1002");

    move(d[258], "A", "B", DTS_ALONE);
    n = compute(x);
    if (n > 30) {
        print_error("%"PRIuSIZE" changes for one domain\n", n);
        fail();
    }
    GOES(ip4(FROM_A("02:01:00:00:01:02", CLIENT), "10.1.1.2"), "1");
    DROPPED(ip4(FROM_B("02:01:00:00:01:02", CLIENT), "10.1.1.2"));
    GOES(FROM_CLIENT("02:01:00:00:01:02"), "1001");
    free(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define G(NAME) cmocka_unit_test_setup_teardown(NAME, setup_gateway, teardown)
#define S(NAME) cmocka_unit_test_setup_teardown(NAME, setup_server, teardown)
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
