/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's dts-link: a child whose standard input and output are one end of
 * the stream, the other end of which is libxl's. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "svec.h"
#include "util.h"

#define EVENTS_FD 3             /* In the child. */
#define STREAM_BUFFER (1024 * 1024)

static void
child(struct engine *e, int stream, int events, char *const argv[])
{
    sigset_t none;

    setsid();                   /* A terminal's ^C is for us. */
    dup2(stream, STDIN_FILENO);
    dup2(stream, STDOUT_FILENO);
    dup2(events, EVENTS_FD);
    for (int i = EVENTS_FD + 1; i < 1024; i++) {
        close(i);
    }
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: cannot execute %s: %s\n", e->name, argv[0],
            strerror(errno));
    _exit(127);
}

int
engine_link_start(struct engine *e, char **error)
{
    struct engine_session *s = &e->s;
    const struct remus_dts_protect *o = e->o;
    int stream[2], events[2], size = STREAM_BUFFER;
    struct svec argv = SVEC_EMPTY_INITIALIZER;
    pid_t pid;

    /* Far above the child's EVENTS_FD. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream)
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, events)) {
        return remus_error(error, DTS_EXIT_PARTLY, "no socket (%s)",
                           ovs_strerror(errno));
    }
    for (int i = 0; i < 2; i++) {
        if (setsockopt(stream[i], SOL_SOCKET, SO_SNDBUFFORCE, &size,
                       sizeof size)) {
            setsockopt(stream[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        }
    }
    svec_add(&argv, o->link && o->link[0] ? o->link : "dts-link");
    svec_add_nocopy(&argv, xasprintf("--events-fd=%d", EVENTS_FD));
    for (size_t i = 0; o->link_args && o->link_args[i]; i++) {
        svec_add(&argv, o->link_args[i]);
    }
    svec_add(&argv, e->name);
    if (o->host) {
        svec_add(&argv, o->host);
    }
    svec_terminate(&argv);

    pid = fork();
    if (!pid) {
        /* Both at numbers that no dup2() of the child's overwrites. */
        int a = fcntl(stream[1], F_DUPFD, 10), b = fcntl(events[1], F_DUPFD,
                                                         10);
        child(e, a, b, argv.names);
    }
    svec_destroy(&argv);
    close(stream[1]);
    close(events[1]);
    if (pid < 0) {
        close(stream[0]);
        close(events[0]);
        return remus_error(error, DTS_EXIT_PARTLY, "no process (%s)",
                           ovs_strerror(errno));
    }
    s->link = pid;
    s->link_pidfd = syscall(SYS_pidfd_open, pid, 0);
    s->stream = stream[0];
    s->events = events[0];
    fcntl(s->events, F_SETFL, O_NONBLOCK);
    return 0;
}

/* '*ofs' is 0 before the first of several calls. */
bool
engine_link_event(struct engine_session *s, struct link_event *ev, size_t *ofs)
{
    for (;;) {
        const char *line = link_lines_next(&s->lines, ofs);
        size_t room;
        ssize_t n;
        char *p;

        if (line) {
            link_event_parse(line, ev);
            return true;
        } else if (s->events < 0) {
            return false;
        }
        p = link_lines_room(&s->lines, &room);
        n = read(s->events, p, room);
        if (n > 0) {
            link_lines_put(&s->lines, n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            return false;
        } else {
            close(s->events);
            s->events = -1;
        }
    }
}

bool
engine_link_ended(struct engine_session *s)
{
    int status;

    if (s->link && waitpid(s->link, &status, WNOHANG) == s->link) {
        s->link = 0;
        s->link_status = (WIFEXITED(status) ? WEXITSTATUS(status)
                          : 128 + WTERMSIG(status));
        if (s->link_pidfd >= 0) {
            close(s->link_pidfd);
            s->link_pidfd = -1;
        }
    }
    return !s->link;
}

/* How much of the stream it has read. */
uint64_t
engine_link_bytes(const struct engine_session *s)
{
    char path[64], line[128];
    uint64_t n = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/io", (long int) s->link);
    f = s->link ? fopen(path, "re") : NULL;
    if (f) {
        while (fgets(line, sizeof line, f)) {
            if (sscanf(line, "rchar: %"SCNu64, &n) == 1) {
                break;
            }
        }
        fclose(f);
    }
    return n;
}
