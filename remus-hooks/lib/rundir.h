/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_RUNDIR_H
#define DTS_RUNDIR_H 1

#include <stdbool.h>

/* Where the sockets and marks of this host's run are: $DTS_RUNDIR, else what
 * configure said.  It does not outlive a restart of the host. */
const char *dts_rundir(void);

/* Takes the lock that an `xl-remus protect` of 'domain' holds as long as it
 * lives.  Returns a descriptor, to be closed, or a negative errno: -EWOULDBLOCK
 * if another one has it.  '*path' (may be NULL), to be freed, is the lock's
 * file, which has this process's number while it is held. */
int dts_engine_lock(const char *domain, char **path);

/* Who holds the lock in the file 'path': "process 123 (xl-remus check)", or
 * "another process" where that cannot be told.  To be freed. */
char *dts_engine_holder(const char *path);

/* True if such a process lives on this host, or if that cannot be told.  (One
 * that starts in this very moment tries again.) */
bool dts_engine_lives(const char *domain);

#endif /* rundir.h */
