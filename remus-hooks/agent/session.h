/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SESSION_H
#define DTS_SESSION_H 1

/* Sessions of replication, as the node's links and gates tell of them. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "binding.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "smap.h"

struct conn;
struct ds;
struct json;

struct session {
    struct ovs_list list_node;  /* Newest first. */
    struct hmap_node hmap_node; /* By the domain's name. */
    uint64_t serial;            /* Newer ones have greater ones. */
    char *uuid;
    char *domain;
    bool sender;
    struct conn *link, *gate;   /* NULL: not connected now. */
    pid_t link_pid;             /* The only process that may be its link; 0:
                                 * none has come yet. */
    struct conn *engine;        /* xl-remus (sender); NULL: stock xl, or not
                                 * connected now. */
    long long int link_gone, gate_gone; /* ms, monotonic; meaningful when the
                                         * connection is NULL; LLONG_MAX: it
                                         * never was there. */
    long long int since;        /* ms, monotonic: first heard of. */

    uint64_t n;                 /* Whole checkpoints held (receiver) or
                                 * acknowledged (sender). */
    long long int n_at;         /* ms, monotonic: when 'n' grew. */
    uint64_t suspends;          /* Sender's gate: counted. */
    bool suspended;             /* Between suspend and resume. */
    long long int suspended_at; /* ms, monotonic */
    bool suspect;
    char *reason;               /* Of the suspicion, "". */
    bool stalled;
    long long int end_hint;     /* ms: first sign that xl's stream has ended
                                 * by itself; 0: none. */
    bool ended;                 /* The link said `end`. */
    int end_status;
    long long int last_beat;    /* ms, monotonic */
    int64_t rtt_us, offset_us, uncertainty_us;
    enum binding_verdict verdict; /* Final, or VERDICT_NOT_YET. */
    long long int lost_at;      /* ms: its owner goes on alone without it;
                                 * 0: it does not. */
    bool committed;             /* The engine holds output until it is
                                 * committed... */
    char *realtime;             /* ...but what is of these classes; "". */
    char *slow;                 /* Why checkpoints come too seldom; "". */
    bool link_killed;           /* `kill` was sent to the link alone. */
    long long int killed_at;    /* ms: `kill` was sent to the gate; 0: no. */
};

/* What a link, a gate or an engine is told about its domain.  'd' may be NULL;
 * 'peer': the other node's name, NULL if it has none.  The caller's. */
struct json *session_facts(const struct dts_domain *d, const char *domain,
                           const char *session, const char *peer);

/* Answers `hello`; returns false if it was refused. */
bool session_hello(struct conn *, const struct json *id,
                   const struct json *params);
/* The same for who only wants to know whether a session could be: there is
 * none after it. */
bool session_hello_check(struct conn *, const struct json *id,
                         const struct json *params);
/* A message of a connection that has a session.  'id' is NULL for a notice. */
void session_message(struct conn *, const struct json *id,
                     const char *method, const struct json *params);
void session_goodbye(struct conn *);

struct session *session_find(const char *uuid);
/* The session of 'domain' in this direction that is called 'uuid', or, with
 * NULL, the newest one. */
struct session *session_of(const char *domain, bool sender,
                           const char *uuid);
/* The next older session, of any domain; NULL: the newest. */
struct session *session_next(const struct session *);
/* True if a link, a gate or an engine (the gate) waits for a verdict on
 * 's'. */
bool session_asks(const struct session *);
bool session_gate_asks(const struct session *);
/* Gives 'verdict' to whoever waits for it. */
void session_answer(struct session *, enum binding_verdict,
                    const char *reason);
/* Tells gate and link to end.  Called again, ends a gate that does not obey
 * (libxl then sees a failed helper). */
void session_kill(struct session *, const char *reason);
/* Tells the link alone to end, once: its peer notices. */
void session_end_link(struct session *, const char *reason);
/* Forgets sessions that nobody is connected to any more. */
void session_expire(void);
void session_format(const char *domain, struct ds *);
struct json *session_json(const struct session *);

#endif /* session.h */
