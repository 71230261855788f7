/* SPDX-License-Identifier: Apache-2.0 */

/* The run directory, for all of our programs: the same for those that link no
 * more of this library (rundir.h). */

#include <config.h>
#include "rundir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char *
dts_rundir(void)
{
    const char *dir = getenv("DTS_RUNDIR");

    return dir && dir[0] ? dir : DTS_RUNDIR;
}

bool
dts_engine_lives(const char *domain)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool dead;

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/xl-remus.%s.ctl",
             dts_rundir(), domain);
    /* On any doubt it lives. */
    dead = (fd >= 0 && connect(fd, (struct sockaddr *) &sun, sizeof sun)
            && (errno == ECONNREFUSED || errno == ENOENT));
    if (fd >= 0) {
        close(fd);
    }
    return !dead;
}
