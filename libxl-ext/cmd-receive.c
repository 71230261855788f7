/* SPDX-License-Identifier: Apache-2.0 */
/* `xl-remus receive`: what dts-link's listener runs for each session in the
 * place of `xl migrate-receive -r`.  Its standard input and output are the
 * stream. */

#include <config.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "remus-dts/remus.h"
#include "util.h"
#include "xl-remus.h"

/* A dom0 with few processors has better to do than look for what may end. */
#define MONITOR_DELAY_S 3

static char *received;          /* The domain's name. */

static void
receiving(void *aux OVS_UNUSED, const char *domain)
{
    received = xstrdup(domain);
    fprintf(stderr, "xl-remus: receiving %s\n", domain);
}

static void
resume(void *aux OVS_UNUSED, const char *domain, uint32_t domid)
{
    fprintf(stderr, "xl-remus: Remus failover: %s (domain %u) is ours\n",
            domain, domid);
}

static void
running(void *aux OVS_UNUSED, const char *domain, uint32_t domid)
{
    fprintf(stderr, "xl-remus: %s (domain %u) runs here\n", domain, domid);
    /* It connects to its devices now: whatever is left to do can wait. */
    setpriority(PRIO_PROCESS, 0, PRIO_MAX - 1);
}

static const struct remus_dts_callbacks callbacks = {
    .receiving = receiving,
    .resume = resume,
    .running = running,
};

/* In a process of its own: whoever started us learns now that the domain runs,
 * and the stream is closed. */
static void
look_after(void)
{
    char *error;
    int null;
    pid_t pid = fork();

    if (pid) {
        return;
    }
    setsid();
    null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
    sleep(MONITOR_DELAY_S);
    setpriority(PRIO_PROCESS, 0, 0);
    if (remus_dts_look_after(received, &callbacks, NULL, &error)) {
        fprintf(stderr, "xl-remus: %s\n", error);
    }
    _exit(0);
}

int
cmd_receive(int argc, char *argv[])
{
    static const struct option options[] = {
        {"paused", no_argument, NULL, 'p'},
        {"no-monitor", no_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct remus_dts_receive o = { .version = REMUS_DTS_VERSION,
                                   .in = STDIN_FILENO,
                                   .out = STDOUT_FILENO,
                                   .domain = getenv("DTS_DOMAIN") };
    bool monitor = true;
    char *error;
    int c, status;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+perh", options, NULL)) != -1) {
        switch (c) {
        case 'p': o.paused = true; break;
        case 'e': monitor = false; break;
        case 'r': break;        /* As xl migrate-receive has it. */
        case 'h':
            puts("usage: xl-remus receive [-p] [-e]   (run by dts-link "
                 "--listen --receiver='xl-remus receive')\n"
                 "  -p, --paused      do not let the domain run after a "
                 "takeover\n"
                 "  -e, --no-monitor  do not look after it when it has ended");
            return DTS_EXIT_OK;
        default:
            return fail(DTS_EXIT_USAGE, "xl-remus receive --help shows the "
                        "options");
        }
    }
    if (argc != optind) {
        return fail(DTS_EXIT_USAGE, "usage: xl-remus receive [-p] [-e]");
    }
    if (isatty(o.in) || isatty(o.out)) {
        return fail(DTS_EXIT_USAGE, "this is run by dts-link, not by hand");
    }
    status = remus_dts_receive(&o, &callbacks, NULL, &error);
    if (status) {
        fail(status, "%s", error);
        free(error);
    } else if (monitor) {
        look_after();
    }
    return status;
}
