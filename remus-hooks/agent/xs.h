/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_XS_H
#define DTS_XS_H 1

/* xenstore, watched by a thread of its own (libxenstore's calls block). */

#include <stdbool.h>
#include <stddef.h>

struct xs_domain {
    int domid;
    char *name;                 /* As in xenstore. */
    char *mac;                  /* Of its vif 0, "" if none. */
    char *shutdown;             /* control/shutdown, "" if none. */
};

/* All domains but the first, in no order. */
struct xs_snapshot {
    struct xs_domain *domains;
    size_t n;
    bool connected;
    long long int mono_us;      /* When it was taken. */
};

void xs_thread_start(void);
/* The next snapshot that was not taken yet, or NULL.  Every change is in one,
 * in order; the caller frees it. */
struct xs_snapshot *xs_thread_next(void);
void xs_thread_wait(void);
/* Has a snapshot taken, though xenstored told of nothing. */
void xs_thread_look(void);
void xs_snapshot_destroy(struct xs_snapshot *);
const char *xs_thread_error(void);  /* Why there is no xenstore, or NULL. */

#endif /* xs.h */
