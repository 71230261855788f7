/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl events`: the log that the agents keep in the database, as a
 * timeline. */

#include <config.h>
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb-idl.h"
#include "timeline.h"
#include "util.h"
#include "uuid.h"
#include "values.h"

static int
compare_events(const void *a_, const void *b_)
{
    const struct dtsrec_event *a = *(const struct dtsrec_event *const *) a_;
    const struct dtsrec_event *b = *(const struct dtsrec_event *const *) b_;

    return (a->time != b->time ? (a->time < b->time ? -1 : 1)
            : a->generation != b->generation
            ? (a->generation < b->generation ? -1 : 1)
            : uuid_compare_3way(&a->header_.uuid, &b->header_.uuid));
}

/* The events about 'domain' (NULL: about any), oldest first. */
static const struct dtsrec_event **
sorted_events(const struct ovsdb_idl *idl, const char *domain, size_t *n)
{
    const struct dtsrec_event **events = NULL, *e;
    size_t allocated = 0;

    *n = 0;
    DTSREC_EVENT_FOR_EACH (e, idl) {
        if (domain && strcmp(e->domain, domain)) {
            continue;
        }
        if (*n >= allocated) {
            events = x2nrealloc(events, &allocated, sizeof *events);
        }
        events[(*n)++] = e;
    }
    if (events) {
        qsort(events, *n, sizeof *events, compare_events);
    }
    return events;
}

static void
format_event(const struct dtsrec_event *e, struct ds *ds)
{
    format_time(e->time, ds);
    ds_put_format(ds, "  %-10s %-12s", e->node,
                  e->domain[0] ? e->domain : "-");
    if (e->generation) {
        ds_put_format(ds, " %4"PRId64, e->generation);
    } else {
        ds_put_cstr(ds, "    -");
    }
    ds_put_format(ds, "  %-10s %s\n", e->type, e->message);
}

static struct json *
map_to_json(char *const keys[], const int64_t values[], size_t n)
{
    struct json *json = json_object_create();

    for (size_t i = 0; i < n; i++) {
        json_object_put(json, keys[i], json_integer_create(values[i]));
    }
    return json;
}

static struct json *
event_to_json(const struct dtsrec_event *e)
{
    struct json *json = json_object_create();

    json_object_put(json, "time_ms", json_integer_create(e->time));
    json_object_put_string(json, "node", e->node);
    json_object_put_string(json, "domain", e->domain);
    json_object_put_string(json, "type", e->type);
    json_object_put(json, "generation", json_integer_create(e->generation));
    json_object_put_string(json, "message", e->message);
    json_object_put(json, "phases", map_to_json(
        e->key_phases, e->value_phases, e->n_phases));
    json_object_put(json, "phases_mono", map_to_json(
        e->key_phases_mono, e->value_phases_mono, e->n_phases_mono));
    json_object_put(json, "clock", map_to_json(
        e->key_clock, e->value_clock, e->n_clock));
    return json;
}

/* True if 'events'[i] is the last of the 'n' about its switch that has
 * phases: the timeline of the switch is shown after it. */
static bool
ends_switch(const struct dtsrec_event **events, size_t n, size_t i)
{
    if (!events[i]->n_phases) {
        return false;
    }
    for (size_t j = i + 1; j < n; j++) {
        if (events[j]->n_phases
            && events[j]->generation == events[i]->generation
            && !strcmp(events[j]->domain, events[i]->domain)) {
            return false;
        }
    }
    return true;
}

static void
show_events(struct ctl_context *ctx, const struct dtsrec_event **events,
            size_t first, size_t n)
{
    struct json *array = json_array_create_empty();
    struct json *timelines = json_array_create_empty();

    for (size_t i = first; i < n; i++) {
        if (settings.json) {
            json_array_add(array, event_to_json(events[i]));
        } else {
            format_event(events[i], &ctx->output);
        }
        if (ends_switch(events, n, i)) {
            struct timeline t;

            timeline_init(&t, ctx->idl, events[i]->domain,
                          events[i]->generation);
            if (settings.json) {
                json_array_add(timelines, timeline_to_json(&t));
            } else {
                timeline_format(&t, 4, &ctx->output);
            }
            timeline_uninit(&t);
        }
    }
    if (settings.json) {
        struct json *json = json_object_create();

        json_object_put(json, "events", array);
        json_object_put(json, "timelines", timelines);
        json_to_ds(json, settings.json_flags, &ctx->output);
        ds_put_char(&ctx->output, '\n');
        json_destroy(json);
    } else {
        json_destroy(array);
        json_destroy(timelines);
    }
}

/* --follow: what was not yet printed, now; for ever. */
static void
follow_events(struct ctl_context *ctx, const struct dtsrec_event **events,
              size_t first, size_t n)
{
    static struct uuid *printed;
    static size_t n_printed;
    struct ds ds = DS_EMPTY_INITIALIZER;
    bool start = !printed;

    for (size_t i = 0; i < n; i++) {
        const struct uuid *uuid = &events[i]->header_.uuid;
        size_t j = 0;

        while (j < n_printed && !uuid_equals(uuid, &printed[j])) {
            j++;
        }
        if (j < n_printed) {
            continue;
        }
        printed = xrealloc(printed, (n_printed + 1) * sizeof *printed);
        printed[n_printed++] = *uuid;
        if (start && i < first) {
            continue;
        }
        if (settings.json) {
            struct json *json = event_to_json(events[i]);
            json_to_ds(json, JSSF_SORT, &ds);
            ds_put_char(&ds, '\n');
            json_destroy(json);
        } else {
            format_event(events[i], &ds);
            if (events[i]->n_phases) {
                struct timeline t;

                timeline_init(&t, ctx->idl, events[i]->domain,
                              events[i]->generation);
                timeline_format(&t, 4, &ds);
                timeline_uninit(&t);
            }
        }
    }
    if (!printed) {
        printed = xmalloc(sizeof *printed);
    }
    fputs(ds_cstr(&ds), stdout);
    fflush(stdout);
    ds_destroy(&ds);
    ctx->try_again = true;
}

static void
cmd_events(struct ctl_context *ctx)
{
    const char *domain = option(ctx, "--domain");
    const char *last = option(ctx, "--last");
    bool follow = has_option(ctx, "--follow");
    int64_t max = follow ? 10 : INT64_MAX;

    if (ctx->argc > 1) {
        domain = ctx->argv[1];
    }
    if (last && fail_if(ctx, DTS_EXIT_USAGE,
                        parse_integer("events: -n", last, 0, INT32_MAX,
                                      &max))) {
        return;
    }

    size_t n;
    const struct dtsrec_event **events = sorted_events(ctx->idl, domain, &n);
    size_t first = n > max ? n - max : 0;

    /* Events outlive their domain: only an unknown name without any event is
     * a mistake. */
    if (domain && !n && !get_domain(ctx, domain)) {
        free(events);
        return;
    }
    if (follow) {
        follow_events(ctx, events, first, n);
    } else {
        show_events(ctx, events, first, n);
    }
    free(events);
}

const struct ctl_command_syntax event_commands[] = {
    { "events", 0, 1, "[DOMAIN]", pre_all, cmd_events, NULL,
      "--follow,--domain=,--last=", RO },
    { NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO },
};
