/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: who can write the DTS database.  Its rules fail open in
 * three ways that nobody notices from outside: a connection without a role, an
 * address on the server's command line (which has none), and a client that
 * needs no certificate. */

#include <config.h>
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jsonrpc.h"
#include "ovsdb-idl.h"
#include "rbac.h"
#include "rundir.h"
#include "svec.h"
#include "unixctl.h"
#include "util.h"
#include "values.h"

static void
check_own_remote(struct check *c)
{
    struct svec remotes = SVEC_EMPTY_INITIALIZER;

    split_list(c->remote, &remotes);
    for (size_t i = 0; i < remotes.n; i++) {
        if (target_is_plain(remotes.names[i])) {
            check_bad(c, CHECK_WARN, "access", xstrdup(
                      "make certificates (dts-ctl pki-init) and use ssl:"),
                      "%s is plain TCP: whoever is on the path reads it and "
                      "writes it", remotes.names[i]);
        }
    }
    svec_destroy(&remotes);
}

static void
check_connections(struct check *c, bool *open)
{
    const struct dtsrec_connection *row;

    DTSREC_CONNECTION_FOR_EACH (row, c->dts) {
        if (target_is_plain(row->target)) {
            *open = true;
            check_bad(c, CHECK_FAIL, "access", xasprintf(
                      "dts-ctl init --listen=pssl:6645, then: dts-ctl remove "
                      "Global . connections UUID-of-the-other"),
                      "the database listens at %s without TLS: nobody there "
                      "has a name, so no rule can hold", row->target);
        } else if (!row->role[0] && connection_is_exempt(row)) {
            *open = true;
            check_bad(c, CHECK_WARN, "access", xasprintf(
                      "if that is not meant so: dts-ctl remove Connection "
                      "%s external_ids dts-full-rights, dts-ctl init",
                      row->target), "every certificate may write everything "
                      "at %s (dts-full-rights)", row->target);
        } else if (!row->role[0]) {
            *open = true;
            check_bad(c, CHECK_FAIL, "access", xstrdup("dts-ctl init"),
                      "every node may write everything at %s: the "
                      "connection has no role", row->target);
        }
    }
}

/* Where the server on this machine, if there is one, listens beside that. */
static void
check_server_remotes(struct check *c, bool *open)
{
    char *path = xasprintf("%s/dts-db.ctl", dts_rundir());
    char *result = NULL, *error = NULL;
    struct jsonrpc *client = NULL;

    if (!access(path, F_OK) && !unixctl_client_create(path, &client)
        && !unixctl_client_transact(client, "ovsdb-server/list-remotes", 0,
                                    NULL, &result, &error) && result) {
        char *save = NULL;

        for (char *r = strtok_r(result, "\n", &save); r;
             r = strtok_r(NULL, "\n", &save)) {
            if (strncmp(r, "db:", 3) && strncmp(r, "punix:", 6)) {
                *open = true;
                check_bad(c, CHECK_FAIL, "access", xasprintf(
                          "take it out of DTS_DB_REMOTES in /etc/default/"
                          "remus-dts-db, dts-ctl init --listen=%s, "
                          "systemctl restart dts-db", r),
                          "whoever reaches %s may write everything: it was "
                          "given to ovsdb-server itself and has no role", r);
            }
        }
    }
    jsonrpc_close(client);
    free(result);
    free(error);
    free(path);
}

void
check_access(struct check *c)
{
    bool open = false;

    if (!c->dts) {
        return;
    }
    check_own_remote(c);
    check_connections(c, &open);
    check_server_remotes(c, &open);

    char *problem = rbac_problem(c->dts);
    if (problem) {
        check_bad(c, CHECK_FAIL, "access", xstrdup(
                  "on the database's machine: dts-ctl init"), "%s", problem);
        free(problem);
    } else if (!open) {
        check_ok(c, "access", "a node's certificate may write only what is "
                 "that node's own");
    }
}
