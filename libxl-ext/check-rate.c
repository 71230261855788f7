/* SPDX-License-Identifier: Apache-2.0 */
/* How much a domain writes to its memory, and whether the link is fast enough:
 * see the header.
 *
 * A domain of which a copy is made is not measured: its engine knows what a
 * checkpoint has and how often one comes, which is better than any forecast,
 * and the dirty pages are for whoever makes the copy to count.  Nor is the
 * link, which the copy needs. */

#include <config.h>

#include "check-rate.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check-interval.h"
#include "check-lines.h"
#include "check-node.h"
#include "check-wire.h"
#include "check-xen.h"
#include "openvswitch/json.h"
#include "remus-dts/remus.h"
#include "rundir.h"
#include "util.h"

#define STATUS_MS 5000
#define SAMPLES 10
#define SAMPLE_MS 100
#define PAGE 4096

/* Late by more than so much is late. */
#define SLACK 1.1

static struct json *
engine_status(const char *domain)
{
    const char *args[] = { "--json", NULL };
    char *reply, *error;
    struct json *json;

    if (remus_dts_control(domain, "status", args, STATUS_MS, &reply,
                          &error)) {
        free(error);
        return NULL;
    }
    json = json_from_string(reply);
    free(reply);
    if (json->type != JSON_OBJECT) {
        json_destroy(json);
        return NULL;
    }
    return json;
}

void
check_engine_look(const char *domain, struct check_engine *e)
{
    int64_t seen = -1, n = 0;

    memset(e, 0, sizeof *e);
    for (int i = 0; i < SAMPLES; i++) {
        struct json *json = engine_status(domain);
        int64_t committed, us;

        if (!json) {
            break;
        }
        e->lives = true;
        e->is_protected = !strcmp(check_string(json, "state"), "protected");
        e->asked_ms = check_int(json, "interval_ms", 0);
        committed = check_int(json, "committed", 0);
        us = check_int(json, "last_interval_us", 0);
        if (committed != seen && us > 0) {
            seen = committed;
            e->interval_ms += us / 1e3;
            e->bytes += check_int(json, "last_bytes", 0);
            n++;
        }
        json_destroy(json);
        if (!e->is_protected) {
            break;
        }
        poll(NULL, 0, SAMPLE_MS);
    }
    if (n) {
        e->interval_ms /= n;
        e->bytes /= n;
    }
}

/* --------------------------------------------------------- a protected one */

static void
say_protected(struct check_lines *c, const struct check_rate *r)
{
    const struct check_engine *e = r->engine;

    if (!e->interval_ms) {
        check_bad(c, CHECK_WARN, "interval", xasprintf(
                  "xl-remus status %s, in a while", r->domain),
                  "no checkpoint has been committed yet");
        return;
    }
    if (e->interval_ms <= r->interval_ms * SLACK) {
        check_ok(c, "interval", "%s is protected each %.0f ms, with %.1f MB a "
                 "checkpoint", r->domain, e->interval_ms, e->bytes / 1e6);
    } else if (e->interval_ms <= e->asked_ms * SLACK) {
        check_bad(c, CHECK_WARN, "interval", xasprintf(
                  "protect it with -i %d to know whether it can be held",
                  r->interval_ms), "%s is protected each %.0f ms, as it was "
                  "told, not %d", r->domain, e->interval_ms, r->interval_ms);
    } else {
        check_bad(c, CHECK_WARN, "interval", xasprintf(
                  "xl-remus status %s says what takes long; a longer -i, a "
                  "faster link, --compress", r->domain),
                  "%s is protected each %.0f ms, with %.1f MB a checkpoint: "
                  "%d ms are not held", r->domain, e->interval_ms,
                  e->bytes / 1e6, r->interval_ms);
    }
}

/* ----------------------------------------------------- one that is not yet */

static void
not_measured(struct check_lines *c, const struct check_rate *r,
             const char *why)
{
    check_bad(c, CHECK_WARN, "dirty", xasprintf(
              "xl-remus status %s, once it is protected, says whether the "
              "interval is held", r->domain), "what it writes to was not "
              "measured: %s", why);
}

/* Returns false if there is no figure: a line says why. */
static bool
measure(struct check_lines *c, const struct check_rate *r, double *rate)
{
    /* With the lock, so that no `xl-remus protect` begins meanwhile.  Stock
     * xl knows of none: what it begins within that second takes the log of
     * dirty pages over (check-xen.h), and is looked for before it is switched
     * off; there is no way to make sure of it, so all this is only done when
     * it was asked for. */
    int lock = dts_engine_lock(r->domain, NULL);
    int ms = MIN(r->interval_ms, CHECK_DIRTY_MAX_MS);
    double pages;
    char *error;

    if (lock < 0) {
        error = xasprintf("its lock is taken or cannot be (%s)",
                          ovs_strerror(-lock));
    } else {
        error = check_copy(r->domain, r->domid, false);
        if (!error) {
            error = check_dirty_pages(r->domid, ms, &pages);
        }
        close(lock);
    }
    if (error) {
        not_measured(c, r, error);
        free(error);
        return false;
    }
    *rate = pages * PAGE * 1e3 / ms;
    check_ok(c, "dirty", "it writes to about %.0f pages in %d ms now: %.1f "
             "MB/s", pages, ms, *rate / 1e6);
    return true;
}

static void
say_forecast(struct check_lines *c, const struct check_rate *r, double rate)
{
    double ms;

    if (!check_interval(rate, r->bandwidth, r->clocks->rtt_us, &ms)) {
        check_bad(c, CHECK_WARN, "interval", xstrdup(
                  "a faster link, or a guest that writes less; --compress "
                  "helps, by how much shows xl-remus status when it is "
                  "protected"), "the link to %s carries %.1f MB/s, less than "
                  "the %.1f MB/s that it writes: raw, no interval is held",
                  r->peer, r->bandwidth / 1e6, rate / 1e6);
    } else if (ms > r->interval_ms) {
        check_bad(c, CHECK_WARN, "interval", xasprintf(
                  "xl-remus protect -i %.0f, or a faster link (compression "
                  "does better than is said here)", ms + 1),
                  "the link to %s holds %.1f ms raw, not %d", r->peer, ms,
                  r->interval_ms);
    } else {
        check_ok(c, "interval", "the link to %s holds %d ms (and %.1f ms, "
                 "raw; compression does better)", r->peer, r->interval_ms,
                 ms);
    }
}

void
check_rate(struct check_lines *c, const struct check_rate *r)
{
    double rate;

    if (r->copy && r->measure_dirty) {
        not_measured(c, r, r->copy);
    }
    if (r->engine->is_protected) {
        say_protected(c, r);
    } else if (r->copy) {
        check_bad(c, CHECK_WARN, "interval", xasprintf(
                  "dts-ctl status %s; xl-remus status %s", r->domain,
                  r->domain), "nothing was measured: %s", r->copy);
    } else if (!r->measure_dirty) {
        check_ok(c, "dirty", "what it writes to was not measured "
                 "(--measure-dirty does); xl-remus status %s tells whether "
                 "the interval is held, once it is protected", r->domain);
    } else if (measure(c, r, &rate) && r->clocks && r->bandwidth > 0) {
        say_forecast(c, r, rate);
    }
}
