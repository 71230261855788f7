/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_REPORT_H
#define DTS_REPORT_H 1

/* What is told about captures, for people and for programs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jitter.h"
#include "streams.h"

struct ds;

#define NO_TIME INT64_MIN

/* An instant that is marked in the picture. */
struct capture_mark {
    int64_t at;                 /* ns since the epoch */
    char *label;
};

/* One capture and what the user said about it. */
struct capture {
    const char *file;           /* Or interface. */
    bool live;
    const char *label;          /* NULL: its file's name. */
    int64_t at;                 /* ns since the epoch, or NO_TIME. */
    const char *sent_file;      /* The sender's side, or NULL. */
    struct capture_mark *marks;
    size_t n_marks, allocated_marks;

    struct stream_table table;
    struct stream_table sent;   /* Empty without 'sent_file'. */
    unsigned int dropped;       /* By the kernel. */
    bool partial;               /* The file is cut off. */
};

/* All that a report says about one stream. */
struct stream_report {
    const struct stream *stream;
    uint64_t expected, lost;
    bool have_sent;
    uint64_t sent, sent_lost;
    const struct stream *echo_of; /* Where 'sent' comes from, or NULL. */
    struct rtp_summary all;
    bool split;
    struct rtp_summary before, after;
};

void stream_report_init(struct stream_report *, const struct capture *,
                        const struct stream *);

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_CSV };

void report_format(const struct capture *, size_t n, enum report_format,
                   struct ds *);

/* Appends "ADDRESS:PORT" or "[ADDRESS]:PORT". */
void report_format_endpoint(struct ds *, const struct in6_addr *,
                            uint16_t port);

#endif /* report.h */
