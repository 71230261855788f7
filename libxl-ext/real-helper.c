/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's own libxl-save-helper: where it is, and running it.
 *
 * Several versions of Xen may be installed, and the helper must be of the same
 * one as the libxl that talks to it.  So the one beside the program that runs
 * us comes first (Debian: /usr/lib/xen-VERSION/bin/xl), then the newest. */

#include <config.h>

#include "real-helper.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define NAME "libxl-save-helper"

char *
real_helper_path(void)
{
    const char *env = getenv("DTS_REAL_SAVE_HELPER");
    char exe[64], target[1024], *slash, *path = NULL;
    ssize_t n;
    glob_t g;

    if (env && env[0]) {
        return xstrdup(env);
    }

    snprintf(exe, sizeof exe, "/proc/%ld/exe", (long int) getppid());
    n = readlink(exe, target, sizeof target - 1);
    if (n > 0) {
        target[n] = '\0';
        slash = strrchr(target, '/');
        if (slash) {
            path = xasprintf("%.*s/"NAME, (int) (slash - target), target);
            if (!access(path, X_OK)) {
                return path;
            }
            free(path);
            path = NULL;
        }
    }

    if (!glob("/usr/lib/xen-*/bin/"NAME, 0, NULL, &g)) {
        const char *newest = NULL;

        for (size_t i = 0; i < g.gl_pathc; i++) {
            if (!newest || strverscmp(g.gl_pathv[i], newest) > 0) {
                newest = g.gl_pathv[i];
            }
        }
        path = nullable_xstrdup(newest);
        globfree(&g);
    }
    return path;
}

int
real_helper_start(const char *path, char *argv[], const void *mask,
                  struct real_helper *helper)
{
    pid_t parent = getpid();
    int in[2], out[2], error;

    if (pipe2(in, O_CLOEXEC)) {
        return errno;
    }
    if (pipe2(out, O_CLOEXEC)) {
        error = errno;
        close(in[0]);
        close(in[1]);
        return error;
    }
    helper->pid = fork();
    if (!helper->pid) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        signal(SIGPIPE, SIG_DFL);
        setpgid(0, 0);          /* It gets the signals that we pass on. */
        sigprocmask(SIG_SETMASK, mask, NULL);
        /* Without us nobody would answer it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) {
            execv(path, argv);
            fprintf(stderr, "dts-save-helper: cannot execute %s: %s\n", path,
                    strerror(errno));
        }
        _exit(127);
    }
    error = helper->pid < 0 ? errno : 0;
    close(in[0]);
    close(out[1]);
    if (error) {
        close(in[1]);
        close(out[0]);
        return error;
    }
    helper->in = in[1];
    helper->out = out[0];
    fcntl(helper->in, F_SETFL, O_NONBLOCK);
    fcntl(helper->out, F_SETFL, O_NONBLOCK);
    return 0;
}

long long int
real_helper_written(pid_t pid)
{
    long long int written = -1;
    char path[64], line[128];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/io", (long int) pid);
    f = fopen(path, "re");
    if (f) {
        while (fgets(line, sizeof line, f)) {
            if (sscanf(line, "wchar: %lld", &written) == 1) {
                break;
            }
        }
        fclose(f);
    }
    return written;
}
