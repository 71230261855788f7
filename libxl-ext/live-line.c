/* SPDX-License-Identifier: Apache-2.0 */
/* The live line: see the header.
 *
 * Where a terminal is too narrow for all of it, what matters least is left out
 * first, and its end last. */

#include <config.h>

#include "live-line.h"

#include <inttypes.h>
#include <stdio.h>

#include "remus-dts/remus.h"
#include "util.h"

void
live_line_copy(struct live_copy *c, const char *domain, uint64_t bytes,
               uint64_t total, long long int now, char *line, size_t width)
{
    if (c->at && now > c->at && bytes > c->bytes) {
        double rate = (double) (bytes - c->bytes) / (now - c->at);

        c->rate = c->rate ? 0.7 * c->rate + 0.3 * rate : rate;
    }
    c->bytes = bytes;
    c->at = now;
    if (c->rate && bytes < total) {
        double left = (total - bytes) / c->rate / 1000 + 1;

        snprintf(line, width + 1, "%s: first copy %d %%, %"PRIu64" of about "
                 "%"PRIu64" MiB, %.1f MB/s, %d s left", domain,
                 (int) (100.0 * bytes / total), bytes >> 20, total >> 20,
                 c->rate / 1000, (int) MIN(left, 999999));
    } else {
        snprintf(line, width + 1, "%s: first copy, %"PRIu64" of about "
                 "%"PRIu64" MiB", domain, bytes >> 20, total >> 20);
    }
}

void
live_line_checkpoint(const char *domain, const struct remus_dts_checkpoint *c,
                     char *line, size_t width)
{
    char wire[40];

    snprintf(wire, sizeof wire, " (%"PRIu64" on the wire)",
             c->wire_bytes >> 10);
    for (int i = 0; i < 2; i++) {
        int n = snprintf(line, width + 1, "%s: epoch %"PRIu64", each %.0f ms, "
                         "%"PRIu64" pages, %"PRIu64" KiB%s, pause %.0f ms, "
                         "ack %.0f ms, %"PRIu64" held", domain, c->n,
                         c->interval_us / 1e3, c->pages, c->bytes >> 10,
                         i ? "" : wire, c->pause_us / 1e3, c->ack_us / 1e3,
                         c->held_frames);

        if (n >= 0 && n <= width) {
            break;
        }
    }
}
