/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_ENGINE_H
#define DTS_ENGINE_H 1

/* The engine of the primary: `xl-remus protect` (docs/protocol.md, section 4).
 *
 * Three processes and a thread:
 *
 *   libxl, in a thread of ours, in one call that lasts as long as the session
 *   the gate, which libxl runs: asks us before the guest resumes and before
 *     the next checkpoint begins
 *   dts-link, which we run: carries the stream from libxl to the peer, and
 *     tells us what the peer holds
 *   we, in a poll loop: engine.c (the life of a protection), engine-session.c
 *     (one session), engine-output.c, engine-libxl.c, engine-link.c,
 *     engine-control.c */

#include <pthread.h>
#include <sys/types.h>

#include "epoch.h"
#include "link-event.h"
#include "netbuf.h"
#include "openvswitch/list.h"
#include "realtime.h"
#include "remus-private.h"
#include "slow.h"

struct agent_session;
struct unixctl_conn;
struct unixctl_server;
struct xs_handle;

enum engine_phase {
    ENGINE_CONNECTING,          /* The link, then the receiver's banner. */
    ENGINE_COPYING,             /* Before the first ack. */
    ENGINE_PROTECTED,
    ENGINE_ENDING,              /* Until libxl has returned. */
    ENGINE_TAKEN,               /* The peer runs it; until it is destroyed. */
    ENGINE_WAITING,             /* To begin again. */
};

/* One session; made anew for each. */
struct engine_session {
    char uuid[40], peer[256];   /* "": not known yet. */
    uint64_t generation;

    /* dts-link. */
    pid_t link;                 /* 0: none, or reaped. */
    int link_pidfd;
    int link_status;            /* Once it ended, else -1. */
    int events;                 /* Read from it; -1: closed. */
    struct link_lines lines;
    int stream;                 /* libxl's end of the stream. */
    int theirs;                 /* The gate's end, until it has it. */
    int gate;                   /* Ours. */

    size_t banner_len;          /* Of XL_BANNER, seen. */
    long long int banner_deadline;

    /* libxl. */
    pthread_t worker;
    bool worker_runs;
    int done[2];                /* A byte when it has returned. */
    int rc;                     /* What it returned. */

    struct epoch epoch;
    long long int release_at;   /* ms: what could not be released is tried
                                 * again; 0: nothing. */
    bool closing;               /* It is to end. */
    long long int link_deadline; /* ms: then the link ends by force. */
    long long int verdict_deadline; /* ms: then a guest that has ended is not
                                     * waited for any longer; 0: not set. */
    bool gate_ended;
    char *why;                  /* Why the session ends. */
    int code;                   /* Exit status for that. */
    struct agent_session *agent; /* That the domain is whose?  And what is
                                  * committed. */
    bool output_told;

    /* Times are microseconds on the monotonic clock. */
    int64_t started, begun_at, begun_before, suspended_at, resumed_at;
    struct remus_dts_checkpoint checkpoint;     /* The one on its way. */
    int64_t protected_at;
    long long int count_at;     /* ms: not before, what is held is counted. */
    uint64_t held_frames;       /* So many were. */
};

struct engine {
    struct remus_caller caller;
    const struct remus_dts_protect *o;
    libxl_ctx *ctx;
    libxl_domain_config config;
    char *json;                 /* The configuration as it is sent. */
    char *name;
    uint32_t domid;
    int interval_ms;

    struct remus_class classes[REMUS_MAX_CLASSES];
    size_t n_classes;
    struct remus_netbuf *netbuf; /* NULL: output is not held. */

    /* Control. */
    struct unixctl_server *unixctl;
    char *control;
    int lock;                   /* Negative: it has none. */
    bool unprotect;
    struct ovs_list waiting;    /* "struct engine_waiter"s. */
    struct xs_handle *xs;       /* The guest's own wishes; NULL: none. */
    char *wish_path, *answer_path;
    long long int wish_after;   /* ms: not before. */
    bool wish;                  /* There is one. */

    enum engine_phase phase;
    struct engine_session s;
    long long int retry_at, retry_ms, progress_at;
    bool was_protected;         /* In any session. */
    int code;                   /* Exit status, and why. */
    char *why;
    struct remus_dts_checkpoint last;   /* Newest that was committed. */
    struct slow slow;
    bool suspect;
};

int64_t engine_now_us(void);
const char *engine_phase_name(enum engine_phase);

/* engine-session.c */
void engine_session_init(struct engine_session *);
void engine_session_begin(struct engine *);
/* Returns false once the session is over: then s.why, s.code, and the epoch's
 * verdict tell how. */
bool engine_session_run(struct engine *);
void engine_session_wait(struct engine *);
/* Does what is due by the epochs; after the session, too: see release_at. */
void engine_epochs_run(struct engine *);
/* Ends it in order. */
void engine_session_close(struct engine *, int code, const char *why);
void engine_session_uninit(struct engine *);

/* engine-output.c: what the guest sends.  Each of the first three returns 0, or
 * an errno value that was logged. */
int engine_output_close(struct engine *);
int engine_output_release(struct engine *);
int engine_output_release_all(struct engine *);
/* Counts what is held, if that was not done just now. */
void engine_output_count(struct engine *);
/* As `status` has it. */
const char *engine_output_name(const struct engine *);
/* Is something held that only a verdict may let go? */
bool engine_output_needs_verdict(const struct engine *);
/* Takes the buffer away.  What it holds leaves if it may, else it never
 * does. */
void engine_output_end(struct engine *);

/* engine-link.c */
int engine_link_start(struct engine *, char **error);
bool engine_link_event(struct engine_session *, struct link_event *, size_t *);
bool engine_link_ended(struct engine_session *);
uint64_t engine_link_bytes(const struct engine_session *);

/* engine-libxl.c */
int engine_check(struct engine *, char **error);
/* Its parts, which `xl-remus check` says line by line.  0, or an exit status
 * and why.  'what' is a name or a number; '*name' is to be freed. */
int engine_find_domain(libxl_ctx *, const char *what, uint32_t *domid,
                       char **name, char **error);
/* Can such a domain be checkpointed at all? */
int engine_check_kind(libxl_ctx *, const libxl_domain_config *,
                      const char *name, char **error);
/* Is all that it can write to replicated? */
int engine_check_disks(const libxl_domain_config *, const char *name,
                       bool unreplicated_disks, char **error);
int engine_worker_start(struct engine *, char **error);
bool engine_worker_ended(struct engine_session *);
enum engine_domain {
    ENGINE_RUNS,
    ENGINE_SUSPENDED,
    ENGINE_SHUT,                /* By itself. */
    ENGINE_GONE,
};
enum engine_domain engine_domain(struct engine *);
/* Lets a suspended guest go on. */
void engine_resume(struct engine *);

/* engine-control.c */
int engine_control_open(struct engine *, char **error);
void engine_control_run(struct engine *);
void engine_control_wait(struct engine *);
/* Checkpoint 'n' is committed; or (0) the session has ended. */
void engine_control_committed(struct engine *, uint64_t n);
void engine_control_close(struct engine *);

#endif /* engine.h */
