/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_GUARD_H
#define DTS_CTL_GUARD_H 1

#include "ctl.h"

bool is_alone_command(const struct ctl_command_syntax *);
char *explain_usage(char *error,
                    const struct ctl_command_syntax *const own[]);
char *explain_error(const char *error, const struct ovsdb_idl *);
char *guard_commands(const struct ctl_command *, size_t n, bool unsafe);
void ensure_global(const struct ovsdb_idl *, struct ovsdb_idl_txn *);
void warn_inconsistent(const struct ovsdb_idl *, const struct ctl_command *,
                       size_t n, const struct ctl_command_syntax *const own[]);

#endif /* guard.h */
