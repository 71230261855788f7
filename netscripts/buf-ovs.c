/* SPDX-License-Identifier: Apache-2.0 */
/* Does a change of buf-txn.c in the local Open vSwitch. */

#include <config.h>

#include "buf-ovs.h"

#include <stdlib.h>
#include <string.h>

#include "netdev-exists.h"
#include "remus-dts/exit.h"
#include "util.h"
#include "vif-db.h"
#include "vif-txn.h"

#define DB_MS 8000
#define TAKEN_MS 5000

/* Looks and changes, again if another program did so in between. */
static char *
change(struct vif_db *db, enum buf_op op, struct buf_pair pairs[], size_t n,
       int *code)
{
    char *error = NULL;
    int tries;

    for (tries = 0; tries < 3; tries++) {
        struct json *result, *params;
        bool again = false;

        free(error);
        error = vif_db_transact(db, buf_txn_look(pairs, n), DB_MS, &result);
        if (error) {
            return error;
        }
        error = buf_result_look(result, op, pairs, n);
        json_destroy(result);
        if (error) {
            *code = DTS_EXIT_NOT_FOUND;
            return error;
        }
        params = buf_txn_change(op, pairs, n);
        if (!params) {
            return NULL;
        }
        error = vif_db_transact(db, params, DB_MS, &result);
        if (error) {
            return error;
        }
        error = buf_result_change(result, &again);
        json_destroy(result);
        if (!again) {
            break;
        }
    }
    return error;
}

static char *
wait_taken(struct vif_db *db, const char *name, int *code)
{
    struct vif_spec spec = { .name = CONST_CAST(char *, name) };
    struct json *result;
    bool timed_out;
    char *error = vif_db_transact(db, vif_txn_taken(&spec, TAKEN_MS), DB_MS,
                                  &result);

    if (!error) {
        error = vif_result_taken(result, &timed_out);
        json_destroy(result);
        if (timed_out) {
            *code = DTS_EXIT_TIMEOUT;
            error = xasprintf("ovs-vswitchd did not take %s within %d s: is "
                              "it running (systemctl status "
                              "openvswitch-switch)?", name, TAKEN_MS / 1000);
        }
    }
    return error;
}

char *
buf_ovs_change(enum buf_op op, struct buf_pair pairs[], size_t n, int *code)
{
    struct vif_db *db;
    char *error;
    size_t i;

    *code = DTS_EXIT_NO_DATABASE;
    for (i = 0; i < n; i++) {
        pairs[i].vif_exists = dts_netdev_exists(pairs[i].vif);
    }
    error = vif_db_open(&db);
    if (!error) {
        error = change(db, op, pairs, n, code);
    }
    for (i = 0; i < n && !error; i++) {
        if (pairs[i].plugs) {
            error = wait_taken(db, pairs[i].plugs, code);
        }
    }
    vif_db_close(db);
    return error;
}
