/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_BUFFER_H
#define DTS_BUFFER_H 1

/* Bytes that wait until a file descriptor takes them. */

#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t len;
};

/* Adds a copy of 'n' bytes. */
void buffer_put(struct buffer *, const void *data, size_t n);

/* Writes what 'fd' takes without waiting.  Returns 0 or an errno: then what
 * was left is dropped. */
int buffer_flush(struct buffer *, int fd);

#endif /* buffer.h */
