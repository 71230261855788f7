/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the link's protocol: see the header. */

#include <config.h>

#include "wire.h"

#include <stdio.h>
#include <string.h>

#include "unaligned.h"
#include "util.h"

void
wire_init(struct wire *w)
{
    memset(w, 0, sizeof *w);
}

uint64_t
wire_get_u64(const uint8_t *p)
{
    ovs_be64 x;

    memcpy(&x, p, sizeof x);
    return ntohll(x);
}

void
wire_put_u64(uint8_t *p, uint64_t x)
{
    ovs_be64 be = htonll(x);

    memcpy(p, &be, sizeof be);
}

void
wire_header(uint8_t header[WIRE_HEADER_LEN], enum wire_type type,
            uint32_t length)
{
    ovs_be32 be = htonl(length);

    memset(header, 0, WIRE_HEADER_LEN);
    header[0] = type;
    memcpy(header + 4, &be, sizeof be);
}

/* Handed out in pieces. */
static bool
is_chunked(uint8_t type)
{
    return type == WIRE_DATA || type == WIRE_PACKED;
}

/* A header is whole. */
static enum wire_event
take_header(struct wire *w)
{
    ovs_be32 be;

    memcpy(&be, w->header + 4, sizeof be);
    w->type = w->header[0];
    w->left = ntohl(be);
    w->buffer_len = 0;
    if (w->type < WIRE_HELLO || w->type > WIRE_PACKED) {
        snprintf(w->error, sizeof w->error, "message of unknown type %u",
                 w->type);
    } else if (w->header[1] || w->header[2] || w->header[3]) {
        snprintf(w->error, sizeof w->error,
                 "message of type %u with unknown flags", w->type);
    } else if (is_chunked(w->type) ? w->left > WIRE_MAX
               : w->type == WIRE_BEAT || w->type == WIRE_ACK ? w->left != 8
               : w->left > WIRE_MAX_JSON) {
        snprintf(w->error, sizeof w->error,
                 "message of type %u with %u bytes", w->type, w->left);
    } else {
        return WIRE_NOTHING;
    }
    return WIRE_ERROR;
}

size_t
wire_feed(struct wire *w, const void *data_, size_t n, enum wire_event *event)
{
    const uint8_t *data = data_;
    size_t ofs = 0;

    *event = w->error[0] ? WIRE_ERROR : WIRE_NOTHING;
    while (*event == WIRE_NOTHING && ofs < n) {
        size_t take;

        if (w->header_len < WIRE_HEADER_LEN) {
            take = MIN(WIRE_HEADER_LEN - w->header_len, n - ofs);
            memcpy(w->header + w->header_len, data + ofs, take);
            w->header_len += take;
            ofs += take;
            if (w->header_len < WIRE_HEADER_LEN) {
                break;
            }
            *event = take_header(w);
            if (*event == WIRE_ERROR) {
                break;
            }
        } else if (is_chunked(w->type)) {
            take = MIN(w->left, n - ofs);
            w->body = data + ofs;
            w->body_len = take;
            w->left -= take;
            ofs += take;
            *event = WIRE_CHUNK;
        } else {
            take = MIN(w->left, n - ofs);
            memcpy(w->buffer + w->buffer_len, data + ofs, take);
            w->buffer_len += take;
            w->left -= take;
            ofs += take;
        }
        if (!w->left && w->header_len == WIRE_HEADER_LEN) {
            w->header_len = 0;
            if (!is_chunked(w->type)) {
                w->buffer[w->buffer_len] = '\0';
                w->body = w->buffer;
                w->body_len = w->buffer_len;
                *event = WIRE_MESSAGE;
            }
        }
    }
    return ofs;
}
