/* SPDX-License-Identifier: Apache-2.0 */

/* Gateways' receipts in a view: which generation of its domains each has
 * fenced.
 *
 * A row has hundreds of receipts, because after the loss of a node hundreds
 * change, and a database takes one row with all of them much faster than as
 * many rows.  The view remembers which domains a row was seen to have, to know
 * which have left it. */

#include <config.h>
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "dts-idl.h"
#include "openvswitch/hmap.h"
#include "sset.h"
#include "util.h"
#include "uuid.h"

/* A row, as it was seen last. */
struct seen_row {
    struct hmap_node hmap_node; /* In view's 'receipts', by uuid's hash. */
    struct uuid uuid;
    struct sset domains;
};

/* Returns the generation in 'row's receipt of 'domain', or NULL. */
const int64_t *
dts_receipt_get(const struct dtsrec_fence *row, const char *domain)
{
    size_t low = 0, high = row->n_generations;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int cmp = strcmp(domain, row->key_generations[mid]);

        if (!cmp) {
            return &row->value_generations[mid];
        } else if (cmp < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

static struct dts_fence *
find_fence(struct dts_domain *d, const struct uuid *row)
{
    for (size_t i = 0; i < d->n_fences; i++) {
        if (uuid_equals(&d->fences[i].row, row)) {
            return &d->fences[i];
        }
    }
    return NULL;
}

static void
set_fence(struct dts_view *view, struct dts_domain *d,
          const struct dtsrec_fence *row, int64_t generation)
{
    struct dts_fence *f = find_fence(d, &row->header_.uuid);

    if (!f) {
        d->fences = xrealloc(d->fences, (d->n_fences + 1) * sizeof *f);
        f = &d->fences[d->n_fences++];
        f->gateway = xstrdup(row->gateway);
        f->row = row->header_.uuid;
    } else if (strcmp(f->gateway, row->gateway)) {
        free(f->gateway);
        f->gateway = xstrdup(row->gateway);
    } else if (f->generation == generation) {
        return;
    }
    f->generation = generation;
    sset_add(&view->receipts_changed, d->name);
}

static void
remove_fence(struct dts_view *view, const char *domain,
             const struct uuid *row)
{
    struct dts_domain *d = dts_view_change_domain(view, domain);
    struct dts_fence *f = d ? find_fence(d, row) : NULL;

    if (f) {
        free(f->gateway);
        *f = d->fences[--d->n_fences];
        sset_add(&view->receipts_changed, domain);
    }
}

static struct seen_row *
find_seen(const struct dts_view *view, const struct uuid *uuid)
{
    struct seen_row *seen;

    HMAP_FOR_EACH_WITH_HASH (seen, hmap_node, uuid_hash(uuid),
                             &view->receipts) {
        if (uuid_equals(&seen->uuid, uuid)) {
            return seen;
        }
    }
    return NULL;
}

static void
destroy_seen(struct dts_view *view, struct seen_row *seen)
{
    hmap_remove(&view->receipts, &seen->hmap_node);
    sset_destroy(&seen->domains);
    free(seen);
}

/* 'row' is new in 'view', has changed, or was deleted. */
void
dts_view_follow_receipts(struct dts_view *view,
                         const struct dtsrec_fence *row)
{
    bool deleted = dtsrec_fence_is_deleted(row);
    const struct uuid *uuid = &row->header_.uuid;
    struct seen_row *seen = find_seen(view, uuid);
    size_t n = deleted ? 0 : row->n_generations;
    const char *domain, *next;

    if (!seen) {
        if (deleted) {
            return;
        }
        seen = xmalloc(sizeof *seen);
        seen->uuid = *uuid;
        sset_init(&seen->domains);
        hmap_insert(&view->receipts, &seen->hmap_node, uuid_hash(uuid));
    }
    for (size_t i = 0; i < n; i++) {
        struct dts_domain *d
            = dts_view_change_domain(view, row->key_generations[i]);

        sset_add(&seen->domains, row->key_generations[i]);
        if (d) {
            set_fence(view, d, row, row->value_generations[i]);
        } else {
            view->orphans = true;
        }
    }
    if (sset_count(&seen->domains) > n) {
        SSET_FOR_EACH_SAFE (domain, next, &seen->domains) {
            if (deleted || !dts_receipt_get(row, domain)) {
                remove_fence(view, domain, uuid);
                sset_delete(&seen->domains, SSET_NODE_FROM_NAME(domain));
            }
        }
    }
    if (deleted) {
        destroy_seen(view, seen);
    }
}

void
dts_view_destroy_receipts(struct dts_view *view)
{
    struct seen_row *seen, *next;

    HMAP_FOR_EACH_SAFE (seen, next, hmap_node, &view->receipts) {
        destroy_seen(view, seen);
    }
    hmap_destroy(&view->receipts);
}
