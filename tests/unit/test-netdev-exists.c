/* SPDX-License-Identifier: Apache-2.0 */
/* Which network devices are there. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netdev-exists.h"

static void
test_there(void **state)
{
    (void) state;
    assert_true(dts_netdev_exists("lo"));
}

static void
test_not_there(void **state)
{
    (void) state;
    assert_false(dts_netdev_exists("dtsa65535.0"));
    assert_false(dts_netdev_exists("l"));
    assert_false(dts_netdev_exists(""));
    assert_false(dts_netdev_exists("a-name-of-16-byt"));
    assert_false(dts_netdev_exists("lo and a name that is much too long"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there),
        cmocka_unit_test(test_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
