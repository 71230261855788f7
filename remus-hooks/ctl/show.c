/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl status` and `dts-ctl show`: the database for people, and the former
 * also for programs (--format=json). */

#include <config.h>
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "status.h"
#include "util.h"

static const char *const health_names[] = { "ok", "warn", "fail" };

/* status, as text. */

static void
format_gateway(const struct domain_status *s, const struct gateway_status *g,
               struct ds *ds)
{
    const struct dtsrec_domain *d = s->domain;
    int in = s->tunnel_in_service;

    ds_put_format(ds, "    gateway %s: tunnel 2 (%s) %s, tunnel 3 (%s) %s",
                  g->name, d->primary, in == 2 ? "in service" : "out",
                  d->secondary, in == 3 ? "in service" : "out");
    if (g->confirmed) {
        ds_put_format(ds, "; fence: generation %"PRId64, *g->receipt);
    } else if (g->receipt) {
        ds_put_format(ds, "; NOT CONFIRMED: its fence is still of generation "
                      "%"PRId64, *g->receipt);
    } else {
        ds_put_cstr(ds, "; NOT CONFIRMED: it has written no fence yet");
    }
    ds_put_char(ds, '\n');

    if (s->binding && !strcmp(g->name, s->witness)) {
        ds_put_format(ds, "    witness %s: %s %s, %s %s\n", g->name,
                      s->binding->owner,
                      g->sees_owner[0] ? g->sees_owner : "not watched yet",
                      s->binding->standby,
                      g->sees_standby[0] ? g->sees_standby
                      : "not watched yet");
    }
}

static void
format_status(const struct domain_status *s, struct ds *ds)
{
    const struct dtsrec_binding *b = s->binding;
    const struct dtsrec_domain *d = s->domain;

    if (!b) {
        ds_put_format(ds, "%s: NO BINDING\n", d->name);
    } else {
        bool runs = !strcmp(b->state, "alone") || s->protected;

        ds_put_format(ds, "%s: %s %s (generation %"PRId64"), %s", d->name,
                      runs ? "runs on"
                      : !strcmp(b->state, "granted") ? "moves to"
                      : "belongs to", b->owner, b->generation,
                      s->protected ? "protected" : runs ? "NOT PROTECTED"
                      : b->state);
        if (b->since > 0) {
            ds_put_cstr(ds, " since ");
            format_time(b->since, ds);
        }
        ds_put_char(ds, '\n');
    }
    ds_put_format(ds, "    %s\n", s->reason);
    if (s->remedy[0]) {
        ds_put_format(ds, "    remedy: %s\n", s->remedy);
    }
    if (s->output[0]) {
        ds_put_format(ds, "    output: %s\n", s->output);
    }
    if (!s->n_gateways) {
        ds_put_format(ds, "    network %s %s\n", d->network, s->network
                      ? "has no gateway: no client can reach the domain"
                      : "does not exist");
    }
    for (size_t i = 0; i < s->n_gateways; i++) {
        format_gateway(s, &s->gateways[i], ds);
    }
    for (size_t i = 0; i < s->conditions.n; i++) {
        if (strncmp(s->conditions.names[i], "output:", 7)) {
            ds_put_format(ds, "    condition %s\n", s->conditions.names[i]);
        }
    }
    if (d->requested_node && b && strcmp(d->requested_node, b->owner)) {
        ds_put_format(ds, "    switch to %s requested, not carried out yet\n",
                      d->requested_node);
    }
    if (s->last_switch.n) {
        ds_put_format(ds, "    last switch, generation %"PRId64", at ",
                      s->last_switch.generation);
        format_time(s->last_switch.phases[0].time_us / 1000, ds);
        ds_put_cstr(ds, ":\n");
        timeline_format(&s->last_switch, 8, ds);
    }
}

/* status, as JSON. */

static struct json *
gateway_to_json(const struct domain_status *s, const struct gateway_status *g)
{
    struct json *json = json_object_create();

    json_object_put_string(json, "gateway", g->name);
    json_object_put(json, "tunnel_in_service",
                    s->tunnel_in_service
                    ? json_integer_create(s->tunnel_in_service)
                    : json_null_create());
    json_object_put(json, "confirmed", json_boolean_create(g->confirmed));
    json_object_put(json, "generation", g->receipt
                    ? json_integer_create(*g->receipt)
                    : json_null_create());
    json_object_put_string(json, "sees_owner", g->sees_owner[0]
                           ? g->sees_owner : "unknown");
    json_object_put_string(json, "sees_standby", g->sees_standby[0]
                           ? g->sees_standby : "unknown");
    return json;
}

static struct json *
status_to_json(const struct domain_status *s)
{
    const struct dtsrec_binding *b = s->binding;
    const struct dtsrec_domain *d = s->domain;
    struct json *json = json_object_create();
    struct json *gateways = json_array_create_empty();
    struct json *conditions = json_array_create_empty();

    json_object_put_string(json, "domain", d->name);
    json_object_put_string(json, "network", d->network);
    json_object_put_string(json, "primary", d->primary);
    json_object_put_string(json, "secondary", d->secondary);
    json_object_put_string(json, "failover", d->failover);
    json_object_put_string(json, "witness", s->witness);
    json_object_put_string(json, "health", health_names[s->health]);
    json_object_put(json, "protected", json_boolean_create(s->protected));
    json_object_put_string(json, "reason", s->reason);
    json_object_put_string(json, "remedy", s->remedy);
    json_object_put(json, "output", s->output[0]
                    ? json_string_create_nocopy(
                        xmemdup0(s->output, strcspn(s->output, " ,")))
                    : json_null_create());
    json_object_put_string(json, "owner", b ? b->owner : "");
    json_object_put_string(json, "standby", b ? b->standby : "");
    json_object_put_string(json, "state", b ? b->state : "");
    json_object_put_string(json, "session", b ? b->session : "");
    json_object_put_string(json, "cause", b ? b->cause : "");
    json_object_put(json, "generation", b ? json_integer_create(b->generation)
                    : json_null_create());
    json_object_put(json, "since_ms", b ? json_integer_create(b->since)
                    : json_null_create());
    json_object_put(json, "hold_down_left_ms",
                    json_integer_create(s->hold_down_left));
    json_object_put(json, "tunnel_in_service", s->tunnel_in_service
                    ? json_integer_create(s->tunnel_in_service)
                    : json_null_create());
    for (size_t i = 0; i < s->n_gateways; i++) {
        json_array_add(gateways, gateway_to_json(s, &s->gateways[i]));
    }
    json_object_put(json, "gateways", gateways);
    for (size_t i = 0; i < s->conditions.n; i++) {
        json_array_add(conditions,
                       json_string_create(s->conditions.names[i]));
    }
    json_object_put(json, "conditions", conditions);
    json_object_put(json, "requested_node", d->requested_node
                    ? json_string_create(d->requested_node)
                    : json_null_create());
    json_object_put(json, "last_switch", s->last_switch.n
                    ? timeline_to_json(&s->last_switch) : json_null_create());
    return json;
}

/* Nodes. */

static int
compare_nodes(const void *a_, const void *b_)
{
    const struct dtsrec_node *const *a = a_;
    const struct dtsrec_node *const *b = b_;

    return (*a)->index < (*b)->index ? -1 : (*a)->index > (*b)->index;
}

static const struct dtsrec_node **
sorted_nodes(const struct ovsdb_idl *idl, size_t *n)
{
    const struct dtsrec_node **nodes = NULL, *node;
    size_t allocated = 0;

    *n = 0;
    DTSREC_NODE_FOR_EACH (node, idl) {
        if (*n >= allocated) {
            nodes = x2nrealloc(nodes, &allocated, sizeof *nodes);
        }
        nodes[(*n)++] = node;
    }
    if (nodes) {
        qsort(nodes, *n, sizeof *nodes, compare_nodes);
    }
    return nodes;
}

static void
format_roles(const struct dtsrec_node *node, struct ds *ds)
{
    for (size_t i = 0; i < node->n_roles; i++) {
        ds_put_format(ds, "%s%s", i ? "," : "", node->roles[i]);
    }
}

/* "gw1 up, gw2 down": how the other nodes see 'node'. */
static void
format_seen(const struct ovsdb_idl *idl, const struct dtsrec_node *node,
            struct ds *ds)
{
    const struct dtsrec_reachability *r;
    bool any = false;

    DTSREC_REACHABILITY_FOR_EACH (r, idl) {
        if (!strcmp(r->subject, node->name)) {
            ds_put_format(ds, "%s%s sees it %s", any ? ", " : "; ",
                          r->observer, r->state);
            any = true;
        }
    }
}

static struct json *
node_to_json(const struct ovsdb_idl *idl, const struct dtsrec_node *node)
{
    struct json *json = json_object_create();
    struct json *seen = json_object_create();
    struct json *status = json_object_create();
    struct json *roles = json_array_create_empty();
    const struct dtsrec_reachability *r;
    const struct smap_node *s;

    json_object_put_string(json, "node", node->name);
    json_object_put_string(json, "site", node->site);
    for (size_t i = 0; i < node->n_roles; i++) {
        json_array_add(roles, json_string_create(node->roles[i]));
    }
    json_object_put(json, "roles", roles);
    json_object_put_string(json, "ip", node->encap_ip);
    json_object_put_string(json, "session", node->session);
    json_object_put_string(json, "version", node->version);
    SMAP_FOR_EACH (s, &node->status) {
        json_object_put_string(status, s->key, s->value);
    }
    json_object_put(json, "status", status);
    DTSREC_REACHABILITY_FOR_EACH (r, idl) {
        if (!strcmp(r->subject, node->name)) {
            json_object_put_string(seen, r->observer, r->state);
        }
    }
    json_object_put(json, "seen_by", seen);
    return json;
}

static void
format_node(const struct ovsdb_idl *idl, const struct dtsrec_node *node,
            struct ds *ds)
{
    ds_put_format(ds, "%s: ", node->name);
    format_roles(node, ds);
    if (node->version[0]) {
        ds_put_format(ds, ", agent %s", node->version);
    } else {
        ds_put_cstr(ds, ", NO AGENT has reported yet");
    }
    format_seen(idl, node, ds);
    ds_put_char(ds, '\n');
}

static void
cmd_status(struct ctl_context *ctx)
{
    const char *only = ctx->argc > 1 ? ctx->argv[1] : NULL;
    struct json *domains = json_array_create_empty();
    struct json *nodes = json_array_create_empty();

    if (only && !get_domain(ctx, only)) {
        json_destroy(domains);
        json_destroy(nodes);
        return;
    }

    size_t n;
    const struct dtsrec_domain **rows = sorted_domains(ctx->idl, &n);
    for (size_t i = 0; i < n; i++) {
        struct domain_status s;

        if (only && strcmp(rows[i]->name, only)) {
            continue;
        }
        domain_status_init(&s, ctx->idl, rows[i]);
        if (settings.json) {
            json_array_add(domains, status_to_json(&s));
        } else {
            format_status(&s, &ctx->output);
        }
        domain_status_uninit(&s);
    }
    if (!n && !settings.json) {
        ds_put_cstr(&ctx->output, "no domains: add one with dts-ctl "
                    "domain-add\n");
    }
    free(rows);

    if (!only) {
        const struct dtsrec_node **sorted = sorted_nodes(ctx->idl, &n);
        for (size_t i = 0; i < n; i++) {
            if (settings.json) {
                json_array_add(nodes, node_to_json(ctx->idl, sorted[i]));
            } else {
                format_node(ctx->idl, sorted[i], &ctx->output);
            }
        }
        free(sorted);
    }
    if (settings.json) {
        struct json *json = json_object_create();

        json_object_put(json, "domains", domains);
        json_object_put(json, "nodes", nodes);
        json_to_ds(json, settings.json_flags, &ctx->output);
        ds_put_char(&ctx->output, '\n');
        json_destroy(json);
    } else {
        json_destroy(domains);
        json_destroy(nodes);
    }
}

/* show */

static void
show_domain(const struct ovsdb_idl *idl, const struct dtsrec_domain *d,
            struct ds *ds)
{
    const struct dtsrec_binding *b = find_binding(idl, d->name);

    ds_put_format(ds, "    domain %s: %s, %s", d->name, d->primary,
                  d->secondary);
    if (d->witness[0]) {
        ds_put_format(ds, ", witness %s", d->witness);
    }
    ds_put_format(ds, ", failover %s, on-loss %s\n", d->failover, d->on_loss);
    for (size_t i = 0; i < d->n_addresses; i++) {
        ds_put_format(ds, "        address %s\n", d->addresses[i]);
    }
    for (size_t i = 0; i < d->n_realtime; i++) {
        ds_put_format(ds, "        realtime %s\n", d->realtime[i]);
    }
    if (b) {
        ds_put_format(ds, "        %s on %s, generation %"PRId64"\n",
                      b->state, b->owner, b->generation);
    }
}

static void
show_tunnel(const struct dtsrec_tunnel *t, struct ds *ds)
{
    const struct smap_node **ips = smap_sort(&t->ips);

    ds_put_format(ds, "tunnel %s - %s:", t->node_a, t->node_b);
    if (t->type) {
        ds_put_format(ds, " type=%s", t->type);
    }
    if (t->encrypt) {
        ds_put_format(ds, " encrypt=%s", t->encrypt);
    }
    for (size_t i = 0; i < smap_count(&t->ips); i++) {
        ds_put_format(ds, " %s=%s", ips[i]->key, ips[i]->value);
    }
    if (t->n_mtu) {
        ds_put_format(ds, " mtu=%"PRId64, t->mtu[0]);
    }
    if (t->n_tos) {
        ds_put_format(ds, " tos=%"PRId64, t->tos[0]);
    }
    if (t->n_bfd_min_tx) {
        ds_put_format(ds, " bfd-min-tx=%"PRId64, t->bfd_min_tx[0]);
    }
    if (t->n_bfd_mult) {
        ds_put_format(ds, " bfd-mult=%"PRId64, t->bfd_mult[0]);
    }
    ds_put_char(ds, '\n');
    free(ips);
}

static void
cmd_show(struct ctl_context *ctx)
{
    const struct dtsrec_global *global = dtsrec_global_first(ctx->idl);
    struct ds *ds = &ctx->output;
    size_t n;

    if (global) {
        ds_put_format(ds, "global: encapsulation %s%s%s, fence %s, generation "
                      "%"PRId64"\n", global->encap_type,
                      global->encrypt ? ", encrypt " : "",
                      global->encrypt ? global->encrypt : "", global->fence,
                      global->generation);
    }

    const struct dtsrec_node **nodes = sorted_nodes(ctx->idl, &n);
    for (size_t i = 0; i < n; i++) {
        const struct dtsrec_node *node = nodes[i];

        ds_put_format(ds, "node %s: index %"PRId64", ", node->name,
                      node->index);
        format_roles(node, ds);
        ds_put_format(ds, "%s%s%s%s", node->site[0] ? ", site " : "",
                      node->site, node->encap_ip[0] ? ", ip " : "",
                      node->encap_ip);
        ds_put_format(ds, "%s%s\n", node->replication_ip[0]
                      ? ", replication-ip " : "", node->replication_ip);
    }
    free(nodes);

    const struct dtsrec_tunnel *tunnel;
    DTSREC_TUNNEL_FOR_EACH (tunnel, ctx->idl) {
        show_tunnel(tunnel, ds);
    }

    const struct dtsrec_domain **domains = sorted_domains(ctx->idl, &n);
    const struct dtsrec_network *network;
    DTSREC_NETWORK_FOR_EACH (network, ctx->idl) {
        ds_put_format(ds, "network %s: key %"PRId64", switching %s, on "
                      "database loss %s", network->name, network->key,
                      network->switching, network->on_database_loss);
        if (network->n_mtu) {
            ds_put_format(ds, ", mtu %"PRId64, network->mtu[0]);
        }
        ds_put_char(ds, '\n');
        for (size_t i = 0; i < network->n_gateways; i++) {
            ds_put_format(ds, "    gateway %s\n", network->gateways[i]);
        }
        for (size_t i = 0; i < n; i++) {
            if (!strcmp(domains[i]->network, network->name)) {
                show_domain(ctx->idl, domains[i], ds);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!find_network(ctx->idl, domains[i]->network)) {
            ds_put_format(ds, "network %s: DOES NOT EXIST\n",
                          domains[i]->network);
            show_domain(ctx->idl, domains[i], ds);
        }
    }
    free(domains);
}

const struct ctl_command_syntax status_commands[] = {
    { "show", 0, 0, "", pre_config, cmd_show, NULL, "", RO },
    { "status", 0, 1, "[DOMAIN]", pre_all, cmd_status, NULL, "", RO },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
