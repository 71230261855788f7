/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_GUESTS_H
#define DTS_GUESTS_H 1

/* The guests on this node, as xenstore and the hypervisor show them. */

#include <stdbool.h>
#include <stdint.h>
#include "binding.h"
#include "openvswitch/hmap.h"

struct ds;

enum guest_kind {
    GUEST_OWN,                  /* NAME */
    GUEST_INCOMING,             /* NAME--incoming: a copy. */
    GUEST_MIGRATEDAWAY,         /* NAME--migratedaway */
};

struct guest {
    struct hmap_node hmap_node; /* By domid. */
    struct hmap_node name_node; /* By name. */
    int domid;
    char *name;                 /* Less the suffix. */
    enum guest_kind kind;
    bool renamed;               /* Was a copy, is not any more, and nobody has
                                 * settled that: see guests_settle(). */
    long long int renamed_us;   /* When that was seen: monotonic us. */
    char *mac;                  /* Of its first vif; "" if not known. */
    bool poweroff_asked, reboot_asked;  /* By the toolstack. */
    enum guest_state state;     /* GUEST_UNKNOWN: present, no more known. */
};

/* A guest that went away. */
struct gone_guest {
    long long int when;         /* ms, monotonic */
    enum guest_state last_state;
    bool poweroff_asked, reboot_asked;
    enum guest_kind kind;
};

void guests_init(const char *domwatch);
void guests_run(void);
void guests_wait(void);
void guests_destroy(void);

/* False until xenstore has answered once. */
bool guests_known(void);
const struct guest *guests_find(const char *name, enum guest_kind);
const struct guest *guests_find_domid(int domid);
/* What is remembered of the last domain called 'name' (NULL: never seen). */
const struct gone_guest *guests_find_gone(const char *name);
/* 'domid', which was a copy, is this node's by the binding: what it was before
 * says nothing any more. */
void guests_settle(int domid);
/* Asks the hypervisor about 'domid' again. */
void guests_query(int domid);
void guests_format(struct ds *);

#endif /* guests.h */
