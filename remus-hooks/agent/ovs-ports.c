/* SPDX-License-Identifier: Apache-2.0 */

/* The ports of the bridge that the view asks for.
 *
 *   dts-d<idx>   data tunnel, server to gateway: any network, by key
 *   dts-l<idx>   liveness tunnel beside it: no guest's frames, BFD
 *   dts-t<idx>   tunnel 1, server to server, BFD; dts-repl is its local end
 *   p<key>-<idx> switching=port: the network's only tunnel, to the node that
 *                owns it now; the switch from one to the other is one
 *                transaction here.  Every owner's port asks for the same
 *                number, so that no flow need change; Open vSwitch 3.1 gives
 *                it only every other time (it frees a tunnel's number a little
 *                after the transaction that removed it), then the flows follow
 *   client ports as the Network names them
 *
 * A tunnel that is to be encrypted and cannot be (refuse()) is not made at
 * all.  Of the interfaces to one node that with BFD tells Open vSwitch's IPsec
 * daemon about it (options:remote_name): the daemon's policies are about outer
 * addresses and encapsulation, so they hold for the others, too; and that one
 * stays when the network's port of switching=port goes.
 *
 * All are marked external_ids:dts-role.  A marked port that is not wanted is
 * removed; others are other people's. */

#include <config.h>

#include "ovs-local.h"

#include <net/if.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "ipsec.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "packets.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "view.h"
#include "xfrm-guard.h"

VLOG_DEFINE_THIS_MODULE(ovs_ports);

#define REPL_CHECK_MS 1000

struct want {
    char *role, *peer, *network;
    const char *type;
    struct smap options;
    struct smap bfd;
    int ofport;                 /* Requested; 0: any. */
    int mtu;                    /* 0: not set. */
    char *guard;                /* Encrypted: see xfrm-guard.h; NULL: not. */
    const char *refused;        /* Why it must not be there, or NULL. */
};

static struct shash wants = SHASH_INITIALIZER(&wants);  /* By port's name. */
static bool path_down;          /* See ovs_ports_set_path_down(). */
static char *repl_ip;           /* dts-repl's, NULL: there is none. */
static long long int repl_check_at;

static void clear(void);
static struct want *add(const char *name, const char *role, const char *peer,
                        const char *type, int ofport);
static void add_tunnels(const struct dts_view *, const struct dts_tunnel *);
static void add_repl(const struct dts_view *);
static void add_networks(const struct dts_view *);

void
ovs_ports_destroy(void)
{
    clear();
    shash_destroy(&wants);
    shash_init(&wants);
}

static void
want_destroy(struct want *w)
{
    free(w->role);
    free(w->peer);
    free(w->network);
    free(w->guard);
    smap_destroy(&w->options);
    smap_destroy(&w->bfd);
    free(w);
}

static void
clear(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &wants) {
        want_destroy(node->data);
        shash_delete(&wants, node);
    }
    free(repl_ip);
    repl_ip = NULL;
}

void
ovs_ports_set_view(const struct dts_view *view)
{
    clear();
    for (size_t i = 0; i < view->n_tunnels; i++) {
        add_tunnels(view, &view->tunnels[i]);
    }
    add_repl(view);
    add_networks(view);
    repl_check_at = 0;
}

static struct want *
add(const char *name, const char *role, const char *peer, const char *type,
    int ofport)
{
    struct want *w = xzalloc(sizeof *w);

    w->role = xstrdup(role);
    w->peer = xstrdup(peer);
    w->type = type;
    w->ofport = ofport;
    smap_init(&w->options);
    smap_init(&w->bfd);

    struct want *old = shash_replace(&wants, name, w);
    if (old) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
        VLOG_WARN_RL(&rl, "%s is the name of two ports (%s and %s): give the "
                     "client port another", name, old->role, role);
        want_destroy(old);
    }
    return w;
}

/* The kernel's datapath has GRE over IPv6 as a type of its own; in the
 * userspace one that type would be in the way of "gre", which does both. */
static const char *
tunnel_type(const struct dts_tunnel *t)
{
    struct switch_config c;

    return (t->encap == DTS_ENCAP_GRE && strchr(t->ip_a, ':')
            && switch_get_config(&c) && strcmp(c.datapath_type, "netdev")
            ? "ip6gre" : dts_encap_to_string(t->encap));
}

static void
set_tunnel(struct want *w, const struct dts_view *view,
           const struct dts_tunnel *t, const char *key)
{
    bool a = t->a == view->self;
    const char *remote_ip = a ? t->ip_b : t->ip_a;

    smap_destroy(&w->options);
    smap_clone(&w->options, &t->options);
    smap_add(&w->options, "local_ip", a ? t->ip_a : t->ip_b);
    smap_add(&w->options, "remote_ip", remote_ip);
    smap_add(&w->options, "key", key);
    if (t->tos >= 0) {
        smap_add_format(&w->options, "tos", "%d", t->tos);
    } else {
        /* Replication, heartbeats and voice are told apart outside, too. */
        smap_add(&w->options, "tos", "inherit");
    }
    if (t->encrypt) {
        w->guard = xfrm_guard_name(t->encap, remote_ip);
    }
}

/* For Open vSwitch's IPsec daemon: the name in the other end's certificate. */
static void
set_encrypt(struct want *w, const struct dts_tunnel *t)
{
    if (t->encrypt) {
        smap_add(&w->options, "remote_name", w->peer);
    }
}

static void
set_bfd(struct want *w, const struct dts_tunnel *t)
{
    smap_add(&w->bfd, "enable", "true");
    smap_add_format(&w->bfd, "min_tx", "%d", t->bfd_min_tx);
    smap_add_format(&w->bfd, "min_rx", "%d", t->bfd_min_tx);
    smap_add_format(&w->bfd, "mult", "%d", t->bfd_mult);
}

static void
set_path_down(struct want *w)
{
    if (!strcmp(w->role, "liveness")) {
        if (path_down) {
            smap_replace(&w->bfd, "cpath_down", "true");
        } else {
            smap_remove(&w->bfd, "cpath_down");
        }
    }
}

/* Whether this node tells its gateways, by the BFD of the liveness tunnels,
 * that it gives up. */
void
ovs_ports_set_path_down(bool down)
{
    const struct shash_node *node;

    if (down != path_down) {
        path_down = down;
        SHASH_FOR_EACH (node, &wants) {
            set_path_down(node->data);
        }
        ovs_local_kick();
    }
}

static void
add_tunnels(const struct dts_view *view, const struct dts_tunnel *t)
{
    const struct dts_node *self = view->self;
    const struct dts_node *peer = t->a == self ? t->b : t->a;
    const char *type = tunnel_type(t);
    bool serve = ((self->roles & DTS_ROLE_SERVER
                   && peer->roles & DTS_ROLE_GATEWAY)
                  || (self->roles & DTS_ROLE_GATEWAY
                      && peer->roles & DTS_ROLE_SERVER));
    bool repl = self->roles & peer->roles & DTS_ROLE_SERVER;
    char name[IFNAMSIZ];
    struct want *w;

    if (serve) {
        snprintf(name, sizeof name, "dts-d%u", peer->index);
        w = add(name, "data", peer->name, type, 1000 + peer->index);
        set_tunnel(w, view, t, "flow");

        snprintf(name, sizeof name, "dts-l%u", peer->index);
        w = add(name, "liveness", peer->name, type, 10000 + peer->index);
        set_tunnel(w, view, t, "0");
        set_encrypt(w, t);
        set_bfd(w, t);
        set_path_down(w);
    }
    if (repl) {
        snprintf(name, sizeof name, "dts-t%u", peer->index);
        w = add(name, "replication", peer->name, type, 20000 + peer->index);
        set_tunnel(w, view, t, OVS_STRINGIZE(DTS_REPL_KEY));
        if (!serve) {
            set_encrypt(w, t);
        }
        set_bfd(w, t);
    }
}

static void
add_repl(const struct dts_view *view)
{
    ovs_be32 ip;
    int mtu = 0;

    for (size_t i = 0; i < view->n_tunnels; i++) {
        const struct dts_tunnel *t = &view->tunnels[i];
        if (t->a->roles & t->b->roles & DTS_ROLE_SERVER) {
            int room = dts_tunnel_room(t);
            mtu = mtu ? MIN(mtu, room) : room;
        }
    }
    /* Another address than the default is the operator's. */
    if (!mtu || !ip_parse(view->self->replication_ip, &ip)
        || ntohl(ip) >> 12 != 0xa9fe4000 >> 12) {
        return;
    }
    add("dts-repl", "replication", "", "internal", 0)->mtu = mtu;
    repl_ip = xstrdup(view->self->replication_ip);
}

static const struct dts_tunnel *
find_tunnel(const struct dts_view *view, const struct dts_node *peer)
{
    return peer != view->self ? dts_view_find_tunnel(view, peer) : NULL;
}

static void
add_networks(const struct dts_view *view)
{
    const struct dts_network *n;

    if (!(view->self->roles & DTS_ROLE_GATEWAY)) {
        return;
    }
    HMAP_FOR_EACH (n, hmap_node, &view->networks) {
        if (!dts_network_has_gateway(n, view->self_name)) {
            continue;
        }
        for (size_t i = 0; i < n->n_ports; i++) {
            const struct dts_client_port *cp = &n->ports[i];
            if (!strcmp(cp->gateway, view->self_name)
                && !shash_find(&wants, cp->port)) {
                add(cp->port, "client", "", "", 0);
            }
        }
        if (n->switching_port) {
            const struct dts_node *owner = dts_network_port_owner(view, n);
            const struct dts_tunnel *t
                = owner ? find_tunnel(view, owner) : NULL;
            if (t) {
                char name[IFNAMSIZ], key[16];
                snprintf(name, sizeof name, "p%"PRIu32"-%u", n->key,
                         owner->index);
                snprintf(key, sizeof key, "%"PRIu32, n->key);
                struct want *w = add(name, "port", owner->name,
                                     tunnel_type(t), 30000 + n->key % 20000);
                w->network = xstrdup(n->name);
                set_tunnel(w, view, t, key);
            }
        }
    }
}

/* What differs between row and wish is written. */
static bool
sync_port(const struct ovsrec_port *port, const struct ovsrec_interface *iface,
          const struct want *w, bool new)
{
    struct smap ids = SMAP_INITIALIZER(&ids);
    bool changed = new;

    smap_add(&ids, "dts-role", w->role);
    if (w->peer[0]) {
        smap_add(&ids, "dts-peer", w->peer);
    }
    if (w->network) {
        smap_add(&ids, "dts-network", w->network);
    }
    if (new || !smap_equal(&ids, &port->external_ids)) {
        ovsrec_port_set_external_ids(port, &ids);
        ovsrec_interface_set_external_ids(iface, &ids);
        changed = true;
    }
    smap_destroy(&ids);

    if (new || strcmp(iface->type, w->type)) {
        ovsrec_interface_set_type(iface, w->type);
        changed = true;
    }
    if (!smap_equal(&w->options, &iface->options)) {
        ovsrec_interface_set_options(iface, &w->options);
        changed = true;
    }
    if (!smap_equal(&w->bfd, &iface->bfd)) {
        ovsrec_interface_set_bfd(iface, &w->bfd);
        changed = true;
    }
    int64_t n = w->ofport;
    if (n && (!iface->n_ofport_request || *iface->ofport_request != n)) {
        ovsrec_interface_set_ofport_request(iface, &n, 1);
        changed = true;
    }
    n = w->mtu;
    if (n && (!iface->n_mtu_request || *iface->mtu_request != n)) {
        ovsrec_interface_set_mtu_request(iface, &n, 1);
        changed = true;
    }
    return changed;
}

/* Why a tunnel of 'w' could not be encrypted in 'br', or NULL. */
static const char *
refuse(const struct want *w, const struct ovsrec_bridge *br)
{
    return (!strcmp(br->datapath_type, "netdev")
            ? "the userspace datapath cannot encrypt"
            : !strcmp(w->type, "ip6gre")
            ? "Open vSwitch does not encrypt GRE over IPv6"
            : NULL);
}

/* Guards what is to be encrypted, before it is made, and finds out what must
 * not be.  Returns true if anything is encrypted. */
static bool
guard(const struct ovsrec_bridge *br)
{
    static struct sset told = SSET_INITIALIZER(&told);
    struct sset guards = SSET_INITIALIZER(&guards);
    const struct shash_node *node;
    bool any = false;

    SHASH_FOR_EACH (node, &wants) {
        struct want *w = node->data;
        const char *why = w->guard ? refuse(w, br) : NULL;

        if (!why) {
            sset_find_and_delete(&told, node->name);
        } else if (sset_add(&told, node->name)) {
            VLOG_WARN("%s to %s is not made: it is to be encrypted, and %s",
                      node->name, w->peer, why);
        }
        w->refused = why;
        if (w->guard && !why) {
            sset_add(&guards, w->guard);
            any = true;
        }
    }
    if (!ipsec_guard(&guards)) {
        SHASH_FOR_EACH (node, &wants) {
            struct want *w = node->data;
            if (w->guard && !w->refused) {
                w->refused = "the kernel would let it pass in the clear";
            }
        }
    }
    sset_destroy(&guards);
    return any;
}

/* The wish for the port 'name', unless it must not be there. */
static const struct want *
find_want(const char *name)
{
    const struct want *w = shash_find_data(&wants, name);

    return w && !w->refused ? w : NULL;
}

bool
ovs_ports_sync(struct ovsdb_idl *idl OVS_UNUSED, struct ovsdb_idl_txn *txn,
               const struct ovsrec_bridge *br)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    struct shash have = SHASH_INITIALIZER(&have);
    const struct shash_node *node;
    bool changed = false;

    if (shash_is_empty(&wants)) {
        return false;           /* No view: leave all as it is. */
    }
    changed |= ipsec_write(ovs_local_root(), guard(br));
    for (size_t i = 0; i < br->n_ports; i++) {
        shash_add_once(&have, br->ports[i]->name, br->ports[i]);
    }
    SHASH_FOR_EACH (node, &have) {
        const struct ovsrec_port *port = node->data;
        if (smap_get(&port->external_ids, "dts-role")
            && !find_want(port->name)) {
            ovsrec_bridge_update_ports_delvalue(br, port);
            changed = true;
        }
    }
    SHASH_FOR_EACH (node, &wants) {
        const struct want *w = node->data;
        const struct ovsrec_port *port = shash_find_data(&have, node->name);

        if (w->refused) {
            continue;
        }
        if (port) {
            /* A client port that was there is its owner's. */
            if (port->n_interfaces && (strcmp(w->role, "client")
                                       || smap_get(&port->external_ids,
                                                   "dts-role"))) {
                changed |= sync_port(port, port->interfaces[0], w, false);
            }
        } else if (ovs_local_find_port(node->name)) {
            VLOG_WARN_RL(&rl, "port %s is in another bridge: remove it there "
                         "(ovs-vsctl del-port %s), it is needed in %s",
                         node->name, node->name, br->name);
        } else {
            struct ovsrec_interface *iface = ovsrec_interface_insert(txn);
            ovsrec_interface_set_name(iface, node->name);
            struct ovsrec_port *new = ovsrec_port_insert(txn);
            ovsrec_port_set_name(new, node->name);
            ovsrec_port_set_interfaces(new, &iface, 1);
            sync_port(new, iface, w, true);
            ovsrec_bridge_update_ports_addvalue(br, new);
            changed = true;
        }
    }
    shash_destroy(&have);
    return changed;
}

static const struct ovsrec_interface *
find_interface(const struct ovsrec_bridge *br, const char *name)
{
    for (size_t i = 0; i < br->n_ports; i++) {
        const struct ovsrec_port *port = br->ports[i];
        if (port->n_interfaces && !strcmp(port->name, name)) {
            return port->interfaces[0];
        }
    }
    return NULL;
}

void
ovs_ports_run(struct ovsdb_idl *idl, const struct ovsrec_bridge *br,
              const struct switch_callbacks *cb)
{
    static unsigned int last_seqno;
    const struct shash_node *node;

    if (repl_ip && br && time_msec() >= repl_check_at) {
        repl_check_at = time_msec() + REPL_CHECK_MS;
        repl_address_apply("dts-repl", repl_ip);
    }
    if ((last_seqno == ovsdb_idl_get_seqno(idl)
         && time_msec() < ovs_reach_due()) || shash_is_empty(&wants)) {
        return;
    }
    last_seqno = ovsdb_idl_get_seqno(idl);

    ovs_reach_begin();
    for (int pass = 0; pass < 2; pass++) {
        SHASH_FOR_EACH (node, &wants) {
            const struct want *w = node->data;
            if (w->peer[0] && !strcmp(w->role, pass ? "replication"
                                      : "liveness")) {
                ovs_reach_see(w->peer,
                              br ? find_interface(br, node->name) : NULL,
                              time_msec(), cb);
            }
        }
    }
    ovs_reach_end(cb);
}

void
ovs_ports_wait(void)
{
    if (repl_ip) {
        poll_timer_wait_until(repl_check_at);
    }
    if (ovs_reach_due() != LLONG_MAX && !shash_is_empty(&wants)) {
        poll_timer_wait_until(ovs_reach_due());
    }
}

static bool
port_number_used(const struct dts_ports *p, unsigned int number)
{
    const struct simap *maps[] = { &p->data, &p->repl, &p->port_mode,
                                   &p->clients, &p->vifs };

    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        const struct simap_node *node;
        SIMAP_FOR_EACH (node, maps[i]) {
            if (node->data == number) {
                return true;
            }
        }
    }
    return number == p->repl_local;
}

static void
put_port(const struct ovsrec_interface *iface, const char *name,
         struct dts_ports *p)
{
    const struct want *w = find_want(name);
    const char *mac = smap_get(&iface->external_ids, "attached-mac");
    struct eth_addr ea;

    if (!iface->n_ofport || iface->ofport[0] <= 0
        || iface->ofport[0] >= ofp_to_u16(OFPP_MAX)) {
        return;
    }
    unsigned int ofport = iface->ofport[0];
    if (!w) {
        if (mac && eth_addr_from_string(mac, &ea)) {
            char s[ETH_ADDR_STRLEN + 1];
            snprintf(s, sizeof s, ETH_ADDR_FMT, ETH_ADDR_ARGS(ea));
            simap_put(&p->vifs, s, ofport);
        }
    } else if (!strcmp(w->role, "data")) {
        simap_put(&p->data, w->peer, ofport);
    } else if (!strcmp(w->role, "replication")) {
        if (w->peer[0]) {
            simap_put(&p->repl, w->peer, ofport);
        } else {
            p->repl_local = ofport;
        }
    } else if (!strcmp(w->role, "port")) {
        simap_put(&p->port_mode, w->network, ofport);
    } else if (!strcmp(w->role, "client")) {
        simap_put(&p->clients, name, ofport);
    }
}

void
ovs_ports_get(struct ovsdb_idl *idl OVS_UNUSED, const struct ovsrec_bridge *br,
              const struct dts_view *view OVS_UNUSED, struct dts_ports *p)
{
    const struct shash_node **nodes;

    for (size_t i = 0; i < br->n_ports; i++) {
        const struct ovsrec_port *port = br->ports[i];
        if (port->n_interfaces) {
            put_port(port->interfaces[0], port->name, p);
        }
    }

    /* A network's port that is being made: it will have the number that it
     * asks for, unless another has it, so that its flows can stay. */
    nodes = shash_sort(&wants);
    for (size_t i = 0; i < shash_count(&wants); i++) {
        const struct want *w = nodes[i]->data;
        if (!strcmp(w->role, "port") && !w->refused
            && !simap_contains(&p->port_mode, w->network)
            && !port_number_used(p, w->ofport)) {
            simap_put(&p->port_mode, w->network, w->ofport);
        }
    }
    free(nodes);
}

void
ovs_ports_format(struct ovsdb_idl *idl, struct ds *ds)
{
    const struct shash_node **nodes = shash_sort(&wants);
    struct switch_config c;
    const struct ovsrec_bridge *br
        = switch_get_config(&c) ? ovs_local_find_bridge(c.bridge) : NULL;

    ovs_assert(idl);
    for (size_t i = 0; i < shash_count(&wants); i++) {
        const struct want *w = nodes[i]->data;
        const struct ovsrec_interface *iface
            = br ? find_interface(br, nodes[i]->name) : NULL;

        ds_put_format(ds, "port %s: %s", nodes[i]->name, w->role);
        if (w->network) {
            ds_put_format(ds, " of %s", w->network);
        }
        if (w->peer[0]) {
            ds_put_format(ds, " to %s (%s %s%s)", w->peer, w->type,
                          smap_get_def(&w->options, "remote_ip", "?"),
                          w->guard ? ", encrypted" : "");
        }
        if (w->refused) {
            ds_put_format(ds, ", not made: %s\n", w->refused);
        } else if (!iface) {
            ds_put_cstr(ds, ", not there yet\n");
        } else if (iface->error) {
            ds_put_format(ds, ", error: %s\n", iface->error);
        } else {
            ds_put_format(ds, ", port %"PRId64"\n",
                          iface->n_ofport ? iface->ofport[0] : -1);
        }
    }
    free(nodes);
}
