/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_RUNDIR_H
#define DTS_RUNDIR_H 1

#include <stdbool.h>

/* Where the sockets and marks of this host's run are: $DTS_RUNDIR, else what
 * configure said.  It does not outlive a restart of the host. */
const char *dts_rundir(void);

/* True if an `xl-remus protect` of 'domain' lives on this host (or if that
 * cannot be told). */
bool dts_engine_lives(const char *domain);

#endif /* rundir.h */
