/* SPDX-License-Identifier: Apache-2.0 */
/* The system as a target's sources see it: see the header. */

#include <config.h>

#include "fake.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "openvswitch/vlog.h"
#include "stream-provider.h"
#include "util.h"

#define FAKE_FD 1000            /* None of ours: to close it does nothing. */

int __wrap_clock_gettime(clockid_t, struct timespec *);
int __wrap_poll(struct pollfd *, nfds_t, int timeout);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *, socklen_t);
ssize_t __wrap_send(int fd, const void *, size_t, int flags);
ssize_t __wrap_recv(int fd, void *, size_t, int flags);

struct fake_end fake_socket, fake_stream;
int fake_patience;
static long long int now_ms = 1700000000000;

void
fake_init(void)
{
    static bool first = true;

    if (first) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
        first = false;
    }
    memset(&fake_socket, 0, sizeof fake_socket);
    memset(&fake_stream, 0, sizeof fake_stream);
    fake_patience = INT_MAX;
}

void
fake_wait(long long int ms)
{
    now_ms += ms;
}

bool
fake_next_line(const uint8_t **data, size_t *n, struct fake_line *line)
{
    const uint8_t *end;

    if (!*n) {
        return false;
    }
    end = memchr(*data, '\n', *n);
    line->len = end ? end - *data : *n;
    line->text = xmemdup0((const char *) *data, line->len);
    *data += line->len + (end != NULL);
    *n -= line->len + (end != NULL);
    return true;
}

static ssize_t
hear(struct fake_end *e, void *data, size_t n)
{
    n = MIN(n, e->n);
    n = e->piece ? MIN(n, e->piece) : n;
    if (!n) {
        errno = EAGAIN;
        return e->closed ? 0 : -1;
    }
    memcpy(data, e->data, n);
    e->data += n;
    e->n -= n;
    return n;
}

static ssize_t
say(struct fake_end *e, const void *data, size_t n)
{
    if (e->heard) {
        e->heard(data, n);
    }
    return n;
}

int
__wrap_clock_gettime(clockid_t id OVS_UNUSED, struct timespec *ts)
{
    ts->tv_sec = now_ms / 1000;
    ts->tv_nsec = now_ms % 1000 * 1000000;
    return 0;
}

/* Who has nothing to say now never will have: the time goes by.  (Not more of
 * it than a second: Open vSwitch's counters follow it second by second.) */
int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
    bool ready = fake_socket.n || fake_socket.closed;
    bool hung_up = fake_patience <= 0;
    int n_ready = 0;

    fake_patience -= fake_patience > 0;
    for (nfds_t i = 0; i < n; i++) {
        p[i].revents = (p[i].fd != FAKE_FD ? hung_up ? POLLHUP : 0
                        : ready ? p[i].events & POLLIN : 0);
        n_ready += p[i].revents != 0;
    }
    if (!n_ready) {
        fake_wait(timeout < 0 ? 1000 : MIN(timeout, 1000));
    }
    return n_ready;
}

int
__wrap_socket(int domain, int type, int protocol OVS_UNUSED)
{
    if (domain != AF_UNIX && type & SOCK_DGRAM) {
        errno = EMFILE;
        return -1;
    }
    return FAKE_FD;
}

int
__wrap_connect(int fd OVS_UNUSED, const struct sockaddr *sa OVS_UNUSED,
               socklen_t len OVS_UNUSED)
{
    return 0;
}

ssize_t
__wrap_send(int fd OVS_UNUSED, const void *data, size_t n,
            int flags OVS_UNUSED)
{
    return say(&fake_socket, data, n);
}

ssize_t
__wrap_recv(int fd OVS_UNUSED, void *data, size_t n, int flags OVS_UNUSED)
{
    return hear(&fake_socket, data, n);
}

/* A stream. */

static void
stream_close_fake(struct stream *stream)
{
    free(stream);
}

static ssize_t
stream_recv_fake(struct stream *stream OVS_UNUSED, void *data, size_t n)
{
    ssize_t got = hear(&fake_stream, data, n);

    return got < 0 ? -errno : got;
}

static ssize_t
stream_send_fake(struct stream *stream OVS_UNUSED, const void *data, size_t n)
{
    return say(&fake_stream, data, n);
}

static void
stream_wait_fake(struct stream *stream OVS_UNUSED,
                 enum stream_wait_type type OVS_UNUSED)
{
}

static const struct stream_class fake_stream_class = {
    .name = "fake",
    .close = stream_close_fake,
    .recv = stream_recv_fake,
    .send = stream_send_fake,
    .wait = stream_wait_fake,
};

struct stream *
fake_stream_open(const char *peer_id)
{
    struct stream *stream = xzalloc(sizeof *stream);

    stream_init(stream, &fake_stream_class, 0, xstrdup("tcp:192.0.2.1:6646"));
    stream->peer_id = nullable_xstrdup(peer_id);
    return stream;
}
