/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CTL_TIMELINE_H
#define DTS_CTL_TIMELINE_H 1

/* The phases of one switch of one domain, gathered from the events that all
 * nodes wrote about it. */

#include <stddef.h>
#include <stdint.h>

struct ds;
struct dtsrec_event;
struct json;
struct ovsdb_idl;

struct phase {
    const char *name;           /* "suspected", ...; the IDL's. */
    const char *node;           /* On whose clock. */
    int64_t time_us;            /* Real time, since the epoch. */
};

struct timeline {
    const char *domain;
    int64_t generation;
    struct phase *phases;       /* In order of time. */
    size_t n;
};

/* All phases that were told of 'domain' at 'generation'. */
void timeline_init(struct timeline *, const struct ovsdb_idl *,
                   const char *domain, int64_t generation);
/* The last one of 'domain' that has phases; n is 0 if there is none. */
void timeline_init_last(struct timeline *, const struct ovsdb_idl *,
                        const char *domain);
void timeline_uninit(struct timeline *);

/* Lines "  +12.3 ms  granted   hostB", each begun with 'indent' blanks. */
void timeline_format(const struct timeline *, int indent, struct ds *);
struct json *timeline_to_json(const struct timeline *);

/* "2026-11-21 01:39:44.123" in local time. */
void format_time(int64_t ms, struct ds *);

#endif /* timeline.h */
