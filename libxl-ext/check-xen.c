/* SPDX-License-Identifier: Apache-2.0 */
/* What only the hypervisor knows: see the header.
 *
 * libxl's interface has none of this, so it is asked of the libraries below
 * it, which have no stable one: it is compiled for one version of Xen, as
 * libxl itself is. */

#include <config.h>

#include "check-xen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xenguest.h>
#include <xentoollog.h>

#include "check-copy.h"
#include "check-cpu.h"
#include "check-io.h"
#include "timeval.h"
#include "util.h"

#define DIRTY_MS 1000           /* All of a mean takes about so long. */

/* It would say on its own what it thinks of hypercalls that fail: what is to
 * be said is said by us. */
static xentoollog_logger *logger;       /* Of the one that is open. */

static xc_interface *
open_xc(char **error)
{
    xc_interface *xch;

    logger = (xentoollog_logger *) xtl_createlogger_stdiostream(
        stderr, XTL_CRITICAL, 0);
    xch = xc_interface_open(logger, logger, 0);
    if (!xch) {
        *error = xasprintf("the hypervisor cannot be asked (%s)",
                           ovs_strerror(errno));
        xtl_logger_destroy(logger);
    }
    return xch;
}

static void
close_xc(xc_interface *xch)
{
    xc_interface_close(xch);
    xtl_logger_destroy(logger);
}

/* -------------------------------------------------------------- CPU policy */

#if defined(__x86_64__) || defined(__i386__)

/* NULL, or what of 'policy' failed; frees nothing. */
static char *
serialise(xc_interface *xch, const xc_cpu_policy_t *policy,
          struct check_policy *p)
{
    uint32_t n_leaves, n_msrs;
    xen_cpuid_leaf_t *leaves;
    xen_msr_entry_t *msrs;

    if (xc_cpu_policy_get_size(xch, &n_leaves, &n_msrs)
        || n_leaves > CHECK_MAX_POLICY / sizeof *leaves
        || n_msrs > CHECK_MAX_POLICY / sizeof *msrs) {
        return xasprintf("the size of a CPU policy is not to be had (%s)",
                         ovs_strerror(errno));
    }
    leaves = xcalloc(n_leaves, sizeof *leaves);
    msrs = xcalloc(n_msrs, sizeof *msrs);
    if (xc_cpu_policy_serialise(xch, policy, leaves, &n_leaves, msrs, &n_msrs)
        || !n_leaves) {
        free(leaves);
        free(msrs);
        return xasprintf("a CPU policy cannot be written down (%s)",
                         ovs_strerror(errno));
    }
    p->leaves = (uint8_t *) leaves;
    p->leaves_len = n_leaves * sizeof *leaves;
    p->msrs = (uint8_t *) msrs;
    p->msrs_len = n_msrs * sizeof *msrs;
    return NULL;
}

char *
check_policy_get(uint32_t domid, struct check_policy *p)
{
    char *error = NULL;
    xc_interface *xch = open_xc(&error);
    xc_cpu_policy_t *policy;

    memset(p, 0, sizeof *p);
    if (!xch) {
        return error;
    }
    policy = xc_cpu_policy_init();
    if (!policy || xc_cpu_policy_get_domain(xch, domid, policy)) {
        error = xasprintf("its CPU policy is not to be had (%s)",
                          ovs_strerror(errno));
    } else {
        error = serialise(xch, policy, p);
    }
    if (policy) {
        xc_cpu_policy_destroy(policy);
    }
    close_xc(xch);
    return error;
}

/* Word by word: see check-cpu.c. */
static enum check_compat
compare_words(xc_interface *xch, const xc_cpu_policy_t *host,
              const struct check_policy *guest, char **text)
{
    struct check_policy ours = { .leaves = NULL };

    BUILD_ASSERT(sizeof(struct check_leaf) == sizeof(xen_cpuid_leaf_t));
    BUILD_ASSERT(offsetof(struct check_leaf, d)
                 == offsetof(xen_cpuid_leaf_t, d));
    *text = serialise(xch, host, &ours);
    if (*text) {
        return CHECK_UNKNOWN;
    }
    *text = check_cpu_lacks((const struct check_leaf *) guest->leaves,
                            guest->leaves_len / sizeof(struct check_leaf),
                            (const struct check_leaf *) ours.leaves,
                            ours.leaves_len / sizeof(struct check_leaf));
    free(ours.leaves);
    free(ours.msrs);
    return *text ? CHECK_INCOMPATIBLE : CHECK_COMPATIBLE;
}

/* As a restore does it: libxc rebuilds the guest's policy from the leaves and
 * MSRs in the stream and gives it to the hypervisor
 * (XEN_DOMCTL_set_cpu_policy), which refuses one that is not compatible with
 * the *maximum* of its own for that kind of guest: pv_max for PV, hvm_max for
 * HVM and PVH alike.  (The default policy is narrower: it is what new guests
 * get.)  What it then takes away without refusing is compared before. */
static enum check_compat
compare(xc_interface *xch, enum check_type type, const struct check_policy *p,
        char **text)
{
    xc_cpu_policy_t *host = xc_cpu_policy_init();
    xc_cpu_policy_t *guest = xc_cpu_policy_init();
    enum check_compat result = CHECK_UNKNOWN;

    if (!host || !guest
        || xc_cpu_policy_get_system(xch, type == CHECK_PV
                                    ? XEN_SYSCTL_cpu_policy_pv_max
                                    : XEN_SYSCTL_cpu_policy_hvm_max, host)) {
        *text = xasprintf("this hypervisor's own CPU policy is not to be had "
                          "(%s)", ovs_strerror(errno));
    } else if (xc_cpu_policy_update_cpuid(
                   xch, guest, (const xen_cpuid_leaf_t *) p->leaves,
                   p->leaves_len / sizeof(xen_cpuid_leaf_t))
               || (p->msrs_len
                   && xc_cpu_policy_update_msrs(
                       xch, guest, (const xen_msr_entry_t *) p->msrs,
                       p->msrs_len / sizeof(xen_msr_entry_t)))) {
        *text = xasprintf("the guest's CPU policy is not understood here "
                          "(%s)", ovs_strerror(errno));
    } else {
        result = compare_words(xch, host, p, text);
        if (result != CHECK_INCOMPATIBLE
            && !xc_cpu_policy_is_compatible(xch, host, guest)) {
            free(*text);
            *text = xstrdup("this hypervisor refuses it");
            result = CHECK_INCOMPATIBLE;
        }
    }
    if (host) {
        xc_cpu_policy_destroy(host);
    }
    if (guest) {
        xc_cpu_policy_destroy(guest);
    }
    return result;
}

enum check_compat
check_policy_compare(enum check_type type, const struct check_policy *p,
                     char **text)
{
    enum check_compat result = CHECK_UNKNOWN;
    xc_interface *xch;

    *text = NULL;
    if (!p->leaves || p->leaves_len % sizeof(xen_cpuid_leaf_t)
        || p->msrs_len % sizeof(xen_msr_entry_t)) {
        *text = xstrdup("the other node did not say which CPU the guest "
                        "sees");
        return result;
    }
    xch = open_xc(text);
    if (xch) {
        result = compare(xch, type, p, text);
        close_xc(xch);
    }
    return result;
}

#else  /* No policies on other architectures. */

char *
check_policy_get(uint32_t domid OVS_UNUSED, struct check_policy *p)
{
    memset(p, 0, sizeof *p);
    return xstrdup("this architecture has no CPU policies");
}

enum check_compat
check_policy_compare(enum check_type type OVS_UNUSED,
                     const struct check_policy *p OVS_UNUSED, char **error)
{
    *error = xstrdup("this architecture has no CPU policies");
    return CHECK_UNKNOWN;
}

#endif

/* ------------------------------------------------------------- dirty pages */

/* Sets '*pages' to what was written to since the last time, and forgets it.
 * Without a bitmap to fill only the count is told, and the pages are clean all
 * the same, but only as many as are asked about: so all. */
static int
clean(xc_interface *xch, uint32_t domid, xen_pfn_t n, uint32_t *pages)
{
    xc_shadow_op_stats_t stats = { 0, 0 };

    if (xc_logdirty_control(xch, domid, XEN_DOMCTL_SHADOW_OP_CLEAN, NULL, n, 0,
                            &stats) < 0) {
        return errno ? errno : EIO;
    }
    *pages = stats.dirty_count;
    return 0;
}

/* Log-dirty mode is on. */
static char *
measure(xc_interface *xch, uint32_t domid, xen_pfn_t n, int ms, double *pages)
{
    int period = MAX(ms, CHECK_DIRTY_MIN_MS);
    int times = MAX(1, DIRTY_MS / period);
    double sum = 0;
    int64_t at;
    uint32_t count;
    int error;

    error = clean(xch, domid, n, &count);
    at = time_usec();
    for (int i = 0; i < times && !error; i++) {
        int64_t then = at;

        poll(NULL, 0, period);
        error = clean(xch, domid, n, &count);
        at = time_usec();
        /* It was longer than 'ms', if only a little. */
        sum += count * (ms * 1e3 / MAX(at - then, 1));
    }
    if (error) {
        return xasprintf("its dirty pages cannot be counted (%s)",
                         ovs_strerror(error));
    }
    *pages = sum / times;
    return NULL;
}

/* NULL, or what is the matter. */
static char *
check_runs(xc_interface *xch, uint32_t domid)
{
    xc_domaininfo_t info;

    if (xc_domain_getinfolist(xch, domid, 1, &info) != 1
        || info.domain != domid) {
        return xstrdup("it is gone");
    } else if (info.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown
                             | XEN_DOMINF_paused)) {
        return xstrdup("it does not run");
    }
    return NULL;
}

/* Switches the log off again.  NULL, or what is the matter. */
static char *
log_off(xc_interface *xch, uint32_t domid)
{
    /* Whoever has begun to save it has taken the log over, and needs it. */
    if (check_saver_runs("/proc", domid)) {
        return xstrdup("somebody has begun to save it meanwhile");
    }
    if (xc_shadow_control(xch, domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0) < 0
        && errno != ESRCH) {
        return xasprintf("the log of its dirty pages was not switched off "
                         "again (%s), which makes it slower until it has been "
                         "protected once", ovs_strerror(errno));
    }
    return NULL;
}

/* With all signals blocked. */
static char *
log_and_measure(xc_interface *xch, uint32_t domid, int ms, double *pages)
{
    char *error, *off;
    xen_pfn_t n;

    error = check_runs(xch, domid);
    if (error) {
        return error;
    }
    if (xc_domain_nr_gpfns(xch, domid, &n) < 0) {
        return xasprintf("its size is not to be had (%s)",
                         ovs_strerror(errno));
    }
    if (xc_shadow_control(xch, domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY,
                          NULL, 0) < 0) {
        if (errno != EINVAL) {
            return xasprintf("its dirty pages cannot be logged (%s)",
                             ovs_strerror(errno));
        }
        /* It is on already.  Whoever saves it has need of it; a helper, or a
         * check, that was killed has left it on and has not. */
        if (check_saver_runs("/proc", domid)) {
            return xstrdup("somebody saves it, and logs its dirty pages");
        }
    }
    error = measure(xch, domid, n, ms, pages);
    off = log_off(xch, domid);
    if (off) {
        free(error);
        return off;
    }
    /* Of a guest that stood still for a part of it there is no rate. */
    off = check_runs(xch, domid);
    if (off) {
        free(error);
        return off;
    }
    return error;
}

char *
check_dirty_pages(uint32_t domid, int ms, double *pages)
{
    sigset_t mask, old;
    char *error = NULL;
    xc_interface *xch = open_xc(&error);

    *pages = 0;
    if (!xch) {
        return error;
    }
    /* A signal waits until it is off again: for two seconds at most. */
    sigfillset(&mask);
    sigdelset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &old);
    error = log_and_measure(xch, domid, ms, pages);
    sigprocmask(SIG_SETMASK, &old, NULL);
    close_xc(xch);
    return error;
}
