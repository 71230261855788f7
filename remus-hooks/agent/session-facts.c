/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent tells a link, a gate or an engine about its domain, when it
 * says `hello` (docs/protocol.md). */

#include <config.h>
#include "session.h"

#include <string.h>

#include "db.h"
#include "openvswitch/json.h"

#define LINK_PORT 6646

static void
put_string(struct json *o, const char *name, const char *value)
{
    json_object_put_string(o, name, value);
}

static void
put_int(struct json *o, const char *name, int64_t value)
{
    json_object_put(o, name, json_integer_create(value));
}

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
    put_int(o, "version", 1);
    put_string(o, "node", view ? view->self_name : "");
    put_string(o, "ip", view && view->self ? view->self->replication_ip : "");
    put_string(o, "domain", domain);
    put_string(o, "session", session);
    put_int(o, "generation", d ? d->generation : 0);
    put_string(o, "state", d && d->has_binding
               ? dts_state_to_string(d->state) : "");
    put_string(o, "peer", peer ? peer : "");
    put_string(o, "peer_ip", node ? node->replication_ip : "");
    put_int(o, "port", LINK_PORT);
    put_int(o, "heartbeat", timers.heartbeat);
    put_int(o, "peer_timeout", timers.peer_timeout);
    put_int(o, "stall", timers.stall);
    json_object_put(o, "tls",
                    json_boolean_create(!strncmp(db_remote(), "ssl:", 4)));
    return o;
}
