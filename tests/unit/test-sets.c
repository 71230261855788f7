/* SPDX-License-Identifier: Apache-2.0 */

/* Sets: who is switched together, and that moving together is cheap. */

#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sets.h"
#include "util.h"
#include "view.h"

struct fixture {
    struct dts_view *view;
    struct dts_network *network, *other;
    struct dts_sets sets;
};

static void
set(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

static int
setup(void **state)
{
    struct fixture *x = xzalloc(sizeof *x);

    x->view = dts_view_create_empty("gw1");
    dts_view_add_node(x->view, "gw1", 3, DTS_ROLE_GATEWAY, "10.0.0.3");
    dts_view_add_node(x->view, "A", 1, DTS_ROLE_SERVER, "10.0.0.1");
    dts_view_add_node(x->view, "B", 2, DTS_ROLE_SERVER, "10.0.0.2");
    x->network = dts_view_add_network(x->view, "voice", 10);
    x->other = dts_view_add_network(x->view, "data", 11);
    dts_view_resolve(x->view);
    dts_sets_init(&x->sets);
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *x = *state;

    dts_sets_destroy(&x->sets);
    dts_view_destroy(x->view);
    free(x);
    return 0;
}

static struct dts_domain *
add(struct fixture *x, const char *name, const struct dts_network *n,
    const char *owner, const char *standby, enum dts_state state)
{
    struct dts_domain *d = dts_view_add_domain(x->view, name, n);

    d->has_binding = true;
    d->generation = 1;
    d->state = state;
    set(&d->owner, owner);
    set(&d->standby, standby);
    return d;
}

static void
move(struct dts_domain *d, const char *owner, const char *standby,
     enum dts_state state)
{
    set(&d->owner, owner);
    set(&d->standby, standby);
    d->state = state;
    d->generation++;
}

static uint32_t
id_of(struct fixture *x, const char *name)
{
    const struct dts_set *s = dts_sets_lookup(&x->sets, name);
    return s ? s->id : 0;
}

static const char *
owner_of(struct fixture *x, const char *name)
{
    const struct dts_set *s = dts_sets_lookup(&x->sets, name);
    return s && s->owner ? s->owner : "";
}

static void
test_admitted(void **state)
{
    static const bool admitted[DTS_N_STATES] = {
        [DTS_ALONE] = true, [DTS_PROTECTED] = true, [DTS_GRANTED] = true,
    };
    struct fixture *x = *state;
    struct dts_domain *d = add(x, "d", x->network, "A", "B", DTS_ALONE);

    for (int i = 0; i < DTS_N_STATES; i++) {
        d->state = i;
        assert_int_equal(dts_domain_admitted(d) != NULL, admitted[i]);
    }
    d->state = DTS_ALONE;
    set(&d->owner, "");
    assert_null(dts_domain_admitted(d));
    set(&d->owner, "A");
    d->has_binding = false;
    assert_null(dts_domain_admitted(d));
}

/* All members move: the set moves, no domain changes its set. */
static void
test_flip(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *d[5];
    uint32_t id;

    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", i);
        d[i] = add(x, name, i < 3 ? x->network : x->other, "A", "B",
                   DTS_PROTECTED);
    }
    dts_sets_update(&x->sets, x->view, NULL);
    id = id_of(x, "d0");
    assert_int_not_equal(id, 0);
    assert_int_equal(hmap_count(&x->sets.sets), 1);

    static const struct {
        const char *owner, *standby;
        enum dts_state state;
    } steps[] = {
        { "B", "A", DTS_GRANTED }, { "B", "A", DTS_ALONE },
        { "B", "A", DTS_PROTECTED }, { "A", "B", DTS_GRANTED },
    };
    for (size_t s = 0; s < ARRAY_SIZE(steps); s++) {
        for (int i = 0; i < 5; i++) {
            move(d[i], steps[s].owner, steps[s].standby, steps[s].state);
        }
        dts_sets_update(&x->sets, x->view, NULL);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(id_of(x, d[i]->name), id);
            assert_string_equal(owner_of(x, d[i]->name), steps[s].owner);
        }
    }
}

/* One that goes elsewhere is re-homed; the others stay as they are. */
static void
test_deviation(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *d0 = add(x, "d0", x->network, "A", "B", DTS_PROTECTED);
    uint32_t id;

    add(x, "d1", x->network, "A", "B", DTS_PROTECTED);
    add(x, "d2", x->network, "A", "B", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    id = id_of(x, "d1");

    move(d0, "B", "A", DTS_GRANTED);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_not_equal(id_of(x, "d0"), id);
    assert_string_equal(owner_of(x, "d0"), "B");
    assert_int_equal(id_of(x, "d1"), id);
    assert_int_equal(id_of(x, "d2"), id);
    assert_string_equal(owner_of(x, "d1"), "A");

    /* It is stopped: nobody is admitted for it. */
    d0->state = DTS_STOPPED;
    dts_sets_update(&x->sets, x->view, NULL);
    assert_string_equal(owner_of(x, "d0"), "");
    assert_string_equal(owner_of(x, "d1"), "A");

    /* And back: it joins the others again. */
    move(d0, "A", "B", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_equal(id_of(x, "d0"), id);
    assert_int_equal(hmap_count(&x->sets.sets), 1);
}

/* Whichever it is that deviates, and also when it is two of five. */
static void
test_majority(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *d[5];
    uint32_t id;

    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", i);
        d[i] = add(x, name, x->network, "A", "B", DTS_PROTECTED);
    }
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            dts_sets_destroy(&x->sets);
            dts_sets_init(&x->sets);
            for (int k = 0; k < 5; k++) {
                move(d[k], "A", "B", DTS_PROTECTED);
            }
            dts_sets_update(&x->sets, x->view, NULL);
            id = id_of(x, "d0");

            move(d[i], "B", "A", DTS_GRANTED);
            move(d[j], "B", "A", DTS_GRANTED);
            dts_sets_update(&x->sets, x->view, NULL);
            for (int k = 0; k < 5; k++) {
                bool moved = k == i || k == j;
                assert_int_equal(id_of(x, d[k]->name) == id, !moved);
                assert_string_equal(owner_of(x, d[k]->name),
                                    moved ? "B" : "A");
            }
        }
    }
}

/* Who does not fail over by itself is not in a set with those who do. */
static void
test_members(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *alone = add(x, "alone", x->network, "A", "B",
                                   DTS_ALONE);
    struct dts_domain *manual = add(x, "manual", x->network, "A", "B",
                                    DTS_PROTECTED);

    manual->failover_auto = false;
    add(x, "d", x->network, "A", "B", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_not_equal(id_of(x, "alone"), id_of(x, "d"));
    assert_int_not_equal(id_of(x, "manual"), id_of(x, "d"));

    move(alone, "A", "B", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_equal(id_of(x, "alone"), id_of(x, "d"));
}

static void
test_closed_and_port(void **state)
{
    struct fixture *x = *state;

    x->other->closed_on_database_loss = true;
    add(x, "open", x->network, "A", "B", DTS_PROTECTED);
    add(x, "closed", x->other, "A", "B", DTS_PROTECTED);
    struct dts_network *port = dts_view_add_network(x->view, "port", 12);
    port->switching_port = true;
    add(x, "port", port, "A", "B", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_equal(hmap_count(&x->sets.sets), 3);
    assert_true(dts_sets_lookup(&x->sets, "closed")->closed);
    assert_false(dts_sets_lookup(&x->sets, "open")->closed);
    assert_string_equal(dts_sets_lookup(&x->sets, "port")->network, "port");
}

/* The numbers of sets do not depend on the order of things or on history. */
static void
test_restart(void **state)
{
    struct fixture *x = *state;
    struct dts_sets again;

    for (int i = 0; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", i);
        add(x, name, x->network, i % 3 ? "A" : "B", i % 3 ? "B" : "A",
            DTS_PROTECTED);
    }
    dts_sets_update(&x->sets, x->view, NULL);
    dts_sets_init(&again);
    dts_sets_update(&again, x->view, NULL);
    for (int i = 0; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", i);
        assert_int_equal(id_of(x, name), dts_sets_lookup(&again, name)->id);
    }
    dts_sets_destroy(&again);
}

/* A set that has moved keeps its number over a restart. */
static void
test_restart_after_flip(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *d = add(x, "d", x->network, "A", "B", DTS_PROTECTED);
    uint32_t id;

    dts_sets_update(&x->sets, x->view, NULL);
    id = id_of(x, "d");
    move(d, "B", "A", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_equal(id_of(x, "d"), id);
    dts_sets_destroy(&x->sets);
    dts_sets_init(&x->sets);
    dts_sets_update(&x->sets, x->view, NULL);
    assert_int_equal(id_of(x, "d"), id);
}

static void
test_ten_thousand(void **state)
{
    enum { N = 10000 };
    struct fixture *x = *state;
    struct dts_domain **d = xmalloc(N * sizeof *d);
    uint32_t id;

    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        d[i] = add(x, name, x->network, "A", "B", DTS_PROTECTED);
    }
    dts_sets_update(&x->sets, x->view, NULL);
    id = id_of(x, "d0");
    for (int i = 0; i < N; i++) {
        move(d[i], "B", "A", DTS_GRANTED);
    }
    move(d[7], "A", "B", DTS_PROTECTED);
    dts_sets_update(&x->sets, x->view, NULL);
    for (int i = 0; i < N; i++) {
        if (i != 7) {
            assert_int_equal(id_of(x, d[i]->name), id);
        }
    }
    assert_string_equal(owner_of(x, "d0"), "B");
    assert_string_equal(owner_of(x, "d7"), "A");
    assert_int_equal(hmap_count(&x->sets.sets), 2);
    free(d);
}

/* A domain that is deleted leaves nothing behind. */
static void
test_gone(void **state)
{
    struct fixture *x = *state;
    struct dts_domain *d = add(x, "d", x->network, "A", "B", DTS_PROTECTED);

    dts_sets_update(&x->sets, x->view, NULL);
    assert_non_null(dts_sets_lookup(&x->sets, "d"));
    d->network = NULL;
    dts_sets_update(&x->sets, x->view, NULL);
    assert_null(dts_sets_lookup(&x->sets, "d"));
    assert_int_equal(hmap_count(&x->sets.sets), 0);
}

/* Told what has changed it comes to what it comes to when it looks at all:
 * each domain is admitted from where its binding says, those that look alike
 * end up together, and nothing is left of what is gone. */
static void
test_told_of_changes(void **state)
{
    static const char *const nodes[] = { "A", "B", "C" };
    enum { N = 40 };
    struct fixture *x = *state;
    struct dts_domain *d[N] = { NULL };
    struct dts_sets fresh;
    unsigned int seed = 1;
    char name[16];

#define RANDOM(MAX) ((seed = seed * 1103515245 + 12345, seed >> 16) % (MAX))
    x->other->closed_on_database_loss = true;
    for (int round = 0; round < 2000; round++) {
        struct sset changed = SSET_INITIALIZER(&changed);

        for (int n = RANDOM(8) ? RANDOM(4) : N; n > 0; n--) {
            int i = RANDOM(N);
            snprintf(name, sizeof name, "d%d", i);
            if (!d[i]) {
                d[i] = add(x, name, RANDOM(4) ? x->network : x->other, "A",
                           "B", DTS_PROTECTED);
            } else if (!RANDOM(20)) {
                dts_view_remove_domain(x->view, d[i]);
                d[i] = NULL;
            } else if (!RANDOM(20)) {
                d[i]->network = d[i]->network ? NULL : x->network;
            } else {
                int to = RANDOM(ARRAY_SIZE(nodes));
                move(d[i], nodes[to], nodes[(to + 1) % ARRAY_SIZE(nodes)],
                     RANDOM(DTS_N_STATES));
            }
            sset_add(&changed, name);
        }
        dts_sets_update(&x->sets, x->view, &changed);
        sset_clear(&changed);

        size_t in_sets = 0;
        const struct dts_set *s;
        HMAP_FOR_EACH (s, hmap_node, &x->sets.sets) {
            assert_int_not_equal(s->n, 0);
            in_sets += s->n;
        }
        assert_int_equal(in_sets, hmap_count(&x->sets.members));
        for (int i = 0; i < N; i++) {
            snprintf(name, sizeof name, "d%d", i);
            s = dts_sets_lookup(&x->sets, name);
            assert_int_equal(s != NULL, d[i] && d[i]->network);
            if (s) {
                const char *admitted = dts_domain_admitted(d[i]);
                assert_string_equal(s->owner ? s->owner : "",
                                    admitted ? admitted : "");
                assert_int_equal(s->closed,
                                 d[i]->network->closed_on_database_loss);
            }
        }

        dts_sets_init(&fresh);
        dts_sets_update(&fresh, x->view, NULL);
        assert_int_equal(hmap_count(&x->sets.members),
                         hmap_count(&fresh.members));
        assert_int_equal(hmap_count(&x->sets.presences),
                         hmap_count(&fresh.presences));
        for (int i = 0; i < N && dts_sets_can_merge(&x->sets); i++) {
            dts_sets_update(&x->sets, x->view, &changed);
        }
        assert_false(dts_sets_can_merge(&x->sets));
        dts_sets_destroy(&fresh);
        sset_destroy(&changed);
    }
#undef RANDOM
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        T(test_admitted),
        T(test_flip),
        T(test_deviation),
        T(test_majority),
        T(test_members),
        T(test_closed_and_port),
        T(test_restart),
        T(test_restart_after_flip),
        T(test_ten_thousand),
        T(test_gone),
        T(test_told_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
