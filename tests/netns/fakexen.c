/* SPDX-License-Identifier: Apache-2.0 */
/* A Xen that is a directory of small files.
 *
 * This is a shared object for LD_PRELOAD.  It takes the place of the few calls
 * into libxenctrl, libxenevtchn and libxengnttab that Debian's C xenstored
 * (xen-utils-4.17) and libxl make, so that the real xenstored and the real
 * programs on libxl (xl-remus, dts-domwatch) run on a machine without Xen.
 *
 *    FAKEXEN_DIR=D XENSTORED_RUNDIR=D LD_PRELOAD=./fakexen.so \
 *        xenstored -N -F D/pid            (never with -D: 4.17 crashes then)
 *
 * A domain exists when there is a file D/dom/DOMID.  It holds words:
 *
 *    STATE        r runs, b blocked, p paused, s shut down, c crashed, d dying
 *    reason=N     of a shutdown: 0 poweroff, 1 reboot, 2 suspend, 3 crash, ...
 *    paused=N     how often it is paused, as Xen counts it
 *    uuid=UUID    its handle
 *    cpu=NS       CPU time; without it, a domain that runs uses one CPU, and
 *                 one that does not has used what it had when the file was
 *                 written last
 *
 * An empty file is a domain that runs.  Write a file under another name and
 * move it, so that it is never read half.  One byte written to the FIFO D/virq
 * is VIRQ_DOM_EXC: "look at the domains".  Domain 0 needs no file.
 * fakedom.c does all that from the command line.  (fakexen-ports.c has what only
 * xenstored needs.)
 *
 * A few more files, each of one number, are what `xl-remus check` asks about:
 *
 *    D/free       pages of free memory (without it: none are counted)
 *    D/version    minor version of Xen (17)
 *    D/cpu        a CPU; one of a greater number can what a smaller one can
 *    D/features   its word of features, in leaf 1
 *    D/vendor     its vendor's name, as a number
 *    D/dirty      pages that are dirty at each look
 *    D/logdirty   is there while a domain's dirty pages are logged; if it is
 *                 there before, that cannot be begun
 *    D/touched    is there once that was begun, ever
 *    D/slow       seconds that a disk takes for a file called slow-disk */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XC_WANT_COMPAT_EVTCHN_API 1
#include <xenctrl.h>
#include <xenguest.h>

#include "fakexen.h"

#define REASON_SUSPEND 2
#define REASON_CRASH 3

struct fake_domain {
    char state;
    int reason;
    int paused;
    unsigned char handle[16];
    uint64_t cpu_time;
};

int xc_flask_sid_to_context(xc_interface *, int, char *, uint32_t);

static int dummy;

const char *
fake_dir(void)
{
    const char *dir = getenv("FAKEXEN_DIR");
    return dir ? dir : "/tmp/fakexen";
}

/* Domains. */

static void
domain_path(char *path, size_t size, uint32_t domid)
{
    snprintf(path, size, "%s/dom/%u", fake_dir(), domid);
}

static void
parse_handle(const char *s, unsigned char handle[16])
{
    size_t i;

    for (i = 0; i < 32 && *s; s++) {
        if (isxdigit((unsigned char) *s)) {
            int v = isdigit((unsigned char) *s) ? *s - '0'
                    : tolower((unsigned char) *s) - 'a' + 10;
            handle[i / 2] |= i % 2 ? v : v << 4;
            i++;
        }
    }
}

static bool
domain_read(uint32_t domid, struct fake_domain *d)
{
    char path[300], buf[512], *word, *save = NULL;
    struct timespec now;
    struct stat st;
    bool cpu = false;
    ssize_t n;
    int fd;

    memset(d, 0, sizeof *d);
    d->state = 'r';
    if (!domid) {
        return true;
    }
    domain_path(path, sizeof path, domid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        errno = ESRCH;
        return false;
    }
    n = read(fd, buf, sizeof buf - 1);
    buf[n > 0 ? n : 0] = '\0';
    fstat(fd, &st);
    close(fd);

    for (word = strtok_r(buf, " \n", &save); word;
         word = strtok_r(NULL, " \n", &save)) {
        if (!word[1]) {
            d->state = word[0];
        } else if (!strncmp(word, "reason=", 7)) {
            d->reason = atoi(word + 7);
        } else if (!strncmp(word, "paused=", 7)) {
            d->paused = atoi(word + 7);
        } else if (!strncmp(word, "uuid=", 5)) {
            parse_handle(word + 5, d->handle);
        } else if (!strncmp(word, "cpu=", 4)) {
            d->cpu_time = strtoull(word + 4, NULL, 10);
            cpu = true;
        }
    }
    if (d->state == 'c') {
        d->state = 's';
        d->reason = REASON_CRASH;
    } else if (d->state == 'p') {
        d->state = 'b';
        d->paused += !d->paused;
    }
    if (!cpu) {
        d->cpu_time = (st.st_mtim.tv_sec * UINT64_C(1000000000)
                       + st.st_mtim.tv_nsec);
        if (d->state == 'r' && !d->paused) {
            clock_gettime(CLOCK_REALTIME, &now);
            d->cpu_time = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
        }
    }
    return true;
}

static int
domain_write(uint32_t domid, const struct fake_domain *d)
{
    char path[300], tmp[320];
    FILE *f;
    int i;

    domain_path(path, sizeof path, domid);
    snprintf(tmp, sizeof tmp, "%s/.%u.tmp", fake_dir(), domid);
    f = fopen(tmp, "we");
    if (!f) {
        return -1;
    }
    fprintf(f, "%c reason=%d paused=%d uuid=", d->state, d->reason, d->paused);
    for (i = 0; i < 16; i++) {
        fprintf(f, "%02x", d->handle[i]);
    }
    putc('\n', f);
    return fclose(f) || rename(tmp, path) ? -1 : 0;
}

static void
raise_virq(void)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/virq", fake_dir());
    fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "x", 1) != 1) {
            /* The pipe is full: xenstored will look anyway. */
        }
        close(fd);
    }
}

/* Flags as in struct xen_domctl_getdomaininfo. */
static uint32_t
domain_flags(uint32_t domid, const struct fake_domain *d)
{
    uint32_t flags = domid ? XEN_DOMINF_hvm_guest | XEN_DOMINF_hap : 0;

    if (d->state == 's') {
        flags |= XEN_DOMINF_shutdown
                 | (uint32_t) d->reason << XEN_DOMINF_shutdownshift;
    } else if (d->state == 'd') {
        flags |= XEN_DOMINF_dying;
    } else if (d->state == 'b') {
        flags |= XEN_DOMINF_blocked;
    } else {
        flags |= XEN_DOMINF_running;
    }
    return flags | (d->paused ? XEN_DOMINF_paused : 0);
}

static void
fill_info(uint32_t domid, const struct fake_domain *d, xc_domaininfo_t *info)
{
    memset(info, 0, sizeof *info);
    info->domain = domid;
    info->flags = domain_flags(domid, d);
    info->cpu_time = d->cpu_time;
    info->nr_online_vcpus = 1;
    info->tot_pages = info->max_pages = 32768;
    memcpy(info->handle, d->handle, sizeof d->handle);
}

/* libxenctrl. */

xc_interface *
xc_interface_open(xentoollog_logger *a, xentoollog_logger *b, unsigned int f)
{
    (void) a, (void) b, (void) f;
    return (xc_interface *) &dummy;
}

int
xc_interface_close(xc_interface *xch)
{
    (void) xch;
    return 0;
}

/* The old call of xenstored: one domain. */
int
xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max,
                  xc_dominfo_t *info)
{
    struct fake_domain d;

    (void) xch, (void) max;
    memset(info, 0, sizeof *info);
    if (!domain_read(first, &d)) {
        return 0;
    }
    info->domid = first;
    info->running = d.state == 'r';
    info->blocked = d.state == 'b';
    info->paused = d.paused > 0;
    info->dying = d.state == 'd';
    info->hvm = first != 0;
    info->shutdown = d.state == 's' && d.reason != REASON_CRASH;
    info->crashed = d.state == 's' && d.reason == REASON_CRASH;
    info->shutdown_reason = d.reason;
    info->cpu_time = d.cpu_time;
    memcpy(info->handle, d.handle, sizeof d.handle);
    return 1;
}

static int
compare_domids(const void *a_, const void *b_)
{
    const uint32_t *a = a_, *b = b_;
    return *a < *b ? -1 : *a > *b;
}

int
xc_domain_getinfolist(xc_interface *xch, uint32_t first, unsigned int max,
                      xc_domaininfo_t *info)
{
    uint32_t domids[1024];
    unsigned int n = 0, n_domids = 0, i;
    char path[300];
    struct dirent *e;
    DIR *dir;

    (void) xch;
    snprintf(path, sizeof path, "%s/dom", fake_dir());
    dir = opendir(path);
    domids[n_domids++] = 0;
    while (dir && n_domids < 1024 && (e = readdir(dir))) {
        if (isdigit((unsigned char) e->d_name[0]) && atoi(e->d_name)) {
            domids[n_domids++] = atoi(e->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    qsort(domids, n_domids, sizeof *domids, compare_domids);
    for (i = 0; i < n_domids && n < max; i++) {
        struct fake_domain d;

        if (domids[i] >= first && domain_read(domids[i], &d)) {
            fill_info(domids[i], &d, &info[n++]);
        }
    }
    return n;
}

int
xc_domain_pause(xc_interface *xch, uint32_t domid)
{
    struct fake_domain d;

    (void) xch;
    if (!domain_read(domid, &d)) {
        return -1;
    }
    d.paused++;
    return domain_write(domid, &d);
}

int
xc_domain_unpause(xc_interface *xch, uint32_t domid)
{
    struct fake_domain d;

    (void) xch;
    if (!domain_read(domid, &d)) {
        return -1;
    }
    if (!d.paused) {
        errno = EINVAL;
        return -1;
    }
    if (!--d.paused && d.state == 'b') {
        d.state = 'r';
    }
    return domain_write(domid, &d);
}

int
xc_domain_resume(xc_interface *xch, uint32_t domid, int fast)
{
    struct fake_domain d;

    (void) xch, (void) fast;
    if (!domain_read(domid, &d)) {
        return -1;
    }
    if (d.state != 's' || d.reason != REASON_SUSPEND) {
        errno = EINVAL;
        return -1;
    }
    d.state = 'r';
    d.reason = 0;
    return domain_write(domid, &d);
}

int
xc_domain_destroy(xc_interface *xch, uint32_t domid)
{
    char path[300];

    (void) xch;
    domain_path(path, sizeof path, domid);
    if (unlink(path)) {
        errno = ESRCH;
        return -1;
    }
    raise_virq();
    return 0;
}

/* ------------------------------------------------ what xl-remus check asks */

/* The number in file 'name', or 'dflt'. */
long
fake_number(const char *name, long dflt)
{
    char path[4096];
    long n = dflt;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", fake_dir(), name);
    f = fopen(path, "r");
    if (f) {
        if (fscanf(f, "%ld", &n) != 1) {
            n = dflt;
        }
        fclose(f);
    }
    return n;
}

int
xc_version(xc_interface *xch, int cmd, void *arg)
{
    (void) xch;
    switch (cmd) {
    case XENVER_version:
        return 4 << 16 | fake_number("version", 17);
    case XENVER_pagesize:
        return 4096;
    case XENVER_compile_info:
        memset(arg, 0, sizeof(xen_compile_info_t));
        return 0;
    case XENVER_platform_parameters:
        memset(arg, 0, sizeof(xen_platform_parameters_t));
        return 0;
    case XENVER_build_id:
        errno = ENODATA;
        return -1;
    default:
        *(char *) arg = '\0';
        return 0;
    }
}

int
xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
    (void) xch;
    memset(info, 0, sizeof *info);
    info->nr_cpus = info->nr_nodes = info->threads_per_core = 1;
    info->cores_per_socket = 1;
    info->total_pages = 1 << 20;
    info->capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap
                         | XEN_SYSCTL_PHYSCAP_shadow;
    info->free_pages = fake_number("free", 0);
    return 0;
}

long
xc_sharing_freed_pages(xc_interface *xch)
{
    (void) xch;
    return 0;
}

long
xc_sharing_used_frames(xc_interface *xch)
{
    (void) xch;
    return 0;
}

/* One pool, one CPU, a scheduler without parameters: libxl reads them with a
 * domain's configuration. */
xc_cpupoolinfo_t *
xc_cpupool_getinfo(xc_interface *xch, uint32_t poolid)
{
    xc_cpupoolinfo_t *info;

    (void) xch;
    info = calloc(1, sizeof *info);
    info->cpupool_id = poolid;
    info->sched_id = XEN_SCHEDULER_CREDIT2;
    info->cpumap = calloc(1, 8);
    return info;
}

void
xc_cpupool_infofree(xc_interface *xch, xc_cpupoolinfo_t *info)
{
    (void) xch;
    free(info->cpumap);
    free(info);
}

int
xc_get_max_cpus(xc_interface *xch)
{
    (void) xch;
    return 1;
}

int
xc_get_max_nodes(xc_interface *xch)
{
    (void) xch;
    return 1;
}

int
xc_sched_id(xc_interface *xch, int *id)
{
    (void) xch;
    *id = XEN_SCHEDULER_CREDIT2;
    return 0;
}

int
xc_sched_credit2_domain_get(xc_interface *xch, uint32_t domid,
                            struct xen_domctl_sched_credit2 *params)
{
    (void) xch;
    (void) domid;
    memset(params, 0, sizeof *params);
    return 0;
}

int
xc_domain_nr_gpfns(xc_interface *xch, uint32_t domid, xen_pfn_t *gpfns)
{
    (void) xch;
    (void) domid;
    *gpfns = 32768;
    return 0;
}

int
xc_shadow_control(xc_interface *xch, uint32_t domid, unsigned int op,
                  unsigned int *mb, unsigned int mode)
{
    char path[4096];
    int fd;

    struct fake_domain d;

    (void) xch;
    (void) mb;
    (void) mode;
    snprintf(path, sizeof path, "%s/logdirty", fake_dir());
    if (op == XEN_DOMCTL_SHADOW_OP_OFF) {
        /* What it logged goes with a domain, but nobody can ask. */
        return unlink(path) || !domain_read(domid, &d) ? -1 : 0;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        errno = EINVAL;
        return -1;
    }
    close(fd);
    snprintf(path, sizeof path, "%s/touched", fake_dir());
    close(open(path, O_WRONLY | O_CREAT, 0600));
    return 0;
}

long long
xc_logdirty_control(xc_interface *xch, uint32_t domid, unsigned int op,
                    xc_hypercall_buffer_t *bitmap, unsigned long pages,
                    unsigned int mode, xc_shadow_op_stats_t *stats)
{
    (void) xch;
    (void) domid;
    (void) op;
    (void) bitmap;
    (void) mode;
    stats->fault_count = 0;
    stats->dirty_count = fake_number("dirty", 0);
    return pages;
}

struct xc_cpu_policy {
    uint32_t cpu, vendor, features;
};

static void
read_policy(xc_cpu_policy_t *p)
{
    p->cpu = fake_number("cpu", 1);
    p->vendor = fake_number("vendor", 0x41414141);
    p->features = fake_number("features", 0);
}

xc_cpu_policy_t *
xc_cpu_policy_init(void)
{
    return calloc(1, sizeof(struct xc_cpu_policy));
}

void
xc_cpu_policy_destroy(xc_cpu_policy_t *p)
{
    free(p);
}

int
xc_cpu_policy_get_size(xc_interface *xch, uint32_t *leaves, uint32_t *msrs)
{
    (void) xch;
    *leaves = 4;
    *msrs = 1;
    return 0;
}

int
xc_cpu_policy_get_domain(xc_interface *xch, uint32_t domid,
                         xc_cpu_policy_t *p)
{
    (void) xch;
    (void) domid;
    read_policy(p);
    return 0;
}

int
xc_cpu_policy_get_system(xc_interface *xch, unsigned int which,
                         xc_cpu_policy_t *p)
{
    (void) xch;
    (void) which;
    read_policy(p);
    return 0;
}

int
xc_cpu_policy_serialise(xc_interface *xch, const xc_cpu_policy_t *p,
                        xen_cpuid_leaf_t *leaves, uint32_t *n_leaves,
                        xen_msr_entry_t *msrs, uint32_t *n_msrs)
{
    (void) xch;
    (void) msrs;
    leaves[0].subleaf = leaves[1].subleaf = XEN_CPUID_NO_SUBLEAF;
    leaves[0].a = p->cpu;
    leaves[0].b = p->vendor;
    leaves[1].leaf = 1;
    leaves[1].c = p->features;
    *n_leaves = 2;
    *n_msrs = 0;
    return 0;
}

int
xc_cpu_policy_update_cpuid(xc_interface *xch, xc_cpu_policy_t *p,
                           const xen_cpuid_leaf_t *leaves, uint32_t n)
{
    (void) xch;
    if (n != 2) {
        errno = ERANGE;
        return -1;
    }
    p->cpu = leaves[0].a;
    p->vendor = leaves[0].b;
    p->features = leaves[1].c;
    return 0;
}

int
xc_cpu_policy_update_msrs(xc_interface *xch, xc_cpu_policy_t *p,
                          const xen_msr_entry_t *msrs, uint32_t n)
{
    (void) xch;
    (void) p;
    (void) msrs;
    (void) n;
    errno = ERANGE;
    return -1;
}

bool
xc_cpu_policy_is_compatible(xc_interface *xch, xc_cpu_policy_t *host,
                            xc_cpu_policy_t *guest)
{
    (void) xch;
    return guest->cpu <= host->cpu;
}

int
xc_flask_sid_to_context(xc_interface *xch, int sid, char *buf, uint32_t size)
{
    (void) xch, (void) sid, (void) buf, (void) size;
    errno = ENOSYS;
    return -1;
}
