/* SPDX-License-Identifier: Apache-2.0 */

/* Which generations a node gives its receipt for, and that it does so when
 * it becomes a gateway of a network whose domains run already; and that it
 * does not until the switch has acknowledged the flows and the revalidators
 * have passed since, nor says that either was sooner. */

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

/* How far the switch is, and when it got there.  By default it is always
 * ready. */
static uint64_t acked, settled, passed, requested;
static long long int acked_us, passed_us;

uint64_t
ofctrl_acked(long long int *when)
{
    *when = acked_us;
    return acked;
}

uint64_t
ovs_local_settled(void)
{
    return settled;
}

void
revalidate_request(uint64_t request)
{
    requested = MAX(requested, request);
}

uint64_t
revalidate_done(long long int *when)
{
    *when = passed_us;
    return passed;
}

void
first_frame_expect(const char *domain OVS_UNUSED, int64_t generation OVS_UNUSED)
{
}

static int n_receipts;
static int64_t last;
static long long int last_programmed, last_fenced;

static void
fenced(const char *domain, int64_t generation, long long int seen OVS_UNUSED,
       long long int programmed, long long int when, void *aux OVS_UNUSED)
{
    assert_string_equal(domain, "voip");
    n_receipts++;
    last = generation;
    last_programmed = programmed;
    last_fenced = when;
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
    acked = settled = passed = UINT64_MAX;
    acked_us = 1;
    passed_us = 2;
    requested = 0;
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

/* The switch acknowledges the flows long before its caches are valid. */
static void
test_caches_lag(void **state OVS_UNUSED)
{
    fences_add(view, NULL, ++seq, 100, 40);
    acked = 39;
    passed = seq - 1;
    fences_run(&callbacks, 40);
    assert_int_equal(requested, 0);     /* A pass of now would be too old. */
    assert_int_equal(n_receipts, 0);

    acked = 40;
    acked_us = 200;
    fences_run(&callbacks, 40);
    assert_int_equal(requested, seq);
    for (int i = 0; i < 3; i++) {
        fences_run(&callbacks, 40);
    }
    assert_int_equal(n_receipts, 0);

    passed = seq;
    passed_us = 300;
    fences_run(&callbacks, 40);
    assert_int_equal(n_receipts, 1);
    assert_int_equal(last_programmed, 200);
    assert_int_equal(last_fenced, 300);
}

/* Of two moves the pass for the first is no word about the second. */
static void
test_pass_of_another(void **state OVS_UNUSED)
{
    fences_add(view, NULL, ++seq, 100, 40);
    passed = seq - 1;
    fences_run(&callbacks, 40);
    voip->generation = 6;
    fences_add(view, NULL, ++seq, 110, 41);
    fences_run(&callbacks, 41);
    assert_int_equal(requested, seq);
    assert_int_equal(n_receipts, 0);

    passed = seq - 1;
    fences_run(&callbacks, 41);
    assert_int_equal(n_receipts, 1);
    assert_int_equal(last, 5);
    passed = seq;
    fences_run(&callbacks, 41);
    assert_int_equal(n_receipts, 2);
    assert_int_equal(last, 6);
}

/* Switching by ports: first the port, then the flows that know its number, then
 * the caches. */
static void
test_ports_lag(void **state OVS_UNUSED)
{
    voice->switching_port = true;
    fences_add(view, NULL, ++seq, 100, 40);
    settled = seq - 1;
    passed = seq - 1;
    fences_run(&callbacks, 40);
    assert_int_equal(requested, 0);

    settled = seq;
    acked = 41;                 /* Not the flows with the port's number. */
    fences_run(&callbacks, 42);
    assert_int_equal(requested, 0);
    acked = 42;
    fences_run(&callbacks, 43);
    assert_int_equal(requested, seq);
    assert_int_equal(n_receipts, 0);
    passed = seq;
    fences_run(&callbacks, 43);
    assert_int_equal(n_receipts, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_gateway, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gateway_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_caches_lag, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pass_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports_lag, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
