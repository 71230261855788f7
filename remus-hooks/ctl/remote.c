/* SPDX-License-Identifier: Apache-2.0 */

/* Which database dts-ctl talks to when --db does not say, and with which
 * certificate. */

#include <config.h>
#include "ctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dirs.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "vswitch-idl.h"
#include "smap.h"
#include "stream-ssl.h"
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

    const char *rundir = getenv("DTS_RUNDIR");
    char *path = xasprintf("%s/db.sock",
                           rundir && rundir[0] ? rundir : DTS_RUNDIR);
    if (!access(path, F_OK)) {
        char *remote = xasprintf("unix:%s", path);
        free(path);
        return remote;
    }
    free(path);

    return local_ovs_external_id("dts-remote", 2000);
}

/* The files of TLS: those of the command line, else those in the usual
 * place. */

const char *
pki_private_key(void)
{
    return (settings.private_key ? settings.private_key
            : DTS_SYSCONFDIR "/pki/privkey.pem");
}

const char *
pki_certificate(void)
{
    return (settings.certificate ? settings.certificate
            : DTS_SYSCONFDIR "/pki/cert.pem");
}

const char *
pki_ca_cert(void)
{
    return (settings.ca_cert ? settings.ca_cert
            : DTS_SYSCONFDIR "/pki/cacert.pem");
}

/* Tells the TLS library of them.  What is not given and not there is left
 * out: not every database is reached by TLS. */
void
use_pki(void)
{
    if (settings.private_key || settings.certificate
        || (!access(pki_private_key(), R_OK)
            && !access(pki_certificate(), R_OK))) {
        stream_ssl_set_key_and_cert(pki_private_key(), pki_certificate());
    }
    if (settings.ca_cert || !access(pki_ca_cert(), R_OK)) {
        stream_ssl_set_ca_cert_file(pki_ca_cert(), false);
    }
}
