/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_NETBUF_TALK_H
#define REMUS_NETBUF_TALK_H 1

/* Requests to the kernel on a socket kept open, without an allocation. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netbuf.h"
#include "netbuf-dev.h"

struct netbuf_talk {
    int fd;
    uint32_t seq;
    uint8_t in[32768];
};

/* 0 or a positive errno value, all of them. */
int netbuf_talk_open(struct netbuf_talk *);
void netbuf_talk_close(struct netbuf_talk *);

/* A request prepared once, and sent often. */
struct netbuf_request {
    size_t len;
    uint8_t data[128];
};

/* Sends the 'n' requests together and waits for the kernel's answer to each:
 * 'answers[i]' is 0, or why the kernel refused it.  Not 0 if an answer is
 * missing; then 'answers[i]' is so too. */
int netbuf_talk_batch(struct netbuf_talk *,
                      struct netbuf_request *const requests[],
                      int answers[], size_t n);

/* Adds to 'stats' what the kernel counts for 'dev'. */
int netbuf_talk_count(struct netbuf_talk *, const struct netbuf_dev *,
                      struct remus_netbuf_stats *stats);

#endif /* netbuf-talk.h */
