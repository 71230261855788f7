/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent tells a link, a gate or an engine about its domain, when it
 * says `hello` (docs/protocol.md). */

#include <config.h>
#include "session.h"

#include <string.h>

#include "db.h"
#include "openvswitch/json.h"

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
