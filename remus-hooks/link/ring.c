/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of bytes of a fixed size: see the header.
 *
 * It begins at the start again whenever it is empty: a large ring for the one
 * large checkpoint costs only the memory that the usual ones need. */

#include <config.h>

#include "ring.h"

#include <sys/mman.h>

#include "util.h"

void
ring_init(struct ring *r, size_t size)
{
    r->size = size;
    r->start = r->len = 0;
    r->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->data == MAP_FAILED) {
        out_of_memory();
    }
}

void
ring_destroy(struct ring *r)
{
    if (r->data) {
        munmap(r->data, r->size);
        r->data = NULL;
    }
}

uint8_t *
ring_room(const struct ring *r, size_t *n)
{
    size_t end = r->start + r->len;

    if (end < r->size) {
        *n = r->size - end;
        return r->data + end;
    }
    *n = r->size - r->len;
    return r->data + (end - r->size);
}

void
ring_added(struct ring *r, size_t n)
{
    r->len += n;
    ovs_assert(r->len <= r->size);
}

const uint8_t *
ring_bytes(const struct ring *r, size_t *n)
{
    *n = MIN(r->len, r->size - r->start);
    return r->data + r->start;
}

void
ring_taken(struct ring *r, size_t n)
{
    ovs_assert(n <= r->len);
    r->len -= n;
    r->start += n;
    if (!r->len) {
        r->start = 0;
    } else if (r->start >= r->size) {
        r->start -= r->size;
    }
}
