/* SPDX-License-Identifier: Apache-2.0 */

/* Which generations a node gives its receipt for, and that it does so when it
 * becomes a gateway of a network whose domains run already. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "fences.h"
#include "first-frame.h"
#include "ofctrl.h"
#include "ovs-local.h"
#include "revalidate.h"
#include "util.h"

/* A switch that is always ready. */
uint64_t
ofctrl_acked(long long int *when)
{
    *when = 1;
    return UINT64_MAX;
}

uint64_t
ovs_local_settled(void)
{
    return UINT64_MAX;
}

void
revalidate_request(uint64_t seq OVS_UNUSED)
{
}

uint64_t
revalidate_done(long long int *when)
{
    *when = 2;
    return UINT64_MAX;
}

void
first_frame_expect(const char *domain OVS_UNUSED, int64_t generation OVS_UNUSED)
{
}

static int n_receipts;
static int64_t last;

static void
fenced(const char *domain, int64_t generation, long long int seen OVS_UNUSED,
       long long int programmed OVS_UNUSED, long long int when OVS_UNUSED,
       void *aux OVS_UNUSED)
{
    assert_string_equal(domain, "voip");
    n_receipts++;
    last = generation;
}

static const struct switch_callbacks callbacks = { .fenced = fenced };
static struct dts_view *view;
static struct dts_network *voice;
static struct dts_domain *voip;
static uint64_t seq;

static int
setup(void **state OVS_UNUSED)
{
    view = dts_view_create_empty("gw2");
    dts_view_add_node(view, "A", 1, DTS_ROLE_SERVER, "10.0.0.1");
    dts_view_add_node(view, "gw1", 2, DTS_ROLE_GATEWAY, "10.0.0.2");
    dts_view_add_node(view, "gw2", 3, DTS_ROLE_GATEWAY, "10.0.0.3");
    voice = dts_view_add_network(view, "voice", 10);
    voice->ports = xcalloc(2, sizeof *voice->ports);
    voice->n_ports = 2;
    assert_null(dts_client_port_parse("gw1:eth1", &voice->ports[0]));
    assert_null(dts_client_port_parse("gw2:eth1", &voice->ports[1]));
    voip = dts_view_add_domain(view, "voip", voice);
    voip->has_binding = true;
    free(voip->owner);
    voip->owner = xstrdup("A");
    voip->generation = 5;
    voip->state = DTS_ALONE;
    dts_view_resolve(view);
    n_receipts = 0;
    return 0;
}

static int
teardown(void **state OVS_UNUSED)
{
    voice->n_ports = 2;
    dts_view_destroy(view);
    fences_destroy();
    return 0;
}

/* The receipts that a new view brings, the node being the gateway or not. */
static int
receipts(bool gateway)
{
    n_receipts = 0;
    voice->n_ports = gateway ? 2 : 1;
    fences_add(view, NULL, ++seq, 1, 1);
    fences_run(&callbacks, 1);
    return n_receipts;
}

static void
test_once(void **state OVS_UNUSED)
{
    assert_int_equal(receipts(true), 1);
    assert_int_equal(last, 5);
    assert_int_equal(receipts(true), 0);
    voip->generation = 6;
    assert_int_equal(receipts(true), 1);
    assert_int_equal(last, 6);
}

static void
test_new_gateway(void **state OVS_UNUSED)
{
    assert_int_equal(receipts(false), 0);
    assert_int_equal(receipts(true), 1);
    assert_int_equal(receipts(true), 0);
}

/* What moved while it was no gateway, and what did not. */
static void
test_gateway_again(void **state OVS_UNUSED)
{
    assert_int_equal(receipts(true), 1);
    assert_int_equal(receipts(false), 0);
    assert_int_equal(receipts(true), 1);
    assert_int_equal(receipts(false), 0);
    voip->generation = 6;
    assert_int_equal(receipts(false), 0);
    assert_int_equal(receipts(true), 1);
    assert_int_equal(last, 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_gateway, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gateway_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
