/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_HELPER_FRAMES_H
#define DTS_HELPER_FRAMES_H 1

/* The messages of Xen's libxl-save-helper to libxl: u16 length, then a body of
 * that length that begins with a u16 message number, in host byte order (Xen:
 * tools/libs/light/libxl_save_msgs_gen.pl).  Each of libxl's replies is one
 * int.
 *
 * Pure: bytes in any pieces in, whole frames out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum helper_msg {
    HELPER_LOG = 1,
    HELPER_PROGRESS = 2,
    HELPER_SUSPEND = 3,
    HELPER_RESUME = 4,          /* Called "postcopy". */
    HELPER_CHECKPOINT = 5,
    HELPER_WAIT_CHECKPOINT = 6,
    HELPER_LOGDIRTY = 7,
    HELPER_STATIC_DATA_DONE = 8,
    HELPER_RESTORE_RESULTS = 9,
    HELPER_COMPLETE = 10,
};

#define HELPER_FRAME_MAX (2 + UINT16_MAX)

struct helper_frames {
    uint8_t data[HELPER_FRAME_MAX]; /* A frame as far as it is there. */
    size_t len;
};

void helper_frames_init(struct helper_frames *);

/* Takes at most 'n' bytes from 'data' into 'hf', no more than to the end of a
 * frame, and returns how many.  After that, helper_frames_whole() tells
 * whether one is whole; helper_frames_next() makes room for the next. */
size_t helper_frames_feed(struct helper_frames *, const void *data, size_t n);
bool helper_frames_whole(const struct helper_frames *);
void helper_frames_next(struct helper_frames *);

/* Of the whole frame: message number (0 for one without), and whether libxl
 * replies to it. */
uint16_t helper_frame_number(const struct helper_frames *);
bool helper_msg_has_reply(uint16_t number);
/* The first argument of HELPER_COMPLETE: the operation's result.  True if it
 * is there. */
bool helper_frame_result(const struct helper_frames *, int *retval);
const char *helper_msg_name(uint16_t number);

#endif /* helper-frames.h */
