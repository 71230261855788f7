/* SPDX-License-Identifier: Apache-2.0 */

/* From the view of the database to the flows of this node's switch.
 *
 * Pure: it takes the view, the port numbers, the sets and which domains are
 * cut off, and says what the flow table should be.  flows-server.c and
 * flows-gateway.c have the flows of the two roles, which a node may have both;
 * here is what they share: what each network looks like from this node, the
 * chunks in which the table is made, and the flows that belong to no network.
 *
 * Every table drops what it does not know, by a flow of its own, so that it
 * does not depend on a switch's default. */

#include <config.h>

#include "flows.h"

#include <stdlib.h>

#include "flows-private.h"
#include "flow.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "sets.h"
#include "sset.h"
#include "sort.h"
#include "util.h"
#include "view.h"

static void env_init(struct flow_env *, struct dts_flow_table *,
                     const struct dts_flows_in *);
static void env_destroy(struct flow_env *);
static void base_chunk(struct flow_env *);
static void network_chunk(struct flow_env *, const struct net *);
static void set_chunk(struct flow_env *, const struct dts_set *);
static void domain_chunk(struct flow_env *, const struct dts_domain *);

void
dts_ports_init(struct dts_ports *p)
{
    simap_init(&p->data);
    simap_init(&p->repl);
    simap_init(&p->port_mode);
    simap_init(&p->clients);
    simap_init(&p->vifs);
    p->repl_local = 0;
}

void
dts_ports_destroy(struct dts_ports *p)
{
    simap_destroy(&p->data);
    simap_destroy(&p->repl);
    simap_destroy(&p->port_mode);
    simap_destroy(&p->clients);
    simap_destroy(&p->vifs);
}

void
dts_ports_moved(struct dts_ports *p)
{
    simap_moved(&p->data);
    simap_moved(&p->repl);
    simap_moved(&p->port_mode);
    simap_moved(&p->clients);
    simap_moved(&p->vifs);
}

void
dts_ports_swap(struct dts_ports *a, struct dts_ports *b)
{
    unsigned int repl_local = a->repl_local;

    simap_swap(&a->data, &b->data);
    simap_swap(&a->repl, &b->repl);
    simap_swap(&a->port_mode, &b->port_mode);
    simap_swap(&a->clients, &b->clients);
    simap_swap(&a->vifs, &b->vifs);
    a->repl_local = b->repl_local;
    b->repl_local = repl_local;
}

bool
dts_ports_equal(const struct dts_ports *a, const struct dts_ports *b)
{
    return (simap_equal(&a->data, &b->data)
            && simap_equal(&a->repl, &b->repl)
            && simap_equal(&a->port_mode, &b->port_mode)
            && simap_equal(&a->clients, &b->clients)
            && simap_equal(&a->vifs, &b->vifs)
            && a->repl_local == b->repl_local);
}

unsigned int
dts_ports_find_vif(const struct dts_ports *p, const struct dts_domain *d)
{
    for (size_t i = 0; i < d->n_addresses; i++) {
        char mac[ETH_ADDR_STRLEN + 1];

        snprintf(mac, sizeof mac, ETH_ADDR_FMT,
                 ETH_ADDR_ARGS(d->addresses[i].mac));
        unsigned int port = simap_get(&p->vifs, mac);
        if (port) {
            return port;
        }
    }
    return 0;
}

bool
dts_domain_runs_here(const struct dts_view *view, const struct dts_domain *d,
                     const struct sset *blocked)
{
    const char *owner = dts_domain_admitted(d);

    return (owner && !strcmp(owner, view->self_name)
            && !(blocked && sset_contains(blocked, d->name)));
}

/* All domains of such a network have one owner; if they have not, the one
 * bound last says where the port leads, and the others are cut off. */
const struct dts_node *
dts_network_port_owner(const struct dts_view *view,
                       const struct dts_network *n)
{
    const struct dts_domain *best = NULL, *d;

    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        if (d->network == n && d->owner_node && dts_domain_admitted(d)
            && (!best || d->generation > best->generation
                || (d->generation == best->generation
                    && strcmp(d->name, best->name) < 0))) {
            best = d;
        }
    }
    return best ? best->owner_node : NULL;
}

static void
chunk_name(char *buf, size_t size, char kind, const char *name)
{
    snprintf(buf, size, "%c/%s", kind, name);
}

/* The chunks of the domain 'name', which may be gone. */
static void
one_domain(struct flow_env *env, const char *name)
{
    const struct dts_domain *d = dts_view_find_domain(env->in->view, name);
    char chunk[256];

    if (d) {
        domain_chunk(env, d);
    }
    chunk_name(chunk, sizeof chunk, 'd', name);
    dts_flow_table_drop_unopened(env->t, chunk);
    chunk_name(chunk, sizeof chunk, 'p', name);
    dts_flow_table_drop_unopened(env->t, chunk);
}

static void
compute_once(struct flow_env *env, bool partial)
{
    const struct dts_flows_in *in = env->in;
    struct dts_flow_table *t = env->t;
    const struct dts_domain *d;
    const struct dts_set *set;
    const struct net *net;
    const char *name;

    dts_flow_table_begin(t);
    base_chunk(env);
    HMAP_FOR_EACH (net, hmap_node, &env->nets) {
        network_chunk(env, net);
    }
    if (in->view->self->roles & DTS_ROLE_GATEWAY) {
        HMAP_FOR_EACH (set, hmap_node, &in->sets->sets) {
            set_chunk(env, set);
        }
    }
    if (partial) {
        SSET_FOR_EACH (name, in->changed) {
            one_domain(env, name);
        }
        SSET_FOR_EACH (name, &in->sets->rehomed) {
            if (!sset_contains(in->changed, name)) {
                one_domain(env, name);
            }
        }
    } else {
        HMAP_FOR_EACH (d, hmap_node, &in->view->domains) {
            domain_chunk(env, d);
        }
    }
    dts_flow_table_end(t, partial);
}

void
dts_flows_compute(struct dts_flow_table *t, const struct dts_flows_in *in)
{
    struct flow_env env;

    env_init(&env, t, in);
    compute_once(&env, in->changed && !t->n_incomplete);
    if (t->n_incomplete) {
        /* Who had the flow may have given it up later in the same pass. */
        compute_once(&env, false);
    }
    env_destroy(&env);
}

static struct net *
net_find(const struct flow_env *env, const struct dts_network *n)
{
    struct net *net;

    HMAP_FOR_EACH_WITH_HASH (net, hmap_node, hash_pointer(n, 0),
                             &env->nets) {
        if (net->network == n) {
            return net;
        }
    }
    return NULL;
}

static int
compare_ports(size_t a, size_t b, void *l_)
{
    const struct port_list *l = l_;
    unsigned int x = ofp_to_u16(l->ports[a]) * 4096u + l->vlans[a];
    unsigned int y = ofp_to_u16(l->ports[b]) * 4096u + l->vlans[b];

    return x < y ? -1 : x > y;
}

static void
swap_ports(size_t a, size_t b, void *l_)
{
    struct port_list *l = l_;
    ofp_port_t port = l->ports[a];
    uint16_t vlan = l->vlans[a];

    l->ports[a] = l->ports[b];
    l->vlans[a] = l->vlans[b];
    l->ports[b] = port;
    l->vlans[b] = vlan;
}

/* Outputs in an order that does not depend on a hash map's. */
static void
port_list_sort(struct port_list *l)
{
    sort(l->n, compare_ports, swap_ports, l);
}

static void
net_init(struct net *net, const struct dts_flows_in *in,
         const struct dts_network *n)
{
    const char *self = in->view->self_name;

    net->network = n;
    for (size_t i = 0; i < n->n_ports; i++) {
        const struct dts_client_port *cp = &n->ports[i];
        if (!strcmp(cp->gateway, self)) {
            net->gateway = (in->view->self->roles & DTS_ROLE_GATEWAY) != 0;
            port_list_add(&net->clients,
                          simap_get(&in->ports->clients, cp->port), cp->vlan);
        } else {
            port_list_add(&net->uplinks,
                          simap_get(&in->ports->data, cp->gateway), 0);
        }
    }
    if (!net->gateway) {
        net->clients.n = 0;
    }
}

/* Notes that domains of 'net' are admitted from 'owner'. */
static void
net_add_owner(struct net *net, const struct dts_flows_in *in,
              const char *owner)
{
    if (!net->gateway) {
        return;
    }
    if (!strcmp(owner, in->view->self_name)) {
        net->self_owns = true;
    } else if (net->network->switching_port) {
        port_list_add(&net->owners, simap_get(&in->ports->port_mode,
                                              net->network->name), 0);
    } else {
        port_list_add(&net->owners, simap_get(&in->ports->data, owner), 0);
    }
}

static void
env_init(struct flow_env *env, struct dts_flow_table *t,
         const struct dts_flows_in *in)
{
    const struct dts_presence *presence;
    const struct dts_network *n;
    const struct dts_domain *d;
    struct net *net;

    env->in = in;
    env->t = t;
    hmap_init(&env->nets);
    ofpbuf_init(&env->inputs, 256);
    ofpbuf_init(&env->acts, 256);
    HMAP_FOR_EACH (n, hmap_node, &in->view->networks) {
        net = xzalloc(sizeof *net);
        net_init(net, in, n);
        hmap_insert(&env->nets, &net->hmap_node, hash_pointer(n, 0));
    }
    HMAP_FOR_EACH (presence, hmap_node, &in->sets->presences) {
        n = dts_view_find_network(in->view, presence->network);
        net = n ? net_find(env, n) : NULL;
        if (net) {
            net_add_owner(net, in, presence->owner);
        }
    }
    /* Without a vif (on a gateway) no guest can be here. */
    if (!simap_is_empty(&in->ports->vifs)) {
        HMAP_FOR_EACH (d, hmap_node, &in->view->domains) {
            if (d->network && dts_domain_runs_here(in->view, d, in->blocked)) {
                net = net_find(env, d->network);
                port_list_add(&net->vifs, dts_ports_find_vif(in->ports, d), 0);
            }
        }
    }
    HMAP_FOR_EACH (net, hmap_node, &env->nets) {
        port_list_sort(&net->clients);
        port_list_sort(&net->uplinks);
        port_list_sort(&net->vifs);
        port_list_sort(&net->owners);
    }
}

static void
env_destroy(struct flow_env *env)
{
    struct net *net;

    HMAP_FOR_EACH_POP (net, hmap_node, &env->nets) {
        port_list_destroy(&net->clients);
        port_list_destroy(&net->uplinks);
        port_list_destroy(&net->vifs);
        port_list_destroy(&net->owners);
        free(net);
    }
    hmap_destroy(&env->nets);
    ofpbuf_uninit(&env->inputs);
    ofpbuf_uninit(&env->acts);
}

const struct net *
flow_env_net(const struct flow_env *env, const struct dts_network *n)
{
    return n ? net_find(env, n) : NULL;
}

/* What a chunk is made from. */
static void
put_u32(struct flow_env *env, uint32_t x)
{
    ofpbuf_put(&env->inputs, &x, sizeof x);
}

static void
put_string(struct flow_env *env, const char *s)
{
    size_t n = s ? strlen(s) + 1 : 0;

    put_u32(env, n);
    ofpbuf_put(&env->inputs, s, n);
}

static void
put_list(struct flow_env *env, const struct port_list *l)
{
    put_u32(env, l->n);
    for (size_t i = 0; i < l->n; i++) {
        put_u32(env, ofp_to_u16(l->ports[i]) << 16 | l->vlans[i]);
    }
}

/* Between the replication end of this node and its peer's, nothing else. */
static void
add_tunnel1(struct flow_env *env, const struct dts_node *peer,
            ofp_port_t tunnel, ofp_port_t local)
{
    ovs_be32 peer_ip, self_ip;
    struct match m;

    if (!ip_parse(peer->replication_ip, &peer_ip)
        || !ip_parse(env->in->view->self->replication_ip, &self_ip)) {
        return;
    }
    for (int arp = 0; arp < 2; arp++) {
        ovs_be16 type = htons(arp ? ETH_TYPE_ARP : ETH_TYPE_IP);

        match_init_catchall(&m);
        match_set_in_port(&m, local);
        match_set_untagged(&m);
        match_set_dl_type(&m, type);
        match_set_nw_src(&m, self_ip);
        match_set_nw_dst(&m, peer_ip);
        act_clear(env);
        act_output(env, tunnel);
        flow_add(env, DTS_T_CLASSIFY, 100, &m);

        match_init_catchall(&m);
        match_set_in_port(&m, tunnel);
        match_set_tun_id(&m, htonll(DTS_REPL_KEY));
        match_set_untagged(&m);
        match_set_dl_type(&m, type);
        match_set_nw_src(&m, peer_ip);
        match_set_nw_dst(&m, self_ip);
        act_clear(env);
        act_output(env, local);
        flow_add(env, DTS_T_CLASSIFY, 100, &m);
    }
}

/* What belongs to no network. */
static void
base_chunk(struct flow_env *env)
{
    static const uint8_t tables[] = {
        DTS_T_CLASSIFY, DTS_T_SOURCE, DTS_T_ADMIT, DTS_T_DEST, DTS_T_SOURCE6,
        DTS_T_CLIENT, DTS_T_VIF, DTS_T_UPLINK, DTS_T_DELIVER, DTS_T_VIF6,
        DTS_T_TUNNEL, DTS_T_TICK,
    };
    const struct dts_ports *ports = env->in->ports;
    const struct simap_node **nodes;
    struct match m;

    ofpbuf_clear(&env->inputs);
    put_string(env, env->in->view->self->replication_ip);
    put_u32(env, ports->repl_local);
    nodes = simap_sort(&ports->data);
    for (size_t i = 0; i < simap_count(&ports->data); i++) {
        put_u32(env, nodes[i]->data);
    }
    free(nodes);
    nodes = simap_sort(&ports->repl);
    for (size_t i = 0; i < simap_count(&ports->repl); i++) {
        const struct dts_node *peer = dts_view_find_node(env->in->view,
                                                         nodes[i]->name);
        put_u32(env, nodes[i]->data);
        put_string(env, peer ? peer->replication_ip : "");
    }
    free(nodes);
    if (!dts_flow_table_open(env->t, "base", &env->inputs)) {
        return;
    }

    match_init_catchall(&m);
    act_clear(env);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        flow_add(env, tables[i], 0, &m);
    }

    const struct simap_node *node;
    SIMAP_FOR_EACH (node, &ports->data) {
        match_init_catchall(&m);
        match_set_in_port(&m, u16_to_ofp(node->data));
        match_set_untagged(&m);
        act_clear(env);
        act_key_from_tunnel(env);
        act_resubmit(env, DTS_T_TUNNEL);
        flow_add(env, DTS_T_CLASSIFY, 100, &m);
    }
    SIMAP_FOR_EACH (node, &ports->repl) {
        const struct dts_node *peer = dts_view_find_node(env->in->view,
                                                         node->name);
        if (peer && ports->repl_local) {
            add_tunnel1(env, peer, u16_to_ofp(node->data),
                        u16_to_ofp(ports->repl_local));
        }
    }
    dts_flow_table_close(env->t);
}

static void
network_chunk(struct flow_env *env, const struct net *net)
{
    bool server = (env->in->view->self->roles & DTS_ROLE_SERVER) != 0;
    char name[256];

    ofpbuf_clear(&env->inputs);
    put_u32(env, net->network->key);
    put_u32(env, net->network->switching_port
            ? simap_get(&env->in->ports->port_mode, net->network->name) : -1);
    put_u32(env, net->gateway | net->self_owns << 1 | server << 2);
    put_list(env, &net->clients);
    put_list(env, &net->uplinks);
    put_list(env, &net->vifs);
    put_list(env, &net->owners);
    chunk_name(name, sizeof name, 'n', net->network->name);
    if (dts_flow_table_open(env->t, name, &env->inputs)) {
        if (net->gateway) {
            flows_gateway_network(env, net);
        }
        if (server) {
            flows_server_network(env, net);
        }
        dts_flow_table_close(env->t);
    }
}

static void
set_chunk(struct flow_env *env, const struct dts_set *set)
{
    char name[32];

    ofpbuf_clear(&env->inputs);
    put_u32(env, ofp_to_u16(flows_set_port(env, set)));
    put_u32(env, set->closed ? env->in->view->timers.lease : 0);
    put_u32(env, (set->owner
                  && !strcmp(set->owner, env->in->view->self_name)));
    snprintf(name, sizeof name, "s/%"PRIu32, set->id);
    if (dts_flow_table_open(env->t, name, &env->inputs)) {
        flows_set(env, set);
        dts_flow_table_close(env->t);
    }
}

static void
probe_chunk(struct flow_env *env, const struct net *net,
            const struct dts_domain *d, ofp_port_t vif,
            const struct dts_set *set, uint32_t probe)
{
    ofp_port_t tunnel = set && net->gateway ? flows_set_port(env, set) : 0;
    char name[256];

    put_u32(env, probe);
    put_u32(env, ofp_to_u16(tunnel));
    chunk_name(name, sizeof name, 'p', d->name);
    if (dts_flow_table_open_lasting(env->t, name, &env->inputs)) {
        flows_probe(env, net, d, vif, tunnel, set ? set->id : 0, probe);
        dts_flow_table_close(env->t);
    }
}

static void
domain_chunk(struct flow_env *env, const struct dts_domain *d)
{
    const struct net *net = flow_env_net(env, d->network);
    const struct dts_set *set;
    ofp_port_t vif = 0;
    char name[256];

    if (!net) {
        return;
    }
    set = net->gateway ? dts_sets_lookup(env->in->sets, d->name) : NULL;
    if (dts_domain_runs_here(env->in->view, d, env->in->blocked)) {
        vif = u16_to_ofp(dts_ports_find_vif(env->in->ports, d));
    }
    if (!set && !vif) {
        return;
    }

    ofpbuf_clear(&env->inputs);
    put_u32(env, net->network->key);
    put_u32(env, set ? set->id : 0);
    put_u32(env, ofp_to_u16(vif));
    for (size_t i = 0; i < d->n_addresses; i++) {
        const struct dts_address *a = &d->addresses[i];

        ofpbuf_put(&env->inputs, &a->mac, sizeof a->mac);
        put_u32(env, a->n_ip4);
        ofpbuf_put(&env->inputs, a->ip4, a->n_ip4 * sizeof *a->ip4);
        put_u32(env, a->n_ip6);
        ofpbuf_put(&env->inputs, a->ip6, a->n_ip6 * sizeof *a->ip6);
    }
    chunk_name(name, sizeof name, 'd', d->name);
    if (dts_flow_table_open_lasting(env->t, name, &env->inputs)) {
        if (set) {
            flows_gateway_domain(env, net, d, set);
        }
        if (vif) {
            flows_server_domain(env, net, d, vif);
        }
        dts_flow_table_close(env->t);
    }

    unsigned int probe = simap_get(env->in->probes, d->name);
    if (probe) {
        probe_chunk(env, net, d, vif, set, probe);
    }
}
