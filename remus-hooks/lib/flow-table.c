/* SPDX-License-Identifier: Apache-2.0 */

/* Flows and groups as values, and the table of those that are desired.
 *
 * Ten thousand domains make a hundred thousand flows; to make and compare them
 * all for each change of one binding would be slow where it must be fast.  So
 * the table is made of chunks (one a domain, a network, a set): a chunk whose
 * inputs are those of last time is left alone, and the keys of flows that did
 * change are noted for who brings the switch up to date.
 *
 * When two chunks want the same flow (two domains with one address), the one
 * that has it keeps it; the other is tried again in each round. */

#include <config.h>

#include "flow-table.h"

#include <stdlib.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(flow_table);

struct chunk {
    char *name;
    ovs_u128 inputs;
    uint64_t round;             /* Last opened. */
    bool incomplete;            /* Some flow of its was another's. */
    struct dts_flow **flows;    /* Its keys. */
    size_t n, allocated;
    uint32_t *groups;
    size_t n_groups, allocated_groups;

    /* Those of the round before, while it is open. */
    struct dts_flow **old;
    size_t n_old;
    uint32_t *old_groups;
    size_t n_old_groups;
};

/* A match on a field of a packet is one on Ethernet packets; a switch notes
 * that, and so must we to recognise the flow. */
static void
add_ethernet(struct match *m)
{
    if (!eth_addr_is_zero(m->wc.masks.dl_src)
        || !eth_addr_is_zero(m->wc.masks.dl_dst)
        || m->wc.masks.dl_type || m->wc.masks.vlans[0].tci) {
        match_set_default_packet_type(m);
    }
}

struct dts_flow *
dts_flow_create(uint8_t table, uint16_t priority, const struct match *match,
                const struct ofpact *ofpacts, size_t ofpacts_len,
                uint64_t cookie, uint16_t hard_timeout)
{
    struct dts_flow *f = xmalloc(sizeof *f);
    struct match m = *match;

    add_ethernet(&m);
    f->refs = 1;
    f->table = table;
    f->priority = priority;
    minimatch_init(&f->match, &m);
    f->hash = hash_2words(table << 16 | priority,
                          minimatch_hash(&f->match, 0));
    f->cookie = cookie;
    f->hard_timeout = hard_timeout;
    f->ofpacts = ofpacts_len ? xmemdup(ofpacts, ofpacts_len) : NULL;
    f->ofpacts_len = ofpacts_len;
    return f;
}

struct dts_flow *
dts_flow_ref(const struct dts_flow *f_)
{
    struct dts_flow *f = CONST_CAST(struct dts_flow *, f_);
    f->refs++;
    return f;
}

void
dts_flow_unref(struct dts_flow *f)
{
    if (f && !--f->refs) {
        minimatch_destroy(&f->match);
        free(f->ofpacts);
        free(f);
    }
}

bool
dts_flow_same_key(const struct dts_flow *a, const struct dts_flow *b)
{
    return (a->hash == b->hash && a->table == b->table
            && a->priority == b->priority
            && minimatch_equal(&a->match, &b->match));
}

bool
dts_flow_same_actions(const struct dts_flow *a, const struct dts_flow *b)
{
    return (a->hard_timeout == b->hard_timeout && a->cookie == b->cookie
            && ofpacts_equal(a->ofpacts, a->ofpacts_len,
                             b->ofpacts, b->ofpacts_len));
}

void
dts_flow_format(const struct dts_flow *f, struct ds *ds)
{
    struct ofpact_format_params fp = { .s = ds };
    struct match match;

    ds_put_format(ds, "table=%d, ", f->table);
    if (f->hard_timeout) {
        ds_put_format(ds, "hard_timeout=%d, ", f->hard_timeout);
    }
    minimatch_expand(&f->match, &match);
    match_format(&match, NULL, ds, f->priority);
    ds_put_cstr(ds, " actions=");
    ofpacts_format(f->ofpacts, f->ofpacts_len, &fp);
}

struct dts_group *
dts_group_create(uint32_t id, const struct ofpact *ofpacts,
                 size_t ofpacts_len)
{
    struct dts_group *g = xmalloc(sizeof *g);

    g->refs = 1;
    g->id = id;
    g->ofpacts = ofpacts_len ? xmemdup(ofpacts, ofpacts_len) : NULL;
    g->ofpacts_len = ofpacts_len;
    return g;
}

struct dts_group *
dts_group_ref(const struct dts_group *g_)
{
    struct dts_group *g = CONST_CAST(struct dts_group *, g_);
    g->refs++;
    return g;
}

void
dts_group_unref(struct dts_group *g)
{
    if (g && !--g->refs) {
        free(g->ofpacts);
        free(g);
    }
}

bool
dts_group_equal(const struct dts_group *a, const struct dts_group *b)
{
    return a->id == b->id && ofpacts_equal(a->ofpacts, a->ofpacts_len,
                                           b->ofpacts, b->ofpacts_len);
}

void
dts_group_format(const struct dts_group *g, struct ds *ds)
{
    struct ofpact_format_params fp = { .s = ds };

    ds_put_format(ds, "group=%"PRIu32", type=indirect, bucket=actions=",
                  g->id);
    ofpacts_format(g->ofpacts, g->ofpacts_len, &fp);
}

struct dts_flow_entry *
dts_flow_find(const struct hmap *flows, const struct dts_flow *key)
{
    struct dts_flow_entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, hmap_node, key->hash, flows) {
        if (e->flow == key || dts_flow_same_key(e->flow, key)) {
            return e;
        }
    }
    return NULL;
}

struct dts_group_entry *
dts_group_find(const struct hmap *groups, uint32_t id)
{
    struct dts_group_entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, hmap_node, id, groups) {
        if (e->group->id == id) {
            return e;
        }
    }
    return NULL;
}

void
dts_flows_put(struct hmap *flows, struct dts_flow *f)
{
    struct dts_flow_entry *e = dts_flow_find(flows, f);

    if (e) {
        dts_flow_unref(e->flow);
    } else {
        e = xzalloc(sizeof *e);
        hmap_insert(flows, &e->hmap_node, f->hash);
    }
    e->flow = f;
}

void
dts_flows_delete(struct hmap *flows, struct dts_flow_entry *e)
{
    hmap_remove(flows, &e->hmap_node);
    dts_flow_unref(e->flow);
    free(e);
}

void
dts_groups_put(struct hmap *groups, struct dts_group *g)
{
    struct dts_group_entry *e = dts_group_find(groups, g->id);

    if (e) {
        dts_group_unref(e->group);
    } else {
        e = xzalloc(sizeof *e);
        hmap_insert(groups, &e->hmap_node, g->id);
    }
    e->group = g;
}

void
dts_groups_delete(struct hmap *groups, struct dts_group_entry *e)
{
    hmap_remove(groups, &e->hmap_node);
    dts_group_unref(e->group);
    free(e);
}

void
dts_flows_clear(struct hmap *flows, struct hmap *groups)
{
    struct dts_group_entry *g;
    struct dts_flow_entry *f;

    HMAP_FOR_EACH_SAFE (f, hmap_node, flows) {
        dts_flows_delete(flows, f);
    }
    HMAP_FOR_EACH_SAFE (g, hmap_node, groups) {
        dts_groups_delete(groups, g);
    }
}

static void
note_flow(struct dts_flow_table *t, const struct dts_flow *f)
{
    if (t->n_changed >= t->allocated_changed) {
        t->changed = x2nrealloc(t->changed, &t->allocated_changed,
                                sizeof *t->changed);
    }
    t->changed[t->n_changed++] = dts_flow_ref(f);
}

static void
note_group(struct dts_flow_table *t, uint32_t id)
{
    if (t->n_changed_groups >= t->allocated_changed_groups) {
        t->changed_groups = x2nrealloc(t->changed_groups,
                                       &t->allocated_changed_groups,
                                       sizeof *t->changed_groups);
    }
    t->changed_groups[t->n_changed_groups++] = id;
}

void
dts_flow_table_init(struct dts_flow_table *t)
{
    memset(t, 0, sizeof *t);
    hmap_init(&t->flows);
    hmap_init(&t->groups);
    shash_init(&t->chunks);
    shash_init(&t->lasting);
}

void
dts_flow_table_destroy(struct dts_flow_table *t)
{
    dts_flow_table_begin(t);
    dts_flow_table_end(t, false);
    dts_flow_table_forget_changes(t);
    free(t->changed);
    free(t->changed_groups);
    hmap_destroy(&t->flows);
    hmap_destroy(&t->groups);
    shash_destroy(&t->chunks);
    shash_destroy(&t->lasting);
}

void
dts_flow_table_forget_changes(struct dts_flow_table *t)
{
    for (size_t i = 0; i < t->n_changed; i++) {
        dts_flow_unref(t->changed[i]);
    }
    t->n_changed = 0;
    t->n_changed_groups = 0;
}

void
dts_flow_table_begin(struct dts_flow_table *t)
{
    t->round++;
    t->n_conflicts = t->n_incomplete = 0;
}

static bool
open_chunk(struct dts_flow_table *t, struct shash *chunks, const char *name,
           const struct ofpbuf *inputs)
{
    struct chunk *c = shash_find_data(chunks, name);
    ovs_u128 digest;

    ovs_assert(!t->open);
    hash_bytes128(inputs->data, inputs->size, 0, &digest);
    if (!c) {
        c = xzalloc(sizeof *c);
        c->name = xstrdup(name);
        shash_add(chunks, name, c);
    } else if (ovs_u128_equals(c->inputs, digest) && !c->incomplete) {
        c->round = t->round;
        return false;
    }
    c->inputs = digest;
    c->round = t->round;
    c->incomplete = false;

    c->old = c->flows;
    c->n_old = c->n;
    c->old_groups = c->groups;
    c->n_old_groups = c->n_groups;
    c->flows = NULL;
    c->groups = NULL;
    c->n = c->allocated = c->n_groups = c->allocated_groups = 0;
    t->open = c;
    return true;
}

bool
dts_flow_table_open(struct dts_flow_table *t, const char *name,
                    const struct ofpbuf *inputs)
{
    return open_chunk(t, &t->chunks, name, inputs);
}

bool
dts_flow_table_open_lasting(struct dts_flow_table *t, const char *name,
                            const struct ofpbuf *inputs)
{
    return open_chunk(t, &t->lasting, name, inputs);
}

void
dts_flow_table_add(struct dts_flow_table *t, uint8_t table, uint16_t priority,
                   const struct match *match, const struct ofpbuf *ofpacts,
                   uint64_t cookie, uint16_t hard_timeout)
{
    struct dts_flow *f = dts_flow_create(table, priority, match,
                                         ofpacts ? ofpacts->data : NULL,
                                         ofpacts ? ofpacts->size : 0,
                                         cookie, hard_timeout);
    struct dts_flow_entry *e = dts_flow_find(&t->flows, f);
    struct chunk *c = t->open;

    if (!e) {
        e = xzalloc(sizeof *e);
        hmap_insert(&t->flows, &e->hmap_node, f->hash);
        e->flow = f;
        e->owner = c;
        note_flow(t, f);
    } else if (e->owner != c) {
        if (!dts_flow_same_actions(e->flow, f)) {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);
            VLOG_WARN_RL(&rl, "%s and %s want the same flow: %s keeps it "
                         "(is an address or a client port given twice?)",
                         ((struct chunk *) e->owner)->name, c->name,
                         ((struct chunk *) e->owner)->name);
            t->n_conflicts++;
        }
        c->incomplete = true;
        dts_flow_unref(f);
        return;
    } else if (dts_flow_same_actions(e->flow, f)) {
        dts_flow_unref(f);
        f = e->flow;
    } else {
        note_flow(t, f);
        dts_flow_unref(e->flow);
        e->flow = f;
    }
    if (c->n >= c->allocated) {
        c->flows = x2nrealloc(c->flows, &c->allocated, sizeof *c->flows);
    }
    c->flows[c->n++] = dts_flow_ref(f);
}

void
dts_flow_table_add_group(struct dts_flow_table *t, uint32_t id,
                         const struct ofpbuf *ofpacts)
{
    struct dts_group *g = dts_group_create(id, ofpacts->data, ofpacts->size);
    struct dts_group_entry *e = dts_group_find(&t->groups, id);
    struct chunk *c = t->open;

    if (!e) {
        e = xzalloc(sizeof *e);
        hmap_insert(&t->groups, &e->hmap_node, id);
        note_group(t, id);
    } else if (dts_group_equal(e->group, g)) {
        dts_group_unref(e->group);
    } else {
        dts_group_unref(e->group);
        note_group(t, id);
    }
    e->group = g;
    e->owner = c;
    if (c->n_groups >= c->allocated_groups) {
        c->groups = x2nrealloc(c->groups, &c->allocated_groups,
                               sizeof *c->groups);
    }
    c->groups[c->n_groups++] = id;
}

/* Drops what 'c' had before and has no longer. */
static void
drop_old(struct dts_flow_table *t, struct chunk *c)
{
    for (size_t i = 0; i < c->n_old; i++) {
        struct dts_flow *f = c->old[i];
        struct dts_flow_entry *e = dts_flow_find(&t->flows, f);
        bool still = false;

        if (e && e->owner == c) {
            /* A chunk is small: its flows are few. */
            for (size_t j = 0; j < c->n && !still; j++) {
                still = c->flows[j] == e->flow;
            }
            if (!still) {
                note_flow(t, f);
                dts_flows_delete(&t->flows, e);
            }
        }
        dts_flow_unref(f);
    }
    free(c->old);
    c->old = NULL;
    c->n_old = 0;

    for (size_t i = 0; i < c->n_old_groups; i++) {
        struct dts_group_entry *e = dts_group_find(&t->groups,
                                                   c->old_groups[i]);
        bool still = false;

        for (size_t j = 0; j < c->n_groups && !still; j++) {
            still = c->groups[j] == c->old_groups[i];
        }
        if (e && e->owner == c && !still) {
            note_group(t, c->old_groups[i]);
            dts_groups_delete(&t->groups, e);
        }
    }
    free(c->old_groups);
    c->old_groups = NULL;
    c->n_old_groups = 0;
}

void
dts_flow_table_close(struct dts_flow_table *t)
{
    t->n_incomplete += t->open->incomplete;
    drop_old(t, t->open);
    t->open = NULL;
}

static void
drop_chunk(struct dts_flow_table *t, struct shash *chunks,
           struct shash_node *node)
{
    struct chunk *c = node->data;

    c->old = c->flows;
    c->n_old = c->n;
    c->old_groups = c->groups;
    c->n_old_groups = c->n_groups;
    c->n = c->n_groups = 0;
    drop_old(t, c);
    shash_delete(chunks, node);
    free(c->name);
    free(c);
}

static void
drop_all_unopened(struct dts_flow_table *t, struct shash *chunks)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, chunks) {
        const struct chunk *c = node->data;
        if (c->round != t->round) {
            drop_chunk(t, chunks, node);
        }
    }
}

/* Drops the lasting chunk 'name' if there is one that this round has not
 * opened. */
void
dts_flow_table_drop_unopened(struct dts_flow_table *t, const char *name)
{
    struct shash_node *node = shash_find(&t->lasting, name);
    const struct chunk *c = node ? node->data : NULL;

    if (c && c->round != t->round) {
        drop_chunk(t, &t->lasting, node);
    }
}

void
dts_flow_table_end(struct dts_flow_table *t, bool partial)
{
    drop_all_unopened(t, &t->chunks);
    if (!partial) {
        drop_all_unopened(t, &t->lasting);
    }
}
