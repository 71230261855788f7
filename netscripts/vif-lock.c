/* SPDX-License-Identifier: Apache-2.0 */
/* One vif program at a time for one device: libxl gives a script up after a
 * time-out, and the next one must not meet it half-way.
 *
 * A lock is a flock(2) on a file that still has its name when the lock is had:
 * so the file can be removed by whoever holds the lock, and /run does not fill
 * up with one file for each device that ever was. */

#include <config.h>

#include "vif-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rundir.h"
#include "util.h"

static char *lock_path;
static int lock_fd = -1;

/* True if the file that is open as 'fd' is the one called 'path'. */
static bool
still_named(int fd, const char *path)
{
    struct stat a, b;

    return (!fstat(fd, &a) && !stat(path, &b) && a.st_dev == b.st_dev
            && a.st_ino == b.st_ino);
}

char *
vif_lock_take(const char *name, int timeout_ms)
{
    char *path = xasprintf("%s/%s.lock", dts_rundir(), name);
    char *error;

    mkdir(dts_rundir(), 0755);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0) {
            error = xasprintf("%s: %s", path, strerror(errno));
            break;
        }
        while (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK
               && timeout_ms > 0) {
            poll(NULL, 0, 5);
            timeout_ms -= 5;
        }
        if (timeout_ms <= 0) {
            close(fd);
            error = xasprintf("another vif-ovs-dts works on this device and "
                              "does not end (%s)", path);
            break;
        }
        if (still_named(fd, path)) {
            lock_fd = fd;
            lock_path = path;
            return NULL;
        }
        close(fd);
    }
    free(path);
    return error;
}

void
vif_lock_release(void)
{
    if (lock_fd >= 0) {
        unlink(lock_path);
        close(lock_fd);
        free(lock_path);
        lock_fd = -1;
        lock_path = NULL;
    }
}
