/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_REALTIME_H
#define REMUS_REALTIME_H 1

/* Classes of a guest's output that bypass the output buffer
 * (Domain.realtime).  Pure: text in, values out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMUS_MAX_CLASSES 16

enum remus_media {
    REMUS_MEDIA_UDP,            /* Any UDP. */
    REMUS_MEDIA_RTP,            /* RTP and RTCP, version 2. */
    REMUS_MEDIA_SRTP,           /* The same, encrypted: realtime-unsafe. */
};

/* UDP over IPv4 or IPv6, one range of ports at one end. */
struct remus_class {
    enum remus_media media;
    bool to;                    /* The port that it goes to, not the guest's. */
    uint16_t low, high;
    int dscp;                   /* Narrows it; -1: any. */
};

/* "[to:]udp|rtp|srtp:LOW[-HIGH][/dscp=N]".  NULL or what is wrong and what to
 * write instead, to be freed. */
char *remus_class_parse(const char *, struct remus_class *);

/* All classes of a domain together: how many, and encrypted ones only if
 * 'unsafe' (Domain.realtime_unsafe).  NULL or an error to be freed. */
char *remus_classes_check(const struct remus_class[], size_t n, bool unsafe);

/* Writes 'c' as remus_class_parse() reads it; to be freed. */
char *remus_class_to_string(const struct remus_class *c);

#endif /* realtime.h */
