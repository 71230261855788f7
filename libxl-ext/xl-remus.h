/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XL_REMUS_H
#define XL_REMUS_H 1

/* The commands of xl-remus that have options of their own.  Each gets its own
 * name as argv[0] and returns an exit status. */

#include "openvswitch/compiler.h"

int cmd_protect(int argc, char *argv[]);
int cmd_check(int argc, char *argv[]);
int cmd_receive(int argc, char *argv[]);
int cmd_status(int argc, char *argv[]);
int cmd_checkpoint(int argc, char *argv[]);
int cmd_unprotect(int argc, char *argv[]);
int cmd_switchover(int argc, char *argv[]);

/* Says what is wrong; returns 'code'. */
int fail(int code, const char *format, ...) OVS_PRINTF_FORMAT(2, 3);

#endif /* xl-remus.h */
