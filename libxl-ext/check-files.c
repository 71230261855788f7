/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a domain needs, here and on the other node.
 *
 * The paths to look at come from that other node, and this is root.  So a path
 * is opened for nothing but its size and its bytes, and no more is said of it
 * than whether it is there, has that size and that content: all of it, or all
 * of its first CHECK_HASH_ONE bytes, never of a piece that the other one
 * chose, which could be guessed byte by byte.  A size, a content or a checksum
 * goes nowhere.
 *
 * A FIFO or a device could keep an open() waiting, a terminal could become
 * ours: what is there is looked at before it is opened, by a descriptor that
 * opens nothing (O_PATH), and of what is neither a regular file nor a block
 * device nothing is read; nor of the kernel's own file systems, whose files
 * may do something when they are read, nor of our keys. */

#include <config.h>

#include "check-files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "check-lines.h"
#include "pki.h"
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

/* ------------------------------------------------------ what is not read */

/* Of the kernel, not of a disk. */
static bool
is_kernels(const struct statfs *fs)
{
    static const unsigned long int types[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
        SECURITYFS_MAGIC, SELINUX_MAGIC, SMACK_MAGIC, CGROUP_SUPER_MAGIC,
        CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC, PSTOREFS_MAGIC, EFIVARFS_MAGIC,
        DEVPTS_SUPER_MAGIC, BINFMTFS_MAGIC, NSFS_MAGIC, AUTOFS_SUPER_MAGIC,
        0x62656570,             /* configfs */
        0xabba1974,             /* xenfs */
        0x19800202,             /* mqueue */
        0x67596969,             /* rpc_pipefs */
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if ((unsigned long int) fs->f_type == types[i]) {
            return true;
        }
    }
    return false;
}

/* In /dev, which looks like a tmpfs. */
static bool
is_in_dev(const struct stat *st)
{
    struct stat dev, root;

    return (!stat("/dev", &dev) && !stat("/", &root)
            && dev.st_dev != root.st_dev && st->st_dev == dev.st_dev);
}

/* 'dir' is the folder's real name. */
static bool
is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static bool
is_key(const char *path)
{
    char real[PATH_MAX];

    return (is_below(path, DTS_PKI_DIR)
            || (realpath(DTS_PKI_DIR, real) && is_below(path, real)));
}

/* May the file that 'fd' stands for be read? */
static bool
may_read(int fd, const struct stat *st)
{
    char name[64], real[PATH_MAX];
    struct statfs fs;
    ssize_t n;

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    n = readlink(name, real, sizeof real - 1);
    if (n < 0 || fstatfs(fd, &fs)) {
        return false;
    }
    real[n] = '\0';
    return (!is_key(real) && !is_kernels(&fs)
            && (S_ISBLK(st->st_mode) || !is_in_dev(st)));
}

/* ----------------------------------------------------------------- looking */

/* Its content, as far as it counts.  'fd' only stands for it. */
static int
look_inside(struct check_file *f, int fd, const struct check_file *like,
            uint64_t *budget)
{
    uint64_t n = MIN(f->size, CHECK_HASH_ONE);
    char name[64];
    int error;

    if (f->kind == CHECK_FILE_SHARED_DISK || !n || n > *budget
        || (like && (like->size != f->size || like->hashed != n))) {
        return 0;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    *budget -= n;
    error = hash(fd, n, f->sha1);
    /* Nobody else asked for it: what others use is not to make room. */
    posix_fadvise(fd, 0, n, POSIX_FADV_DONTNEED);
    close(fd);
    f->hashed = error ? 0 : n;
    return error;
}

static int
look(struct check_file *f, int fd, const struct check_file *like,
     uint64_t *budget)
{
    struct stat st;
    int error = 0;

    if (fstat(fd, &st)) {
        return errno;
    }
    f->block = S_ISBLK(st.st_mode);
    if (!f->block && !S_ISREG(st.st_mode)) {
        return EINVAL;
    } else if (!may_read(fd, &st)) {
        return EOPNOTSUPP;
    } else if (f->block) {
        error = device_size(st.st_rdev, &f->size);
    } else {
        f->size = st.st_size;
    }
    return error ? error : look_inside(f, fd, like, budget);
}

int
check_file_look(struct check_file *f, const struct check_file *like,
                uint64_t *budget)
{
    int fd, error;

    f->size = f->hashed = 0;
    f->sha1[0] = '\0';
    if (is_key(f->path)) {
        return EOPNOTSUPP;
    }
    fd = open(f->path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    error = look(f, fd, like, budget);
    close(fd);
    return error;
}

const char *
check_file_error(int error)
{
    return (error == EINVAL ? "neither a file nor a block device"
            : error == EOPNOTSUPP ? "it cannot be compared"
            : ovs_strerror(error));
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
    if (error == EOPNOTSUPP) {
        check_bad(c, CHECK_WARN, "files", xasprintf(
                  "see to it by hand that %s is the same here", f->path),
                  "%s, %s, cannot be compared", f->what, f->path);
    } else if (is_disk(f->kind)) {
        check_bad(c, CHECK_FAIL, "files", xasprintf(
                  "make %s known here under the same path: without it a "
                  "takeover fails", f->path),
                  "%s, %s, cannot be had (%s)", f->what, f->path,
                  check_file_error(error));
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
                  check_file_error(error));
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
    int error = check_file_look(&mine, theirs, budget);

    if (!error && theirs->kind == CHECK_FILE_PROGRAM
        && access(theirs->path, X_OK)) {
        error = errno;
    }
    if (error) {
        missing(c, theirs, error);
    } else if (mine.size != theirs->size) {
        differs(c, theirs, "has another size here than there");
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
