/* SPDX-License-Identifier: Apache-2.0 */

/* The pure parts of dts-ctl: suggestions, parsers, arranging of arguments, what the
 * clock's state means. */

#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <cmocka.h>

#include "args.h"
#include "check-clock.h"
#include "check-lines.h"
#include "openvswitch/dynamic-string.h"
#include "suggest.h"
#include "svec.h"
#include "util.h"
#include "values.h"

static void
test_distance(void **state OVS_UNUSED)
{
    assert_int_equal(edit_distance("", ""), 0);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("abc", ""), 3);
    assert_int_equal(edit_distance("hostA", "hostA"), 0);
    assert_int_equal(edit_distance("hostA", "HOSTa"), 0);
    assert_int_equal(edit_distance("bfd_mult", "bfd-mult"), 0);
    assert_int_equal(edit_distance("hostA", "hostB"), 1);       /* Replace. */
    assert_int_equal(edit_distance("hsot", "host"), 1);         /* Swap. */
    assert_int_equal(edit_distance("hosst", "host"), 1);        /* Delete. */
    assert_int_equal(edit_distance("hst", "host"), 1);          /* Insert. */
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
    assert_int_equal(edit_distance("ca", "abc"), 3);    /* Not nested. */
}

static void
check_suggestion(const char *word, const char *expected)
{
    static const char *const names[] = {
        "hostA", "hostB", "gw1", "status", "switch", "show",
    };
    const char *got = suggest(word, names, ARRAY_SIZE(names));

    if (!expected) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, expected);
    }
}

static void
test_suggest(void **state OVS_UNUSED)
{
    check_suggestion("hostb", "hostB");
    check_suggestion("hostC", "hostA");         /* The first of equals. */
    check_suggestion("gw2", "gw1");
    check_suggestion("statsu", "status");
    check_suggestion("swich", "switch");
    check_suggestion("sta", "status");          /* An abbreviation. */
    check_suggestion("xyzzy", NULL);
    check_suggestion("", NULL);
    check_suggestion("ab", NULL);
    assert_null(suggest("x", NULL, 0));
}

static void
assert_error(char *error, const char *part)
{
    if (!part) {
        if (error) {
            fail_msg("unexpected error: %s", error);
        }
        return;
    }
    assert_non_null(error);
    if (!strstr(error, part)) {
        fail_msg("\"%s\" is not in: %s", part, error);
    }
    free(error);
}

static void
test_names(void **state OVS_UNUSED)
{
    char name[65];

    assert_error(parse_name("node", "hostA"), NULL);
    assert_error(parse_name("node", "a.b_c+d-9"), NULL);
    assert_error(parse_name("node", "9"), NULL);
    assert_error(parse_name("node", ""), "cannot name a node");
    assert_error(parse_name("node", "-a"), "beginning with");
    assert_error(parse_name("node", "a b"), "letters");
    assert_error(parse_name("node", "a/b"), "letters");
    assert_error(parse_name("node", "h\303\266st"), "letters");
    assert_error(parse_name("domain", "v--incoming"), "xl gives");
    assert_error(parse_name("domain", "v--migratedaway"), "xl gives");
    memset(name, 'a', 63);
    name[63] = '\0';
    assert_error(parse_name("node", name), NULL);
    name[63] = 'a';
    name[64] = '\0';
    assert_error(parse_name("node", name), "1 to 63");
}

static void
test_ips(void **state OVS_UNUSED)
{
    char *s;
    bool ipv6;

    assert_error(parse_ip("192.0.2.1", &s, &ipv6), NULL);
    assert_string_equal(s, "192.0.2.1");
    assert_false(ipv6);
    free(s);
    assert_error(parse_ip("2001:0DB8::0001", &s, &ipv6), NULL);
    assert_string_equal(s, "2001:db8::1");
    assert_true(ipv6);
    free(s);
    assert_error(parse_ip("", NULL, NULL), "neither");
    assert_error(parse_ip("192.0.2", NULL, NULL), "neither");
    assert_error(parse_ip("192.0.2.256", NULL, NULL), "neither");
    assert_error(parse_ip("192.0.2.1/24", NULL, NULL), "prefix length");
    assert_error(parse_ip("192.0.2.1 ", NULL, NULL), "neither");
    assert_error(parse_ip("2001:db8::g", NULL, NULL), "neither");
    assert_error(parse_ip("localhost", NULL, NULL), "in digits");
}

static void
test_realtime(void **state OVS_UNUSED)
{
    assert_error(parse_realtime("udp:10000-20000"), NULL);
    assert_error(parse_realtime("rtp:10000-20000/dscp=46"), NULL);
    assert_error(parse_realtime("tcp:554"), "TCP cannot bypass");
    assert_error(parse_realtime("udp:1-65535"), "SIP's ports");
    assert_error(parse_realtime("udp:7-7"), NULL);
    assert_error(parse_realtime("udp:0-7"), "1 to 65535");
    assert_error(parse_realtime("udp:8-7"), "lower one first");
    assert_error(parse_realtime("udp:1-65536"), "1 to 65535");
    assert_error(parse_realtime("udp:"), "udp:LOW-HIGH");
    assert_error(parse_realtime("udp:-7"), "udp:LOW-HIGH");
    assert_error(parse_realtime("udp:7-"), "udp:LOW-HIGH");
    assert_error(parse_realtime("udp:7-8-9"), "udp:LOW-HIGH");
    assert_error(parse_realtime("udp:7x"), "udp:LOW-HIGH");
    assert_error(parse_realtime("udp: 7"), "udp:LOW-HIGH");
    assert_error(parse_realtime("UDP:7"), "udp:LOW-HIGH");
    assert_error(parse_realtime("icmp"), "udp:LOW-HIGH");
    assert_error(parse_realtime(""), "udp:LOW-HIGH");
}

static void
test_roles(void **state OVS_UNUSED)
{
    struct svec roles = SVEC_EMPTY_INITIALIZER;

    assert_error(parse_roles(" server , gateway,server", &roles), NULL);
    assert_int_equal(roles.n, 2);
    assert_string_equal(roles.names[0], "gateway");
    assert_string_equal(roles.names[1], "server");
    svec_clear(&roles);
    assert_error(parse_roles("", &roles), "no role");
    assert_error(parse_roles(",", &roles), "no role");
    assert_error(parse_roles("sevrer", &roles), "did you mean server?");
    svec_destroy(&roles);
}

static void
test_addresses(void **state OVS_UNUSED)
{
    struct svec a = SVEC_EMPTY_INITIALIZER;

    assert_error(parse_addresses("00:16:3E:00:00:64  10.20.0.100 "
                                 "2001:DB8::1, 00:16:3e:00:00:65", &a), NULL);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.names[0],
                        "00:16:3e:00:00:64 10.20.0.100 2001:db8::1");
    assert_string_equal(a.names[1], "00:16:3e:00:00:65");
    svec_clear(&a);
    assert_error(parse_addresses("10.20.0.100", &a), "MAC");
    assert_error(parse_addresses("00:16:3e:00:00", &a), "MAC");
    assert_error(parse_addresses("00:16:3e:00:00:64 fred", &a), "fred");
    assert_error(parse_addresses("", &a), NULL);
    assert_int_equal(a.n, 0);
    svec_destroy(&a);
}

static void
test_key_values(void **state OVS_UNUSED)
{
    char *key, *value;
    bool b;
    int64_t n;

    assert_error(parse_key_value("bfd_min_tx=5", &key, &value), NULL);
    assert_string_equal(key, "bfd-min-tx");
    assert_string_equal(value, "5");
    free(key);
    free(value);
    assert_error(parse_key_value("options:a_b=c=d_e", &key, &value), NULL);
    assert_string_equal(key, "options:a_b");
    assert_string_equal(value, "c=d_e");
    free(key);
    free(value);
    assert_error(parse_key_value("site=", &key, &value), NULL);
    assert_string_equal(value, "");
    free(key);
    free(value);
    assert_error(parse_key_value("site", &key, &value), "KEY=VALUE");
    assert_error(parse_key_value("=x", &key, &value), "KEY=VALUE");

    assert_error(parse_integer("n", "7", 1, 7, &n), NULL);
    assert_int_equal(n, 7);
    assert_error(parse_integer("n", "8", 1, 7, &n), "from 1 to 7");
    assert_error(parse_integer("n", "", 1, 7, &n), "not a number");
    assert_error(parse_integer("n", "7x", 1, 7, &n), "not a number");
    assert_error(parse_bool("b", "yes", &b), NULL);
    assert_true(b);
    assert_error(parse_bool("b", "0", &b), NULL);
    assert_false(b);
    assert_error(parse_bool("b", "si", &b), "true or false");
}

/* Arranging of arguments. */

static const struct option globals[] = {
    {"db", required_argument, NULL, 1000},
    {"dry-run", no_argument, NULL, 1001},
    {"format", required_argument, NULL, 'f'},
    {"timeout", required_argument, NULL, 't'},
    {"verbose", optional_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};
static const struct ctl_command_syntax commands[] = {
    { "add", 1, 1, "X", NULL, NULL, NULL, "--key=,--gateway=,--force", RW },
    { "events", 0, 1, "[X]", NULL, NULL, NULL, "--last=,--follow", RO },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
static const struct ctl_command_syntax *const own[] = { commands, NULL };

/* 'in' and 'out' are words separated by '|'. */
static void
check_arranged(const char *in, const char *out, const char *error)
{
    struct svec words = SVEC_EMPTY_INITIALIZER;
    struct svec arranged = SVEC_EMPTY_INITIALIZER;

    char *copy = xstrdup(in), *save = NULL;
    for (char *w = strtok_r(copy, "|", &save); w;
         w = strtok_r(NULL, "|", &save)) {
        svec_add(&words, w);
    }
    free(copy);
    svec_terminate(&words);

    char *e = arrange_arguments(words.names, globals, own, &arranged);
    if (error) {
        assert_error(e, error);
    } else {
        assert_error(e, NULL);
        char *joined = svec_join(&arranged, "|", "");
        assert_string_equal(joined, out);
        free(joined);
    }
    svec_destroy(&words);
    svec_destroy(&arranged);
}

static void
test_arrange(void **state OVS_UNUSED)
{
    check_arranged("p", "p", NULL);
    check_arranged("p|add|x|--key=1", "p|--key=1|add|x", NULL);
    check_arranged("p|add|x|--key|1", "p|--key=1|add|x", NULL);
    check_arranged("p|--key=1|add|x", "p|--key=1|add|x", NULL);
    check_arranged("p|add|--force|x", "p|--force|add|x", NULL);
    check_arranged("p|add|x|--dry-run", "p|--dry-run|add|x", NULL);
    check_arranged("p|add|x|--db|tcp:1", "p|--db=tcp:1|add|x", NULL);
    check_arranged("p|--db|tcp:1|add|x", "p|--db=tcp:1|add|x", NULL);
    check_arranged("p|-t|5|add|x|-f|json", "p|-t|5|-f|json|add|x", NULL);
    check_arranged("p|add|x|-t5", "p|-t5|add|x", NULL);
    check_arranged("p|-vdbg|add|x", "p|-vdbg|add|x", NULL);
    check_arranged("p|add|x|--gateway=a|--gateway=b|--gateway|c",
                   "p|--gateway=a,b,c|add|x", NULL);
    check_arranged("p|add|x|--|add|y|--key=2|--dry-run",
                   "p|--dry-run|add|x|--|--key=2|add|y", NULL);
    check_arranged("p|--|--key=2|add|y", "p|--key=2|add|y", NULL);
    check_arranged("p|events|-n|5", "p|--last=5|events", NULL);
    check_arranged("p|events|-n5|--follow", "p|--last=5|--follow|events",
                   NULL);

    /* What is not ours is left alone after its name. */
    check_arranged("p|set|T|r|c=-1|--|add|x|--key=1",
                   "p|set|T|r|c=-1|--|--key=1|add|x", NULL);
    check_arranged("p|list|T|--key=1", "p|list|T|--key=1", NULL);
    check_arranged("p|--id=@x|create|T", "p|--id=@x|create|T", NULL);
    check_arranged("p|find|T|-n", "p|find|T|-n", NULL);
    check_arranged("p|add|-", "p|add|-", NULL);

    check_arranged("p|add|x|--kay=1", NULL, "did you mean --key?");
    check_arranged("p|add|x|--zzzzzz", NULL, "has no option '--zzzzzz'");
    check_arranged("p|add|x|-q", NULL, "has no option '-q'");
    check_arranged("p|add|x|--key", NULL, "needs a value");
    check_arranged("p|add|x|--key|--|add|y", NULL, "needs a value");
    check_arranged("p|events|-n", NULL, "needs a number");
}

static void
check_clock_line(int clock, int error, int status, long maxerror,
                 const char *expected)
{
    struct timex t = { .status = status, .maxerror = maxerror };
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct check_lines lines;

    check_lines_init(&lines, NULL);
    check_clock_judge(&lines, clock, error, &t);
    assert_int_equal(lines.n, 1);
    check_format(&lines, &ds);
    if (!strstr(ds_cstr(&ds), expected)) {
        fail_msg("%snot: %s", ds_cstr(&ds), expected);
    }
    ds_destroy(&ds);
    check_lines_uninit(&lines);
}

static void
test_clock(void **state OVS_UNUSED)
{
    static const char unsync[]
        = "warn  clock        the clock is not synchronised";

    check_clock_line(TIME_OK, 0, STA_PLL, 12345,
                     "ok    clock        synchronised, within 12 ms\n");
    /* A leap second is none of our business. */
    check_clock_line(TIME_INS, 0, STA_PLL, 0, "ok    clock");
    check_clock_line(TIME_OK, 0, STA_UNSYNC, 16000000, unsync);
    check_clock_line(TIME_ERROR, 0, STA_PLL, 500, unsync);
    check_clock_line(TIME_ERROR, 0, STA_UNSYNC, 0,
                     "-> apt install chrony (in dom0)\n");
    check_clock_line(-1, EPERM, 0, 0,
                     "warn  clock        the kernel does not tell the clock's "
                     "state (Operation not permitted)\n"
                     "                    -> look at timedatectl\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_ips),
        cmocka_unit_test(test_realtime),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_key_values),
        cmocka_unit_test(test_arrange),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests_name("dts-ctl", tests, NULL, NULL);
}
