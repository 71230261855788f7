/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIF_DEV_H
#define VIF_DEV_H 1

/* The network device itself, by ioctl: what Xen's scripts do with ip(8). */

#include <stdbool.h>

/* Of devices that are there (see netdev-exists.h). */
/* Takes the device down and gives it the address that no bridge or guest
 * uses; dom0 itself gets no address on it. */
char *vif_dev_prepare(const char *name);
char *vif_dev_rename(const char *from, const char *to);
char *vif_dev_set_mtu(const char *name, int mtu);
/* Takes the device up or down. */
char *vif_dev_set_up(const char *name, bool up);

#endif /* vif-dev.h */
