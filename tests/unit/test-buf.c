/* SPDX-License-Identifier: Apache-2.0 */
/* remus-netbuf-dts' requests to the Open_vSwitch database. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../netscripts/buf-txn.h"
#include "util.h"

#define VIF "{\"_uuid\":[\"uuid\",\"v\"],\"tag\":5,\"trunks\":[\"set\",[]]}"
#define VIF_IFACE "{\"external_ids\":[\"map\",[[\"attached-mac\",\"m\"]," \
                  "[\"iface-id\",\"i\"]]],\"mtu_request\":1458}"
#define PORT "{\"_uuid\":[\"uuid\",\"p\"],\"tag\":6}"
#define PORT_IFACE "{\"external_ids\":[\"map\",[[\"attached-mac\",\"m\"]," \
                   "[\"dts-buffer-of\",\"vif5.0\"]]]}"
#define EMU "{\"_uuid\":[\"uuid\",\"e\"]}"

/* The change for one pair whose rows are these; "" if none, "!..." if it is
 * refused.  To be freed. */
static char *
change(enum buf_op op, bool vif_exists, const char *vif, const char *vif_iface,
       const char *port, const char *port_iface, const char *emu,
       const char **plugs)
{
    struct buf_pair pair = { .vif = "vif5.0", .port = "dtsb5.0",
                             .vif_exists = vif_exists };
    char *text = xasprintf("[{\"rows\":[%s]},{\"rows\":[%s]},{\"rows\":[%s]},"
                           "{\"rows\":[%s]},{\"rows\":[%s]}]", vif, vif_iface,
                           port, port_iface, emu);
    struct json *result = json_from_string(text), *params;
    char *error = buf_result_look(result, op, &pair, 1), *s;

    json_destroy(result);
    free(text);
    if (error) {
        s = xasprintf("!%s", error);
        free(error);
    } else {
        params = buf_txn_change(op, &pair, 1);
        s = params ? json_to_string(params, JSSF_SORT) : xstrdup("");
        json_destroy(params);
    }
    if (plugs) {
        *plugs = pair.plugs;
    }
    buf_pair_uninit(&pair);
    return s;
}

static void
expect(char *s, const char *text, bool there)
{
    if (!strstr(s, text) == there) {
        fail_msg("%s: \"%s\" is%s there", s, text, there ? " not" : "");
    }
}

static void
expect_and_free(char *s, const char *text)
{
    expect(s, text, true);
    free(s);
}

static void
test_look(void **state OVS_UNUSED)
{
    struct buf_pair pairs[] = { { .vif = "vif5.0", .port = "dtsb5.0" },
                                { .vif = "eth7", .port = "dtsb5.1" } };
    struct json *params = buf_txn_look(pairs, 2);

    assert_int_equal(json_array(params)->n, 11);
    expect_and_free(json_to_string(params, JSSF_SORT),
                    "[[\"name\",\"==\",\"vif5.0-emu\"]]");
    json_destroy(params);
}

#define MOVE(FROM) "{\"mutations\":[[\"ports\",\"delete\",[\"uuid\",\"" FROM \
    "\"]],[\"ports\",\"insert\",[\"named-uuid\",\"port0\"]]],\"op\":" \
    "\"mutate\",\"table\":\"Bridge\",\"where\":[[\"ports\",\"includes\"," \
    "[\"uuid\",\"" FROM "\"]]]}"
#define TAKE_OUT(UUID) "{\"mutations\":[[\"ports\",\"delete\",[\"uuid\",\"" \
    UUID "\"]]]"

static void
test_insert(void **state OVS_UNUSED)
{
    const char *plugs;
    char *s = change(BUF_INSERT, true, VIF, VIF_IFACE, "", "", "", &plugs);

    /* All that the vif was, under another name. */
    expect(s, "{\"op\":\"insert\",\"row\":{\"external_ids\":[\"map\","
           "[[\"attached-mac\",\"m\"],[\"iface-id\",\"i\"],"
           "[\"dts-buffer-of\",\"vif5.0\"]]],\"mtu_request\":1458,"
           "\"name\":\"dtsb5.0\"},\"table\":\"Interface\","
           "\"uuid-name\":\"iface0\"}", true);
    expect(s, "{\"op\":\"insert\",\"row\":{\"interfaces\":[\"named-uuid\","
           "\"iface0\"],\"name\":\"dtsb5.0\",\"tag\":5,\"trunks\":[\"set\","
           "[]]},\"table\":\"Port\",\"uuid-name\":\"port0\"}", true);
    expect(s, MOVE("v"), true);
    expect(s, "next_cfg", true);
    free(s);
    assert_string_equal(plugs, "dtsb5.0");

    /* Done already. */
    s = change(BUF_INSERT, true, "", "", PORT, PORT_IFACE, "", &plugs);
    assert_string_equal(s, "");
    assert_null(plugs);
    free(s);
    /* Somebody plugged the vif beside its buffer. */
    s = change(BUF_INSERT, true, VIF, VIF_IFACE, PORT, PORT_IFACE, "", &plugs);
    expect(s, TAKE_OUT("v"), true);
    expect(s, "\"op\":\"insert\"", false);
    free(s);
    /* Nothing goes round the buffer. */
    s = change(BUF_INSERT, true, VIF, VIF_IFACE, "", "", EMU, NULL);
    expect(s, TAKE_OUT("e"), true);
    expect(s, MOVE("v"), true);
    free(s);

    expect_and_free(change(BUF_INSERT, true, "", "", "", "", "", NULL),
                    "!vif5.0 is in no bridge of Open vSwitch");
    expect_and_free(change(BUF_INSERT, true, VIF, "", "", "", "", NULL),
                    "!vif5.0 has no interface of its own name");
}

static void
test_remove(void **state OVS_UNUSED)
{
    const char *plugs;
    char *s = change(BUF_REMOVE, true, "", "", PORT, PORT_IFACE, "", &plugs);

    expect(s, "\"name\":\"vif5.0\",\"tag\":6", true);
    expect(s, "attached-mac", true);
    expect(s, "dts-buffer-of", false);
    expect(s, MOVE("p"), true);
    free(s);
    assert_string_equal(plugs, "vif5.0");

    /* The vif is gone, or plugged already: only the port goes. */
    s = change(BUF_REMOVE, false, "", "", PORT, PORT_IFACE, "", &plugs);
    expect(s, TAKE_OUT("p"), true);
    expect(s, "\"op\":\"insert\"", false);
    assert_null(plugs);
    free(s);
    s = change(BUF_REMOVE, true, VIF, VIF_IFACE, PORT, PORT_IFACE, "", &plugs);
    expect(s, TAKE_OUT("p"), true);
    expect(s, TAKE_OUT("v"), false);
    assert_null(plugs);
    free(s);
    s = change(BUF_REMOVE, true, VIF, VIF_IFACE, "", "", EMU, NULL);
    assert_string_equal(s, "");
    free(s);
}

static void
test_cut(void **state OVS_UNUSED)
{
    const char *plugs;
    char *s = change(BUF_CUT, true, VIF, VIF_IFACE, PORT, PORT_IFACE, "",
                     &plugs);

    expect(s, TAKE_OUT("p"), true);
    expect(s, TAKE_OUT("v"), true);
    expect(s, "\"op\":\"insert\"", false);
    assert_null(plugs);
    free(s);
    s = change(BUF_CUT, true, "", "", "", "", "", NULL);
    assert_string_equal(s, "");
    free(s);
}

static void
test_answers(void **state OVS_UNUSED)
{
    static const struct { const char *answer, *error; bool again; } all[] = {
        { "[{\"uuid\":[\"uuid\",\"x\"]},{\"count\":1},{}]", NULL, false },
        { "[{\"count\":1},{\"count\":0}]", "meanwhile", true },
        { "[{},{\"error\":\"constraint violation\"}]", "constraint", true },
        { "[{\"error\":\"not owner\",\"details\":\"d\"}]", "not owner: d",
          false },
        { "3", "not understood", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(all); i++) {
        struct json *json = json_from_string(all[i].answer);
        bool again;
        char *error = buf_result_change(json, &again);

        assert_int_equal(again, all[i].again);
        assert_int_equal(!error, !all[i].error);
        if (error) {
            expect_and_free(error, all[i].error);
        }
        json_destroy(json);
    }
}

/* Whatever a server answers, nothing breaks. */
static void
test_bad_looks(void **state OVS_UNUSED)
{
    static const char *const bad[] = {
        "null", "[]", "{}", "[null,null,null,null,null]",
        "[{\"rows\":[3]},{\"rows\":[3]},{\"rows\":3}]",
        "[{\"rows\":[{\"_uuid\":3}]},{\"rows\":[{\"external_ids\":3}]}]",
        "[{\"rows\":[{\"_uuid\":[\"uuid\"]}]},{\"rows\":[]}]",
    };
    size_t i;
    int op;

    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        for (op = BUF_INSERT; op <= BUF_CUT; op++) {
            struct buf_pair pair = { .vif = "vif5.0", .port = "dtsb5.0",
                                     .vif_exists = true };
            struct json *json = json_from_string(bad[i]);
            char *error = buf_result_look(json, op, &pair, 1);

            if (!error) {
                json_destroy(buf_txn_change(op, &pair, 1));
            }
            free(error);
            json_destroy(json);
            buf_pair_uninit(&pair);
        }
    }
    /* External_ids that are no map. */
    free(change(BUF_INSERT, true, VIF, "{\"external_ids\":[\"map\",[3,[1]]]}",
                "", "", "", NULL));
    free(change(BUF_INSERT, true, VIF, "{\"external_ids\":7}", "", "", "",
                NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_bad_looks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
