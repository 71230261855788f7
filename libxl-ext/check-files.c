/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a domain needs, here and on the other node.
 *
 * The paths to look at come from that other node, and this is root.  So a path
 * is opened for nothing but its size and its bytes, and what is said of it is
 * no more than whether it is as the other one: its content, or its checksum,
 * goes nowhere.  A FIFO or a device could keep an open() waiting, a terminal
 * could become ours: the open is non-blocking, and of what is neither a
 * regular file nor a block device nothing is read. */

#include <config.h>

#include "check-files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "check-lines.h"
#include "sha1.h"
#include "util.h"

static const char *const kind_names[] = {
    [CHECK_FILE_KERNEL] = "kernel",
    [CHECK_FILE_PROGRAM] = "program",
    [CHECK_FILE_DISK] = "disk",
    [CHECK_FILE_SHARED_DISK] = "shared-disk",
};

const char *
check_file_kind_name(enum check_file_kind kind)
{
    return kind_names[kind];
}

bool
check_file_kind_from_name(const char *name, enum check_file_kind *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
        if (!strcmp(name, kind_names[i])) {
            *kind = i;
            return true;
        }
    }
    return false;
}

void
check_file_uninit(struct check_file *f)
{
    free(f->what);
    free(f->path);
}

/* Hashes the first 'n' bytes of 'fd'.  Returns 0 or an errno. */
static int
hash(int fd, uint64_t n, char hex[41])
{
    uint8_t digest[SHA1_DIGEST_SIZE];
    const size_t piece = 256 * 1024;
    struct sha1_ctx ctx;
    uint8_t *buffer = xmalloc(piece);
    int error = 0;

    sha1_init(&ctx);
    while (n && !error) {
        ssize_t got = read(fd, buffer, MIN(n, piece));

        if (got > 0) {
            sha1_update(&ctx, buffer, got);
            n -= got;
        } else if (!got) {
            error = ENODATA;    /* It has become shorter. */
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    sha1_final(&ctx, digest);
    sha1_to_hex(digest, hex);
    free(buffer);
    return error;
}

/* Of a block device, without opening it: a DRBD device that is secondary here,
 * as it should be, can not even be read. */
static int
device_size(dev_t dev, uint64_t *size)
{
    char *path = xasprintf("/sys/dev/block/%u:%u/size", major(dev),
                           minor(dev));
    uint64_t sectors = 0;
    FILE *f = fopen(path, "re");
    int error = !f ? errno : fscanf(f, "%"SCNu64, &sectors) == 1 ? 0 : EIO;

    if (f) {
        fclose(f);
    }
    free(path);
    *size = sectors * 512;
    return error;
}

/* Its content, as far as it counts. */
static int
look_inside(struct check_file *f, const struct stat *st, uint64_t only,
            uint64_t *budget)
{
    struct stat again;
    int fd, error;

    f->hashed = MIN(f->size, MIN(only ? only : CHECK_HASH_ONE, *budget));
    if (f->kind == CHECK_FILE_SHARED_DISK || (only && f->hashed != only)) {
        f->hashed = 0;
    }
    if (!f->hashed) {
        return 0;
    }
    fd = open(f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        error = errno;
    } else if (fstat(fd, &again)) {
        error = errno;
    } else if (again.st_dev != st->st_dev || again.st_ino != st->st_ino) {
        error = EINVAL;         /* Another one has taken its place. */
    } else {
        *budget -= f->hashed;
        error = hash(fd, f->hashed, f->sha1);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (error) {
        f->hashed = 0;
    }
    return error;
}

int
check_file_look(struct check_file *f, uint64_t only, uint64_t *budget)
{
    struct stat st;
    int error = 0;

    f->size = f->hashed = 0;
    f->sha1[0] = '\0';
    /* To open some devices does something by itself (a tape winds back, a
     * watchdog starts): so not even that, unless it is of the right kind. */
    if (stat(f->path, &st)) {
        return errno;
    }
    f->block = S_ISBLK(st.st_mode);
    if (f->block) {
        error = device_size(st.st_rdev, &f->size);
    } else if (S_ISREG(st.st_mode)) {
        f->size = st.st_size;
    } else {
        error = EINVAL;
    }
    return error ? error : look_inside(f, &st, only, budget);
}

/* --------------------------------------------------------------- comparing */

static bool
is_disk(enum check_file_kind kind)
{
    return kind == CHECK_FILE_DISK || kind == CHECK_FILE_SHARED_DISK;
}

static void
missing(struct check_lines *c, const struct check_file *f, int error)
{
    if (is_disk(f->kind)) {
        check_bad(c, CHECK_FAIL, "files", xasprintf(
                  "make %s known here under the same path: without it a "
                  "takeover fails", f->path),
                  "%s, %s, cannot be had (%s)", f->what, f->path,
                  error == EINVAL ? "neither a file nor a block device"
                  : ovs_strerror(error));
    } else if (f->kind == CHECK_FILE_PROGRAM) {
        check_bad(c, CHECK_FAIL, "files", xstrdup(
                  "install it here under the same path: the copy is made by "
                  "it"), "%s, %s, cannot be had (%s)", f->what, f->path,
                  ovs_strerror(error));
    } else {
        check_bad(c, CHECK_WARN, "files", xasprintf(
                  "copy %s here: a takeover does not need it, the domain's "
                  "next reboot does", f->path),
                  "%s, %s, cannot be had (%s)", f->what, f->path,
                  ovs_strerror(error));
    }
}

static void
differs(struct check_lines *c, const struct check_file *f, const char *how)
{
    if (is_disk(f->kind)) {
        check_bad(c, CHECK_FAIL, "files", xasprintf(
                  "make both %s the same: the copy goes on with what it has "
                  "read of the other one", f->path),
                  "%s, %s, %s", f->what, f->path, how);
    } else {
        check_bad(c, CHECK_WARN, "files", xasprintf(
                  "install the same %s on both, or the domain's next reboot "
                  "here is with another one", f->what),
                  "%s, %s, %s", f->what, f->path, how);
    }
}

void
check_file_compare(struct check_lines *c, const struct check_file *theirs,
                   uint64_t *budget)
{
    struct check_file mine = { .kind = theirs->kind,
                               .path = theirs->path };
    /* What that node has not hashed is not worth it here. */
    uint64_t nothing = 0;
    int error = check_file_look(&mine, theirs->hashed,
                                theirs->hashed ? budget : &nothing);
    char *how;

    if (!error && theirs->kind == CHECK_FILE_PROGRAM
        && access(theirs->path, X_OK)) {
        error = errno;
    }
    if (error) {
        missing(c, theirs, error);
    } else if (mine.size != theirs->size) {
        how = xasprintf("has %"PRIu64" bytes here and %"PRIu64" there",
                        mine.size, theirs->size);
        differs(c, theirs, how);
        free(how);
    } else if (mine.hashed && strcmp(mine.sha1, theirs->sha1)) {
        differs(c, theirs, "has another content here than there");
    } else if (theirs->kind == CHECK_FILE_SHARED_DISK) {
        check_ok(c, "files", "%s, %s, is there, with as many bytes",
                 theirs->what, theirs->path);
    } else if (!mine.hashed && theirs->size) {
        check_ok(c, "files", "%s, %s, is there, with as many bytes (too many "
                 "to compare them)", theirs->what, theirs->path);
    } else if (mine.hashed < theirs->size) {
        check_ok(c, "files", "%s, %s, is there, with as many bytes, the first "
                 "%"PRIu64" MiB the same", theirs->what, theirs->path,
                 mine.hashed >> 20);
    } else {
        check_ok(c, "files", "%s, %s, is there, the same", theirs->what,
                 theirs->path);
    }
}
