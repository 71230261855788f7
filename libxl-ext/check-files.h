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

/* Of one file, and of all of a check, hashed; what is beyond is compared by
 * its size alone.  Both ends hash, and one waits for the other. */
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
    uint64_t hashed;            /* Bytes from the start; 0: no hash. */
    char sha1[41];
};
void check_file_uninit(struct check_file *);

/* Looks at 'file->path' and fills in the rest.  Hashes as much as '*budget'
 * permits, and with 'only' > 0 just so many bytes.  Never waits for a device,
 * takes no terminal, runs nothing.  Returns 0 or an errno; EINVAL: it is
 * neither a file nor a block device. */
int check_file_look(struct check_file *, uint64_t only, uint64_t *budget);

/* Looks for 'theirs' here and says what is the matter. */
void check_file_compare(struct check_lines *, const struct check_file *theirs,
                        uint64_t *budget);

#endif /* check-files.h */
