/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dts-config.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "netbuf-vifs.h"
#include "netdev-exists.h"
#include "openvswitch/json.h"
#include "util.h"
#include "vif-dev.h"
#include "vif-spec.h"
#include "vif-store.h"
#include "vif-txn.h"

#ifdef HAVE_XEN
#include <xenstore.h>
#endif

/* Fuzz-sources: tests/fuzz/fake.c netscripts/vif-json.c netscripts/vif-spec.c
 * Fuzz-sources: netscripts/vif-store.c netscripts/vif-txn.c
 * Fuzz-sources: libxl-ext/netbuf-vifs.c libxl-ext/netbuf-dev.c
 * Fuzz-sources: libxl-ext/netbuf-match.c
 * Fuzz-includes: netscripts libxl-ext tests/fuzz
 * Fuzz-wrap: clock_gettime poll socket connect send recv
 *
 * Values in xenstore, as the vif program and the buffer read them, and what
 * libxl tells the vif program.  Lines NAME=VALUE: the last part of a path in
 * xenstore, or with a $ before it a variable of the environment; without "=" an
 * argument.  The names that come out could name devices, and what is written to
 * Open vSwitch is what was checked. */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MAX_LINES 64

static struct fake_line lines[MAX_LINES];
static size_t n_lines;

static char *
find(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < n_lines; i++) {
        if (!strncmp(lines[i].text, name, len) && lines[i].text[len] == '=') {
            return lines[i].text + len + 1;
        }
    }
    return NULL;
}

static char *
get_env(const char *name)
{
    char *key = xasprintf("$%s", name);
    char *value = find(key);

    free(key);
    return value;
}

/* No device is touched. */
char *
vif_dev_prepare(const char *name OVS_UNUSED)
{
    return NULL;
}

char *
vif_dev_set_mtu(const char *name OVS_UNUSED, int mtu OVS_UNUSED)
{
    return NULL;
}

char *
vif_dev_set_up(const char *name OVS_UNUSED, bool up OVS_UNUSED)
{
    return NULL;
}

bool
dts_netdev_exists(const char *name)
{
    return name[0];
}

#ifdef HAVE_XEN
struct xs_handle *
xs_open(unsigned long int flags OVS_UNUSED)
{
    return (struct xs_handle *) lines;
}

void
xs_close(struct xs_handle *xs OVS_UNUSED)
{
}

void *
xs_read(struct xs_handle *xs OVS_UNUSED, xs_transaction_t t OVS_UNUSED,
        const char *path, unsigned int *len)
{
    char *value = find(strrchr(path, '/') + 1);

    if (value && len) {
        *len = strlen(value);
    }
    return nullable_xstrdup(value);
}

/* The devices of "vifs=": one block, as libxenstore has it. */
char **
xs_directory(struct xs_handle *xs OVS_UNUSED, xs_transaction_t t OVS_UNUSED,
             const char *path OVS_UNUSED, unsigned int *n)
{
    const char *names = find("vifs");
    size_t size = names ? strlen(names) + 1 : 0;
    char **block, *save = NULL, *copy, *name;

    if (!names) {
        errno = ENOENT;
        return NULL;
    }
    block = xmalloc(size * sizeof *block + size);
    copy = memcpy(block + size, names, size);
    *n = 0;
    for (name = strtok_r(copy, " ", &save); name;
         name = strtok_r(NULL, " ", &save)) {
        block[(*n)++] = name;
    }
    return block;
}

bool
xs_write(struct xs_handle *xs OVS_UNUSED, xs_transaction_t t OVS_UNUSED,
         const char *path, const void *data, unsigned int len)
{
    ovs_assert(path[0] && !memchr(data, '\0', len));
    return true;
}

bool
xs_rm(struct xs_handle *xs OVS_UNUSED, xs_transaction_t t OVS_UNUSED,
      const char *path OVS_UNUSED)
{
    return true;
}
#endif

static bool
is_device(const char *name)
{
    return (name[0] && strlen(name) < IFNAMSIZ && !strpbrk(name, "/: \t\n")
            && strcmp(name, ".") && strcmp(name, ".."));
}

static void
check_spec(const struct vif_spec *spec)
{
    struct vif_state state = { .bridge_exists = true, .bridge_is_dts = true };

    ovs_assert(is_device(spec->name) && is_device(spec->kernel_name));
    ovs_assert(!spec->mtu || (spec->mtu >= 68 && spec->mtu <= 65535));
    ovs_assert(spec->domid <= 65535 && spec->devid <= 65535);
    if (spec->bridge.name) {
        ovs_assert(is_device(spec->bridge.name));
        ovs_assert(spec->bridge.tag >= -1 && spec->bridge.tag <= 4095);
        free(vif_bridge_vlan(&spec->bridge));
        json_destroy(vif_txn_plug(spec, &state));
    }
    json_destroy(vif_txn_look(spec));
    json_destroy(vif_external_ids(spec, NULL));
}

static void
plug(void)
{
    char *argv[MAX_LINES + 1] = { CONST_CAST(char *, "vif-ovs-dts") };
    struct vif_spec spec;
    bool ignored;
    int argc = 1;
    char *error;

    for (size_t i = 0; i < n_lines; i++) {
        if (!strchr(lines[i].text, '=')
            || !strncmp(lines[i].text, "type_if=", 8)) {
            argv[argc++] = lines[i].text;
        }
    }
    error = vif_spec_init(&spec, argc, argv, get_env, &ignored);
    if (!error && !ignored) {
        error = vif_store_open();
        if (!error) {
            error = vif_store_read(&spec);
        }
        if (!error) {
            check_spec(&spec);
            vif_store_connected(&spec);
            vif_store_tell_mtu(&spec, 1400);
        } else {
            vif_store_failed(spec.xenbus, error);
        }
        vif_store_close();
    }
    free(error);
    vif_spec_uninit(&spec);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct netbuf_dev devs[PLUG_MAX];
    char *error;
    size_t n_devs;

    fake_init();
    for (n_lines = 0; n_lines < MAX_LINES; n_lines++) {
        if (!fake_next_line(&data, &n, &lines[n_lines])) {
            break;
        }
    }
    plug();
    error = netbuf_vifs_read(5, devs, &n_devs);
    ovs_assert(n_devs <= PLUG_MAX);
    for (size_t i = 0; i < n_devs && !error; i++) {
        unsigned int domid, devid;

        ovs_assert(devs[i].domid == 5);
        ovs_assert(netbuf_dev_parse(devs[i].hold, &domid, &devid));
        ovs_assert(domid == 5 && devid == devs[i].devid);
        ovs_assert(strlen(devs[i].vif) < IFNAMSIZ);
    }
    free(error);
    while (n_lines) {
        free(lines[--n_lines].text);
    }
    return 0;
}
