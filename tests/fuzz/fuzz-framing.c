/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "framing.h"
#include "util.h"
#include "xl-header.h"

/* Fuzz-sources: remus-hooks/lib/framing.c libxl-ext/xl-header.c
 * Fuzz-includes: remus-hooks/lib libxl-ext
 *
 * The stream that a primary sends, and its header for itself, as xl-remus
 * receive reads it.  The first two bytes say in what pieces the
 * rest is fed; the pieces must make no difference to what is found, and
 * nothing is taken after an error. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Feeds all and returns a hash of the events and where they were. */
static uint64_t
feed(const uint8_t *data, size_t n, size_t piece, struct framing *f)
{
    uint64_t hash = 0;
    size_t pos = 0;

    framing_init(f);
    while (pos < n) {
        size_t len = MIN(piece, n - pos);
        uint8_t *copy = xmemdup(data + pos, len);
        enum framing_event event;
        size_t taken = framing_feed(f, copy, len, &event);

        free(copy);
        ovs_assert(taken <= len);
        ovs_assert(event != FRAMING_MORE || taken == len);
        pos += taken;
        if (event == FRAMING_ERROR) {
            ovs_assert(f->error[0]);
            return hash * 31 + 7;
        }
        ovs_assert(f->n_bytes == pos);
        if (event != FRAMING_MORE) {
            ovs_assert(taken);
            hash = (hash * 31 + event) * 1000003 + pos;
        }
    }
    return hash * 31 + f->layer;
}

static void
header(const uint8_t *data, size_t n)
{
    const char *error;
    uint8_t *again;
    size_t len, len2;
    char *json;

    if (n < XL_HEADER_LEN) {
        return;
    }
    error = xl_header_parse(data, &len);
    if (error || len > n - XL_HEADER_LEN) {
        return;
    }
    error = xl_config_parse(data + XL_HEADER_LEN, len, &json);
    if (!error) {
        again = xl_header_build(json, &len);
        ovs_assert(!xl_header_parse(again, &len2));
        ovs_assert(len == XL_HEADER_LEN + len2);
        free(again);
        free(json);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct framing whole, pieces;

    if (size < 2) {
        return 0;
    }
    header(data + 2, size - 2);
    uint64_t a = feed(data + 2, size - 2, size, &whole);
    uint64_t b = feed(data + 2, size - 2, 1 + data[0], &pieces);
    ovs_assert(a == b);
    ovs_assert(whole.n_checkpoints == pieces.n_checkpoints);
    ovs_assert(whole.n_records == pieces.n_records);
    ovs_assert(!whole.error[0] == !pieces.error[0]);
    return 0;
}
