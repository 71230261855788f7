/* SPDX-License-Identifier: Apache-2.0 */
/* Which vifs a domain has, and which buffers there are.
 *
 * A domain's vifs stand in xenstore, in libxl's own directory, where the guest
 * cannot write.  A buffer is found again by its name alone, which comes from
 * the numbers of domain and device: the process that made it may have died, and
 * the domain and its part of xenstore with it. */

#include <config.h>

#include "netbuf-vifs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <xenstore.h>

#include "netdev-exists.h"
#include "util.h"

static char *
read_xs(struct xs_handle *xs, const char *format, unsigned int domid,
        unsigned int devid, const char *leaf)
{
    char *dir = xasprintf(format, domid, devid);
    char *path = xasprintf("%s/%s", dir, leaf);
    char *value = xs_read(xs, XBT_NULL, path, NULL);

    free(dir);
    free(path);
    return value;
}

#define LIBXL_VIF "/libxl/%u/device/vif/%u"
#define BACKEND_VIF "/local/domain/0/backend/vif/%u/%u"

/* A guest that has a real vif and an emulated card has one of them in use: the
 * vif, once its netfront has connected. */
static char *
check_emulated(struct xs_handle *xs, const struct netbuf_dev *dev)
{
    char *name = xasprintf("%s-emu", dev->vif);
    char *state = read_xs(xs, BACKEND_VIF, dev->domid, dev->devid, "state");
    char *error = NULL;

    if (dts_netdev_exists(name) && (!state || strcmp(state, "4"))) {
        error = xasprintf("%s: the guest uses its emulated network card, "
                          "which cannot be buffered: wait until its PV driver "
                          "is up", name);
    }
    free(name);
    free(state);
    return error;
}

static char *
read_vif(struct xs_handle *xs, unsigned int domid, unsigned int devid,
         struct netbuf_dev *dev)
{
    char *backend = read_xs(xs, LIBXL_VIF, domid, devid, "backend");
    char *vifname = read_xs(xs, BACKEND_VIF, domid, devid, "vifname");
    char *error = NULL;

    if (backend && strncmp(backend, "/local/domain/0/", 16)) {
        error = xasprintf("vif %u of domain %u is served by a driver domain "
                          "(%s): its output cannot be buffered from here",
                          devid, domid, backend);
    } else if (!netbuf_dev_init(dev, domid, devid,
                                vifname && vifname[0] ? vifname : NULL)) {
        error = xasprintf("vif %u of domain %u: these numbers are too large",
                          devid, domid);
    } else {
        error = check_emulated(xs, dev);
    }
    free(backend);
    free(vifname);
    return error;
}

char *
netbuf_vifs_read(unsigned int domid, struct netbuf_dev devs[], size_t *n)
{
    static const char *const dirs[] = { "/libxl/%u/device/vif",
                                        "/local/domain/0/backend/vif/%u" };
    struct xs_handle *xs = xs_open(0);
    char *error = NULL, **names = NULL;
    unsigned int count = 0, i, devid;

    *n = 0;
    if (!xs) {
        return xasprintf("xenstore: %s", strerror(errno));
    }
    for (i = 0; i < ARRAY_SIZE(dirs) && !names; i++) {
        char *dir = xasprintf(dirs[i], domid);

        names = xs_directory(xs, XBT_NULL, dir, &count);
        free(dir);
    }
    for (i = 0; names && i < count && !error; i++) {
        if (sscanf(names[i], "%u", &devid) != 1) {
            continue;
        } else if (*n >= PLUG_MAX) {
            error = xasprintf("domain %u has more than %d vifs", domid,
                              PLUG_MAX);
        } else {
            error = read_vif(xs, domid, devid, &devs[*n]);
            (*n)++;
        }
    }
    free(names);
    xs_close(xs);
    return error;
}

char *
netbuf_vifs_left(struct nl_sock *sock, unsigned int domid,
                 struct netbuf_dev devs[], size_t *n)
{
    struct xs_handle *xs = xs_open(0);  /* The names help, but may be gone. */
    struct nl_object *o;
    struct nl_cache *links;
    int error;

    *n = 0;
    error = rtnl_link_alloc_cache(sock, AF_UNSPEC, &links);
    if (error) {
        xs_close(xs);
        return xasprintf("the network devices cannot be listed: %s",
                         nl_geterror(error));
    }
    for (o = nl_cache_get_first(links); o && *n < PLUG_MAX;
         o = nl_cache_get_next(o)) {
        const char *name = rtnl_link_get_name((struct rtnl_link *) o);
        unsigned int domid_, devid;

        if (name && !strncmp(name, "dtsa", 4)
            && netbuf_dev_parse(name, &domid_, &devid) && domid_ == domid) {
            char *vifname = xs ? read_xs(xs, BACKEND_VIF, domid, devid,
                                         "vifname") : NULL;

            netbuf_dev_init(&devs[(*n)++], domid, devid,
                            vifname && vifname[0] ? vifname : NULL);
            free(vifname);
        }
    }
    nl_cache_free(links);
    if (xs) {
        xs_close(xs);
    }
    return NULL;
}
