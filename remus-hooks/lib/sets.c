/* SPDX-License-Identifier: Apache-2.0 */

/* Sets: domains that a gateway switches with one message.
 *
 * The loss of a site moves thousands of domains at once.  A gateway's flows
 * therefore name no node: they map a domain's addresses to a set's number, and
 * one flow and one group a set name the node.  When all domains of a set
 * move, the set flips and the flows of its domains stay as they are.
 *
 * A domain keeps its set as long as it can (changing it costs flows), so a set
 * goes where most of its domains go; those that went elsewhere are re-homed to
 * a set that is where they are.  A domain that has just become protected joins
 * those of the same owner and standby.  Sets that have become alike are joined
 * in small steps, and never while something moves.
 *
 * Pure: the outcome depends on the views seen, on nothing else. */

#include <config.h>

#include "sets.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "util.h"
#include "view.h"

/* Domains that are moved from one set to a like one at a time. */
#define MERGE_STEP 16

struct member {
    struct hmap_node hmap_node; /* In dts_sets' 'members', by name. */
    char *name;
    struct dts_set *set;
    uint64_t round;             /* Last seen in a view. */
};

/* Where a domain is, as its binding says.  Points into a view or a set. */
struct place {
    const char *owner, *standby, *network;
    bool closed, member;
};

struct vote {
    struct place place;
    size_t n;
};

struct votes {
    struct vote *votes;
    size_t n, allocated;
};

static struct place place_of_domain(const struct dts_domain *);
static struct place place_of_set(const struct dts_set *);
static bool same_flows(const struct place *, const struct place *);
static bool same_place(const struct place *, const struct place *);
static struct member *member_find(const struct dts_sets *, const char *name);
static bool flip_sets(struct dts_sets *);
static void rehome(struct dts_sets *, struct member *, const struct place *);
static void set_leave(struct member *);
static void set_destroy(struct dts_sets *, struct dts_set *);

void
dts_sets_init(struct dts_sets *sets)
{
    hmap_init(&sets->sets);
    hmap_init(&sets->members);
    sets->round = 0;
}

void
dts_sets_destroy(struct dts_sets *sets)
{
    struct dts_set *s;
    struct member *m;

    HMAP_FOR_EACH_POP (m, hmap_node, &sets->members) {
        free(m->name);
        free(m);
    }
    HMAP_FOR_EACH_SAFE (s, hmap_node, &sets->sets) {
        set_destroy(sets, s);
    }
    hmap_destroy(&sets->members);
    hmap_destroy(&sets->sets);
}

const char *
dts_domain_admitted(const struct dts_domain *d)
{
    if (!d->has_binding || !d->owner || !d->owner[0]) {
        return NULL;
    }
    switch (d->state) {
    case DTS_ALONE:
    case DTS_PROTECTED:
    case DTS_GRANTED:
        return d->owner;
    case DTS_STOPPED:
    case DTS_RELEASED:
    case DTS_FAILED:
    case DTS_LOST:
    default:
        return NULL;
    }
}

static void
vote(struct dts_set *set, const struct place *p)
{
    if (!set->votes) {
        set->votes = xzalloc(sizeof(struct votes));
    }
    struct votes *v = set->votes;
    for (size_t i = 0; i < v->n; i++) {
        if (same_place(&v->votes[i].place, p)) {
            v->votes[i].n++;
            return;
        }
    }
    if (v->n >= v->allocated) {
        v->votes = x2nrealloc(v->votes, &v->allocated, sizeof *v->votes);
    }
    v->votes[v->n++] = (struct vote) { .place = *p, .n = 1 };
}

/* The largest set of a place is where others are re-homed to. */
static struct dts_set *
find_home(const struct dts_sets *sets, const struct place *p)
{
    struct dts_set *best = NULL, *s;

    HMAP_FOR_EACH (s, hmap_node, &sets->sets) {
        struct place sp = place_of_set(s);
        if (same_place(&sp, p)
            && (!best || s->n > best->n
                || (s->n == best->n && s->id < best->id))) {
            best = s;
        }
    }
    return best;
}

void
dts_sets_update(struct dts_sets *sets, const struct dts_view *view)
{
    const struct dts_domain *d;
    struct dts_set *s;
    struct member *m;

    sets->round++;
    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        if (!d->network) {
            continue;
        }
        m = member_find(sets, d->name);
        if (!m) {
            m = xzalloc(sizeof *m);
            m->name = xstrdup(d->name);
            hmap_insert(&sets->members, &m->hmap_node,
                        hash_string(m->name, 0));
        }
        m->round = sets->round;
        if (m->set) {
            struct place p = place_of_domain(d);
            vote(m->set, &p);
        }
    }
    HMAP_FOR_EACH_SAFE (m, hmap_node, &sets->members) {
        if (m->round != sets->round) {
            set_leave(m);
            hmap_remove(&sets->members, &m->hmap_node);
            free(m->name);
            free(m);
        }
    }

    bool moved = flip_sets(sets);
    HMAP_FOR_EACH (d, hmap_node, &view->domains) {
        if (!d->network) {
            continue;
        }
        struct place p = place_of_domain(d);
        m = member_find(sets, d->name);
        if (m->set) {
            struct place sp = place_of_set(m->set);
            /* Joining costs flows, so only who is now protected joins; who no
             * longer is stays until it moves. */
            bool join = p.member && !same_place(&sp, &p);
            if (same_flows(&sp, &p) && !join) {
                continue;
            }
            moved |= !same_flows(&sp, &p);
            set_leave(m);
        }
        rehome(sets, m, &p);
    }

    if (!moved && hmap_count(&sets->sets) > 1) {
        int budget = MERGE_STEP;
        HMAP_FOR_EACH (m, hmap_node, &sets->members) {
            struct place p = place_of_set(m->set);
            struct dts_set *home = find_home(sets, &p);
            if (home != m->set) {
                set_leave(m);
                m->set = home;
                home->n++;
                if (!--budget) {
                    break;
                }
            }
        }
    }
    HMAP_FOR_EACH_SAFE (s, hmap_node, &sets->sets) {
        if (!s->n) {
            set_destroy(sets, s);
        }
    }
}

const struct dts_set *
dts_sets_lookup(const struct dts_sets *sets, const char *domain)
{
    const struct member *m = member_find(sets, domain);
    return m ? m->set : NULL;
}

static struct place
place_of_domain(const struct dts_domain *d)
{
    return (struct place) {
        .owner = dts_domain_admitted(d),
        .standby = d->standby ? d->standby : "",
        .network = d->network->switching_port ? d->network->name : NULL,
        .closed = d->network->closed_on_database_loss,
        .member = (d->failover_auto
                   && (d->state == DTS_PROTECTED || d->state == DTS_GRANTED)),
    };
}

static struct place
place_of_set(const struct dts_set *s)
{
    return (struct place) {
        .owner = s->owner,
        .standby = s->standby,
        .network = s->network,
        .closed = s->closed,
        .member = s->member,
    };
}

static bool
same_flows(const struct place *a, const struct place *b)
{
    return (nullable_string_is_equal(a->owner, b->owner)
            && nullable_string_is_equal(a->network, b->network)
            && a->closed == b->closed);
}

static bool
same_place(const struct place *a, const struct place *b)
{
    return (same_flows(a, b) && !strcmp(a->standby, b->standby)
            && a->member == b->member);
}

static struct member *
member_find(const struct dts_sets *sets, const char *name)
{
    struct member *m;

    HMAP_FOR_EACH_WITH_HASH (m, hmap_node, hash_string(name, 0),
                             &sets->members) {
        if (!strcmp(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

static void
set_place(struct dts_set *s, const struct place *p)
{
    /* 'p' may point into 's'. */
    char *owner = nullable_xstrdup(p->owner);
    char *network = nullable_xstrdup(p->network);
    char *standby = xstrdup(p->standby);

    free(s->owner);
    free(s->network);
    free(s->standby);
    s->owner = owner;
    s->network = network;
    s->standby = standby;
    s->closed = p->closed;
}

/* Sends each set to where most of its domains are; with as many here as there
 * it stays.  A set's 'member' says how it began and does not change.  Returns
 * true if any flow has to change for it. */
static bool
flip_sets(struct dts_sets *sets)
{
    bool flipped = false;
    struct dts_set *s;

    HMAP_FOR_EACH (s, hmap_node, &sets->sets) {
        struct votes *v = s->votes;
        if (!v) {
            continue;
        }

        struct place here = place_of_set(s);
        const struct vote *best = NULL;
        for (size_t i = 0; i < v->n; i++) {
            const struct vote *c = &v->votes[i];
            if (!best || c->n > best->n
                || (c->n == best->n && same_flows(&c->place, &here)
                    && !same_flows(&best->place, &here))) {
                best = c;
            }
        }
        if (!same_flows(&best->place, &here)) {
            flipped = true;
        }
        if (!same_flows(&best->place, &here)
            || strcmp(best->place.standby, here.standby)) {
            set_place(s, &best->place);
        }
        free(v->votes);
        free(v);
        s->votes = NULL;
    }
    return flipped;
}

static void
rehome(struct dts_sets *sets, struct member *m, const struct place *p)
{
    struct dts_set *s = find_home(sets, p);

    if (!s) {
        /* The same number for the same pair of nodes after a restart, also
         * when they have changed places since, so that the flows that stand
         * need not change. */
        const char *a = p->owner ? p->owner : "", *b = p->standby;
        if (strcmp(a, b) > 0) {
            const char *tmp = a;
            a = b;
            b = tmp;
        }
        uint32_t id = hash_string(a, p->closed * 2u + p->member);
        id = hash_string(b, id);
        id = hash_string(p->network ? p->network : "", id);
        bool taken;
        do {
            struct dts_set *o;
            id = (id & 0x3fffffff) + 1;
            taken = false;
            HMAP_FOR_EACH_WITH_HASH (o, hmap_node, id, &sets->sets) {
                taken = true;
            }
        } while (taken);

        s = xzalloc(sizeof *s);
        s->id = id;
        set_place(s, p);
        s->member = p->member;
        hmap_insert(&sets->sets, &s->hmap_node, id);
    }
    m->set = s;
    s->n++;
}

static void
set_leave(struct member *m)
{
    if (m->set) {
        m->set->n--;
        m->set = NULL;
    }
}

static void
set_destroy(struct dts_sets *sets, struct dts_set *s)
{
    struct votes *v = s->votes;

    if (v) {
        free(v->votes);
        free(v);
    }
    hmap_remove(&sets->sets, &s->hmap_node);
    free(s->owner);
    free(s->network);
    free(s->standby);
    free(s);
}
