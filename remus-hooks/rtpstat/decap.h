/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_DECAP_H
#define DTS_DECAP_H 1

/* From a captured frame to the innermost UDP datagram in it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

enum decap_verdict {
    DECAP_UDP,                  /* An UDP datagram was found. */
    DECAP_OTHER,                /* Something else. */
    DECAP_FRAGMENT,             /* Not the first fragment of a packet. */
    DECAP_TRUNCATED,            /* Cut off by the capture's snap length. */
    DECAP_MALFORMED,            /* A length in it cannot be. */
    DECAP_DEEP,                 /* Too many tunnels or tags inside another. */
};
#define DECAP_N_VERDICTS (DECAP_DEEP + 1)

/* Around the datagram, a bit each. */
enum {
    DECAP_VLAN = 1 << 0,
    DECAP_GRE = 1 << 1,
    DECAP_VXLAN = 1 << 2,
    DECAP_GENEVE = 1 << 3,
    DECAP_IPIP = 1 << 4,
};

struct decap {
    struct in6_addr src, dst;   /* An IPv4 address is mapped. */
    uint16_t sport, dport;
    unsigned int around;        /* DECAP_*. */
    const uint8_t *payload;
    size_t cap;                 /* Captured bytes of the payload... */
    size_t len;                 /* ...and what they were on the wire. */
};

/* 'dlt' is libpcap's DLT_*. */
bool decap_supports(int dlt);
enum decap_verdict decap_frame(int dlt, const uint8_t *data, size_t cap,
                               size_t len, struct decap *);

#endif /* decap.h */
