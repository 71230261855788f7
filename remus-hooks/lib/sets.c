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
 * Each set remembers its members' places and how many have each, so that an
 * update costs what has changed, however many domains there are.
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

/* Where a domain is, as its binding says.  Points into a view, set or vote. */
struct place {
    const char *owner, *standby, *network;
    bool closed, member;
};

/* The members of a set that are at one place. */
struct vote {
    struct ovs_list list_node;  /* In the set's 'votes'. */
    struct place place;         /* Strings owned here. */
    size_t n;
};

/* How many domains of a network are admitted from a node. */
struct presence {
    struct dts_presence up;     /* In dts_sets' 'presences'. */
    size_t n;
};

struct member {
    struct hmap_node hmap_node; /* In dts_sets' 'members', by name. */
    char *name;
    struct dts_set *set;
    struct ovs_list set_node;   /* In its 'members'. */
    struct vote *vote;          /* Where it is; one of the set's. */
    struct presence *presence;  /* Of its network there; NULL: nowhere. */
    uint64_t round;             /* Last seen in a view. */
};

static struct place place_of_domain(const struct dts_domain *);
static struct place place_of_set(const struct dts_set *);
static bool same_flows(const struct place *, const struct place *);
static bool same_place(const struct place *, const struct place *);
static struct member *member_find(const struct dts_sets *, const char *name);
static void follow(struct dts_sets *, const struct dts_domain *);
static void forget(struct dts_sets *, struct member *);
static bool flip_sets(struct dts_sets *, struct ovs_list *moved);
static bool check(struct dts_sets *, struct member *);
static void merge(struct dts_sets *);
static struct dts_set *get_home(struct dts_sets *, const struct place *);
static void set_init(struct dts_set *);
static void set_join(struct dts_set *, struct member *, const struct place *);
static void set_leave(struct member *);
static void set_move(struct dts_sets *, struct member *, struct dts_set *);
static void set_destroy(struct dts_sets *, struct dts_set *);

void
dts_sets_init(struct dts_sets *sets)
{
    hmap_init(&sets->sets);
    hmap_init(&sets->members);
    hmap_init(&sets->presences);
    sset_init(&sets->rehomed);
    memset(&sets->nowhere, 0, sizeof sets->nowhere);
    set_init(&sets->nowhere);
    sets->round = 0;
}

void
dts_sets_destroy(struct dts_sets *sets)
{
    struct dts_set *s;
    struct member *m;

    HMAP_FOR_EACH_SAFE (m, hmap_node, &sets->members) {
        forget(sets, m);
    }
    HMAP_FOR_EACH_SAFE (s, hmap_node, &sets->sets) {
        set_destroy(sets, s);
    }
    sset_destroy(&sets->rehomed);
    hmap_destroy(&sets->members);
    hmap_destroy(&sets->sets);
    hmap_destroy(&sets->presences);
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
dts_sets_update(struct dts_sets *sets, const struct dts_view *view,
                const struct sset *changed)
{
    const struct dts_domain *d;
    const char *name;
    struct dts_set *s;
    struct member *m, *next;
    struct ovs_list flipped = OVS_LIST_INITIALIZER(&flipped);
    bool moved;

    sets->round++;
    sset_clear(&sets->rehomed);
    if (changed) {
        SSET_FOR_EACH (name, changed) {
            d = dts_view_find_domain(view, name);
            m = member_find(sets, name);
            if (d && d->network) {
                follow(sets, d);
            } else if (m) {
                forget(sets, m);
            }
        }
    } else {
        HMAP_FOR_EACH (d, hmap_node, &view->domains) {
            if (d->network) {
                follow(sets, d);
            }
        }
        HMAP_FOR_EACH_SAFE (m, hmap_node, &sets->members) {
            if (m->round != sets->round) {
                forget(sets, m);
            }
        }
    }

    /* All members of a set that has moved are looked at, of the others those
     * that have changed themselves; new ones are in none yet. */
    moved = flip_sets(sets, &flipped);
    LIST_FOR_EACH_POP (s, moved_node, &flipped) {
        LIST_FOR_EACH_SAFE (m, next, set_node, &s->members) {
            moved |= check(sets, m);
        }
    }
    if (changed) {
        SSET_FOR_EACH (name, changed) {
            m = member_find(sets, name);
            if (m) {
                moved |= check(sets, m);
            }
        }
    } else {
        HMAP_FOR_EACH (m, hmap_node, &sets->members) {
            moved |= check(sets, m);
        }
    }

    if (!moved) {
        merge(sets);
    }
    HMAP_FOR_EACH_SAFE (s, hmap_node, &sets->sets) {
        if (!s->n) {
            set_destroy(sets, s);
        }
    }
}

bool
dts_sets_can_merge(const struct dts_sets *sets)
{
    const struct dts_set *s;

    HMAP_FOR_EACH (s, hmap_node, &sets->sets) {
        struct place p = place_of_set(s);
        if (find_home(sets, &p) != s) {
            return true;
        }
    }
    return false;
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

static void
vote_uninit(struct vote *v)
{
    free(CONST_CAST(char *, v->place.owner));
    free(CONST_CAST(char *, v->place.standby));
    free(CONST_CAST(char *, v->place.network));
}

/* 'm', of 's', is at 'p'. */
static void
cast_vote(struct dts_set *s, struct member *m, const struct place *p)
{
    struct vote *v;

    LIST_FOR_EACH (v, list_node, &s->votes) {
        if (same_place(&v->place, p)) {
            v->n++;
            m->vote = v;
            return;
        }
    }
    v = xmalloc(sizeof *v);
    v->place = *p;
    v->place.owner = nullable_xstrdup(p->owner);
    v->place.standby = xstrdup(p->standby);
    v->place.network = nullable_xstrdup(p->network);
    v->n = 1;
    ovs_list_push_back(&s->votes, &v->list_node);
    m->vote = v;
}

static void
withdraw_vote(struct member *m)
{
    struct vote *v = m->vote;

    m->vote = NULL;
    if (!--v->n) {
        ovs_list_remove(&v->list_node);
        vote_uninit(v);
        free(v);
    }
}

static void
presence_leave(struct dts_sets *sets, struct member *m)
{
    struct presence *p = m->presence;

    m->presence = NULL;
    if (p && !--p->n) {
        hmap_remove(&sets->presences, &p->up.hmap_node);
        free(p->up.network);
        free(p->up.owner);
        free(p);
    }
}

static void
presence_join(struct dts_sets *sets, struct member *m, const char *network,
              const char *owner)
{
    struct presence *p = m->presence;
    uint32_t hash;

    if (p && owner && !strcmp(p->up.network, network)
        && !strcmp(p->up.owner, owner)) {
        return;
    }
    presence_leave(sets, m);
    if (!owner) {
        return;
    }
    hash = hash_string(owner, hash_string(network, 0));
    HMAP_FOR_EACH_WITH_HASH (p, up.hmap_node, hash, &sets->presences) {
        if (!strcmp(p->up.network, network) && !strcmp(p->up.owner, owner)) {
            m->presence = p;
            p->n++;
            return;
        }
    }
    p = xzalloc(sizeof *p);
    p->up.network = xstrdup(network);
    p->up.owner = xstrdup(owner);
    p->n = 1;
    hmap_insert(&sets->presences, &p->up.hmap_node, hash);
    m->presence = p;
}

/* Notes where 'd' is now. */
static void
follow(struct dts_sets *sets, const struct dts_domain *d)
{
    struct place p = place_of_domain(d);
    struct member *m = member_find(sets, d->name);

    if (!m) {
        m = xzalloc(sizeof *m);
        m->name = xstrdup(d->name);
        hmap_insert(&sets->members, &m->hmap_node, hash_string(m->name, 0));
        set_join(&sets->nowhere, m, &p);
    } else if (!same_place(&m->vote->place, &p)) {
        withdraw_vote(m);
        cast_vote(m->set, m, &p);
    }
    presence_join(sets, m, d->network->name, p.owner);
    m->round = sets->round;
}

static void
forget(struct dts_sets *sets, struct member *m)
{
    set_leave(m);
    presence_leave(sets, m);
    hmap_remove(&sets->members, &m->hmap_node);
    free(m->name);
    free(m);
}

/* Sends each set to where most of its domains are; with as many here as there
 * it stays.  A set's 'member' says how it began and does not change.  Appends
 * those that go elsewhere to 'moved'; returns true if any flow has to change
 * for it. */
static bool
flip_sets(struct dts_sets *sets, struct ovs_list *moved)
{
    bool flipped = false;
    struct dts_set *s;

    HMAP_FOR_EACH (s, hmap_node, &sets->sets) {
        const struct vote *best = NULL, *c;
        struct place here = place_of_set(s);

        LIST_FOR_EACH (c, list_node, &s->votes) {
            if (!best || c->n > best->n
                || (c->n == best->n && same_flows(&c->place, &here)
                    && !same_flows(&best->place, &here))) {
                best = c;
            }
        }
        if (!best) {
            continue;
        }
        if (!same_flows(&best->place, &here)) {
            flipped = true;
        }
        if (!same_flows(&best->place, &here)
            || strcmp(best->place.standby, here.standby)) {
            set_place(s, &best->place);
            ovs_list_push_back(moved, &s->moved_node);
        }
    }
    return flipped;
}

/* Sends 'm' to another set if it has no place in its own any more.  Returns
 * true if any flow has to change for that. */
static bool
check(struct dts_sets *sets, struct member *m)
{
    struct dts_set *old = m->set;
    bool moved = false;

    if (old != &sets->nowhere) {
        struct place sp = place_of_set(old);
        const struct place *p = &m->vote->place;
        /* Joining costs flows, so only who is now protected joins; who no
         * longer is stays until it moves. */
        bool join = p->member && !same_place(&sp, p);
        if (same_flows(&sp, p) && !join) {
            return false;
        }
        moved = !same_flows(&sp, p);
    }

    set_move(sets, m, get_home(sets, &m->vote->place));
    return moved;
}

/* Joins sets that are alike. */
static void
merge(struct dts_sets *sets)
{
    struct member *m, *next;
    int budget = MERGE_STEP;
    struct dts_set *s;

    HMAP_FOR_EACH (s, hmap_node, &sets->sets) {
        struct place p = place_of_set(s);
        struct dts_set *home = find_home(sets, &p);

        if (home == s) {
            continue;
        }
        LIST_FOR_EACH_SAFE (m, next, set_node, &s->members) {
            set_move(sets, m, home);
            if (!--budget) {
                return;
            }
        }
    }
}

/* The set for those that are at 'p': made if there is none. */
static struct dts_set *
get_home(struct dts_sets *sets, const struct place *p)
{
    struct dts_set *s = find_home(sets, p);

    if (s) {
        return s;
    }

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
    set_init(s);
    s->id = id;
    set_place(s, p);
    s->member = p->member;
    hmap_insert(&sets->sets, &s->hmap_node, id);
    return s;
}

static void
set_init(struct dts_set *s)
{
    ovs_list_init(&s->members);
    ovs_list_init(&s->votes);
}

static void
set_join(struct dts_set *s, struct member *m, const struct place *p)
{
    m->set = s;
    ovs_list_push_back(&s->members, &m->set_node);
    s->n++;
    cast_vote(s, m, p);
}

static void
set_leave(struct member *m)
{
    withdraw_vote(m);
    ovs_list_remove(&m->set_node);
    m->set->n--;
    m->set = NULL;
}

/* (Casts the new vote first: the place is a vote's.) */
static void
set_move(struct dts_sets *sets, struct member *m, struct dts_set *to)
{
    struct vote *vote = m->vote;

    ovs_list_remove(&m->set_node);
    m->set->n--;
    set_join(to, m, &vote->place);

    struct vote *joined = m->vote;
    m->vote = vote;
    withdraw_vote(m);
    m->vote = joined;
    sset_add(&sets->rehomed, m->name);
}

static void
set_destroy(struct dts_sets *sets, struct dts_set *s)
{
    hmap_remove(&sets->sets, &s->hmap_node);
    free(s->owner);
    free(s->network);
    free(s->standby);
    free(s);
}
