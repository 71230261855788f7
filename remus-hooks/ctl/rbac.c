/* SPDX-License-Identifier: Apache-2.0 */

/* The role of the nodes: what a node's certificate may write.
 *
 * ovsdb-server compares the common name of a client's certificate with the
 * columns of "authorization" of the row as it is before the change (of the new
 * row for an insertion), and lets the columns of "update" be changed; reading
 * is free.  So the tables that agents write name nodes by string, and a
 * handover, in which the standby makes itself the owner, is allowed by the row
 * that still calls it the standby.
 *
 * What an agent writes must be here, else the database refuses it; what is
 * here and an agent does not write is a door left open.  A table that is not
 * here is not written by nodes at all.  Rows of a role that do not exist
 * refuse everything; a connection without a role is above all rules: hence
 * ensure_connections(). */

#include <config.h>
#include "rbac.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "util.h"

/* In Connection:external_ids. */
#define EXEMPT "dts-full-rights"

struct permission {
    const char *table;
    const char *authorization[3];       /* Ended by NULL. */
    bool insert_delete;
    const char *update[10];             /* The same. */
};

static const struct permission permissions[] = {
    { "Binding", { "owner", "standby" }, false,
      { "owner", "standby", "generation", "session", "state", "cause",
        "since", "failover_at", "conditions" } },
    /* (That a request is done.) */
    { "Domain", { "primary", "secondary" }, false,
      { "requested_node", "requested_generation" } },
    { "Event", { "node" }, true, { NULL } },
    { "Fence", { "gateway" }, true,
      { "generations", "programmed", "fenced" } },
    /* Not its addresses: with another's it would take that one's tunnels. */
    { "Node", { "name" }, false, { "session", "version", "status" } },
    { "Reachability", { "observer" }, true,
      { "state", "diag", "session", "answered" } },
    { "Suspicion", { "by" }, true, { "nonce" } },
};

static size_t
count(const char *const names[])
{
    size_t n = 0;

    while (names[n]) {
        n++;
    }
    return n;
}

static const struct dtsrec_rbac_role *
find_role(const struct ovsdb_idl *idl)
{
    const struct dtsrec_rbac_role *role;

    DTSREC_RBAC_ROLE_FOR_EACH (role, idl) {
        if (!strcmp(role->name, NODE_ROLE)) {
            return role;
        }
    }
    return NULL;
}

static const struct dtsrec_rbac_permission *
find_permission(const struct dtsrec_rbac_role *role, const char *table)
{
    for (size_t i = 0; role && i < role->n_permissions; i++) {
        if (!strcmp(role->key_permissions[i], table)) {
            return role->value_permissions[i];
        }
    }
    return NULL;
}

void
ensure_rbac(const struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn)
{
    const struct dtsrec_rbac_role *role = find_role(idl);
    struct dtsrec_rbac_permission *rows[ARRAY_SIZE(permissions)];
    const char *tables[ARRAY_SIZE(permissions)];

    for (size_t i = 0; i < ARRAY_SIZE(permissions); i++) {
        const struct permission *p = &permissions[i];
        const struct dtsrec_rbac_permission *row
            = find_permission(role, p->table);

        if (!row) {
            row = dtsrec_rbac_permission_insert(txn);
        }
        dtsrec_rbac_permission_set_table(row, p->table);
        dtsrec_rbac_permission_set_authorization(
            row, CONST_CAST(const char **, p->authorization),
            count(p->authorization));
        dtsrec_rbac_permission_set_insert_delete(row, p->insert_delete);
        dtsrec_rbac_permission_set_update(
            row, CONST_CAST(const char **, p->update), count(p->update));
        tables[i] = p->table;
        rows[i] = CONST_CAST(struct dtsrec_rbac_permission *, row);
    }

    if (!role) {
        role = dtsrec_rbac_role_insert(txn);
        dtsrec_rbac_role_set_name(role, NODE_ROLE);
    }
    dtsrec_rbac_role_set_permissions(role, tables, rows,
                                     ARRAY_SIZE(permissions));
}

/* ovsdb-server leaves a place where it listens, and the clients there, as they
 * are when only the role changes.  Another DSCP makes it open it again. */
static void
reopen(const struct dtsrec_connection *c)
{
    bool usual = smap_get_int(&c->other_config, "dscp", 48) == 48;

    dtsrec_connection_update_other_config_setkey(c, "dscp",
                                                 usual ? "46" : "48");
}

void
ensure_connections(const struct ovsdb_idl *idl, struct ovsdb_idl_txn *txn,
                   const char *target)
{
    const struct dtsrec_connection *c;
    bool found = !target;

    DTSREC_CONNECTION_FOR_EACH (c, idl) {
        if (!c->role[0] && !connection_is_exempt(c)) {
            dtsrec_connection_set_role(c, NODE_ROLE);
            reopen(c);
        }
        found |= target && !strcmp(c->target, target);
    }
    if (!found) {
        struct dtsrec_connection *new = dtsrec_connection_insert(txn);

        dtsrec_connection_set_target(new, target);
        dtsrec_connection_set_role(new, NODE_ROLE);
        dtsrec_global_update_connections_addvalue(dtsrec_global_first(idl),
                                                  new);
    }
}

bool
connection_is_exempt(const struct dtsrec_connection *c)
{
    return smap_get_bool(&c->external_ids, EXEMPT, false);
}

bool
target_is_plain(const char *target)
{
    return !strncmp(target, "tcp:", 4) || !strncmp(target, "ptcp:", 5);
}

/* Compares a column of names, which the database keeps sorted, with ours. */
static bool
same_names(char *const got[], size_t n_got, const char *const want[])
{
    if (n_got != count(want)) {
        return false;
    }
    for (size_t i = 0; want[i]; i++) {
        bool found = false;

        for (size_t j = 0; j < n_got; j++) {
            found |= !strcmp(got[j], want[i]);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

char *
rbac_problem(const struct ovsdb_idl *idl)
{
    const struct dtsrec_rbac_role *role = find_role(idl);

    if (!role) {
        return xstrdup("there is no role " NODE_ROLE ": what nodes write is "
                       "refused, or not checked at all");
    }
    for (size_t i = 0; i < ARRAY_SIZE(permissions); i++) {
        const struct permission *p = &permissions[i];
        const struct dtsrec_rbac_permission *row
            = find_permission(role, p->table);

        if (!row || row->insert_delete != p->insert_delete
            || !same_names(row->authorization, row->n_authorization,
                           p->authorization)
            || !same_names(row->update, row->n_update, p->update)) {
            return xasprintf("what nodes may write in table %s is not what "
                             "this version's agents write", p->table);
        }
    }
    for (size_t i = 0; i < role->n_permissions; i++) {
        bool known = false;

        for (size_t j = 0; j < ARRAY_SIZE(permissions); j++) {
            known |= !strcmp(role->key_permissions[i], permissions[j].table);
        }
        if (!known) {
            return xasprintf("nodes may write in table %s, which none of "
                             "this version's agents does",
                             role->key_permissions[i]);
        }
    }
    return NULL;
}
