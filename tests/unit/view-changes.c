/* SPDX-License-Identifier: Apache-2.0 */
/* Random changes of the database: see the header. */

#include <config.h>

#include "view-changes.h"

#include <stdlib.h>
#include <string.h>

#include "dts-idl.h"
#include "ovsdb-idl.h"
#include "random.h"
#include "smap.h"
#include "util.h"
#include "view.h"

static struct ovsdb_idl *idl;

static const char *
pick(const char *const *names, size_t n)
{
    return names[random_range(n)];
}
#define PICK(...) \
    pick((const char *const[]) { __VA_ARGS__ }, \
         sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(char *))

/* Finds the row whose COLUMN is VALUE; NULL if there is none. */
#define FIND(FOR_EACH, ROW, COLUMN, VALUE)              \
    FOR_EACH (ROW, idl) {                               \
        if (!strcmp(ROW->COLUMN, VALUE)) {              \
            break;                                      \
        }                                               \
    }

static void
change_domain(struct ovsdb_idl_txn *txn, const char *name)
{
    const struct dtsrec_domain *row;

    FIND(DTSREC_DOMAIN_FOR_EACH, row, name, name);
    if (row && random_range(4) == 0) {
        dtsrec_domain_delete(row);
        if (random_range(2)) {
            return;
        }
        row = NULL;             /* And another of its name. */
    }
    if (!row) {
        row = dtsrec_domain_insert(txn);
        dtsrec_domain_set_name(row, name);
        dtsrec_domain_set_failover(row, "auto");
        dtsrec_domain_set_on_loss(row, "stop");
    }
    switch (random_range(9)) {
    case 0: dtsrec_domain_set_network(row, PICK("n1", "n2", "n9")); break;
    case 1: dtsrec_domain_set_primary(row, PICK("A", "B")); break;
    case 2: dtsrec_domain_set_secondary(row, PICK("A", "B")); break;
    case 3: {
        const char *a[] = { "00:16:3e:00:00:64 10.0.0.1", "nonsense",
                            "00:16:3e:00:00:65" };
        dtsrec_domain_set_addresses(row, a, random_range(4));
        break;
    }
    case 4: {
        int64_t g = random_range(5);
        dtsrec_domain_set_requested_node(row, random_range(2) ? "B" : NULL);
        dtsrec_domain_set_requested_generation(row, &g, random_range(2));
        break;
    }
    case 5: dtsrec_domain_set_failover(row, PICK("auto", "manual")); break;
    case 6: dtsrec_domain_set_on_loss(row, PICK("stop", "failover")); break;
    case 7: {
        const char *r[] = { "udp:5060", "dscp:46" };
        dtsrec_domain_set_realtime(row, r, random_range(3));
        dtsrec_domain_set_realtime_unsafe(row, random_range(2));
        break;
    }
    case 8: dtsrec_domain_set_witness(row, PICK("", "g1")); break;
    }
}

static void
change_binding(struct ovsdb_idl_txn *txn, const char *name)
{
    const struct dtsrec_binding *row;

    FIND(DTSREC_BINDING_FOR_EACH, row, domain, name);
    if (row && random_range(6) == 0) {
        dtsrec_binding_delete(row);
        return;
    }
    if (!row) {
        row = dtsrec_binding_insert(txn);
        dtsrec_binding_set_domain(row, name);
        dtsrec_binding_set_state(row, "stopped");
    }
    switch (random_range(6)) {
    case 0: dtsrec_binding_set_owner(row, PICK("A", "B", "Z", "")); break;
    case 1: dtsrec_binding_set_standby(row, PICK("A", "B", "")); break;
    case 2: dtsrec_binding_set_generation(row, random_range(1000)); break;
    case 3: dtsrec_binding_set_session(row, PICK("s1", "s2", "")); break;
    case 4:
        dtsrec_binding_set_state(row, PICK("alone", "protected", "granted",
                                           "lost", "failed"));
        break;
    case 5:                     /* Concerns nobody. */
        dtsrec_binding_set_cause(row, PICK("one", "another"));
        dtsrec_binding_set_since(row, random_range(1000));
        dtsrec_binding_set_failover_at(row, random_range(1000));
        break;
    }
}

static void
change_fence(struct ovsdb_idl_txn *txn, const char *name)
{
    const char *gateway = PICK("g1", "g2", "g2");
    const struct dtsrec_fence *row;
    int64_t generation = random_range(1000);

    /* Two rows of g2, at times, and a domain in both of them. */
    DTSREC_FENCE_FOR_EACH (row, idl) {
        if (row->header_.old_datum /* else it is of this transaction */
            && !strcmp(row->gateway, gateway) && random_range(2)) {
            break;
        }
    }
    if (!row) {
        struct dtsrec_fence *new = dtsrec_fence_insert(txn);

        dtsrec_fence_set_gateway(new, gateway);
        dtsrec_fence_set_generations(new, &name, &generation, 1);
        return;
    }
    switch (random_range(12)) {
    case 0:
        dtsrec_fence_delete(row);
        break;
    case 1:
        dtsrec_fence_set_gateway(row, PICK("g1", "g2"));
        break;
    case 2: case 3: case 4:
        dtsrec_fence_update_generations_delkey(row, name);
        break;
    default:
        dtsrec_fence_update_generations_setkey(row, name, generation);
        break;
    }
}

static void
change_global(struct ovsdb_idl_txn *txn)
{
    const struct dtsrec_global *row = dtsrec_global_first(idl);
    int64_t ms = 100 + random_range(1000);

    if (!row) {
        row = dtsrec_global_insert(txn);
        dtsrec_global_set_encap_type(row, "gre");
        dtsrec_global_set_fence(row, "pause");
    }
    switch (random_range(8)) {
    default: dtsrec_global_set_generation(row, random_range(100000)); break;
    case 0: dtsrec_global_set_heartbeat(row, &ms, random_range(2)); break;
    case 1: dtsrec_global_set_bfd_min_tx(row, &ms, 1); break;
    case 2: dtsrec_global_set_fence(row, PICK("pause", "destroy")); break;
    case 3: dtsrec_global_set_encap_type(row, PICK("gre", "vxlan")); break;
    }
}

static void
change_node(struct ovsdb_idl_txn *txn)
{
    const char *name = PICK("A", "B", "g1", "g2");
    const struct dtsrec_node *row;

    FIND(DTSREC_NODE_FOR_EACH, row, name, name);
    if (row && random_range(4) == 0) {
        dtsrec_node_delete(row);
        return;
    }
    if (!row) {
        const char *role = name[0] == 'g' ? "gateway" : "server";
        row = dtsrec_node_insert(txn);
        dtsrec_node_set_name(row, name);
        dtsrec_node_set_index(row, name[0] + 2 * name[1]);
        dtsrec_node_set_roles(row, &role, 1);
    }
    dtsrec_node_set_encap_ip(row, PICK("", "10.0.0.1", "10.0.0.2"));
    dtsrec_node_set_site(row, PICK("north", "south"));
    dtsrec_node_set_version(row, PICK("1", "2"));
}

static void
change_network(struct ovsdb_idl_txn *txn)
{
    const char *name = PICK("n1", "n2");
    const char *ports[] = { "g1:eth1", "g2:eth1:7", "g1" };
    const struct dtsrec_network *row;
    int64_t mtu = 1400;

    FIND(DTSREC_NETWORK_FOR_EACH, row, name, name);
    if (row && random_range(4) == 0) {
        dtsrec_network_delete(row);
        return;
    }
    if (!row) {
        row = dtsrec_network_insert(txn);
        dtsrec_network_set_name(row, name);
        dtsrec_network_set_key(row, name[1]);
        dtsrec_network_set_on_database_loss(row, "static");
    }
    dtsrec_network_set_gateways(row, ports, random_range(4));
    dtsrec_network_set_switching(row, PICK("flow", "port"));
    dtsrec_network_set_mtu(row, &mtu, random_range(2));
}

static void
change_tunnel(struct ovsdb_idl_txn *txn)
{
    const struct dtsrec_tunnel *row = dtsrec_tunnel_first(idl);
    int64_t mtu = random_range(2) ? 1500 : 9000;

    if (row && random_range(4) == 0) {
        dtsrec_tunnel_delete(row);
        return;
    }
    if (!row) {
        row = dtsrec_tunnel_insert(txn);
        dtsrec_tunnel_set_node_a(row, "A");
        dtsrec_tunnel_set_node_b(row, "B");
    }
    dtsrec_tunnel_set_mtu(row, &mtu, 1);
    dtsrec_tunnel_set_encrypt(row, PICK("ipsec", "none"));
}

void
view_change_something(struct ovsdb_idl *idl_, struct ovsdb_idl_txn *txn)
{
    idl = idl_;

    char *name = xasprintf("d%"PRIu32, random_range(N_DOMAINS));
    uint32_t what = random_range(100);

    if (what < 25) {
        change_domain(txn, name);
    } else if (what < 65) {
        change_binding(txn, name);
    } else if (what < 85) {
        change_fence(txn, name);
    } else if (what < 95) {
        change_global(txn);
    } else if (what < 97) {
        change_node(txn);
    } else if (what < 99) {
        change_network(txn);
    } else {
        change_tunnel(txn);
    }
    free(name);
}
