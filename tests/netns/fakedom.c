/* SPDX-License-Identifier: Apache-2.0 */
/* Domains for fakexen.c, from the command line: what Xen and libxl would do to
 * the hypervisor and to xenstore when a domain is made, changes or goes.
 *
 * Talks to the xenstored of $XENSTORED_PATH (libxenstore's own variable) and
 * writes the files of $FAKEXEN_DIR. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

#include "util.h"

static struct xs_handle *xs;

static void OVS_PRINTF_FORMAT(2, 3)
put(const char *value, const char *format, ...)
{
    char path[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(path, sizeof path, format, ap);
    va_end(ap);
    if (!xs_write(xs, XBT_NULL, path, value, strlen(value))) {
        ovs_fatal(errno, "xenstore: write of %s", path);
    }
}

static void
set_state(const char *domid, int argc, char *argv[])
{
    const char *dir = getenv("FAKEXEN_DIR");
    char path[300], tmp[340];
    FILE *f;
    int i, fd;

    if (!dir) {
        ovs_fatal(0, "FAKEXEN_DIR is not set");
    }
    snprintf(path, sizeof path, "%s/dom/%s", dir, domid);
    snprintf(tmp, sizeof tmp, "%s/.%s.%d.new", dir, domid, (int) getpid());
    if (argc) {
        f = fopen(tmp, "w");
        if (!f) {
            ovs_fatal(errno, "%s", tmp);
        }
        for (i = 0; i < argc; i++) {
            fprintf(f, "%s%c", argv[i], i == argc - 1 ? '\n' : ' ');
        }
        if (fclose(f) || rename(tmp, path)) {
            ovs_fatal(errno, "%s", path);
        }
    } else if (unlink(path)) {
        ovs_fatal(errno, "%s", path);
    }

    snprintf(path, sizeof path, "%s/virq", dir);
    fd = open(path, O_WRONLY | O_NONBLOCK);
    if (fd >= 0) {
        ignore(write(fd, "x", 1));
        close(fd);
    }
}

static void
rename_domain(const char *domid, const char *name)
{
    char path[64];
    char *vm;

    put(name, "/local/domain/%s/name", domid);
    snprintf(path, sizeof path, "/local/domain/%s/vm", domid);
    vm = xs_read(xs, XBT_NULL, path, NULL);
    if (vm) {
        put(name, "%s/name", vm);
        free(vm);
    }
}

static void
create(const char *domid, const char *name, const char *uuid, int argc,
       char *argv[])
{
    char handle[64], vm[64], *state[16];
    int i, n = 0;

    snprintf(handle, sizeof handle, "uuid=%s", uuid);
    state[n++] = CONST_CAST(char *, argc ? argv[0] : "r");
    state[n++] = handle;
    for (i = 1; i < argc && n < 16; i++) {
        state[n++] = argv[i];
    }
    set_state(domid, n, state);
    snprintf(vm, sizeof vm, "/vm/%s", uuid);
    put(uuid, "%s/uuid", vm);
    put(vm, "/local/domain/%s/vm", domid);
    put(domid, "/local/domain/%s/domid", domid);
    rename_domain(domid, name);
    put("pvh", "/libxl/%s/type", domid);
    if (!xs_introduce_domain(xs, atoi(domid), 1, 5)) {
        ovs_fatal(errno, "xenstore: introduce of domain %s", domid);
    }
}

/* A network backend as libxl leaves it just before it runs the script, and its
 * own copy of that. */
static void
vif(const char *domid, const char *dev, int argc, char *argv[])
{
    char be[64], fe[64];
    int i;

    snprintf(be, sizeof be, "/local/domain/0/backend/vif/%s/%s", domid, dev);
    snprintf(fe, sizeof fe, "/local/domain/%s/device/vif/%s", domid, dev);
    put(domid, "%s/frontend-id", be);
    put(fe, "%s/frontend", be);
    put("1", "%s/online", be);
    put(dev, "%s/handle", be);
    put("vif", "%s/type", be);
    put("", "%s/hotplug-status", be);
    put("1492", "%s/mtu", fe);
    for (i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        if (!value) {
            ovs_fatal(0, "%s: KEY=VALUE expected", argv[i]);
        }
        *value++ = '\0';
        put(value, "%s/%s", be, argv[i]);
        put(value, "/libxl/%s/device/vif/%s/%s", domid, dev, argv[i]);
    }
}

static void
destroy(const char *domid)
{
    char path[64];

    set_state(domid, 0, NULL);
    snprintf(path, sizeof path, "/local/domain/0/backend/vif/%s", domid);
    xs_rm(xs, XBT_NULL, path);
    snprintf(path, sizeof path, "/local/domain/%s", domid);
    xs_rm(xs, XBT_NULL, path);
    snprintf(path, sizeof path, "/libxl/%s", domid);
    xs_rm(xs, XBT_NULL, path);
}

int
main(int argc, char *argv[])
{
    const char *cmd = argc > 2 ? argv[1] : "";

    xs = xs_open(0);
    if (!xs) {
        ovs_fatal(errno, "no xenstored");
    }
    if (!strcmp(cmd, "create") && argc > 4) {
        create(argv[2], argv[3], argv[4], argc - 5, argv + 5);
    } else if (!strcmp(cmd, "set") && argc > 3) {
        set_state(argv[2], argc - 3, argv + 3);
    } else if (!strcmp(cmd, "rename") && argc == 4) {
        rename_domain(argv[2], argv[3]);
    } else if (!strcmp(cmd, "vif") && argc > 3) {
        vif(argv[2], argv[3], argc - 4, argv + 4);
    } else if (!strcmp(cmd, "destroy")) {
        destroy(argv[2]);
    } else {
        ovs_fatal(0, "usage: fakedom create DOMID NAME UUID [STATE...] | "
                  "set DOMID STATE... | rename DOMID NAME | "
                  "vif DOMID DEV KEY=VALUE... | destroy DOMID");
    }
    xs_close(xs);
    return 0;
}
