/* SPDX-License-Identifier: Apache-2.0 */

/* Fills a view from the IDL's replica of the DTS database, and follows it.
 *
 * A takeover changes a few bindings among many thousand; what follows from it
 * must not cost as much as all of them.  So Domains, Bindings and Fences, the
 * tables with many rows that change, are followed row by row by what the IDL
 * has tracked, and views are made anew only for the others.  Which domains an
 * update concerned is noted in the view, for those who compute from it.
 *
 * The database is checked here as far as this node's safety depends on it: a
 * row that cannot be understood is left out (with a warning), which for
 * addresses and bindings means that nothing is admitted for it. */

#include <config.h>
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "dts-idl.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(view);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 10);

static void add_nodes(struct dts_view *, const struct ovsdb_idl *,
                      const struct dts_view_local *);
static void add_networks(struct dts_view *, const struct ovsdb_idl *);
static void add_domains(struct dts_view *, const struct ovsdb_idl *);
static void add_bindings(struct dts_view *, const struct ovsdb_idl *);
static void add_receipts(struct dts_view *, const struct ovsdb_idl *);
static void add_tunnels(struct dts_view *, const struct ovsdb_idl *);
static void set_timers(struct dts_view *, const struct ovsdb_idl *);

/* Returns a new view of 'idl' for the node that 'local' names. */
struct dts_view *
dts_view_create(const struct ovsdb_idl *idl,
                const struct dts_view_local *local)
{
    struct dts_view *view = dts_view_create_empty(local->node);

    set_timers(view, idl);
    add_nodes(view, idl, local);
    add_networks(view, idl);
    add_domains(view, idl);
    add_bindings(view, idl);
    add_receipts(view, idl);
    dts_view_resolve(view);
    add_tunnels(view, idl);
    return view;
}

static void
replace(char **s, const char *new)
{
    free(*s);
    *s = xstrdup(new);
}

static int
optional(const int64_t *value, size_t n, int default_value)
{
    return n ? *value : default_value;
}

static void
set_timers(struct dts_view *view, const struct ovsdb_idl *idl)
{
    const struct dtsrec_global *g = dtsrec_global_first(idl);
    if (!g) {
        return;
    }

    view->generation = g->generation;
    struct dts_timers *t = &view->timers;
#define TIMER(NAME) \
    t->NAME = optional(g->NAME, g->n_##NAME, t->NAME)
    TIMER(heartbeat);
    TIMER(peer_timeout);
    TIMER(bfd_min_tx);
    TIMER(bfd_mult);
    TIMER(hold_down);
    TIMER(stall);
    TIMER(lease);
#undef TIMER
    view->fence = (!strcmp(g->fence, "destroy") ? DTS_FENCE_DESTROY
                   : !strcmp(g->fence, "none") ? DTS_FENCE_NONE
                   : DTS_FENCE_PAUSE);
}

static void
add_nodes(struct dts_view *view, const struct ovsdb_idl *idl,
          const struct dts_view_local *local)
{
    const struct dtsrec_node *row;

    DTSREC_NODE_FOR_EACH (row, idl) {
        unsigned int roles = 0;
        for (size_t i = 0; i < row->n_roles; i++) {
            roles |= (!strcmp(row->roles[i], "server") ? DTS_ROLE_SERVER
                      : !strcmp(row->roles[i], "gateway") ? DTS_ROLE_GATEWAY
                      : DTS_ROLE_ROUTER);
        }

        struct dts_node *node = dts_view_add_node(view, row->name, row->index,
                                                  roles, row->encap_ip);
        replace(&node->site, row->site);
        if (row->replication_ip[0]) {
            replace(&node->replication_ip, row->replication_ip);
        }
        node->encap = dts_encap_from_string(row->encap_type);
        /* (Of the encapsulation only the row's word counts, also for the node
         * itself: both ends of a tunnel have to read the same.) */
        if (!strcmp(row->name, local->node) && !node->encap_ip[0]
            && local->encap_ip) {
            replace(&node->encap_ip, local->encap_ip);
        }
    }
}

static void
add_networks(struct dts_view *view, const struct ovsdb_idl *idl)
{
    const struct dtsrec_network *row;

    DTSREC_NETWORK_FOR_EACH (row, idl) {
        struct dts_network *network
            = dts_view_add_network(view, row->name, row->key);
        network->mtu = optional(row->mtu, row->n_mtu, 0);
        network->switching_port = !strcmp(row->switching, "port");
        network->closed_on_database_loss = !strcmp(row->on_database_loss,
                                                   "closed");
        network->ports = xcalloc(row->n_gateways, sizeof *network->ports);
        for (size_t i = 0; i < row->n_gateways; i++) {
            struct dts_client_port *port = &network->ports[network->n_ports];
            char *error = dts_client_port_parse(row->gateways[i], port);
            if (error) {
                VLOG_WARN_RL(&rl, "Network %s: gateways: %s",
                             row->name, error);
                free(error);
            } else {
                network->n_ports++;
            }
        }
    }
}

static void
set_domain(struct dts_domain *d, const struct dtsrec_domain *row)
{
    replace(&d->network_name, row->network);
    replace(&d->primary, row->primary);
    replace(&d->secondary, row->secondary);
    replace(&d->witness, row->witness);
    d->failover_auto = !strcmp(row->failover, "auto");
    d->on_loss_failover = !strcmp(row->on_loss, "failover");
    d->realtime = xmalloc(row->n_realtime * sizeof *d->realtime);
    for (size_t i = 0; i < row->n_realtime; i++) {
        d->realtime[d->n_realtime++] = xstrdup(row->realtime[i]);
    }
    d->realtime_unsafe = row->realtime_unsafe;
    if (row->requested_node) {
        d->requested_node = xstrdup(row->requested_node);
        d->requested_generation = optional(row->requested_generation,
                                           row->n_requested_generation, -1);
    }
    d->addresses = xcalloc(row->n_addresses, sizeof *d->addresses);
    for (size_t i = 0; i < row->n_addresses; i++) {
        struct dts_address *a = &d->addresses[d->n_addresses];
        char *error = dts_address_parse(row->addresses[i], a);
        if (error) {
            VLOG_WARN_RL(&rl, "Domain %s: addresses: %s", row->name, error);
            free(error);
        } else {
            d->n_addresses++;
        }
    }
}

static void
add_domains(struct dts_view *view, const struct ovsdb_idl *idl)
{
    const struct dtsrec_domain *row;

    DTSREC_DOMAIN_FOR_EACH (row, idl) {
        set_domain(dts_view_add_domain(view, row->name, NULL), row);
    }
}

static void
set_no_binding(struct dts_domain *d)
{
    d->has_binding = false;
    replace(&d->owner, "");
    replace(&d->standby, "");
    d->generation = 0;
    replace(&d->session, "");
    d->state = 0;
    replace(&d->cause, "");
    d->since = d->failover_at = 0;
}

/* Returns true if anything but cause and time has changed by it. */
static bool
set_binding(struct dts_domain *d, const struct dtsrec_binding *row)
{
    bool had = d->has_binding, changed;
    enum dts_state state;

    d->binding_row = row ? row->header_.uuid : UUID_ZERO;
    if (row && !dts_state_from_string(row->state, &state)) {
        VLOG_WARN_RL(&rl, "Binding %s: state \"%s\" is unknown to this "
                     "version", row->domain, row->state);
        row = NULL;
    }
    if (!row) {
        set_no_binding(d);
        return had;
    }
    changed = (!had || d->generation != row->generation || d->state != state
               || strcmp(d->owner, row->owner)
               || strcmp(d->standby, row->standby)
               || strcmp(d->session, row->session));
    if (changed) {
        d->has_binding = true;
        replace(&d->owner, row->owner);
        replace(&d->standby, row->standby);
        d->generation = row->generation;
        replace(&d->session, row->session);
        d->state = state;
    }
    replace(&d->cause, row->cause);
    d->since = row->since;
    d->failover_at = row->failover_at;
    return changed;
}

static void
add_bindings(struct dts_view *view, const struct ovsdb_idl *idl)
{
    const struct dtsrec_binding *row;

    DTSREC_BINDING_FOR_EACH (row, idl) {
        struct dts_domain *d = dts_view_change_domain(view, row->domain);
        if (d) {                /* Else its Domain has just been deleted. */
            set_binding(d, row);
        } else {
            view->orphans = true;
        }
    }
}

static void
add_receipts(struct dts_view *view, const struct ovsdb_idl *idl)
{
    const struct dtsrec_fence *row;

    DTSREC_FENCE_FOR_EACH (row, idl) {
        dts_view_follow_receipts(view, row);
    }
}

void
dts_view_source_init(struct dts_view_source *src, struct ovsdb_idl *idl)
{
    src->idl = idl;
    ovsdb_idl_track_add_all(idl);
    src->domains = ovsdb_idl_index_create1(idl, &dtsrec_domain_col_name);
}

/* True if 'node' is not as views have it.  What a node tells of itself is not in
 * them: it may do so as often as it likes, and all is not made anew each time. */
static bool
node_changed(const struct dtsrec_node *node)
{
    if (dtsrec_node_is_new(node) || dtsrec_node_is_deleted(node)) {
        return true;
    }
    for (size_t i = 0; i < DTSREC_NODE_N_COLUMNS; i++) {
        if (i != DTSREC_NODE_COL_SESSION && i != DTSREC_NODE_COL_VERSION
            && i != DTSREC_NODE_COL_STATUS
            && dtsrec_node_is_updated(node, i)) {
            return true;
        }
    }
    return false;
}

/* True if a table was changed that views are not brought up to date with: the
 * few rows that everything depends on.  Global's counter is followed. */
static bool
others_changed(const struct ovsdb_idl *idl)
{
    const struct dtsrec_global *g;
    const struct dtsrec_node *node;

    DTSREC_GLOBAL_FOR_EACH_TRACKED (g, idl) {
        if (dtsrec_global_is_new(g) || dtsrec_global_is_deleted(g)) {
            return true;
        }
        for (size_t i = 0; i < DTSREC_GLOBAL_N_COLUMNS; i++) {
            if (i != DTSREC_GLOBAL_COL_GENERATION
                && dtsrec_global_is_updated(g, i)) {
                return true;
            }
        }
    }
    DTSREC_NODE_FOR_EACH_TRACKED (node, idl) {
        if (node_changed(node)) {
            return true;
        }
    }
    return (dtsrec_network_track_get_first(idl)
            || dtsrec_tunnel_track_get_first(idl));
}

/* Adds the names of the domains whose Domain row has changed.  Returns false if
 * a row has taken another domain's name. */
static bool
collect(const struct ovsdb_idl *idl, struct sset *domains)
{
    const struct dtsrec_domain *domain;
    const struct dtsrec_binding *binding;
    bool renamed = false;

#define OLD(TABLE, ROW) \
    (!TABLE##_is_new(ROW) && !TABLE##_is_deleted(ROW))
    DTSREC_DOMAIN_FOR_EACH_TRACKED (domain, idl) {
        renamed |= (OLD(dtsrec_domain, domain)
                    && dtsrec_domain_is_updated(domain,
                                                DTSREC_DOMAIN_COL_NAME));
        sset_add(domains, domain->name);
    }
    DTSREC_BINDING_FOR_EACH_TRACKED (binding, idl) {
        renamed |= (OLD(dtsrec_binding, binding)
                    && dtsrec_binding_is_updated(binding,
                                                 DTSREC_BINDING_COL_DOMAIN));
    }
#undef OLD
    return !renamed;
}

const struct dtsrec_domain *
dts_view_get_domain_row(const struct dts_view_source *src, const char *name)
{
    struct dtsrec_domain *key = dtsrec_domain_index_init_row(src->domains);
    const struct dtsrec_domain *row;

    dtsrec_domain_index_set_name(key, name);
    row = dtsrec_domain_index_find(src->domains, key);
    dtsrec_domain_index_destroy_row(key);
    return row;
}

const struct dtsrec_binding *
dts_view_get_binding_row(const struct ovsdb_idl *idl,
                         const struct dts_domain *d)
{
    const struct dtsrec_binding *row
        = dtsrec_binding_get_for_uuid(idl, &d->binding_row);

    return row && !strcmp(row->domain, d->name) ? row : NULL;
}

/* Puts the Domain 'name' as it is now in the place of what there was, whose
 * Binding and receipts it keeps.  Returns false if it is a new one that may
 * have some already. */
static bool
update_domain(struct dts_view *view, const struct dts_view_source *src,
              const char *name)
{
    struct dts_domain *old = dts_view_change_domain(view, name), *d;
    const struct dtsrec_domain *row = dts_view_get_domain_row(src, name);

    sset_add(&view->changed, name);
    if (row) {
        if (!old && view->orphans) {
            return false;
        }
        d = dts_view_add_domain(view, name, NULL);
        set_domain(d, row);
        if (old) {
            set_binding(d, dts_view_get_binding_row(src->idl, old));
            d->fences = old->fences;
            d->n_fences = old->n_fences;
            old->fences = NULL;
            old->n_fences = 0;
        }
        dts_view_resolve_domain(view, d);
    } else if (old) {
        view->orphans |= !uuid_is_zero(&old->binding_row) || old->n_fences;
    }
    if (old) {
        dts_view_remove_domain(view, old);
    }
    return true;
}

/* Rows come in any order: of two that were one after the other in the same
 * place, the older one's end says nothing about the other. */
static void
follow_binding(struct dts_view *view, const struct dtsrec_binding *row)
{
    struct dts_domain *d = dts_view_change_domain(view, row->domain);

    if (dtsrec_binding_is_deleted(row)) {
        if (!d || !uuid_equals(&d->binding_row, &row->header_.uuid)) {
            return;
        }
        row = NULL;
    } else if (!d) {
        view->orphans = true;
        return;
    }
    if (set_binding(d, row)) {
        dts_view_resolve_domain(view, d);
        sset_add(&view->changed, d->name);
    }
}

bool
dts_view_update(struct dts_view *view, const struct dts_view_source *src)
{
    struct sset domains = SSET_INITIALIZER(&domains);
    const struct dtsrec_binding *binding;
    const struct dtsrec_fence *fence;
    const char *name;
    bool ok;

    view->all_changed = false;
    sset_clear(&view->changed);
    sset_clear(&view->receipts_changed);
    ok = !others_changed(src->idl) && collect(src->idl, &domains);
    if (ok) {
        const struct dtsrec_global *g = dtsrec_global_first(src->idl);

        view->generation = g ? g->generation : 0;
        SSET_FOR_EACH (name, &domains) {
            ok = ok && update_domain(view, src, name);
        }
    }
    if (ok) {
        DTSREC_BINDING_FOR_EACH_TRACKED (binding, src->idl) {
            follow_binding(view, binding);
        }
        /* Nothing is computed from receipts: who waits for one looks. */
        DTSREC_FENCE_FOR_EACH_TRACKED (fence, src->idl) {
            dts_view_follow_receipts(view, fence);
        }
    }
    sset_destroy(&domains);
    return ok;
}

static const struct dtsrec_tunnel *
find_tunnel_row(const struct ovsdb_idl *idl, const char *a, const char *b)
{
    const struct dtsrec_tunnel *row;

    DTSREC_TUNNEL_FOR_EACH (row, idl) {
        if ((!strcmp(row->node_a, a) && !strcmp(row->node_b, b))
            || (!strcmp(row->node_a, b) && !strcmp(row->node_b, a))) {
            return row;
        }
    }
    return NULL;
}

/* The encapsulation between 'a' and 'b': the Tunnel's, else the nodes' (of the
 * lower index, when they differ), else Global's. */
static enum dts_encap
tunnel_encap(const struct ovsdb_idl *idl, const struct dtsrec_tunnel *row,
             const struct dts_node *a, const struct dts_node *b)
{
    const struct dts_node *low = a->index < b->index ? a : b;
    const struct dts_node *high = low == a ? b : a;
    const struct dtsrec_global *g = dtsrec_global_first(idl);
    enum dts_encap global = dts_encap_from_string(g ? g->encap_type : NULL);

    if (row && row->type) {
        return dts_encap_from_string(row->type);
    }
    if (low->encap != high->encap && low->encap && high->encap) {
        VLOG_WARN_RL(&rl, "tunnel %s-%s: %s wants %s, %s wants %s: taking "
                     "%s; set Tunnel.type to choose", a->name, b->name,
                     low->name, dts_encap_to_string(low->encap),
                     high->name, dts_encap_to_string(high->encap),
                     dts_encap_to_string(low->encap));
    }
    return (low->encap ? low->encap
            : high->encap ? high->encap
            : global ? global
            : DTS_ENCAP_GRE);
}

/* Whether it is encrypted: the Tunnel's word, else Global's. */
static bool
tunnel_encrypt(const struct ovsdb_idl *idl, const struct dtsrec_tunnel *row)
{
    const struct dtsrec_global *g = dtsrec_global_first(idl);
    const char *encrypt = (row && row->encrypt ? row->encrypt
                           : g && g->encrypt ? g->encrypt : "none");

    return !strcmp(encrypt, "ipsec");
}

static void
set_options(struct smap *options, const struct dtsrec_tunnel *row,
            bool encrypt)
{
    const struct smap_node *node;

    SMAP_FOR_EACH (node, &row->options) {
        if (dts_tunnel_option_is_free(node->key, encrypt)) {
            smap_add(options, node->key, node->value);
        } else {
            VLOG_WARN_RL(&rl, "tunnel %s-%s: options:%s is not for the "
                         "operator to set%s: not used", row->node_a,
                         row->node_b, node->key,
                         encrypt ? " on an encrypted tunnel" : "");
        }
    }
}

static void
add_tunnels(struct dts_view *view, const struct ovsdb_idl *idl)
{
    const struct dts_node *self = view->self, *peer;

    if (!self) {
        return;
    }
    view->tunnels = xcalloc(hmap_count(&view->nodes), sizeof *view->tunnels);
    HMAP_FOR_EACH (peer, hmap_node, &view->nodes) {
        unsigned int servers = (self->roles | peer->roles) & DTS_ROLE_SERVER;

        if (peer == self || !servers) {
            continue;           /* Between gateways there is none. */
        }

        const struct dts_node *a = self, *b = peer;
        if (strcmp(a->name, b->name) > 0) {
            a = peer;
            b = self;
        }

        const struct dtsrec_tunnel *row = find_tunnel_row(idl, a->name,
                                                          b->name);
        const char *ip_a = a->encap_ip, *ip_b = b->encap_ip;
        if (row) {
            ip_a = smap_get_def(&row->ips, a->name, ip_a);
            ip_b = smap_get_def(&row->ips, b->name, ip_b);
        }
        if (!ip_a[0] || !ip_b[0]) {
            continue;           /* Not published yet. */
        }

        struct dts_tunnel *t = &view->tunnels[view->n_tunnels++];
        *t = (struct dts_tunnel) {
            .a = a,
            .b = b,
            .encap = tunnel_encap(idl, row, a, b),
            .encrypt = tunnel_encrypt(idl, row),
            .ip_a = xstrdup(ip_a),
            .ip_b = xstrdup(ip_b),
            .bfd_min_tx = (row && row->n_bfd_min_tx ? *row->bfd_min_tx
                           : view->timers.bfd_min_tx),
            .bfd_mult = (row && row->n_bfd_mult ? *row->bfd_mult
                         : view->timers.bfd_mult),
            .tos = row ? optional(row->tos, row->n_tos, -1) : -1,
            .mtu = row ? optional(row->mtu, row->n_mtu, 0) : 0,
        };
        smap_init(&t->options);
        if (row) {
            set_options(&t->options, row, t->encrypt);
        }
    }
}
