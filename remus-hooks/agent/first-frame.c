/* SPDX-License-Identifier: Apache-2.0 */

/* Service restored: the first frame of a guest after a switch.
 *
 * For a domain that has just been switched there are flows above its others
 * which, beside letting its IP frames through, send them here; they go away
 * with the first.  Statistics would not do: the switch brings them up to date
 * only now and then.  When many domains move together only some of them are
 * watched, so that one message for all of them stays one message. */

#include <config.h>

#include "first-frame.h"

#include <stdlib.h>

#include "flows.h"
#include "openvswitch/shash.h"
#include "simap.h"
#include "sset.h"
#include "timeval.h"
#include "util.h"
#include "view.h"

#define MAX_PROBES 256

static struct simap probes = SIMAP_INITIALIZER(&probes);
static struct shash generations = SHASH_INITIALIZER(&generations);
static struct sset touched = SSET_INITIALIZER(&touched);
static uint32_t last_id;
static unsigned int seqno = 1;

void
first_frame_destroy(void)
{
    shash_destroy_free_data(&generations);
    shash_init(&generations);
    simap_destroy(&probes);
    simap_init(&probes);
    sset_destroy(&touched);
    sset_init(&touched);
}

static void
forget(const char *domain)
{
    struct simap_node *node = simap_find(&probes, domain);

    free(shash_find_and_delete(&generations, domain));
    if (node) {
        simap_delete(&probes, node);
    }
    sset_add(&touched, domain);
    seqno++;
}

void
first_frame_expect(const char *domain, int64_t generation)
{
    if (simap_contains(&probes, domain)) {
        forget(domain);
    }
    if (simap_count(&probes) >= MAX_PROBES) {
        return;
    }
    last_id = last_id < UINT32_MAX ? last_id + 1 : 1;
    simap_put(&probes, domain, last_id);
    shash_add(&generations, domain, xmemdup(&generation, sizeof generation));
    sset_add(&touched, domain);
    seqno++;
}

void
first_frame_follow(const struct dts_view *view)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &generations) {
        const struct dts_domain *d = dts_view_find_domain(view, node->name);
        const int64_t *generation = node->data;

        if (!d || !d->has_binding || d->generation != *generation) {
            char *name = xstrdup(node->name);
            forget(name);
            free(name);
        }
    }
}

void
first_frame_packet_in(uint64_t cookie, const struct switch_callbacks *cb)
{
    struct simap_node *node;
    uint32_t id = cookie;

    if ((cookie & UINT64_C(0xffffffff00000000)) != DTS_COOKIE_PROBE) {
        return;
    }
    SIMAP_FOR_EACH (node, &probes) {
        if (node->data == id) {
            const int64_t *generation = shash_find_data(&generations,
                                                        node->name);
            char *name = xstrdup(node->name);
            cb->first_frame(name, *generation, time_usec(), cb->aux);
            forget(name);
            free(name);
            return;
        }
    }
}

const struct simap *
first_frame_probes(void)
{
    return &probes;
}

void
first_frame_take_touched(struct sset *domains)
{
    const char *name;

    SSET_FOR_EACH (name, &touched) {
        sset_add(domains, name);
    }
    sset_clear(&touched);
}

unsigned int
first_frame_seqno(void)
{
    return seqno;
}
