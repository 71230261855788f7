/* SPDX-License-Identifier: Apache-2.0 */

/* Plugs guests' interfaces for the vif program.
 *
 * The program lies on the failover path and has no connection to the switch;
 * the agent has one open.  A guest that is bound to another node is refused
 * here, before it can start: so a host that comes back cannot start a second
 * one.  A copy ("NAME--incoming") is plugged and stays cut off until the
 * binding says otherwise, and so is everything while the database is away. */

#include <config.h>
#include "vif.h"

#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "db.h"
#include "openvswitch/json.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "server.h"
#include "switch.h"
#include "takeover.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vif);

#define INCOMING "--incoming"

/* A request whose port is being made. */
struct pending {
    uint64_t conn;
    struct json *id;
    char *domain;
    bool admit;
    char *reason;
    int mtu;
    bool online;
};

static char *judge(const struct dts_domain *, const char *mac, bool copy,
                   const char *self, bool *admit, char **reason);
static void done(const char *error, void *pending_);

/* The MTU that fits through every tunnel from here to the network's gateways;
 * 0 if there is none. */
static int
default_mtu(const struct dts_view *view, const struct dts_network *n)
{
    int mtu = 0;

    if (n->mtu) {
        return n->mtu;
    }
    for (size_t i = 0; i < n->n_ports; i++) {
        const struct dts_tunnel *t
            = (n->ports[i].node
               ? dts_view_find_tunnel(view, n->ports[i].node) : NULL);
        if (t) {
            int fits = dts_tunnel_room(t);
            mtu = mtu ? MIN(mtu, fits) : fits;
        }
    }
    return mtu;
}

void
vif_request(struct conn *c, const struct json *id, const struct json *params)
{
    const char *op = param_string(params, "op", "");
    const char *vif = param_string(params, "vif", "");
    const char *full = param_string(params, "name", "");
    const char *mac = param_string(params, "mac", "");
    bool online = !strcmp(op, "online") || !strcmp(op, "add");
    size_t len = strlen(full), suffix = strlen(INCOMING);
    bool copy = len > suffix && !strcmp(full + len - suffix, INCOMING);

    if (!vif[0] || (!online && strcmp(op, "offline")
                    && strcmp(op, "remove"))) {
        server_reply_error(c, id, 1, "vif: op \"%s\" for interface \"%s\"",
                           op, vif);
        return;
    }

    struct pending *p = xzalloc(sizeof *p);
    p->conn = c->id;
    p->id = json_clone(id);
    p->domain = xmemdup0(full, copy ? len - suffix : len);
    p->reason = xstrdup("");
    p->online = online;
    if (!online) {
        switch_vif_unplug(vif, done, p);
        return;
    }

    const struct dts_view *view = db_view();
    const struct dts_domain *d
        = view ? dts_view_find_domain(view, p->domain) : NULL;
    if (!view) {
        free(p->reason);
        p->reason = xstrdup("the DTS database has not been read: cut off "
                            "until it is");
    } else if (!d) {
        free(p->reason);
        p->reason = xasprintf("%s is not in the DTS database: cut off (dts-"
                              "ctl domain-add)", p->domain);
    } else {
        char *error = judge(d, mac, copy, view->self_name, &p->admit,
                            &p->reason);
        if (error) {
            VLOG_WARN("%s: %s", vif, error);
            server_reply_error(c, id, 3, "%s", error);
            free(error);
            json_destroy(p->id);
            free(p->domain);
            free(p->reason);
            free(p);
            return;
        }
        p->mtu = d->network ? default_mtu(view, d->network) : 0;
        if (copy || d->state == DTS_GRANTED) {
            takeover_devices(d->name);
        }
    }

    /* A larger one than fits through the tunnels would lose frames. */
    int mtu = param_int(params, "mtu", 0);
    if (mtu && (!p->mtu || mtu < p->mtu)) {
        p->mtu = mtu;
    }
    struct switch_vif sv = {
        .name = vif,
        .domid = param_int(params, "domid", 0),
        .mac = mac,
        .iface_id = param_string(params, "iface_id", ""),
        .vm_id = param_string(params, "vm_id", ""),
        .domain = p->domain,
        .bridge = param_string(params, "bridge", NULL),
        .vlan = param_string(params, "vlan", NULL),
        .mtu = p->mtu,
    };
    switch_vif_plug(&sv, done, p);
}

/* May this vif of 'd' be on 'self' at all?  Returns an error to be freed if
 * not; else says whether its frames are let through, and why not. */
static char *
judge(const struct dts_domain *d, const char *mac, bool copy,
      const char *self, bool *admit, char **reason)
{
    struct eth_addr ea;
    bool known_mac = false;

    *admit = false;
    for (size_t i = 0; i < d->n_addresses && !known_mac; i++) {
        known_mac = (eth_addr_from_string(mac, &ea)
                     && eth_addr_equals(ea, d->addresses[i].mac));
    }
    if (!known_mac) {
        free(*reason);
        *reason = xasprintf("MAC %s is not among %s's addresses: cut off "
                            "(dts-ctl domain-set %s addresses=...)", mac,
                            d->name, d->name);
        return NULL;
    }
    if (!d->has_binding || copy) {
        free(*reason);
        *reason = xstrdup(copy ? "a copy: cut off until it is granted"
                          : "no binding: cut off");
        return NULL;
    }
    if (strcmp(d->owner, self)) {
        return (d->state == DTS_STOPPED
                ? xasprintf("%s belongs to %s (stopped, generation %"PRId64
                            "): dts-ctl switch %s %s", d->name, d->owner,
                            d->generation, d->name, self)
                : xasprintf("%s runs on %s (generation %"PRId64"): dts-ctl "
                            "switch %s %s", d->name, d->owner, d->generation,
                            d->name, self));
    }
    *admit = (binding_may_run(d, self) || d->state == DTS_STOPPED);
    if (!*admit) {
        free(*reason);
        *reason = xasprintf("%s is %s: cut off", d->name,
                            dts_state_to_string(d->state));
    }
    return NULL;
}

static void
done(const char *error, void *pending_)
{
    struct pending *p = pending_;
    struct conn *c = server_find(p->conn);

    if (!c) {
        /* The program was killed; what it asked for is done. */
    } else if (error) {
        server_reply_error(c, p->id, 4, "Open vSwitch: %s", error);
    } else {
        struct json *o = json_object_create();
        json_object_put(o, "admit", json_boolean_create(p->admit));
        json_object_put_string(o, "domain", p->domain);
        json_object_put_string(o, "reason", p->reason);
        json_object_put(o, "mtu", json_integer_create(p->mtu));
        server_reply(c, p->id, o);
    }
    json_destroy(p->id);
    free(p->domain);
    free(p->reason);
    free(p);
}
