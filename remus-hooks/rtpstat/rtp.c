/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "rtp.h"

/* What is RTP, and what does its header say?
 *
 * A capture holds anything, and RTP has no magic number, so this file only
 * rules out: by the version, by the payload types that RFC 5761 keeps free for
 * RTCP on the same port, and by lengths that do not add up.  What is left is
 * taken for a stream only when its sequence numbers behave like one, which is
 * for streams.c to see. */

#define RTP_HEADER_LEN 12

static uint16_t
be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t) be16(p) << 16 | be16(p + 2);
}

enum rtp_verdict
rtp_parse(const uint8_t *data, size_t cap, size_t len, struct rtp_packet *rtp)
{
    if (cap > len) {
        cap = len;
    }
    /* SIP starts with a letter (01xxxxxx), STUN, DTLS and ZRTP with 00. */
    if (len < 2 || cap < 2 || data[0] >> 6 != 2) {
        return RTP_OTHER;
    }
    uint8_t type = data[1] & 0x7f;
    if (type >= 64 && type <= 95) {
        return RTP_RTCP;        /* Packet types 192 to 223. */
    }
    if (cap < RTP_HEADER_LEN) {
        return RTP_BAD;
    }

    rtp->payload_type = type;
    rtp->marker = data[1] & 0x80;
    rtp->sequence = be16(data + 2);
    rtp->timestamp = be32(data + 4);
    rtp->ssrc = be32(data + 8);
    rtp->n_csrc = data[0] & 0x0f;
    rtp->extension = data[0] & 0x10;

    size_t header = RTP_HEADER_LEN + 4 * rtp->n_csrc;
    if (header > len) {
        return RTP_BAD;
    }
    if (rtp->extension) {
        if (header + 4 > len) {
            return RTP_BAD;
        }
        if (header + 4 > cap) {
            /* A short snap length has cut the extension's header off. */
            rtp->payload_len = len - header - 4;
            return RTP_OK;
        }
        header += 4 + 4 * (size_t) be16(data + header + 2);
        if (header > len) {
            return RTP_BAD;
        }
    }
    rtp->payload_len = len - header;

    if (data[0] & 0x20 && cap == len) {
        /* The last byte counts the padding, itself included. */
        uint8_t padding = data[len - 1];
        if (!padding || padding > rtp->payload_len) {
            return RTP_BAD;
        }
        rtp->payload_len -= padding;
    }
    return RTP_OK;
}

bool
rtp_port_is_reserved(uint16_t port)
{
    switch (port) {
    case 53:                    /* DNS */
    case 67:                    /* DHCP */
    case 68:
    case 123:                   /* NTP: its first byte may look like ours. */
    case 161:                   /* SNMP */
    case 443:                   /* QUIC */
    case 500:                   /* IKE */
    case 4500:
    case 546:                   /* DHCPv6 */
    case 547:
    case 3784:                  /* BFD */
    case 3785:
    case 4784:
    case 4789:                  /* VXLAN */
    case 5060:                  /* SIP */
    case 5061:
    case 5353:                  /* mDNS */
    case 5355:                  /* LLMNR */
    case 6081:                  /* Geneve */
    case 6646:                  /* Heartbeats of dts-link */
        return true;
    default:
        return false;
    }
}

static const struct {
    const char *name;
    unsigned int clock;
} static_types[] = {
    [0] = { "PCMU", 8000 },
    [3] = { "GSM", 8000 },
    [4] = { "G723", 8000 },
    [5] = { "DVI4", 8000 },
    [6] = { "DVI4", 16000 },
    [7] = { "LPC", 8000 },
    [8] = { "PCMA", 8000 },
    [9] = { "G722", 8000 },     /* 8000 by a historic error: 4.5.2. */
    [10] = { "L16", 44100 },
    [11] = { "L16", 44100 },
    [12] = { "QCELP", 8000 },
    [13] = { "CN", 8000 },
    [14] = { "MPA", 90000 },
    [15] = { "G728", 8000 },
    [16] = { "DVI4", 11025 },
    [17] = { "DVI4", 22050 },
    [18] = { "G729", 8000 },
    [25] = { "CelB", 90000 },
    [26] = { "JPEG", 90000 },
    [28] = { "nv", 90000 },
    [31] = { "H261", 90000 },
    [32] = { "MPV", 90000 },
    [33] = { "MP2T", 90000 },
    [34] = { "H263", 90000 },
};

unsigned int
rtp_static_clock(uint8_t payload_type)
{
    return (payload_type < sizeof static_types / sizeof *static_types
            ? static_types[payload_type].clock : 0);
}

const char *
rtp_static_name(uint8_t payload_type)
{
    return (payload_type < sizeof static_types / sizeof *static_types
            ? static_types[payload_type].name : NULL);
}
