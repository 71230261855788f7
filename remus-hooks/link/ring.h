/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_RING_H
#define DTS_RING_H 1

/* A queue of bytes of a fixed size: room to write into and bytes to read are
 * handed out in place, so that nothing is copied. */

#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *data;
    size_t size;
    size_t start, len;
};

/* The memory is mapped, not touched. */
void ring_init(struct ring *, size_t size);
void ring_destroy(struct ring *);

/* Room in one piece, as much as there is; stores its size, 0 if it is full. */
uint8_t *ring_room(const struct ring *, size_t *n);
void ring_added(struct ring *, size_t n);

/* The oldest bytes in one piece; stores how many, 0 if it is empty. */
const uint8_t *ring_bytes(const struct ring *, size_t *n);
void ring_taken(struct ring *, size_t n);

#endif /* ring.h */
