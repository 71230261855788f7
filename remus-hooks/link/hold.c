/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a stream held back: see the header.
 *
 * Memory is a list of blocks, oldest first.  Once it is full, all that follows
 * goes to the file until both are empty, which keeps the order: blocks first,
 * then the file from 'read_ofs' to 'write_ofs'.  The file is written in pieces
 * as they come, so that a slow disk never keeps the link's loop from its
 * heartbeats for long. */

#include <config.h>

#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "openvswitch/list.h"
#include "util.h"

#define BLOCK_SIZE (256 * 1024)

struct block {
    struct ovs_list node;
    size_t start, end;
    uint8_t data[BLOCK_SIZE];
};

struct hold {
    struct ovs_list blocks;
    size_t n_blocks, max_blocks;
    uint64_t in_memory;

    char *dir;
    int fd;                     /* -1: no file yet. */
    off_t read_ofs, write_ofs;

    uint64_t ready;
    struct block *spare;
};

struct hold *
hold_create(size_t memory_limit, const char *dir)
{
    struct hold *h = xzalloc(sizeof *h);

    ovs_list_init(&h->blocks);
    h->max_blocks = MAX(memory_limit / BLOCK_SIZE, 1);
    h->dir = xstrdup(dir);
    h->fd = -1;
    return h;
}

static void
block_free(struct hold *h, struct block *b)
{
    ovs_list_remove(&b->node);
    h->n_blocks--;
    if (!h->spare) {
        h->spare = b;
    } else {
        free(b);
    }
}

void
hold_destroy(struct hold *h)
{
    struct block *b;

    if (!h) {
        return;
    }
    LIST_FOR_EACH_SAFE (b, node, &h->blocks) {
        block_free(h, b);
    }
    free(h->spare);
    if (h->fd >= 0) {
        close(h->fd);
    }
    free(h->dir);
    free(h);
}

static struct block *
block_add(struct hold *h)
{
    struct block *b = h->spare ? h->spare : xmalloc(sizeof *b);

    h->spare = NULL;
    b->start = b->end = 0;
    ovs_list_push_back(&h->blocks, &b->node);
    h->n_blocks++;
    return b;
}

static int
spool(struct hold *h, const uint8_t *data, size_t n)
{
    if (h->fd < 0) {
        h->fd = open(h->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (h->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
            char *name = xasprintf("%s/dts-link.XXXXXX", h->dir);

            h->fd = mkostemp(name, O_CLOEXEC);
            if (h->fd >= 0) {
                unlink(name);
            }
            free(name);
        }
        if (h->fd < 0) {
            return errno;
        }
    }
    while (n) {
        ssize_t written = pwrite(h->fd, data, n, h->write_ofs);

        if (written > 0) {
            data += written;
            n -= written;
            h->write_ofs += written;
        } else if (!written) {
            return ENOSPC;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

int
hold_append(struct hold *h, const void *data_, size_t n)
{
    const uint8_t *data = data_;

    while (n && h->read_ofs == h->write_ofs) {
        struct block *b = (ovs_list_is_empty(&h->blocks) ? NULL
                           : CONTAINER_OF(ovs_list_back(&h->blocks),
                                          struct block, node));
        size_t take;

        if (!b || b->end == BLOCK_SIZE) {
            if (h->n_blocks >= h->max_blocks) {
                break;
            }
            b = block_add(h);
        }
        take = MIN(n, BLOCK_SIZE - b->end);
        memcpy(b->data + b->end, data, take);
        b->end += take;
        h->in_memory += take;
        data += take;
        n -= take;
    }
    return n ? spool(h, data, n) : 0;
}

void
hold_mark(struct hold *h)
{
    h->ready = hold_total(h);
}

/* Reads a block back from the file. */
static int
unspool(struct hold *h)
{
    struct block *b = block_add(h);

    while (b->end < BLOCK_SIZE && h->read_ofs < h->write_ofs) {
        size_t n = MIN(BLOCK_SIZE - b->end, h->write_ofs - h->read_ofs);
        ssize_t got = pread(h->fd, b->data + b->end, n, h->read_ofs);

        if (got > 0) {
            b->end += got;
            h->read_ofs += got;
            h->in_memory += got;
        } else if (!got) {
            return EIO;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    if (h->read_ofs == h->write_ofs) {
        h->read_ofs = h->write_ofs = 0;
        ignore(ftruncate(h->fd, 0));
    }
    return 0;
}

int
hold_write(struct hold *h, int fd)
{
    while (h->ready) {
        struct block *b;
        ssize_t n;

        if (ovs_list_is_empty(&h->blocks)) {
            int error = unspool(h);
            if (error) {
                return error;
            }
        }
        b = CONTAINER_OF(ovs_list_front(&h->blocks), struct block, node);
        n = write(fd, b->data + b->start, MIN(b->end - b->start, h->ready));
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN ? 0 : errno;
        }
        b->start += n;
        h->ready -= n;
        h->in_memory -= n;
        if (b->start == b->end) {
            block_free(h, b);
        }
    }
    return 0;
}

uint64_t
hold_ready(const struct hold *h)
{
    return h->ready;
}

uint64_t
hold_total(const struct hold *h)
{
    return h->in_memory + hold_spooled(h);
}

uint64_t
hold_spooled(const struct hold *h)
{
    return h->write_ofs - h->read_ofs;
}
