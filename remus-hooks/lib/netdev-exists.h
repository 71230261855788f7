/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_NETDEV_EXISTS_H
#define DTS_NETDEV_EXISTS_H 1

#include <stdbool.h>

/* True if this network namespace has a network device 'name'.  False also for
 * what cannot be the name of one.
 *
 * Not by ioctl, nor by if_nametoindex(), which is one: of a name that is not
 * there the kernel (dev_load()) has modprobe look for a driver, twice, and the
 * caller waits until it is told that there is none. */
bool dts_netdev_exists(const char *name);

#endif /* netdev-exists.h */
