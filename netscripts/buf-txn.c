/* SPDX-License-Identifier: Apache-2.0 */
/* A buffer's port in its vif's place in Open vSwitch, and back.
 *
 * Port and interface of the one are made after those of the other, with all
 * that says who it is (external_ids) and where it belongs (VLANs, MTU,
 * policing): so dts-agent admits the guest through the new port as through the
 * old one, without being told.  "dts-buffer-of" in the interface's external_ids
 * names the vif.  One transaction for all vifs of a domain; each port is moved
 * only in the bridge that still has the old one.
 *
 * The port of the vif's emulated card (vifX.Y-emu) is taken out too: nothing
 * that the guest sends may go round the buffer. */

#include <config.h>

#include "buf-txn.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "util.h"
#include "vif-json.h"

#define DB "Open_vSwitch"
#define SELECTS 5               /* For each pair. */

void
buf_pair_uninit(struct buf_pair *p)
{
    free(p->vif_uuid);
    free(p->port_uuid);
    free(p->emu_uuid);
    json_destroy(p->row);
    json_destroy(p->iface);
    p->vif_uuid = p->port_uuid = p->emu_uuid = NULL;
    p->row = p->iface = NULL;
    p->plugs = NULL;
}

static const char *port_columns[] = {
    "_uuid", "external_ids", "other_config", "tag", "trunks", "vlan_mode",
};
static const char *iface_columns[] = {
    "external_ids", "other_config", "mtu_request", "ingress_policing_rate",
    "ingress_policing_burst",
};

struct json *
buf_txn_look(const struct buf_pair pairs[], size_t n)
{
    struct json *params = json_array_create_1(json_string_create(DB));
    static const char *uuid[] = { "_uuid" };
    size_t i, j;

    for (i = 0; i < n; i++) {
        const char *names[] = { pairs[i].vif, pairs[i].port };
        char *emu = xasprintf("%s-emu", pairs[i].vif);

        for (j = 0; j < 2; j++) {
            json_array_add(params,
                vj_select("Port", vj_where_name(names[j]), port_columns,
                          ARRAY_SIZE(port_columns)));
            json_array_add(params,
                vj_select("Interface", vj_where_name(names[j]),
                          iface_columns, ARRAY_SIZE(iface_columns)));
        }
        json_array_add(params, vj_select("Port", vj_where_name(emu), uuid, 1));
        free(emu);
    }
    return params;
}

char *
buf_result_look(const struct json *result, enum buf_op op,
                struct buf_pair pairs[], size_t n)
{
    char *error = vif_result_check(result);
    size_t i;

    for (i = 0; i < n && !error; i++) {
        struct buf_pair *p = &pairs[i];
        const struct json *vif = vj_first_row(result, i * SELECTS);
        const struct json *port = vj_first_row(result, i * SELECTS + 2);
        size_t from = i * SELECTS + (op == BUF_INSERT ? 0 : 2);
        const struct json *row = vj_first_row(result, from);
        const struct json *iface = vj_first_row(result, from + 1);

        buf_pair_uninit(p);
        p->vif_uuid = vj_uuid(vif);
        p->port_uuid = vj_uuid(port);
        p->emu_uuid = vj_uuid(vj_first_row(result, i * SELECTS + 4));
        p->row = row ? json_deep_clone(row) : NULL;
        p->iface = iface ? json_deep_clone(iface) : NULL;
        if (op == BUF_INSERT && !vif && !port) {
            error = xasprintf("%s is in no bridge of Open vSwitch: only such "
                              "vifs can be buffered: write "
                              "script=vif-ovs-dts,bridge=br-dts in the "
                              "domain's vif line", p->vif);
        } else if (row && !iface) {
            error = xasprintf("%s has no interface of its own name (a bond?): "
                              "take it out of that port",
                              op == BUF_INSERT ? p->vif : p->port);
        }
    }
    return error;
}

/* A row like 'row', for a device called 'name'. */
static struct json *
named(const struct json *row, const char *name)
{
    struct json *new = json_deep_clone(row);

    json_destroy(shash_find_and_delete(json_object(new), "_uuid"));
    json_object_put_string(new, "name", name);
    return new;
}

/* Notes in 'iface' that it is the buffer of 'vif', or (NULL) that it is none. */
static void
note_vif(struct json *iface, const char *vif)
{
    struct json *pairs = json_array_create_empty(), *ids;
    size_t i;

    ids = shash_find_data(json_object(iface), "external_ids");
    if (ids && ids->type == JSON_ARRAY && json_array(ids)->n == 2
        && json_array(ids)->elems[1]->type == JSON_ARRAY) {
        const struct json_array *old = json_array(json_array(ids)->elems[1]);

        for (i = 0; i < old->n; i++) {
            const struct json *p = old->elems[i];

            if (p->type == JSON_ARRAY && json_array(p)->n == 2
                && p->array.elems[0]->type == JSON_STRING
                && strcmp(json_string(p->array.elems[0]), "dts-buffer-of")) {
                json_array_add(pairs, json_deep_clone(p));
            }
        }
    }
    if (vif) {
        json_array_add(pairs, vj_pair_s("dts-buffer-of", vif));
    }
    json_object_put(iface, "external_ids", vj_pair("map", pairs));
}

/* 'to' gets the place of the port 'from'. */
static void
swap(struct json *params, struct buf_pair *p, const char *from,
     const char *to, bool buffer, size_t i)
{
    char *port_name = xasprintf("port%"PRIuSIZE, i);
    char *iface_name = xasprintf("iface%"PRIuSIZE, i);
    struct json *iface = named(p->iface, to);
    struct json *port = named(p->row, to);
    struct json *o, *mutations;

    note_vif(iface, buffer ? p->vif : NULL);
    json_object_put(port, "interfaces", vj_pair_s("named-uuid", iface_name));
    vj_add_insert(params, "Interface", iface, iface_name);
    vj_add_insert(params, "Port", port, port_name);

    mutations = json_array_create_2(
        json_array_create_3(json_string_create("ports"),
                            json_string_create("delete"),
                            vj_pair_s("uuid", from)),
        json_array_create_3(json_string_create("ports"),
                            json_string_create("insert"),
                            vj_pair_s("named-uuid", port_name)));
    o = vj_op("mutate", "Bridge",
              vj_where("ports", "includes", vj_pair_s("uuid", from)));
    json_object_put(o, "mutations", mutations);
    json_array_add(params, o);
    p->plugs = to;
    free(port_name);
    free(iface_name);
}

static void
change_one(struct json *params, enum buf_op op, struct buf_pair *p, size_t i)
{
    if (op == BUF_INSERT) {
        if (p->vif_uuid && p->port_uuid) {
            vj_add_remove_port(params, p->vif_uuid);
        } else if (p->vif_uuid) {
            swap(params, p, p->vif_uuid, p->port, true, i);
        }
        if (p->emu_uuid) {
            vj_add_remove_port(params, p->emu_uuid);
        }
    } else if (p->port_uuid && op == BUF_REMOVE && p->vif_exists
               && !p->vif_uuid) {
        swap(params, p, p->port_uuid, p->vif, false, i);
    } else if (p->port_uuid) {
        vj_add_remove_port(params, p->port_uuid);
    }
    if (op == BUF_CUT && p->vif_uuid) {
        vj_add_remove_port(params, p->vif_uuid);
    }
}

struct json *
buf_txn_change(enum buf_op op, struct buf_pair pairs[], size_t n)
{
    static const char *const names[] = { "insert", "remove", "cut" };
    struct json *params = json_array_create_1(json_string_create(DB));
    struct json *comment;
    size_t i;

    for (i = 0; i < n; i++) {
        change_one(params, op, &pairs[i], i);
    }
    if (json_array(params)->n == 1) {
        json_destroy(params);
        return NULL;
    }
    json_array_add(params,
        vj_mutate("Open_vSwitch", json_array_create_empty(), "next_cfg",
                  "+=", json_integer_create(1)));
    comment = vj_op("comment", NULL, NULL);
    json_object_put_format(comment, "comment", "remus-netbuf-dts: %s %s",
                           names[op], pairs[0].vif);
    json_array_add(params, comment);
    return params;
}

char *
buf_result_change(const struct json *result, bool *again)
{
    char *error = vif_result_check(result);
    size_t i;

    *again = error && strstr(error, "constraint violation");
    for (i = 0; i < (error ? 0 : json_array(result)->n); i++) {
        const struct json *r = json_array(result)->elems[i];
        const struct json *count = (r->type == JSON_OBJECT
                                    ? shash_find_data(json_object(r), "count")
                                    : NULL);

        if (count && count->type == JSON_INTEGER && !json_integer(count)) {
            *again = true;
            return xstrdup("another program changed the ports meanwhile");
        }
    }
    return error;
}
