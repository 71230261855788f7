/* SPDX-License-Identifier: Apache-2.0 */

/* Which database dts-ctl talks to when --db does not say. */

#include <config.h>
#include "ctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dirs.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "vswitch-idl.h"
#include "rundir.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

/* Returns external_ids:KEY of this machine's Open_vSwitch row, to be freed;
 * NULL if it is not set or there is no Open vSwitch that answers within
 * 'timeout_ms'. */
char *
local_ovs_external_id(const char *key, int timeout_ms)
{
    char *remote = xasprintf("unix:%s/db.sock", ovs_rundir());
    struct ovsdb_idl *idl = ovsdb_idl_create(remote, &ovsrec_idl_class,
                                             false, false);
    long long int deadline = time_msec() + timeout_ms;
    char *value = NULL;

    ovsdb_idl_set_leader_only(idl, false);
    ovsdb_idl_add_table(idl, &ovsrec_table_open_vswitch);
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_external_ids);
    while (!ovsdb_idl_has_ever_connected(idl)) {
        ovsdb_idl_run(idl);
        if (!ovsdb_idl_is_alive(idl) || time_msec() >= deadline) {
            break;
        }
        if (!ovsdb_idl_has_ever_connected(idl)) {
            ovsdb_idl_wait(idl);
            poll_timer_wait_until(deadline);
            poll_block();
        }
    }

    const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(idl);
    if (ovs) {
        value = nullable_xstrdup(smap_get(&ovs->external_ids, key));
    }
    ovsdb_idl_destroy(idl);
    free(remote);
    return value;
}

/* $DTS_DB, else the socket of a database on this machine, else what the local
 * Open vSwitch knows; to be freed. */
char *
default_remote(void)
{
    const char *env = getenv("DTS_DB");
    if (env && env[0]) {
        return xstrdup(env);
    }

    char *path = xasprintf("%s/db.sock", dts_rundir());
    if (!access(path, F_OK)) {
        char *remote = xasprintf("unix:%s", path);
        free(path);
        return remote;
    }
    free(path);

    return local_ovs_external_id("dts-remote", 2000);
}
