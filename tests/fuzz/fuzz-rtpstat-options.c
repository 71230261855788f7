/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <getopt.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define main rtpstat_main
#include "../../remus-hooks/rtpstat/dts-rtpstat.c"
#undef main

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/rtpstat/capture.c
 * Fuzz-sources: remus-hooks/rtpstat/decap.c remus-hooks/rtpstat/jitter.c
 * Fuzz-sources: remus-hooks/rtpstat/plot.c remus-hooks/rtpstat/report.c
 * Fuzz-sources: remus-hooks/rtpstat/rtp.c remus-hooks/rtpstat/streams.c
 * Fuzz-includes: remus-hooks/rtpstat tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv exit
 *
 * The command line of dts-rtpstat, an argument a line. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
void __real_exit(int status) OVS_NO_RETURN;
void __wrap_exit(int status) OVS_NO_RETURN;
void __lsan_disable(void);
void __lsan_enable(void);

#define MAX_ARGS 32

static jmp_buf over;
static bool parsing;

void
__wrap_exit(int status)
{
    if (parsing) {
        longjmp(over, 1);
    }
    __real_exit(status);        /* The fuzzer's own. */
}

static void
check(const struct settings *s)
{
    ovs_assert(s->n_captures >= 1 && s->n_captures <= MAX_CAPTURES);
    ovs_assert(s->captures[0].file);
    ovs_assert(!s->duration || s->iface);
    ovs_assert(!s->streams.have_ports
               || s->streams.port_low <= s->streams.port_high);
    for (size_t i = 0; i < s->n_captures; i++) {
        const struct capture *c = &s->captures[i];

        ovs_assert(c->at == NO_TIME || c->at >= 0);
        for (size_t j = 0; j < c->n_marks; j++) {
            ovs_assert(c->marks[j].at >= 0 && c->marks[j].label);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct settings s;
    static struct fake_line lines[MAX_ARGS];
    static char *argv[MAX_ARGS + 2];
    static FILE *nowhere;
    static int argc;

    fake_init();
    if (!nowhere) {
        nowhere = fopen("/dev/null", "w");
        stderr = stdout = nowhere;
    }
    argv[0] = CONST_CAST(char *, "dts-rtpstat");
    argc = 1;
    while (argc <= MAX_ARGS && fake_next_line(&data, &n, &lines[argc - 1])) {
        argv[argc] = lines[argc - 1].text;
        argc++;
    }
    argv[argc] = NULL;
    memset(&s, 0, sizeof s);
    optind = 0;
    /* Who gives up does not free. */
    __lsan_disable();
    parsing = true;
    if (!setjmp(over)) {
        parse_options(argc, argv, &s);
        check(&s);
    }
    parsing = false;
    __lsan_enable();
    while (argc > 1) {
        free(lines[--argc - 1].text);
    }
    return 0;
}
