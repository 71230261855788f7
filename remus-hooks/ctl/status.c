/* SPDX-License-Identifier: Apache-2.0 */

/* What the state of a domain is, in words (see status.h). */

#include <config.h>
#include "status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "view.h"

/* The tunnel of the paper's Algorithm 1 that is in service: tunnel 2 leads to
 * the primary, tunnel 3 to the secondary. */
static int
tunnel_in_service(const struct dtsrec_domain *d,
                  const struct dtsrec_binding *b)
{
    return (!b ? 0
            : !strcmp(b->owner, d->primary) ? 2
            : !strcmp(b->owner, d->secondary) ? 3 : 0);
}

static void
add_gateways(struct domain_status *s, const struct ovsdb_idl *idl)
{
    struct sset names = SSET_INITIALIZER(&names);

    if (s->network) {
        network_gateways(s->network, &names);
    }
    const char **sorted = sset_sort(&names);
    s->n_gateways = sset_count(&names);
    s->gateways = xcalloc(s->n_gateways + 1, sizeof *s->gateways);
    for (size_t i = 0; i < s->n_gateways; i++) {
        struct gateway_status *g = &s->gateways[i];
        const struct dtsrec_reachability *owner = NULL, *standby = NULL;

        g->name = xstrdup(sorted[i]);
        g->receipt = find_receipt(idl, g->name, s->domain->name);
        if (s->binding) {
            g->confirmed = (g->receipt
                            && *g->receipt >= s->binding->generation);
            owner = find_reachability(idl, g->name, s->binding->owner);
            standby = find_reachability(idl, g->name, s->binding->standby);
        }
        g->sees_owner = owner ? owner->state : "";
        g->sees_standby = standby ? standby->state : "";
    }
    free(sorted);
    sset_destroy(&names);
}

/* If 's' is "NAME: TEXT" with this name, returns TEXT, else NULL. */
static const char *
condition_text(const char *s, const char *name)
{
    size_t n = strlen(name);

    return (strncmp(s, name, n) || s[n] != ':' ? NULL
            : s + n + 1 + strspn(s + n + 1, " "));
}

/* True if one of the conditions is not merely information. */
static bool
has_problem(const struct domain_status *s)
{
    for (size_t i = 0; i < s->conditions.n; i++) {
        if (!condition_text(s->conditions.names[i], "output")) {
            return true;
        }
    }
    return false;
}

/* The names of the gateways whose receipt is missing; "" if none is. */
static char *
unconfirmed(const struct domain_status *s)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < s->n_gateways; i++) {
        if (!s->gateways[i].confirmed) {
            ds_put_format(&ds, "%s%s", ds.length ? ", " : "",
                          s->gateways[i].name);
        }
    }
    return ds_steal_cstr(&ds);
}

/* Of the hold-down, ms; 0: there is none.  (The standby has its own clock for
 * it.) */
static long long int
hold_down_left(const struct domain_status *s, const struct ovsdb_idl *idl)
{
    const struct dtsrec_global *g = dtsrec_global_first(idl);
    long long int ms = (g && g->n_hold_down ? *g->hold_down
                        : DTS_HOLD_DOWN) * 1000LL;

    if (!s->binding || !s->binding->failover_at) {
        return 0;
    }
    return MIN(ms, MAX(0, s->binding->failover_at + ms - time_wall_msec()));
}

/* Adds to reason and remedy that a failover would have to wait. */
static void
judge_hold_down(struct domain_status *s)
{
    const struct dtsrec_binding *b = s->binding;
    char *reason = s->reason;

    s->reason = xasprintf("%s; for another %lld s only if an operator says so: "
                          "it is so soon after the last failover (hold-down)",
                          reason, (s->hold_down_left + 999) / 1000);
    free(reason);
    free(s->remedy);
    s->remedy = xasprintf("if %s fails meanwhile: dts-ctl switch %s %s",
                          b->owner, s->domain->name, b->standby);
    s->health = MAX(s->health, HEALTH_WARN);
}

/* Fills in health, reason and remedy. */
static void
judge(struct domain_status *s)
{
    const struct dtsrec_domain *d = s->domain;
    const struct dtsrec_binding *b = s->binding;
    const char *cause = b && b->cause[0] ? b->cause : "no reason was told";
    char *missing = unconfirmed(s);

    s->health = HEALTH_FAIL;
    if (!b) {
        s->reason = xstrdup("it has no binding: no node may run it");
        s->remedy = xasprintf("dts-ctl domain-set %s primary=%s", d->name,
                              d->primary);
    } else if (!strcmp(b->state, "protected")) {
        s->protected = true;
        s->health = has_problem(s) || missing[0] ? HEALTH_WARN : HEALTH_OK;
        s->reason = xasprintf("%s holds a copy that can go on", b->standby);
        s->remedy = (!strcmp(d->failover, "manual")
                     ? xasprintf("failover is manual: if %s fails, run "
                                 "dts-ctl switch %s %s", b->owner, d->name,
                                 b->standby)
                     : xstrdup(""));
    } else if (!strcmp(b->state, "alone")) {
        s->health = HEALTH_WARN;
        s->reason = xasprintf("no copy may take over (%s)", cause);
        s->remedy = xasprintf("start its protection on %s (dts-link(8)), "
                              "then: dts-ctl wait %s", b->owner, d->name);
    } else if (!strcmp(b->state, "granted")) {
        s->reason = (missing[0]
                     ? xasprintf("it is moving to %s, which waits for the "
                                 "fence of %s", b->owner, missing)
                     : xasprintf("it is moving to %s, which may resume it "
                                 "now (%s)", b->owner, cause));
        s->remedy = (missing[0]
                     ? xasprintf("bring the agent of %s back; only when that "
                                 "gateway is known to be off: take it out "
                                 "with dts-ctl network-set %s gateway=...",
                                 missing, d->network)
                     : xasprintf("if it stays so: look at dts-ctl events %s "
                                 "and at the agent's log on %s", d->name,
                                 b->owner));
    } else if (!strcmp(b->state, "stopped")) {
        s->health = HEALTH_OK;
        s->reason = xasprintf("it was stopped in order (%s)", cause);
        s->remedy = xasprintf("start it with xl create on %s", b->owner);
    } else if (!strcmp(b->state, "released")) {
        s->reason = xasprintf("%s gave it up (%s)", b->owner, cause);
        s->remedy = xasprintf("start it with xl create on %s, or: dts-ctl "
                              "switch %s %s", b->owner, d->name, b->standby);
    } else if (!strcmp(b->state, "failed")) {
        s->reason = xasprintf("%s could not resume it (%s)", b->owner,
                              cause);
        s->remedy = xasprintf("%s goes on with the original if it still has "
                              "it; look at dts-ctl events %s", b->standby,
                              d->name);
    } else {
        s->reason = xasprintf("it is lost (%s)", cause);
        s->remedy = xasprintf("make sure that it runs nowhere, then start it "
                              "with xl create on %s", b->owner);
    }
    free(missing);
    if (b && s->hold_down_left > 0
        && ((s->protected && strcmp(d->failover, "manual"))
            || (!strcmp(b->state, "released") && b->session[0]
                && !d->requested_node))) {
        judge_hold_down(s);
    }
}

void
domain_status_init(struct domain_status *s, const struct ovsdb_idl *idl,
                   const struct dtsrec_domain *domain)
{
    memset(s, 0, sizeof *s);
    s->domain = domain;
    s->binding = find_binding(idl, domain->name);
    s->network = find_network(idl, domain->network);
    s->tunnel_in_service = tunnel_in_service(domain, s->binding);
    add_gateways(s, idl);
    s->witness = (domain->witness[0] ? domain->witness
                  : s->n_gateways ? s->gateways[0].name : "");
    svec_init(&s->conditions);
    domain_conditions(idl, s->binding, &s->conditions);
    s->hold_down_left = hold_down_left(s, idl);
    judge(s);
    s->output = "";
    for (size_t i = 0; s->protected && i < s->conditions.n; i++) {
        const char *text = condition_text(s->conditions.names[i], "output");

        s->output = text ? text : s->output;
    }
    timeline_init_last(&s->last_switch, idl, domain->name);
}

void
domain_status_uninit(struct domain_status *s)
{
    for (size_t i = 0; i < s->n_gateways; i++) {
        free(s->gateways[i].name);
    }
    free(s->gateways);
    svec_destroy(&s->conditions);
    free(s->reason);
    free(s->remedy);
    timeline_uninit(&s->last_switch);
}
