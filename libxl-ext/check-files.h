/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_CHECK_FILES_H
#define DTS_CHECK_FILES_H 1

/* Files that a domain needs, here and on the other node. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check_lines;

#define CHECK_MAX_FILES 128
#define CHECK_MAX_PATH 1024

/* Of one file, and of all of a check, hashed.  A file is hashed to its end or
 * to CHECK_HASH_ONE, or, where not so much is left of CHECK_HASH_ALL, not at
 * all: then it is compared by its size alone. */
#define CHECK_HASH_ONE (64u << 20)
#define CHECK_HASH_ALL (256u << 20)

enum check_file_kind {
    CHECK_FILE_KERNEL,          /* Kernel, ramdisk, firmware: needed when the
                                 * domain is made anew. */
    CHECK_FILE_PROGRAM,         /* The device model: to be executable. */
    CHECK_FILE_DISK,            /* Needed to take over. */
    CHECK_FILE_SHARED_DISK,     /* Also written to: so its content is the
                                 * affair of whoever replicates it. */
};
const char *check_file_kind_name(enum check_file_kind);
bool check_file_kind_from_name(const char *, enum check_file_kind *);

struct check_file {
    enum check_file_kind kind;
    char *what;                 /* "kernel", "disk xvda". */
    char *path;
    bool block;                 /* A block device, not a regular file. */
    uint64_t size;
    uint64_t hashed;            /* Bytes from the start, as above; 0: none. */
    char sha1[41];
};
void check_file_uninit(struct check_file *);

/* Looks at 'file->path' and fills in the rest.  Hashes it, if '*budget'
 * permits and, with 'like', if that one has the same size and was hashed.
 * Opens no terminal or other device, runs nothing; but a disk that does not answer, or
 * a server of files, keeps it waiting for as long as it likes, and no signal
 * ends that: the answering end does it in a process that it can leave behind.
 * Returns 0 or an errno; EINVAL: it is neither a file nor a block device;
 * EOPNOTSUPP: it is one that is not read. */
int check_file_look(struct check_file *, const struct check_file *like,
                    uint64_t *budget);
const char *check_file_error(int error);

/* Looks for 'theirs' here and says what is the matter. */
void check_file_compare(struct check_lines *, const struct check_file *theirs,
                        uint64_t *budget);

#endif /* check-files.h */
