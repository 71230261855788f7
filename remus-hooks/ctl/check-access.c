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
#include "simap.h"
#include "svec.h"
#include "unixctl.h"
#include "util.h"
#include "values.h"
#include "view.h"

/* Of a node, before it is told of them. */
#define MANY_EVENTS (2 * DTS_EVENTS_KEPT)
#define MANY_OTHERS 10

static void
check_own_remote(struct check *c)
{
    struct svec remotes = SVEC_EMPTY_INITIALIZER;

    split_list(c->remote, &remotes);
    for (size_t i = 0; i < remotes.n; i++) {
        if (target_is_plain(remotes.names[i])) {
            check_bad(&c->lines, CHECK_WARN, "access", xstrdup(
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
            check_bad(&c->lines, CHECK_FAIL, "access", xasprintf(
                      "dts-ctl init --listen=pssl:6645, then: dts-ctl remove "
                      "Global . connections UUID-of-the-other"),
                      "the database listens at %s without TLS: nobody there "
                      "has a name, so no rule can hold", row->target);
        } else if (!row->role[0] && connection_is_exempt(row)) {
            *open = true;
            check_bad(&c->lines, CHECK_WARN, "access", xasprintf(
                      "if that is not meant so: dts-ctl remove Connection "
                      "%s external_ids dts-full-rights, dts-ctl init",
                      row->target), "every certificate may write everything "
                      "at %s (dts-full-rights)", row->target);
        } else if (!row->role[0]) {
            *open = true;
            check_bad(&c->lines, CHECK_FAIL, "access", xstrdup("dts-ctl init"),
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
                check_bad(&c->lines, CHECK_FAIL, "access", xasprintf(
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

/* More rows in a node's name than its agent can have written: the rules say who
 * writes, not how much. */
static void
check_amounts(struct check *c)
{
    struct simap events = SIMAP_INITIALIZER(&events);
    struct simap others = SIMAP_INITIALIZER(&others);
    const struct dtsrec_reachability *reach;
    const struct dtsrec_suspicion *suspicion;
    const struct dtsrec_event *event;
    const struct simap_node *node;

    DTSREC_EVENT_FOR_EACH (event, c->dts) {
        simap_increase(&events, event->node, 1);
    }
    DTSREC_SUSPICION_FOR_EACH (suspicion, c->dts) {
        if (!find_node(c->dts, suspicion->about)) {
            simap_increase(&others, suspicion->by, 1);
        }
    }
    DTSREC_REACHABILITY_FOR_EACH (reach, c->dts) {
        if (!find_node(c->dts, reach->subject)) {
            simap_increase(&others, reach->observer, 1);
        }
    }
    SIMAP_FOR_EACH (node, &events) {
        if (node->data > MANY_EVENTS) {
            check_bad(&c->lines, CHECK_WARN, "amount", xasprintf(
                      "is dts-agent running on %s? If it is: who else has "
                      "its key? dts-ctl node-del %s takes them",
                      node->name, node->name),
                      "%u rows of the log are %s's: its agent keeps %d",
                      node->data, node->name, DTS_EVENTS_KEPT);
        }
    }
    SIMAP_FOR_EACH (node, &others) {
        if (node->data > MANY_OTHERS) {
            check_bad(&c->lines, CHECK_WARN, "amount", xasprintf(
                      "who else has %s's key? dts-ctl node-del %s takes "
                      "them", node->name, node->name),
                      "%s asks about, or has seen, %u nodes that there are "
                      "not", node->name, node->data);
        }
    }
    simap_destroy(&events);
    simap_destroy(&others);
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
    check_amounts(c);

    char *problem = rbac_problem(c->dts);
    if (problem) {
        check_bad(&c->lines, CHECK_FAIL, "access", xstrdup(
                  "on the database's machine: dts-ctl init"), "%s", problem);
        free(problem);
    } else if (!open) {
        check_ok(&c->lines, "access",
                 "a node's certificate may write only what is "
                 "that node's own");
    }
}
