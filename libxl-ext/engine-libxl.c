/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's part that is libxl: may this domain be protected, the call that
 * does it, in a thread of its own, and what becomes of the domain afterwards.
 *
 * libxl is told the shortest interval, no buffer for network or disk and no
 * compression: the engine does the first two itself (the gate withholds
 * libxl's answers), dts-link the last. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <libxl_utils.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

#define LIBXL_INTERVAL_MS 1

/* ------------------------------------------------------------------- checks */

int
engine_find_domain(libxl_ctx *ctx, const char *what, uint32_t *domid,
                   char **name, char **error)
{
    int number;

    *name = NULL;
    if (!strcmp(what, "0") || !strcmp(what, "Domain-0")) {
        return remus_error(error, DTS_EXIT_REFUSED, "domain 0 is this host "
                           "itself");
    }
    if (libxl_name_to_domid(ctx, what, domid)) {
        libxl_dominfo info;
        bool there;

        libxl_dominfo_init(&info);
        there = (str_to_int(what, 10, &number) && number > 0
                 && !libxl_domain_info(ctx, &info, number));
        libxl_dominfo_dispose(&info);
        if (!there) {
            return remus_error(error, DTS_EXIT_NOT_FOUND, "there is no domain "
                               "%s here: xl list", what);
        }
        *domid = number;
    }
    *name = libxl_domid_to_name(ctx, *domid);
    if (!*name) {
        return remus_error(error, DTS_EXIT_NOT_FOUND, "domain %u has no name",
                           *domid);
    }
    if (strlen(*name) > strlen("--incoming")
        && !strcmp(*name + strlen(*name) - strlen("--incoming"),
                   "--incoming")) {
        return remus_error(error, DTS_EXIT_REFUSED, "%s is itself a copy that "
                           "Remus keeps for another host", *name);
    }
    return 0;
}

int
engine_check_kind(libxl_ctx *ctx, const libxl_domain_config *c,
                  const char *name, char **error)
{
    libxl_physinfo phys;
    int status = 0;

    if (c->num_pcidevs || c->num_dtdevs) {
        return remus_error(error, DTS_EXIT_REFUSED, "%s has a device of this "
                           "host passed through, which cannot be "
                           "checkpointed: `xl pci-detach`, then again", name);
    }
    if (c->c_info.type == LIBXL_DOMAIN_TYPE_PV) {
        libxl_physinfo_init(&phys);
        if (!libxl_get_physinfo(ctx, &phys) && !phys.cap_shadow) {
            status = remus_error(error, DTS_EXIT_REFUSED, "%s is a PV guest, "
                                 "and this hypervisor is built without shadow "
                                 "paging, which it would need: use "
                                 "type=\"pvh\"", name);
        }
        libxl_physinfo_dispose(&phys);
    }
    return status;
}

int
engine_check_disks(const libxl_domain_config *c, const char *name,
                   bool unreplicated_disks, char **error)
{
    for (int i = 0; !unreplicated_disks && i < c->num_disks; i++) {
        const libxl_device_disk *d = &c->disks[i];

        if (d->readwrite) {
            return remus_error(error, DTS_EXIT_REFUSED, "disk %s of %s (%s) "
                               "can be written to, and disks are not "
                               "replicated: if both hosts see the same "
                               "storage, or DRBD replicates it, say so with "
                               "-d", d->vdev ? d->vdev : "?", name,
                               d->pdev_path ? d->pdev_path : "no path");
        }
    }
    return 0;
}

/* Finds the domain and reads its configuration.  'e' is new. */
int
engine_check(struct engine *e, char **error)
{
    int status = engine_find_domain(e->ctx, e->o->domain, &e->domid, &e->name,
                                    error);

    if (status) {
        return status;
    }
    if (libxl_retrieve_domain_configuration(e->ctx, e->domid, &e->config,
                                            NULL)) {
        return remus_error(error, DTS_EXIT_PARTLY, "libxl knows no "
                           "configuration of %s: was it made by another "
                           "toolstack?", e->name);
    }
    status = engine_check_kind(e->ctx, &e->config, e->name, error);
    if (!status) {
        status = engine_check_disks(&e->config, e->name,
                                    e->o->unreplicated_disks, error);
    }
    if (!status) {
        e->config.c_info.domid = 0;     /* The peer gives its own. */
        e->json = libxl_domain_config_to_json(e->ctx, &e->config);
        if (!e->json) {
            status = remus_error(error, DTS_EXIT_PARTLY, "the configuration "
                                 "of %s cannot be written as JSON", e->name);
        }
    }
    return status;
}

/* ------------------------------------------------------------------- worker */

static void *
worker(void *e_)
{
    struct engine *e = e_;
    libxl_domain_remus_info info;

    libxl_domain_remus_info_init(&info);
    info.interval = LIBXL_INTERVAL_MS;
    libxl_defbool_set(&info.allow_unsafe, true);
    libxl_defbool_set(&info.blackhole, false);
    libxl_defbool_set(&info.compression, false);
    libxl_defbool_set(&info.netbuf, false);
    libxl_defbool_set(&info.diskbuf, false);
    libxl_defbool_set(&info.colo, false);
    libxl_defbool_set(&info.userspace_colo_proxy, false);
    e->s.rc = libxl_domain_remus_start(e->ctx, &info, e->domid, e->s.stream,
                                       e->s.stream, NULL);
    libxl_domain_remus_info_dispose(&info);
    ignore(write(e->s.done[1], "", 1));
    return NULL;
}

int
engine_worker_start(struct engine *e, char **error)
{
    struct engine_session *s = &e->s;
    char fd[16];
    int err;

    if (pipe2(s->done, O_CLOEXEC | O_NONBLOCK)) {
        s->done[0] = s->done[1] = -1;
        return remus_error(error, DTS_EXIT_PARTLY, "no pipe (%s)",
                           ovs_strerror(errno));
    }
    /* libxl reads the one in its child, the gate the other. */
    setenv("LIBXL_SAVE_HELPER",
           e->o->save_helper && e->o->save_helper[0] ? e->o->save_helper
           : DTS_LIBEXECDIR "/dts-save-helper", 1);
    snprintf(fd, sizeof fd, "%d", s->theirs);
    setenv("DTS_ENGINE_FD", fd, 1);
    err = pthread_create(&s->worker, NULL, worker, e);
    if (err) {
        return remus_error(error, DTS_EXIT_PARTLY, "no thread (%s)",
                           ovs_strerror(err));
    }
    s->worker_runs = true;
    return 0;
}

bool
engine_worker_ended(struct engine_session *s)
{
    char byte;

    if (s->worker_runs && read(s->done[0], &byte, 1) == 1) {
        pthread_join(s->worker, NULL);
        s->worker_runs = false;
    }
    return !s->worker_runs;
}

/* --------------------------------------------------------------- afterwards */

enum engine_domain
engine_domain(struct engine *e)
{
    enum engine_domain state = ENGINE_GONE;
    libxl_dominfo info;

    libxl_dominfo_init(&info);
    if (!libxl_domain_info(e->ctx, &info, e->domid) && !info.dying) {
        state = (!info.shutdown ? ENGINE_RUNS
                 : info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND
                 ? ENGINE_SUSPENDED : ENGINE_SHUT);
    }
    libxl_dominfo_dispose(&info);
    return state;
}

void
engine_resume(struct engine *e)
{
    /* 1: its suspend call returns "cancelled", it keeps its devices. */
    if (engine_domain(e) == ENGINE_SUSPENDED
        && libxl_domain_resume(e->ctx, e->domid, 1, NULL)) {
        remus_log(&e->caller, "%s could not be resumed: xl-remus resume %u",
                  e->name, e->domid);
    }
}
