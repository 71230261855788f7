/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BUF_OVS_H
#define BUF_OVS_H 1

/* Does a change of buf-txn.h in the local Open vSwitch, and waits until
 * ovs-vswitchd has done its part. */

#include <stddef.h>
#include "buf-txn.h"

/* NULL or an error, to be freed; '*code' is its exit status. */
char *buf_ovs_change(enum buf_op, struct buf_pair[], size_t n, int *code);

#endif /* buf-ovs.h */
