/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "dts-idl.h"
#include "fake.h"
#include "flow-table.h"
#include "flows.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb-cs.h"
#include "ovsdb-idl.h"
#include "sets.h"
#include "svec.h"
#include "timeline.h"
#include "util.h"
#include "validate.h"
#include "view.h"

/* Fuzz-sources: tests/fuzz/fake.c remus-hooks/lib/view.c
 * Fuzz-sources: remus-hooks/lib/view-idl.c remus-hooks/lib/view-receipts.c
 * Fuzz-sources: remus-hooks/lib/dts-idl.c remus-hooks/lib/sets.c
 * Fuzz-sources: remus-hooks/lib/flow-table.c remus-hooks/lib/flows.c
 * Fuzz-sources: remus-hooks/lib/flows-actions.c
 * Fuzz-sources: remus-hooks/lib/flows-gateway.c
 * Fuzz-sources: remus-hooks/lib/flows-server.c
 * Fuzz-sources: remus-hooks/lib/flows-source.c remus-hooks/lib/binding.c
 * Fuzz-sources: remus-hooks/lib/realtime.c remus-hooks/ctl/names.c
 * Fuzz-sources: remus-hooks/ctl/suggest.c remus-hooks/ctl/timeline.c
 * Fuzz-sources: remus-hooks/ctl/validate.c remus-hooks/ctl/values.c
 * Fuzz-includes: tests/fuzz remus-hooks/ctl
 * Fuzz-wrap: clock_gettime poll socket connect send recv ovsdb_cs_run
 *
 * A server that speaks OVSDB and tells what it likes: rows come as they are
 * here, through the IDL, into a view, sets and flows as the agent makes them,
 * and into what dts-ctl makes of them.  The first character is the node that
 * we are.  Then lines:
 *
 *     TABLE ROW COLUMN VALUE      of an insert or a change, both in JSON
 *     TABLE ROW -                 the row is deleted
 *     (an empty line)             so far, at once
 *
 * where ROW is a number.  A row of which we know is changed, another one is
 * inserted.  A view that was brought up to date has the bindings of one that
 * is made anew, and its flows are those of a table that is made anew. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
void __wrap_ovsdb_cs_run(struct ovsdb_cs *, struct ovs_list *events);

#define MAX_ROW 32

/* What dts-ctl's commands would do. */
void
fail(struct ctl_context *ctx OVS_UNUSED, int code OVS_UNUSED,
     const char *format OVS_UNUSED, ...)
{
}

static struct json *pending;    /* Table updates; NULL: none. */
static bool first;
/* Which rows there are, by table. */
static uint32_t present[DTSREC_N_TABLES];

void
__wrap_ovsdb_cs_run(struct ovsdb_cs *cs OVS_UNUSED, struct ovs_list *events)
{
    ovs_list_init(events);
    if (pending) {
        struct ovsdb_cs_event *ev = xzalloc(sizeof *ev);

        ev->type = OVSDB_CS_EVENT_TYPE_UPDATE;
        ev->update.clear = ev->update.monitor_reply = first;
        ev->update.table_updates = pending;
        ev->update.version = 2;
        ovs_list_push_back(events, &ev->list_node);
        pending = NULL;
        first = false;
    }
}

static struct json *
member(struct json *object, const char *name)
{
    struct json *m = shash_find_data(json_object(object), name);

    if (!m) {
        m = json_object_create();
        json_object_put(object, name, m);
    }
    return m;
}

/* What is no JSON is a string. */
static struct json *
parse_value(const char *text)
{
    char *array = xasprintf("[%s]", text);
    struct json *json = json_from_string(array), *value;

    value = (json->type == JSON_ARRAY && json_array(json)->n == 1
             ? json_clone(json_array(json)->elems[0])
             : json_string_create(text));
    json_destroy(json);
    free(array);
    return value;
}

static void
take_line(const char *text)
{
    char table[16], column[32];
    unsigned int row, t;
    int n = 0;

    if (sscanf(text, "%15s %u %31s %n", table, &row, column, &n) < 3
        || row >= MAX_ROW) {
        return;
    }
    for (t = 0; strcmp(dtsrec_table_classes[t].name, table); ) {
        if (++t == DTSREC_N_TABLES) {
            return;
        }
    }
    if (!pending) {
        pending = json_object_create();
    }

    struct json *rows = member(pending, table);
    char *uuid = xasprintf("%08x-0000-4000-8000-%012x", t, row);
    struct json *update = member(rows, uuid);
    const struct shash_node *op = shash_first(json_object(update));

    if (op && !strcmp(op->name, "delete")) {
        /* Once at once is enough. */
    } else if (!strcmp(column, "-")) {
        bool insert = op && !strcmp(op->name, "insert");

        json_destroy(shash_find_and_delete(json_object(rows), uuid));
        if (present[t] & 1u << row && !insert) {
            json_object_put(member(rows, uuid), "delete", json_null_create());
        }
        present[t] &= ~(1u << row);
    } else {
        struct json *value = parse_value(text + n);

        if (!op) {
            op = shash_add(json_object(update), present[t] & 1u << row
                           ? "modify" : "insert", json_object_create());
        }
        json_object_put(op->data, column, value);
        present[t] |= 1u << row;
    }
    free(uuid);
}

/* What the agent keeps from one round to the next. */
struct agent {
    struct ovsdb_idl *idl;
    struct dts_view_source source;
    struct dts_view *view;
    struct dts_sets sets;
    struct dts_flow_table table;
    struct dts_ports ports;
    bool anew;                  /* The flows' round before is not this. */
    bool twins;                 /* There were rows of one name. */
};

static void
agent_init(struct agent *a)
{
    memset(a, 0, sizeof *a);
    a->idl = ovsdb_idl_create_unconnected(&dtsrec_idl_class, true);
    dts_view_source_init(&a->source, a->idl);
    dts_sets_init(&a->sets);
    dts_flow_table_init(&a->table);
    dts_ports_init(&a->ports);
    for (unsigned int i = 0; i < 4; i++) {
        const char name[] = { "ABgh"[i], '\0' };
        char *port = xasprintf("eth%u", i);
        char *mac = xasprintf("00:16:3e:00:00:0%u", i);

        simap_put(&a->ports.data, name, 1001 + i);
        simap_put(&a->ports.repl, name, 2001 + i);
        simap_put(&a->ports.clients, port, 1 + i);
        simap_put(&a->ports.vifs, mac, 21 + i);
        free(port);
        free(mac);
    }
    simap_put(&a->ports.port_mode, "net", 3001);
    a->ports.repl_local = 5;
}

static void
agent_uninit(struct agent *a)
{
    dts_flow_table_destroy(&a->table);
    dts_sets_destroy(&a->sets);
    dts_ports_destroy(&a->ports);
    dts_view_destroy(a->view);
    ovsdb_idl_destroy(a->idl);
}

/* Adds 'key' to 'keys'; true if it is there already. */
static bool
is_twin(struct sset *keys, const char *table, char *key)
{
    char *full = xasprintf("%s %s", table, key);
    bool twin = !sset_add(keys, full);

    free(full);
    free(key);
    return twin;
}

/* The database's indexes forbid it. */
static bool
has_twins(const struct agent *a)
{
    const struct dtsrec_domain *domain;
    const struct dtsrec_binding *binding;
    const struct dtsrec_network *network;
    const struct dtsrec_node *node;
    struct sset keys = SSET_INITIALIZER(&keys);
    bool twins = false;

    DTSREC_DOMAIN_FOR_EACH (domain, a->idl) {
        twins |= is_twin(&keys, "domain", xstrdup(domain->name));
    }
    DTSREC_BINDING_FOR_EACH (binding, a->idl) {
        twins |= is_twin(&keys, "binding", xstrdup(binding->domain));
    }
    DTSREC_NETWORK_FOR_EACH (network, a->idl) {
        twins |= is_twin(&keys, "network", xstrdup(network->name));
        twins |= is_twin(&keys, "key", xasprintf("%"PRId64, network->key));
    }
    DTSREC_NODE_FOR_EACH (node, a->idl) {
        twins |= is_twin(&keys, "node", xstrdup(node->name));
        twins |= is_twin(&keys, "index", xasprintf("%"PRId64, node->index));
    }
    sset_destroy(&keys);
    return twins;
}

static void
check_view(const struct agent *a, const struct dts_view_local *local)
{
    struct dts_view *fresh = dts_view_create(a->idl, local);
    const struct dts_domain *d;

    HMAP_FOR_EACH (d, hmap_node, &a->view->domains) {
        ovs_assert(dts_view_find_domain(fresh, d->name));
    }
    HMAP_FOR_EACH (d, hmap_node, &fresh->domains) {
        const struct dts_domain *e = dts_view_find_domain(a->view, d->name);

        if (!d->name[0] || !d->network_name[0]) {
            continue;       /* The IDL does not track rows of defaults. */
        }
        ovs_assert(e && d->has_binding == e->has_binding);
        ovs_assert(d->generation == e->generation && d->state == e->state);
        ovs_assert(!strcmp(d->owner, e->owner));
        ovs_assert(d->n_fences == e->n_fences);
        ovs_assert(d->n_addresses == e->n_addresses);
        ovs_assert(!d->network == !e->network);
    }
    dts_view_destroy(fresh);
}

static void
compute(struct agent *a)
{
    struct sset blocked = SSET_INITIALIZER(&blocked);
    struct simap probes = SIMAP_INITIALIZER(&probes);
    const struct dts_view *view = a->view;
    struct dts_flows_in in = {
        .view = view, .ports = &a->ports, .sets = &a->sets,
        .blocked = &blocked, .probes = &probes,
        .changed = a->anew || view->all_changed ? NULL : &view->changed,
    };
    struct dts_flow_table fresh;
    struct dts_flow_entry *f;
    struct ds ds = DS_EMPTY_INITIALIZER;

    dts_sets_update(&a->sets, view, in.changed);
    a->anew = !view->self;
    if (!view->self) {
        return;
    }
    dts_flow_table_forget_changes(&a->table);
    dts_flows_compute(&a->table, &in);
    in.changed = NULL;
    dts_flow_table_init(&fresh);
    dts_flows_compute(&fresh, &in);
    HMAP_FOR_EACH (f, hmap_node, &fresh.flows) {
        dts_flow_format(f->flow, &ds);
        ovs_assert(a->twins || dts_flow_find(&a->table.flows, f->flow));
    }
    ovs_assert(a->twins || (hmap_count(&fresh.flows)
                            == hmap_count(&a->table.flows)));
    ovs_assert(a->twins || (hmap_count(&fresh.groups)
                            == hmap_count(&a->table.groups)));
    ds_destroy(&ds);
    dts_flow_table_destroy(&fresh);
}

static void
run_agent(struct agent *a, const struct dts_view_local *local)
{
    bool twins = has_twins(a);

    a->twins |= twins;
    if (!a->view || !dts_view_update(a->view, &a->source)) {
        dts_view_destroy(a->view);
        a->view = dts_view_create(a->idl, local);
        a->twins = twins;
    }
    if (!a->twins) {
        check_view(a, local);
    }
    compute(a);
}

/* What dts-ctl reads and shows. */
static void
run_ctl(const struct ovsdb_idl *idl)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    struct ds ds = DS_EMPTY_INITIALIZER;
    const struct dtsrec_domain **domains;
    const struct dtsrec_event *event;
    size_t n;

    validate_all(idl, &lines);
    domains = sorted_domains(idl, &n);
    for (size_t i = 0; i < n; i++) {
        const char *name = domains[i]->name;
        struct timeline t;

        domain_conditions(idl, find_binding(idl, name), &lines);
        timeline_init_last(&t, idl, name);
        timeline_format(&t, 4, &ds);
        json_destroy(timeline_to_json(&t));
        timeline_uninit(&t);
        find_receipt(idl, "g", name);
    }
    DTSREC_EVENT_FOR_EACH (event, idl) {
        format_time(event->time, &ds);
    }
    free(domains);
    ds_destroy(&ds);
    svec_destroy(&lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct dts_view_local local = { n && data[0] == 'g' ? "g" : "A", "" };
    struct fake_line line;
    struct agent a;
    bool more;

    fake_init();
    first = true;
    memset(present, 0, sizeof present);
    agent_init(&a);
    if (!n || !fake_next_line(&data, &n, &line)) {
        line.text = NULL;
    }
    free(line.text);
    do {
        more = fake_next_line(&data, &n, &line);
        if (more && line.len) {
            take_line(line.text);
        } else if (pending) {
            ovsdb_idl_run(a.idl);
            run_agent(&a, &local);
            run_ctl(a.idl);
            ovsdb_idl_track_clear(a.idl);
        }
        if (more) {
            free(line.text);
        }
    } while (more);
    agent_uninit(&a);
    return 0;
}
