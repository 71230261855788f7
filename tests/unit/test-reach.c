/* SPDX-License-Identifier: Apache-2.0 */

/* What a witness says of a BFD session: "down" only when the peer has fallen
 * silent. */

#include <config.h>

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/vswitch-idl.h"
#include "ovs-local.h"
#include "util.h"

#define EXPIRED "Control Detection Time Expired"
#define SIGNALED "Neighbor Signaled Session Down"
#define GIVES_UP "Concatenated Path Down"

static const char *remote;
static int calls;
static enum dts_reach last;
static long long int now;

static void
on_reach(const char *peer, enum dts_reach state, const char *diag,
         void *aux OVS_UNUSED)
{
    assert_string_equal(peer, "A");
    assert_non_null(diag);
    calls++;
    last = state;
}

static const struct switch_callbacks callbacks = { .reach = on_reach };

static int
setup(void **state OVS_UNUSED)
{
    calls = 0;
    last = -1;
    now = 1000;
    remote = NULL;
    return 0;
}

static int
teardown(void **state OVS_UNUSED)
{
    ovs_reach_destroy();
    return 0;
}

/* The session is now in 'state' with 'diag'. */
static enum dts_reach
see(const char *bfd_state, const char *diag)
{
    struct ovsrec_interface iface;
    int64_t ofport = 10001;

    memset(&iface, 0, sizeof iface);
    iface.ofport = &ofport;
    iface.n_ofport = 1;
    smap_init(&iface.bfd_status);
    if (bfd_state) {
        smap_add(&iface.bfd_status, "state", bfd_state);
        smap_add(&iface.bfd_status, "diagnostic", diag);
    }
    if (remote) {
        smap_add(&iface.bfd_status, "remote_diagnostic", remote);
    }
    ovs_reach_begin();
    ovs_reach_see("A", &iface, now, &callbacks);
    ovs_reach_end(&callbacks);
    smap_destroy(&iface.bfd_status);
    return last;
}

static void
test_life(void **state OVS_UNUSED)
{
    assert_int_equal(see(NULL, NULL), DTS_REACH_UNKNOWN);
    assert_int_equal(see("down", "No Diagnostic"), DTS_REACH_UNKNOWN);
    assert_int_equal(see("init", "No Diagnostic"), DTS_REACH_UNKNOWN);
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
    assert_int_equal(see("init", EXPIRED), DTS_REACH_UNKNOWN);
    assert_int_equal(see("up", EXPIRED), DTS_REACH_UP);
    assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
}

/* Never up: nothing is known. */
static void
test_never_up(void **state OVS_UNUSED)
{
    assert_int_equal(see("down", "No Diagnostic"), DTS_REACH_UNKNOWN);
    assert_int_equal(see("down", EXPIRED), DTS_REACH_UNKNOWN);
    assert_int_equal(see("down", EXPIRED), DTS_REACH_UNKNOWN);
    assert_int_equal(calls, 1);
}

/* An agent that starts when the peer is dead already: the switch, which went
 * on, has heard it. */
static void
test_restarted(void **state OVS_UNUSED)
{
    assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
    assert_int_equal(see("up", EXPIRED), DTS_REACH_UP);
}

/* Alive, and not able to go on. */
static void
test_gives_up(void **state OVS_UNUSED)
{
    remote = GIVES_UP;
    assert_int_equal(see("down", "No Diagnostic"), DTS_REACH_UNKNOWN);
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_DOWN);
    assert_int_equal(see("init", EXPIRED), DTS_REACH_UNKNOWN);
    remote = "No Diagnostic";
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    /* Our own word is not the peer's. */
    assert_int_equal(see("up", GIVES_UP), DTS_REACH_UP);
}

/* Whoever signals is alive. */
static void
test_signaled(void **state OVS_UNUSED)
{
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    assert_int_equal(see("down", SIGNALED), DTS_REACH_UNKNOWN);
    assert_int_equal(see("admin_down", "No Diagnostic"), DTS_REACH_UNKNOWN);
    /* The local switch was restarted. */
    assert_int_equal(see("down", "No Diagnostic"), DTS_REACH_UNKNOWN);
}

/* A tunnel that is gone proves nothing, also when it comes back. */
static void
test_no_tunnel(void **state OVS_UNUSED)
{
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    ovs_reach_begin();
    ovs_reach_end(&callbacks);
    assert_int_equal(last, DTS_REACH_UNKNOWN);
    assert_int_equal(see("down", EXPIRED), DTS_REACH_UNKNOWN);

    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    ovs_reach_begin();
    ovs_reach_see("A", NULL, now, &callbacks);
    ovs_reach_end(&callbacks);
    assert_int_equal(last, DTS_REACH_UNKNOWN);
}

/* The same is told once. */
static void
test_once(void **state OVS_UNUSED)
{
    see("up", "No Diagnostic");
    see("up", "No Diagnostic");
    assert_int_equal(calls, 1);
    see("down", EXPIRED);
    see("down", EXPIRED);
    assert_int_equal(calls, 2);
}

/* What flaps is believed later: but it is. */
static void
test_flaps(void **state OVS_UNUSED)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
        now += 1000;
        assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
        now += 1000;
        assert_int_equal(see("init", EXPIRED), DTS_REACH_UNKNOWN);
    }
    assert_int_equal(ovs_reach_due(), LLONG_MAX);
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    now += 1000;
    assert_int_equal(see("down", EXPIRED), DTS_REACH_UNKNOWN);
    assert_int_equal(ovs_reach_due(), now + 2000);
    now += 1999;
    assert_int_equal(see("down", EXPIRED), DTS_REACH_UNKNOWN);
    now += 1;
    assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
    assert_int_equal(ovs_reach_due(), LLONG_MAX);

    /* What is heard is said at once; and its past is forgotten in time. */
    assert_int_equal(see("up", "No Diagnostic"), DTS_REACH_UP);
    now += 10000;
    assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
}

/* Silence is one however often it is looked at, and heard without coming up. */
static void
test_one_silence(void **state OVS_UNUSED)
{
    see("up", "No Diagnostic");
    for (int i = 0; i < 10; i++) {
        now += 100;
        assert_int_equal(see("down", EXPIRED), DTS_REACH_DOWN);
        assert_int_equal(see("init", EXPIRED), DTS_REACH_UNKNOWN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        T(test_life),
        T(test_never_up),
        T(test_restarted),
        T(test_gives_up),
        T(test_signaled),
        T(test_no_tunnel),
        T(test_once),
        T(test_flaps),
        T(test_one_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
