/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LINK_EVENT_H
#define DTS_LINK_EVENT_H 1

/* dts-link's events, one line of text each (docs/protocol.md, section 4), as
 * the engine reads them.
 *
 * Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum link_event_type {
    LINK_UNKNOWN,               /* To be ignored. */
    LINK_SESSION,
    LINK_SENT,
    LINK_ACK,
    LINK_SUSPECT,
    LINK_UNSUSPECT,
    LINK_ALONE,
    LINK_TAKEN,
    LINK_REFUSED,
    LINK_END,
    LINK_LOST,
};

struct link_event {
    enum link_event_type type;
    uint64_t n;                 /* SENT, ACK: checkpoint; SESSION: generation;
                                 * REFUSED, END: status; LOST: lines. */
    uint64_t raw, wire;         /* SENT: bytes... */
    uint64_t pages;             /* ...and pages of the guest; 0: not told. */
    uint64_t us;                /* ACK */
    char session[40];           /* SESSION */
    char text[256];             /* SESSION: the peer; others: why. */
};

/* 'line' has no newline.  A line that is not as described is LINK_UNKNOWN. */
void link_event_parse(const char *line, struct link_event *);

#define LINK_LINES_MAX 8192

/* Lines out of bytes in any pieces; a line that is too long is dropped. */
struct link_lines {
    char data[LINK_LINES_MAX];
    size_t len;
    bool skip;
};
/* Where the next bytes go, and how many may. */
char *link_lines_room(struct link_lines *, size_t *n);
void link_lines_put(struct link_lines *, size_t n);
/* The next whole line, or NULL; valid until the next call. */
const char *link_lines_next(struct link_lines *, size_t *ofs);

#endif /* link-event.h */
