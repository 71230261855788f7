/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl switch`, `switch-cancel` and `wait`.
 *
 * A switch is only asked for here: the request (which node, and at which
 * generation the operator saw the domain) goes into the domain's row, and the
 * owner's agent carries it out, or not, if the generation has moved on. */

#include <config.h>
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-idl.h"
#include "sset.h"
#include "svec.h"
#include "util.h"
#include "values.h"
#include "view.h"

/* Fails the command unless 'domain' may go to 'target' now.  Returns its
 * binding, or NULL (with or without an error: it may be there already). */
static const struct dtsrec_binding *
may_switch(struct ctl_context *ctx, const struct dtsrec_domain *domain,
           const struct dtsrec_node *target)
{
    const struct dtsrec_binding *b = find_binding(ctx->idl, domain->name);
    const char *name = domain->name;

    if (!b) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s has no binding: no node may "
             "run it; dts-ctl domain-set %s primary=%s makes one", name,
             name, domain->primary);
    } else if (!strcmp(b->owner, target->name)) {
        ds_put_format(&ctx->output, "%s runs on %s already (generation "
                      "%"PRId64")\n", name, b->owner, b->generation);
        return NULL;
    } else if (strcmp(b->standby, target->name)) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s cannot go to %s: its copy is "
             "on %s; change the pair with dts-ctl domain-set first", name,
             target->name, b->standby);
    } else if (!strcmp(b->state, "granted")) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s is moving already, to %s: "
             "wait for it with dts-ctl wait %s --state=alone,protected",
             name, b->owner, name);
    } else if (strcmp(b->state, "protected")
               && (strcmp(b->state, "released") || !b->session[0])) {
        fail(ctx, DTS_EXIT_REFUSED, "domain %s is %s: there is no copy on %s "
             "to go on with; start its protection on %s (dts-link(8)), then: "
             "dts-ctl wait %s", name, b->state, target->name, b->owner,
             name);
    }

    struct svec conditions = SVEC_EMPTY_INITIALIZER;
    domain_conditions(ctx->idl, b, &conditions);
    for (size_t i = 0; !ctx->error && i < conditions.n; i++) {
        if (!strncmp(conditions.names[i], "database-went-backward", 22)) {
            fail(ctx, DTS_EXIT_REFUSED, "domain %s: %s: the nodes do not "
                 "follow this database until dts-ctl adopt %s is run on "
                 "them", name, conditions.names[i], name);
        }
    }
    svec_destroy(&conditions);
    return ctx->error ? NULL : b;
}

/* With switching=port the domains of a network move together. */
static bool
may_move_alone(struct ctl_context *ctx, const struct dtsrec_domain *domain)
{
    const struct dtsrec_network *network = find_network(ctx->idl,
                                                        domain->network);
    const struct dtsrec_domain *other;

    if (!network || strcmp(network->switching, "port")) {
        return true;
    }
    DTSREC_DOMAIN_FOR_EACH (other, ctx->idl) {
        if (other != domain && !strcmp(other->network, domain->network)) {
            fail(ctx, DTS_EXIT_REFUSED, "domain %s shares network %s with "
                 "%s, and the network switches by port: all its domains move "
                 "together (dts-ctl switch %s NODE --all)", domain->name,
                 network->name, other->name, domain->name);
            return false;
        }
    }
    return true;
}

/* Returns true if the switch is requested now (or would be). */
static bool
request_switch(struct ctl_context *ctx, const struct dtsrec_domain *domain,
               const struct dtsrec_node *target)
{
    const struct dtsrec_binding *b = may_switch(ctx, domain, target);

    if (!b) {
        return false;
    }
    ds_put_format(&ctx->output, "%s %s: %s -> %s (generation %"PRId64" -> "
                  "%"PRId64")\n",
                  settings.dry_run ? "would switch" : "requested",
                  domain->name, b->owner, b->standby, b->generation,
                  b->generation + 1);

    dtsrec_binding_verify_owner(b);
    dtsrec_binding_verify_standby(b);
    dtsrec_binding_verify_generation(b);
    dtsrec_binding_verify_session(b);
    dtsrec_binding_verify_state(b);
    dtsrec_domain_set_requested_node(domain, target->name);
    dtsrec_domain_set_requested_generation(domain, &b->generation, 1);
    return true;
}

static void
cmd_switch(struct ctl_context *ctx)
{
    const struct dtsrec_domain *domain = get_domain(ctx, ctx->argv[1]);
    const struct dtsrec_node *target
        = domain ? get_node(ctx, ctx->argv[2]) : NULL;
    bool all = has_option(ctx, "--all");

    if (!target || (!all && !may_move_alone(ctx, domain))) {
        return;
    }

    size_t n;
    bool requested = false;
    const struct dtsrec_domain **rows = sorted_domains(ctx->idl, &n);
    for (size_t i = 0; i < n && !ctx->error; i++) {
        if (all ? !strcmp(rows[i]->network, domain->network)
            : rows[i] == domain) {
            requested |= request_switch(ctx, rows[i], target);
        }
    }
    free(rows);
    if (ctx->error || !requested) {
        return;
    }
    if (settings.dry_run) {
        const struct dtsrec_binding *b = find_binding(ctx->idl,
                                                      domain->name);
        ds_put_format(&ctx->output, "  %s pauses the guest, brings %s's copy "
                      "up to date and gives it up (if %s is down, the "
                      "witness must say so); then the gateways switch and "
                      "%s resumes it\n", b->owner, target->name, b->owner,
                      target->name);
        ds_put_cstr(&ctx->output, "  with stock xl the guest goes back by up "
                    "to one checkpoint interval\n");
    } else {
        ds_put_format(&ctx->output, "follow it with: dts-ctl wait %s "
                      "--owner=%s --state=alone,protected\n", domain->name,
                      target->name);
    }
}

static void
cmd_switch_cancel(struct ctl_context *ctx)
{
    const struct dtsrec_domain *domain = get_domain(ctx, ctx->argv[1]);

    if (!domain) {
        return;
    }
    if (!domain->requested_node) {
        ds_put_format(&ctx->output, "no switch of %s is requested\n",
                      domain->name);
        return;
    }
    ds_put_format(&ctx->output, "withdrew the request to switch %s to %s\n",
                  domain->name, domain->requested_node);
    dtsrec_domain_set_requested_node(domain, NULL);
    dtsrec_domain_set_requested_generation(domain, NULL, 0);
}

/* wait */

static bool
parse_states(struct ctl_context *ctx, struct svec *states)
{
    static const char *const all[] = {
        "stopped", "alone", "protected", "granted", "released", "failed",
        "lost", NULL,
    };
    const char *s = option(ctx, "--state");

    if (s) {
        split_list(s, states);
    } else if (!option(ctx, "--owner") && !has_option(ctx, "--fenced")) {
        svec_add(states, "protected");
    }
    for (size_t i = 0; i < states->n && !ctx->error; i++) {
        fail_if(ctx, DTS_EXIT_USAGE, parse_choice("state", states->names[i],
                                                  all));
    }
    svec_sort(states);
    return !ctx->error;
}

/* True if every gateway of the domain's network has confirmed 'b'. */
static bool
is_fenced(const struct ovsdb_idl *idl, const struct dtsrec_domain *domain,
          const struct dtsrec_binding *b)
{
    const struct dtsrec_network *network = find_network(idl, domain->network);
    struct sset gateways = SSET_INITIALIZER(&gateways);
    bool fenced = network != NULL;
    const char *gateway;

    if (network) {
        network_gateways(network, &gateways);
    }
    SSET_FOR_EACH (gateway, &gateways) {
        const int64_t *receipt = find_receipt(idl, gateway, domain->name);
        fenced = fenced && receipt && *receipt >= b->generation;
    }
    sset_destroy(&gateways);
    return fenced;
}

static void
cmd_wait(struct ctl_context *ctx)
{
    const struct dtsrec_domain *domain = get_domain(ctx, ctx->argv[1]);
    const char *owner = option(ctx, "--owner");
    struct svec states = SVEC_EMPTY_INITIALIZER;

    if (domain && parse_states(ctx, &states)
        && (!owner || get_node(ctx, owner))) {
        const struct dtsrec_binding *b = find_binding(ctx->idl,
                                                      domain->name);
        if (!b
            || (states.n && !svec_contains(&states, b->state))
            || (owner && strcmp(b->owner, owner))
            || (has_option(ctx, "--fenced")
                && !is_fenced(ctx->idl, domain, b))) {
            ctx->try_again = true;
        } else {
            ds_put_format(&ctx->output, "%s: %s on %s, generation "
                          "%"PRId64"\n", domain->name, b->state, b->owner,
                          b->generation);
        }
    }
    svec_destroy(&states);
}

const struct ctl_command_syntax switch_commands[] = {
    { "switch", 2, 2, "DOMAIN NODE", pre_config, cmd_switch, NULL, "--all",
      RW },
    { "switch-cancel", 1, 1, "DOMAIN", pre_config, cmd_switch_cancel, NULL,
      "", RW },
    { "wait", 1, 1, "DOMAIN", pre_config, cmd_wait, NULL,
      "--state=,--owner=,--fenced", RO },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
