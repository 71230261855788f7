/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_LOCK_H
#define VIF_LOCK_H 1

/* One vif program at a time for one device. */

/* Waits at most 'timeout_ms' for the lock 'name' in $DTS_RUNDIR.  NULL, or an
 * error to be freed.  The lock is held until vif_lock_release() or the end of
 * the process. */
char *vif_lock_take(const char *name, int timeout_ms);
void vif_lock_release(void);

#endif /* vif-lock.h */
