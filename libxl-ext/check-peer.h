/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_PEER_H
#define DTS_CHECK_PEER_H 1

/* The conversation with the other node of a check, through dts-link. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "check-io.h"

struct check_request;
struct json;
struct svec;

struct check_peer {
    pid_t link;                 /* 0: none. */
    int errors;                 /* Its stderr. */
    struct check_io io;
    void (*tick)(void *aux, int seconds);
    void *aux;
};

/* What the two clocks are apart, and the time of a round trip. */
struct check_clocks {
    int64_t rtt_us, offset_us;  /* Theirs less ours, within rtt_us / 2. */
};

/* Each returns NULL, or what went wrong, to be freed: after that nothing but
 * check_peer_close() makes sense. */

/* Runs 'link' with 'options' (more), for 'domain' and 'host' (may be NULL). */
char *check_peer_open(struct check_peer *, const char *link,
                      const struct svec *options, const char *domain,
                      const char *host);
char *check_peer_ping(struct check_peer *, struct check_clocks *);
/* '*answer' is to be destroyed. */
char *check_peer_ask(struct check_peer *, const struct check_request *,
                     struct json **answer);
/* After check_peer_ask() with such a 'bulk_ms': bytes a second. */
char *check_peer_bandwidth(struct check_peer *, int bulk_ms, double *rate);

void check_peer_close(struct check_peer *);

#endif /* check-peer.h */
