/* SPDX-License-Identifier: Apache-2.0 */

/* The view's small languages, defaults and look-ups. */

#include <config.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util.h"
#include "view.h"

static void
check_address_error(const char *s, const char *part)
{
    struct dts_address a;
    char *error = dts_address_parse(s, &a);

    assert_non_null(error);
    assert_non_null(strstr(error, part));
    assert_int_equal(a.n_ip4, 0);
    assert_int_equal(a.n_ip6, 0);
    assert_null(a.ip4);
    free(error);
}

static void
test_address(void **state)
{
    struct dts_address a;

    assert_null(dts_address_parse("00:16:3E:00:00:64", &a));
    assert_true(eth_addr_equals(a.mac, ((struct eth_addr)
                                        ETH_ADDR_C(00,16,3e,00,00,64))));
    assert_int_equal(a.n_ip4, 0);
    dts_address_uninit(&a);

    assert_null(dts_address_parse(" 00:16:3e:00:00:64  10.20.0.100\t"
                                  "2001:db8::1 10.20.0.101 ", &a));
    assert_int_equal(a.n_ip4, 2);
    assert_int_equal(a.ip4[1], inet_addr("10.20.0.101"));
    assert_int_equal(a.n_ip6, 1);
    assert_int_equal(a.ip6[0].s6_addr[15], 1);
    dts_address_uninit(&a);
    dts_address_uninit(&a);     /* Twice is harmless. */

    check_address_error("", "MAC address");
    check_address_error("10.0.0.1", "MAC address");
    check_address_error("00:16:3e:00:00", "MAC address");
    check_address_error("00:16:3e:00:00:64:1", "MAC address");
    check_address_error("01:00:5e:00:00:01", "multicast");
    check_address_error("ff:ff:ff:ff:ff:ff 10.0.0.1", "multicast");
    check_address_error("00:00:00:00:00:00", "zero");
    check_address_error("00:16:3e:00:00:64 10.0.0.1 10.0.0.256",
                        "10.0.0.256");
    check_address_error("00:16:3e:00:00:64 10.0.0.0/24", "prefix length");
    check_address_error("00:16:3e:00:00:64 2001:db8::1 fe80:::1", "fe80:::1");
}

static void
test_client_port(void **state)
{
    struct dts_client_port p;
    static const char *bad[] = {
        "", "gw1", "gw1:", ":eth1", "gw1::5", "gw1:eth1:", "gw1:eth1:0",
        "gw1:eth1:4095", "gw1:eth1:x", "gw1:eth1:1:2", "gw1:eth1:-1",
    };

    assert_null(dts_client_port_parse("gw1:eth1", &p));
    assert_string_equal(p.gateway, "gw1");
    assert_string_equal(p.port, "eth1");
    assert_int_equal(p.vlan, 0);
    dts_client_port_uninit(&p);
    assert_null(dts_client_port_parse("gw1:bond0.7:4094", &p));
    assert_string_equal(p.port, "bond0.7");
    assert_int_equal(p.vlan, 4094);
    dts_client_port_uninit(&p);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *error = dts_client_port_parse(bad[i], &p);
        assert_non_null(error);
        assert_null(p.gateway);
        assert_null(p.port);
        free(error);
    }
}

static void
test_resolve(void **state)
{
    struct dts_view *view = dts_view_create_empty("A");
    struct dts_network *n;
    struct dts_domain *d;

    assert_null(view->self);
    dts_view_add_node(view, "A", 1, DTS_ROLE_SERVER, "10.0.0.1");
    dts_view_add_node(view, "gw1", 300, DTS_ROLE_GATEWAY, "10.0.0.3");
    n = dts_view_add_network(view, "voice", 10);
    n->ports = xcalloc(2, sizeof *n->ports);
    n->n_ports = 2;
    assert_null(dts_client_port_parse("gw1:eth1", &n->ports[0]));
    assert_null(dts_client_port_parse("gw9:eth1", &n->ports[1]));
    d = dts_view_add_domain(view, "voip", n);
    free(d->owner);
    d->owner = xstrdup("A");
    dts_view_resolve(view);

    assert_non_null(view->self);
    assert_ptr_equal(d->network, n);
    assert_ptr_equal(d->owner_node, view->self);
    assert_null(d->standby_node);
    assert_non_null(n->ports[0].node);
    assert_null(n->ports[1].node);      /* Unknown: kept by name. */
    assert_true(dts_network_has_gateway(n, "gw9"));
    assert_false(dts_network_has_gateway(n, "A"));
    assert_false(dts_network_has_gateway(NULL, "A"));
    assert_null(dts_view_find_domain(view, "voi"));
    assert_null(dts_view_find_node(view, ""));
    assert_string_equal(view->self->replication_ip, "169.254.64.1");
    assert_string_equal(dts_view_find_node(view, "gw1")->replication_ip,
                        "169.254.65.44");
    dts_view_destroy(view);
    dts_view_destroy(NULL);
}

static void
test_names(void **state)
{
    enum dts_state s;

    for (int i = DTS_ENCAP_GRE; i <= DTS_ENCAP_GENEVE; i++) {
        assert_int_equal(dts_encap_from_string(dts_encap_to_string(i)), i);
    }
    assert_int_equal(dts_encap_from_string("ipip"), DTS_ENCAP_UNSET);
    assert_int_equal(dts_encap_from_string(NULL), DTS_ENCAP_UNSET);
    assert_false(dts_state_from_string("", &s));
    assert_false(dts_state_from_string("Alone", &s));
}

/* What fits is 1,500 less what is around it; with IPsec it fills up to four. */
static void
test_room(void **state)
{
    struct dts_node a = { .index = 1 }, b = { .index = 2 };
    struct dts_tunnel t = {
        .a = &a, .b = &b, .encap = DTS_ENCAP_GRE,
        .ip_a = CONST_CAST(char *, "192.0.2.1"),
        .ip_b = CONST_CAST(char *, "192.0.2.2"),
    };

    assert_int_equal(dts_encap_room(DTS_ENCAP_GRE, false, false, 1500), 1458);
    assert_int_equal(dts_encap_room(DTS_ENCAP_VXLAN, false, false, 1500),
                     1450);
    assert_int_equal(dts_encap_room(DTS_ENCAP_GENEVE, true, false, 1500),
                     1430);
    assert_int_equal(dts_encap_room(DTS_ENCAP_GRE, false, true, 1500), 1424);
    /* ESP: 8 + IV 8 + (GRE 8 + Ethernet 14 + 1424 + trailer 2) + ICV 16. */
    assert_int_equal(20 + 8 + 8 + (8 + 14 + 1424 + 2) + 16, 1500);
    for (int mtu = 1500; mtu < 1504; mtu++) {
        assert_int_equal(dts_encap_room(DTS_ENCAP_GRE, false, true, mtu),
                         1424);
    }
    assert_int_equal(dts_encap_room(DTS_ENCAP_GRE, false, true, 1504), 1428);
    assert_int_equal(dts_encap_room(DTS_ENCAP_VXLAN, true, true, 1500), 1396);

    assert_int_equal(dts_tunnel_room(&t), 1458);
    t.encrypt = true;
    assert_int_equal(dts_tunnel_room(&t), 1424);
    t.mtu = 9000;
    assert_int_equal(dts_tunnel_room(&t), 8924);
    t.ip_a = CONST_CAST(char *, "2001:db8::1");
    assert_int_equal(dts_tunnel_room(&t), 8904);
    assert_null(*state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_client_port),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
