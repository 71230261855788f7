/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl adopt` and `dts-ctl check`: commands for the node on which they
 * are run, which must work without the database.
 *
 * adopt asks this node's agent to follow a database whose generation of a
 * domain is lower than one that the agent has seen: an old backup was put
 * back, for instance.  Until then the agent keeps its flows as they were,
 * because the newer state may still be in force elsewhere. */

#include <config.h>
#include "ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "daemon.h"
#include "dirs.h"
#include "drops.h"
#include "jsonrpc.h"
#include "pki-ctl.h"
#include "rundir.h"
#include "unixctl.h"
#include "util.h"

/* The agent's control socket in 'dir', to be freed, or NULL. */
static char *
find_control_socket(const char *dir)
{
    char *pidfile = xasprintf("%s/dts-agent.pid", dir);
    pid_t pid = access(pidfile, R_OK) ? 0 : read_pidfile(pidfile);
    char *path = NULL;

    if (pid > 0) {
        path = xasprintf("%s/dts-agent.%ld.ctl", dir, (long int) pid);
    }
    if (!path || access(path, F_OK)) {
        free(path);
        path = xasprintf("%s/dts-agent.ctl", dir);
    }
    if (access(path, F_OK)) {
        free(path);
        path = NULL;
    }
    free(pidfile);
    return path;
}

/* Runs the agent's command 'name' with the arguments 'argv'.  Returns NULL
 * and its output (to be freed), or an error to be freed. */
static char *
call_agent(const char *name, int argc, char *argv[], char **output)
{
    char *path = find_control_socket(dts_rundir());
    struct jsonrpc *client;
    char *refusal = NULL;

    *output = NULL;
    if (!path) {
        path = find_control_socket(ovs_rundir());
    }
    if (!path) {
        return xasprintf("no dts-agent runs on this node (looked in %s and "
                         "%s): start it with systemctl start dts-agent",
                         dts_rundir(), ovs_rundir());
    }

    int error = unixctl_client_create(path, &client);
    if (!error) {
        error = unixctl_client_transact(client, name, argc, argv, output,
                                        &refusal);
        jsonrpc_close(client);
    }
    if (error) {
        refusal = xasprintf("%s: the agent does not answer (%s)", path,
                            ovs_retval_to_string(error));
    }
    free(path);
    return refusal;
}

static void
cmd_adopt(struct ctl_context *ctx)
{
    char *output;

    if (settings.dry_run) {
        ds_put_format(&ctx->output, "would ask this node's agent to adopt "
                      "the database's generation of %s\n", ctx->argv[1]);
        return;
    }
    char *error = call_agent("dts/adopt", 1, &ctx->argv[1], &output);
    if (error) {
        fail(ctx, DTS_EXIT_REFUSED, "%s", error);
        free(error);
    } else {
        ds_put_format(&ctx->output, "%s", output && output[0] ? output
                      : "adopted\n");
        ds_chomp(&ctx->output, '\n');
        ds_put_char(&ctx->output, '\n');
        ds_put_cstr(&ctx->output, "(this node only: repeat it on every node "
                    "that reports database-went-backward)\n");
    }
    free(output);
}

const struct ctl_command_syntax alone_commands[] = {
    { "adopt", 1, 1, "DOMAIN", NULL, cmd_adopt, NULL, "", RO },
    { "check", 0, 0, "", NULL, cmd_check, NULL, "--repair", RO },
    { "drops", 0, 0, "", NULL, cmd_drops, NULL, "", RO },
    { "pki-init", 0, INT_MAX, "[NODE...]", NULL, cmd_pki_init, NULL,
      "--dir=,--renew", RO },
    { "pki-install", 1, 2, "NODE [DIRECTORY]", NULL, cmd_pki_install, NULL,
      "", RO },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
