/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMUS_NETBUF_H
#define REMUS_NETBUF_H 1

/* The output buffer of one domain: all its vifs, held and released together.
 *
 * Frames from the guest pass, or are held in the kernel (sch_plug) until the
 * epoch that they belong to is released; those of a real-time class pass
 * always.  See netbuf.c for the layout.
 *
 *   remus_netbuf_open()          lays it; everything passes
 *   remus_netbuf_close_epoch()   from here on frames are held: they belong to
 *                                the next epoch; those before, to this one
 *   remus_netbuf_release()       the frames of the epoch that was closed leave
 *   remus_netbuf_release_all()   everything leaves, and passes from here on
 *   remus_netbuf_close()         takes it away again
 *
 * sch_plug keeps the length of one unreleased epoch only: closing a second one
 * is refused (EBUSY) and changes nothing.
 *
 * One thread at a time.  open, close and undo start a program and take some
 * 10 ms; the others are one system call or two, allocate nothing and start
 * nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "realtime.h"

struct remus_netbuf;

struct remus_netbuf_count {
    uint64_t frames, bytes;
};

struct remus_netbuf_stats {
    size_t n_vifs;
    bool intact;                /* False: a vif no longer sends into the
                                 * buffer.  Output commit cannot be kept. */
    bool held;                  /* Frames are held now. */
    bool closed;                /* An epoch waits for its release. */
    struct remus_netbuf_count waiting;  /* In the buffer now. */
    struct remus_netbuf_count left;     /* Came out of it since it was laid. */
    uint64_t dropped;           /* Did not fit into 'limit_bytes'. */
    size_t n_classes;           /* As given to open, in that order. */
    struct remus_netbuf_count bypassed[REMUS_MAX_CLASSES];
};

#define REMUS_NETBUF_LIMIT (64u << 20)  /* A sane 'limit_bytes', a vif. */

/* Each returns 0 or a positive errno value; those with 'error' set it to a
 * message that says what to do (to be freed) if and only if they fail. */

/* Lays the buffer of each vif of 'domid' and puts it into the vif's place in
 * Open vSwitch; what an earlier process left is taken over, and released.  On
 * failure nothing is changed. */
int remus_netbuf_open(int domid, const struct remus_class[], size_t n_classes,
                      size_t limit_bytes, struct remus_netbuf **,
                      char **error);

/* 0 means that the kernel has acknowledged it for every vif.  On an error the
 * call may be repeated: vifs that have done it are not asked twice.  Until it
 * succeeds the guest must not run on. */
int remus_netbuf_close_epoch(struct remus_netbuf *);    /* EBUSY: see above. */
int remus_netbuf_release(struct remus_netbuf *);        /* EINVAL: none. */
int remus_netbuf_release_all(struct remus_netbuf *);

/* Asks the kernel.  '*stats' is whole, with what is known, also on an error. */
int remus_netbuf_stats(const struct remus_netbuf *,
                       struct remus_netbuf_stats *stats);

/* What becomes of the frames that are held, and of the buffer, at the end. */
enum remus_netbuf_end {
    REMUS_NETBUF_RELEASE,       /* The guest goes on here, alone: they leave,
                                 * and the vif takes its own place again. */
    REMUS_NETBUF_DROP,          /* The guest runs elsewhere: they never leave,
                                 * and the vif stays cut off. */
    REMUS_NETBUF_KEEP,          /* Not decided: all stays as it is. */
};

/* Ends the use of the buffer; frees in any case.  On an error, and after
 * REMUS_NETBUF_KEEP, remus_netbuf_undo() does the rest. */
int remus_netbuf_close(struct remus_netbuf *, enum remus_netbuf_end,
                       char **error);

/* Ends a buffer of 'domid' that a process left behind which died, or kept it.
 * Nothing to do is no error. */
int remus_netbuf_undo(int domid, enum remus_netbuf_end, char **error);

#endif /* netbuf.h */
