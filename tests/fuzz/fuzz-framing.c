/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "framing.h"
#include "util.h"

/* Fuzz-sources: remus-hooks/lib/framing.c
 * Fuzz-includes: remus-hooks/lib
 *
 * The stream that a primary sends.  The first two bytes say in what pieces the
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct framing whole, pieces;

    if (size < 2) {
        return 0;
    }
    uint64_t a = feed(data + 2, size - 2, size, &whole);
    uint64_t b = feed(data + 2, size - 2, 1 + data[0], &pieces);
    ovs_assert(a == b);
    ovs_assert(whole.n_checkpoints == pieces.n_checkpoints);
    ovs_assert(whole.n_records == pieces.n_records);
    ovs_assert(!whole.error[0] == !pieces.error[0]);
    return 0;
}
