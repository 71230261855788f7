/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_FUZZ_FAKE_H
#define DTS_FUZZ_FAKE_H 1

/* What a target's sources meet in place of the system: a clock that stands
 * still but while somebody waits, and other ends that say what the input has.
 * A target that names fake.c in its Fuzz-sources has the line
 *
 *     Fuzz-wrap: clock_gettime poll socket connect send recv
 *
 * so that these come here; no byte leaves the process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

/* What one other end says.  Once that was read, and 'closed', it is away. */
struct fake_end {
    const uint8_t *data;
    size_t n;
    size_t piece;               /* Read at once, at most; 0: any. */
    bool closed;
    /* Told of what is sent to it, unless NULL. */
    void (*heard)(const void *, size_t);
};

extern struct fake_end fake_socket;     /* Of every socket... */
extern struct fake_end fake_stream;     /* ...and of every stream. */

/* After so many polls whoever else there is has hung up. */
extern int fake_patience;

/* To be called for each input: both ends say nothing and are there. */
void fake_init(void);
/* A stream to 'fake_stream', whose certificate is that of 'peer_id'. */
struct stream *fake_stream_open(const char *peer_id);
/* Lets time pass. */
void fake_wait(long long int ms);

/* A line of the input. */
struct fake_line {
    char *text;                 /* Without the newline, with a null byte. */
    size_t len;
};
/* Takes the next line off '*data'; false: there is none.  To be freed. */
bool fake_next_line(const uint8_t **data, size_t *n, struct fake_line *);

#endif /* fake.h */
