/* SPDX-License-Identifier: Apache-2.0 */

/* The run directory, for all of our programs: the same for those that link no
 * more of this library (rundir.h). */

#include <config.h>
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
    }
    if (pathp) {
        *pathp = path;
    } else {
        free(path);
    }
    return error ? -error : fd;
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
