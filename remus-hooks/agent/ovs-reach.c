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
 * A session that flaps is believed later: of one that has fallen silent for the
 * N_SILENCES-th time within FLAP_MS "down" is said only when it has been silent
 * for LASTS_MS, and "unknown" until then, which moves nothing.  ("up" is never
 * put off.)
 *
 * A peer may also say that it gives up, by "Concatenated Path Down" while its
 * session is up: an owner whose replication has ended, and which cannot reach
 * the database to go on alone (takeover.c).  That counts as "down": the guest
 * there is suspended, and the standby may have it. */

#include <config.h>

#include "ovs-local.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "util.h"

#define N_SILENCES 4
#define FLAP_MS 10000
#define LASTS_MS 2000

struct peer {
    enum dts_reach state;
    char *diag;
    bool was_up;
    bool told;
    bool seen;                  /* In this round. */

    /* When it last fell silent, ms: the newest is 'silences[0]'. */
    long long int silences[N_SILENCES];
    bool silent;                /* ...and has been since. */
};

#define EXPIRED "Control Detection Time Expired"
#define GIVES_UP "Concatenated Path Down"

static struct shash peers = SHASH_INITIALIZER(&peers);
static long long int due = LLONG_MAX;

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
    due = LLONG_MAX;
}

/* The peer is silent at 'now'.  Returns true if that is to be believed. */
static bool
has_fallen_silent(struct peer *p, long long int now)
{
    if (!p->silent) {
        p->silent = true;
        memmove(&p->silences[1], &p->silences[0],
                sizeof p->silences - sizeof p->silences[0]);
        p->silences[0] = now;
    }

    long long int first = p->silences[N_SILENCES - 1];
    long long int until = p->silences[0] + LASTS_MS;

    if (!first || p->silences[0] - first > FLAP_MS || now >= until) {
        return true;
    }
    due = MIN(due, until);
    return false;
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

/* 'now' is in ms, monotonic. */
void
ovs_reach_see(const char *name, const struct ovsrec_interface *iface,
              long long int now, const struct switch_callbacks *cb)
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
        p->silent = false;
        state = DTS_REACH_UP;
        diag = "";
    } else if (!p->was_up) {
        diag = "the session has not been up since agent and switch started";
    } else if (!strcmp(bfd_state, "down")
               && !strcmp(diag, EXPIRED)) {
        if (has_fallen_silent(p, now)) {
            state = DTS_REACH_DOWN;
        } else {
            diag = "the session flaps: \"down\" is said when that lasts";
        }
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

/* When to look again although nothing has changed, ms; LLONG_MAX: never. */
long long int
ovs_reach_due(void)
{
    return due;
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
