/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_IO_H
#define DTS_CHECK_IO_H 1

/* Lines and bulk over the descriptors of a check: both ends.  Times are
 * milliseconds. */

#include <stddef.h>
#include <stdint.h>

struct json;

struct check_io {
    int in, out;
    char *data;                 /* Read, not taken yet. */
    size_t len, size;
    int64_t last_us;            /* When bytes came last (real time). */
};

void check_io_init(struct check_io *, int in, int out);
void check_io_uninit(struct check_io *);

/* Writes an object (destroyed) as a line.  Returns 0, ETIMEDOUT, or an
 * errno. */
int check_io_send(struct check_io *, struct json *, int timeout);
/* The next line's object.  Returns 0, EOF, ETIMEDOUT, EPROTO (no line, or none
 * of an end), or an errno.  'tick' (may be NULL) is called about each second
 * meanwhile. */
int check_io_receive(struct check_io *, int timeout, struct json **,
                     void (*tick)(void *aux, int seconds), void *aux);

/* Reads and counts for 'ms' from the first byte on; what comes in the first
 * fifth of that is not counted (TCP begins slowly).  '*us' is the time in
 * which '*bytes' came, 0: too few.  Returns 0 or as above. */
int check_io_drain(struct check_io *, int ms, int timeout, uint64_t *bytes,
                   uint64_t *us);
/* Writes bytes until the other end says something, at most 'ms'. */
int check_io_flood(struct check_io *, int ms);

#endif /* check-io.h */
