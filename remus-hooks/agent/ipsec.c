/* SPDX-License-Identifier: Apache-2.0 */

/* Encrypted tunnels.
 *
 * Keys are agreed upon and packets encrypted by others: Open vSwitch's
 * ovs-monitor-ipsec reads the certificate's files from other_config of the
 * table Open_vSwitch and the other end's name from its interface, and makes of
 * that what an IKE daemon wants.  This is what is left to do: telling it the
 * certificate (this node's own), and the guards, so that an encrypted tunnel
 * never carries a frame in the clear, whoever of them does not run.
 *
 * A guard that somebody takes away (ip xfrm policy flush) is put back as soon
 * as the kernel tells of it. */

#include <config.h>
#include "ipsec.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "lib/vswitch-idl.h"
#include "netlink-socket.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "pki.h"
#include "smap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "xfrm-guard.h"

VLOG_DEFINE_THIS_MODULE(ipsec);

#define RETRY_MS 1000           /* After an error. */

enum { CERTIFICATE, PRIVATE_KEY, CA_CERT, N_FILES };
static const char *const file_keys[N_FILES] = {
    "certificate", "private_key", "ca_cert",
};
static char *files[N_FILES];    /* Whole paths, or NULL. */

static struct sset wanted = SSET_INITIALIZER(&wanted);
static bool applied;            /* At least once. */
static int error;               /* Why 'wanted' is not in force, or 0. */
static struct nl_sock *news;    /* What the kernel tells, or NULL. */
static long long int retry_at;

void
ipsec_set_pki(const struct pki *pki)
{
    if (pki_is_complete(pki)) {
        files[CERTIFICATE] = abs_file_name(NULL, pki->certificate);
        files[PRIVATE_KEY] = abs_file_name(NULL, pki->private_key);
        files[CA_CERT] = abs_file_name(NULL, pki->ca_cert);
    }
}

/* The guards stay: the tunnels do, too. */
void
ipsec_destroy(void)
{
    nl_sock_destroy(news);
    news = NULL;
    sset_destroy(&wanted);
    sset_init(&wanted);
    applied = false;
    for (size_t i = 0; i < N_FILES; i++) {
        free(files[i]);
        files[i] = NULL;
    }
}

/* Listens before it looks: what changes in between is told. */
static int
listen_to_kernel(void)
{
    if (news || sset_is_empty(&wanted)) {
        return 0;
    }
    int retval = nl_sock_create(NETLINK_XFRM, &news);
    if (!retval) {
        retval = nl_sock_join_mcgroup(news, XFRMNLGRP_POLICY);
        if (retval) {
            nl_sock_destroy(news);
            news = NULL;
        }
    }
    return retval;
}

static void
apply(const char *why)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 10);
    int old = error;
    size_t n = 0;

    error = listen_to_kernel();
    if (!error) {
        error = xfrm_guard_sync(&wanted, &n);
    }
    applied = true;
    retry_at = time_msec() + RETRY_MS;
    if (error && error != old) {
        VLOG_WARN("encrypted tunnels are not made: the kernel does not take "
                  "the policies that refuse them in the clear (%s)",
                  ovs_strerror(error));
    } else if (n) {
        VLOG_INFO_RL(&rl, "%s: %"PRIuSIZE" tunnels are refused in the clear "
                     "(%"PRIuSIZE" IPsec policies put or taken)", why,
                     sset_count(&wanted), n);
    }
}

bool
ipsec_guard(const struct sset *guards)
{
    if (!applied || !sset_equals(guards, &wanted)) {
        sset_destroy(&wanted);
        sset_clone(&wanted, guards);
        apply("as the database says");
    }
    return !error;
}

/* Whether the kernel has told of anything; it is only a reason to look. */
static bool
drain(void)
{
    uint64_t space[512];
    struct ofpbuf buf;
    bool told = false;
    int retval;

    ofpbuf_use_stub(&buf, space, sizeof space);
    do {
        retval = nl_sock_recv(news, &buf, NULL, false);
        told |= !retval || retval == ENOBUFS;
    } while (!retval || retval == ENOBUFS);
    ofpbuf_uninit(&buf);
    return told;
}

bool
ipsec_run(void)
{
    int old = error;

    if (news && drain()) {
        apply("others have changed IPsec policies");
    } else if (error && time_msec() >= retry_at) {
        apply("tried again");
    }
    return !old != !error;
}

void
ipsec_wait(void)
{
    if (news) {
        nl_sock_wait(news, POLLIN);
    }
    if (error) {
        poll_timer_wait_until(retry_at);
    }
}

/* The three belong together: if one is the operator's, all are. */
bool
ipsec_write(const struct ovsrec_open_vswitch *ovs, bool any)
{
    size_t n_there = 0;

    for (size_t i = 0; i < N_FILES; i++) {
        const char *value = smap_get(&ovs->other_config, file_keys[i]);

        if (!files[i] || (value && strcmp(value, files[i]))) {
            return false;
        }
        n_there += value != NULL;
    }
    if (n_there == (any ? N_FILES : 0)) {
        return false;
    }
    for (size_t i = 0; i < N_FILES; i++) {
        if (any) {
            ovsrec_open_vswitch_update_other_config_setkey(
                ovs, file_keys[i], files[i]);
        } else {
            ovsrec_open_vswitch_update_other_config_delkey(ovs, file_keys[i]);
        }
    }
    return true;
}

void
ipsec_format(struct ds *ds)
{
    if (sset_is_empty(&wanted)) {
        return;
    }
    ds_put_format(ds, "encrypted tunnels: %"PRIuSIZE", refused in the clear",
                  sset_count(&wanted));
    if (error) {
        ds_put_format(ds, ": not yet: %s", ovs_strerror(error));
    }
    ds_put_char(ds, '\n');
}
