/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_RTP_H
#define DTS_RTP_H 1

/* The header of an RTP packet (RFC 3550, section 5.1). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rtp_verdict {
    RTP_OK,
    RTP_OTHER,                  /* Not RTP: SIP, DNS, STUN, ... */
    RTP_RTCP,                   /* RTCP (RFC 5761, section 4). */
    RTP_BAD,                    /* Says it is RTP, but is not whole. */
};

struct rtp_packet {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    unsigned int n_csrc;
    bool extension;
    size_t payload_len;         /* Less header, extension and padding. */
};

/* Parses the 'len' bytes of an UDP datagram of which the first 'cap' were
 * captured, at 'data'. */
enum rtp_verdict rtp_parse(const uint8_t *data, size_t cap, size_t len,
                           struct rtp_packet *);

/* Ports on which something else than RTP lives by convention. */
bool rtp_port_is_reserved(uint16_t port);

#define RTP_N_PAYLOAD_TYPES 128
/* Clock rate in Hz of a static payload type (RFC 3551, tables 4 and 5), or 0
 * for one that is dynamic, reserved or unassigned. */
unsigned int rtp_static_clock(uint8_t payload_type);
/* Its name, or NULL. */
const char *rtp_static_name(uint8_t payload_type);

#endif /* rtp.h */
