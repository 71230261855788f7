/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that wait until a file descriptor takes them: see the header. */

#include <config.h>

#include "buffer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

void
buffer_put(struct buffer *b, const void *data, size_t n)
{
    b->data = xrealloc(b->data, b->len + n);
    memcpy(b->data + b->len, data, n);
    b->len += n;
}

int
buffer_flush(struct buffer *b, int fd)
{
    while (b->len) {
        ssize_t n = write(fd, b->data, b->len);

        if (n >= 0) {
            b->len -= n;
            memmove(b->data, b->data + n, b->len);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            b->len = 0;
            return errno;
        }
    }
    return 0;
}
