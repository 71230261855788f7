/* SPDX-License-Identifier: Apache-2.0 */
/* Differences between two contents of a page. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pack-private.h"
#include "random.h"
#include "util.h"

/* A difference never reads or writes outside its page. */
static void
test_delta(void **state OVS_UNUSED)
{
    static uint8_t old[PACK_PAGE], page[PACK_PAGE], back[PACK_PAGE];
    uint8_t out[PACK_PAGE];

    for (int round = 0; round < 2000; round++) {
        size_t n, n_changes = random_range(round % 64 + 1);

        random_bytes(old, sizeof old);
        memcpy(page, old, sizeof page);
        for (size_t i = 0; i < n_changes; i++) {
            page[random_range(PACK_PAGE)] ^= 1 + random_range(255);
        }
        n = delta_encode(old, page, out, sizeof out);
        assert_true(n && n <= 4 + n_changes * (4 + 2 * 8));
        memcpy(back, old, sizeof back);
        assert_ptr_equal(delta_apply(back, out, out + n), out + n);
        assert_memory_equal(back, page, sizeof page);
        for (size_t i = 0; i < n; i++) {
            uint8_t *cut = xmemdup(out, i);

            assert_null(delta_apply(back, cut, cut + i));
            free(cut);
        }
        if (n > 3) {
            uint8_t small[64];

            assert_int_equal(delta_encode(old, page, out, n - 1
                                          - (n > 11 ? 8 : 0)), 0);
            assert_true(delta_encode(old, page, small, 1) == 0);
        }
    }
    /* Runs that are too long, or none. */
    assert_null(delta_apply(back, (const uint8_t *) "\x81\x04\0", (void *)
                            ((const uint8_t *) "\x81\x04\0" + 3)));
    assert_null(delta_apply(back, (const uint8_t [4]) { 0 }, back));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delta),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
