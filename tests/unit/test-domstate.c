/* SPDX-License-Identifier: Apache-2.0 */
/* What xl-remus and dts-domwatch make of a domain's state. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/domstate.h"
#include "util.h"

static struct dom
make(enum dom_state state, const char *reason, uint64_t cpu_time)
{
    struct dom d = { .domid = 5, .name = CONST_CAST(char *, "voip"),
                     .uuid = "6f9619ff-8b86-4d11-b42d-00cf4fc964ff",
                     .state = state, .reason = reason, .cpu_time = cpu_time };
    return d;
}

static void
test_suspended(void **state)
{
    struct dom d = make(DOM_SHUTDOWN, "suspend", 0);

    assert_true(dom_is_suspended(&d));
    d.reason = "poweroff";
    assert_false(dom_is_suspended(&d));
    d = make(DOM_DYING, "suspend", 0);
    assert_false(dom_is_suspended(&d));
    d = make(DOM_PAUSED, "", 0);
    assert_false(dom_is_suspended(&d));
}

static void
test_still_suspended(void **state)
{
    struct dom then = make(DOM_SHUTDOWN, "suspend", 700);
    struct dom now = then;

    assert_true(dom_still_suspended(&then, &now));
    assert_false(dom_still_suspended(&then, NULL));

    now.cpu_time = 701;         /* It ran in between. */
    assert_false(dom_still_suspended(&then, &now));

    now = make(DOM_RUNNING, "", 700);
    assert_false(dom_still_suspended(&then, &now));
    assert_false(dom_still_suspended(&now, &then));

    now = then;                 /* Another one, of the same number. */
    now.uuid[0] = '7';
    assert_false(dom_still_suspended(&then, &now));

    now = then;
    now.domid = 6;
    assert_false(dom_still_suspended(&then, &now));
}

static void
expect_json(const struct dom *d, const char *expected)
{
    struct json *json = dom_to_json(d);
    char *s = json_to_string(json, JSSF_SORT);

    assert_string_equal(s, expected);
    free(s);
    json_destroy(json);
}

static void
test_json(void **state)
{
    struct dom d = make(DOM_SHUTDOWN, "crash", 0);

    expect_json(&d, "{\"domid\":5,\"name\":\"voip\",\"reason\":\"crash\","
                "\"state\":\"shutdown\","
                "\"uuid\":\"6f9619ff-8b86-4d11-b42d-00cf4fc964ff\"}");
    d = make(DOM_GONE, "", 0);
    d.uuid[0] = '\0';
    d.name = CONST_CAST(char *, "a \"quoted\" \xc3\xa9");
    expect_json(&d, "{\"domid\":5,\"name\":\"a \\\"quoted\\\" \xc3\xa9\","
                "\"reason\":\"\",\"state\":\"gone\",\"uuid\":\"\"}");
}

/* A name is bytes, and may be no UTF-8. */
static void
test_json_invalid_name(void **state)
{
    struct dom d = make(DOM_RUNNING, "", 0);
    struct json *json, *parsed;
    char *s;

    d.name = CONST_CAST(char *, "caf\xe9\xff");
    json = dom_to_json(&d);
    s = json_to_string(json, JSSF_SORT);
    assert_non_null(strstr(s, "\"caf??\""));
    parsed = json_from_string(s);
    assert_int_equal(parsed->type, JSON_OBJECT);
    json_destroy(parsed);
    free(s);
    json_destroy(json);
}

static void
test_names(void **state)
{
    assert_string_equal(dom_state_to_string(DOM_RUNNING), "running");
    assert_string_equal(dom_state_to_string(DOM_PAUSED), "paused");
    assert_string_equal(dom_state_to_string(DOM_SHUTDOWN), "shutdown");
    assert_string_equal(dom_state_to_string(DOM_DYING), "dying");
    assert_string_equal(dom_state_to_string(DOM_GONE), "gone");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_still_suspended),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_invalid_name),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("domstate", tests, NULL, NULL);
}
