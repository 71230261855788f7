/* SPDX-License-Identifier: Apache-2.0 */

/* The view: the DTS database as plain values (see view.h).
 *
 * This file makes, searches and frees views and parses the two little
 * languages that occur in columns ("MAC IP..." and "GATEWAY:PORT[:VLAN]").
 * Filling a view from the IDL is view-idl.c's. */

#include <config.h>
#include "view.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "util.h"

static const char *state_names[DTS_N_STATES] = {
    [DTS_STOPPED] = "stopped",
    [DTS_ALONE] = "alone",
    [DTS_PROTECTED] = "protected",
    [DTS_GRANTED] = "granted",
    [DTS_RELEASED] = "released",
    [DTS_FAILED] = "failed",
    [DTS_LOST] = "lost",
};

const char *
dts_state_to_string(enum dts_state state)
{
    return state < DTS_N_STATES ? state_names[state] : "?";
}

bool
dts_state_from_string(const char *s, enum dts_state *state)
{
    for (int i = 0; i < DTS_N_STATES; i++) {
        if (!strcmp(s, state_names[i])) {
            *state = i;
            return true;
        }
    }
    return false;
}

const char *
dts_encap_to_string(enum dts_encap encap)
{
    switch (encap) {
    case DTS_ENCAP_GRE: return "gre";
    case DTS_ENCAP_VXLAN: return "vxlan";
    case DTS_ENCAP_GENEVE: return "geneve";
    case DTS_ENCAP_UNSET: break;
    }
    return "";
}

/* Returns DTS_ENCAP_UNSET for NULL, "" and what is not an encapsulation. */
enum dts_encap
dts_encap_from_string(const char *s)
{
    return (!s ? DTS_ENCAP_UNSET
            : !strcmp(s, "gre") ? DTS_ENCAP_GRE
            : !strcmp(s, "vxlan") ? DTS_ENCAP_VXLAN
            : !strcmp(s, "geneve") ? DTS_ENCAP_GENEVE
            : DTS_ENCAP_UNSET);
}

/* Around the packet come its Ethernet header, the encapsulation's own and an
 * outer IP header.  IPsec (ESP in transport mode with AES-GCM, as Open vSwitch
 * asks for) puts 16 bytes before the encapsulation and, behind what it fills up
 * to a multiple of four together with two bytes of its own, another 16. */
int
dts_encap_room(enum dts_encap encap, bool ipv6, bool encrypt, int mtu)
{
    int room = mtu - (ipv6 ? 40 : 20);

    if (encrypt) {
        room = ROUND_DOWN(room - 16 - 16, 4) - 2;
    }
    return room - (encap == DTS_ENCAP_GRE ? 4 + 4 : 8 + 8) - 14;
}

/* The same for 't', over 1,500 bytes when nothing else is said. */
int
dts_tunnel_room(const struct dts_tunnel *t)
{
    return dts_encap_room(t->encap, strchr(t->ip_a, ':') != NULL, t->encrypt,
                          t->mtu ? t->mtu : 1500);
}

/* The others are ours (addresses, keys, certificates), or change what a tunnel
 * carries.  The policies of an encrypted one name its port (lib/xfrm-guard.c). */
bool
dts_tunnel_option_is_free(const char *name, bool encrypt)
{
    return (!strcmp(name, "csum") || !strcmp(name, "df_default")
            || !strcmp(name, "egress_pkt_mark") || !strcmp(name, "ttl")
            || (!strcmp(name, "dst_port") && !encrypt));
}

struct dts_view *
dts_view_create_empty(const char *self)
{
    struct dts_view *view = xzalloc(sizeof *view);

    hmap_init(&view->nodes);
    hmap_init(&view->networks);
    hmap_init(&view->domains);
    hmap_init(&view->receipts);
    sset_init(&view->changed);
    sset_init(&view->receipts_changed);
    view->all_changed = true;
    view->self_name = xstrdup(self);
    view->timers = (struct dts_timers) {
        .heartbeat = 50,
        .peer_timeout = 500,
        .bfd_min_tx = 100,
        .bfd_mult = 3,
        .hold_down = DTS_HOLD_DOWN,
        .stall = 2000,
        .lease = 3000,
    };
    view->fence = DTS_FENCE_PAUSE;
    return view;
}

static void
dts_domain_destroy(struct dts_domain *d)
{
    free(d->name);
    free(d->network_name);
    for (size_t i = 0; i < d->n_addresses; i++) {
        dts_address_uninit(&d->addresses[i]);
    }
    free(d->addresses);
    free(d->primary);
    free(d->secondary);
    free(d->witness);
    for (size_t i = 0; i < d->n_realtime; i++) {
        free(d->realtime[i]);
    }
    free(d->realtime);
    free(d->requested_node);
    free(d->owner);
    free(d->standby);
    free(d->session);
    free(d->cause);
    for (size_t i = 0; i < d->n_fences; i++) {
        free(d->fences[i].gateway);
    }
    free(d->fences);
    free(d);
}

void
dts_view_destroy(struct dts_view *view)
{
    if (!view) {
        return;
    }

    struct dts_node *node;
    HMAP_FOR_EACH_POP (node, hmap_node, &view->nodes) {
        free(node->name);
        free(node->site);
        free(node->encap_ip);
        free(node->replication_ip);
        free(node);
    }
    hmap_destroy(&view->nodes);

    struct dts_network *network;
    HMAP_FOR_EACH_POP (network, hmap_node, &view->networks) {
        free(network->name);
        for (size_t i = 0; i < network->n_ports; i++) {
            dts_client_port_uninit(&network->ports[i]);
        }
        free(network->ports);
        free(network);
    }
    hmap_destroy(&view->networks);

    struct dts_domain *domain;
    HMAP_FOR_EACH_POP (domain, hmap_node, &view->domains) {
        dts_domain_destroy(domain);
    }
    hmap_destroy(&view->domains);
    sset_destroy(&view->changed);
    sset_destroy(&view->receipts_changed);
    dts_view_destroy_receipts(view);

    for (size_t i = 0; i < view->n_tunnels; i++) {
        free(view->tunnels[i].ip_a);
        free(view->tunnels[i].ip_b);
        smap_destroy(&view->tunnels[i].options);
    }
    free(view->tunnels);
    free(view->self_name);
    free(view);
}

struct dts_node *
dts_view_add_node(struct dts_view *view, const char *name, uint16_t index,
                  unsigned int roles, const char *encap_ip)
{
    struct dts_node *node = xzalloc(sizeof *node);

    node->name = xstrdup(name);
    node->index = index;
    node->roles = roles;
    node->site = xstrdup("");
    node->encap_ip = xstrdup(encap_ip);
    node->replication_ip = xasprintf("169.254.%d.%d",
                                     64 + (index >> 8), index & 0xff);
    hmap_insert(&view->nodes, &node->hmap_node, hash_string(name, 0));
    return node;
}

struct dts_network *
dts_view_add_network(struct dts_view *view, const char *name, uint32_t key)
{
    struct dts_network *network = xzalloc(sizeof *network);

    network->name = xstrdup(name);
    network->key = key;
    hmap_insert(&view->networks, &network->hmap_node, hash_string(name, 0));
    return network;
}

/* Adds a domain without addresses and without a binding to 'view'.
 * 'network' may be NULL. */
struct dts_domain *
dts_view_add_domain(struct dts_view *view, const char *name,
                    const struct dts_network *network)
{
    struct dts_domain *domain = xzalloc(sizeof *domain);

    domain->name = xstrdup(name);
    domain->network = network;
    domain->network_name = xstrdup(network ? network->name : "");
    domain->primary = xstrdup("");
    domain->secondary = xstrdup("");
    domain->witness = xstrdup("");
    domain->failover_auto = true;
    domain->owner = xstrdup("");
    domain->standby = xstrdup("");
    domain->session = xstrdup("");
    domain->cause = xstrdup("");
    hmap_insert(&view->domains, &domain->hmap_node, hash_string(name, 0));
    return domain;
}

struct dts_domain *
dts_view_change_domain(struct dts_view *view, const char *name)
{
    return CONST_CAST(struct dts_domain *, dts_view_find_domain(view, name));
}

void
dts_view_remove_domain(struct dts_view *view, struct dts_domain *d)
{
    hmap_remove(&view->domains, &d->hmap_node);
    dts_domain_destroy(d);
}

/* Points 'self' and every name inside 'view' at what it names. */
void
dts_view_resolve(struct dts_view *view)
{
    view->self = dts_view_find_node(view, view->self_name);

    struct dts_network *network;
    HMAP_FOR_EACH (network, hmap_node, &view->networks) {
        for (size_t i = 0; i < network->n_ports; i++) {
            struct dts_client_port *port = &network->ports[i];
            port->node = dts_view_find_node(view, port->gateway);
        }
    }

    struct dts_domain *d;
    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        dts_view_resolve_domain(view, d);
    }
}

void
dts_view_resolve_domain(const struct dts_view *view, struct dts_domain *d)
{
    d->network = dts_view_find_network(view, d->network_name);
    d->owner_node = dts_view_find_node(view, d->owner);
    d->standby_node = dts_view_find_node(view, d->standby);
}

const struct dts_node *
dts_view_find_node(const struct dts_view *view, const char *name)
{
    const struct dts_node *node;

    HMAP_FOR_EACH_WITH_HASH (node, hmap_node, hash_string(name, 0),
                             &view->nodes) {
        if (!strcmp(node->name, name)) {
            return node;
        }
    }
    return NULL;
}

const struct dts_network *
dts_view_find_network(const struct dts_view *view, const char *name)
{
    const struct dts_network *network;

    HMAP_FOR_EACH_WITH_HASH (network, hmap_node, hash_string(name, 0),
                             &view->networks) {
        if (!strcmp(network->name, name)) {
            return network;
        }
    }
    return NULL;
}

const struct dts_domain *
dts_view_find_domain(const struct dts_view *view, const char *name)
{
    const struct dts_domain *domain;

    HMAP_FOR_EACH_WITH_HASH (domain, hmap_node, hash_string(name, 0),
                             &view->domains) {
        if (!strcmp(domain->name, name)) {
            return domain;
        }
    }
    return NULL;
}

/* Returns the tunnel between this node and 'peer', or NULL. */
const struct dts_tunnel *
dts_view_find_tunnel(const struct dts_view *view, const struct dts_node *peer)
{
    for (size_t i = 0; i < view->n_tunnels; i++) {
        const struct dts_tunnel *t = &view->tunnels[i];
        if (t->a == peer || t->b == peer) {
            return t;
        }
    }
    return NULL;
}

bool
dts_network_has_gateway(const struct dts_network *network,
                        const char *gateway)
{
    for (size_t i = 0; network && i < network->n_ports; i++) {
        if (!strcmp(network->ports[i].gateway, gateway)) {
            return true;
        }
    }
    return false;
}

/* Parses 's', "MAC [IP...]", into '*a', which the caller must give to
 * dts_address_uninit().  Returns NULL, or an error that the caller must free;
 * '*a' is then empty. */
char *
dts_address_parse(const char *s, struct dts_address *a)
{
    char *copy = xstrdup(s), *save = NULL, *error = NULL;
    char *word = strtok_r(copy, " \t", &save);

    memset(a, 0, sizeof *a);
    if (!word || !eth_addr_from_string(word, &a->mac)) {
        error = xasprintf("\"%s\": does not begin with a MAC address: "
                          "write \"MAC [IP...]\", for example "
                          "\"00:16:3e:00:00:64 10.20.0.100\"", s);
    } else if (eth_addr_is_multicast(a->mac) || eth_addr_is_zero(a->mac)) {
        error = xasprintf("\"%s\": %s is not the address of one interface "
                          "(multicast or zero)", s, word);
    }
    while (!error && (word = strtok_r(NULL, " \t", &save))) {
        ovs_be32 ip4;
        struct in6_addr ip6;

        if (ip_parse(word, &ip4)) {
            a->ip4 = xrealloc(a->ip4, (a->n_ip4 + 1) * sizeof *a->ip4);
            a->ip4[a->n_ip4++] = ip4;
        } else if (ipv6_parse(word, &ip6)) {
            a->ip6 = xrealloc(a->ip6, (a->n_ip6 + 1) * sizeof *a->ip6);
            a->ip6[a->n_ip6++] = ip6;
        } else {
            error = xasprintf("\"%s\": %s is neither an IPv4 nor an IPv6 "
                              "address (write it without a prefix length)",
                              s, word);
        }
    }
    free(copy);
    if (error) {
        dts_address_uninit(a);
    }
    return error;
}

void
dts_address_uninit(struct dts_address *a)
{
    free(a->ip4);
    free(a->ip6);
    memset(a, 0, sizeof *a);
}

/* Parses 's', "GATEWAY:PORT[:VLAN]", into '*p', which the caller must give to
 * dts_client_port_uninit().  Returns NULL, or an error that the caller must
 * free; '*p' is then empty. */
char *
dts_client_port_parse(const char *s, struct dts_client_port *p)
{
    const char *colon = strchr(s, ':');
    const char *colon2 = colon ? strchr(colon + 1, ':') : NULL;

    memset(p, 0, sizeof *p);
    if (!colon || colon == s || !colon[1] || colon2 == colon + 1) {
        return xasprintf("\"%s\": write GATEWAY:PORT[:VLAN], for example "
                         "gw1:eth1 or gw1:eth1:100", s);
    }
    if (colon2 && (!str_to_int(colon2 + 1, 10, &p->vlan)
                   || p->vlan < 1 || p->vlan > 4094)) {
        p->vlan = 0;
        return xasprintf("\"%s\": VLAN \"%s\" is not a number from 1 to "
                         "4094", s, colon2 + 1);
    }
    p->gateway = xmemdup0(s, colon - s);
    p->port = (colon2
               ? xmemdup0(colon + 1, colon2 - colon - 1)
               : xstrdup(colon + 1));
    return NULL;
}

void
dts_client_port_uninit(struct dts_client_port *p)
{
    free(p->gateway);
    free(p->port);
    memset(p, 0, sizeof *p);
}
