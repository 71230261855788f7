/* SPDX-License-Identifier: Apache-2.0 */
/* Runs remus-netbuf-dts, which puts a buffer into its vif's place in Open
 * vSwitch, and takes it out.  Only when a buffer is laid or ends, never for a
 * checkpoint. */

#include <config.h>

#include "netbuf-program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

extern char **environ;

#define PROGRAM "remus-netbuf-dts"
#define TIMEOUT_MS 30000

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* What comes out of 'fd' until its end, at most 'size' - 1 bytes of it kept.
 * False when the time is over. */
static bool
drain(int fd, char *buf, size_t size)
{
    long long int deadline = now_ms() + TIMEOUT_MS;
    size_t len = 0;

    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        long long int left = deadline - now_ms();
        char more[512];
        ssize_t n;

        if (left <= 0) {
            return false;
        } else if (poll(&pfd, 1, left) <= 0) {
            continue;
        }
        n = read(fd, more, sizeof more);
        if (n < 0 && errno == EINTR) {
            continue;
        } else if (n <= 0) {
            return true;
        }
        n = MIN(n, size - 1 - len);
        memcpy(buf + len, more, n);
        len += n;
        buf[len] = '\0';
    }
}

static int
start(const char *path, const char *argv[], int err, pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none;
    int error;

    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, err, 1);
    posix_spawn_file_actions_adddup2(&fa, err, 2);
    error = posix_spawn(pid, path, &fa, &attr, (char *const *) argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&attr);
    return error;
}

char *
netbuf_program_run(const char *argv[])
{
    const char *path = getenv("DTS_NETBUF_PROGRAM");
    char said[2048] = "", *p = said;
    int fds[2], error, status = 0;
    bool in_time;
    pid_t pid;

    path = path && path[0] ? path : DTS_LIBEXECDIR "/" PROGRAM;
    argv[0] = PROGRAM;
    if (pipe2(fds, O_CLOEXEC)) {
        return xasprintf("pipe: %s", strerror(errno));
    }
    error = start(path, argv, fds[1], &pid);
    close(fds[1]);
    if (error) {
        close(fds[0]);
        return xasprintf("%s cannot be started: %s", path, strerror(error));
    }
    in_time = drain(fds[0], said, sizeof said);
    close(fds[0]);
    if (!in_time) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        continue;
    }
    if (!in_time) {
        return xasprintf("%s did not end within %d s", PROGRAM,
                         TIMEOUT_MS / 1000);
    } else if (WIFEXITED(status) && !WEXITSTATUS(status)) {
        return NULL;
    }
    if (!strncmp(p, PROGRAM ": ", strlen(PROGRAM) + 2)) {
        p += strlen(PROGRAM) + 2;
    }
    p[strcspn(p, "\n")] = '\0';
    return (p[0] ? xstrdup(p)
            : xasprintf("%s: %s", PROGRAM, WIFSIGNALED(status)
                        ? strsignal(WTERMSIG(status)) : "failed"));
}
