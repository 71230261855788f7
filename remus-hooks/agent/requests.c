/* SPDX-License-Identifier: Apache-2.0 */

/* What a message on the agent's socket asks for: says who may ask for what,
 * and hands it to session.c, vif.c or status.c.  No socket is here: see
 * server.c.  Whatever a process says, nothing but its own connection is to
 * suffer. */

#include <config.h>
#include "server.h"

#include <inttypes.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "session.h"
#include "status.h"
#include "util.h"
#include "vif.h"

VLOG_DEFINE_THIS_MODULE(requests);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static bool hello(struct conn *, const struct json *id,
                  const struct json *params);

bool
server_handle(struct conn *c, const struct jsonrpc_msg *msg)
{
    const struct json *params = NULL;

    if (msg->type != JSONRPC_REQUEST && msg->type != JSONRPC_NOTIFY) {
        return true;            /* Answers to what we never asked. */
    }
    if (msg->params->type == JSON_ARRAY && json_array(msg->params)->n == 1) {
        params = json_array(msg->params)->elems[0];
    }
    if (!params || params->type != JSON_OBJECT) {
        VLOG_WARN_RL(&rl, "process %d: params of \"%s\" are not one object",
                     (int) c->pid, msg->method);
        return false;
    }

    if (!strcmp(msg->method, "echo") && msg->type == JSONRPC_REQUEST) {
        server_reply(c, msg->id, json_clone(msg->params));
    } else if (!strcmp(msg->method, "hello")
               && msg->type == JSONRPC_REQUEST) {
        return hello(c, msg->id, params);
    } else if (c->role == CONN_NEW) {
        VLOG_WARN_RL(&rl, "process %d: \"%s\" before hello", (int) c->pid,
                     msg->method);
        return false;
    } else if (c->role == CONN_VIF && msg->type == JSONRPC_REQUEST
               && !strcmp(msg->method, "vif")) {
        vif_request(c, msg->id, params);
    } else if (msg->type == JSONRPC_REQUEST
               && !strcmp(msg->method, "status")) {
        server_reply(c, msg->id,
                     status_json(param_string(params, "domain", NULL)));
    } else if (c->session) {
        session_message(c, msg->type == JSONRPC_REQUEST ? msg->id : NULL,
                        msg->method, params);
    } else if (msg->type == JSONRPC_REQUEST) {
        server_reply_error(c, msg->id, 1, "unknown method \"%s\"",
                           msg->method);
    }
    return true;
}

const char *
param_string(const struct json *params, const char *name, const char *def)
{
    const struct json *v = shash_find_data(json_object(params), name);
    return v && v->type == JSON_STRING ? json_string(v) : def;
}

int64_t
param_int(const struct json *params, const char *name, int64_t def)
{
    const struct json *v = shash_find_data(json_object(params), name);
    return v && v->type == JSON_INTEGER ? json_integer(v) : def;
}

/* The first message of a connection.  Returns false to close it. */
static bool
hello(struct conn *c, const struct json *id, const struct json *params)
{
    static const struct {
        const char *name;
        enum conn_role role;
    } roles[] = {
        { "link-send", CONN_LINK_SEND },
        { "link-recv", CONN_LINK_RECV },
        { "gate-save", CONN_GATE_SAVE },
        { "gate-restore", CONN_GATE_RESTORE },
        { "engine", CONN_ENGINE },
        { "vif", CONN_VIF },
        { "ctl", CONN_CTL },
        { "check", CONN_CHECK },
    };
    const char *role = param_string(params, "role", "");
    int64_t version = param_int(params, "version", 0);

    if (c->role != CONN_NEW) {
        return false;           /* Once a connection. */
    }

    if (version != 1) {
        server_reply_error(c, id, 3, "protocol version %"PRId64" is not "
                           "spoken by this agent (1 is): install programs "
                           "and agent of one release", version);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        if (!strcmp(role, roles[i].name)) {
            c->role = roles[i].role;
        }
    }
    switch (c->role) {
    case CONN_NEW:
        server_reply_error(c, id, 1, "unknown role \"%s\"", role);
        return true;
    case CONN_VIF:
    case CONN_CTL:
        server_reply(c, id, status_hello());
        return true;
    case CONN_CHECK:
        if (!session_hello_check(c, id, params)) {
            c->role = CONN_NEW;
        }
        return true;
    default:
        if (!session_hello(c, id, params)) {
            c->role = CONN_NEW; /* It may ask again. */
        }
        return true;
    }
}
