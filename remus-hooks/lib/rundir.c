/* SPDX-License-Identifier: Apache-2.0 */

/* The run directory, for all of our programs: the same for those that link no
 * more of this library (rundir.h). */

#include <config.h>
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util.h"

const char *
dts_rundir(void)
{
    const char *dir = getenv("DTS_RUNDIR");

    return dir && dir[0] ? dir : DTS_RUNDIR;
}

int
dts_engine_lock(const char *domain, char **pathp)
{
    char *path = xasprintf("%s/xl-remus.%s.lock", dts_rundir(), domain);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : 0;

    if (!error && flock(fd, LOCK_EX | LOCK_NB)) {
        error = errno;
        close(fd);
    } else if (!error) {
        char pid[32];

        snprintf(pid, sizeof pid, "%ld\n", (long int) getpid());
        ignore(ftruncate(fd, 0));
        ignore(pwrite(fd, pid, strlen(pid), 0));
    }
    if (pathp) {
        *pathp = path;
    } else {
        free(path);
    }
    return error ? -error : fd;
}

/* What 'path' begins with, NULs as spaces; "": nothing. */
static void
read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

    if (fd >= 0) {
        close(fd);
    }
    n = MAX(n, 0);
    text[n] = '\0';
    for (ssize_t i = 0; i < n; i++) {
        text[i] = text[i] ? text[i] : ' ';
    }
}

char *
dts_engine_holder(const char *path)
{
    char pid[16], command[256], *proc, *name, *word;
    int number;

    read_text(path, pid, sizeof pid);
    pid[strcspn(pid, "\n")] = '\0';
    if (!str_to_int(pid, 10, &number) || number <= 0) {
        return xstrdup("another process");
    }
    proc = xasprintf("/proc/%d/cmdline", number);
    read_text(proc, command, sizeof command);
    free(proc);
    if (!command[0]) {
        /* What it was is over: the file is of one before. */
        return xstrdup("another process");
    }
    /* The program and what it is told to do. */
    word = command + strcspn(command, " ");
    word += strspn(word, " ");
    word[strcspn(word, " ")] = '\0';
    name = xmemdup0(command, strcspn(command, " "));
    proc = strrchr(name, '/');
    proc = xasprintf("process %d (%s%s%s)", number, proc ? proc + 1 : name,
                     word[0] ? " " : "", word);
    free(name);
    return proc;
}

bool
dts_engine_lives(const char *domain)
{
    int fd = dts_engine_lock(domain, NULL);

    if (fd >= 0) {
        close(fd);
    }
    return fd < 0;
}
