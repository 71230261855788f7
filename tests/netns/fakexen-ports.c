/* SPDX-License-Identifier: Apache-2.0 */
/* A Xen that is a directory (fakexen.c): event channels, grants, and the files
 * that xenstored opens. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "fakexen.h"

static int dummy, virq_fd = -1, next_port = 2;

/* libxenevtchn: port 1 is the virq's FIFO, other ports never fire. */

xenevtchn_handle *
xenevtchn_open(xentoollog_logger *l, unsigned int f)
{
    char path[300];

    (void) l, (void) f;
    snprintf(path, sizeof path, "%s/virq", fake_dir());
    mkfifo(path, 0600);
    virq_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return virq_fd < 0 ? NULL : (xenevtchn_handle *) &dummy;
}

xenevtchn_handle *
xenevtchn_fdopen(xentoollog_logger *l, int fd, unsigned int f)
{
    (void) l, (void) f;
    virq_fd = fd;
    return (xenevtchn_handle *) &dummy;
}

int
xenevtchn_fd(xenevtchn_handle *h)
{
    (void) h;
    return virq_fd;
}

int
xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t p)
{
    (void) h, (void) p;
    return 0;
}

int
xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t p)
{
    (void) h, (void) p;
    return 0;
}

int
xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t p)
{
    (void) h, (void) p;
    return 0;
}

xenevtchn_port_or_error_t
xenevtchn_bind_virq(xenevtchn_handle *h, unsigned int v)
{
    (void) h, (void) v;
    return 1;
}

xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t d, evtchn_port_t r)
{
    (void) h, (void) d, (void) r;
    return next_port++;
}

xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *h)
{
    char c;

    (void) h;
    return read(virq_fd, &c, 1) == 1 ? 1 : -1;
}

/* libxengnttab: a ring page is a page of zeros. */

xengnttab_handle *
xengnttab_open(xentoollog_logger *l, unsigned int f)
{
    (void) l, (void) f;
    return (xengnttab_handle *) &dummy;
}

int
xengnttab_close(xengnttab_handle *h)
{
    (void) h;
    return 0;
}

int
xengnttab_set_max_grants(xengnttab_handle *h, uint32_t n)
{
    (void) h, (void) n;
    return 0;
}

void *
xengnttab_map_grant_ref(xengnttab_handle *h, uint32_t d, uint32_t r, int prot)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void) h, (void) d, (void) r, (void) prot;
    return p == MAP_FAILED ? NULL : p;
}

int
xengnttab_unmap(xengnttab_handle *h, void *p, uint32_t n)
{
    (void) h;
    return munmap(p, 4096 * (size_t) n);
}

/* Domain 0's port number and ring page, which xenstored reads from files. */

static int
open_special(const char *path)
{
    bool port = strstr(path, "xsd_port") != NULL;
    int fd = memfd_create("xsd", MFD_CLOEXEC);

    if (fd >= 0 && (port
                    ? write(fd, "1\n", 2) != 2 || lseek(fd, 0, SEEK_SET)
                    : ftruncate(fd, 4096))) {
        close(fd);
        return -1;
    }
    return fd;
}

static int
open_real(const char *path, int flags, int mode)
{
    static int (*real)(const char *, int, ...);

    if (strstr(path, "xsd_port") || strstr(path, "xsd_kva")) {
        return open_special(path);
    }
    if (flags & O_PATH && strstr(path, "/slow-disk")) {
        sleep(fake_number("slow", 0));
    }
    if (!real) {
        *(void **) &real = dlsym(RTLD_NEXT, "open");
    }
    return real(path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = va_arg(ap, int);
    va_end(ap);
    return open_real(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = va_arg(ap, int);
    va_end(ap);
    return open_real(path, flags | O_LARGEFILE, mode);
}
