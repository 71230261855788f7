/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of `xl-remus check`: the interval that a link can hold, and what
 * one end may make the other believe. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../libxl-ext/check-copy.h"
#include "../../libxl-ext/check-cpu.h"
#include "../../libxl-ext/check-interval.h"
#include "../../libxl-ext/check-wire.h"
#include "check-lines.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "rundir.h"
#include "util.h"

/* ---------------------------------------------------------------- interval */

static void
test_interval(void **state OVS_UNUSED)
{
    double ms;

    /* A guest that does nothing: a round trip. */
    assert_true(check_interval(0, 1e6, 500, &ms));
    assert_true(ms > 0.49 && ms < 0.51);
    /* Half of the link: twice that. */
    assert_true(check_interval(50e6, 100e6, 10000, &ms));
    assert_true(ms > 19.99 && ms < 20.01);
    /* What is said is held: rtt + D(T) / B <= T, and nothing shorter. */
    assert_true(check_interval(90e6, 100e6, 20000, &ms));
    assert_true(20 + 90e6 * ms / 1e3 / 100e6 * 1e3 <= ms * 1.0001);
    assert_true(20 + 90e6 * (ms - 1) / 1e3 / 100e6 * 1e3 > ms - 1);
    /* None: as much as the link carries, more, and a link of which nothing is
     * known. */
    assert_false(check_interval(100e6, 100e6, 1, &ms));
    assert_false(check_interval(200e6, 100e6, 1, &ms));
    assert_false(check_interval(0, 0, 1, &ms));
    assert_false(check_interval(0, 0.0 / 0.0, 1, &ms));
}

/* ------------------------------------------------------------------- lines */

static void
test_lines(void **state OVS_UNUSED)
{
    struct check_lines c;
    struct ds ds = DS_EMPTY_INITIALIZER;

    check_lines_init(&c, "hostA");
    assert_int_equal(check_exit_code(&c), 0);
    check_ok(&c, "memory", "%d MiB are free", 5);
    assert_int_equal(check_exit_code(&c), 0);
    c.node = "";
    check_bad(&c, CHECK_WARN, "clock", xstrdup("set it"), "it is wrong");
    assert_int_equal(check_exit_code(&c), 6);
    check_bad(&c, CHECK_FAIL, "files", xstrdup("copy it"), "it is missing");
    assert_int_equal(check_exit_code(&c), 3);
    check_format(&c, &ds);
    assert_string_equal(ds_cstr(&ds),
                        "ok    memory       hostA: 5 MiB are free\n"
                        "warn  clock        it is wrong\n"
                        "                    -> set it\n"
                        "fail  files        it is missing\n"
                        "                    -> copy it\n"
                        "1 ok, 1 warnings, 1 failures\n");
    ds_destroy(&ds);
    check_lines_uninit(&c);
}

/* Gives 'text' as the other node's lines; returns what is said of it. */
static const char *
take(struct check_lines *c, const char *text)
{
    struct json *json = json_from_string(text);
    const char *problem;

    check_lines_init(c, "");
    problem = check_lines_from_json(c, "hostB", json);
    json_destroy(json);
    return problem;
}

static void
test_peer_lines(void **state OVS_UNUSED)
{
    static const char *const bad[] = {
        "{}", "[1]", "[[]]", "[{}]",
        "[{\"check\":\"a\",\"level\":\"ok\"}]",
        "[{\"check\":\"\",\"level\":\"ok\",\"text\":\"t\"}]",
        "[{\"check\":\"a\",\"level\":\"best\",\"text\":\"t\"}]",
        "[{\"check\":\"a\",\"level\":\"ok\",\"text\":7}]",
        "[{\"check\":\"a\",\"level\":\"fail\",\"text\":\"t\"}]",
        "[{\"check\":\"a\",\"level\":\"ok\",\"text\":\"t\","
        "\"remedy\":\"r\"}]",
    };
    struct check_lines c, again;
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct json *json;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_non_null(take(&c, bad[i]));
        assert_int_equal(c.n, 0);
        check_lines_uninit(&c);
    }
    assert_string_equal(check_lines_from_json(&c, "b", NULL),
                        "the lines are no array");

    /* An answer must say something, and whose the domain is. */
    assert_null(take(&c, "[]"));
    assert_string_equal(check_lines_lack(&c, 0),
                        "the answer lacks everything");
    check_lines_uninit(&c);
    assert_null(take(&c, "[{\"check\":\"a\",\"level\":\"ok\","
                     "\"text\":\"t\"}]"));
    assert_non_null(check_lines_lack(&c, 0));
    check_ok(&c, "binding", "t");
    assert_null(check_lines_lack(&c, 0));
    assert_null(check_lines_lack(&c, 1));
    assert_non_null(check_lines_lack(&c, 2));
    check_lines_uninit(&c);
    assert_null(take(&c, "[{\"check\":\"a\",\"level\":\"fail\","
                     "\"text\":\"t\",\"remedy\":\"r\"}]"));
    assert_null(check_lines_lack(&c, 0));
    check_lines_uninit(&c);

    /* What a terminal would obey, and another line's look. */
    assert_null(take(&c, "[{\"check\":\"a\\u001b[2J\",\"level\":\"ok\","
                     "\"text\":\"x\\nok    all\\u009b1m\"}]"));
    assert_string_equal(c.lines[0].id, "a?[2J");
    assert_string_equal(c.lines[0].text, "x?ok    all??1m");
    assert_string_equal(c.lines[0].node, "hostB");
    check_lines_uninit(&c);

    /* Too long, too many. */
    ds_put_cstr(&ds, "[{\"check\":\"a\",\"level\":\"ok\",\"text\":\"");
    ds_put_char_multiple(&ds, 'x', 100000);
    ds_put_cstr(&ds, "\"}]");
    assert_null(take(&c, ds_cstr(&ds)));
    assert_int_equal(strlen(c.lines[0].text), CHECK_MAX_TEXT);
    check_lines_uninit(&c);
    ds_clear(&ds);
    ds_put_cstr(&ds, "[");
    for (int i = 0; i <= CHECK_MAX_LINES; i++) {
        ds_put_format(&ds, "%s{\"check\":\"a\",\"level\":\"ok\",\"text\":"
                      "\"t\"}", i ? "," : "");
    }
    ds_put_cstr(&ds, "]");
    assert_string_equal(take(&c, ds_cstr(&ds)), "there are too many lines");
    assert_int_equal(c.n, CHECK_MAX_LINES);
    check_lines_uninit(&c);
    ds_destroy(&ds);

    /* Of neither node alone, and of the only one there is. */
    check_lines_init(&c, "");
    check_ok(&c, "one", "well");
    json = check_lines_to_json(&c);
    assert_string_equal(check_string(json_array(json)->elems[0], "node"), "");
    assert_non_null(shash_find(json_object(json_array(json)->elems[0]),
                               "node"));
    json_destroy(json);
    check_lines_uninit(&c);
    check_lines_init(&c, NULL);
    check_ok(&c, "one", "well");
    json = check_lines_to_json(&c);
    assert_null(shash_find(json_object(json_array(json)->elems[0]), "node"));
    json_destroy(json);
    ds_init(&ds);
    check_format(&c, &ds);
    assert_string_equal(ds_cstr(&ds), "ok    one          well\n"
                        "1 ok, 0 warnings, 0 failures\n");
    ds_destroy(&ds);
    check_lines_uninit(&c);

    /* There and back. */
    check_lines_init(&c, "hostB");
    check_ok(&c, "one", "well");
    check_bad(&c, CHECK_FAIL, "two", xstrdup("do"), "not");
    json = check_lines_to_json(&c);
    check_lines_init(&again, "");
    assert_null(check_lines_from_json(&again, "hostB", json));
    json_destroy(json);
    assert_int_equal(again.n, 2);
    assert_string_equal(again.lines[1].remedy, "do");
    assert_int_equal(check_exit_code(&again), 3);
    check_lines_uninit(&c);
    check_lines_uninit(&again);
}

/* --------------------------------------------------------------------- CPU */

#define ALL UINT32_MAX
#define INTEL .b = 0x756e6547, .d = 0x49656e69, .c = 0x6c65746e
#define AMD .b = 0x68747541, .d = 0x69746e65, .c = 0x444d4163

static void
lacks(const struct check_leaf *guest, size_t n_guest,
      const struct check_leaf *host, size_t n_host, const char *want)
{
    char *text = check_cpu_lacks(guest, n_guest, host, n_host);

    if (want) {
        assert_non_null(text);
        assert_string_equal(text, want);
    } else if (text) {
        fail_msg("lacks: %s", text);
    }
    free(text);
}

static void
test_cpu(void **state OVS_UNUSED)
{
    static const struct check_leaf host[] = {
        { .leaf = 0, .subleaf = ALL, .a = 0xd, INTEL },
        { .leaf = 1, .subleaf = ALL, .c = 0x00001000, .d = 0x00000011 },
        { .leaf = 7, .subleaf = 0, .a = 1, .b = 0x20 },
        { .leaf = 7, .subleaf = 1, .a = 0x10 },
        { .leaf = 0x80000001, .subleaf = ALL, .d = 0x100800 },
    };
    static const struct check_leaf fewer[] = {
        { .leaf = 0, .subleaf = ALL, .a = 0x1, INTEL },
        /* All that says nothing of the CPU. */
        { .leaf = 1, .subleaf = ALL, .a = 0x306a9, .b = 7,
          .c = 0x88201000, .d = 0x10000210 },
        { .leaf = 7, .subleaf = 0, .b = 0x2040, .c = 0x10 },
        { .leaf = 0x80000001, .subleaf = ALL, .c = 2, .d = 0x0183f3ff },
    };
    static const struct check_leaf other[] = {
        { .leaf = 0, .subleaf = ALL, .a = 0xd, AMD },
    };
    struct check_leaf more[] = {
        { .leaf = 0, .subleaf = ALL, .a = 0xd, INTEL },
        { .leaf = 1, .subleaf = ALL, .c = 0x00001008 },
        { .leaf = 7, .subleaf = 0, .a = 1, .b = 0x80000020, .c = 0x11 },
        { .leaf = 7, .subleaf = 1, .a = 0x30 },
        { .leaf = 0xd, .subleaf = 1, .a = 1 },
        { .leaf = 0x80000001, .subleaf = ALL, .d = 0x20000001 },
        { .leaf = 0x80000008, .subleaf = ALL, .b = 0x1000 },
    };

    lacks(host, ARRAY_SIZE(host), host, ARRAY_SIZE(host), NULL);
    lacks(fewer, ARRAY_SIZE(fewer), host, ARRAY_SIZE(host), NULL);
    lacks(other, 1, host, ARRAY_SIZE(host),
          "it is one of AuthenticAMD, this host's of GenuineIntel");
    lacks(more, ARRAY_SIZE(more), host, ARRAY_SIZE(host),
          "leaf 0x1 ecx 3, leaf 0x7.0 ebx 31, leaf 0x7.0 ecx 0, "
          "leaf 0x7.1 eax 5, leaf 0xd.1 eax 0, leaf 0x80000001 edx 29, "
          "leaf 0x80000008 ebx 12");
    lacks(NULL, 0, host, ARRAY_SIZE(host),
          "one of the two says nothing of itself");
    lacks(host, ARRAY_SIZE(host), NULL, 0,
          "one of the two says nothing of itself");
    /* What another node sends may have anything in it. */
    memset(more, 0x1b, sizeof more);
    more[0].leaf = 0;
    lacks(more, 1, other, 1,
          "it is one of ????????????, this host's of AuthenticAMD");
}

/* -------------------------------------------------------------------- lock */

static void
test_lock(void **state OVS_UNUSED)
{
    char run[] = "/tmp/test-check.XXXXXX", *path, *holder, *mine;
    FILE *f;
    int fd;

    assert_non_null(mkdtemp(run));
    setenv("DTS_RUNDIR", run, 1);
    fd = dts_engine_lock("voip", &path);
    assert_true(fd >= 0);
    assert_int_equal(dts_engine_lock("voip", NULL), -EWOULDBLOCK);
    assert_true(dts_engine_lives("voip"));
    mine = xasprintf("process %ld (", (long int) getpid());
    holder = dts_engine_holder(path);
    assert_memory_equal(holder, mine, strlen(mine));
    free(holder);
    free(mine);
    close(fd);
    assert_false(dts_engine_lives("voip"));
    /* Who is not there does not hold it. */
    f = fopen(path, "w");
    fputs("4194304999\n", f);
    fclose(f);
    holder = dts_engine_holder(path);
    assert_string_equal(holder, "another process");
    free(holder);
    unlink(path);
    holder = dts_engine_holder(path);
    assert_string_equal(holder, "another process");
    free(holder);
    free(path);
    rmdir(run);
    unsetenv("DTS_RUNDIR");
}

/* -------------------------------------------------------------------- copy */

static const char *
known(const char *text)
{
    struct json *json = json_from_string(text);
    const char *why = check_copy_known(json);

    json_destroy(json);
    return why;
}

static void
test_copy_known(void **state OVS_UNUSED)
{
    assert_null(check_copy_known(NULL));
    assert_null(known("{}"));
    assert_null(known("{\"state\":\"alone\",\"sessions\":[]}"));
    assert_null(known("{\"state\":\"stopped\"}"));
    assert_non_null(known("{\"state\":\"protected\",\"sessions\":[]}"));
    assert_non_null(known("{\"state\":\"granted\"}"));
    assert_non_null(known("{\"state\":\"released\"}"));
    assert_non_null(known("{\"state\":\"alone\",\"sessions\":[{}]}"));
}

/* A /proc with one process that has these arguments. */
static bool
saver(const char *args, size_t n, uint32_t domid)
{
    char proc[] = "/tmp/test-check.XXXXXX";
    char *pid, *file;
    bool found;
    FILE *f;

    assert_non_null(mkdtemp(proc));
    pid = xasprintf("%s/77", proc);
    file = xasprintf("%s/cmdline", pid);
    assert_int_equal(mkdir(pid, 0700), 0);
    f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(args, 1, n, f), n);
    fclose(f);
    found = check_saver_runs(proc, domid);
    unlink(file);
    rmdir(pid);
    rmdir(proc);
    free(pid);
    free(file);
    return found;
}
#define SAVER(ARGS, DOMID) saver(ARGS, sizeof ARGS, DOMID)

static void
test_saver(void **state OVS_UNUSED)
{
    static const char stock[] = "/usr/lib/xen-4.17/bin/libxl-save-helper\0"
        "--save-domain\0" "9\0" "-1\0" "5\0" "0\0" "2\0" "0";

    assert_true(SAVER(stock, 5));
    assert_false(SAVER(stock, 9));
    assert_true(SAVER("/usr/libexec/dts-save-helper\0--save-domain\0"
                      "9\0" "-1\0" "12\0" "0\0" "2\0" "1", 12));
    assert_false(SAVER("dts-save-helper\0--restore-domain\0"
                       "9\0" "-1\0" "12\0" "0\0" "2\0" "1", 12));
    assert_false(SAVER("vi\0--save-domain\0" "9\0" "-1\0" "5\0" "0", 5));
    assert_false(SAVER("libxl-save-helper\0--save-domain\0" "5", 5));
    assert_false(SAVER("", 0));
    assert_false(check_saver_runs("/nonexistent", 5));
    assert_false(check_saver_runs("/proc", 4000000000u));
}

/* ----------------------------------------------------------------- request */

#define FILE_OK "{\"kind\":\"kernel\",\"what\":\"kernel\",\"path\":" \
    "\"/boot/k\",\"size\":5,\"hashed\":0,\"sha1\":\"\"}"
#define HASH "0123456789abcdef0123456789abcdef01234567"

/* A request with MEMBERS in the place of, or besides, what it has. */
static const char *
ask(struct check_request *r, const char *members)
{
    static const char base[] = "{\"request\":1,\"version\":\"1\",\"xen\":"
        "\"4.17\",\"libxl\":\"l\",\"domain\":\"voip\",\"type\":\"pvh\","
        "\"need_kb\":1000,\"bulk_ms\":0,\"files\":[],\"scripts\":[]";
    char *text = xasprintf("%s%s%s}", base, members[0] ? "," : "", members);
    struct json *json = check_line_parse(text, strlen(text));
    const char *problem;

    assert_non_null(json);
    problem = check_request_from_json(r, json);
    json_destroy(json);
    free(text);
    return problem;
}

static void
test_request(void **state OVS_UNUSED)
{
    struct check_request r, again;
    struct check_file f = { .kind = CHECK_FILE_DISK, .size = 1000000,
                            .hashed = 1000000, .sha1 = HASH };
    struct json *json;
    char *line;

    assert_null(ask(&r, ""));
    assert_int_equal(r.type, CHECK_PVH);
    assert_int_equal(r.need_kb, 1000);
    assert_null(r.policy.leaves);

    f.what = xstrdup("disk xvda");
    f.path = xstrdup("/srv/a b\"c");
    check_request_add_file(&r, &f);
    r.scripts[r.n_scripts++] = xstrdup("/etc/xen/scripts/vif-ovs-dts");
    r.policy.leaves = (uint8_t *) xstrdup("\1\2\377");
    r.policy.leaves_len = 3;
    r.policy.msrs = NULL;
    r.bulk_ms = 1000;
    json = check_request_to_json(&r);
    line = json_to_string(json, 0);
    json_destroy(json);
    json = check_line_parse(line, strlen(line));
    assert_null(check_request_from_json(&again, json));
    assert_string_equal(again.domain, "voip");
    assert_int_equal(again.bulk_ms, 1000);
    assert_int_equal(again.n_files, 1);
    assert_string_equal(again.files[0].path, "/srv/a b\"c");
    assert_string_equal(again.files[0].sha1, HASH);
    assert_int_equal(again.files[0].kind, CHECK_FILE_DISK);
    assert_int_equal(again.policy.leaves_len, 3);
    assert_memory_equal(again.policy.leaves, "\1\2\377", 3);
    assert_int_equal(again.policy.msrs_len, 0);
    assert_int_equal(again.n_scripts, 1);
    json_destroy(json);
    free(line);
    check_request_uninit(&again);
    check_request_uninit(&r);
}

/* Each of these is refused as a whole. */
static void
test_hostile(void **state OVS_UNUSED)
{
    static const char *const bad[] = {
        "\"request\":2", "\"type\":\"xbox\"", "\"type\":7",
        "\"need_kb\":-1", "\"need_kb\":9000000000000000000",
        "\"need_kb\":\"many\"", "\"bulk_ms\":-5", "\"bulk_ms\":3600000",
        "\"files\":{}", "\"files\":[7]", "\"files\":[{}]",
        "\"files\":[{\"kind\":\"shell\",\"path\":\"/a\",\"size\":0,"
        "\"hashed\":0}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"a\",\"size\":0,"
        "\"hashed\":0}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"\",\"size\":0,"
        "\"hashed\":0}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":-1,"
        "\"hashed\":0}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":5,"
        "\"hashed\":6,\"sha1\":\"" HASH "\"}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":"
        "9000000000000,\"hashed\":9000000000000,\"sha1\":\"" HASH "\"}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":5,"
        "\"hashed\":5,\"sha1\":\"\"}]",
        /* A piece, which could be guessed. */
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":5,"
        "\"hashed\":1,\"sha1\":\"" HASH "\"}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":5,"
        "\"hashed\":-1,\"sha1\":\"" HASH "\"}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":"
        "67108865,\"hashed\":67108863,\"sha1\":\"" HASH "\"}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":5,"
        "\"hashed\":5,\"sha1\":\"zz23456789abcdef0123456789abcdef01234567"
        "\"}]",
        "\"files\":[{\"kind\":\"disk\",\"path\":\"/a\",\"size\":5,"
        "\"hashed\":5,\"sha1\":\"" HASH "00\"}]",
        "\"scripts\":7", "\"scripts\":[7]", "\"scripts\":[\"vif\"]",
        "\"scripts\":[\"/1\",\"/2\",\"/3\",\"/4\",\"/5\",\"/6\",\"/7\","
        "\"/8\",\"/9\",\"/a\",\"/b\",\"/c\",\"/d\",\"/e\",\"/f\",\"/g\","
        "\"/h\"]",
        "\"cpuid\":\"0\"", "\"cpuid\":\"0g\"", "\"msrs\":\"xy\"",
    };
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct check_request r;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (!ask(&r, bad[i])) {
            fail_msg("taken: %s", bad[i]);
        }
        check_request_uninit(&r);
    }
    /* Too much of everything. */
    ds_put_cstr(&ds, "\"files\":[" FILE_OK);
    for (int i = 0; i < CHECK_MAX_FILES; i++) {
        ds_put_cstr(&ds, "," FILE_OK);
    }
    ds_put_cstr(&ds, "]");
    assert_non_null(ask(&r, ds_cstr(&ds)));
    check_request_uninit(&r);
    ds_clear(&ds);
    ds_put_cstr(&ds, "\"files\":[{\"kind\":\"disk\",\"size\":0,\"hashed\":0,"
                "\"path\":\"/");
    ds_put_char_multiple(&ds, 'a', CHECK_MAX_PATH);
    ds_put_cstr(&ds, "\"}]");
    assert_non_null(ask(&r, ds_cstr(&ds)));
    check_request_uninit(&r);
    ds_clear(&ds);
    ds_put_cstr(&ds, "\"cpuid\":\"");
    ds_put_char_multiple(&ds, '0', 2 * CHECK_MAX_POLICY + 2);
    ds_put_cstr(&ds, "\"");
    assert_non_null(ask(&r, ds_cstr(&ds)));
    check_request_uninit(&r);
    ds_destroy(&ds);
}

static void
test_line_parse(void **state OVS_UNUSED)
{
    static const char *const bad[] = {
        "", " ", "{", "[]", "7", "\"x\"", "{}{}", "{\"a\":1}x", "\xff\xfe",
        "{\"a\":\"\\u0000\"}",
    };
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct json *json;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(check_line_parse(bad[i], strlen(bad[i])));
    }
    assert_null(check_line_parse("{}\0{}", 5));
    ds_put_char_multiple(&ds, '[', 100000);     /* No stack for that. */
    assert_null(check_line_parse(ds_cstr(&ds), ds.length));
    ds_destroy(&ds);
    json = check_line_parse("{\"a\":1,\"b\":\"c\"}", 15);
    assert_int_equal(check_int(json, "a", 0), 1);
    assert_int_equal(check_int(json, "b", 9), 9);
    assert_string_equal(check_string(json, "b"), "c");
    assert_string_equal(check_string(json, "a"), "");
    json_destroy(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_peer_lines),
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_copy_known),
        cmocka_unit_test(test_saver),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_line_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
