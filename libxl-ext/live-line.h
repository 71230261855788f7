/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_LIVE_LINE_H
#define DTS_LIVE_LINE_H 1

/* What `xl-remus protect` shows on a terminal: one line, as wide as that.
 *
 * Pure. */

#include <stddef.h>
#include <stdint.h>

struct remus_dts_checkpoint;

/* Progress of the first copy. */
struct live_copy {
    uint64_t bytes;             /* So far, when... */
    long long int at;           /* ...ms. */
    double rate;                /* Bytes a ms, smoothed; 0: not known. */
};

/* 'bytes' of about 'total' by 'now' (ms).  'line' has at most 'width' columns
 * and a null byte. */
void live_line_copy(struct live_copy *, const char *domain, uint64_t bytes,
                    uint64_t total, long long int now, char *line,
                    size_t width);
void live_line_checkpoint(const char *domain,
                          const struct remus_dts_checkpoint *, char *line,
                          size_t width);

#endif /* live-line.h */
