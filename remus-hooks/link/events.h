/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LINK_EVENTS_H
#define DTS_LINK_EVENTS_H 1

/* What the sending end tells the engine on --events-fd (docs/protocol.md,
 * section 4): lines of text.  All calls do nothing without a descriptor. */

#include <stdint.h>
#include "framing.h"
#include "openvswitch/compiler.h"

#define EVENTS_MAX 65536        /* Not taken yet; what is beyond is lost. */
#define EVENTS_MARKS 64         /* Checkpoints not acknowledged yet. */

struct events {
    int fd;                     /* -1: nobody listens. */
    char *text;                 /* Not taken yet. */
    size_t len;
    uint64_t lost;

    /* The stream as far as it went, and the checkpoints that end in it. */
    struct framing framing;
    uint64_t checkpoint_start, wire_start;
    struct {
        uint64_t raw, wire_end; /* wire_end: counted by the peer. */
        uint64_t sent_us;       /* 0: not sent yet. */
    } marks[EVENTS_MARKS];      /* By number, modulo. */
    uint64_t n_sent;
};

void events_init(struct events *, int fd);
void events_uninit(struct events *);

/* One line, without its end. */
void events_put(struct events *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

/* 'n' bytes of the stream were put into a message that ends at byte 'wire_end'
 * of what is sent. */
void events_stream(struct events *, const void *data, size_t n,
                   uint64_t wire_end);
/* 'wire' bytes have been given to the network. */
void events_sent(struct events *, uint64_t wire, uint64_t now_us);
/* The peer holds checkpoint 'n'. */
void events_ack(struct events *, uint64_t n, uint64_t now_us);

/* Writes what the reader takes. */
void events_run(struct events *);
void events_wait(const struct events *);
/* Writes the rest, for at most 'ms'. */
void events_flush(struct events *, int ms);

#endif /* events.h */
