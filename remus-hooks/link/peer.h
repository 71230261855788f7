/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PEER_H
#define DTS_PEER_H 1

/* The other end of a link: the connection, the heartbeats, and whether it
 * lives.  The same for both ends. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "detector.h"
#include "heartbeat.h"
#include "openvswitch/compiler.h"
#include "wire.h"

struct json;
struct stream;

/* Why the peer is suspected: what `suspect` says to the agent. */
enum suspicion {
    SUSPECT_NOT,
    SUSPECT_SILENCE,            /* May be withdrawn. */
    SUSPECT_EOF,                /* The others are for good. */
    SUSPECT_RESET,
    SUSPECT_PROTOCOL,
    SUSPECT_LOCAL,
};
const char *suspicion_name(enum suspicion);

struct peer {
    struct stream *stream;      /* NULL once it is closed. */
    bool sender;                /* Which end we are. */

    /* To be sent. */
    uint8_t *tx;
    size_t tx_ofs, tx_len, tx_size;
    const uint8_t *bulk;        /* The caller's, after the first... */
    size_t bulk_len;
    size_t before_bulk;         /* ...so many bytes of 'tx'. */
    bool tx_broken;             /* Nothing can be sent any more. */
    long long int last_tx;      /* ms */

    /* Received, not parsed yet. */
    uint8_t *rx;
    size_t rx_ofs, rx_len;
    struct wire wire;

    /* Heartbeats; 'udp' is -1 before peer_start_beats(). */
    int udp;
    bool udp_connected;
    struct heartbeat heartbeat;
    long long int interval;     /* ms */
    long long int next_beat;    /* ms */
    uint64_t beat_seq;

    bool detecting;
    int timeout;                /* ms, once settled. */
    struct detector detector;
    long long int unheard_since; /* ms; 0: the peer hears us. */

    enum suspicion suspicion;
    char detail[256];
};

void peer_init(struct peer *, struct stream *, bool sender);
void peer_close(struct peer *);
void peer_destroy(struct peer *);

/* Messages.  All are kept until they can be sent. */
void peer_send(struct peer *, enum wire_type, const void *body, size_t n);
void peer_send_json(struct peer *, enum wire_type, struct json *);
void peer_send_u64(struct peer *, enum wire_type, uint64_t);
/* A message whose body stays the caller's, and as it is, until
 * peer_bulk_is_sent(): one at a time.  Other messages wait for no more than
 * that. */
void peer_send_bulk(struct peer *, enum wire_type, const void *body,
                    size_t n);
/* Sends what can be sent; true once that body was handed to the network. */
bool peer_bulk_is_sent(struct peer *);
/* True if there is room for answers. */
bool peer_has_room(const struct peer *);
/* True if the next heartbeat is not to be delayed any more. */
bool peer_beat_is_due(const struct peer *);
bool peer_is_sent(struct peer *);

/* The next thing that came: WIRE_NOTHING: no more now (then 'suspicion' may
 * have changed).  Beats are dealt with inside. */
enum wire_event peer_receive(struct peer *);

/* Opens the socket for heartbeats, on the local address 'address' (NULL: any;
 * heartbeats must come from where the connection goes to) and port 'port' if
 * these can be had, and returns the port (0: none). */
uint16_t peer_open_udp(struct peer *, const char *address, uint16_t port);
/* Begins to send them to 'port' of the peer and to judge its silence. */
void peer_start_beats(struct peer *, uint16_t port, const uint8_t *session,
                      const uint8_t *key, int interval, int timeout);
/* The first checkpoint is whole: from now on silence for 'timeout' counts.
 * The first copy keeps both hosts busy, nobody can take over yet, and to give
 * it up for a pause would only mean to begin again: until then there is more
 * time. */
void peer_settle(struct peer *);

/* Sends what is due; reads heartbeats; judges silence. */
void peer_run(struct peer *);
/* With 'receive', also for peer_receive(). */
void peer_wait(struct peer *, bool receive);

/* Suspects for good and closes the connection. */
void peer_fail(struct peer *, enum suspicion, const char *format, ...)
    OVS_PRINTF_FORMAT(3, 4);

uint64_t real_us(void);
uint64_t mono_us(void);

#endif /* peer.h */
