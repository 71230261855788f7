/* SPDX-License-Identifier: Apache-2.0 */
/* When what a dead `xl-remus protect` holds back may leave: as long as
 * anything is not known, it may not. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../libxl-ext/left.h"
#include "openvswitch/json.h"
#include "util.h"

#define D(OWNER, STATE, SESSION)                                       \
    "{\"node\": \"hostA\", \"domains\": [{\"domain\": \"voip\", "      \
    "\"owner\": \"" OWNER "\", \"state\": \"" STATE "\", "             \
    "\"session\": \"" SESSION "\"}]}"

static void
test_problem(void **state OVS_UNUSED)
{
    static const struct {
        const char *status, *problem;
    } cases[] = {
        { D("hostA", "alone", ""), NULL },
        { D("hostA", "alone", "s1"), "session s1 is not ended" },
        { D("hostA", "protected", "s1"), "it is protected" },
        { D("hostA", "protected", ""), "it is protected" },
        { D("hostA", "released", "s1"), "it is released" },
        { D("hostA", "granted", "s1"), "it is granted" },
        { D("hostA", "stopped", ""), "it is stopped" },
        { D("hostA", "", ""), "it is " },
        { D("hostB", "alone", ""), "it is bound to hostB" },
        { D("", "alone", ""), "it is bound to " },
        { "{\"node\": \"\", \"domains\": [{\"owner\": \"\", \"state\": "
          "\"alone\"}]}", "dts-agent does not know it" },
        { "{\"node\": \"hostA\", \"domains\": []}",
          "dts-agent does not know it" },
        { "{\"node\": \"hostA\", \"domains\": [1]}", "it is bound to " },
        { "{\"node\": \"hostA\"}", "dts-agent does not know it" },
        { "{}", "dts-agent does not know it" },
        { "[]", "dts-agent does not know it" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct json *json = json_from_string(cases[i].status);
        char *problem = left_problem(json);

        if (!cases[i].problem != !problem
            || (problem && strcmp(problem, cases[i].problem))) {
            fail_msg("%s: %s", cases[i].status, problem ? problem : "none");
        }
        free(problem);
        json_destroy(json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
