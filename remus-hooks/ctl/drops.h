/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_DROPS_H
#define DTS_CTL_DROPS_H 1

struct ctl_context;

void cmd_drops(struct ctl_context *);   /* Without the database. */

#endif /* drops.h */
