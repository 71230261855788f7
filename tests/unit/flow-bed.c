/* SPDX-License-Identifier: Apache-2.0 */

/* A small system whose flows are tried with frames. */

#include <config.h>

#include "flow-bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "byte-order.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"
#include "walk.h"

void
bed_set(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

struct dts_domain *
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
    bed_set(&d->owner, owner);
    bed_set(&d->standby, standby);
    return d;
}

void
bed_init(struct fixture *x, const char *self, unsigned int gw_roles,
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

void
bed_uninit(struct fixture *x)
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
size_t
bed_compute(struct fixture *x)
{
    return bed_compute_changed(x, NULL);
}

size_t
bed_compute_changed(struct fixture *x, const struct sset *changed)
{
    struct dts_flows_in in = {
        .changed = changed,
        .view = x->view,
        .ports = &x->ports,
        .sets = &x->sets,
        .blocked = &x->blocked,
        .probes = &x->probes,
    };

    dts_view_resolve(x->view);
    dts_flow_table_forget_changes(&x->table);
    dts_sets_update(&x->sets, x->view, changed);
    dts_flows_compute(&x->table, &in);
    follow_changes(x);
    return x->table.n_changed + x->table.n_changed_groups;
}

/* Where two domains want the same flow it depends on who came first whose it
 * is; keys and groups do not. */
void
bed_check_fresh(struct fixture *x)
{
    struct dts_flows_in in = {
        .view = x->view,
        .ports = &x->ports,
        .sets = &x->sets,
        .blocked = &x->blocked,
        .probes = &x->probes,
    };
    struct dts_flow_table fresh;
    struct dts_flow_entry *f;
    struct dts_group_entry *g;

    dts_flow_table_init(&fresh);
    dts_flows_compute(&fresh, &in);
    assert_int_equal(hmap_count(&fresh.flows), hmap_count(&x->table.flows));
    HMAP_FOR_EACH (f, hmap_node, &fresh.flows) {
        const struct dts_flow_entry *have = dts_flow_find(&x->table.flows,
                                                          f->flow);
        assert_non_null(have);
        if (!fresh.n_incomplete) {
            struct ds a = DS_EMPTY_INITIALIZER, b = DS_EMPTY_INITIALIZER;
            dts_flow_format(have->flow, &a);
            dts_flow_format(f->flow, &b);
            assert_string_equal(ds_cstr(&a), ds_cstr(&b));
            assert_int_equal(have->flow->cookie, f->flow->cookie);
            ds_destroy(&a);
            ds_destroy(&b);
        }
    }
    assert_int_equal(hmap_count(&fresh.groups), hmap_count(&x->table.groups));
    HMAP_FOR_EACH (g, hmap_node, &fresh.groups) {
        const struct dts_group_entry *have = dts_group_find(&x->table.groups,
                                                            g->group->id);
        assert_non_null(have);
        assert_true(dts_group_equal(have->group, g->group));
    }
    dts_flow_table_destroy(&fresh);
}

int
bed_setup_gateway(void **state)
{
    struct fixture *x = xmalloc(sizeof *x);

    bed_init(x, "gw1", DTS_ROLE_GATEWAY, "gw1:eth1");
    simap_put(&x->ports.data, "A", P_A);
    simap_put(&x->ports.data, "B", P_B);
    simap_put(&x->ports.clients, "eth1", P_CLIENT);
    bed_compute(x);
    *state = x;
    return 0;
}

int
bed_setup_server(void **state)
{
    struct fixture *x = xmalloc(sizeof *x);

    bed_init(x, "A", DTS_ROLE_GATEWAY, "gw1:eth1");
    simap_put(&x->ports.data, "gw1", P_GW);
    simap_put(&x->ports.repl, "B", P_T1);
    x->ports.repl_local = P_REPL;
    simap_put(&x->ports.vifs, MAC1, P_VIF1);
    simap_put(&x->ports.vifs, MAC2, P_VIF2);
    simap_put(&x->ports.vifs, "00:16:3e:99:99:99", P_STRANGER);
    bed_compute(x);
    *state = x;
    return 0;
}

int
bed_teardown(void **state)
{
    bed_uninit(*state);
    free(*state);
    return 0;
}

void
bed_move(struct dts_domain *d, const char *owner, const char *standby,
     enum dts_state state)
{
    bed_set(&d->owner, owner);
    bed_set(&d->standby, standby);
    d->state = state;
    d->generation++;
}

/* A frame. */
struct flow
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

struct flow
ip4(struct flow f, const char *src)
{
    f.dl_type = htons(ETH_TYPE_IP);
    f.nw_proto = IPPROTO_UDP;
    assert_true(ip_parse(src, &f.nw_src));
    return f;
}

struct flow
arp(struct flow f, const char *spa)
{
    f.dl_type = htons(ETH_TYPE_ARP);
    f.nw_proto = ARP_OP_REQUEST;
    f.arp_sha = f.dl_src;
    assert_true(ip_parse(spa, &f.nw_src));
    return f;
}

struct flow
ip6(struct flow f, const char *src)
{
    f.dl_type = htons(ETH_TYPE_IPV6);
    f.nw_proto = IPPROTO_UDP;
    assert_true(ipv6_parse(src, &f.ipv6_src));
    return f;
}

struct flow
nd(struct flow f, int type, const char *src, const char *target)
{
    f = ip6(f, src);
    f.nw_proto = IPPROTO_ICMPV6;
    f.tp_src = htons(type);
    assert_true(ipv6_parse(target, &f.nd_target));
    return f;
}

void
bed_check(struct fixture *x, struct flow f, const char *expected, bool ids,
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
