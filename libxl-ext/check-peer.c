/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with the other node of a check: see the header.
 *
 * Like everything that comes from another node, what it says is believed only
 * as far as it cannot do harm: lines to be printed, numbers with bounds. */

#include <config.h>

#include "check-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check-lines.h"
#include "check-wire.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"

#define PINGS 5
#define PING_MS 20000           /* The first one: until all has started. */
#define ANSWER_MS 60000         /* Or a sign that it is being made. */
#define MAX_PROGRESS 64
#define SEND_MS 20000
#define LINK_END_MS 2000
#define LINK_PATIENCE_MS 1000   /* The other end has ended it by then. */

extern char **environ;

static int
start_link(struct check_peer *p, struct svec *argv, int theirs, int errors)
{
    posix_spawn_file_actions_t actions;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, theirs, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    error = posix_spawnp(&p->link, argv->names[0], &actions, NULL,
                         argv->names, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        p->link = 0;
    }
    return error;
}

char *
check_peer_open(struct check_peer *p, const char *link,
                const struct svec *options, const char *domain,
                const char *host)
{
    struct svec argv = SVEC_EMPTY_INITIALIZER;
    int stream[2], errors[2], error;
    char *problem = NULL;

    memset(p, 0, sizeof *p);
    p->errors = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream)) {
        return xasprintf("no socket (%s)", ovs_strerror(errno));
    } else if (pipe2(errors, O_CLOEXEC)) {
        close(stream[0]);
        close(stream[1]);
        return xasprintf("no pipe (%s)", ovs_strerror(errno));
    }
    svec_add(&argv, link && link[0] ? link : "dts-link");
    svec_add(&argv, "--check");
    for (size_t i = 0; i < options->n; i++) {
        svec_add(&argv, options->names[i]);
    }
    svec_add(&argv, domain);
    if (host) {
        svec_add(&argv, host);
    }
    svec_terminate(&argv);
    error = start_link(p, &argv, stream[1], errors[1]);
    if (error) {
        problem = xasprintf("%s cannot be executed (%s)", argv.names[0],
                            ovs_strerror(error));
    }
    svec_destroy(&argv);
    close(stream[1]);
    close(errors[1]);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    p->errors = errors[0];
    check_io_init(&p->io, stream[0], stream[0]);
    return problem;
}

static bool
link_ended(struct check_peer *p, int timeout)
{
    for (int ms = 0; p->link; ms += 20) {
        pid_t pid = waitpid(p->link, NULL, WNOHANG);

        if (pid == p->link || (pid < 0 && errno == ECHILD)) {
            p->link = 0;
        } else if (ms >= timeout) {
            return false;
        } else {
            poll(NULL, 0, 20);
        }
    }
    return true;
}

/* Why the conversation has ended: dts-link knows it best, and says it in its
 * last words. */
static char *
why(struct check_peer *p, int error, const char *what)
{
    static const char prefix[] = "dts-link: ";
    char text[8192], *reason = NULL, *line, *save = NULL;
    size_t len = 0;
    ssize_t n;

    if (error != EOF && error != EPIPE && error != ECONNRESET) {
        return xasprintf("%s: %s", what, error == ETIMEDOUT ? "time-out"
                         : error == EPROTO ? "not understood: is "
                         "remus-dts of one version on both nodes?"
                         : ovs_strerror(error));
    }
    link_ended(p, LINK_END_MS);
    /* The end of what it wrote: a log may come before. */
    while ((n = read(p->errors, text + len, sizeof text - 1 - len)) > 0) {
        len += n;
        if (len > sizeof text / 2) {
            memmove(text, text + len - sizeof text / 2, sizeof text / 2);
            len = sizeof text / 2;
        }
    }
    text[len] = '\0';
    for (line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (!strncmp(line, prefix, strlen(prefix))) {
            free(reason);
            reason = check_printable(line + strlen(prefix), CHECK_MAX_TEXT);
        }
    }
    return reason ? reason : xasprintf("%s: dts-link has ended", what);
}

char *
check_peer_ping(struct check_peer *p, struct check_clocks *clocks)
{
    clocks->rtt_us = INT64_MAX;
    for (int i = 0; i < PINGS; i++) {
        struct json *ping = json_object_create(), *json;
        int64_t sent, theirs;
        int error;

        json_object_put(ping, "ping", json_integer_create(1));
        sent = time_wall_usec();
        error = check_io_send(&p->io, ping, SEND_MS);
        if (!error) {
            error = check_io_receive(&p->io, PING_MS, &json, p->tick, p->aux);
        }
        if (error) {
            return why(p, error, "no answer to the first words");
        }
        theirs = check_int(json, "now_us", -1);
        json_destroy(json);
        if (theirs < 0) {
            return why(p, EPROTO, "the answer to the first words");
        }
        /* The one with the shortest way has the most certain answer. */
        if (p->io.last_us - sent < clocks->rtt_us) {
            clocks->rtt_us = MAX(p->io.last_us - sent, 0);
            clocks->offset_us = theirs - (sent + clocks->rtt_us / 2);
        }
    }
    return NULL;
}

char *
check_peer_ask(struct check_peer *p, const struct check_request *request,
               struct json **answer)
{
    int error = check_io_send(&p->io, check_request_to_json(request),
                              SEND_MS);

    *answer = NULL;
    for (int i = 0; !error && i < MAX_PROGRESS; i++) {
        json_destroy(*answer);
        error = check_io_receive(&p->io, ANSWER_MS, answer, p->tick, p->aux);
        if (error || !shash_is_empty(json_object(*answer))) {
            break;              /* Else it is at work. */
        }
    }
    if (!error && check_int(*answer, "answer", 0) != 1) {
        json_destroy(*answer);
        *answer = NULL;
        error = EPROTO;
    }
    return error ? why(p, error, "no answer") : NULL;
}

char *
check_peer_bandwidth(struct check_peer *p, int bulk_ms, double *rate)
{
    int error = check_io_flood(&p->io, 3 * bulk_ms);
    struct json *json = NULL;
    int64_t bytes, us;

    if (!error || error == EPIPE) {
        error = check_io_receive(&p->io, SEND_MS, &json, p->tick, p->aux);
    }
    if (error) {
        return why(p, error, "no bandwidth was told");
    }
    bytes = check_int(json, "bytes", -1);
    us = check_int(json, "us", -1);
    json_destroy(json);
    if (bytes <= 0 || us <= 0) {
        return xstrdup("too little came in that time");
    }
    *rate = bytes * 1e6 / us;
    return NULL;
}

void
check_peer_close(struct check_peer *p)
{
    if (p->io.in > 0) {
        close(p->io.in);
        check_io_uninit(&p->io);
        p->io.in = 0;
    }
    if (p->link && !link_ended(p, LINK_PATIENCE_MS)) {
        /* What it has not sent yet is nobody's. */
        kill(p->link, SIGTERM);
        if (!link_ended(p, LINK_END_MS)) {
            kill(p->link, SIGKILL);
            link_ended(p, LINK_END_MS);
        }
    }
    if (p->errors > 0) {
        close(p->errors);
        p->errors = -1;
    }
}
