/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent says of itself: `ovs-appctl -t dts-agent dts/...` and the
 * socket's `status`. */

#include <config.h>
#include "status.h"

#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "db.h"
#include "guests.h"
#include "hooks.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "session.h"
#include "switch.h"
#include "takeover.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

static void unixctl_status(struct unixctl_conn *, int argc,
                           const char *argv[], void *aux);
static void unixctl_flows(struct unixctl_conn *, int argc,
                          const char *argv[], void *aux);
static void unixctl_xenstore(struct unixctl_conn *, int argc,
                             const char *argv[], void *aux);
static void unixctl_adopt(struct unixctl_conn *, int argc,
                          const char *argv[], void *aux);

void
status_init(void)
{
    unixctl_command_register("dts/status", "[--json] [DOMAIN]", 0, 2,
                             unixctl_status, NULL);
    unixctl_command_register("dts/flows", "", 0, 0, unixctl_flows, NULL);
    unixctl_command_register("dts/xenstore", "", 0, 0, unixctl_xenstore,
                             NULL);
    unixctl_command_register("dts/adopt", "DOMAIN", 1, 1, unixctl_adopt,
                             NULL);
}

struct json *
status_hello(void)
{
    const struct dts_view *view = db_view();
    struct json *o = json_object_create();

    json_object_put(o, "version", json_integer_create(1));
    json_object_put_string(o, "node", view ? view->self_name : "");
    json_object_put_string(o, "domain", "");
    return o;
}

static struct json *
domain_json(const struct dts_domain *d, const struct dts_view *view)
{
    struct json *o = json_object_create();
    struct json *sessions = json_array_create_empty();
    struct json *realtime = json_array_create_empty();
    const struct session *s;
    int64_t seen;

    json_object_put_string(o, "domain", d->name);
    json_object_put_string(o, "owner", d->owner);
    json_object_put_string(o, "standby", d->standby);
    json_object_put(o, "generation", json_integer_create(d->generation));
    json_object_put_string(o, "state", d->has_binding
                           ? dts_state_to_string(d->state) : "none");
    json_object_put_string(o, "session", d->session);
    json_object_put_string(o, "cause", d->cause);
    json_object_put(o, "may_run",
                    json_boolean_create(binding_may_run(d,
                                                        view->self_name)));
    json_object_put(o, "backward",
                    json_boolean_create(takeover_is_backward(d->name,
                                                             &seen)));
    for (s = session_next(NULL); s; s = session_next(s)) {
        if (!strcmp(s->domain, d->name)) {
            json_array_add(sessions, session_json(s));
        }
    }
    json_object_put(o, "sessions", sessions);
    for (size_t i = 0; i < d->n_realtime; i++) {
        json_array_add(realtime, json_string_create(d->realtime[i]));
    }
    json_object_put(o, "realtime", realtime);
    json_object_put(o, "realtime_unsafe",
                    json_boolean_create(d->realtime_unsafe));
    return o;
}

struct json *
status_json(const char *domain)
{
    const struct dts_view *view = db_view();
    struct json *o = json_object_create();
    struct json *domains = json_array_create_empty();

    json_object_put_string(o, "version", DTS_VERSION);
    json_object_put_string(o, "node", view ? view->self_name : "");
    json_object_put_string(o, "database", db_remote());
    json_object_put(o, "connected", json_boolean_create(db_is_connected()));
    json_object_put(o, "xenstore", json_boolean_create(guests_known()));
    if (view) {
        const struct dts_domain *d;
        HMAP_FOR_EACH (d, hmap_node, &view->domains) {
            if (!domain || !strcmp(domain, d->name)) {
                json_array_add(domains, domain_json(d, view));
            }
        }
    }
    json_object_put(o, "domains", domains);
    return o;
}

static void
format_domain(const struct dts_domain *d, const struct dts_view *view,
              struct ds *ds)
{
    char *missing;

    ds_put_format(ds, "domain %s: ", d->name);
    if (!d->has_binding) {
        ds_put_cstr(ds, "no binding\n");
        return;
    }
    ds_put_format(ds, "%s on %s, standby %s, generation %"PRId64,
                  dts_state_to_string(d->state), d->owner, d->standby,
                  d->generation);
    if (d->session[0]) {
        ds_put_format(ds, ", session %s", d->session);
    }
    ds_put_format(ds, " (%s)\n", d->cause);
    ds_put_format(ds, "    its frames are %s here\n",
                  binding_may_run(d, view->self_name) ? "let through"
                  : "dropped");
    if (!binding_fenced(d, 0, view->timers.lease, &missing)) {
        ds_put_format(ds, "    not fenced yet: %s\n",
                      missing ? missing : "the network has no gateway");
    }
    free(missing);
    takeover_format(d->name, ds);
    session_format(d->name, ds);
}

static void
unixctl_status(struct unixctl_conn *conn, int argc, const char *argv[],
               void *aux OVS_UNUSED)
{
    const struct dts_view *view = db_view();
    const char *domain = NULL;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            json = true;
        } else {
            domain = argv[i];
        }
    }
    if (domain && (!view || !dts_view_find_domain(view, domain))) {
        unixctl_command_reply_error(conn, "no such domain in the DTS "
                                    "database");
        return;
    }
    if (json) {
        struct json *o = status_json(domain);
        char *s = json_to_string(o, JSSF_PRETTY | JSSF_SORT);
        unixctl_command_reply(conn, s);
        free(s);
        json_destroy(o);
        return;
    }

    struct ds ds = DS_EMPTY_INITIALIZER;
    struct switch_config config;
    const char *node = switch_get_config(&config) ? config.node : NULL;
    ds_put_format(&ds, "dts-agent %s, node %s\n", DTS_VERSION,
                  node && node[0] ? node : "unknown: ovs-vsctl set "
                  "open_vswitch . external_ids:dts-node=NAME");
    ds_put_format(&ds, "database %s: %s\n",
                  db_remote()[0] ? db_remote() : "not configured: ovs-vsctl "
                  "set open_vswitch . external_ids:dts-remote=REMOTE",
                  db_is_connected() ? "connected" : "not connected");
    if (view && !view->self) {
        ds_put_format(&ds, "node %s is not in the database: dts-ctl node-add "
                      "%s ...\n", view->self_name, view->self_name);
    }
    switch_format_status(&ds);
    if (view) {
        const struct dts_domain *d;
        HMAP_FOR_EACH (d, hmap_node, &view->domains) {
            if (!domain || !strcmp(domain, d->name)) {
                format_domain(d, view, &ds);
            }
        }
    }
    hooks_format(&ds);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
unixctl_flows(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    switch_format_flows(&ds);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
unixctl_xenstore(struct unixctl_conn *conn, int argc OVS_UNUSED,
                 const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    guests_format(&ds);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
unixctl_adopt(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[], void *aux OVS_UNUSED)
{
    if (takeover_adopt(argv[1])) {
        unixctl_command_reply(conn, NULL);
    } else {
        unixctl_command_reply_error(conn, "the database did not go backwards "
                                    "for that domain");
    }
}
