/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and bulk of a check: see the header.
 *
 * A program of few steps, one after the other, so each call waits; none for
 * ever.  The bulk ends when the receiving end has seen enough and says so:
 * what lies in buffers between the two, seconds of it on a slow link, is then
 * nobody's any more. */

#include <config.h>

#include "check-io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check-wire.h"
#include "openvswitch/json.h"
#include "timeval.h"
#include "util.h"

#define PIECE 65536

void
check_io_init(struct check_io *io, int in, int out)
{
    memset(io, 0, sizeof *io);
    io->in = in;
    io->out = out;
    fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
    fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
}

void
check_io_uninit(struct check_io *io)
{
    free(io->data);
}

/* Waits for 'events' of 'fd' until 'deadline', on the monotonic clock in
 * microseconds.  Returns 0, ETIMEDOUT, or an errno. */
static int
wait_for(int fd, short int events, int64_t deadline)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = events };
        int64_t left = deadline - time_usec();
        int n = poll(&p, 1, left > 0 ? (left + 999) / 1000 : 0);

        if (n > 0) {
            return 0;
        } else if (n < 0 && errno != EINTR) {
            return errno;
        } else if (left <= 0) {
            return ETIMEDOUT;
        }
    }
}

/* Reads what there is.  Returns the number of bytes, 0 at the end, or a
 * negative errno; -ETIMEDOUT. */
static ssize_t
read_some(struct check_io *io, void *data, size_t n, int64_t deadline)
{
    for (;;) {
        ssize_t got = read(io->in, data, n);
        int error;

        if (got >= 0) {
            io->last_us = time_wall_usec();
            return got;
        } else if (errno == EINTR) {
            continue;
        } else if (errno != EAGAIN) {
            return -errno;
        }
        error = wait_for(io->in, POLLIN, deadline);
        if (error) {
            return -error;
        }
    }
}

int
check_io_send(struct check_io *io, struct json *json, int timeout)
{
    int64_t deadline = time_usec() + timeout * INT64_C(1000);
    char *text = json_to_string(json, JSSF_SORT);
    char *line = xasprintf("%s\n", text);
    size_t left = strlen(line);
    const char *p = line;
    int error = 0;

    json_destroy(json);
    free(text);
    while (left && !error) {
        ssize_t n = write(io->out, p, left);

        if (n > 0) {
            p += n;
            left -= n;
        } else if (errno == EAGAIN) {
            error = wait_for(io->out, POLLOUT, deadline);
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    free(line);
    return error;
}

static int
next_line(struct check_io *io, struct json **json)
{
    char *end = io->len ? memchr(io->data, '\n', io->len) : NULL;
    size_t n;

    if (!end) {
        return io->len >= CHECK_MAX_LINE ? EPROTO : EAGAIN;
    }
    n = end - io->data;
    *json = check_line_parse(io->data, n);
    io->len -= n + 1;
    memmove(io->data, end + 1, io->len);
    return *json ? 0 : EPROTO;
}

int
check_io_receive(struct check_io *io, int timeout, struct json **json,
                 void (*tick)(void *aux, int seconds), void *aux)
{
    int64_t begun = time_usec();
    int64_t deadline = begun + timeout * INT64_C(1000);
    int64_t next = begun + 1000000;

    *json = NULL;
    for (;;) {
        int error = next_line(io, json);
        ssize_t n;

        if (error != EAGAIN) {
            return error;
        }
        if (io->size - io->len < PIECE) {
            io->size = io->len + PIECE;
            io->data = xrealloc(io->data, io->size);
        }
        n = read_some(io, io->data + io->len, PIECE, MIN(deadline, next));
        if (n > 0) {
            io->len += n;
        } else if (!n) {
            return EOF;
        } else if (n == -ETIMEDOUT && time_usec() < deadline) {
            next += 1000000;
            if (tick) {
                tick(aux, (time_usec() - begun) / 1000000);
            }
        } else {
            return -n;
        }
    }
}

int
check_io_drain(struct check_io *io, int ms, int timeout, uint64_t *bytes,
               uint64_t *us)
{
    int64_t first = 0, last = 0, counts_from, end;
    int64_t deadline = time_usec() + timeout * INT64_C(1000);
    char *piece = xmalloc(PIECE);
    int error = 0;

    *bytes = *us = 0;
    counts_from = end = deadline;
    if (io->len) {              /* Came with the request. */
        first = time_usec();
        io->len = 0;
    }
    for (;;) {
        int64_t now;
        ssize_t n;

        if (first && end == deadline) {
            counts_from = first + ms * INT64_C(1000) / 5;
            end = first + ms * INT64_C(1000);
            last = 0;
        }
        n = read_some(io, piece, PIECE, end);
        now = time_usec();
        if (n <= 0) {
            error = !n ? EOF : n == -ETIMEDOUT && first ? 0 : -n;
            break;
        }
        first = first ? first : now;
        if (now >= end && end != deadline) {
            break;
        } else if (now < counts_from) {
            continue;
        } else if (!last) {
            /* The clock starts with these: they came before it. */
            counts_from = last = now;
        } else {
            *bytes += n;
            last = now;
        }
    }
    if (last > counts_from) {
        *us = last - counts_from;
    }
    free(piece);
    return error;
}

int
check_io_flood(struct check_io *io, int ms)
{
    int64_t deadline = time_usec() + ms * INT64_C(1000);
    char *piece = xmalloc(PIECE);
    int error = 0;

    /* Nothing on the way is to compress it. */
    for (size_t i = 0, x = 1; i < PIECE; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        piece[i] = x >> 56;
    }
    while (!error) {
        struct pollfd p[2] = { { .fd = io->out, .events = POLLOUT },
                               { .fd = io->in, .events = POLLIN } };
        int64_t left = deadline - time_usec();
        ssize_t n;

        if (left <= 0) {
            break;
        }
        if (poll(p, 2, (left + 999) / 1000) < 0 && errno != EINTR) {
            error = errno;
        } else if (p[1].revents) {
            break;
        } else if (p[0].revents) {
            n = write(io->out, piece, PIECE);
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                error = errno;
            }
        }
    }
    free(piece);
    return error;
}
