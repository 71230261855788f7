/* SPDX-License-Identifier: Apache-2.0 */

/* Commands about domains: protected virtual machines.
 *
 * A domain and its binding are made and unmade together, here and nowhere
 * else.  A binding starts at a generation higher than any that this database
 * ever gave (Global.generation), and its own is kept there when it goes, so
 * that a domain deleted and added again is never taken for its older self. */

#include <config.h>
#include "ctl.h"

#include <inttypes.h>
#include <string.h>

#include "keys.h"
#include "ovsdb-idl.h"
#include "svec.h"
#include "timeval.h"
#include "util.h"
#include "validate.h"
#include "values.h"
#include "view.h"

static const struct dtsrec_domain *
domain_row(const struct ovsdb_idl_row *row)
{
    return CONTAINER_OF(row, struct dtsrec_domain, header_);
}

static void
set_text(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
         const struct key *key, const char *name, const char *value)
{
    const struct dtsrec_domain *domain = domain_row(row);

    if (!strcmp(key->column, "witness")) {
        dtsrec_domain_set_witness(domain, value);   /* "": the first. */
    } else if (!value[0]) {
        fail(ctx, DTS_EXIT_USAGE, "%s: a value is needed", name);
    } else if (!strcmp(key->column, "network")) {
        dtsrec_domain_set_network(domain, value);
    } else if (!strcmp(key->column, "primary")) {
        dtsrec_domain_set_primary(domain, value);
    } else {
        dtsrec_domain_set_secondary(domain, value);
    }
}

static void
set_addresses(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
              const struct key *key OVS_UNUSED, const char *name OVS_UNUSED,
              const char *value)
{
    struct svec addresses = SVEC_EMPTY_INITIALIZER;

    if (!fail_if(ctx, DTS_EXIT_USAGE, parse_addresses(value, &addresses))) {
        svec_sort_unique(&addresses);
        dtsrec_domain_set_addresses(domain_row(row),
                                    (const char **) addresses.names,
                                    addresses.n);
    }
    svec_destroy(&addresses);
}

static void
set_realtime(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
             const struct key *key OVS_UNUSED, const char *name OVS_UNUSED,
             const char *value)
{
    struct svec classes = SVEC_EMPTY_INITIALIZER;

    split_list(value, &classes);
    svec_sort_unique(&classes);
    for (size_t i = 0; i < classes.n && !ctx->error; i++) {
        fail_if(ctx, DTS_EXIT_USAGE, parse_realtime(classes.names[i]));
    }
    if (!ctx->error) {
        dtsrec_domain_set_realtime(domain_row(row),
                                   (const char **) classes.names, classes.n);
    }
    svec_destroy(&classes);
}

static void
set_realtime_unsafe(struct ctl_context *ctx, const struct ovsdb_idl_row *row,
                    const struct key *key OVS_UNUSED, const char *name,
                    const char *value)
{
    bool unsafe;

    if (!fail_if(ctx, DTS_EXIT_USAGE, parse_bool(name, value, &unsafe))) {
        dtsrec_domain_set_realtime_unsafe(domain_row(row), unsafe);
    }
}

static const struct key domain_keys[] = {
    { "network", "network", set_text },
    { "address", NULL, set_addresses },
    { "primary", "primary", set_text },
    { "secondary", "secondary", set_text },
    { "witness", "witness", set_text },
    { "failover", "failover", set_scalar },
    { "on-loss", "on_loss", set_scalar },
    { "realtime", NULL, set_realtime },
    { "realtime-unsafe", NULL, set_realtime_unsafe },
    { "external-ids:", "external_ids", set_map_key },
    { NULL, NULL, NULL },
};

/* Returns a generation higher than all before, and keeps it. */
static int64_t
next_generation(struct ctl_context *ctx)
{
    const struct dtsrec_global *global = dtsrec_global_first(ctx->idl);
    int64_t generation = global->generation + 1;

    dtsrec_global_verify_generation(global);
    dtsrec_global_set_generation(global, generation);
    return generation;
}

static void
add_binding(struct ctl_context *ctx, const struct dtsrec_domain *domain)
{
    struct dtsrec_binding *binding = dtsrec_binding_insert(ctx->txn);

    dtsrec_binding_set_domain(binding, domain->name);
    dtsrec_binding_set_owner(binding, domain->primary);
    dtsrec_binding_set_standby(binding, domain->secondary);
    dtsrec_binding_set_generation(binding, next_generation(ctx));
    dtsrec_binding_set_session(binding, "");
    dtsrec_binding_set_state(binding, "alone");
    dtsrec_binding_set_cause(binding, "added");
    dtsrec_binding_set_since(binding, time_wall_msec());
}

static void change_domain(struct ctl_context *, const struct dtsrec_domain *,
                          bool options);

static void
cmd_domain_add(struct ctl_context *ctx)
{
    static const char *const needed[] = {
        "--network", "--address", "--primary", "--secondary",
    };
    const char *name = ctx->argv[1];

    if (has_option(ctx, "--may-exist") && find_domain(ctx->idl, name)) {
        change_domain(ctx, find_domain(ctx->idl, name), true);
        return;
    }
    if (find_domain(ctx->idl, name)) {
        fail(ctx, DTS_EXIT_REFUSED, "there is a domain %s already (change it "
             "with dts-ctl domain-set)", name);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (!option(ctx, needed[i])) {
            fail(ctx, DTS_EXIT_USAGE, "domain-add %s: %s=... is needed "
                 "(network, address, primary, secondary)", name, needed[i]);
            return;
        }
    }

    struct dtsrec_domain *domain = dtsrec_domain_insert(ctx->txn);
    dtsrec_domain_set_name(domain, name);
    dtsrec_domain_set_failover(domain, "auto");
    dtsrec_domain_set_on_loss(domain, "stop");
    dtsrec_domain_set_realtime_unsafe(domain,
                                      has_option(ctx, "--realtime-unsafe"));
    if (!set_options(ctx, "domain-add", &domain->header_, domain_keys)) {
        return;
    }

    /* The binding first: the domain may share its network's owner. */
    add_binding(ctx, domain);
    int code;
    char *error = validate_domain(ctx->idl, domain, &code);
    fail_if(ctx, code, error);
}

/* The binding follows a new pair of nodes, as far as that is safe. */
static void
rebind(struct ctl_context *ctx, const struct dtsrec_domain *domain)
{
    const struct dtsrec_binding *b = find_binding(ctx->idl, domain->name);
    const char *standby;

    if (!b) {
        add_binding(ctx, domain);
        return;
    }
    if (!strcmp(b->owner, domain->primary)) {
        standby = domain->secondary;
    } else if (!strcmp(b->owner, domain->secondary)) {
        standby = domain->primary;
    } else {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s is %s's (%s), which would be "
             "neither its primary nor its secondary: switch it to a node "
             "that stays, first", domain->name, b->owner, b->state);
        return;
    }
    if (!strcmp(b->standby, standby)) {
        return;
    }
    if (!strcmp(b->state, "protected") || !strcmp(b->state, "granted")) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s is %s and its copy is on %s: "
             "end the protection (on %s) before the copy is to go elsewhere",
             domain->name, b->state, b->standby, b->owner);
        return;
    }
    dtsrec_binding_verify_owner(b);
    dtsrec_binding_verify_generation(b);
    dtsrec_binding_verify_session(b);
    dtsrec_binding_verify_state(b);
    dtsrec_binding_set_standby(b, standby);
    /* Whoever has no part in it any more could not take its own back; what
     * still holds is said again. */
    dtsrec_binding_set_conditions(b, NULL, 0);
}

static void
change_domain(struct ctl_context *ctx, const struct dtsrec_domain *domain,
              bool options)
{
    const struct dtsrec_binding *b = find_binding(ctx->idl, domain->name);
    char *network = xstrdup(domain->network);
    bool ok = (options
               ? set_options(ctx, "domain-add", &domain->header_, domain_keys)
               : set_keys(ctx, 2, "domain-set", &domain->header_,
                          domain_keys));
    int code;

    if (ok && strcmp(network, domain->network) && b
        && (!strcmp(b->state, "protected") || !strcmp(b->state, "granted"))) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s is %s: it can change its "
             "network only while it is not", domain->name, b->state);
        ok = false;
    }
    if (ok) {
        char *error = validate_domain(ctx->idl, domain, &code);
        ok = !fail_if(ctx, code, error);
    }
    if (ok) {
        rebind(ctx, domain);
    }
    free(network);
}

static void
cmd_domain_set(struct ctl_context *ctx)
{
    const struct dtsrec_domain *domain = get_domain(ctx, ctx->argv[1]);

    if (domain) {
        change_domain(ctx, domain, false);
    }
}

static void
cmd_domain_del(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];

    if (has_option(ctx, "--if-exists") && !find_domain(ctx->idl, name)) {
        return;
    }
    const struct dtsrec_domain *domain = get_domain(ctx, name);
    if (!domain) {
        return;
    }

    const struct dtsrec_binding *b = find_binding(ctx->idl, name);
    if (b && !has_option(ctx, "--force")
        && (!strcmp(b->state, "protected") || !strcmp(b->state, "granted"))) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s is %s (on %s, copy on %s): "
             "end its protection first, or give --force; its clients are cut "
             "off at once", name, b->state, b->owner, b->standby);
        return;
    }
    if (b) {
        const struct dtsrec_global *global = dtsrec_global_first(ctx->idl);

        dtsrec_binding_verify_generation(b);
        dtsrec_binding_verify_state(b);
        dtsrec_global_verify_generation(global);
        if (global->generation < b->generation) {
            dtsrec_global_set_generation(global, b->generation);
        }
        dtsrec_binding_delete(b);
    }

    const struct dtsrec_fence *f;
    DTSREC_FENCE_FOR_EACH (f, ctx->idl) {
        if (dts_receipt_get(f, name)) {
            dtsrec_fence_update_generations_delkey(f, name);
        }
    }
    dtsrec_domain_delete(domain);
}

const struct ctl_command_syntax domain_commands[] = {
    { "domain-add", 1, 1, "NEW-DOMAIN", pre_config, cmd_domain_add, NULL,
      "--network=,--address=,--primary=,--secondary=,--witness=,--failover=,"
      "--on-loss=,--realtime=,--realtime-unsafe,--may-exist", RW },
    { "domain-set", 2, INT_MAX, "DOMAIN KEY=VALUE...", pre_config,
      cmd_domain_set, NULL, "", RW },
    { "domain-del", 1, 1, "DOMAIN", pre_config, cmd_domain_del, NULL,
      "--if-exists,--force", RW },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
