/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_STORE_H
#define VIF_STORE_H 1

/* What the vif program reads from xenstore and writes there. */

#include <stdbool.h>
#include "vif-spec.h"

/* NULL, or an error to be freed (also: built without xenstore). */
char *vif_store_open(void);
void vif_store_close(void);

/* Fills in the rest of 'spec' (what is not there stays NULL).  For a plug all
 * that a vif must have is asked for. */
char *vif_store_read(struct vif_spec *);

/* These do nothing when xenstore is not open. */
void vif_store_connected(const struct vif_spec *);
void vif_store_failed(const char *xenbus, const char *message);
/* The value of 'dir'/'key', to be freed; NULL: none. */
char *vif_store_get(const char *dir, const char *key);
/* Writes it, or (NULL) removes it. */
void vif_store_set(const char *dir, const char *key, const char *value);
void vif_store_tell_mtu(const struct vif_spec *, int mtu);

#endif /* vif-store.h */
