/* SPDX-License-Identifier: Apache-2.0 */
/* An example of libremusdts: a receiver with a function of its own at the
 * moment of the takeover, as in the paper on dynamic tunnel switching
 * (Septama et al., Algorithm 1): put tunnel 3 into service, take tunnel 2 out
 * of it, notify the client gateway; then the guest runs.
 *
 * It is for a site with switches of its own.  With dts-agent none of this is
 * needed: the agent has switched, and the gateways have confirmed it, before
 * this function is called.
 *
 *     dts-link --listen --receiver='remus-example /etc/site/switch'
 *
 * runs, at a takeover, each time with the domain's name and number after it:
 *
 *     /etc/site/switch add-tunnel 3 voip 7
 *     /etc/site/switch del-tunnel 2 voip 7
 *     /etc/site/switch notify-gateway voip 7
 *
 * Build:  cc remus-example.c -lremusdts -lopenvswitch -lssl -lcrypto \
 *             -lxenlight -lxenstore -lxentoollog -lnl-route-3 -lnl-3 -lm
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <remus-dts/remus.h>

/* Runs PROGRAM WORDS... DOMAIN DOMID and waits for it. */
static void
run(const char *program, const char *what, const char *which,
    const char *domain, uint32_t domid)
{
    char number[16];
    int status;
    pid_t pid;

    snprintf(number, sizeof number, "%u", domid);
    pid = fork();
    if (!pid) {
        /* The stream is none of its business. */
        dup2(STDERR_FILENO, STDOUT_FILENO);
        close(STDIN_FILENO);
        if (which) {
            execl(program, program, what, which, domain, number,
                  (char *) NULL);
        } else {
            execl(program, program, what, domain, number, (char *) NULL);
        }
        fprintf(stderr, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
        /* The fence was confirmed already: the guest is not kept waiting. */
        fprintf(stderr, "%s %s failed\n", program, what);
    }
}

static void
on_resume(void *program, const char *domain, uint32_t domid)
{
    run(program, "add-tunnel", "3", domain, domid);
    run(program, "del-tunnel", "2", domain, domid);
    run(program, "notify-gateway", NULL, domain, domid);
}

static void
on_log(void *program, const char *line)
{
    (void) program;
    fprintf(stderr, "remus-example: %s\n", line);
}

int
main(int argc, char *argv[])
{
    static const struct remus_dts_callbacks callbacks = {
        .resume = on_resume,
        .log = on_log,
    };
    const struct remus_dts_receive options = {
        .version = REMUS_DTS_VERSION,
        .in = STDIN_FILENO,
        .out = STDOUT_FILENO,
        .domain = getenv("DTS_DOMAIN"),
    };
    char *error = NULL;
    int status;

    if (argc != 2) {
        fprintf(stderr, "usage: remus-example PROGRAM\n");
        return DTS_EXIT_USAGE;
    }
    status = remus_dts_receive(&options, &callbacks, argv[1], &error);
    if (status) {
        fprintf(stderr, "remus-example: %s\n", error);
        free(error);
    }
    return status;
}
