/* SPDX-License-Identifier: Apache-2.0 */

/* What the BFD sessions say about the peers.
 *
 * The witness is asked whether a server is dead, so "down" is said only when
 * a session that was up has heard nothing for its detection time.  A session
 * that is down because the peer said so ("Neighbor Signaled Session Down", or
 * INIT: its packets arrive) proves that the peer lives; one that has never
 * been up proves nothing.  Both are "unknown".  An agent that starts takes the
 * switch's word for it: "Control Detection Time Expired" is said of a session
 * that was heard while this ovs-vswitchd ran (the column is ephemeral), so a
 * witness that was restarted after the owner's death can still bear witness.
 *
 * A peer may also say that it gives up, by "Concatenated Path Down" while its
 * session is up: an owner whose replication has ended, and which cannot reach
 * the database to go on alone (takeover.c).  That counts as "down": the guest
 * there is suspended, and the standby may have it. */

#include <config.h>

#include "ovs-local.h"

#include <stdlib.h>
#include <string.h>

#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "util.h"

struct peer {
    enum dts_reach state;
    char *diag;
    bool was_up;
    bool told;
    bool seen;                  /* In this round. */
};

#define EXPIRED "Control Detection Time Expired"
#define GIVES_UP "Concatenated Path Down"

static struct shash peers = SHASH_INITIALIZER(&peers);

void
ovs_reach_destroy(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &peers) {
        struct peer *p = node->data;
        free(p->diag);
        free(p);
        shash_delete(&peers, node);
    }
}

void
ovs_reach_begin(void)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &peers) {
        struct peer *p = node->data;
        p->seen = false;
    }
}

static void
tell(const char *name, struct peer *p, enum dts_reach state, const char *diag,
     const struct switch_callbacks *cb)
{
    if (p->told && p->state == state && !strcmp(p->diag, diag)) {
        return;
    }
    p->told = true;
    p->state = state;
    free(p->diag);
    p->diag = xstrdup(diag);
    cb->reach(name, state, p->diag, cb->aux);
}

void
ovs_reach_see(const char *name, const struct ovsrec_interface *iface,
              const struct switch_callbacks *cb)
{
    struct peer *p = shash_find_data(&peers, name);
    enum dts_reach state = DTS_REACH_UNKNOWN;
    const char *bfd_state = "", *diag = "no session yet", *remote = "";
    bool first = !p;

    if (!p) {
        p = xzalloc(sizeof *p);
        shash_add(&peers, name, p);
    } else if (p->seen) {
        return;                 /* The first port seen to a peer counts. */
    }
    p->seen = true;

    if (iface && (!iface->n_ofport || iface->ofport[0] > 0)) {
        bfd_state = smap_get_def(&iface->bfd_status, "state", "");
        diag = smap_get_def(&iface->bfd_status, "diagnostic", diag);
        remote = smap_get_def(&iface->bfd_status, "remote_diagnostic", "");
    }
    p->was_up |= first && !strcmp(diag, EXPIRED);
    if (!strcmp(bfd_state, "up") && !strcmp(remote, GIVES_UP)) {
        p->was_up = true;
        state = DTS_REACH_DOWN;
        diag = "it says that it cannot reach the database and gives up what "
               "it does not replicate";
    } else if (!strcmp(bfd_state, "up")) {
        p->was_up = true;
        state = DTS_REACH_UP;
        diag = "";
    } else if (!p->was_up) {
        diag = "the session has not been up since agent and switch started";
    } else if (!strcmp(bfd_state, "down")
               && !strcmp(diag, EXPIRED)) {
        state = DTS_REACH_DOWN;
    } else if (!strcmp(bfd_state, "init")) {
        diag = "the peer is heard again";
    }
    tell(name, p, state, diag, cb);
}

void
ovs_reach_end(const struct switch_callbacks *cb)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &peers) {
        struct peer *p = node->data;
        if (!p->seen) {
            p->was_up = false;
            tell(node->name, p, DTS_REACH_UNKNOWN, "no tunnel", cb);
        }
    }
}

void
ovs_reach_format(struct ds *ds)
{
    const struct shash_node **nodes = shash_sort(&peers);

    for (size_t i = 0; i < shash_count(&peers); i++) {
        const struct peer *p = nodes[i]->data;
        ds_put_format(ds, "liveness of %s: %s%s%s\n", nodes[i]->name,
                      p->state == DTS_REACH_UP ? "up"
                      : p->state == DTS_REACH_DOWN ? "down" : "unknown",
                      p->diag && p->diag[0] ? ", " : "",
                      p->diag ? p->diag : "");
    }
    free(nodes);
}
