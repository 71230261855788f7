/* SPDX-License-Identifier: Apache-2.0 */

/* Commands about the system as a whole, its nodes and the tunnels between
 * them. */

#include <config.h>
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "ovsdb-idl.h"
#include "rbac.h"
#include "svec.h"
#include "util.h"
#include "validate.h"
#include "values.h"
#include "view.h"

/* init, global-set. */

static void
pre_init(struct ctl_context *ctx)
{
    pre_config(ctx);
    pre_access(ctx);
}

static void
cmd_init(struct ctl_context *ctx)
{
    /* ensure_global() has made the row if there was none. */
    const struct dtsrec_global *global = dtsrec_global_first(ctx->idl);
    const char *target = option(ctx, "--listen");

    if (target && strncmp(target, "pssl:", 5)
        && strncmp(target, "ptcp:", 5)) {
        fail(ctx, DTS_EXIT_USAGE, "init --listen=%s: pssl:PORT[:ADDRESS] is "
             "expected", target);
        return;
    }
    ensure_rbac(ctx->idl, ctx->txn);
    ensure_connections(ctx->idl, ctx->txn, target);
    ds_put_format(&ctx->output, "database ready: encapsulation %s, fence %s, "
                  "generation %"PRId64"\n", global->encap_type,
                  global->fence, global->generation);
}

static const struct key global_keys[] = {
    { "encap-type", "encap_type", set_scalar },
    { "encrypt", "encrypt", set_scalar },
    { "heartbeat", "heartbeat", set_scalar },
    { "peer-timeout", "peer_timeout", set_scalar },
    { "bfd-min-tx", "bfd_min_tx", set_scalar },
    { "bfd-mult", "bfd_mult", set_scalar },
    { "hold-down", "hold_down", set_scalar },
    { "stall", "stall", set_scalar },
    { "lease", "lease", set_scalar },
    { "fence", "fence", set_scalar },
    { "options:", "options", set_map_key },
    { "external-ids:", "external_ids", set_map_key },
    { NULL, NULL, NULL },
};

static void
cmd_global_set(struct ctl_context *ctx)
{
    const struct dtsrec_global *global = dtsrec_global_first(ctx->idl);
    int code;

    if (set_keys(ctx, 1, "global-set", &global->header_, global_keys)) {
        char *error = validate_global(global, &code);
        fail_if(ctx, code, error);
    }
}

/* node-add, node-set, node-del. */

static const struct dtsrec_node *
node_row(const struct ovsdb_idl_row *row)
{
    return CONTAINER_OF(row, struct dtsrec_node, header_);
}

static void
set_node_text(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
              const struct key *key, const char *name, const char *value)
{
    const struct dtsrec_node *node = node_row(row);
    char *ip = NULL;

    if (!strcmp(key->column, "site")) {
        dtsrec_node_set_site(node, value);
        return;
    }
    if (value[0]) {
        char *error = parse_ip(value, &ip, NULL);
        if (error) {
            fail(ctx, DTS_EXIT_USAGE, "%s=%s: %s", name, value, error);
            free(error);
            return;
        }
    }
    if (!strcmp(key->column, "encap_ip")) {
        dtsrec_node_set_encap_ip(node, ip ? ip : "");
    } else {
        dtsrec_node_set_replication_ip(node, ip ? ip : "");
    }
    free(ip);
}

static void
set_node_roles(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
               const struct key *key OVS_UNUSED, const char *name OVS_UNUSED,
               const char *value)
{
    struct svec roles = SVEC_EMPTY_INITIALIZER;

    if (!fail_if(ctx, DTS_EXIT_USAGE, parse_roles(value, &roles))) {
        dtsrec_node_set_roles(node_row(row),
                              (const char **) roles.names, roles.n);
    }
    svec_destroy(&roles);
}

static const struct key node_keys[] = {
    { "roles", NULL, set_node_roles },
    { "site", "site", set_node_text },
    { "ip", "encap_ip", set_node_text },
    { "replication-ip", "replication_ip", set_node_text },
    { "index", "index", set_scalar },
    { "encap-type", "encap_type", set_scalar },
    { "external-ids:", "external_ids", set_map_key },
    { NULL, NULL, NULL },
};

/* The lowest index that no node has. */
static int64_t
free_index(const struct ovsdb_idl *idl)
{
    for (int64_t i = 1; i <= 4000; i++) {
        const struct dtsrec_node *node;
        bool used = false;

        DTSREC_NODE_FOR_EACH (node, idl) {
            used |= node->index == i;
        }
        if (!used) {
            return i;
        }
    }
    return 0;
}

static void
cmd_node_add(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];
    int code;

    if (has_option(ctx, "--may-exist") && find_node(ctx->idl, name)) {
        const struct dtsrec_node *node = find_node(ctx->idl, name);
        if (set_options(ctx, "node-add", &node->header_, node_keys)) {
            char *error = validate_node(ctx->idl, node, &code);
            fail_if(ctx, code, error);
        }
        return;
    }
    if (!option(ctx, "--roles")) {
        fail(ctx, DTS_EXIT_USAGE, "node-add %s: --roles=ROLE[,ROLE]... is "
             "needed: server, gateway, router", name);
        return;
    }

    int64_t index = free_index(ctx->idl);
    if (!index) {
        fail(ctx, DTS_EXIT_REFUSED, "node-add %s: there are 4000 nodes "
             "already", name);
        return;
    }
    struct dtsrec_node *node = dtsrec_node_insert(ctx->txn);
    dtsrec_node_set_name(node, name);
    dtsrec_node_set_index(node, index);
    if (set_options(ctx, "node-add", &node->header_, node_keys)) {
        char *error = validate_node(ctx->idl, node, &code);
        fail_if(ctx, code, error);
    }
}

/* True if 'network' has a client port on 'node'. */
static bool
network_uses(const struct dtsrec_network *network, const char *node)
{
    for (size_t i = 0; i < network->n_gateways; i++) {
        size_t n = strcspn(network->gateways[i], ":");

        if (n == strlen(node) && !strncmp(network->gateways[i], node, n)) {
            return true;
        }
    }
    return false;
}

static bool
domain_uses(const struct dtsrec_domain *domain, const char *node)
{
    return (!strcmp(domain->primary, node) || !strcmp(domain->secondary, node)
            || !strcmp(domain->witness, node));
}

static void
cmd_node_set(struct ctl_context *ctx)
{
    const struct dtsrec_node *node = get_node(ctx, ctx->argv[1]);
    const struct dtsrec_network *network;
    const struct dtsrec_domain *domain;
    int code;

    if (!node || !set_keys(ctx, 2, "node-set", &node->header_, node_keys)) {
        return;
    }
    char *error = validate_node(ctx->idl, node, &code);
    DTSREC_NETWORK_FOR_EACH (network, ctx->idl) {
        if (!error && network_uses(network, node->name)) {
            error = validate_network(ctx->idl, network, &code);
        }
    }
    DTSREC_DOMAIN_FOR_EACH (domain, ctx->idl) {
        if (!error && domain_uses(domain, node->name)) {
            error = validate_domain(ctx->idl, domain, &code);
        }
    }
    fail_if(ctx, code, error);
}

/* Fails the command if anything names 'node'. */
static bool
node_is_in_use(struct ctl_context *ctx, const char *node)
{
    const struct dtsrec_network *network;
    const struct dtsrec_domain *domain;
    const struct dtsrec_binding *binding;

    DTSREC_DOMAIN_FOR_EACH (domain, ctx->idl) {
        if (domain_uses(domain, node)) {
            fail(ctx, DTS_EXIT_REFUSED, "node %s is the %s of domain %s: "
                 "give the domain another with dts-ctl domain-set, or delete "
                 "it, first", node,
                 !strcmp(domain->primary, node) ? "primary"
                 : !strcmp(domain->secondary, node) ? "secondary"
                 : "witness", domain->name);
            return true;
        }
    }
    DTSREC_BINDING_FOR_EACH (binding, ctx->idl) {
        if (!strcmp(binding->owner, node) || !strcmp(binding->standby, node)) {
            fail(ctx, DTS_EXIT_REFUSED, "node %s is the %s of domain %s, as "
                 "it runs now: switch the domain first", node,
                 strcmp(binding->owner, node) ? "standby" : "owner",
                 binding->domain);
            return true;
        }
    }
    DTSREC_NETWORK_FOR_EACH (network, ctx->idl) {
        if (network_uses(network, node)) {
            fail(ctx, DTS_EXIT_REFUSED, "node %s is a gateway of network %s: "
                 "take it out with dts-ctl network-set %s gateway=... first",
                 node, network->name, network->name);
            return true;
        }
    }
    return false;
}

/* Puts the newest first. */
static int
compare_events(const void *a_, const void *b_)
{
    const struct dtsrec_event *const *a = a_;
    const struct dtsrec_event *const *b = b_;

    return (*a)->time > (*b)->time ? -1 : (*a)->time < (*b)->time;
}

/* Deletes the events of 'node' that are more than its agent would have kept:
 * the others tell what has been. */
static void
delete_events(const struct ovsdb_idl *idl, const char *node)
{
    const struct dtsrec_event **rows = NULL, *row;
    size_t n = 0, allocated = 0;

    DTSREC_EVENT_FOR_EACH (row, idl) {
        if (!strcmp(row->node, node)) {
            if (n >= allocated) {
                rows = x2nrealloc(rows, &allocated, sizeof *rows);
            }
            rows[n++] = row;
        }
    }
    if (n > DTS_EVENTS_KEPT) {
        qsort(rows, n, sizeof *rows, compare_events);
        for (size_t i = DTS_EVENTS_KEPT; i < n; i++) {
            dtsrec_event_delete(rows[i]);
        }
    }
    free(rows);
}

static void
cmd_node_del(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];

    if (has_option(ctx, "--if-exists") && !find_node(ctx->idl, name)) {
        return;
    }
    const struct dtsrec_node *node = get_node(ctx, name);
    if (!node || node_is_in_use(ctx, name)) {
        return;
    }

    const struct dtsrec_tunnel *t, *next_t;
    DTSREC_TUNNEL_FOR_EACH_SAFE (t, next_t, ctx->idl) {
        if (!strcmp(t->node_a, name) || !strcmp(t->node_b, name)) {
            dtsrec_tunnel_delete(t);
        }
    }
    const struct dtsrec_reachability *r, *next_r;
    DTSREC_REACHABILITY_FOR_EACH_SAFE (r, next_r, ctx->idl) {
        if (!strcmp(r->observer, name) || !strcmp(r->subject, name)) {
            dtsrec_reachability_delete(r);
        }
    }
    const struct dtsrec_suspicion *s, *next_s;
    DTSREC_SUSPICION_FOR_EACH_SAFE (s, next_s, ctx->idl) {
        if (!strcmp(s->by, name) || !strcmp(s->about, name)) {
            dtsrec_suspicion_delete(s);
        }
    }
    const struct dtsrec_fence *f, *next_f;
    DTSREC_FENCE_FOR_EACH_SAFE (f, next_f, ctx->idl) {
        if (!strcmp(f->gateway, name)) {
            dtsrec_fence_delete(f);
        }
    }
    delete_events(ctx->idl, name);
    dtsrec_node_delete(node);
}

/* tunnel-set, tunnel-del. */

static const struct key tunnel_keys[] = {
    { "type", "type", set_scalar },
    { "encrypt", "encrypt", set_scalar },
    { "mtu", "mtu", set_scalar },
    { "tos", "tos", set_scalar },
    { "bfd-min-tx", "bfd_min_tx", set_scalar },
    { "bfd-mult", "bfd_mult", set_scalar },
    { "options:", "options", set_map_key },
    { "external-ids:", "external_ids", set_map_key },
    { NULL, NULL, NULL },
};

/* If 'arg' is "NODE=IP" for an end of 'tunnel', sets the end's address and
 * returns true (or fails the command). */
static bool
set_tunnel_ip(struct ctl_context *ctx, const struct dtsrec_tunnel *tunnel,
              const char *arg)
{
    const char *value = strchr(arg, '=');
    char *end = value ? xmemdup0(arg, value - arg) : NULL;
    bool is_end = end && (!strcmp(end, tunnel->node_a)
                          || !strcmp(end, tunnel->node_b));
    char *ip = NULL;

    if (is_end && (!value[1] || !fail_if(ctx, DTS_EXIT_USAGE,
                                         parse_ip(value + 1, &ip, NULL)))) {
        struct smap ips;

        /* (With what an earlier argument has changed.) */
        smap_clone(&ips, &tunnel->ips);
        smap_remove(&ips, end);
        if (ip) {
            smap_add(&ips, end, ip);
        }
        dtsrec_tunnel_verify_ips(tunnel);
        dtsrec_tunnel_set_ips(tunnel, &ips);
        smap_destroy(&ips);
    }
    free(ip);
    free(end);
    return is_end;
}

static void
cmd_tunnel_set(struct ctl_context *ctx)
{
    const struct dtsrec_node *a = get_node(ctx, ctx->argv[1]);
    const struct dtsrec_node *b = a ? get_node(ctx, ctx->argv[2]) : NULL;
    int code;

    if (!b) {
        return;
    }
    const struct dtsrec_tunnel *tunnel = find_tunnel(ctx->idl, a->name,
                                                     b->name);
    if (!tunnel) {
        bool in_order = strcmp(a->name, b->name) < 0;
        struct dtsrec_tunnel *new = dtsrec_tunnel_insert(ctx->txn);

        dtsrec_tunnel_set_node_a(new, in_order ? a->name : b->name);
        dtsrec_tunnel_set_node_b(new, in_order ? b->name : a->name);
        tunnel = new;
    }
    for (int i = 3; i < ctx->argc; i++) {
        if (!set_tunnel_ip(ctx, tunnel, ctx->argv[i]) && !ctx->error) {
            set_key(ctx, ctx->argv[i], "tunnel-set", &tunnel->header_,
                    tunnel_keys);
        }
        if (ctx->error) {
            return;
        }
    }
    char *error = validate_tunnel(ctx->idl, tunnel, &code);
    fail_if(ctx, code, error);
}

static void
cmd_tunnel_del(struct ctl_context *ctx)
{
    bool may_miss = has_option(ctx, "--if-exists");
    const char *a = ctx->argv[1], *b = ctx->argv[2];
    const struct dtsrec_tunnel *tunnel = find_tunnel(ctx->idl, a, b);

    if (tunnel) {
        dtsrec_tunnel_delete(tunnel);
    } else if (!may_miss && get_node(ctx, a) && get_node(ctx, b)) {
        fail(ctx, DTS_EXIT_NOT_FOUND, "the tunnel %s - %s has the defaults: "
             "there is nothing to delete", a, b);
    }
}

const struct ctl_command_syntax node_commands[] = {
    { "init", 0, 0, "", pre_init, cmd_init, NULL, "--listen=", RW },
    { "global-set", 1, INT_MAX, "KEY=VALUE...", pre_config, cmd_global_set,
      NULL, "", RW },
    { "node-add", 1, 1, "NEW-NODE", pre_config, cmd_node_add, NULL,
      "--roles=,--site=,--ip=,--index=,--replication-ip=,--encap-type=,"
      "--may-exist", RW },
    { "node-set", 2, INT_MAX, "NODE KEY=VALUE...", pre_config, cmd_node_set,
      NULL, "", RW },
    { "node-del", 1, 1, "NODE", pre_all, cmd_node_del, NULL,
      "--if-exists", RW },
    { "tunnel-set", 3, INT_MAX, "NODE NODE KEY=VALUE...", pre_config,
      cmd_tunnel_set, NULL, "", RW },
    { "tunnel-del", 2, 2, "NODE NODE", pre_config, cmd_tunnel_del, NULL,
      "--if-exists", RW },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
