/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half of vif-ovs-dts: what it takes from libxl and xenstore, and what
 * it asks of Open vSwitch's database. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"
#include "../../netscripts/vif-spec.h"
#include "../../netscripts/vif-txn.h"

#define VM "6f9619ff-8b86-4d11-b42d-00cf4fc964ff"
#define PORT "11111111-2222-3333-4444-555555555555"
#define BUFFER "00000000-0000-4000-8000-00000000000b"

/* Bridge strings. */

static void
expect_bridge(const char *s, const char *name, int tag, const char *vlan,
              size_t n_trunks)
{
    struct vif_bridge b;
    char *error = vif_bridge_parse(s, &b), *v;

    assert_null(error);
    assert_string_equal(b.name, name);
    assert_int_equal(b.tag, tag);
    assert_int_equal(b.n_trunks, n_trunks);
    v = vif_bridge_vlan(&b);
    assert_string_equal(v, vlan);
    free(v);
    vif_bridge_uninit(&b);
}

static void
test_bridge(void **state)
{
    expect_bridge("br-dts", "br-dts", -1, "", 0);
    expect_bridge("br-dts.7", "br-dts", 7, "7", 0);
    expect_bridge("br-dts.0", "br-dts", 0, "0", 0);
    expect_bridge("br-dts:10", "br-dts", -1, ":10", 1);
    expect_bridge("br-dts:10:20:4095", "br-dts", -1, ":10:20:4095", 3);
    expect_bridge("br-dts.4095:10:20", "br-dts", 4095, "4095:10:20", 2);
    expect_bridge("x", "x", -1, "", 0);
}

static void
test_bad_bridge(void **state)
{
    static const char *bad[] = {
        "", ".", ":", ".5", "br.", "br.x", "br.5x", "br.4096", "br.-1",
        "br:", "br:x", "br:1:", "br::1", "br:4096", "br.5:", "br.5.6",
        "br:5.6", "br .5", "br/x", "averylongbridgename", "br.99999999999",
        "br\t", "..",
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        struct vif_bridge b;
        char *error = vif_bridge_parse(bad[i], &b);

        if (!error) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_non_null(strstr(error, "NAME[.TAG]"));
        assert_null(b.name);
        free(error);
    }
}

/* Other values. */

static void
test_mac(void **state)
{
    static const char *bad[] = {
        "", "00:16:3e:00:00", "00:16:3e:00:00:0", "00:16:3e:00:00:001",
        "00-16-3e-00-00-01", "00:16:3e:00:00:0g", "01:16:3e:00:00:01",
        "ff:ff:ff:ff:ff:ff", "00:16:3e:00:00:01 ",
    };
    char *mac, *error;
    size_t i;

    assert_null(vif_mac_parse("00:16:3E:aB:00:01", &mac));
    assert_string_equal(mac, "00:16:3e:ab:00:01");
    free(mac);
    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        error = vif_mac_parse(bad[i], &mac);
        if (!error) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_null(mac);
        free(error);
    }
}

static void
test_mtu(void **state)
{
    static const char *bad[] = { "", "x", "67", "65536", "1500x", "-1", " 9",
                                 "99999999999999999999" };
    char *error;
    size_t i;
    int mtu;

    assert_null(vif_mtu_parse("68", &mtu));
    assert_int_equal(mtu, 68);
    assert_null(vif_mtu_parse("1458", &mtu));
    assert_int_equal(mtu, 1458);
    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        error = vif_mtu_parse(bad[i], &mtu);
        if (!error) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_int_equal(mtu, 0);
        free(error);
    }
}

static void
test_domain_name(void **state)
{
    static const char *const cases[][2] = {
        { "voip", "voip" }, { "voip--incoming", "voip" },
        { "--incoming", "--incoming" }, { "voip--incoming2", "voip--incoming2" },
        { "a--incoming--incoming", "a--incoming" },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        char *name = vif_domain_name(cases[i][0]);

        assert_string_equal(name, cases[i][1]);
        free(name);
    }
}

static void
test_uuid(void **state)
{
    char *a = vif_uuid(VM, 0), *b = vif_uuid(VM, 1), *again = vif_uuid(VM, 0);
    char *error;

    assert_non_null(a);
    assert_string_equal(a, again);
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, VM);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '8');               /* Version. */
    assert_non_null(strchr("89ab", a[19]));     /* Variant. */
    assert_null(vif_uuid_check(a));
    assert_null(vif_uuid(NULL, 0));
    assert_null(vif_uuid("6f9619ff-8b86-4d11-b42d-00cf4fc964f", 0));
    assert_null(vif_uuid(VM "0", 0));
    error = vif_uuid_check("6f9619ff8b86-4d11-b42d-00cf4fc964ff-");
    assert_non_null(error);
    free(error);
    free(a);
    free(b);
    free(again);
}

/* What libxl tells. */

static const char *env_xenbus, *env_vif, *env_interface;

static char *
fake_env(const char *name)
{
    return CONST_CAST(char *, !strcmp(name, "XENBUS_PATH") ? env_xenbus
                      : !strcmp(name, "vif") ? env_vif
                      : !strcmp(name, "INTERFACE") ? env_interface : NULL);
}

static char *
init(struct vif_spec *spec, const char *arg1, const char *arg2, bool *ignore)
{
    char *argv[] = { CONST_CAST(char *, "vif-ovs-dts"),
                     CONST_CAST(char *, arg1), CONST_CAST(char *, arg2) };

    return vif_spec_init(spec, 1 + (arg1 != NULL) + (arg2 != NULL), argv,
                         fake_env, ignore);
}

static void
test_spec(void **state)
{
    struct vif_spec spec;
    bool ignore;

    env_xenbus = "backend/vif/12/3";
    env_vif = "vif12.3";
    env_interface = "vif12.3-emu";
    assert_null(init(&spec, "online", "type_if=vif", &ignore));
    assert_false(ignore);
    assert_int_equal(spec.op, VIF_ONLINE);
    assert_false(spec.tap);
    assert_int_equal(spec.domid, 12);
    assert_int_equal(spec.devid, 3);
    assert_string_equal(spec.name, "vif12.3");
    assert_null(vif_spec_rename(&spec, "voip0"));
    assert_string_equal(spec.name, "voip0");
    assert_string_equal(spec.kernel_name, "vif12.3");
    vif_spec_uninit(&spec);

    env_vif = NULL;             /* A name that libxl did not tell. */
    assert_null(init(&spec, "offline", NULL, &ignore));
    assert_int_equal(spec.op, VIF_OFFLINE);
    assert_string_equal(spec.name, "vif12.3");
    vif_spec_uninit(&spec);

    env_xenbus = NULL;
    assert_null(init(&spec, "add", "type_if=tap", &ignore));
    assert_false(ignore);
    assert_true(spec.tap);
    assert_string_equal(spec.name, "vif12.3-emu");
    assert_string_equal(spec.xenbus, "backend/vif/12/3");
    assert_null(vif_spec_rename(&spec, "voip0"));
    assert_string_equal(spec.name, "voip0-emu");
    vif_spec_uninit(&spec);
}

/* As Xen's scripts: a vif only goes on- and offline, a tap only comes and
 * goes. */
static void
test_spec_ignored(void **state)
{
    static const char *const cases[][2] = {
        { "add", "type_if=vif" }, { "remove", "type_if=vif" },
        { "add", NULL }, { "online", "type_if=tap" },
        { "offline", "type_if=tap" },
    };
    struct vif_spec spec;
    bool ignore;
    size_t i;

    env_xenbus = "backend/vif/1/0";
    env_interface = "vif1.0-emu";
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_null(init(&spec, cases[i][0], cases[i][1], &ignore));
        assert_true(ignore);
        vif_spec_uninit(&spec);
    }
}

static void
test_bad_spec(void **state)
{
    static const char *const cases[][5] = {
        /* argument, type_if, XENBUS_PATH, vif, INTERFACE */
        { NULL, NULL, "backend/vif/1/0", "vif1.0", NULL },
        { "restart", NULL, "backend/vif/1/0", "vif1.0", NULL },
        { "online", "type_if=tun", "backend/vif/1/0", "vif1.0", NULL },
        { "online", NULL, NULL, "vif1.0", NULL },
        { "online", NULL, "backend/vif/1", "vif1.0", NULL },
        { "online", NULL, "backend/vif/x/0", "vif1.0", NULL },
        { "online", NULL, "backend/vif/1/0x", "vif1.0", NULL },
        { "online", NULL, "backend/vif/99999999/0", "vif1.0", NULL },
        { "online", NULL, "backend/vif//0", "vif1.0", NULL },
        { "online", NULL, "", "vif1.0", NULL },
        { "online", NULL, "backend/vif/1/0", "../../etc/passwd", NULL },
        { "online", NULL, "backend/vif/1/0", "a name", NULL },
        { "add", "type_if=tap", "backend/vif/1/0", NULL, NULL },
        { "add", "type_if=tap", "backend/vif/1/0", NULL, "tap0" },
        { "add", "type_if=tap", "backend/vif/1/0", NULL, "vif1-emu" },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vif_spec spec;
        bool ignore;
        char *error;

        env_xenbus = cases[i][2];
        env_vif = cases[i][3];
        env_interface = cases[i][4];
        error = init(&spec, cases[i][0], cases[i][1], &ignore);
        if (!error) {
            fail_msg("case %"PRIuSIZE" was taken", i);
        }
        free(error);
        vif_spec_uninit(&spec);
    }
}

/* Requests. */

static void
make_spec(struct vif_spec *spec, const char *bridge)
{
    bool ignore;

    env_xenbus = "backend/vif/12/3";
    env_vif = "vif12.3";
    assert_null(init(spec, "online", NULL, &ignore));
    assert_null(vif_bridge_parse(bridge, &spec->bridge));
    assert_null(vif_mac_parse("00:16:3e:00:00:01", &spec->mac));
    spec->domain = xstrdup("voip--incoming");
    spec->vm_uuid = xstrdup(VM);
}

/* 'json' (destroyed) is written as 'expected'. */
static void
expect_json(struct json *json, const char *expected)
{
    char *s = json_to_string(json, JSSF_SORT);

    assert_string_equal(s, expected);
    free(s);
    json_destroy(json);
}

static void
test_look(void **state)
{
    struct vif_spec spec;

    make_spec(&spec, "br-dts.5");
    expect_json(vif_txn_look(&spec),
        "[\"Open_vSwitch\","
        "{\"columns\":[\"external_ids\"],\"op\":\"select\","
        "\"table\":\"Open_vSwitch\",\"where\":[]},"
        "{\"columns\":[\"external_ids\",\"fail_mode\"],\"op\":\"select\","
        "\"table\":\"Bridge\",\"where\":[[\"name\",\"==\",\"br-dts\"]]},"
        "{\"columns\":[\"_uuid\"],\"op\":\"select\",\"table\":\"Port\","
        "\"where\":[[\"name\",\"==\",\"vif12.3\"]]},"
        "{\"columns\":[\"external_ids\"],\"op\":\"select\","
        "\"table\":\"Interface\","
        "\"where\":[[\"name\",\"==\",\"vif12.3\"]]},"
        "{\"columns\":[\"_uuid\"],\"op\":\"select\",\"table\":\"Port\","
        "\"where\":[[\"name\",\"==\",\"dtsb12.3\"]]}]");
    vif_spec_uninit(&spec);
}

static void
test_plug(void **state)
{
    struct vif_state st = { .bridge_exists = true, .bridge_is_dts = true };
    char *vif = vif_uuid(VM, 3), *expected;
    struct vif_spec spec;

    make_spec(&spec, "br-dts");
    spec.mtu = 1458;
    st.port = xstrdup(PORT);
    expected = xasprintf(
        "[\"Open_vSwitch\","
        "{\"columns\":[\"name\"],\"op\":\"wait\","
        "\"rows\":[{\"name\":\"br-dts\"}],\"table\":\"Bridge\","
        "\"timeout\":0,\"until\":\"==\","
        "\"where\":[[\"name\",\"==\",\"br-dts\"]]},"
        "{\"mutations\":[[\"ports\",\"delete\",[\"uuid\",\"" PORT "\"]]],"
        "\"op\":\"mutate\",\"table\":\"Bridge\","
        "\"where\":[[\"ports\",\"includes\",[\"uuid\",\"" PORT "\"]]]},"
        "{\"op\":\"insert\",\"row\":{\"external_ids\":[\"map\",["
        "[\"attached-mac\",\"00:16:3e:00:00:01\"],"
        "[\"dts-vif\",\"12/3\"],"
        "[\"iface-id\",\"%s\"],"
        "[\"iface-status\",\"active\"],"
        "[\"vm-id\",\"" VM "\"],"
        "[\"xen-vm-name\",\"voip\"],"
        "[\"xen-vm-uuid\",\"" VM "\"],"
        "[\"xs-vif-uuid\",\"%s\"],"
        "[\"xs-vm-uuid\",\"" VM "\"]]],"
        "\"mtu_request\":1458,\"name\":\"vif12.3\"},"
        "\"table\":\"Interface\",\"uuid-name\":\"iface\"},"
        "{\"op\":\"insert\",\"row\":{"
        "\"interfaces\":[\"named-uuid\",\"iface\"],\"name\":\"vif12.3\"},"
        "\"table\":\"Port\",\"uuid-name\":\"port\"},"
        "{\"mutations\":[[\"ports\",\"insert\",[\"named-uuid\",\"port\"]]],"
        "\"op\":\"mutate\",\"table\":\"Bridge\","
        "\"where\":[[\"name\",\"==\",\"br-dts\"]]},"
        "{\"op\":\"update\",\"row\":{\"fail_mode\":\"secure\"},"
        "\"table\":\"Bridge\",\"where\":[[\"name\",\"==\",\"br-dts\"]]},"
        "{\"mutations\":[[\"next_cfg\",\"+=\",1]],\"op\":\"mutate\","
        "\"table\":\"Open_vSwitch\",\"where\":[]},"
        "{\"comment\":\"vif-ovs-dts: online vif12.3\",\"op\":\"comment\"}]",
        vif, vif);
    expect_json(vif_txn_plug(&spec, &st), expected);
    free(expected);
    free(vif);
    vif_state_uninit(&st);
    vif_spec_uninit(&spec);
}

/* 'params' (destroyed) has 'text' somewhere, or has not. */
static void
expect_text(struct json *params, const char *text, bool there)
{
    char *s = json_to_string(params, JSSF_SORT);

    if (!strstr(s, text) == there) {
        fail_msg("%s is%s in %s", text, there ? " not" : "", s);
    }
    free(s);
    json_destroy(params);
}

static void
test_plug_vlans(void **state)
{
    struct vif_state st = { .bridge_exists = true };
    struct vif_spec spec;

    make_spec(&spec, "ovsbr0.5");
    expect_text(vif_txn_plug(&spec, &st), "\"tag\":5", true);
    expect_text(vif_txn_plug(&spec, &st), "vlan_mode", false);
    expect_text(vif_txn_plug(&spec, &st), "trunks", false);
    /* Not the agent's bridge: its fail mode is not ours to set. */
    expect_text(vif_txn_plug(&spec, &st), "fail_mode", false);
    expect_text(vif_txn_plug(&spec, &st), "delete", false);
    vif_spec_uninit(&spec);

    make_spec(&spec, "ovsbr0:10:20");
    expect_text(vif_txn_plug(&spec, &st), "\"trunks\":[\"set\",[10,20]]", true);
    expect_text(vif_txn_plug(&spec, &st), "vlan_mode", false);
    expect_text(vif_txn_plug(&spec, &st), "\"tag\"", false);
    vif_spec_uninit(&spec);

    make_spec(&spec, "ovsbr0.5:10");
    expect_text(vif_txn_plug(&spec, &st), "\"vlan_mode\":\"native-untagged\"",
                true);
    vif_spec_uninit(&spec);
}

static void
test_unplug_and_taken(void **state)
{
    struct vif_state st = { .port = xstrdup(PORT), .ours = true };
    struct vif_spec spec;

    make_spec(&spec, "br-dts");
    spec.op = VIF_OFFLINE;
    expect_text(vif_txn_unplug(&spec, &st), "\"delete\",[\"uuid\",\"" PORT,
                true);
    /* Another's stays; a buffer goes with its vif. */
    st.ours = false;
    st.buffer = xstrdup(BUFFER);
    expect_text(vif_txn_unplug(&spec, &st), PORT, false);
    expect_text(vif_txn_unplug(&spec, &st),
                "\"delete\",[\"uuid\",\"" BUFFER, true);
    expect_text(vif_txn_unplug(&spec, &st), "offline vif12.3", true);
    expect_json(vif_txn_taken(&spec, 250),
        "[\"Open_vSwitch\","
        "{\"columns\":[\"ofport\"],\"op\":\"wait\","
        "\"rows\":[{\"ofport\":[\"set\",[]]}],\"table\":\"Interface\","
        "\"timeout\":250,\"until\":\"!=\","
        "\"where\":[[\"name\",\"==\",\"vif12.3\"]]},"
        "{\"columns\":[\"ofport\",\"error\"],\"op\":\"select\","
        "\"table\":\"Interface\","
        "\"where\":[[\"name\",\"==\",\"vif12.3\"]]}]");
    vif_state_uninit(&st);
    vif_spec_uninit(&spec);
}

static void
test_tap_is_inactive(void **state)
{
    struct vif_spec spec;
    bool ignore;

    env_interface = "vif1.0-emu";
    assert_null(init(&spec, "add", "type_if=tap", &ignore));
    expect_json(vif_external_ids(&spec, "n"),
                "{\"dts-vif\":\"1/0\",\"iface-id\":\"vif1.0-emu\","
                "\"iface-status\":\"inactive\",\"xs-network-uuid\":\"n\"}");
    vif_spec_uninit(&spec);
}

/* Answers. */

static char *
look(const char *answer, const struct vif_spec *spec, struct vif_state *st)
{
    struct json *json = json_from_string(answer);
    char *error = vif_result_look(json, spec, st);

    json_destroy(json);
    return error;
}

static void
test_look_answers(void **state)
{
    struct vif_spec spec;
    struct vif_state st;

    make_spec(&spec, "br-dts");
    assert_null(look("[{\"rows\":[{\"external_ids\":[\"map\",[]]}]},"
                     "{\"rows\":[]},{\"rows\":[]},{\"rows\":[]}]",
                     &spec, &st));
    assert_false(st.bridge_exists);
    assert_true(st.bridge_is_dts);      /* By its default name. */
    assert_null(st.port);
    assert_false(st.interface_exists);
    vif_state_uninit(&st);

    assert_null(look("[{\"rows\":[{\"external_ids\":[\"map\","
                     "[[\"dts-bridge\",\"br-x\"]]]}]},"
                     "{\"rows\":[{\"external_ids\":[\"map\","
                     "[[\"xs-network-uuids\",\"aa;bb\"]]]}]},"
                     "{\"rows\":[{\"_uuid\":[\"uuid\",\"" PORT "\"]}]},"
                     "{\"rows\":[{\"external_ids\":[\"map\","
                     "[[\"dts-vif\",\"12/3\"]]]}]}]", &spec, &st));
    assert_true(st.bridge_exists);
    assert_false(st.bridge_is_dts);
    assert_string_equal(st.network_uuid, "aa");
    assert_string_equal(st.port, PORT);
    assert_true(st.interface_exists);
    assert_true(st.ours);
    vif_state_uninit(&st);

    /* Buffered: the vif's own business, not its emulated card's. */
    assert_null(look("[{\"rows\":[{}]},{\"rows\":[]},{\"rows\":[]},"
                     "{\"rows\":[]},{\"rows\":[{\"_uuid\":[\"uuid\",\""
                     BUFFER "\"]}]}]", &spec, &st));
    assert_null(st.port);
    assert_string_equal(st.buffer, BUFFER);
    vif_state_uninit(&st);
    spec.tap = true;
    assert_null(look("[{\"rows\":[{}]},{\"rows\":[]},{\"rows\":[]},"
                     "{\"rows\":[]},{\"rows\":[{\"_uuid\":[\"uuid\",\""
                     BUFFER "\"]}]}]", &spec, &st));
    assert_null(st.buffer);
    vif_state_uninit(&st);
    spec.tap = false;

    /* Another device's. */
    assert_null(look("[{\"rows\":[{}]},{\"rows\":[]},{\"rows\":[{}]},"
                     "{\"rows\":[{\"external_ids\":[\"map\","
                     "[[\"dts-vif\",\"13/3\"]]]}]}]", &spec, &st));
    assert_false(st.ours);
    vif_state_uninit(&st);

    /* Nobody's mark: ours by its name, or by its MAC, and only so. */
    assert_null(look("[{\"rows\":[{}]},{\"rows\":[]},{\"rows\":[{}]},"
                     "{\"rows\":[{\"external_ids\":[\"map\",[]]}]}]",
                     &spec, &st));
    assert_true(st.ours);
    vif_state_uninit(&st);
    assert_null(vif_spec_rename(&spec, "eth7"));
    assert_null(look("[{\"rows\":[{}]},{\"rows\":[]},{\"rows\":[{}]},"
                     "{\"rows\":[{\"external_ids\":[\"map\",[]]}]}]",
                     &spec, &st));
    assert_false(st.ours);
    vif_state_uninit(&st);
    vif_spec_uninit(&spec);
}

static void
test_bad_answers(void **state)
{
    static const char *const bad[] = {
        "null", "{}", "\"x\"", "3", "[]", "[null,null,null,null]",
        "[{\"rows\":3},{},{},{}]", "[{\"rows\":[]},{},{},{}]",
        "[{\"error\":\"not owner\",\"details\":\"d\"}]",
        "[{\"rows\":[3]},{\"rows\":[3]}]",
    };
    struct vif_spec spec;
    size_t i;

    make_spec(&spec, "br-dts");
    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        struct vif_state st;
        char *error = look(bad[i], &spec, &st);

        if (!error) {
            fail_msg("%s was taken", bad[i]);
        }
        free(error);
        vif_state_uninit(&st);
    }
    vif_spec_uninit(&spec);
}

static void
test_taken_answers(void **state)
{
    static const struct {
        const char *answer;
        const char *error;      /* Part of it; NULL: none. */
        bool timed_out;
    } cases[] = {
        { "[{},{\"rows\":[{\"ofport\":7,\"error\":[\"set\",[]]}]}]", NULL,
          false },
        { "[{},{\"rows\":[{\"ofport\":-1,\"error\":\"no device\"}]}]",
          "no device", false },
        { "[{},{\"rows\":[{\"ofport\":-1,\"error\":[\"set\",[]]}]}]",
          "refused", false },
        { "[{},{\"rows\":[]}]", "took the port away", false },
        { "[{\"error\":\"timed out\",\"details\":\"x\"},null]", NULL, true },
        { "[{\"error\":\"aborted\"},null]", "aborted", false },
        { "[]", "took the port away", false },
        { "7", "not understood", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        struct json *json = json_from_string(cases[i].answer);
        bool timed_out;
        char *error = vif_result_taken(json, &timed_out);

        assert_int_equal(timed_out, cases[i].timed_out);
        if (!error != !cases[i].error
            || (error && !strstr(error, cases[i].error))) {
            fail_msg("%s: %s", cases[i].answer, error ? error : "no error");
        }
        free(error);
        json_destroy(json);
    }
}

static void
test_check_tells_details(void **state)
{
    struct json *json = json_from_string(
        "[{},{\"count\":1},{\"error\":\"constraint violation\","
        "\"details\":\"two rows\"}]");
    char *error = vif_result_check(json);

    assert_non_null(error);
    assert_string_equal(error, "ovsdb-server: constraint violation: two rows");
    free(error);
    json_destroy(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bridge),
        cmocka_unit_test(test_bad_bridge),
        cmocka_unit_test(test_mac),
        cmocka_unit_test(test_mtu),
        cmocka_unit_test(test_domain_name),
        cmocka_unit_test(test_uuid),
        cmocka_unit_test(test_spec),
        cmocka_unit_test(test_spec_ignored),
        cmocka_unit_test(test_bad_spec),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_plug),
        cmocka_unit_test(test_plug_vlans),
        cmocka_unit_test(test_unplug_and_taken),
        cmocka_unit_test(test_tap_is_inactive),
        cmocka_unit_test(test_look_answers),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_taken_answers),
        cmocka_unit_test(test_check_tells_details),
    };
    return cmocka_run_group_tests_name("vif", tests, NULL, NULL);
}
