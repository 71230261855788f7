/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_HOLD_H
#define DTS_HOLD_H 1

/* Bytes of a stream held back until they are a whole checkpoint.
 *
 * A queue with a mark: what is before the mark may be taken out.  Keeps up to
 * a limit in memory, what is beyond in a file without a name. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hold;

/* 'dir' is where the file is made once it is needed. */
struct hold *hold_create(size_t memory_limit, const char *dir);
void hold_destroy(struct hold *);

/* Appends.  Returns 0 or an errno (ENOSPC: the disk is full). */
int hold_append(struct hold *, const void *, size_t);
/* All appended so far may be taken out. */
void hold_mark(struct hold *);

/* Writes to 'fd' what is before the mark, until that does not take more.
 * Returns 0 or an errno ('fd''s, or the file's). */
int hold_write(struct hold *, int fd);

uint64_t hold_ready(const struct hold *);       /* Bytes before the mark. */
uint64_t hold_total(const struct hold *);       /* All bytes. */
uint64_t hold_spooled(const struct hold *);     /* Of these in the file. */

#endif /* hold.h */
