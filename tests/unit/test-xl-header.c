/* SPDX-License-Identifier: Apache-2.0 */
/* xl's header: what is built is what xl of Xen 4.17 writes, and is taken; what
 * makes no sense is not. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/xl-header.h"
#include "../../remus-hooks/lib/framing.h"
#include "util.h"

#define CONFIG "{\"c_info\": {\"name\": \"voip\"}}"

static void
test_round(void **state OVS_UNUSED)
{
    enum framing_event event;
    struct framing f;
    size_t n, len;
    uint8_t *p = xl_header_build(CONFIG, &n);
    char *json = NULL;

    /* The words that xl puts there. */
    assert_memory_equal(p, "Xen saved domain, xl format\n \0 \r", 32);
    assert_memory_equal(p + 32, "\4\3\2\1\3\0\0\0\0\0\0\0", 12);
    assert_int_equal(n, XL_HEADER_LEN + 4 + strlen(CONFIG) + 1);

    assert_null(xl_header_parse(p, &len));
    assert_int_equal(len, n - XL_HEADER_LEN);
    assert_null(xl_config_parse(p + XL_HEADER_LEN, len, &json));
    assert_string_equal(json, CONFIG);
    free(json);

    /* dts-link takes it, too. */
    framing_init(&f);
    assert_int_equal(framing_feed(&f, p, n, &event), n);
    assert_int_equal(event, FRAMING_MORE);
    assert_int_equal(f.layer, FRAMING_LIBXL_HEADER);
    free(p);
}

static void
test_hostile(void **state OVS_UNUSED)
{
    size_t n, len = 77;
    uint8_t *good = xl_header_build(CONFIG, &n);
    uint8_t bad[XL_HEADER_LEN];
    char *json;

    /* No byte of it may be another, but those of the length. */
    for (size_t i = 0; i < 44; i++) {
        if (i >= 40) {
            continue;           /* Optional flags may be ignored. */
        }
        memcpy(bad, good, sizeof bad);
        bad[i] ^= 0x80;
        assert_non_null(xl_header_parse(bad, &len));
    }
    memcpy(bad, good, sizeof bad);
    bad[36] = 2;
    assert_non_null(xl_header_parse(bad, &len));        /* Not JSON. */
    bad[36] = 1;
    assert_non_null(xl_header_parse(bad, &len));        /* Version 1. */
    bad[36] = 7;
    assert_non_null(xl_header_parse(bad, &len));
    memcpy(bad, good, sizeof bad);
    memset(bad + 44, 0xff, 4);
    assert_non_null(xl_header_parse(bad, &len));
    memset(bad + 44, 0, 4);
    assert_non_null(xl_header_parse(bad, &len));
    assert_int_equal(len, 77);

    for (size_t i = 0; i < n - XL_HEADER_LEN; i++) {
        assert_non_null(xl_config_parse(good + XL_HEADER_LEN, i, &json));
    }
    memset(good + XL_HEADER_LEN, 0xff, 4);
    assert_non_null(xl_config_parse(good + XL_HEADER_LEN, n - XL_HEADER_LEN,
                                    &json));
    memset(good + XL_HEADER_LEN, 0, 4);
    assert_non_null(xl_config_parse(good + XL_HEADER_LEN, n - XL_HEADER_LEN,
                                    &json));
    free(good);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
