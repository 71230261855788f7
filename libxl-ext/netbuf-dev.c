/* SPDX-License-Identifier: Apache-2.0 */
/* The devices, the plug and the filters of one vif's buffer.
 *
 *     guest --> vif --ingress: the rest--> [plug] dtsa ==== dtsb --> Open vSwitch
 *                 \---ingress: real time------------------->^
 *     guest <-- vif <--------------ingress-- dtsa ==== dtsb <-- Open vSwitch
 *
 * dtsa and dtsb are a pair (veth); dtsb is the port that Open vSwitch has in
 * the vif's place.  Nothing of ours is on a port of Open vSwitch, which deletes
 * ingress qdiscs that it did not make.
 *
 * What the guest sends comes in at the vif.  A filter for each block of ports
 * of a real-time class hands the frame on as if dtsb had received it; the last
 * filter, which all frames match, sends it out of dtsa, whose root qdisc is the
 * plug.  So the plug sees every frame that no class admits, of any protocol,
 * and the plug being the root is what libxl's own buffering asks for too.
 * Without the last filter, or without dtsa, the frame ends here: the vif is no
 * port of a bridge, and dom0 has no address on it.
 *
 * Frames stay whole: a veth passes segments on that are still to be cut
 * (TSO/GSO) or summed, with a VLAN tag beside them, as the vif handed them in.
 * Filters and qdiscs belong to the device and not to its queues, so a vif of
 * many queues is one vif. */

#include <config.h>

#include "netbuf-dev.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/plug.h>
#include <netlink/route/tc.h>
#include <netlink/socket.h>

#include "netbuf-match.h"
#include "util.h"
#include "../netscripts/vif-dev.h"

#define HANDLE_CLSACT 0xffff0000

bool
netbuf_dev_init(struct netbuf_dev *dev, unsigned int domid,
                unsigned int devid, const char *vif)
{
    memset(dev, 0, sizeof *dev);
    dev->domid = domid;
    dev->devid = devid;
    if (vif) {
        ovs_strzcpy(dev->vif, vif, sizeof dev->vif);
    } else {
        snprintf(dev->vif, sizeof dev->vif, "vif%u.%u", domid, devid);
    }
    /* At most 15 bytes: domids are below 32752. */
    return (domid < 100000 && devid < 10000
            && snprintf(dev->hold, sizeof dev->hold, "dtsa%u.%u", domid, devid)
               < sizeof dev->hold
            && snprintf(dev->port, sizeof dev->port, "dtsb%u.%u", domid, devid)
               < sizeof dev->port);
}

bool
netbuf_dev_parse(const char *name, unsigned int *domid, unsigned int *devid)
{
    struct netbuf_dev dev;

    return ((!strncmp(name, "dtsa", 4) || !strncmp(name, "dtsb", 4))
            && sscanf(name + 4, "%u.%u", domid, devid) == 2
            && netbuf_dev_init(&dev, *domid, *devid, NULL)
            && !strcmp(name + 4, dev.hold + 4));
}

char *
netbuf_sock_open(struct nl_sock **sock)
{
    int error;

    *sock = nl_socket_alloc();
    error = *sock ? nl_connect(*sock, NETLINK_ROUTE) : -NLE_NOMEM;
    if (error) {
        nl_socket_free(*sock);
        *sock = NULL;
        return xasprintf("netlink: %s", nl_geterror(error));
    }
    return NULL;
}

void
netbuf_sock_close(struct nl_sock *sock)
{
    nl_socket_free(sock);
}

static char *
failed(const char *dev, const char *what, int error)
{
    return (error ? xasprintf("%s: %s: %s", dev, what, nl_geterror(error))
            : NULL);
}

/* A qdisc, a class of filters, an action that the kernel does not have. */
static char *
needs_module(const char *dev, const char *what, const char *module, int error)
{
    if (error == -NLE_OBJ_NOTFOUND) {
        return xasprintf("%s: %s: the kernel has none: modprobe %s", dev, what,
                         module);
    }
    return failed(dev, what, error);
}

/* 0 if there is no such device. */
static int
index_of(struct nl_sock *sock, const char *name, unsigned int *mtu)
{
    struct rtnl_link *link;
    int index = 0;

    if (!rtnl_link_get_kernel(sock, 0, name, &link)) {
        index = rtnl_link_get_ifindex(link);
        if (mtu) {
            *mtu = rtnl_link_get_mtu(link);
        }
        rtnl_link_put(link);
    }
    return index;
}

char *
netbuf_dev_look(struct nl_sock *sock, struct netbuf_dev *dev)
{
    dev->vif_index = index_of(sock, dev->vif, NULL);
    dev->hold_index = index_of(sock, dev->hold, NULL);
    dev->port_index = index_of(sock, dev->port, NULL);
    return NULL;
}

/* Devices. */

static int
add_pair(struct nl_sock *sock, const struct netbuf_dev *dev)
{
    struct rtnl_link *link = rtnl_link_veth_alloc(), *peer;
    int error;

    if (!link) {
        return -NLE_NOMEM;
    }
    rtnl_link_set_name(link, dev->hold);
    peer = rtnl_link_veth_get_peer(link);
    rtnl_link_set_name(peer, dev->port);
    rtnl_link_put(peer);
    error = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
    rtnl_link_put(link);
    return error;
}

/* For people: what 'name' is for. */
static void
set_alias(struct nl_sock *sock, int index, const struct netbuf_dev *dev,
          const char *role)
{
    struct rtnl_link *old = rtnl_link_alloc(), *new = rtnl_link_alloc();
    char *alias = xasprintf("remus-dts: %s of %s (domain %u)", role, dev->vif,
                            dev->domid);

    if (old && new) {
        rtnl_link_set_ifindex(old, index);
        rtnl_link_set_ifalias(new, alias);
        rtnl_link_change(sock, old, new, 0);
    }
    rtnl_link_put(old);
    rtnl_link_put(new);
    free(alias);
}

static char *
ready_pair(struct nl_sock *sock, struct netbuf_dev *dev, unsigned int mtu)
{
    const char *names[] = { dev->hold, dev->port };
    bool new = !dev->hold_index;
    char *error = NULL;
    size_t i;

    if (new) {
        error = failed(dev->hold, "cannot be made",
                       add_pair(sock, dev));
        if (error) {
            return error;
        }
        netbuf_dev_look(sock, dev);
    }
    if (!dev->hold_index || !dev->port_index) {
        return xasprintf("%s and %s are not a pair of ours: ip link del %s",
                         dev->hold, dev->port,
                         dev->hold_index ? dev->hold : dev->port);
    }
    for (i = 0; i < 2 && !error; i++) {
        error = new ? vif_dev_prepare(names[i]) : NULL;
        if (!error) {
            error = vif_dev_set_mtu(names[i], mtu);
        }
        if (!error) {
            error = vif_dev_set_up(names[i], true);
        }
    }
    set_alias(sock, dev->hold_index, dev, "buffer");
    set_alias(sock, dev->port_index, dev, "port");
    return error;
}

/* Qdiscs. */

static struct rtnl_qdisc *
qdisc_new(int index, uint32_t parent, uint32_t handle, const char *kind)
{
    struct rtnl_qdisc *q = rtnl_qdisc_alloc();

    if (q) {
        rtnl_tc_set_ifindex(TC_CAST(q), index);
        rtnl_tc_set_parent(TC_CAST(q), parent);
        rtnl_tc_set_handle(TC_CAST(q), handle);
        if (rtnl_tc_set_kind(TC_CAST(q), kind)) {
            rtnl_qdisc_put(q);
            q = NULL;
        }
    }
    return q;
}

static struct rtnl_qdisc *
plug_new(const struct netbuf_dev *dev)
{
    return qdisc_new(dev->hold_index, TC_H_ROOT, NETBUF_PLUG_HANDLE, "plug");
}

static char *
set_plug(struct nl_sock *sock, const struct netbuf_dev *dev, size_t limit)
{
    struct rtnl_qdisc *q = plug_new(dev);
    int error = -NLE_NOMEM;

    if (q) {
        rtnl_qdisc_plug_set_limit(q, MIN(limit, INT32_MAX));
        error = rtnl_qdisc_add(sock, q, NLM_F_CREATE | NLM_F_REPLACE);
        rtnl_qdisc_put(q);
    }
    return needs_module(dev->hold, "qdisc plug", "sch_plug", error);
}

struct nl_msg *
netbuf_plug_request(const struct netbuf_dev *dev, enum plug_op op)
{
    struct rtnl_qdisc *q = plug_new(dev);
    struct nl_msg *msg = NULL;

    if (q) {
        if (op == PLUG_BUFFER) {
            rtnl_qdisc_plug_buffer(q);
        } else if (op == PLUG_RELEASE_ONE) {
            rtnl_qdisc_plug_release_one(q);
        } else {
            rtnl_qdisc_plug_release_indefinite(q);
        }
        if (rtnl_qdisc_build_add_request(q, 0, &msg)) {
            msg = NULL;
        }
        rtnl_qdisc_put(q);
    }
    return msg;
}

char *
netbuf_dev_release_all(struct nl_sock *sock, struct netbuf_dev *dev)
{
    struct nl_msg *msg;

    netbuf_dev_look(sock, dev);
    if (!dev->hold_index) {
        return NULL;
    }
    msg = netbuf_plug_request(dev, PLUG_RELEASE_ALL);
    return failed(dev->hold, "cannot be released",
                  msg ? nl_send_sync(sock, msg) : -NLE_NOMEM);
}

static int
change_clsact(struct nl_sock *sock, int index, bool add)
{
    struct rtnl_qdisc *q = qdisc_new(index, TC_H_CLSACT, HANDLE_CLSACT,
                                     "clsact");
    int error = -NLE_NOMEM;

    if (q) {
        error = (add ? rtnl_qdisc_add(sock, q, NLM_F_CREATE | NLM_F_EXCL)
                 : rtnl_qdisc_delete(sock, q));
        rtnl_qdisc_put(q);
    }
    return error;
}

/* An empty one: what was there (also of Open vSwitch, which had the vif) goes
 * first. */
static char *
fresh_clsact(struct nl_sock *sock, const char *name, int index)
{
    change_clsact(sock, index, false);
    return needs_module(name, "qdisc clsact", "sch_ingress",
                        change_clsact(sock, index, true));
}

/* Filters. */

/* What matches goes to device 'to': out of it, or in as if it came there. */
static int
put_mirred(struct nl_msg *msg, int to, bool in)
{
    struct tc_mirred parms = {
        .action = TC_ACT_STOLEN,
        .eaction = in ? TCA_INGRESS_REDIR : TCA_EGRESS_REDIR,
        .ifindex = to,
    };
    struct nlattr *actions, *first, *options;

    if (!(actions = nla_nest_start(msg, TCA_U32_ACT))
        || !(first = nla_nest_start(msg, 1))
        || nla_put_string(msg, TCA_ACT_KIND, "mirred")
        || !(options = nla_nest_start(msg, TCA_ACT_OPTIONS))
        || nla_put(msg, TCA_MIRRED_PARMS, sizeof parms, &parms)) {
        return -NLE_NOMEM;
    }
    nla_nest_end(msg, options);
    nla_nest_end(msg, first);
    nla_nest_end(msg, actions);
    return 0;
}

static int
put_u32(struct nl_msg *msg, const struct netbuf_match *m, int to, bool in)
{
    struct {
        struct tc_u32_sel sel;
        struct tc_u32_key keys[NETBUF_MAX_KEYS];
    } s;
    struct nlattr *options;
    size_t i;

    memset(&s, 0, sizeof s);
    s.sel.flags = TC_U32_TERMINAL;
    s.sel.nkeys = m->n_keys;
    for (i = 0; i < m->n_keys; i++) {
        s.keys[i].val = htonl(m->keys[i].value);
        s.keys[i].mask = htonl(m->keys[i].mask);
        s.keys[i].off = m->keys[i].ofs;
    }
    if (nla_put_string(msg, TCA_KIND, "u32")
        || !(options = nla_nest_start(msg, TCA_OPTIONS))
        || nla_put(msg, TCA_U32_SEL,
                   sizeof s.sel + m->n_keys * sizeof s.keys[0], &s)
        || put_mirred(msg, to, in)) {
        return -NLE_NOMEM;
    }
    nla_nest_end(msg, options);
    return 0;
}

/* libnl knows u32, but of mirred only the way out. */
static char *
add_filter(struct nl_sock *sock, const char *name, int index, uint16_t pref,
           const struct netbuf_match *m, int to, bool in)
{
    struct tcmsg tcm = {
        .tcm_family = AF_UNSPEC,
        .tcm_ifindex = index,
        .tcm_parent = NETBUF_FILTERS,
        .tcm_info = TC_H_MAKE((uint32_t) pref << 16, htons(m->ethertype)),
    };
    struct nl_msg *msg
        = nlmsg_alloc_simple(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
    int error = -NLE_NOMEM;

    if (msg && !nlmsg_append(msg, &tcm, sizeof tcm, NLMSG_ALIGNTO)
        && !put_u32(msg, m, to, in)) {
        error = nl_send_sync(sock, msg);        /* Frees 'msg'. */
    } else {
        nlmsg_free(msg);
    }
    return needs_module(name, "filter", "cls_u32 act_mirred", error);
}

static char *
add_catch_all(struct nl_sock *sock, const char *name, int index, int to)
{
    static const struct netbuf_match all = { .ethertype = ETH_P_ALL };

    return add_filter(sock, name, index, NETBUF_PREF_LAST, &all, to, false);
}

static char *
add_class(struct nl_sock *sock, const struct netbuf_dev *dev,
          const struct remus_class *c, uint16_t pref)
{
    struct netbuf_match matches[NETBUF_MAX_MATCHES];
    size_t n = netbuf_matches(c, matches), i;
    char *error = NULL;

    for (i = 0; i < n && !error; i++) {
        bool ip6 = matches[i].ethertype == ETHERTYPE_IPV6;

        error = add_filter(sock, dev->vif, dev->vif_index, pref + ip6,
                           &matches[i], dev->port_index, true);
    }
    return error;
}

/* All of it. */

char *
netbuf_dev_prepare(struct nl_sock *sock, struct netbuf_dev *dev, size_t limit)
{
    unsigned int mtu = 0;
    char *error;

    netbuf_dev_look(sock, dev);
    if (!index_of(sock, dev->vif, &mtu)) {
        return xasprintf("there is no network device %s (domain %u, vif %u)",
                         dev->vif, dev->domid, dev->devid);
    }
    error = ready_pair(sock, dev, mtu);
    if (!error) {
        error = set_plug(sock, dev, limit);
    }
    if (!error) {
        error = netbuf_dev_release_all(sock, dev);
    }
    if (!error) {
        error = fresh_clsact(sock, dev->hold, dev->hold_index);
    }
    if (!error) {
        error = add_catch_all(sock, dev->hold, dev->hold_index,
                              dev->vif_index);
    }
    return error;
}

char *
netbuf_dev_redirect(struct nl_sock *sock, struct netbuf_dev *dev,
                    const struct remus_class classes[], size_t n)
{
    char *error = fresh_clsact(sock, dev->vif, dev->vif_index);
    size_t i;

    if (!error) {
        error = add_catch_all(sock, dev->vif, dev->vif_index,
                              dev->hold_index);
    }
    for (i = 0; i < n && !error; i++) {
        error = add_class(sock, dev, &classes[i], NETBUF_PREF_FIRST + 2 * i);
    }
    return error;
}

char *
netbuf_dev_unredirect(struct nl_sock *sock, struct netbuf_dev *dev)
{
    int error = 0;

    netbuf_dev_look(sock, dev);
    if (dev->vif_index) {
        error = change_clsact(sock, dev->vif_index, false);
        if (error == -NLE_OBJ_NOTFOUND || error == -NLE_INVAL) {
            error = 0;          /* There was none. */
        }
    }
    return failed(dev->vif, "its filters cannot be removed", error);
}

char *
netbuf_dev_remove(struct nl_sock *sock, struct netbuf_dev *dev)
{
    struct rtnl_link *link;
    int error;

    netbuf_dev_look(sock, dev);
    if (!dev->hold_index) {
        return NULL;
    }
    link = rtnl_link_alloc();
    if (!link) {
        return failed(dev->hold, "cannot be removed", -NLE_NOMEM);
    }
    rtnl_link_set_ifindex(link, dev->hold_index);
    error = rtnl_link_delete(sock, link);
    rtnl_link_put(link);
    if (error == -NLE_NODEV) {
        error = 0;
    }
    dev->hold_index = dev->port_index = 0;
    return failed(dev->hold, "cannot be removed", error);
}
