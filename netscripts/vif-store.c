/* SPDX-License-Identifier: Apache-2.0 */
/* The vif program's part of xenstore.
 *
 * The backend's directory is what libxl wrote from the domain's configuration;
 * hotplug-status is what netback waits for before it connects the guest, and
 * hotplug-error what libxl shows to the operator. */

#include <config.h>

#include "vif-store.h"

#include <dts-config.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#ifdef HAVE_XEN
#include <xenstore.h>

static struct xs_handle *xs;

char *
vif_store_open(void)
{
    xs = xs_open(0);
    return xs ? NULL : xasprintf("xenstore: %s: is xenstored running (package "
                                 "xen-utils-common)?", strerror(errno));
}

void
vif_store_close(void)
{
    xs_close(xs);
    xs = NULL;
}

/* Reads 'dir'/'key'; NULL if it is not there or empty. */
static char *
read_key(const char *dir, const char *key)
{
    char *path = xasprintf("%s/%s", dir, key);
    char *value = xs_read(xs, XBT_NULL, path, NULL);

    free(path);
    if (value && !value[0]) {
        free(value);
        value = NULL;
    }
    return value;
}

static bool
write_key(const char *dir, const char *key, const char *value)
{
    char *path = xasprintf("%s/%s", dir, key);
    bool ok = xs_write(xs, XBT_NULL, path, value, strlen(value));

    free(path);
    return ok;
}

/* Each read is a round trip to xenstored, on the path of a failover: what can be
 * told without one is. */
static void
read_domain(struct vif_spec *spec)
{
    char *path = xasprintf("/local/domain/%u", spec->domid);
    char *vm = read_key(path, "vm");

    spec->domain = read_key(path, "name");
    if (vm) {
        /* "/vm/UUID" */
        const char *uuid = strrchr(vm, '/');
        char *error = vif_uuid_check(uuid ? uuid + 1 : vm);

        spec->vm_uuid = error ? NULL : xstrdup(uuid ? uuid + 1 : vm);
        free(error);
    }
    free(vm);
    free(path);
}

char *
vif_store_read(struct vif_spec *spec)
{
    bool plug = vif_op_is_plug(spec->op);
    char *vifname = read_key(spec->xenbus, "vifname");
    char *mac = read_key(spec->xenbus, "mac");
    char *bridge = NULL, *mtu = NULL, *vlan = NULL;
    char *error = vifname ? vif_spec_rename(spec, vifname) : NULL;

    if (!error && mac) {
        error = vif_mac_parse(mac, &spec->mac);
    }
    if (error || !plug) {
        goto out;
    }

    bridge = read_key(spec->xenbus, "bridge");
    mtu = read_key(spec->xenbus, "mtu");
    vlan = read_key(spec->xenbus, "vlan");
    spec->frontend = xasprintf("/local/domain/%u/device/vif/%u", spec->domid,
                               spec->devid);
    read_domain(spec);
    if (!mac) {
        error = xasprintf("xenstore has no %s/mac: libxl writes it before "
                          "this program runs", spec->xenbus);
    } else if (!bridge) {
        error = xstrdup("no bridge: write bridge=br-dts (or another Open "
                        "vSwitch bridge) in the vif line");
    } else if (vlan) {
        error = xasprintf("vlan=%s: for an Open vSwitch bridge write "
                          "bridge=%s.TAG instead", vlan, bridge);
    } else {
        error = vif_bridge_parse(bridge, &spec->bridge);
        if (!error && mtu) {
            error = vif_mtu_parse(mtu, &spec->mtu);
        }
    }

out:
    free(vifname);
    free(mac);
    free(bridge);
    free(mtu);
    free(vlan);
    return error;
}

void
vif_store_connected(const struct vif_spec *spec)
{
    if (xs) {
        write_key(spec->xenbus, "hotplug-status", "connected");
    }
}

void
vif_store_failed(const char *xenbus, const char *message)
{
    if (xs) {
        write_key(xenbus, "hotplug-error", message);
        write_key(xenbus, "hotplug-status", "error");
    }
}

char *
vif_store_get(const char *dir, const char *key)
{
    return xs ? read_key(dir, key) : NULL;
}

void
vif_store_set(const char *dir, const char *key, const char *value)
{
    if (xs && value) {
        write_key(dir, key, value);
    } else if (xs) {
        char *path = xasprintf("%s/%s", dir, key);

        xs_rm(xs, XBT_NULL, path);
        free(path);
    }
}

void
vif_store_tell_mtu(const struct vif_spec *spec, int mtu)
{
    if (xs && spec->frontend && !spec->tap) {
        char *s = xasprintf("%d", mtu);

        write_key(spec->frontend, "mtu", s);
        free(s);
    }
}
#else  /* !HAVE_XEN */

char *
vif_store_open(void)
{
    return xstrdup("built without xenstore (configure --without-xen): build "
                   "it with Xen's libraries, or use Xen's vif-openvswitch");
}

void
vif_store_close(void)
{
}

char *
vif_store_read(struct vif_spec *spec OVS_UNUSED)
{
    return vif_store_open();
}

void
vif_store_connected(const struct vif_spec *spec OVS_UNUSED)
{
}

void
vif_store_failed(const char *xenbus OVS_UNUSED, const char *message OVS_UNUSED)
{
}

char *
vif_store_get(const char *dir OVS_UNUSED, const char *key OVS_UNUSED)
{
    return NULL;
}

void
vif_store_set(const char *dir OVS_UNUSED, const char *key OVS_UNUSED,
              const char *value OVS_UNUSED)
{
}

void
vif_store_tell_mtu(const struct vif_spec *spec OVS_UNUSED, int mtu OVS_UNUSED)
{
}
#endif
