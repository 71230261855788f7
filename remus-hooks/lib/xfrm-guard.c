/* SPDX-License-Identifier: Apache-2.0 */

/* Policies by which the kernel refuses a tunnel's packets in the clear.
 *
 * What makes a tunnel an encrypted one is a policy of the kernel's that an IKE
 * daemon puts there; while it is not there, the same packets leave in the
 * clear, and are taken so.  It is not there before the daemon has started, nor
 * after it has ended.
 *
 * So two policies of our own, one for each direction, block the packets, with
 * the lowest priority of all.  While an IKE daemon's are there those hold, and
 * else nothing passes.  The kernel's policy check is done for what comes in,
 * too: a plain packet that claims to be from the other end is dropped.
 *
 * Ours are told from others' by priority and action.  They name the other
 * end's address only: with both they could be, to the kernel, the same policy
 * as an IKE daemon's, which it would replace. */

#include <config.h>
#include "xfrm-guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "netlink-socket.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "sset.h"
#include "util.h"

/* strongSwan's are between 0x10000 and 0x100000; a lower number goes first. */
#define GUARD_PRIORITY 0xffffd750u

#define VXLAN_PORT 4789
#define GENEVE_PORT 6081

static const int directions[] = { XFRM_POLICY_IN, XFRM_POLICY_OUT };

char *
xfrm_guard_name(enum dts_encap encap, const char *remote_ip)
{
    return xasprintf("%s %s", dts_encap_to_string(encap), remote_ip);
}

/* False if 'name' is not a guard's. */
static bool
name_to_selector(const char *name, int dir, struct xfrm_selector *sel)
{
    size_t n = strcspn(name, " ");
    char *word = xmemdup0(name, n);
    enum dts_encap encap = dts_encap_from_string(word);
    const char *ip = name[n] ? name + n + 1 : "";
    bool ipv6 = strchr(ip, ':') != NULL;
    bool in = dir == XFRM_POLICY_IN;

    free(word);
    memset(sel, 0, sizeof *sel);
    sel->family = ipv6 ? AF_INET6 : AF_INET;
    *(in ? &sel->prefixlen_s : &sel->prefixlen_d) = ipv6 ? 128 : 32;
    if (encap == DTS_ENCAP_GRE) {
        sel->proto = IPPROTO_GRE;
    } else {
        /* Either end sends to this port, from any. */
        sel->proto = IPPROTO_UDP;
        sel->dport = htons(encap == DTS_ENCAP_VXLAN
                           ? VXLAN_PORT : GENEVE_PORT);
        sel->dport_mask = OVS_BE16_MAX;
    }
    return (encap != DTS_ENCAP_UNSET
            && inet_pton(sel->family, ip,
                         in ? &sel->saddr : &sel->daddr) == 1);
}

/* The name of the guard of which 'p' is half, to be freed; NULL if it is
 * somebody else's. */
static char *
name_of_policy(const struct xfrm_userpolicy_info *p)
{
    bool in = p->dir == XFRM_POLICY_IN;
    char ip[INET6_ADDRSTRLEN];
    enum dts_encap encap = (p->sel.proto == IPPROTO_GRE ? DTS_ENCAP_GRE
                            : p->sel.dport == htons(VXLAN_PORT)
                            ? DTS_ENCAP_VXLAN : DTS_ENCAP_GENEVE);

    if (p->priority != GUARD_PRIORITY || p->action != XFRM_POLICY_BLOCK
        || (!in && p->dir != XFRM_POLICY_OUT)
        || !inet_ntop(p->sel.family, in ? &p->sel.saddr : &p->sel.daddr, ip,
                      sizeof ip)) {
        return NULL;
    }
    return xfrm_guard_name(encap, ip);
}

/* Reads the names of our policies of each direction. */
static int
read_policies(struct sset have[2])
{
    uint64_t space[NL_DUMP_BUFSIZE / 8];
    struct ofpbuf request, reply, buf;
    struct xfrm_userpolicy_id *id;
    struct nl_dump dump;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof *id, XFRM_MSG_GETPOLICY,
                        NLM_F_REQUEST);
    id = nl_msg_put_uninit(&request, sizeof *id);
    memset(id, 0, sizeof *id);
    nl_dump_start(&dump, NETLINK_XFRM, &request);
    ofpbuf_uninit(&request);

    ofpbuf_use_stub(&buf, space, sizeof space);
    while (nl_dump_next(&dump, &reply, &buf)) {
        struct xfrm_userpolicy_info p;
        const void *data = ofpbuf_at(&reply, NLMSG_HDRLEN, sizeof p);
        char *name = NULL;

        if (data) {
            memcpy(&p, data, sizeof p); /* It is aligned to 4 bytes only. */
            name = name_of_policy(&p);
        }
        if (name) {
            sset_add_and_free(&have[p.dir == XFRM_POLICY_OUT], name);
        }
    }
    ofpbuf_uninit(&buf);
    return nl_dump_done(&dump);
}

static int
put_policy(const char *name, int dir)
{
    struct xfrm_userpolicy_info p = {
        .priority = GUARD_PRIORITY,
        .dir = dir,
        .action = XFRM_POLICY_BLOCK,
        .share = XFRM_SHARE_ANY,
        .lft = {
            .soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF,
            .soft_packet_limit = XFRM_INF, .hard_packet_limit = XFRM_INF,
        },
    };
    struct ofpbuf request;

    if (!name_to_selector(name, dir, &p.sel)) {
        return EINVAL;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof p, XFRM_MSG_UPDPOLICY,
                        NLM_F_REQUEST);
    nl_msg_put(&request, &p, sizeof p);
    int error = nl_transact(NETLINK_XFRM, &request, NULL);
    ofpbuf_uninit(&request);
    return error;
}

static int
take_policy(const char *name, int dir)
{
    struct xfrm_userpolicy_id id = { .dir = dir };
    struct ofpbuf request;

    if (!name_to_selector(name, dir, &id.sel)) {
        return EINVAL;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof id, XFRM_MSG_DELPOLICY,
                        NLM_F_REQUEST);
    nl_msg_put(&request, &id, sizeof id);
    int error = nl_transact(NETLINK_XFRM, &request, NULL);
    ofpbuf_uninit(&request);
    return error == ENOENT ? 0 : error;
}

int
xfrm_guard_read(struct sset *guards)
{
    struct sset have[2] = { SSET_INITIALIZER(&have[0]),
                            SSET_INITIALIZER(&have[1]) };
    int error = read_policies(have);
    const char *name;

    SSET_FOR_EACH (name, &have[0]) {
        if (sset_contains(&have[1], name)) {
            sset_add(guards, name);
        }
    }
    sset_destroy(&have[0]);
    sset_destroy(&have[1]);
    return error;
}

int
xfrm_guard_sync(const struct sset *wanted, size_t *n_changed)
{
    struct sset have[2] = { SSET_INITIALIZER(&have[0]),
                            SSET_INITIALIZER(&have[1]) };
    int error = read_policies(have);
    const char *name;

    *n_changed = 0;
    if (error == EPROTONOSUPPORT && sset_is_empty(wanted)) {
        error = 0;
        goto out;
    }
    for (size_t i = 0; i < ARRAY_SIZE(directions) && !error; i++) {
        SSET_FOR_EACH (name, wanted) {
            if (!sset_contains(&have[i], name)) {
                int e = put_policy(name, directions[i]);
                error = error ? error : e;
                *n_changed += !e;
            }
        }
        SSET_FOR_EACH (name, &have[i]) {
            if (!sset_contains(wanted, name)) {
                int e = take_policy(name, directions[i]);
                error = error ? error : e;
                *n_changed += !e;
            }
        }
    }
out:
    sset_destroy(&have[0]);
    sset_destroy(&have[1]);
    return error;
}
