/* SPDX-License-Identifier: Apache-2.0 */
/* The domain itself, where it runs: see the header.  The rules of what can be
 * protected are the engine's own (engine-libxl.c). */

#include <config.h>

#include "check-local.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "check-lines.h"
#include "check-node.h"
#include "check-wire.h"
#include "check-xen.h"
#include "engine.h"
#include "netbuf-vifs.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

#define VIF_PROGRAM "vif-ovs-dts"
#define SUSPENDED_MS 3000       /* More is no checkpoint's doing. */
#define SUSPENDED_LOOK_MS 50

/* One of which a copy is made is suspended now and then, for a moment. */
static int
look(const struct check_domain *d, libxl_dominfo *info)
{
    for (int ms = 0; ; ms += SUSPENDED_LOOK_MS) {
        libxl_dominfo_init(info);
        if (libxl_domain_info(d->ctx, info, d->domid)) {
            return ERROR_DOMAIN_NOTFOUND;
        }
        if (!info->shutdown || !d->has_copy || ms >= SUSPENDED_MS) {
            return 0;
        }
        libxl_dominfo_dispose(info);
        poll(NULL, 0, SUSPENDED_LOOK_MS);
    }
}

static void
check_state(struct check_lines *c, const struct check_domain *d)
{
    libxl_dominfo info;

    if (look(d, &info) || info.dying) {
        check_bad(c, CHECK_FAIL, "domain", xstrdup("xl list"),
                  "%s (domain %u) is at its end", d->name, d->domid);
    } else if (info.shutdown) {
        check_bad(c, CHECK_FAIL, "domain", xasprintf(
                  "xl-remus state %s; xl-remus resume %s if it was left "
                  "suspended", d->name, d->name),
                  "%s (domain %u) is shut down or suspended%s", d->name,
                  d->domid, d->has_copy ? ", for seconds, though a copy of it "
                  "is made" : "");
    } else if (info.paused) {
        check_bad(c, CHECK_WARN, "domain", xasprintf(
                  "xl-remus unpause %s, if it is to run", d->name),
                  "%s (domain %u) is paused", d->name, d->domid);
    } else {
        check_ok(c, "domain", "%s (domain %u) runs%s", d->name, d->domid,
                 d->is_protected ? ", and is protected"
                 : d->has_copy ? ", and a copy of it is made" : "");
    }
    libxl_dominfo_dispose(&info);
}

/* "protect" would refuse it with just these words. */
static void
add_refusal(struct check_lines *c, const char *id, char *error,
            const char *remedy)
{
    check_bad(c, CHECK_FAIL, id, xstrdup(remedy), "%s", error);
    free(error);
}

static void
check_config(struct check_lines *c, const struct check_domain *d,
             const libxl_domain_config *config)
{
    struct ds writable = DS_EMPTY_INITIALIZER;
    char *error = NULL;

    if (engine_check_kind(d->ctx, config, d->name, &error)) {
        add_refusal(c, "kind", error, "as it says: such a domain is refused "
                    "by xl-remus protect");
    } else {
        check_ok(c, "kind", "a domain of its kind can be checkpointed");
    }
    error = NULL;
    for (int i = 0; i < config->num_disks; i++) {
        if (config->disks[i].readwrite) {
            ds_put_format(&writable, "%s%s", writable.length ? ", " : "",
                          config->disks[i].vdev);
        }
    }
    if (engine_check_disks(config, d->name, d->disks_replicated
                           || d->has_copy, &error)) {
        add_refusal(c, "disks", error, "xl-remus check -d, and xl-remus "
                    "protect -d, if that is so");
    } else if (writable.length) {
        check_ok(c, "disks", "can be written to, and are replicated by other "
                 "means (-d): %s", ds_cstr(&writable));
    } else {
        check_ok(c, "disks", "none can be written to");
    }
    ds_destroy(&writable);
}

/* -------------------------------------------------------------------- vifs */

static char *
read_backend(struct xs_handle *xs, const struct netbuf_dev *dev,
             const char *leaf)
{
    char *path = xasprintf("/local/domain/0/backend/vif/%u/%u/%s", dev->domid,
                           dev->devid, leaf);
    char *value = xs_read(xs, XBT_NULL, path, NULL);

    free(path);
    return value ? value : xstrdup("");
}

/* The bridge that Open vSwitch has it in: the vif, or the port that stands in
 * its place while its output is held.  To be freed; NULL: in none. */
static char *
bridge_of(struct check_lines *c, const struct netbuf_dev *dev)
{
    const char *const ports[] = { dev->vif, dev->port };
    char *bridge = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(ports) && !bridge; i++) {
        bridge = check_capture(c, (const char *const[]) {
                               "ovs-vsctl", "--timeout=2", "port-to-br",
                               ports[i], NULL });
    }
    return bridge;
}

/* The agent's bridge, to be freed. */
static char *
our_bridge(struct check_lines *c)
{
    char *s = check_capture(c, (const char *const[]) {
                            "ovs-vsctl", "--timeout=2", "--if-exists", "get",
                            "Open_vSwitch", ".", "external_ids:dts-bridge",
                            NULL });
    size_t n = s ? strlen(s) : 0;

    if (n > 2 && s[0] == '"' && s[n - 1] == '"') {
        memmove(s, s + 1, n - 2);
        s[n - 2] = '\0';
    }
    if (!n) {
        free(s);
        s = xstrdup("br-dts");
    }
    return s;
}

static void
add_script(struct check_request *r, const char *path)
{
    for (size_t i = 0; i < r->n_scripts; i++) {
        if (!strcmp(r->scripts[i], path)) {
            return;
        }
    }
    if (r->n_scripts < CHECK_MAX_SCRIPTS) {
        r->scripts[r->n_scripts++] = xstrdup(path);
    }
}

static void
check_vif(struct check_lines *c, struct xs_handle *xs,
          const struct netbuf_dev *dev, const char *wanted,
          struct check_request *r)
{
    char *script = read_backend(xs, dev, "script");
    char *bridge = bridge_of(c, dev);
    const char *base = strrchr(script, '/');

    base = base ? base + 1 : script;
    if (script[0] == '/') {
        add_script(r, script);
    }
    if (strcmp(base, VIF_PROGRAM)) {
        check_bad(c, CHECK_FAIL, "vif", xasprintf(
                  "in its configuration: vif = [ \"...,bridge=%s,"
                  "script="VIF_PROGRAM"\" ]; then make the domain anew",
                  wanted), "%s was made by %s: its address would not follow a "
                  "takeover", dev->vif, base[0] ? base : "no program");
    } else if (!bridge || strcmp(bridge, wanted)) {
        check_bad(c, CHECK_FAIL, "vif", xasprintf(
                  "dts-ctl check; ovs-vsctl show; in its configuration: "
                  "bridge=%s", wanted), "%s is in %s%s, not in %s", dev->vif,
                  bridge ? "bridge " : "no bridge of Open vSwitch",
                  bridge ? bridge : "", wanted);
    } else {
        check_ok(c, "vif", "%s is in %s, by "VIF_PROGRAM, dev->vif, wanted);
    }
    free(bridge);
    free(script);
}

static void
check_vifs(struct check_lines *c, const struct check_domain *d,
           struct check_request *r)
{
    struct netbuf_dev devs[PLUG_MAX];
    struct xs_handle *xs;
    char *error, *wanted;
    size_t n;

    error = netbuf_vifs_read(d->domid, devs, &n);
    if (error) {
        check_bad(c, CHECK_FAIL, "vif", xstrdup("as it says: xl-remus protect "
                  "-n does without a buffer"), "%s", error);
        free(error);
        return;
    }
    xs = xs_open(0);
    if (!n) {
        check_ok(c, "vif", "it has none");
    } else if (!xs) {
        check_bad(c, CHECK_FAIL, "vif", xstrdup("systemctl status xen"),
                  "xenstore does not answer (%s)", ovs_strerror(errno));
    } else {
        wanted = our_bridge(c);
        for (size_t i = 0; i < n; i++) {
            check_vif(c, xs, &devs[i], wanted, r);
        }
        free(wanted);
    }
    if (xs) {
        xs_close(xs);
    }
}

/* ------------------------------------------------------------------- files */

static void
add_file(struct check_lines *c, struct check_request *r, uint64_t *budget,
         enum check_file_kind kind, const char *what, const char *path)
{
    struct check_file f = { .kind = kind };
    int error;

    if (!path || !path[0]) {
        return;
    } else if (path[0] != '/' || strlen(path) > CHECK_MAX_PATH
               || r->n_files >= CHECK_MAX_FILES) {
        check_bad(c, CHECK_WARN, "files", xstrdup(
                  "see to it that the other host finds the same by that name"),
                  "%s, %s, is not a file that could be compared", what, path);
        return;
    }
    f.what = xstrdup(what);
    f.path = xstrdup(path);
    error = check_file_look(&f, NULL, budget);
    if (error) {
        check_bad(c, CHECK_WARN, "files", xstrdup(
                  "if it is gone, a reboot of the domain fails here, too"),
                  "%s, %s, cannot be read (%s)", what, path,
                  check_file_error(error));
        check_file_uninit(&f);
    } else {
        check_request_add_file(r, &f);
    }
}

static void
add_disk(struct check_lines *c, struct check_request *r, uint64_t *budget,
         const libxl_device_disk *disk)
{
    char *what = xasprintf("disk %s", disk->vdev ? disk->vdev : "?");

    if (disk->backend_domid || disk->backend_domname) {
        check_bad(c, CHECK_WARN, "files", xstrdup(
                  "see to it that the other host's has the same"),
                  "%s is served by a driver domain, which is not looked into",
                  what);
    } else {
        add_file(c, r, budget, disk->readwrite ? CHECK_FILE_SHARED_DISK
                 : CHECK_FILE_DISK, what, disk->pdev_path);
    }
    free(what);
}

static void
add_files(struct check_lines *c, struct check_request *r,
          const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;
    uint64_t budget = CHECK_HASH_ALL;

    add_file(c, r, &budget, CHECK_FILE_KERNEL, "kernel", b->kernel);
    add_file(c, r, &budget, CHECK_FILE_KERNEL, "ramdisk", b->ramdisk);
    add_file(c, r, &budget, CHECK_FILE_KERNEL, "device tree",
             b->device_tree);
    add_file(c, r, &budget, CHECK_FILE_PROGRAM, "device model",
             b->device_model);
    if (b->type == LIBXL_DOMAIN_TYPE_HVM) {
        /* Without a folder it is libxl's own, of the same version. */
        if (b->u.hvm.firmware && b->u.hvm.firmware[0] == '/') {
            add_file(c, r, &budget, CHECK_FILE_KERNEL, "firmware",
                     b->u.hvm.firmware);
        }
        add_file(c, r, &budget, CHECK_FILE_KERNEL, "system firmware",
                 b->u.hvm.system_firmware);
        add_file(c, r, &budget, CHECK_FILE_KERNEL, "SMBIOS firmware",
                 b->u.hvm.smbios_firmware);
        add_file(c, r, &budget, CHECK_FILE_KERNEL, "ACPI firmware",
                 b->u.hvm.acpi_firmware);
    }
    for (int i = 0; i < config->num_disks; i++) {
        add_disk(c, r, &budget, &config->disks[i]);
    }
}

/* ----------------------------------------------------------------- request */

static void
begin_request(struct check_lines *c, const struct check_domain *d,
              libxl_domain_config *config, struct check_request *r)
{
    char *error;

    r->version = xstrdup(DTS_VERSION);
    r->xen = check_xen_version(d->ctx);
    r->libxl = check_libxl_name();
    r->domain = xstrdup(d->name);
    r->type = (config->c_info.type == LIBXL_DOMAIN_TYPE_PV ? CHECK_PV
               : config->c_info.type == LIBXL_DOMAIN_TYPE_PVH ? CHECK_PVH
               : CHECK_HVM);
    /* As xl-remus receive asks for it there. */
    if (libxl_domain_need_memory(d->ctx, config, INVALID_DOMID,
                                 &r->need_kb)) {
        r->need_kb = 0;
    }
    error = check_policy_get(d->domid, &r->policy);
    if (error) {
        check_bad(c, CHECK_WARN, "cpu", xstrdup(
                  "compare xen-cpuid -p on both hosts"), "%s", error);
        free(error);
    }
}

bool
check_local(struct check_lines *c, const struct check_domain *d,
            struct check_request *r)
{
    libxl_domain_config config;
    bool ok = false;

    memset(r, 0, sizeof *r);
    check_state(c, d);
    libxl_domain_config_init(&config);
    if (libxl_retrieve_domain_configuration(d->ctx, d->domid, &config,
                                            NULL)) {
        check_bad(c, CHECK_FAIL, "kind", xstrdup(
                  "make it anew by xl create"), "libxl knows no configuration "
                  "of %s: was it made by another toolstack?", d->name);
    } else {
        check_config(c, d, &config);
        begin_request(c, d, &config, r);
        add_files(c, r, &config);
        ok = true;
    }
    check_vifs(c, d, r);
    check_helpers(c);
    check_plug(c, true);
    check_clock(c);
    libxl_domain_config_dispose(&config);
    return ok;
}
