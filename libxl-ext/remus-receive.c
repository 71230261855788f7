/* SPDX-License-Identifier: Apache-2.0 */
/* The secondary: takes a domain's stream and, when it is granted, lets the copy
 * run.  In the place of `xl migrate-receive -r`.
 *
 * libxl does the work in one call that lasts as long as the session.  It
 * returns with success only after the gate (dts-save-helper) has let the
 * helper's result pass: the takeover is committed, and the gateways have fenced
 * the other node.  With an error there is no copy: libxl destroys what there
 * was of it. */

#include <config.h>

#include <errno.h>
#include <libxl_utils.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remus-private.h"
#include "util.h"
#include "xl-header.h"

struct receive {
    struct remus_caller caller;
    const struct remus_dts_receive *o;
    libxl_ctx *ctx;
    libxl_domain_config config;
    char *name;                 /* What the domain is called. */
    uint32_t domid;
};

static int
read_config(struct receive *r, char **error)
{
    uint8_t header[XL_HEADER_LEN], *body;
    const char *problem;
    char *json = NULL;
    size_t n;

    if (libxl_write_exactly(r->ctx, r->o->out, XL_BANNER, strlen(XL_BANNER),
                            "stream", "banner")
        || libxl_read_exactly(r->ctx, r->o->in, header, sizeof header,
                              "stream", "header")) {
        return remus_error(error, DTS_EXIT_PARTLY, "the sender went away "
                           "before it said which domain it sends");
    }
    problem = xl_header_parse(header, &n);
    if (problem) {
        return remus_error(error, DTS_EXIT_REFUSED, "%s", problem);
    }
    body = xmalloc(n);
    if (libxl_read_exactly(r->ctx, r->o->in, body, n, "stream",
                           "configuration")) {
        free(body);
        return remus_error(error, DTS_EXIT_PARTLY, "the sender went away in "
                           "the middle of the domain's configuration");
    }
    problem = xl_config_parse(body, n, &json);
    free(body);
    if (problem) {
        return remus_error(error, DTS_EXIT_REFUSED, "%s", problem);
    }
    if (libxl_domain_config_from_json(r->ctx, &r->config, json)
        || !r->config.c_info.name || !r->config.c_info.name[0]) {
        free(json);
        return remus_error(error, DTS_EXIT_REFUSED, "the domain's "
                           "configuration is not understood by this libxl: "
                           "is the same Xen installed on both hosts?");
    }
    free(json);
    return 0;
}

/* What would make the takeover fail is better known now. */
static int
check(struct receive *r, char **error)
{
    uint64_t free_kb, need_kb;
    uint32_t domid;

    if (r->o->domain && strcmp(r->o->domain, r->name)) {
        return remus_error(error, DTS_EXIT_REFUSED, "the stream is that of "
                           "domain %s, not of %s", r->name, r->o->domain);
    }
    /* An old copy is the agent's to remove; a domain of the name itself would
     * keep ours from its name when it takes over. */
    if (!libxl_name_to_domid(r->ctx, r->name, &domid)
        || !libxl_name_to_domid(r->ctx, r->config.c_info.name, &domid)) {
        return remus_error(error, DTS_EXIT_REFUSED, "there is a domain %s "
                           "here already (domain %u): `xl-remus destroy %u` "
                           "if it is of no use any more", r->name, domid,
                           domid);
    }
    /* (It takes a copy: it fills in what is not set.) */
    if (!libxl_domain_need_memory(r->ctx, &r->config, INVALID_DOMID, &need_kb)
        && !libxl_get_free_memory(r->ctx, &free_kb) && free_kb < need_kb) {
        return remus_error(error, DTS_EXIT_REFUSED, "the copy of %s needs "
                           "%"PRIu64" MiB, and %"PRIu64" MiB are free here: "
                           "end a domain, or give domain 0 less (dom0_mem on "
                           "Xen's command line)", r->name,
                           (need_kb + 1023) / 1024, free_kb / 1024);
    }
    return 0;
}

/* Granted and fenced; the devices are there. */
static int
take_over(struct receive *r, char **error)
{
    REMUS_CALL(&r->caller, resume, r->name, r->domid);
    if (libxl_domain_rename(r->ctx, r->domid, r->config.c_info.name,
                            r->name)) {
        /* Its name is the smaller loss. */
        remus_log(&r->caller, "domain %u could not be renamed to %s and runs "
                  "as %s", r->domid, r->name, r->config.c_info.name);
    }
    if (r->o->paused) {
        remus_log(&r->caller, "%s (domain %u) is here, paused as wanted",
                  r->name, r->domid);
        return 0;
    }
    if (libxl_domain_unpause(r->ctx, r->domid, NULL)) {
        return remus_error(error, DTS_EXIT_PARTLY, "%s (domain %u) could not "
                           "be unpaused: `xl-remus unpause %u`", r->name,
                           r->domid, r->domid);
    }
    REMUS_CALL(&r->caller, running, r->name, r->domid);
    return 0;
}

int
remus_dts_receive(const struct remus_dts_receive *o,
                  const struct remus_dts_callbacks *callbacks, void *aux,
                  char **error)
{
    struct receive r = { .caller = { callbacks, aux }, .o = o,
                         .domid = INVALID_DOMID };
    libxl_domain_restore_params params;
    int status;

    if (error) {
        *error = NULL;
    }
    status = remus_check_version(o->version, error);
    if (status) {
        return status;
    }
    signal(SIGPIPE, SIG_IGN);
    r.ctx = remus_libxl_open(error);
    if (!r.ctx) {
        return DTS_EXIT_NO_DATABASE;
    }
    libxl_domain_config_init(&r.config);
    libxl_domain_restore_params_init(&params);
    status = read_config(&r, error);
    if (status) {
        goto out;
    }
    r.name = r.config.c_info.name;
    r.config.c_info.name = xasprintf("%s--incoming", r.name);
    status = check(&r, error);
    if (status) {
        goto out;
    }
    REMUS_CALL(&r.caller, receiving, r.name);

    params.checkpointed_stream = LIBXL_CHECKPOINTED_STREAM_REMUS;
    params.stream_version = 2;
    libxl_defbool_set(&params.userspace_colo_proxy, false);
    if (libxl_domain_create_restore(r.ctx, &r.config, &r.domid, o->in, o->out,
                                    &params, NULL, NULL)) {
        status = remus_error(error, DTS_EXIT_PARTLY, "the copy of %s is given "
                             "up", r.name);
        if (r.domid != INVALID_DOMID) {
            libxl_domain_destroy(r.ctx, r.domid, NULL);
        }
        goto out;
    }
    status = take_over(&r, error);

out:
    libxl_domain_restore_params_dispose(&params);
    libxl_domain_config_dispose(&r.config);
    libxl_ctx_free(r.ctx);
    free(r.name);
    return status;
}
