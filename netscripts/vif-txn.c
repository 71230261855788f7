/* SPDX-License-Identifier: Apache-2.0 */
/* The vif program's requests to the Open_vSwitch database (RFC 7047).
 *
 * Used when the agent cannot be asked.  The IDL would keep a copy of the whole
 * database for one port; two small transactions do the same in a millisecond:
 * a look (is there the bridge, is there a port of that name), and the change,
 * guarded so that it does nothing when the bridge went away in between.
 *
 * A port of the same name is replaced in the same transaction, so that its
 * state is that of the new device: ovs-vswitchd keeps the old one's "could not
 * open network device" otherwise.  The agent's bridge is set to drop what no
 * flow admits (fail_mode=secure) by the transaction that plugs a vif, so that
 * a vif starts dropped even if the agent never ran.
 *
 * A vif whose output is buffered (remus-netbuf-dts) has its buffer's port in
 * the bridge in its place: it goes with the vif, and is left alone when the vif
 * is plugged again. */

#include <config.h>

#include "vif-txn.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "util.h"
#include "vif-json.h"

#define DB "Open_vSwitch"
#define DEFAULT_DTS_BRIDGE "br-dts"

static void
add_common(struct json *params, const struct vif_spec *spec)
{
    struct json *comment = vj_op("comment", NULL, NULL);

    json_object_put_format(comment, "comment", "vif-ovs-dts: %s %s",
                           vif_op_to_string(spec->op), spec->name);
    json_array_add(params, vj_mutate("Open_vSwitch",
                                     json_array_create_empty(), "next_cfg",
                                     "+=", json_integer_create(1)));
    json_array_add(params, comment);
}

/* Requests. */

struct json *
vif_txn_look(const struct vif_spec *spec)
{
    static const char *ids[] = { "external_ids" };
    static const char *bridge[] = { "external_ids", "fail_mode" };
    static const char *uuid[] = { "_uuid" };
    struct json *params = json_array_create_1(json_string_create(DB));
    const char *name = spec->bridge.name ? spec->bridge.name : "";
    char *buffer = xasprintf("dtsb%u.%u", spec->domid, spec->devid);

    json_array_add(params, vj_select("Open_vSwitch",
                                     json_array_create_empty(), ids, 1));
    json_array_add(params, vj_select("Bridge", vj_where_name(name), bridge, 2));
    json_array_add(params, vj_select("Port", vj_where_name(spec->name), uuid,
                                     1));
    json_array_add(params, vj_select("Interface", vj_where_name(spec->name),
                                     ids, 1));
    json_array_add(params, vj_select("Port", vj_where_name(buffer), uuid, 1));
    free(buffer);
    return params;
}

struct json *
vif_external_ids(const struct vif_spec *spec, const char *network_uuid)
{
    struct json *ids = json_object_create();
    char *uuid = vif_uuid(spec->vm_uuid, spec->devid);

    if (spec->mac) {
        json_object_put_string(ids, "attached-mac", spec->mac);
    }
    json_object_put_string(ids, "iface-id", uuid ? uuid : spec->kernel_name);
    json_object_put_string(ids, "iface-status",
                           spec->tap ? "inactive" : "active");
    if (uuid) {
        json_object_put_string(ids, "xs-vif-uuid", uuid);
        json_object_put_string(ids, "xs-vm-uuid", spec->vm_uuid);
        json_object_put_string(ids, "xen-vm-uuid", spec->vm_uuid);
        json_object_put_string(ids, "vm-id", spec->vm_uuid);
    }
    if (spec->domain) {
        json_object_put_nocopy(ids, xstrdup("xen-vm-name"),
            json_string_create_nocopy(vif_domain_name(spec->domain)));
    }
    if (network_uuid) {
        json_object_put_string(ids, "xs-network-uuid", network_uuid);
    }
    json_object_put_format(ids, "dts-vif", "%u/%u", spec->domid, spec->devid);
    free(uuid);
    return ids;
}

/* An object of strings as OVSDB's ["map", [[KEY, VALUE], ...]]. */
static struct json *
to_map(struct json *object)
{
    const struct shash_node **nodes = shash_sort(json_object(object));
    size_t n = shash_count(json_object(object)), i;
    struct json *pairs = json_array_create_empty();

    for (i = 0; i < n; i++) {
        json_array_add(pairs, vj_pair_s(nodes[i]->name,
                                     json_string(nodes[i]->data)));
    }
    free(nodes);
    json_destroy(object);
    return vj_pair("map", pairs);
}

static struct json *
port_row(const struct vif_spec *spec)
{
    const struct vif_bridge *b = &spec->bridge;
    struct json *row = json_object_create();

    json_object_put_string(row, "name", spec->name);
    json_object_put(row, "interfaces", vj_pair_s("named-uuid", "iface"));
    if (b->tag >= 0) {
        json_object_put(row, "tag", json_integer_create(b->tag));
    }
    if (b->n_trunks) {
        struct json *set = json_array_create_empty();
        size_t i;

        for (i = 0; i < b->n_trunks; i++) {
            json_array_add(set, json_integer_create(b->trunks[i]));
        }
        json_object_put(row, "trunks", vj_pair("set", set));
        if (b->tag >= 0) {
            /* Without it OVS would take the port for an access port. */
            json_object_put_string(row, "vlan_mode", "native-untagged");
        }
    }
    return row;
}

struct json *
vif_txn_plug(const struct vif_spec *spec, const struct vif_state *state)
{
    struct json *params = json_array_create_1(json_string_create(DB));
    const char *bridge = spec->bridge.name;
    struct json *iface = json_object_create();

    json_array_add(params, vj_wait("Bridge", bridge, "name", "==",
                                   json_string_create(bridge), 0));
    if (state->port) {
        vj_add_remove_port(params, state->port);
    }
    json_object_put_string(iface, "name", spec->name);
    json_object_put(iface, "external_ids",
                    to_map(vif_external_ids(spec, state->network_uuid)));
    if (spec->mtu) {
        json_object_put(iface, "mtu_request", json_integer_create(spec->mtu));
    }
    vj_add_insert(params, "Interface", iface, "iface");
    vj_add_insert(params, "Port", port_row(spec), "port");
    json_array_add(params, vj_mutate("Bridge", vj_where_name(bridge), "ports",
                                     "insert", vj_pair_s("named-uuid", "port")));
    if (state->bridge_is_dts) {
        struct json *o = vj_op("update", "Bridge", vj_where_name(bridge));
        struct json *row = json_object_create();

        json_object_put_string(row, "fail_mode", "secure");
        json_object_put(o, "row", row);
        json_array_add(params, o);
    }
    add_common(params, spec);
    return params;
}

struct json *
vif_txn_unplug(const struct vif_spec *spec, const struct vif_state *state)
{
    struct json *params = json_array_create_1(json_string_create(DB));

    if (state->port && state->ours) {
        vj_add_remove_port(params, state->port);
    }
    if (state->buffer) {
        vj_add_remove_port(params, state->buffer);
    }
    add_common(params, spec);
    return params;
}

struct json *
vif_txn_taken(const struct vif_spec *spec, int timeout_ms)
{
    static const char *columns[] = { "ofport", "error" };
    struct json *params = json_array_create_1(json_string_create(DB));

    json_array_add(params, vj_wait("Interface", spec->name, "ofport", "!=",
                                   vj_empty_set(), timeout_ms));
    json_array_add(params, vj_select("Interface", vj_where_name(spec->name),
                                     columns, 2));
    return params;
}

/* Answers. */

char *
vif_result_look(const struct json *result, const struct vif_spec *spec,
                struct vif_state *state)
{
    const struct json *ovs, *bridge, *port, *iface;
    const char *dts, *network, *vif, *mac;
    char *error, *here;

    memset(state, 0, sizeof *state);
    error = vif_result_check(result);
    if (error) {
        return error;
    }
    ovs = vj_first_row(result, 0);
    bridge = vj_first_row(result, 1);
    port = vj_first_row(result, 2);
    iface = vj_first_row(result, 3);
    if (!ovs) {
        return xstrdup("the Open_vSwitch database is empty: start Open "
                       "vSwitch (systemctl start openvswitch-switch)");
    }

    dts = vj_map_value(ovs, "external_ids", "dts-bridge");
    state->bridge_exists = bridge != NULL;
    state->bridge_is_dts = (spec->bridge.name
                            && !strcmp(spec->bridge.name,
                                       dts ? dts : DEFAULT_DTS_BRIDGE));
    network = vj_map_value(bridge, "external_ids", "xs-network-uuids");
    if (network && network[0]) {
        state->network_uuid = xmemdup0(network, strcspn(network, ";"));
    }
    state->port = vj_uuid(port);
    state->buffer = spec->tap ? NULL : vj_uuid(vj_first_row(result, 4));
    state->interface_exists = iface != NULL;
    vif = vj_map_value(iface, "external_ids", "dts-vif");
    mac = vj_map_value(iface, "external_ids", "attached-mac");
    here = xasprintf("%u/%u", spec->domid, spec->devid);
    state->ours = (vif ? !strcmp(vif, here)
                   : !strcmp(spec->name, spec->kernel_name)
                     || (mac && spec->mac && !strcmp(mac, spec->mac)));
    free(here);
    return NULL;
}

char *
vif_result_taken(const struct json *result, bool *timed_out)
{
    const struct json *ofport, *row;
    const char *message;
    char *error;

    *timed_out = false;
    error = vif_result_check(result);
    if (error) {
        *timed_out = strstr(error, "timed out") != NULL;
        if (*timed_out) {
            free(error);
            error = NULL;
        }
        return error;
    }
    row = vj_first_row(result, 1);
    if (!row) {
        return xstrdup("another program took the port away");
    }
    ofport = shash_find_data(json_object(row), "ofport");
    if (ofport && ofport->type == JSON_INTEGER && json_integer(ofport) >= 0) {
        return NULL;
    }
    message = vj_member(row, "error");
    return xasprintf("ovs-vswitchd: %s", message ? message
                     : "refused the interface (see ovs-vswitchd.log)");
}

void
vif_state_uninit(struct vif_state *state)
{
    free(state->network_uuid);
    free(state->port);
    free(state->buffer);
    memset(state, 0, sizeof *state);
}
