/* SPDX-License-Identifier: Apache-2.0 */
/* What a vif is to be: parsing and checking of all that comes from outside.
 *
 * Names and numbers here end up in OVS's database, in file names under /proc
 * and in ioctls, and a domain's configuration is written by people, so each is
 * checked once, here, with a message that says what to write instead. */

#include <config.h>

#include "vif-spec.h"

#include <ctype.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define INCOMING "--incoming"

static const char *const op_names[] = { "online", "offline", "add", "remove" };

/* Parses a decimal number at '*s', at most 'max', and steps over it. */
static bool
parse_number(const char **s, int max, int *value)
{
    const char *p = *s;
    int v = 0;

    if (!isdigit((unsigned char) *p)) {
        return false;
    }
    for (; isdigit((unsigned char) *p); p++) {
        v = v * 10 + (*p - '0');
        if (v > max) {
            return false;
        }
    }
    *s = p;
    *value = v;
    return true;
}

char *
vif_bridge_parse(const char *s, struct vif_bridge *b)
{
    size_t len = strcspn(s, ".:");
    const char *p = s + len;
    char *error;
    int vlan;

    memset(b, 0, sizeof *b);
    b->tag = -1;
    b->name = xmemdup0(s, len);
    error = vif_name_check(b->name);
    if (error) {
        free(error);
        goto bad;
    }
    if (*p == '.') {
        p++;
        if (!parse_number(&p, 4095, &b->tag)) {
            goto bad;
        }
    }
    while (*p == ':') {
        p++;
        if (!parse_number(&p, 4095, &vlan)) {
            goto bad;
        }
        b->trunks = xrealloc(b->trunks,
                             (b->n_trunks + 1) * sizeof *b->trunks);
        b->trunks[b->n_trunks++] = vlan;
    }
    if (!*p) {
        return NULL;
    }

bad:
    vif_bridge_uninit(b);
    return xasprintf("bridge=%s: write bridge=NAME[.TAG][:TRUNK[:TRUNK...]] "
                     "with VLANs from 0 to 4095", s);
}

void
vif_bridge_uninit(struct vif_bridge *b)
{
    free(b->name);
    free(b->trunks);
    memset(b, 0, sizeof *b);
    b->tag = -1;
}

char *
vif_mac_parse(const char *s, char **mac)
{
    size_t i;

    *mac = NULL;
    for (i = 0; i < 17 && s[i]; i++) {
        if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char) s[i])) {
            break;
        }
    }
    if (i < 17 || s[17]) {
        return xasprintf("mac=%s: write six bytes, mac=00:16:3e:xx:xx:xx", s);
    }
    *mac = xstrdup(s);
    for (i = 0; i < 17; i++) {
        (*mac)[i] = tolower((unsigned char) s[i]);
    }
    if (hexit_value((*mac)[1]) & 1) {
        free(*mac);
        *mac = NULL;
        return xasprintf("mac=%s is a multicast address: write one whose "
                         "first byte is even", s);
    }
    return NULL;
}

char *
vif_mtu_parse(const char *s, int *mtu)
{
    const char *p = s;

    if (!parse_number(&p, 65535, mtu) || *p || *mtu < 68) {
        *mtu = 0;
        return xasprintf("mtu=%s: write a number from 68 to 65535", s);
    }
    return NULL;
}

char *
vif_name_check(const char *name)
{
    const char *p;

    if (!name[0] || strlen(name) >= IFNAMSIZ || !strcmp(name, ".")
        || !strcmp(name, "..")) {
        return xasprintf("\"%s\" cannot be the name of a network device: "
                         "write 1 to %d characters", name, IFNAMSIZ - 1);
    }
    for (p = name; *p; p++) {
        if (*p == '/' || *p == ':' || *p <= ' ' || *p >= 127) {
            return xasprintf("\"%s\" cannot be the name of a network device: "
                             "write letters, digits, '.', '-' and '_'", name);
        }
    }
    return NULL;
}

/* Not OVS's uuid_from_string(): that would bring libcrypto in, and with it ten
 * milliseconds of dynamic linking in a dom0 under load. */
static bool
parse_uuid(const char *s, uint8_t uuid[16])
{
    size_t i, n = 0;

    for (i = 0; i < 36; i++) {
        int digit = hexit_value(s[i]);

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s[i] != '-') {
                return false;
            }
        } else if (digit < 0) {
            return false;
        } else {
            uuid[n / 2] = n % 2 ? uuid[n / 2] << 4 | digit : digit;
            n++;
        }
    }
    return !s[36];
}

char *
vif_uuid_check(const char *s)
{
    uint8_t uuid[16];

    return parse_uuid(s, uuid) ? NULL : xasprintf("\"%s\" is not a UUID", s);
}

/* Splits ".../DOMID/DEVID". */
static bool
parse_xenbus(const char *path, unsigned int *domid, unsigned int *devid)
{
    const char *dev = strrchr(path, '/'), *dom = dev, *p;
    int a, b;

    if (!dev) {
        return false;
    }
    while (dom > path && dom[-1] != '/') {
        dom--;
    }
    p = dom;
    if (!parse_number(&p, 65535, &a) || p != dev) {
        return false;
    }
    p = dev + 1;
    if (!parse_number(&p, 65535, &b) || *p) {
        return false;
    }
    *domid = a;
    *devid = b;
    return true;
}

/* Splits "vifDOMID.DEVID-emu", the name that libxl gives to a tap. */
static bool
parse_tap(const char *name, unsigned int *domid, unsigned int *devid)
{
    const char *p = name + 3;
    int a, b;

    if (strncmp(name, "vif", 3) || !parse_number(&p, 65535, &a) || *p++ != '.'
        || !parse_number(&p, 65535, &b) || strcmp(p, "-emu")) {
        return false;
    }
    *domid = a;
    *devid = b;
    return true;
}

static char *
init_tap(struct vif_spec *spec, char *(*env)(const char *))
{
    const char *interface = env("INTERFACE");

    if (!interface || !parse_tap(interface, &spec->domid, &spec->devid)) {
        return xasprintf("INTERFACE=%s: libxl tells the tap's name here, "
                         "vifDOMID.DEVID-emu", interface ? interface : "");
    }
    spec->kernel_name = xstrdup(interface);
    spec->xenbus = xasprintf("backend/vif/%u/%u", spec->domid, spec->devid);
    return NULL;
}

static char *
init_vif(struct vif_spec *spec, char *(*env)(const char *))
{
    const char *xenbus = env("XENBUS_PATH"), *vif = env("vif");

    if (!xenbus || !parse_xenbus(xenbus, &spec->domid, &spec->devid)) {
        return xasprintf("XENBUS_PATH=%s: libxl tells the device's path in "
                         "xenstore here, backend/vif/DOMID/DEVID; this "
                         "program is not for use by hand",
                         xenbus ? xenbus : "");
    }
    spec->xenbus = xstrdup(xenbus);
    spec->kernel_name = (vif && vif[0] ? xstrdup(vif)
                         : xasprintf("vif%u.%u", spec->domid, spec->devid));
    return NULL;
}

char *
vif_spec_init(struct vif_spec *spec, int argc, char *argv[],
              char *(*env)(const char *), bool *ignore)
{
    const char *command = NULL, *type = NULL;
    bool known = false;
    char *error;
    int i;

    memset(spec, 0, sizeof *spec);
    spec->bridge.tag = -1;
    *ignore = false;
    for (i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "type_if=", 8)) {
            type = argv[i] + 8;
        } else if (!strchr(argv[i], '=') && !command) {
            command = argv[i];
        }
    }
    for (i = 0; command && i < ARRAY_SIZE(op_names); i++) {
        if (!strcmp(command, op_names[i])) {
            spec->op = i;
            known = true;
        }
    }
    if (!known) {
        return xasprintf("%s: the first argument is online, offline, add or "
                         "remove", command ? command : "no argument");
    }
    if (type && strcmp(type, "vif") && strcmp(type, "tap")) {
        return xasprintf("type_if=%s: only vif and tap are known", type);
    }
    spec->tap = type && !strcmp(type, "tap");
    /* As with Xen's own scripts: a vif goes on- and offline, a tap is added
     * and removed. */
    *ignore = spec->tap != (spec->op == VIF_ADD || spec->op == VIF_REMOVE);
    if (*ignore) {
        return NULL;
    }
    error = spec->tap ? init_tap(spec, env) : init_vif(spec, env);
    if (!error) {
        spec->name = xstrdup(spec->kernel_name);
        error = vif_name_check(spec->name);
    }
    return error;
}

void
vif_spec_uninit(struct vif_spec *spec)
{
    free(spec->xenbus);
    free(spec->kernel_name);
    free(spec->name);
    free(spec->domain);
    free(spec->vm_uuid);
    free(spec->mac);
    free(spec->frontend);
    vif_bridge_uninit(&spec->bridge);
    memset(spec, 0, sizeof *spec);
}

char *
vif_spec_rename(struct vif_spec *spec, const char *vifname)
{
    char *name = xasprintf("%s%s", vifname, spec->tap ? "-emu" : "");
    char *error = vif_name_check(name);

    if (error) {
        free(name);
        return error;
    }
    free(spec->name);
    spec->name = name;
    return NULL;
}

bool
vif_op_is_plug(enum vif_op op)
{
    return op == VIF_ONLINE || op == VIF_ADD;
}

const char *
vif_op_to_string(enum vif_op op)
{
    return op_names[op];
}

char *
vif_bridge_vlan(const struct vif_bridge *b)
{
    char *s = b->tag >= 0 ? xasprintf("%d", b->tag) : xstrdup("");
    size_t i;

    for (i = 0; i < b->n_trunks; i++) {
        char *longer = xasprintf("%s:%d", s, b->trunks[i]);

        free(s);
        s = longer;
    }
    return s;
}

char *
vif_domain_name(const char *name)
{
    size_t len = strlen(name), suffix = strlen(INCOMING);

    if (len > suffix && !strcmp(name + len - suffix, INCOMING)) {
        len -= suffix;
    }
    return xmemdup0(name, len);
}

char *
vif_uuid(const char *vm_uuid, unsigned int devid)
{
    uint32_t mix = (devid + 1) * UINT32_C(0x9e3779b9);
    uint8_t u[16];
    size_t i;

    if (!vm_uuid || !parse_uuid(vm_uuid, u)) {
        return NULL;
    }
    for (i = 0; i < 4; i++) {
        u[12 + i] ^= mix >> (24 - 8 * i);
    }
    u[6] = (u[6] & 0x0f) | 0x80;
    u[8] = (u[8] & 0x3f) | 0x80;
    return xasprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                     "%02x%02x%02x%02x%02x%02x",
                     u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8],
                     u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}
