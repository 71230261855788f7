/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "fake.h"
#include "realtime.h"
#include "suggest.h"
#include "svec.h"
#include "util.h"
#include "values.h"
#include "view.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/ctl/args.c
 * Fuzz-sources: remus-hooks/ctl/suggest.c remus-hooks/ctl/values.c
 * Fuzz-sources: remus-hooks/lib/realtime.c remus-hooks/lib/view.c
 * Fuzz-sources: remus-hooks/lib/view-receipts.c remus-hooks/lib/dts-idl.c
 * Fuzz-includes: remus-hooks/ctl tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv
 * Fuzz-max-len: 2048
 *
 * What an operator writes: the words of a command line of dts-ctl, one a line,
 * and each of them as a name, an address, a class of traffic (--realtime of
 * dts-ctl and xl-remus) and whatever else it might be.  What was taken is taken
 * as the same again in the way in which we write it, and no word is lost. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MAX_ARGS 64

static const struct option global[] = {
    { "db", required_argument, NULL, 1 },
    { "dry-run", no_argument, NULL, 2 },
    { "timeout", required_argument, NULL, 't' },
    { "verbose", optional_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};
static const struct ctl_command_syntax commands[] = {
    { .name = "node-add", .options = "--site=,--ip=,--may-exist" },
    { .name = "events", .options = "--follow,--last=,--domain=" },
    { .name = "wait", .options = "--state=,--fenced,--opt?" },
    { .name = "status", .options = "" },
    { .name = NULL },
};
static const struct ctl_command_syntax *const tables[] = { commands, NULL };

static void
arrange(char *argv[], size_t n)
{
    struct svec arranged = SVEC_EMPTY_INITIALIZER;
    char *error = arrange_arguments(argv, global, tables, &arranged);

    ovs_assert(arranged.n >= 1);
    ovs_assert(error || arranged.n <= n + 1);
    free(error);
    svec_destroy(&arranged);
}

static void
check_class(const char *text)
{
    struct remus_class c, again;
    char *error = remus_class_parse(text, &c), *s;

    if (error) {
        free(error);
        return;
    }
    ovs_assert(c.low >= 1 && c.low <= c.high);
    ovs_assert(c.high < 5060 || c.low > 5061);
    ovs_assert(c.dscp >= -1 && c.dscp <= 63);
    s = remus_class_to_string(&c);
    ovs_assert(!remus_class_parse(s, &again));
    ovs_assert(c.media == again.media && c.to == again.to);
    ovs_assert(c.low == again.low && c.high == again.high);
    ovs_assert(c.dscp == again.dscp);
    free(s);
    free(remus_classes_check(&c, 1, false));
}

static void
check_addresses(const char *text)
{
    struct svec canonical = SVEC_EMPTY_INITIALIZER;
    struct svec again = SVEC_EMPTY_INITIALIZER;
    char *error = parse_addresses(text, &canonical);

    for (size_t i = 0; i < canonical.n; i++) {
        ovs_assert(!parse_addresses(canonical.names[i], &again));
    }
    ovs_assert(svec_equal(&canonical, &again));
    free(error);
    svec_destroy(&canonical);
    svec_destroy(&again);
}

static void
check_ip(const char *text)
{
    char *canonical, *same, *error;
    bool ipv6;

    error = parse_ip(text, &canonical, &ipv6);
    ovs_assert(!error == (canonical != NULL));
    if (!error) {
        ovs_assert(!parse_ip(canonical, &same, &ipv6));
        ovs_assert(!strcmp(canonical, same));
        free(same);
    }
    free(canonical);
    free(error);
}

static void
check_port(const char *text)
{
    struct dts_client_port p;
    char *error = dts_client_port_parse(text, &p);

    if (!error) {
        ovs_assert(p.gateway[0] && p.port[0]);
        ovs_assert(p.vlan >= 0 && p.vlan <= 4094);
    }
    free(error);
    dts_client_port_uninit(&p);
}

static void
check_word(const char *word)
{
    struct svec list = SVEC_EMPTY_INITIALIZER;
    char *error, *key, *value;
    int64_t n;
    bool b;

    check_class(word);
    check_addresses(word);
    check_ip(word);
    check_port(word);

    error = parse_name("node", word);
    ovs_assert(error || (strlen(word) < 64 && !strpbrk(word, " /:\t\"'")));
    free(error);
    error = parse_roles(word, &list);
    ovs_assert(error || (list.n >= 1 && list.n <= 3));
    free(error);
    svec_destroy(&list);
    error = parse_key_value(word, &key, &value);
    ovs_assert(error || (key[0] && value));
    free(error);
    free(key);
    free(value);
    error = parse_integer("number", word, -5, 4094, &n);
    ovs_assert(error || (n >= -5 && n <= 4094));
    free(error);
    free(parse_bool("it", word, &b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fake_line lines[MAX_ARGS];
    char *argv[MAX_ARGS + 2] = { CONST_CAST(char *, "dts-ctl") };
    size_t n_lines = 0;

    fake_init();
    while (n_lines < MAX_ARGS && fake_next_line(&data, &n, &lines[n_lines])) {
        argv[n_lines + 1] = lines[n_lines].text;
        n_lines++;
    }
    for (size_t i = 0; i < n_lines; i++) {
        check_word(lines[i].text);
    }
    if (n_lines >= 2 && lines[0].len < 100 && lines[1].len < 100) {
        edit_distance(lines[0].text, lines[1].text);
    }
    arrange(argv, n_lines);
    while (n_lines) {
        free(lines[--n_lines].text);
    }
    return 0;
}
