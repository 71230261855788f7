/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: runs the areas, prints the lines (see check.h). */

#include <config.h>
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "util.h"

char *
machine_path(const char *path)
{
    const char *root = getenv("DTS_CHECK_ROOT");

    return xasprintf("%s%s", root ? root : "", path);
}

bool
run_program(const char *const argv[])
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        execvp(argv[0], (char *const *) argv);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

bool
wait_for_data(struct ovsdb_idl *idl, int timeout_ms)
{
    long long int deadline = time_msec() + timeout_ms;

    for (;;) {
        ovsdb_idl_run(idl);
        if (ovsdb_idl_has_ever_connected(idl)) {
            return true;
        }
        if (!ovsdb_idl_is_alive(idl) || time_msec() >= deadline) {
            return false;
        }
        ovsdb_idl_wait(idl);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

static void
lines_to_json(const struct check *c, struct ds *ds)
{
    struct json *json = json_object_create();

    json_object_put_string(json, "node", c->node ? c->node : "");
    check_lines_put(&c->lines, json);
    json_to_ds(json, settings.json_flags, ds);
    ds_put_char(ds, '\n');
    json_destroy(json);
}

void
cmd_check(struct ctl_context *ctx)
{
    struct check c = { .repair = (has_option(ctx, "--repair")
                                  && !settings.dry_run) };

    check_lines_init(&c.lines, NULL);
    check_ovs(&c);
    check_database(&c);
    check_access(&c);
    check_pki(&c);
    check_tunnels(&c);
    check_ipsec(&c);
    check_host(&c);

    if (settings.json) {
        lines_to_json(&c, &ctx->output);
    } else {
        check_format(&c.lines, &ctx->output);
    }
    set_exit_code(check_exit_code(&c.lines));

    check_lines_uninit(&c.lines);
    free(c.bridge_name);
    free(c.node);
    free(c.remote);
    free(c.encap_ip);
    free(c.encap_type);
    ovsdb_idl_destroy(c.ovs);
    ovsdb_idl_destroy(c.dts);
}
