/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of the database by name, and what was probably meant when there is no
 * such row. */

#include <config.h>
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-data.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "sset.h"
#include "suggest.h"
#include "svec.h"
#include "util.h"
#include "view.h"

const struct dtsrec_node *
find_node(const struct ovsdb_idl *idl, const char *name)
{
    const struct dtsrec_node *row;

    DTSREC_NODE_FOR_EACH (row, idl) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

const struct dtsrec_network *
find_network(const struct ovsdb_idl *idl, const char *name)
{
    const struct dtsrec_network *row;

    DTSREC_NETWORK_FOR_EACH (row, idl) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

const struct dtsrec_domain *
find_domain(const struct ovsdb_idl *idl, const char *name)
{
    const struct dtsrec_domain *row;

    DTSREC_DOMAIN_FOR_EACH (row, idl) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

const struct dtsrec_binding *
find_binding(const struct ovsdb_idl *idl, const char *domain)
{
    const struct dtsrec_binding *row;

    DTSREC_BINDING_FOR_EACH (row, idl) {
        if (!strcmp(row->domain, domain)) {
            return row;
        }
    }
    return NULL;
}

/* In either order of 'a' and 'b'. */
const struct dtsrec_tunnel *
find_tunnel(const struct ovsdb_idl *idl, const char *a, const char *b)
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

bool
tunnel_is_encrypted(const struct ovsdb_idl *idl, const char *a, const char *b)
{
    const struct dtsrec_tunnel *row = find_tunnel(idl, a, b);
    const struct dtsrec_global *global = dtsrec_global_first(idl);
    const char *encrypt = (row && row->encrypt ? row->encrypt
                           : global && global->encrypt ? global->encrypt
                           : "none");

    return !strcmp(encrypt, "ipsec");
}

const int64_t *
find_receipt(const struct ovsdb_idl *idl, const char *gateway,
             const char *domain)
{
    const struct dtsrec_fence *row;
    const int64_t *lowest = NULL;

    DTSREC_FENCE_FOR_EACH (row, idl) {
        const int64_t *generation = (strcmp(row->gateway, gateway) ? NULL
                                     : dts_receipt_get(row, domain));
        if (generation && (!lowest || *generation < *lowest)) {
            lowest = generation;
        }
    }
    return lowest;
}

const struct dtsrec_reachability *
find_reachability(const struct ovsdb_idl *idl, const char *observer,
                  const char *subject)
{
    const struct dtsrec_reachability *row;

    DTSREC_REACHABILITY_FOR_EACH (row, idl) {
        if (!strcmp(row->observer, observer)
            && !strcmp(row->subject, subject)) {
            return row;
        }
    }
    return NULL;
}

/* Text after an error about the unknown 'name', from 'n' 'candidates'. */
static char *
suggestion(const char *name, const char *const candidates[], size_t n)
{
    const char *near = suggest(name, candidates, n);

    return near ? xasprintf(": did you mean %s?", near) : xstrdup("");
}

char *
suggest_among(const char *name, const char *const candidates[])
{
    size_t n = 0;

    while (candidates[n]) {
        n++;
    }
    return suggestion(name, candidates, n);
}

char *
suggest_row(const struct ovsdb_idl *idl,
            const struct ovsdb_idl_table_class *table, const char *name)
{
    struct svec names = SVEC_EMPTY_INITIALIZER;

    if (table == &dtsrec_table_node) {
        const struct dtsrec_node *row;
        DTSREC_NODE_FOR_EACH (row, idl) {
            svec_add(&names, row->name);
        }
    } else if (table == &dtsrec_table_network) {
        const struct dtsrec_network *row;
        DTSREC_NETWORK_FOR_EACH (row, idl) {
            svec_add(&names, row->name);
        }
    } else if (table == &dtsrec_table_domain) {
        const struct dtsrec_domain *row;
        DTSREC_DOMAIN_FOR_EACH (row, idl) {
            svec_add(&names, row->name);
        }
    } else if (table == &dtsrec_table_binding) {
        const struct dtsrec_binding *row;
        DTSREC_BINDING_FOR_EACH (row, idl) {
            svec_add(&names, row->domain);
        }
    }
    svec_sort(&names);

    char *s = suggestion(name, (const char *const *) names.names, names.n);
    svec_destroy(&names);
    return s;
}

static void
fail_unknown(struct ctl_context *ctx, const char *what,
             const struct ovsdb_idl_table_class *table, const char *name)
{
    char *s = suggest_row(ctx->idl, table, name);

    fail(ctx, DTS_EXIT_NOT_FOUND, "there is no %s \"%s\"%s%s%s", what, name,
         s, s[0] ? "" : ": see dts-ctl --bare --columns=name list ",
         s[0] ? "" : table->name);
    free(s);
}

const struct dtsrec_node *
get_node(struct ctl_context *ctx, const char *name)
{
    const struct dtsrec_node *row = find_node(ctx->idl, name);

    if (!row) {
        fail_unknown(ctx, "node", &dtsrec_table_node, name);
    }
    return row;
}

const struct dtsrec_network *
get_network(struct ctl_context *ctx, const char *name)
{
    const struct dtsrec_network *row = find_network(ctx->idl, name);

    if (!row) {
        fail_unknown(ctx, "network", &dtsrec_table_network, name);
    }
    return row;
}

const struct dtsrec_domain *
get_domain(struct ctl_context *ctx, const char *name)
{
    const struct dtsrec_domain *row = find_domain(ctx->idl, name);

    if (!row) {
        fail_unknown(ctx, "domain", &dtsrec_table_domain, name);
    }
    return row;
}

bool
node_has_role(const struct dtsrec_node *node, const char *role)
{
    for (size_t i = 0; i < node->n_roles; i++) {
        if (!strcmp(node->roles[i], role)) {
            return true;
        }
    }
    return false;
}

void
network_gateways(const struct dtsrec_network *network, struct sset *names)
{
    for (size_t i = 0; i < network->n_gateways; i++) {
        struct dts_client_port port;
        char *error = dts_client_port_parse(network->gateways[i], &port);

        if (error) {
            free(error);
        } else {
            sset_add(names, port.gateway);
            dts_client_port_uninit(&port);
        }
    }
}

static int
compare_domains(const void *a_, const void *b_)
{
    const struct dtsrec_domain *const *a = a_;
    const struct dtsrec_domain *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

const struct dtsrec_domain **
sorted_domains(const struct ovsdb_idl *idl, size_t *n)
{
    const struct dtsrec_domain **rows = NULL;
    const struct dtsrec_domain *row;
    size_t allocated = 0;

    *n = 0;
    DTSREC_DOMAIN_FOR_EACH (row, idl) {
        if (*n >= allocated) {
            rows = x2nrealloc(rows, &allocated, sizeof *rows);
        }
        rows[(*n)++] = row;
    }
    if (rows) {
        qsort(rows, *n, sizeof *rows, compare_domains);
    }
    return rows;
}

/* Which columns the commands need. */

static void
add_table(struct ovsdb_idl *idl, const struct ovsdb_idl_table_class *table)
{
    ovsdb_idl_add_table(idl, table);
    for (size_t i = 0; i < table->n_columns; i++) {
        ovsdb_idl_add_column(idl, &table->columns[i]);
    }
}

void
pre_config(struct ctl_context *ctx)
{
    add_table(ctx->idl, &dtsrec_table_global);
    add_table(ctx->idl, &dtsrec_table_node);
    add_table(ctx->idl, &dtsrec_table_tunnel);
    add_table(ctx->idl, &dtsrec_table_network);
    add_table(ctx->idl, &dtsrec_table_domain);
    add_table(ctx->idl, &dtsrec_table_binding);
    add_table(ctx->idl, &dtsrec_table_fence);
    add_table(ctx->idl, &dtsrec_table_reachability);
    add_table(ctx->idl, &dtsrec_table_suspicion);
}

/* Adds "NAME: TEXT" of each condition of 'b' (which may be NULL): those of its
 * own row, and those that other nodes, who may not write there, tell in
 * theirs. */
void
domain_conditions(const struct ovsdb_idl *idl, const struct dtsrec_binding *b,
                  struct svec *conditions)
{
    const struct dtsrec_node *node;

    if (!b) {
        return;
    }
    for (size_t i = 0; i < b->n_conditions; i++) {
        svec_add(conditions, b->conditions[i]);
    }

    char *prefix = xasprintf("condition/%s/", b->domain);
    size_t n = strlen(prefix);
    DTSREC_NODE_FOR_EACH (node, idl) {
        const struct smap_node *s;

        SMAP_FOR_EACH (s, &node->status) {
            if (!strncmp(s->key, prefix, n)) {
                svec_add_nocopy(conditions, xasprintf("%s: %s (%s)",
                                                      s->key + n, s->value,
                                                      node->name));
            }
        }
    }
    free(prefix);
    svec_sort(conditions);
}

/* Who may connect, and write what. */
void
pre_access(struct ctl_context *ctx)
{
    add_table(ctx->idl, &dtsrec_table_connection);
    add_table(ctx->idl, &dtsrec_table_rbac_role);
    add_table(ctx->idl, &dtsrec_table_rbac_permission);
}

void
pre_all(struct ctl_context *ctx)
{
    pre_config(ctx);
    add_table(ctx->idl, &dtsrec_table_event);
}
