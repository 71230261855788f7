/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_NETBUF_MATCH_H
#define REMUS_NETBUF_MATCH_H 1

/* From a class of traffic to the words that the kernel's u32 classifier
 * compares.  Pure. */

#include <stddef.h>
#include <stdint.h>

#include "realtime.h"

/* A range of ports as ports that share their leading bits. */
struct netbuf_ports {
    uint16_t value, mask;
};
/* The most that a range can take: 2 * 16 - 2. */
#define NETBUF_MAX_PORTS 30
size_t netbuf_port_masks(uint16_t low, uint16_t high,
                         struct netbuf_ports[NETBUF_MAX_PORTS]);

/* One filter: all words must be so.  A frame that is too short for a word does
 * not match. */
struct netbuf_key {
    uint32_t value, mask;       /* Host byte order. */
    int ofs;                    /* From the network header; a multiple of 4. */
};
#define NETBUF_MAX_KEYS 5
struct netbuf_match {
    uint16_t ethertype;         /* Of an untagged frame. */
    struct netbuf_key keys[NETBUF_MAX_KEYS];
    size_t n_keys;
};
#define NETBUF_MAX_MATCHES (2 * NETBUF_MAX_PORTS)
size_t netbuf_matches(const struct remus_class *,
                      struct netbuf_match[NETBUF_MAX_MATCHES]);

#endif /* netbuf-match.h */
