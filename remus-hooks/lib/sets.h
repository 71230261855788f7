/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_SETS_H
#define DTS_SETS_H 1

/* Which domains are switched together: see sets.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "sset.h"

struct dts_domain;
struct dts_view;

struct dts_set {
    struct hmap_node hmap_node; /* In dts_sets' 'sets', by 'id'. */
    uint32_t id;                /* Also of its group; never 0. */

    /* What its flows are made from. */
    char *owner;                /* Node admitted; NULL: none. */
    bool closed;                /* on_database_loss=closed. */
    char *network;              /* switching=port: its one network, or NULL. */

    /* Why its members are together. */
    char *standby;
    bool member;                /* Of domains that fail over by themselves. */

    size_t n;                   /* Domains in it. */
    struct ovs_list members;    /* They; of sets.c. */
    struct ovs_list votes;      /* Where they are; of sets.c. */
    struct ovs_list moved_node; /* In the update under way. */
};

/* A node from which domains of a network are admitted. */
struct dts_presence {
    struct hmap_node hmap_node;
    char *network, *owner;      /* Names. */
};

struct dts_sets {
    struct hmap sets;           /* struct dts_set */
    struct hmap presences;      /* struct dts_presence */
    struct hmap members;        /* struct member */
    struct dts_set nowhere;     /* New ones, in the update under way. */
    struct sset rehomed;        /* Domains whose set the last update changed. */
    uint64_t round;
};

void dts_sets_init(struct dts_sets *);
void dts_sets_destroy(struct dts_sets *);

/* Follows 'view': afterwards each domain of a known network is in exactly one
 * set, whose 'owner' is the node that the domain's binding admits.  Since the
 * last update only domains in 'changed' (NULL: any) have changed. */
void dts_sets_update(struct dts_sets *, const struct dts_view *,
                     const struct sset *changed);
/* True if an update without changes would join sets that are alike. */
bool dts_sets_can_merge(const struct dts_sets *);

/* The set of 'domain', or NULL. */
const struct dts_set *dts_sets_lookup(const struct dts_sets *,
                                      const char *domain);

/* Name of the only node from which a gateway takes frames of 'd', NULL if it
 * takes them from none. */
const char *dts_domain_admitted(const struct dts_domain *d);

#endif /* sets.h */
