/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_WIRE_H
#define DTS_WIRE_H 1

/* Messages of the link's protocol (docs/protocol.md, section 2).
 *
 * Pure: bytes in any pieces in, messages out.  DATA and PACKED are handed out
 * as they come, without a copy; other messages when they are whole. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_WELCOME = 2,
    WIRE_REFUSE = 3,
    WIRE_DATA = 4,
    WIRE_BEAT = 5,
    WIRE_ACK = 6,
    WIRE_END = 7,
    WIRE_PACKED = 8,
};

#define WIRE_HEADER_LEN 8
#define WIRE_MAX (1024 * 1024)          /* Of any message's body. */
#define WIRE_MAX_JSON 4096              /* Of HELLO, WELCOME, REFUSE, END. */

enum wire_event {
    WIRE_NOTHING,               /* All was taken. */
    WIRE_CHUNK,                 /* 'type', 'body', 'body_len': bytes of DATA or
                                 * PACKED; valid as long as the bytes that were
                                 * fed. */
    WIRE_MESSAGE,               /* 'type', 'body', 'body_len'; NUL follows. */
    WIRE_ERROR,                 /* 'error' says why. */
};

struct wire {
    uint8_t header[WIRE_HEADER_LEN];
    size_t header_len;
    uint32_t left;              /* Of the body, still to come. */
    uint8_t buffer[WIRE_MAX_JSON + 1];
    size_t buffer_len;

    /* Results. */
    uint8_t type;
    const uint8_t *body;
    size_t body_len;
    char error[128];
};

void wire_init(struct wire *);

/* Takes bytes up to the next event; returns how many. */
size_t wire_feed(struct wire *, const void *data, size_t n,
                 enum wire_event *);

/* A message's header. */
void wire_header(uint8_t header[WIRE_HEADER_LEN], enum wire_type,
                 uint32_t length);

/* The number in the body of BEAT and ACK. */
uint64_t wire_get_u64(const uint8_t *);
void wire_put_u64(uint8_t *, uint64_t);

#endif /* wire.h */
