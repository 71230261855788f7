/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <math.h>
#include <pcap/dlt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "plot.h"
#include "report.h"
#include "streams.h"
#include "util.h"

/* Fuzz-sources: remus-hooks/rtpstat/decap.c remus-hooks/rtpstat/jitter.c
 * Fuzz-sources: remus-hooks/rtpstat/plot.c remus-hooks/rtpstat/report.c
 * Fuzz-sources: remus-hooks/rtpstat/rtp.c remus-hooks/rtpstat/streams.c
 * Fuzz-includes: remus-hooks/rtpstat
 *
 * All that dts-rtpstat does with a capture that libpcap has read.  The input
 * is a byte that chooses link type and options, then frames: two bytes of
 * length (the upper two bits: how much the snap length took away), one of
 * milliseconds since the frame before, the bytes themselves.
 *
 * Beside what the sanitizers see, the figures must be possible. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_stream(const struct capture *c, const struct stream *s)
{
    const struct rtp_source *src = &s->source;
    struct stream_report r;

    stream_report_init(&r, c, s);
    ovs_assert(src->received == src->unique + src->duplicates);
    ovs_assert(src->received == src->n_samples);
    ovs_assert(src->reordered <= src->unique);
    ovs_assert(src->unique <= r.expected);
    ovs_assert(r.lost == r.expected - src->unique);
    ovs_assert(r.all.packets == src->received);
    ovs_assert(r.all.packets == r.before.packets + r.after.packets);
    ovs_assert(r.all.gap >= 0);
    ovs_assert(!r.all.n_jitter || (r.all.mean >= 0
                                   && r.all.median <= r.all.max
                                   && r.all.mean <= r.all.max * (1 + 1e-9)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int dlts[] = {
        DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL,
        DLT_LOOP, DLT_IPV4, DLT_IPV6,
    };
    if (size < 1) {
        return 0;
    }
    int dlt = dlts[data[0] & 7];
    struct stream_options options = {
        .have_ports = data[0] & 8, .port_high = UINT16_MAX,
    };
    struct capture c = {
        .file = "fuzz", .at = INT64_C(1700000000500) * 1000000,
    };
    int64_t now = INT64_C(1700000000000) * 1000000;

    stream_table_init(&c.table, &options);
    for (size_t i = 1; i + 3 <= size; ) {
        size_t len = (data[i] & 0x3f) << 8 | data[i + 1];
        size_t snap = data[i] >> 6;
        now += data[i + 2] * INT64_C(1000000);
        i += 3;
        len = MIN(len, size - i);
        size_t cap = len - len * snap / 4;
        uint8_t *frame = xmemdup(data + i, MAX(cap, 1) <= size - i
                                 ? MAX(cap, 1) : cap);
        stream_table_add(&c.table, dlt, now, frame, cap, len);
        free(frame);
        i += len;
    }

    size_t n;
    const struct stream **streams = stream_table_sorted(&c.table, &n);
    for (size_t i = 0; i < n; i++) {
        check_stream(&c, streams[i]);
    }
    free(streams);

    struct ds ds = DS_EMPTY_INITIALIZER;
    report_format(&c, 1, data[0] & 16 ? REPORT_JSON : REPORT_TEXT, &ds);
    plot_format(&c, 1, "x.svg", NULL, &ds);
    ds_destroy(&ds);
    stream_table_uninit(&c.table);
    return 0;
}
