/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "util.h"

/* The figures of each stream, once computed, in three notations.  A figure
 * that there is not (no jitter of a single packet, nothing sent that we know
 * of) is null in JSON and empty in CSV, never 0. */

static void format_text(const struct capture *, struct ds *);
static struct json *capture_to_json(const struct capture *);
static void format_csv(const struct capture *, struct ds *);

void
stream_report_init(struct stream_report *r, const struct capture *c,
                   const struct stream *s)
{
    *r = (struct stream_report) {
        .stream = s,
        .expected = rtp_source_expected(&s->source),
        .lost = rtp_source_lost(&s->source),
    };
    const struct stream *sent = NULL;
    if (c->sent_file) {
        sent = stream_table_match(&c->sent, s);
    } else {
        sent = r->echo_of = stream_table_echoed(&c->table, s);
    }
    if (sent) {
        r->have_sent = true;
        r->sent = sent->source.unique;
        r->sent_lost = (r->sent > s->source.unique
                        ? r->sent - s->source.unique : 0);
    }
    rtp_source_summarize(&s->source, INT64_MIN, INT64_MAX, &r->all);
    if (c->at != NO_TIME) {
        r->split = true;
        rtp_source_summarize(&s->source, INT64_MIN, c->at, &r->before);
        rtp_source_summarize(&s->source, c->at, INT64_MAX, &r->after);
    }
}

void
report_format(const struct capture *captures, size_t n,
              enum report_format format, struct ds *ds)
{
    struct json *array = NULL;

    switch (format) {
    case REPORT_TEXT:
        for (size_t i = 0; i < n; i++) {
            format_text(&captures[i], ds);
        }
        break;

    case REPORT_CSV:
        ds_put_cstr(ds, "capture,ssrc,source,destination,payload_type,"
                    "clock_hz,sent,received,expected,lost,duplicates,"
                    "reordered,restarts,jitter_mean_ms,jitter_median_ms,"
                    "jitter_max_ms,gap_ms,gap_begin_ms,gap_end_ms,"
                    "before_median_ms,before_max_ms,after_median_ms,"
                    "after_max_ms\n");
        for (size_t i = 0; i < n; i++) {
            format_csv(&captures[i], ds);
        }
        break;

    case REPORT_JSON:
        array = json_array_create_empty();
        for (size_t i = 0; i < n; i++) {
            json_array_add(array, capture_to_json(&captures[i]));
        }
        struct json *top = json_object_create();
        json_object_put(top, "captures", array);
        json_to_ds(top, JSSF_PRETTY | JSSF_SORT, ds);
        ds_put_char(ds, '\n');
        json_destroy(top);
        break;
    }
}

void
report_format_endpoint(struct ds *ds, const struct in6_addr *addr,
                       uint16_t port)
{
    bool v6 = !IN6_IS_ADDR_V4MAPPED(addr);
    ds_put_cstr(ds, v6 ? "[" : "");
    ipv6_format_mapped(addr, ds);
    ds_put_format(ds, "%s:%"PRIu16, v6 ? "]" : "", port);
}

static void
format_around(struct ds *ds, unsigned int around)
{
    static const char *names[] = { "VLAN", "GRE", "VXLAN", "Geneve", "IP" };
    const char *separator = ", in ";
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (around & (1u << i)) {
            ds_put_format(ds, "%s%s", separator, names[i]);
            separator = " and ";
        }
    }
}

static void
format_instant(struct ds *ds, int64_t ns)
{
    ds_put_format(ds, "%"PRId64".%06"PRId64, ns / 1000000000,
                  ns % 1000000000 / 1000);
}

static void
format_half(struct ds *ds, const char *name, const struct rtp_summary *sum)
{
    ds_put_format(ds, "  %-9s %"PRIu64" packets", name, sum->packets);
    if (sum->n_jitter) {
        ds_put_format(ds, ", jitter mean %.3f ms, median %.3f, max %.3f",
                      sum->mean, sum->median, sum->max);
    }
    if (sum->gap) {
        ds_put_format(ds, ", largest gap %.3f ms", sum->gap / 1e6);
    }
    ds_put_char(ds, '\n');
}

static void
format_stream(const struct stream_report *r, struct ds *ds)
{
    const struct stream *s = r->stream;
    const struct rtp_source *src = &s->source;
    const char *name = rtp_static_name(s->first_type);

    ds_put_format(ds, "stream 0x%08"PRIx32"  ", s->key.ssrc);
    report_format_endpoint(ds, &s->key.src, s->key.sport);
    ds_put_cstr(ds, " > ");
    report_format_endpoint(ds, &s->key.dst, s->key.dport);
    ds_put_format(ds, "  type %"PRIu8"%s%s at %u Hz%s", s->first_type,
                  name ? " " : "", name ? name : "", src->clock,
                  s->clock_assumed ? " (assumed: give --clock)" : "");
    format_around(ds, s->around);

    ds_put_format(ds, "\n  packets   %"PRIu64" received, %"PRIu64" expected, "
                  "%"PRIu64" lost (%.2f %%), %"PRIu64" duplicate, "
                  "%"PRIu64" reordered, %"PRIu64" restarts\n",
                  src->received, r->expected, r->lost,
                  r->expected ? 100.0 * r->lost / r->expected : 0,
                  src->duplicates, src->reordered, src->restarts);
    if (r->have_sent) {
        ds_put_format(ds, "  sent      %"PRIu64"%s, %"PRIu64" of them never "
                      "came\n", r->sent,
                      r->echo_of ? " (this stream is their echo)" : "",
                      r->sent_lost);
    }
    if (r->all.n_jitter) {
        ds_put_format(ds, "  jitter    mean %.3f ms, median %.3f, max %.3f "
                      "(%.1f clock units), at the end %.3f\n",
                      r->all.mean, r->all.median, r->all.max, src->jitter_max,
                      src->jitter * 1000 / src->clock);
    }
    if (r->all.gap) {
        ds_put_format(ds, "  downtime  %.3f ms (largest gap), from ",
                      r->all.gap / 1e6);
        format_instant(ds, r->all.gap_begin);
        ds_put_cstr(ds, " to ");
        format_instant(ds, r->all.gap_end);
        ds_put_char(ds, '\n');
    }
    if (r->split) {
        format_half(ds, "before", &r->before);
        format_half(ds, "after", &r->after);
    }
}

static void
format_text(const struct capture *c, struct ds *ds)
{
    const struct stream_table *t = &c->table;
    size_t n;
    const struct stream **streams = stream_table_sorted(t, &n);

    ds_put_format(ds, "%s%s%s: %"PRIu64" frames in %.1f s, %"PRIuSIZE
                  " RTP streams, %"PRIu64" RTCP packets",
                  c->label ? c->label : "", c->label ? ": " : "", c->file,
                  t->frames, t->frames ? (t->last - t->first) / 1e9 : 0, n,
                  t->rtcp);
    if (t->verdicts[DECAP_TRUNCATED]) {
        ds_put_format(ds, ", %"PRIu64" cut off by the snap length",
                      t->verdicts[DECAP_TRUNCATED]);
    }
    uint64_t bad = (t->verdicts[DECAP_MALFORMED] + t->verdicts[DECAP_DEEP]
                    + t->bad_rtp);
    if (bad) {
        ds_put_format(ds, ", %"PRIu64" malformed", bad);
    }
    if (c->dropped) {
        ds_put_format(ds, ", %u dropped by the kernel", c->dropped);
    }
    ds_put_char(ds, '\n');

    for (size_t i = 0; i < n; i++) {
        struct stream_report r;
        stream_report_init(&r, c, streams[i]);
        format_stream(&r, ds);
    }
    free(streams);
}

static struct json *
ms_to_json(double ms)
{
    /* To the nanosecond: more digits are the notation's, not the clock's. */
    return isnan(ms) ? json_null_create() : json_real_create(
        round(ms * 1e6) / 1e6);
}

/* Milliseconds since the epoch, to the microsecond: a double holds no more. */
static struct json *
instant_to_json(int64_t ns)
{
    return json_real_create(ns / 1000 / 1e3);
}

static void
put_gap(struct json *object, const struct rtp_summary *sum)
{
    json_object_put(object, "gap_ms",
                    sum->gap ? ms_to_json(sum->gap / 1e6)
                    : json_null_create());
    json_object_put(object, "gap_begin_ms",
                    sum->gap ? instant_to_json(sum->gap_begin)
                    : json_null_create());
    json_object_put(object, "gap_end_ms",
                    sum->gap ? instant_to_json(sum->gap_end)
                    : json_null_create());
}

static struct json *
jitter_to_json(const struct rtp_summary *sum)
{
    struct json *object = json_object_create();
    json_object_put(object, "mean", ms_to_json(sum->mean));
    json_object_put(object, "median", ms_to_json(sum->median));
    json_object_put(object, "max", ms_to_json(sum->max));
    return object;
}

static struct json *
half_to_json(const struct rtp_summary *sum)
{
    struct json *object = jitter_to_json(sum);
    json_object_put(object, "packets", json_integer_create(sum->packets));
    put_gap(object, sum);
    return object;
}

static struct json *
stream_to_json(const struct stream_report *r)
{
    const struct stream *s = r->stream;
    const struct rtp_source *src = &s->source;
    struct json *o = json_object_create();

    json_object_put_format(o, "ssrc", "0x%08"PRIx32, s->key.ssrc);
    struct ds ds = DS_EMPTY_INITIALIZER;
    ipv6_format_mapped(&s->key.src, &ds);
    json_object_put_string(o, "src", ds_cstr(&ds));
    ds_clear(&ds);
    ipv6_format_mapped(&s->key.dst, &ds);
    json_object_put_string(o, "dst", ds_cstr(&ds));
    ds_destroy(&ds);
    json_object_put(o, "sport", json_integer_create(s->key.sport));
    json_object_put(o, "dport", json_integer_create(s->key.dport));

    struct json *types = json_array_create_empty();
    for (int i = 0; i < RTP_N_PAYLOAD_TYPES; i++) {
        if (s->types[i / 64] & UINT64_C(1) << i % 64) {
            json_array_add(types, json_integer_create(i));
        }
    }
    json_object_put(o, "payload_types", types);
    json_object_put(o, "clock_hz", json_integer_create(src->clock));
    json_object_put(o, "clock_assumed", json_boolean_create(s->clock_assumed));

    struct json *packets = json_object_create();
    json_object_put(packets, "sent", r->have_sent
                    ? json_integer_create(r->sent) : json_null_create());
    json_object_put(packets, "received", json_integer_create(src->received));
    json_object_put(packets, "expected", json_integer_create(r->expected));
    json_object_put(packets, "lost", json_integer_create(
                        r->have_sent ? r->sent_lost : r->lost));
    json_object_put(packets, "duplicates",
                    json_integer_create(src->duplicates));
    json_object_put(packets, "reordered", json_integer_create(src->reordered));
    json_object_put(packets, "restarts", json_integer_create(src->restarts));
    json_object_put(packets, "strays", json_integer_create(src->strays));
    json_object_put(o, "packets", packets);
    json_object_put(o, "echo", json_boolean_create(r->echo_of != NULL));

    struct json *jitter = jitter_to_json(&r->all);
    json_object_put(jitter, "last", ms_to_json(
                        r->all.n_jitter ? src->jitter * 1000 / src->clock
                        : NAN));
    json_object_put(jitter, "max_units", r->all.n_jitter
                    ? json_real_create(src->jitter_max) : json_null_create());
    json_object_put(jitter, "before", r->split ? half_to_json(&r->before)
                    : json_null_create());
    json_object_put(jitter, "after", r->split ? half_to_json(&r->after)
                    : json_null_create());
    json_object_put(o, "jitter_ms", jitter);
    put_gap(o, &r->all);
    json_object_put(o, "first_ms", instant_to_json(src->samples[0].arrival));
    json_object_put(o, "last_ms", instant_to_json(
                        src->samples[src->n_samples - 1].arrival));
    return o;
}

static struct json *
capture_to_json(const struct capture *c)
{
    const struct stream_table *t = &c->table;
    struct json *o = json_object_create();
    struct json *array = json_array_create_empty();
    size_t n;
    const struct stream **streams = stream_table_sorted(t, &n);

    for (size_t i = 0; i < n; i++) {
        struct stream_report r;
        stream_report_init(&r, c, streams[i]);
        json_array_add(array, stream_to_json(&r));
    }
    free(streams);

    json_object_put_string(o, "file", c->file);
    json_object_put(o, "label", c->label ? json_string_create(c->label)
                    : json_null_create());
    json_object_put(o, "at_ms", c->at != NO_TIME ? instant_to_json(c->at)
                    : json_null_create());
    json_object_put(o, "frames", json_integer_create(t->frames));
    json_object_put(o, "rtcp", json_integer_create(t->rtcp));
    json_object_put(o, "snapped",
                    json_integer_create(t->verdicts[DECAP_TRUNCATED]));
    json_object_put(o, "malformed", json_integer_create(
                        t->verdicts[DECAP_MALFORMED] + t->verdicts[DECAP_DEEP]
                        + t->bad_rtp));
    json_object_put(o, "dropped", json_integer_create(c->dropped));
    json_object_put(o, "partial", json_boolean_create(c->partial));
    json_object_put(o, "streams", array);
    return o;
}

static void
put_csv_string(struct ds *ds, const char *s)
{
    ds_put_char(ds, '"');
    for (; *s; s++) {
        ds_put_cstr(ds, *s == '"' ? "\"" : "");
        ds_put_char(ds, *s);
    }
    ds_put_char(ds, '"');
}

static void
put_csv_ms(struct ds *ds, double ms)
{
    if (isnan(ms)) {
        ds_put_char(ds, ',');
    } else {
        ds_put_format(ds, ",%.6f", ms);
    }
}

static void
format_csv(const struct capture *c, struct ds *ds)
{
    size_t n;
    const struct stream **streams = stream_table_sorted(&c->table, &n);

    for (size_t i = 0; i < n; i++) {
        struct stream_report r;
        stream_report_init(&r, c, streams[i]);
        const struct stream *s = r.stream;
        const struct rtp_source *src = &s->source;

        put_csv_string(ds, c->label ? c->label : c->file);
        ds_put_format(ds, ",0x%08"PRIx32",", s->key.ssrc);
        report_format_endpoint(ds, &s->key.src, s->key.sport);
        ds_put_char(ds, ',');
        report_format_endpoint(ds, &s->key.dst, s->key.dport);
        ds_put_format(ds, ",%"PRIu8",%u,", s->first_type, src->clock);
        if (r.have_sent) {
            ds_put_format(ds, "%"PRIu64, r.sent);
        }
        ds_put_format(ds, ",%"PRIu64",%"PRIu64",%"PRIu64",%"PRIu64",%"PRIu64
                      ",%"PRIu64, src->received, r.expected,
                      r.have_sent ? r.sent_lost : r.lost, src->duplicates,
                      src->reordered, src->restarts);
        put_csv_ms(ds, r.all.mean);
        put_csv_ms(ds, r.all.median);
        put_csv_ms(ds, r.all.max);
        put_csv_ms(ds, r.all.gap ? r.all.gap / 1e6 : NAN);
        put_csv_ms(ds, r.all.gap ? r.all.gap_begin / 1e6 : NAN);
        put_csv_ms(ds, r.all.gap ? r.all.gap_end / 1e6 : NAN);
        put_csv_ms(ds, r.split ? r.before.median : NAN);
        put_csv_ms(ds, r.split ? r.before.max : NAN);
        put_csv_ms(ds, r.split ? r.after.median : NAN);
        put_csv_ms(ds, r.split ? r.after.max : NAN);
        ds_put_char(ds, '\n');
    }
    free(streams);
}
