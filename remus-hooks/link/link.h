/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LINK_H
#define DTS_LINK_H 1

/* dts-link: its options, and what its parts call each other. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"

#define LINK_PORT 6646
#define LINK_VERSION 1

struct agent_session;
struct json;
struct peer;
struct stream;
struct unixctl_server;

struct link_options {
    bool insecure;
    const char *agent_socket;       /* NULL: default. */
    int timeout;                    /* ms, for each step of the beginning. */
    int peer_timeout;               /* ms; 0: as the agent says. */
    int heartbeat;                  /* ms; 0: as the agent says. */
    int dscp;                       /* Of the connection. */
    bool pack;                      /* --compress is not "none". */
    enum pack_method compress;      /* Sender: what is asked for. */
    unsigned int delta_cache;       /* MB, at most. */

    /* Sender. */
    const char *domain;
    const char *host;               /* NULL: as the agent says. */
    int events_fd;                  /* -1: nobody wants to know. */
    size_t max_buffer;              /* Bytes. */
    uint64_t bandwidth;             /* Bits a second; 0: no limit. */

    /* Listener. */
    const char *bind;               /* NULL: as the agent says. */
    const char *receiver;           /* Command. */
    const char *checker;            /* Command. */
    const char *receiver_log_dir;   /* NULL: our stderr. */
    const char *save_helper;
    const char *spool_dir;
    size_t memory;                  /* Bytes held in memory, a session. */
};

/* Each returns an exit status. */
int link_send(const struct link_options *);
int link_check(const struct link_options *);
int link_listen(const struct link_options *, struct unixctl_server *);
/* A connection has come: one of the two below, as its HELLO says. */
int link_accept(const struct link_options *, struct stream *);
/* Take over '*peer'. */
int link_receive(const struct link_options *, const struct peer *,
                 const struct json *hello);
int link_check_answer(const struct link_options *, const struct peer *,
                      const struct json *hello);
/* Says REFUSE and sees to it, for a second at most, that the peer has it.
 * Returns 'code'. */
int link_refuse(struct peer *, int code, const char *message);

/* What both ends do alike (session.c). */
const char *json_string_member(const struct json *, const char *name);
long long int json_int_member(const struct json *, const char *name,
                              long long int dflt);
/* The same, from a peer, to be shown to people: what a terminal might obey is
 * '?'.  To be freed. */
char *json_printable_member(const struct json *, const char *name);
/* A HELLO's, WELCOME's, REFUSE's or END's body; NULL: not an object. */
struct json *json_from_body(const uint8_t *, size_t);

/* Runs the agent's conversation and waits for it in the poll loop. */
void agent_wait(const struct agent_session *);
/* Asks the agent for `hello`'s facts, waiting at most 'timeout' ms.  Returns
 * 0, or an exit status and in '*error' why (to be freed). */
int agent_hello(struct agent_session *, struct json *params, int timeout,
                char **error);
struct json *agent_hello_params(const char *role, const char *domain,
                                const char *session, const char *peer);
struct json *agent_params(const char *session);

/* Tells the agent of a peer that is suspected, or not any more. */
void agent_suspect(struct agent_session *, const char *session,
                   const struct peer *);
void agent_unsuspect(struct agent_session *, const char *session);
/* At most once a second: round trip and clocks. */
void agent_beat(struct agent_session *, const char *session, struct peer *,
                long long int *next);
/* Says `end` and sees to it, for at most two seconds, that the agent has
 * it. */
void agent_end(struct agent_session *, const char *session, int status,
               const char *detail);

#endif /* link.h */
