/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LINK_EVENTS_H
#define DTS_LINK_EVENTS_H 1

/* What the sending end tells the engine on --events-fd (docs/protocol.md,
 * section 4): lines of text.  All calls do nothing without a descriptor. */

#include <stdint.h>
#include "openvswitch/compiler.h"

#define EVENTS_MAX 65536        /* Not taken yet; what is beyond is lost. */

struct events {
    int fd;                     /* -1: nobody listens. */
    char *text;                 /* Not taken yet. */
    size_t len;
    uint64_t lost;
};

void events_init(struct events *, int fd);
void events_uninit(struct events *);

/* One line, without its end. */
void events_put(struct events *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

/* Writes what the reader takes. */
void events_run(struct events *);
void events_wait(const struct events *);
/* Writes the rest, for at most 'ms'. */
void events_flush(struct events *, int ms);

#endif /* events.h */
