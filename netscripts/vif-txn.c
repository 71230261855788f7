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
 * a vif starts dropped even if the agent never ran. */

#include <config.h>

#include "vif-txn.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "util.h"

#define DB "Open_vSwitch"
#define DEFAULT_DTS_BRIDGE "br-dts"

/* Small pieces of RFC 7047's notation. */

static struct json *
pair(const char *a, struct json *b)
{
    return json_array_create_2(json_string_create(a), b);
}

static struct json *
pair_s(const char *a, const char *b)
{
    return pair(a, json_string_create(b));
}

static struct json *
strings(const char *s[], size_t n)
{
    struct json **elems = xmalloc(n * sizeof *elems);
    size_t i;

    for (i = 0; i < n; i++) {
        elems[i] = json_string_create(s[i]);
    }
    return json_array_create(elems, n);
}

/* [[COLUMN, FUNCTION, VALUE]] */
static struct json *
where(const char *column, const char *function, struct json *value)
{
    return json_array_create_1(
        json_array_create_3(json_string_create(column),
                            json_string_create(function), value));
}

static struct json *
where_name(const char *name)
{
    return where("name", "==", json_string_create(name));
}

static struct json *
op(const char *name, const char *table, struct json *where_)
{
    struct json *o = json_object_create();

    json_object_put_string(o, "op", name);
    if (table) {
        json_object_put_string(o, "table", table);
    }
    if (where_) {
        json_object_put(o, "where", where_);
    }
    return o;
}

static struct json *
select_op(const char *table, struct json *where_, const char *columns[],
          size_t n)
{
    struct json *o = op("select", table, where_);

    json_object_put(o, "columns", strings(columns, n));
    return o;
}

static struct json *
mutate_op(const char *table, struct json *where_, const char *column,
          const char *mutator, struct json *value)
{
    struct json *o = op("mutate", table, where_);

    json_object_put(o, "mutations", where(column, mutator, value));
    return o;
}

/* Waits for rows of 'table' named 'name' to be (or not to be) 'row'. */
static struct json *
wait_op(const char *table, const char *name, const char *column,
        const char *until, struct json *value, int timeout_ms)
{
    struct json *o = op("wait", table, where_name(name));
    struct json *row = json_object_create();

    json_object_put(row, column, value);
    json_object_put(o, "timeout", json_integer_create(timeout_ms));
    json_object_put(o, "columns",
                    json_array_create_1(json_string_create(column)));
    json_object_put_string(o, "until", until);
    json_object_put(o, "rows", json_array_create_1(row));
    return o;
}

static void
add_common(struct json *params, const struct vif_spec *spec)
{
    struct json *comment = op("comment", NULL, NULL);

    json_object_put_format(comment, "comment", "vif-ovs-dts: %s %s",
                           vif_op_to_string(spec->op), spec->name);
    json_array_add(params, mutate_op("Open_vSwitch",
                                     json_array_create_empty(), "next_cfg",
                                     "+=", json_integer_create(1)));
    json_array_add(params, comment);
}

static struct json *
empty_set(void)
{
    return pair("set", json_array_create_empty());
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

    json_array_add(params, select_op("Open_vSwitch",
                                     json_array_create_empty(), ids, 1));
    json_array_add(params, select_op("Bridge", where_name(name), bridge, 2));
    json_array_add(params, select_op("Port", where_name(spec->name), uuid, 1));
    json_array_add(params, select_op("Interface", where_name(spec->name),
                                     ids, 1));
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
        json_array_add(pairs, pair_s(nodes[i]->name,
                                     json_string(nodes[i]->data)));
    }
    free(nodes);
    json_destroy(object);
    return pair("map", pairs);
}

static struct json *
port_row(const struct vif_spec *spec)
{
    const struct vif_bridge *b = &spec->bridge;
    struct json *row = json_object_create();

    json_object_put_string(row, "name", spec->name);
    json_object_put(row, "interfaces", pair_s("named-uuid", "iface"));
    if (b->tag >= 0) {
        json_object_put(row, "tag", json_integer_create(b->tag));
    }
    if (b->n_trunks) {
        struct json *set = json_array_create_empty();
        size_t i;

        for (i = 0; i < b->n_trunks; i++) {
            json_array_add(set, json_integer_create(b->trunks[i]));
        }
        json_object_put(row, "trunks", pair("set", set));
        if (b->tag >= 0) {
            /* Without it OVS would take the port for an access port. */
            json_object_put_string(row, "vlan_mode", "native-untagged");
        }
    }
    return row;
}

static void
add_insert(struct json *params, const char *table, struct json *row,
           const char *name)
{
    struct json *o = op("insert", table, NULL);

    json_object_put(o, "row", row);
    json_object_put_string(o, "uuid-name", name);
    json_array_add(params, o);
}

static void
add_remove_port(struct json *params, const char *port)
{
    json_array_add(params,
        mutate_op("Bridge", where("ports", "includes", pair_s("uuid", port)),
                  "ports", "delete", pair_s("uuid", port)));
}

struct json *
vif_txn_plug(const struct vif_spec *spec, const struct vif_state *state)
{
    struct json *params = json_array_create_1(json_string_create(DB));
    const char *bridge = spec->bridge.name;
    struct json *iface = json_object_create();

    json_array_add(params, wait_op("Bridge", bridge, "name", "==",
                                   json_string_create(bridge), 0));
    if (state->port) {
        add_remove_port(params, state->port);
    }
    json_object_put_string(iface, "name", spec->name);
    json_object_put(iface, "external_ids",
                    to_map(vif_external_ids(spec, state->network_uuid)));
    if (spec->mtu) {
        json_object_put(iface, "mtu_request", json_integer_create(spec->mtu));
    }
    add_insert(params, "Interface", iface, "iface");
    add_insert(params, "Port", port_row(spec), "port");
    json_array_add(params, mutate_op("Bridge", where_name(bridge), "ports",
                                     "insert", pair_s("named-uuid", "port")));
    if (state->bridge_is_dts) {
        struct json *o = op("update", "Bridge", where_name(bridge));
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

    add_remove_port(params, state->port);
    add_common(params, spec);
    return params;
}

struct json *
vif_txn_taken(const struct vif_spec *spec, int timeout_ms)
{
    static const char *columns[] = { "ofport", "error" };
    struct json *params = json_array_create_1(json_string_create(DB));

    json_array_add(params, wait_op("Interface", spec->name, "ofport", "!=",
                                   empty_set(), timeout_ms));
    json_array_add(params, select_op("Interface", where_name(spec->name),
                                     columns, 2));
    return params;
}

/* Answers. */

static const char *
member(const struct json *object, const char *name)
{
    const struct json *m = (object && object->type == JSON_OBJECT
                            ? shash_find_data(json_object(object), name)
                            : NULL);
    return m && m->type == JSON_STRING ? json_string(m) : NULL;
}

/* The first row of the 'n'th result, which was a select; NULL if none. */
static const struct json *
first_row(const struct json *result, size_t n)
{
    const struct json *rows;

    if (result->type != JSON_ARRAY || json_array(result)->n <= n
        || json_array(result)->elems[n]->type != JSON_OBJECT) {
        return NULL;
    }
    rows = shash_find_data(json_object(json_array(result)->elems[n]), "rows");
    return (rows && rows->type == JSON_ARRAY && json_array(rows)->n
            && json_array(rows)->elems[0]->type == JSON_OBJECT
            ? json_array(rows)->elems[0] : NULL);
}

/* The value of 'key' in the map 'column' of 'row', or NULL. */
static const char *
map_value(const struct json *row, const char *column, const char *key)
{
    const struct json *map, *pairs;
    size_t i;

    map = row ? shash_find_data(json_object(row), column) : NULL;
    if (!map || map->type != JSON_ARRAY || json_array(map)->n != 2
        || json_array(map)->elems[1]->type != JSON_ARRAY) {
        return NULL;
    }
    pairs = json_array(map)->elems[1];
    for (i = 0; i < json_array(pairs)->n; i++) {
        const struct json *p = json_array(pairs)->elems[i];

        if (p->type == JSON_ARRAY && json_array(p)->n == 2
            && json_array(p)->elems[0]->type == JSON_STRING
            && json_array(p)->elems[1]->type == JSON_STRING
            && !strcmp(json_string(json_array(p)->elems[0]), key)) {
            return json_string(json_array(p)->elems[1]);
        }
    }
    return NULL;
}

char *
vif_result_check(const struct json *result)
{
    size_t i;

    if (!result || result->type != JSON_ARRAY) {
        return xstrdup("ovsdb-server's answer is not understood");
    }
    for (i = 0; i < json_array(result)->n; i++) {
        const struct json *r = json_array(result)->elems[i];
        const char *error = member(r, "error");

        if (error) {
            const char *details = member(r, "details");

            return xasprintf("ovsdb-server: %s%s%s", error,
                             details ? ": " : "", details ? details : "");
        }
    }
    return NULL;
}

char *
vif_result_look(const struct json *result, const struct vif_spec *spec,
                struct vif_state *state)
{
    const struct json *ovs, *bridge, *port, *iface, *uuid;
    const char *dts, *network, *vif, *mac;
    char *error, *here;

    memset(state, 0, sizeof *state);
    error = vif_result_check(result);
    if (error) {
        return error;
    }
    ovs = first_row(result, 0);
    bridge = first_row(result, 1);
    port = first_row(result, 2);
    iface = first_row(result, 3);
    if (!ovs) {
        return xstrdup("the Open_vSwitch database is empty: start Open "
                       "vSwitch (systemctl start openvswitch-switch)");
    }

    dts = map_value(ovs, "external_ids", "dts-bridge");
    state->bridge_exists = bridge != NULL;
    state->bridge_is_dts = (spec->bridge.name
                            && !strcmp(spec->bridge.name,
                                       dts ? dts : DEFAULT_DTS_BRIDGE));
    network = map_value(bridge, "external_ids", "xs-network-uuids");
    if (network && network[0]) {
        state->network_uuid = xmemdup0(network, strcspn(network, ";"));
    }
    uuid = port ? shash_find_data(json_object(port), "_uuid") : NULL;
    if (uuid && uuid->type == JSON_ARRAY && json_array(uuid)->n == 2
        && json_array(uuid)->elems[1]->type == JSON_STRING) {
        state->port = xstrdup(json_string(json_array(uuid)->elems[1]));
    }
    state->interface_exists = iface != NULL;
    vif = map_value(iface, "external_ids", "dts-vif");
    mac = map_value(iface, "external_ids", "attached-mac");
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
    row = first_row(result, 1);
    if (!row) {
        return xstrdup("another program took the port away");
    }
    ofport = shash_find_data(json_object(row), "ofport");
    if (ofport && ofport->type == JSON_INTEGER && json_integer(ofport) >= 0) {
        return NULL;
    }
    message = member(row, "error");
    return xasprintf("ovs-vswitchd: %s", message ? message
                     : "refused the interface (see ovs-vswitchd.log)");
}

void
vif_state_uninit(struct vif_state *state)
{
    free(state->network_uuid);
    free(state->port);
    memset(state, 0, sizeof *state);
}
