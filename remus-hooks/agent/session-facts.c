/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent tells a link, a gate or an engine about its domain, when it
 * says `hello` (docs/protocol.md). */

#include <config.h>
#include "session.h"

#include <string.h>

#include "db.h"
#include "openvswitch/json.h"
#include "server.h"

#define LINK_PORT 6646

struct json *
session_facts(const struct dts_domain *d, const char *domain,
              const char *session, const char *peer)
{
    const struct dts_view *view = db_view();
    struct dts_timers timers = { .heartbeat = 50, .peer_timeout = 500,
                                 .stall = 2000 };
    const struct dts_node *node = NULL;
    struct json *o = json_object_create();

    if (view) {
        timers = view->timers;
        node = peer ? dts_view_find_node(view, peer) : NULL;
    }
    json_object_put(o, "version", json_integer_create(1));
    json_object_put_string(o, "node", view ? view->self_name : "");
    json_object_put_string(o, "ip", view && view->self
                           ? view->self->replication_ip : "");
    json_object_put_string(o, "domain", domain);
    json_object_put_string(o, "session", session);
    json_object_put(o, "generation",
                    json_integer_create(d ? d->generation : 0));
    json_object_put_string(o, "state", d && d->has_binding
                           ? dts_state_to_string(d->state) : "");
    json_object_put_string(o, "peer", peer ? peer : "");
    json_object_put_string(o, "peer_ip", node ? node->replication_ip : "");
    json_object_put(o, "port", json_integer_create(LINK_PORT));
    json_object_put(o, "heartbeat", json_integer_create(timers.heartbeat));
    json_object_put(o, "peer_timeout",
                    json_integer_create(timers.peer_timeout));
    json_object_put(o, "stall", json_integer_create(timers.stall));
    json_object_put(o, "tls",
                    json_boolean_create(!strncmp(db_remote(), "ssl:", 4)));
    return o;
}

/* Whom 'd' is, or would be, copied to from here: the node that was named, else
 * the other one of its pair. */
static const char *
other_node(const struct dts_view *view, const struct dts_domain *d,
           const char *named)
{
    return (named[0] ? named
            : !d->has_binding ? NULL
            : !strcmp(d->owner, view->self_name) ? d->standby : d->owner);
}

bool
session_hello_check(struct conn *c, const struct json *id,
                    const struct json *params)
{
    const char *name = param_string(params, "domain", "");
    const char *named = param_string(params, "peer", "");
    const struct dts_view *view = db_view();
    const struct dts_domain *d;
    struct json *facts;

    if (!view || !view->self) {
        server_reply_error(c, id, 4, "the agent has not read the DTS "
                           "database yet%s", view ? " (this node is not in "
                           "it: dts-ctl node-add)" : "");
        return false;
    }
    d = dts_view_find_domain(view, name);
    if (!d) {
        server_reply_error(c, id, 2, "domain \"%s\" is not in the DTS "
                           "database: dts-ctl domain-add", name);
        return false;
    }
    if (named[0] && !dts_view_find_node(view, named)) {
        server_reply_error(c, id, 2, "there is no node called \"%s\" (the "
                           "standby of %s is %s)", named, name, d->standby);
        return false;
    }
    if (named[0] && !strcmp(named, view->self_name)) {
        server_reply_error(c, id, 3, "%s is this node itself: name the other "
                           "one", named);
        return false;
    }
    facts = session_facts(d, name, "", other_node(view, d, named));
    json_object_put(facts, "pair", json_boolean_create(
                        named[0] && d->has_binding
                        && (!strcmp(named, d->owner)
                            || !strcmp(named, d->standby))));
    server_reply(c, id, facts);
    return true;
}
