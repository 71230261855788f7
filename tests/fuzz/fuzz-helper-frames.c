/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "helper-frames.h"
#include "util.h"

/* Fuzz-sources: libxl-ext/helper-frames.c libxl-ext/gate.c
 * Fuzz-includes: libxl-ext
 *
 * What Xen's helper says to libxl, through the frames' parser into the gate.
 * Whatever it says: with a session and without a verdict the messages that let
 * a guest run must not pass. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct helper_frames hf;
    struct gate gate;

    if (size < 2) {
        return 0;
    }
    bool save = data[0] & 1;
    size_t piece = 1 + data[1];
    gate_init(&gate, save, GATE_ARMED);
    helper_frames_init(&hf);
    for (size_t pos = 2; pos < size; ) {
        size_t len = MIN(piece, size - pos);
        uint8_t *copy = xmemdup(data + pos, len);
        size_t taken = helper_frames_feed(&hf, copy, len);

        free(copy);
        ovs_assert(taken <= len && hf.len <= HELPER_FRAME_MAX);
        pos += taken;
        if (!helper_frames_whole(&hf)) {
            ovs_assert(taken == len);
            continue;
        }
        uint16_t number = helper_frame_number(&hf);
        int retval = 0;
        helper_frame_result(&hf, &retval);
        helper_msg_has_reply(number);
        helper_msg_name(number);
        bool passes = gate_message(&gate, number, retval);
        ovs_assert(passes == !(number == HELPER_COMPLETE
                               || (number == HELPER_RESTORE_RESULTS
                                   && !save)));
        helper_frames_next(&hf);
    }
    if (gate.completed && !gate.retval) {
        ovs_assert(!(gate_actions(&gate) & GATE_PASS));
    }
    gate_set_verdict(&gate, save ? "taken" : "denied");
    gate.ended = true;
    if (save) {
        ovs_assert(!gate_actions(&gate));
    }
    return 0;
}
