/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the guest's sipp, which asks for events each millisecond even
 * when it has nothing to do: on an emulated CPU that takes half of it.  Events
 * still wake it at once; its own timers may be 20 ms late. */

#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    if (timeout == 1) {
        timeout = 20;
    }
    return syscall(SYS_epoll_pwait, fd, events, max, timeout, NULL, 0);
}
