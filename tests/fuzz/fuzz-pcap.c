/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "streams.h"
#include "util.h"

/* Fuzz-sources: remus-hooks/rtpstat/capture.c remus-hooks/rtpstat/decap.c
 * Fuzz-sources: remus-hooks/rtpstat/jitter.c remus-hooks/rtpstat/rtp.c
 * Fuzz-sources: remus-hooks/rtpstat/streams.c
 * Fuzz-includes: remus-hooks/rtpstat
 *
 * A file, pcap or pcapng, as dts-rtpstat reads it; what becomes of its frames
 * is fuzz-rtp's.  Whatever it is, there is an error or all of it was read. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct stream_options options = { .port_high = UINT16_MAX };
    struct stream_table table;
    enum capture_result result;
    uint8_t *copy;
    FILE *stream;
    char *error;

    if (!n) {
        return 0;
    }
    copy = xmemdup(data, n);
    stream = fmemopen(copy, n, "r");
    stream_table_init(&table, &options);
    result = capture_stream(stream, "fuzz", n % 2 ? "udp" : NULL, &table,
                            &error);
    ovs_assert((result == CAPTURE_OK) == !error);
    ovs_assert(result != CAPTURE_NOT_FOUND);
    ovs_assert(result != CAPTURE_FAILED || error);
    free(error);
    stream_table_uninit(&table);
    free(copy);
    return 0;
}
