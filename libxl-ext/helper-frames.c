/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of Xen's libxl-save-helper: see the header. */

#include <config.h>

#include "helper-frames.h"

#include <string.h>

#include "util.h"

void
helper_frames_init(struct helper_frames *hf)
{
    hf->len = 0;
}

/* Bytes of the frame being gathered, or of its header while that is not
 * there. */
static size_t
frame_size(const struct helper_frames *hf)
{
    uint16_t len;

    if (hf->len < sizeof len) {
        return sizeof len;
    }
    memcpy(&len, hf->data, sizeof len);
    return sizeof len + len;
}

size_t
helper_frames_feed(struct helper_frames *hf, const void *data_, size_t n)
{
    const uint8_t *data = data_;
    size_t ofs = 0;

    while (ofs < n && !helper_frames_whole(hf)) {
        size_t take = MIN(frame_size(hf) - hf->len, n - ofs);

        memcpy(hf->data + hf->len, data + ofs, take);
        hf->len += take;
        ofs += take;
    }
    return ofs;
}

bool
helper_frames_whole(const struct helper_frames *hf)
{
    return hf->len >= 2 && hf->len == frame_size(hf);
}

void
helper_frames_next(struct helper_frames *hf)
{
    hf->len = 0;
}

uint16_t
helper_frame_number(const struct helper_frames *hf)
{
    uint16_t number = 0;

    if (hf->len >= 4) {
        memcpy(&number, hf->data + 2, sizeof number);
    }
    return number;
}

bool
helper_msg_has_reply(uint16_t number)
{
    return (number >= HELPER_SUSPEND && number <= HELPER_COMPLETE
            && number != HELPER_RESTORE_RESULTS);
}

bool
helper_frame_result(const struct helper_frames *hf, int *retval)
{
    if (helper_frame_number(hf) != HELPER_COMPLETE
        || hf->len < 4 + sizeof *retval) {
        return false;
    }
    memcpy(retval, hf->data + 4, sizeof *retval);
    return true;
}

const char *
helper_msg_name(uint16_t number)
{
    static const char *const names[] = {
        [HELPER_LOG] = "log",
        [HELPER_PROGRESS] = "progress",
        [HELPER_SUSPEND] = "suspend",
        [HELPER_RESUME] = "resume",
        [HELPER_CHECKPOINT] = "checkpoint",
        [HELPER_WAIT_CHECKPOINT] = "wait_checkpoint",
        [HELPER_LOGDIRTY] = "switch_qemu_logdirty",
        [HELPER_STATIC_DATA_DONE] = "static_data_done",
        [HELPER_RESTORE_RESULTS] = "restore_results",
        [HELPER_COMPLETE] = "complete",
    };
    return (number < ARRAY_SIZE(names) && names[number] ? names[number]
            : "unknown");
}
