/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_RUNDIR_H
#define DTS_RUNDIR_H 1

/* Where the sockets and marks of this host's run are: $DTS_RUNDIR, else what
 * configure said.  It does not outlive a restart of the host. */
const char *dts_rundir(void);

#endif /* rundir.h */
