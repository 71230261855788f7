/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_DTS_REMUS_H
#define REMUS_DTS_REMUS_H 1

/* libremusdts: protecting a domain by Remus, for a toolstack.
 *
 * What xl-remus(8) does is in remus_dts_protect() and remus_dts_receive(); a
 * toolstack of its own calls these in a process of their own, each with its
 * own functions at the points that matter to it (struct remus_dts_callbacks).
 *
 * Both calls need domain 0, root, the node's dts-agent and the programs of
 * remus-dts.  They take the process: signals SIGCHLD, SIGPIPE, SIGTERM and
 * SIGINT, and the environment of the programs that they start.  One call at a
 * time in a process.
 *
 * Functions return an exit status of remus-dts/exit.h and, when that is not 0
 * and 'error' is not NULL, set '*error' to one line that says what to do; it is
 * the caller's, for free(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <remus-dts/exit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a member is added at the end of a struct below; the caller's
 * structs say which they were compiled with. */
#define REMUS_DTS_VERSION 2

/* A checkpoint that the peer holds, and whose output has left. */
struct remus_dts_checkpoint {
    uint64_t n;                 /* From 1. */
    uint64_t bytes;             /* Of the stream. */
    uint64_t wire_bytes;        /* As they went over the network. */
    int64_t interval_us;        /* Since the one before was begun; 0: first. */
    int64_t pause_us;           /* How long the guest stood still. */
    int64_t ack_us;             /* From sent to acknowledged. */
    int64_t suspend_us;         /* From its begin until the guest stood still:
                                 * the guest's own part; 0: first. */
    int64_t send_us;            /* From the guest's resume until all is sent. */
    /* From version 2 on. */
    uint64_t pages;             /* Of the guest's memory, in it. */
    uint64_t held_frames;       /* In the output buffer when one was begun: as
                                 * last counted, twice a second at most. */
};

/* What may be registered.  Each may be NULL.  They are called by the thread
 * that called remus_dts_protect() or remus_dts_receive(), and keep it from its
 * work: whoever takes long in 'suspended' or 'resuming' lengthens the guest's
 * pause.  They must not call this library. */
struct remus_dts_callbacks {
    /* Primary, in the order of a session's life. */
    void (*connected)(void *aux, const char *session, const char *peer);
    /* The first copy goes on: bytes of the stream so far; about how many there
     * will be (the guest's memory). */
    void (*copying)(void *aux, uint64_t bytes, uint64_t total);
    /* The first checkpoint is acknowledged: the domain is protected. */
    void (*protected_)(void *aux, const char *session, const char *peer);
    void (*suspended)(void *aux, uint64_t n);
    /* The guest is about to go on; what it sends from now on is held. */
    void (*resuming)(void *aux, uint64_t n);
    void (*checkpoint)(void *aux, const struct remus_dts_checkpoint *);
    void (*suspect)(void *aux, const char *reason);
    void (*unsuspect)(void *aux);
    /* The guest goes on here without a copy: that is in the database, and
     * only now is its output let go. */
    void (*alone)(void *aux, const char *reason);
    /* The peer runs it, or may: the guest here never goes on. */
    void (*taken)(void *aux, const char *reason);

    /* Secondary. */
    void (*receiving)(void *aux, const char *domain);
    /* This node was granted the domain, the gateways have fenced the other
     * one, the devices are there: the guest is about to run.  (Where the
     * agent switches, tunnel 3 is in service and tunnel 2 out by now; a
     * toolstack with switches of its own would do it here.) */
    void (*resume)(void *aux, const char *domain, uint32_t domid);
    void (*running)(void *aux, const char *domain, uint32_t domid);

    /* Either: a line for a log, without its end. */
    void (*log)(void *aux, const char *line);
};

struct remus_dts_protect {
    int version;                /* REMUS_DTS_VERSION */
    const char *domain;         /* Name or number. */
    const char *host;           /* NULL: the standby, as the agent says. */
    int interval_ms;            /* 0: 200. */
    bool buffer;                /* Hold output until it is committed. */
    uint64_t buffer_bytes;      /* At most, for each vif; 0: 64 MiB. */
    const char *const *realtime; /* Classes that bypass it, NULL at the end;
                                  * NULL: none. */
    bool realtime_unsafe;       /* Encrypted ones, too. */
    bool unreplicated_disks;    /* Writable disks are somebody else's care. */
    bool once;                  /* Do not begin again when the peer was lost. */
    const char *link;           /* Program; NULL: dts-link. */
    const char *const *link_args; /* More arguments for it, NULL at the end. */
    const char *save_helper;    /* Program; NULL: dts-save-helper. */
    const char *control;        /* Socket; NULL: the usual one. */
    int max_interval_ms;        /* Longer ones are told of; 0: ten times the
                                 * interval, and 2 s. */
};

/* Protects the domain until it is unprotected, taken over or gone.  Returns 0
 * then. */
int remus_dts_protect(const struct remus_dts_protect *,
                      const struct remus_dts_callbacks *, void *aux,
                      char **error);

/* Tells the process that protects 'domain' something: "status", "checkpoint",
 * "unprotect" (remus-dts "args": NULL at the end).  '*reply' is text, or JSON
 * with "--json". */
int remus_dts_control(const char *domain, const char *command,
                      const char *const *args, int timeout_ms, char **reply,
                      char **error);

struct remus_dts_receive {
    int version;                /* REMUS_DTS_VERSION */
    int in, out;                /* The stream: usually 0 and 1. */
    const char *domain;         /* Accept no other; NULL: any. */
    bool paused;                /* Do not let it run after a takeover. */
};

/* Receives a domain and waits until it is granted or given up.  Returns 0 when
 * it runs here. */
int remus_dts_receive(const struct remus_dts_receive *,
                      const struct remus_dts_callbacks *, void *aux,
                      char **error);

/* Looks after a domain that remus_dts_receive() has let run: destroys or
 * restarts it when it ends, as its configuration says.  Returns when it is
 * gone. */
int remus_dts_look_after(const char *domain, const struct remus_dts_callbacks *,
                         void *aux, char **error);

#ifdef __cplusplus
}
#endif

#endif /* remus-dts/remus.h */
