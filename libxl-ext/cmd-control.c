/* SPDX-License-Identifier: Apache-2.0 */
/* `xl-remus status`, `checkpoint`, `unprotect`: to the processes that protect
 * domains on this host. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remus-dts/remus.h"
#include "rundir.h"
#include "util.h"
#include "xl-remus.h"

#define STATUS_MS 5000
#define CHECKPOINT_MS 60000
#define UNPROTECT_MS 60000

/* Options that all three have.  Returns the exit status, or -1 to go on. */
static int
parse(int argc, char *argv[], const char *usage, bool *json, int *timeout)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+jt:h", options, NULL)) != -1) {
        switch (c) {
        case 'j':
            *json = true;
            break;
        case 't':
            if (!str_to_int(optarg, 10, timeout) || *timeout < 1
                || *timeout > 3600) {
                return fail(DTS_EXIT_USAGE, "-t %s: 1 to 3600 seconds",
                            optarg);
            }
            *timeout *= 1000;
            break;
        case 'h':
            printf("usage: xl-remus %s\n", usage);
            return DTS_EXIT_OK;
        default:
            return fail(DTS_EXIT_USAGE, "usage: xl-remus %s", usage);
        }
    }
    return -1;
}

static int
ask(const char *domain, const char *command, const char *const *args,
    int timeout)
{
    char *reply, *error;
    int status = remus_dts_control(domain, command, args, timeout, &reply,
                                   &error);

    if (status) {
        fail(status, "%s", error);
        free(error);
    } else {
        fputs(reply, stdout);
        free(reply);
    }
    return status;
}

/* All of them: text one below the other, or one array. */
static int
status_of_all(bool json, int timeout)
{
    const char *json_args[] = { "--json", NULL };
    char *pattern = xasprintf("%s/xl-remus.*.ctl", dts_rundir());
    bool any = false;
    glob_t g;

    if (json) {
        putchar('[');
    }
    if (!glob(pattern, 0, NULL, &g)) {
        for (size_t i = 0; i < g.gl_pathc; i++) {
            char *reply, *error = NULL;

            /* A process that died leaves its socket behind. */
            if (!remus_dts_control(g.gl_pathv[i], "status",
                                   json ? json_args : NULL, timeout, &reply,
                                   &error)) {
                printf("%s%s", json && any ? "," : "", reply);
                any = true;
                free(reply);
            }
            free(error);
        }
        globfree(&g);
    }
    if (json) {
        puts("]");
    } else if (!any) {
        puts("no domain is protected from this host by xl-remus");
    }
    free(pattern);
    return DTS_EXIT_OK;
}

int
cmd_status(int argc, char *argv[])
{
    static const char usage[] = "status [--json] [DOMAIN]";
    const char *args[] = { "--json", NULL };
    bool json = false;
    int timeout = STATUS_MS;
    int status = parse(argc, argv, usage, &json, &timeout);

    if (status >= 0) {
        return status;
    } else if (argc - optind > 1) {
        return fail(DTS_EXIT_USAGE, "usage: xl-remus %s", usage);
    }
    return (optind < argc ? ask(argv[optind], "status", json ? args : NULL,
                                timeout)
            : status_of_all(json, timeout));
}

static int
one_domain(int argc, char *argv[], const char *command, int timeout)
{
    char *usage = xasprintf("%s [-t SECONDS] DOMAIN", command);
    bool json = false;
    int status = parse(argc, argv, usage, &json, &timeout);

    if (status < 0 && (argc - optind != 1 || json)) {
        status = fail(DTS_EXIT_USAGE, "usage: xl-remus %s", usage);
    } else if (status < 0) {
        status = ask(argv[optind], command, NULL, timeout);
    }
    free(usage);
    return status;
}

int
cmd_checkpoint(int argc, char *argv[])
{
    return one_domain(argc, argv, "checkpoint", CHECKPOINT_MS);
}

int
cmd_unprotect(int argc, char *argv[])
{
    return one_domain(argc, argv, "unprotect", UNPROTECT_MS);
}
