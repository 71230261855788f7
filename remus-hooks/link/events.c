/* SPDX-License-Identifier: Apache-2.0 */
/* Events for the engine: see the header.
 *
 * An event is news, not a request: a reader that is slow or gone must cost
 * neither the session nor memory, so what it does not take is counted and
 * dropped.  That there was something it learns as soon as it reads again: it
 * may wait for just that. */

#include <config.h>

#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "util.h"

void
events_init(struct events *ev, int fd)
{
    memset(ev, 0, sizeof *ev);
    ev->fd = fd;
    if (fd >= 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        ev->text = xmalloc(EVENTS_MAX);
    }
}

void
events_uninit(struct events *ev)
{
    if (ev->fd >= 0) {
        close(ev->fd);
        ev->fd = -1;
    }
    free(ev->text);
    ev->text = NULL;
}

static bool
put_line(struct events *ev, const char *line, size_t n)
{
    if (EVENTS_MAX - ev->len < n) {
        return false;
    }
    memcpy(ev->text + ev->len, line, n);
    ev->len += n;
    return true;
}

static void
put_lost(struct events *ev)
{
    char lost[32];

    if (ev->lost) {
        snprintf(lost, sizeof lost, "lost %"PRIu64"\n", ev->lost);
        if (put_line(ev, lost, strlen(lost))) {
            ev->lost = 0;
        }
    }
}

void
events_put(struct events *ev, const char *format, ...)
{
    char line[512];
    va_list args;
    size_t n;

    if (ev->fd < 0) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    n = strlen(line);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char) line[i] < ' ') {
            line[i] = ' ';      /* A peer's text may have anything in it. */
        }
    }
    line[n++] = '\n';

    put_lost(ev);
    if (ev->lost || !put_line(ev, line, n)) {
        ev->lost++;
    }
    events_run(ev);
}

void
events_run(struct events *ev)
{
    while (ev->fd >= 0 && ev->len) {
        ssize_t n = write(ev->fd, ev->text, ev->len);

        if (n > 0) {
            ev->len -= n;
            memmove(ev->text, ev->text + n, ev->len);
            put_lost(ev);
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else if (n < 0 && errno != EINTR) {
            events_uninit(ev);
        }
    }
}

void
events_wait(const struct events *ev)
{
    if (ev->fd >= 0 && ev->len) {
        poll_fd_wait(ev->fd, POLLOUT);
    }
}

void
events_flush(struct events *ev, int ms)
{
    struct pollfd p = { .fd = ev->fd, .events = POLLOUT };

    events_run(ev);
    if (ev->fd >= 0 && ev->len && poll(&p, 1, ms) > 0) {
        events_run(ev);
    }
}
