/* SPDX-License-Identifier: Apache-2.0 */
/* xl's receiver: see the header.
 *
 * Why a reset: with a plain end of file between two checkpoints libxl 4.17
 * reads nothing for ever, at full speed, and never fails over; ECONNRESET it
 * takes for the failure that it is.  The linger time of zero is set from the
 * start, so that our own death, too, ends the stream with a reset. */

#include <config.h>

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "util.h"

#define SOCKET_BUFFER (1024 * 1024)
#define RECEIVE_BUFFER (256 * 1024)

/* Two ends of a TCP connection over the loopback interface. */
static int
tcp_pair(int fds[2])
{
    struct sockaddr_in a = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sockaddr_in from, to;
    socklen_t len = sizeof a;
    int size = SOCKET_BUFFER, small = RECEIVE_BUFFER, on = 1;
    int listener, error;

    fds[0] = fds[1] = -1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* What lies at the other end unread looks as if it had been taken: so it
     * may be little only. */
    if (listener < 0
        || setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small)
        || bind(listener, (struct sockaddr *) &a, sizeof a)
        || listen(listener, 1)
        || getsockname(listener, (struct sockaddr *) &a, &len)) {
        goto error;
    }
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fds[0] < 0
        || setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size)
        || connect(fds[0], (struct sockaddr *) &a, sizeof a)) {
        goto error;
    }
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fds[1] < 0) {
        goto error;
    }
    /* Is it ourselves that we accepted? */
    len = sizeof from;
    if (getsockname(fds[0], (struct sockaddr *) &from, &len)) {
        goto error;
    }
    len = sizeof to;
    if (getpeername(fds[1], (struct sockaddr *) &to, &len)) {
        goto error;
    }
    if (from.sin_port != to.sin_port) {
        errno = ECONNABORTED;
        goto error;
    }
    close(listener);
    setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;

error:
    error = errno;
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (listener >= 0) {
        close(listener);
    }
    return error;
}

/* Our unit is the last that is to be killed, and may be more than nice. */
static void
be_humble(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    if (fd >= 0) {
        ignore(write(fd, "0", 1));
        close(fd);
    }
    setpriority(PRIO_PROCESS, 0, 19);
}

static void
child_exec(int fd, const char *command, const char *const env[],
           const char *log)
{
    char *line = xasprintf("exec %s", command);
    sigset_t none;

    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    if (log) {
        int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0640);

        if (log_fd < 0) {
            log_fd = open("/dev/null", O_WRONLY);
        }
        dup2(log_fd, STDERR_FILENO);
    }
    for (size_t i = 0; env[i]; i++) {
        putenv(xstrdup(env[i]));
    }
    for (int i = 3; i < 1024; i++) {
        close(i);
    }
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl("/bin/sh", "sh", "-c", line, (char *) NULL);
    _exit(127);
}

int
child_start(struct child *child, const char *command, const char *const env[],
            const char *log, bool humble)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    int fds[2], error;

    memset(child, 0, sizeof *child);
    child->fd = child->pidfd = -1;
    error = tcp_pair(fds);
    if (error) {
        return error;
    }
    signal(SIGCHLD, SIG_DFL);
    child->pid = fork();
    if (!child->pid) {
        setsid();
        if (humble) {
            be_humble();
        }
        child_exec(fds[1], command, env, log);
    }
    error = child->pid < 0 ? errno : 0;
    close(fds[1]);
    if (error) {
        close(fds[0]);
        return error;
    }
    child->pidfd = syscall(SYS_pidfd_open, child->pid, 0);
    child->fd = fds[0];
    setsockopt(child->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    fcntl(child->fd, F_SETFL, O_NONBLOCK);
    return 0;
}

bool
child_ended(struct child *child)
{
    int status;

    if (!child->ended && child->pid > 0
        && waitpid(child->pid, &status, WNOHANG) == child->pid) {
        child->ended = true;
        child->status = (WIFEXITED(status) ? WEXITSTATUS(status)
                         : 128 + WTERMSIG(status));
        if (child->pidfd >= 0) {
            close(child->pidfd);
            child->pidfd = -1;
        }
    }
    return child->ended;
}

void
child_wait(const struct child *child)
{
    if (child->pidfd >= 0) {
        poll_fd_wait(child->pidfd, POLLIN);
    } else if (!child->ended) {
        poll_timer_wait(100);
    }
}

int
child_unsent(const struct child *child)
{
    int n;

    return child->fd < 0 || ioctl(child->fd, SIOCOUTQ, &n) ? 0 : n;
}

void
child_reset(struct child *child)
{
    if (child->fd >= 0) {
        close(child->fd);
        child->fd = -1;
    }
}
