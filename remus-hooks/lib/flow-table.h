/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FLOW_TABLE_H
#define DTS_FLOW_TABLE_H 1

/* OpenFlow flows and groups as values: see flow-table.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/match.h"
#include "openvswitch/shash.h"
#include "openvswitch/types.h"

struct ds;
struct ofpact;
struct ofpbuf;

/* A flow; never changed once made, shared by reference. */
struct dts_flow {
    unsigned int refs;
    uint32_t hash;              /* Of table, priority and match. */
    uint8_t table;
    uint16_t priority;
    struct minimatch match;

    uint64_t cookie;
    uint16_t hard_timeout;      /* s, 0: stays. */
    struct ofpact *ofpacts;
    size_t ofpacts_len;
};

/* A group of type indirect with one bucket. */
struct dts_group {
    unsigned int refs;
    uint32_t id;
    struct ofpact *ofpacts;
    size_t ofpacts_len;
};

struct dts_flow *dts_flow_create(uint8_t table, uint16_t priority,
                                 const struct match *,
                                 const struct ofpact *, size_t ofpacts_len,
                                 uint64_t cookie, uint16_t hard_timeout);
struct dts_flow *dts_flow_ref(const struct dts_flow *);
void dts_flow_unref(struct dts_flow *);
bool dts_flow_same_key(const struct dts_flow *, const struct dts_flow *);
bool dts_flow_same_actions(const struct dts_flow *, const struct dts_flow *);
void dts_flow_format(const struct dts_flow *, struct ds *);

struct dts_group *dts_group_create(uint32_t id, const struct ofpact *,
                                   size_t ofpacts_len);
struct dts_group *dts_group_ref(const struct dts_group *);
void dts_group_unref(struct dts_group *);
bool dts_group_equal(const struct dts_group *, const struct dts_group *);
void dts_group_format(const struct dts_group *, struct ds *);

/* A set of flows by key, or of groups by number. */
struct dts_flow_entry {
    struct hmap_node hmap_node;
    struct dts_flow *flow;
    void *owner;                /* Chunk; NULL where there are none. */
};
struct dts_group_entry {
    struct hmap_node hmap_node;
    struct dts_group *group;
    void *owner;
};
struct dts_flow_entry *dts_flow_find(const struct hmap *flows,
                                     const struct dts_flow *key);
struct dts_group_entry *dts_group_find(const struct hmap *groups,
                                       uint32_t id);
void dts_flows_put(struct hmap *flows, struct dts_flow *); /* Takes a ref. */
void dts_flows_delete(struct hmap *flows, struct dts_flow_entry *);
void dts_groups_put(struct hmap *groups, struct dts_group *);
void dts_groups_delete(struct hmap *groups, struct dts_group_entry *);
void dts_flows_clear(struct hmap *flows, struct hmap *groups);

/* What is desired: in chunks, each made again only when what it is made from
 * has changed. */
struct dts_flow_table {
    struct hmap flows;          /* struct dts_flow_entry */
    struct hmap groups;         /* struct dts_group_entry */
    struct shash chunks;        /* Opened in each round or dropped. */
    struct shash lasting;       /* Those of dts_flow_table_open_lasting(). */

    /* Keys that may have changed since dts_flow_table_forget_changes(). */
    struct dts_flow **changed;
    size_t n_changed, allocated_changed;
    uint32_t *changed_groups;
    size_t n_changed_groups, allocated_changed_groups;

    uint64_t round;
    struct chunk *open;
    unsigned int n_conflicts;   /* Flows that two chunks want differently. */
    unsigned int n_incomplete;  /* Chunks that lack a flow: another has it. */
};

void dts_flow_table_init(struct dts_flow_table *);
void dts_flow_table_destroy(struct dts_flow_table *);
void dts_flow_table_forget_changes(struct dts_flow_table *);

/* One computation: dts_flow_table_begin(), for each chunk
 *     if (dts_flow_table_open(t, "name", &inputs)) {
 *         dts_flow_table_add(...); ...
 *         dts_flow_table_close(t);
 *     }
 * and dts_flow_table_end(), which drops the chunks that were not opened.
 *
 * Of lasting chunks those that were not opened stay when 'partial' is true;
 * dts_flow_table_drop_unopened() drops one.  While 'n_incomplete' is not 0 a
 * computation has to open all. */
void dts_flow_table_begin(struct dts_flow_table *);
bool dts_flow_table_open(struct dts_flow_table *, const char *name,
                         const struct ofpbuf *inputs);
bool dts_flow_table_open_lasting(struct dts_flow_table *, const char *name,
                                 const struct ofpbuf *inputs);
void dts_flow_table_add(struct dts_flow_table *, uint8_t table,
                        uint16_t priority, const struct match *,
                        const struct ofpbuf *ofpacts, uint64_t cookie,
                        uint16_t hard_timeout);
void dts_flow_table_add_group(struct dts_flow_table *, uint32_t id,
                              const struct ofpbuf *ofpacts);
void dts_flow_table_close(struct dts_flow_table *);
void dts_flow_table_drop_unopened(struct dts_flow_table *, const char *name);
void dts_flow_table_end(struct dts_flow_table *, bool partial);

#endif /* flow-table.h */
