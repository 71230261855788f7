/* SPDX-License-Identifier: Apache-2.0 */
/* In place of libopenvswitch's unixctl.c, in programs that serve no commands.
 *
 * OVS's JSON needs its util.c, that its vlog.c, and that registers commands for
 * ovs-appctl: which would bring in streams, TLS and with it libssl and
 * libcrypto.  A program linked with this file has none of them, and starts in
 * half the time: what counts for the vif program, which is started on the path
 * of a failover.  The commands that are registered are never served. */

#include <config.h>

#include "openvswitch/compiler.h"
#include "unixctl.h"

void
unixctl_command_register(const char *name OVS_UNUSED,
                         const char *usage OVS_UNUSED,
                         int min_args OVS_UNUSED, int max_args OVS_UNUSED,
                         unixctl_cb_func *cb OVS_UNUSED, void *aux OVS_UNUSED)
{
}

void
unixctl_command_reply(struct unixctl_conn *conn OVS_UNUSED,
                      const char *body OVS_UNUSED)
{
}

void
unixctl_command_reply_error(struct unixctl_conn *conn OVS_UNUSED,
                            const char *error OVS_UNUSED)
{
}
