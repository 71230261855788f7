/* SPDX-License-Identifier: Apache-2.0 */
/* The domains on this host, through libxl: one hypercall for all of them. */

#include <config.h>

#include "domlist.h"

#include <inttypes.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xentoollog.h>

#include "util.h"

libxl_ctx *
domlist_open(void)
{
    xentoollog_logger_stdiostream *log
        = xtl_createlogger_stdiostream(stderr, XTL_WARN,
                                       XTL_STDIOSTREAM_HIDE_PROGRESS);
    libxl_ctx *ctx = NULL;

    if (!log || libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0,
                                (xentoollog_logger *) log)) {
        fprintf(stderr, "%s: Xen does not answer: this must be run as root in "
                "domain 0, with xenstored running (systemctl status "
                "xen)\n", program_name);
        return NULL;
    }
    return ctx;
}

static void
from_libxl(const libxl_dominfo *info, struct dom *d)
{
    const uint8_t *u = info->uuid.uuid;
    bool shut = info->shutdown;

    memset(d, 0, sizeof *d);
    d->domid = info->domid;
    d->name = xstrdup("");
    snprintf(d->uuid, sizeof d->uuid,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5],
             u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
    d->state = (info->dying ? DOM_DYING : shut ? DOM_SHUTDOWN
                : info->paused ? DOM_PAUSED : DOM_RUNNING);
    d->paused = info->paused;
    d->reason = shut ? libxl_shutdown_reason_to_string(info->shutdown_reason)
                : NULL;
    if (!d->reason) {
        d->reason = shut ? "unknown" : "";
    }
    d->cpu_time = info->cpu_time;
}

char *
domlist_name(libxl_ctx *ctx, uint32_t domid)
{
    char *name = libxl_domid_to_name(ctx, domid);

    return name ? name : xstrdup("");
}

bool
domlist_get(libxl_ctx *ctx, bool names, struct domlist *list)
{
    libxl_dominfo *info;
    int n, i;

    memset(list, 0, sizeof *list);
    info = libxl_list_domain(ctx, &n);
    if (!info) {
        return false;
    }
    list->doms = xcalloc(n, sizeof *list->doms);
    for (i = 0; i < n; i++) {
        if (info[i].domid) {
            struct dom *d = &list->doms[list->n++];

            from_libxl(&info[i], d);
            if (names) {
                free(d->name);
                d->name = domlist_name(ctx, d->domid);
            }
        }
    }
    libxl_dominfo_list_free(info, n);
    return true;
}

void
domlist_uninit(struct domlist *list)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        dom_uninit(&list->doms[i]);
    }
    free(list->doms);
    memset(list, 0, sizeof *list);
}

struct dom *
domlist_find(const struct domlist *list, uint32_t domid)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        if (list->doms[i].domid == domid) {
            return &list->doms[i];
        }
    }
    return NULL;
}
