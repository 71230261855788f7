/* SPDX-License-Identifier: Apache-2.0 */

/* When a switch is over.
 *
 * Each view whose bindings moved makes a batch: the domains and their new
 * generations.  A batch is 'programmed' once the switch has acknowledged flows
 * at least as new, and, for networks with switching=port, ovs-vswitchd the
 * ports; and 'fenced' once the revalidators have passed since.  Only then may
 * the gateway's receipt be written: the survivor resumes on it.
 *
 * A generation that was fenced is not fenced again by this process, unless it
 * has become a gateway of the domain's network since; one that starts says so
 * once for all domains, since it cannot know. */

#include <config.h>

#include "fences.h"

#include <stdlib.h>

#include "first-frame.h"
#include "ofctrl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovs-local.h"
#include "revalidate.h"
#include "sets.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "view.h"

VLOG_DEFINE_THIS_MODULE(fences);

struct fence {
    char *domain;
    int64_t generation;
    bool receipt;               /* This node is a gateway of its network. */
    bool moved;                 /* It was known with an older generation. */
};

struct batch {
    struct ovs_list list_node;
    uint64_t seq, version;
    long long int seen, programmed;     /* us; programmed 0: not yet. */
    long long int seen_ports;           /* When its ports were in force. */
    bool needs_ports;           /* They are not yet. */
    bool receipts;
    struct fence *fences;
    size_t n, allocated;
};

/* What has been in a batch, or needed none. */
struct known_domain {
    int64_t generation;
    bool receipt;               /* As a gateway of its network. */
};

static struct ovs_list batches = OVS_LIST_INITIALIZER(&batches);
static struct shash known = SHASH_INITIALIZER(&known);
static uint64_t n_fenced;
static long long int last_programmed_us, last_fenced_us;

static void
batch_destroy(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        free(b->fences[i].domain);
    }
    free(b->fences);
    free(b);
}

void
fences_destroy(void)
{
    struct batch *b;

    LIST_FOR_EACH_POP (b, list_node, &batches) {
        batch_destroy(b);
    }
    shash_destroy_free_data(&known);
    shash_init(&known);
}

static void
add_fence(struct batch *b, const struct dts_domain *d, bool receipt,
          bool moved)
{
    if (b->n >= b->allocated) {
        b->fences = x2nrealloc(b->fences, &b->allocated, sizeof *b->fences);
    }
    b->fences[b->n++] = (struct fence) {
        .domain = xstrdup(d->name),
        .generation = d->generation,
        .receipt = receipt,
        .moved = moved && dts_domain_admitted(d),
    };
    b->receipts |= receipt;
    b->needs_ports |= receipt && d->network->switching_port;
}

static void
add_domain(struct batch *b, const struct dts_view *view,
           const struct dts_domain *d)
{
    if (!d->has_binding || !d->network) {
        return;
    }
    bool receipt = (view->self->roles & DTS_ROLE_GATEWAY
                    && dts_network_has_gateway(d->network, view->self_name));
    struct known_domain *k = shash_find_data(&known, d->name);
    bool moved = k && k->generation < d->generation;

    if (k && k->generation == d->generation
        && (k->receipt || !receipt)) {
        k->receipt = receipt;
        return;
    }
    if (!k) {
        k = xmalloc(sizeof *k);
        shash_add(&known, d->name, k);
    }
    *k = (struct known_domain) { d->generation, receipt };
    if (receipt || (d->owner && !strcmp(d->owner, view->self_name))) {
        add_fence(b, d, receipt, moved);
    }
}

void
fences_add(const struct dts_view *view, const struct sset *changed,
           uint64_t seq, long long int seen, uint64_t version)
{
    struct batch *b = xzalloc(sizeof *b);
    const struct dts_domain *d;
    struct shash_node *node;
    const char *name;

    b->seq = seq;
    b->version = version;
    b->seen = seen;
    if (changed) {
        SSET_FOR_EACH (name, changed) {
            d = dts_view_find_domain(view, name);
            if (d) {
                add_domain(b, view, d);
            } else {
                free(shash_find_and_delete(&known, name));
            }
        }
    } else {
        HMAP_FOR_EACH (d, hmap_node, &view->domains) {
            add_domain(b, view, d);
        }
        SHASH_FOR_EACH_SAFE (node, &known) {
            if (!dts_view_find_domain(view, node->name)) {
                free(node->data);
                shash_delete(&known, node);
            }
        }
    }

    if (b->n) {
        ovs_list_push_back(&batches, &b->list_node);
    } else {
        batch_destroy(b);
    }
}

void
fences_run(const struct switch_callbacks *cb, uint64_t version)
{
    struct batch *b;

    LIST_FOR_EACH_SAFE (b, list_node, &batches) {
        long long int when;

        if (!b->programmed) {
            if (b->needs_ports) {
                if (ovs_local_settled() < b->seq) {
                    continue;
                }
                /* The flows of now know the new port's number. */
                b->needs_ports = false;
                b->version = version;
                b->seen_ports = time_usec();
            }
            if (ofctrl_acked(&when) < b->version) {
                continue;
            }
            b->programmed = MAX(when, MAX(b->seen, b->seen_ports));
            last_programmed_us = b->programmed - b->seen;
            for (size_t i = 0; i < b->n; i++) {
                if (b->fences[i].moved) {
                    first_frame_expect(b->fences[i].domain,
                                       b->fences[i].generation);
                }
            }
            if (b->receipts) {
                revalidate_request(b->seq);
            }
        }
        if (b->receipts) {
            if (revalidate_done(&when) < b->seq) {
                continue;
            }
            last_fenced_us = when - b->seen;
            for (size_t i = 0; i < b->n; i++) {
                const struct fence *f = &b->fences[i];
                if (f->receipt) {
                    n_fenced++;
                    cb->fenced(f->domain, f->generation, b->seen,
                               b->programmed, when, cb->aux);
                }
            }
            VLOG_DBG("%"PRIuSIZE" domains: programmed after %lld us, fenced "
                     "after %lld us", b->n, b->programmed - b->seen,
                     when - b->seen);
        }
        ovs_list_remove(&b->list_node);
        batch_destroy(b);
    }
}

void
fences_format(struct ds *ds)
{
    ds_put_format(ds, "fences: %"PRIu64" written, %"PRIuSIZE" under way; the "
                  "last was programmed after %lld us and fenced after %lld "
                  "us\n", n_fenced, ovs_list_size(&batches),
                  last_programmed_us, last_fenced_us);
}
