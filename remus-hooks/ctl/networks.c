/* SPDX-License-Identifier: Apache-2.0 */

/* Commands about networks: overlay segments and their client ports. */

#include <config.h>
#include "ctl.h"

#include <string.h>

#include "keys.h"
#include "ovsdb-idl.h"
#include "svec.h"
#include "util.h"
#include "validate.h"
#include "values.h"
#include "view.h"

static const struct dtsrec_network *
network_row(const struct ovsdb_idl_row *row)
{
    return CONTAINER_OF(row, struct dtsrec_network, header_);
}

static void
set_gateways(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
             const struct key *key OVS_UNUSED, const char *name OVS_UNUSED,
             const char *value)
{
    struct svec ports = SVEC_EMPTY_INITIALIZER;

    split_list(value, &ports);
    for (size_t i = 0; i < ports.n && !ctx->error; i++) {
        struct dts_client_port port;
        char *error = dts_client_port_parse(ports.names[i], &port);

        if (!fail_if(ctx, DTS_EXIT_USAGE, error)) {
            dts_client_port_uninit(&port);
        }
    }
    if (!ctx->error) {
        svec_sort_unique(&ports);
        dtsrec_network_set_gateways(network_row(row),
                                    (const char **) ports.names, ports.n);
    }
    svec_destroy(&ports);
}

static const struct key network_keys[] = {
    { "key", "key", set_scalar },
    { "gateway", NULL, set_gateways },
    { "mtu", "mtu", set_scalar },
    { "switching", "switching", set_scalar },
    { "on-database-loss", "on_database_loss", set_scalar },
    { "external-ids:", "external_ids", set_map_key },
    { NULL, NULL, NULL },
};

/* Checks 'network' and the domains in it. */
static void
validate(struct ctl_context *ctx, const struct dtsrec_network *network)
{
    const struct dtsrec_domain *domain;
    int code;
    char *error = validate_network(ctx->idl, network, &code);

    DTSREC_DOMAIN_FOR_EACH (domain, ctx->idl) {
        if (!error && !strcmp(domain->network, network->name)) {
            error = validate_domain(ctx->idl, domain, &code);
        }
    }
    fail_if(ctx, code, error);
}

static void
cmd_network_add(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];

    if (has_option(ctx, "--may-exist") && find_network(ctx->idl, name)) {
        const struct dtsrec_network *old = find_network(ctx->idl, name);
        if (set_options(ctx, "network-add", &old->header_, network_keys)) {
            validate(ctx, old);
        }
        return;
    }
    if (!option(ctx, "--key")) {
        fail(ctx, DTS_EXIT_USAGE, "network-add %s: --key=N is needed: the "
             "number that its frames carry in the tunnels, 1 to 16777214, "
             "one for each network", name);
        return;
    }

    struct dtsrec_network *network = dtsrec_network_insert(ctx->txn);
    dtsrec_network_set_name(network, name);
    dtsrec_network_set_switching(network, "flow");
    dtsrec_network_set_on_database_loss(network, "static");
    if (set_options(ctx, "network-add", &network->header_, network_keys)) {
        validate(ctx, network);
    }
}

/* The first domain in 'network', or NULL. */
static const struct dtsrec_domain *
first_domain(const struct ovsdb_idl *idl, const char *network)
{
    const struct dtsrec_domain *domain;

    DTSREC_DOMAIN_FOR_EACH (domain, idl) {
        if (!strcmp(domain->network, network)) {
            return domain;
        }
    }
    return NULL;
}

static void
cmd_network_set(struct ctl_context *ctx)
{
    const struct dtsrec_network *network = get_network(ctx, ctx->argv[1]);

    if (!network) {
        return;
    }
    int64_t key = network->key;
    if (!set_keys(ctx, 2, "network-set", &network->header_, network_keys)) {
        return;
    }
    const struct dtsrec_domain *domain = first_domain(ctx->idl,
                                                      network->name);
    if (domain && network->key != key) {
        fail(ctx, DTS_EXIT_REFUSED, "network %s: its key cannot change while "
             "it has domains (%s): the nodes would not change over at one "
             "time", network->name, domain->name);
        return;
    }
    validate(ctx, network);
}

static void
cmd_network_del(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];

    if (has_option(ctx, "--if-exists") && !find_network(ctx->idl, name)) {
        return;
    }
    const struct dtsrec_network *network = get_network(ctx, name);
    if (!network) {
        return;
    }
    const struct dtsrec_domain *domain = first_domain(ctx->idl, name);
    if (domain) {
        fail(ctx, DTS_EXIT_REFUSED, "network %s has domains (%s): delete "
             "them, or move them with dts-ctl domain-set DOMAIN "
             "network=OTHER, first", name, domain->name);
        return;
    }
    dtsrec_network_delete(network);
}

const struct ctl_command_syntax network_commands[] = {
    { "network-add", 1, 1, "NEW-NETWORK", pre_config, cmd_network_add, NULL,
      "--key=,--gateway=,--mtu=,--switching=,--on-database-loss=,"
      "--may-exist", RW },
    { "network-set", 2, INT_MAX, "NETWORK KEY=VALUE...", pre_config,
      cmd_network_set, NULL, "", RW },
    { "network-del", 1, 1, "NETWORK", pre_config, cmd_network_del, NULL,
      "--if-exists", RW },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
