/* SPDX-License-Identifier: Apache-2.0 */
/* Pages as they were when they were last sent: see the header.
 *
 * The pages' memory is mapped, not allocated: what is never used costs
 * nothing, and a cache that is larger than what a guest writes is no waste. */

#include <config.h>

#include "page-cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util.h"

#define MAX_VALUE 3

struct set {
    uint64_t key[PAGE_CACHE_WAYS];      /* Page's number + 1; 0: empty. */
    uint8_t value[PAGE_CACHE_WAYS];
    uint8_t next;                       /* Whose turn it is. */
};

struct page_cache {
    size_t n_sets;                      /* A power of two, or 0. */
    struct set *sets;
    uint8_t *pages;
    size_t size;
};

struct page_cache *
page_cache_create(unsigned int mb)
{
    struct page_cache *c = xzalloc(sizeof *c);
    size_t n = (size_t) mb * 1024 * 1024 / PAGE_CACHE_PAGE / PAGE_CACHE_WAYS;

    if (n) {
        c->n_sets = rightmost_1bit(n) == n ? n : (size_t) 1 << log_2_floor(n);
        c->size = c->n_sets * PAGE_CACHE_WAYS * PAGE_CACHE_PAGE;
        c->pages = mmap(NULL, c->size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (c->pages == MAP_FAILED) {
            out_of_memory();
        }
        c->sets = xcalloc(c->n_sets, sizeof *c->sets);
    }
    return c;
}

void
page_cache_destroy(struct page_cache *c)
{
    if (c) {
        if (c->n_sets) {
            munmap(c->pages, c->size);
        }
        free(c->sets);
        free(c);
    }
}

static struct set *
find_set(const struct page_cache *c, uint64_t pfn)
{
    return (c->n_sets
            ? &c->sets[(pfn ^ pfn >> 20) & (c->n_sets - 1)]
            : NULL);
}

static int
find_way(const struct set *set, uint64_t pfn)
{
    for (int i = 0; i < PAGE_CACHE_WAYS; i++) {
        if (set->key[i] == pfn + 1) {
            return i;
        }
    }
    return -1;
}

static uint8_t *
page_at(const struct page_cache *c, const struct set *set, int way)
{
    return c->pages + ((set - c->sets) * PAGE_CACHE_WAYS + way)
           * PAGE_CACHE_PAGE;
}

uint8_t *
page_cache_find(struct page_cache *c, uint64_t pfn)
{
    struct set *set = find_set(c, pfn);
    int way = set ? find_way(set, pfn) : -1;

    if (way < 0) {
        return NULL;
    }
    set->value[way] = MIN(set->value[way] + 1, MAX_VALUE);
    return page_at(c, set, way);
}

uint8_t *
page_cache_insert(struct page_cache *c, uint64_t pfn)
{
    struct set *set = find_set(c, pfn);
    int way;

    if (!set) {
        return NULL;
    }
    way = set->next;
    set->next = (way + 1) % PAGE_CACHE_WAYS;
    if (set->key[way] && set->value[way]) {
        set->value[way]--;
        return NULL;
    }
    set->key[way] = pfn + 1;
    set->value[way] = 1;
    return page_at(c, set, way);
}

void
page_cache_forget(struct page_cache *c, uint64_t pfn)
{
    struct set *set = find_set(c, pfn);
    int way = set ? find_way(set, pfn) : -1;

    if (way >= 0) {
        set->key[way] = 0;
        set->value[way] = 0;
    }
}
