/* SPDX-License-Identifier: Apache-2.0 */

/* The phases of one switch (see timeline.h).
 *
 * Each node writes what it did itself, on its own clock.  The clocks of
 * different nodes agree as well as NTP makes them: within a node the
 * differences are exact, across nodes they are not, so the node is always
 * shown beside the time. */

#include <config.h>
#include "timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dts-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "timeval.h"
#include "util.h"

static int
compare_phases(const void *a_, const void *b_)
{
    const struct phase *a = a_, *b = b_;

    return (a->time_us != b->time_us ? (a->time_us < b->time_us ? -1 : 1)
            : strcmp(a->name, b->name));
}

static void
add_phase(struct timeline *t, const char *name, const char *node,
          int64_t time_us)
{
    for (size_t i = 0; i < t->n; i++) {
        struct phase *p = &t->phases[i];

        if (!strcmp(p->name, name) && !strcmp(p->node, node)) {
            p->time_us = MIN(p->time_us, time_us);
            return;
        }
    }
    t->phases = xrealloc(t->phases, (t->n + 1) * sizeof *t->phases);
    t->phases[t->n++] = (struct phase) { name, node, time_us };
}

void
timeline_init(struct timeline *t, const struct ovsdb_idl *idl,
              const char *domain, int64_t generation)
{
    const struct dtsrec_event *e;

    *t = (struct timeline) { .domain = domain, .generation = generation };
    DTSREC_EVENT_FOR_EACH (e, idl) {
        if (e->generation != generation || strcmp(e->domain, domain)) {
            continue;
        }
        for (size_t i = 0; i < e->n_phases; i++) {
            if (e->value_phases[i] > 0) {
                add_phase(t, e->key_phases[i], e->node, e->value_phases[i]);
            }
        }
    }
    if (t->n) {
        qsort(t->phases, t->n, sizeof *t->phases, compare_phases);
    }
}

void
timeline_init_last(struct timeline *t, const struct ovsdb_idl *idl,
                   const char *domain)
{
    const struct dtsrec_event *e;
    int64_t generation = -1;

    DTSREC_EVENT_FOR_EACH (e, idl) {
        if (e->n_phases && e->generation > generation
            && !strcmp(e->domain, domain)) {
            generation = e->generation;
        }
    }
    timeline_init(t, idl, domain, generation);
}

void
timeline_uninit(struct timeline *t)
{
    free(t->phases);
    t->phases = NULL;
    t->n = 0;
}

void
timeline_format(const struct timeline *t, int indent, struct ds *ds)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct phase *p = &t->phases[i];
        double ms = (p->time_us - t->phases[0].time_us) / 1000.0;

        ds_put_format(ds, "%*s%+12.3f ms  %-12s %s\n", indent, "", ms,
                      p->name, p->node);
    }
}

struct json *
timeline_to_json(const struct timeline *t)
{
    struct json *json = json_object_create();
    struct json *phases = json_array_create_empty();

    for (size_t i = 0; i < t->n; i++) {
        const struct phase *p = &t->phases[i];
        struct json *phase = json_object_create();

        json_object_put_string(phase, "phase", p->name);
        json_object_put_string(phase, "node", p->node);
        json_object_put(phase, "time_us", json_integer_create(p->time_us));
        json_object_put(phase, "offset_ms", json_real_create(
            (p->time_us - t->phases[0].time_us) / 1000.0));
        json_array_add(phases, phase);
    }
    json_object_put_string(json, "domain", t->domain);
    json_object_put(json, "generation", json_integer_create(t->generation));
    json_object_put(json, "phases", phases);
    return json;
}

void
format_time(int64_t ms, struct ds *ds)
{
    char *s = xastrftime_msec("%Y-%m-%d %H:%M:%S.###", ms, false);

    ds_put_cstr(ds, s);
    free(s);
}
