/* SPDX-License-Identifier: Apache-2.0 */
/* The program around a guest's output buffer that knows Open vSwitch.
 *
 * For libremusdts (libxl-ext/netbuf.c), which makes the buffer itself, it puts
 * the buffer's port into the vif's place in Open vSwitch, and takes it out.
 *
 * For `xl remus -N remus-netbuf-dts`, where libxl does the buffering itself
 * (Debian's was built without), it does all that Xen's remus-netbuf-setup does:
 * libxl runs it for each vif with "setup" and "teardown", and finds the device
 * whose root qdisc is the plug in xenstore.  The layout is the same, so the
 * real-time classes of the domain bypass the buffer there too. */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent-client.h"
#include "buf-ovs.h"
#include "openvswitch/shash.h"
#include "realtime.h"
#include "remus-dts/exit.h"
#include "say.h"
#include "util.h"
#include "vif-lock.h"
#include "vif-spec.h"
#include "vif-store.h"
#include "../libxl-ext/netbuf-dev.h"

/* libxl gives it 40 s in all. */
#define LOCK_MS 10000
#define AGENT_OPEN_MS 500
#define AGENT_MS 3000
#define LIMIT_BYTES (64u << 20)

/* The classes of a domain. */

/* What the agent says about 'domain'; NULL if it cannot be asked. */
static struct json *
ask_agent(const char *domain)
{
    struct json *found = NULL;
    struct agent_msg *answer = NULL;

    if (!agent_client_status(domain, AGENT_OPEN_MS, AGENT_MS, &answer)
        && !answer->error && answer->result->type == JSON_OBJECT) {
        const struct json *list
            = shash_find_data(json_object(answer->result), "domains");

        if (list && list->type == JSON_ARRAY && json_array(list)->n == 1
            && json_array(list)->elems[0]->type == JSON_OBJECT) {
            found = json_deep_clone(json_array(list)->elems[0]);
        }
    }
    agent_msg_destroy(answer);
    return found;
}

/* The classes of domain 'domid'.  On any doubt there are none: then all of its
 * output is buffered. */
static size_t
read_classes(unsigned int domid, struct remus_class classes[])
{
    char *dir = xasprintf("/local/domain/%u", domid);
    char *full = vif_store_get(dir, "name");
    char *domain = vif_domain_name(full ? full : "");
    struct json *d = ask_agent(domain);
    const struct json *list, *unsafe;
    char *error = NULL;
    size_t n = 0, i;

    list = d ? shash_find_data(json_object(d), "realtime") : NULL;
    unsafe = d ? shash_find_data(json_object(d), "realtime_unsafe") : NULL;
    if (!list || list->type != JSON_ARRAY) {
        error = xasprintf("dts-agent does not know domain %s", domain);
    }
    for (i = 0; !error && i < json_array(list)->n; i++) {
        const struct json *e = json_array(list)->elems[i];

        if (n >= REMUS_MAX_CLASSES || e->type != JSON_STRING) {
            error = xstrdup("its real-time classes are not understood");
        } else {
            error = remus_class_parse(json_string(e), &classes[n++]);
        }
    }
    if (!error) {
        error = remus_classes_check(classes, n,
                                    unsafe && unsafe->type == JSON_TRUE);
    }
    if (error) {
        say(LOG_WARNING, "%s: all its output is buffered: %s", domain, error);
        free(error);
        n = 0;
    }
    json_destroy(d);
    free(domain);
    free(full);
    free(dir);
    return n;
}

/* For libxl. */

static char *
ovs_change(enum buf_op op, const struct netbuf_dev *dev, int *code)
{
    struct buf_pair pair = { .vif = dev->vif, .port = dev->port };
    char *error = buf_ovs_change(op, &pair, 1, code);

    buf_pair_uninit(&pair);
    return error;
}

static char *
teardown(struct nl_sock *sock, struct netbuf_dev *dev, int *code)
{
    char *error;

    /* What is held leaves: libxl lets the guest go on here. */
    free(netbuf_dev_release_all(sock, dev));
    error = ovs_change(BUF_REMOVE, dev, code);
    if (!error) {
        error = netbuf_dev_unredirect(sock, dev);
    }
    if (!error) {
        error = netbuf_dev_remove(sock, dev);
    }
    return error;
}

static char *
setup(struct nl_sock *sock, struct netbuf_dev *dev, int *code)
{
    struct remus_class classes[REMUS_MAX_CLASSES];
    size_t n = read_classes(dev->domid, classes);
    char *error = netbuf_dev_prepare(sock, dev, LIMIT_BYTES);
    int ignored;

    if (!error) {
        error = ovs_change(BUF_INSERT, dev, code);
    }
    if (!error) {
        error = netbuf_dev_redirect(sock, dev, classes, n);
    }
    if (error) {
        free(teardown(sock, dev, &ignored));
    }
    return error;
}

/* "/libxl/DOMID/remus/netbuf/DEVID" */
static char *
parse_env(struct netbuf_dev *dev, const char **xenbus)
{
    const char *vif = getenv("vifname");
    unsigned int domid, devid;
    int n = 0;

    *xenbus = getenv("XENBUS_PATH");
    if (!*xenbus || !vif || !vif[0]) {
        return xstrdup("vifname= or XENBUS_PATH= is not set: libxl runs this "
                       "program, for xl remus -N");
    } else if (!ovs_scan(*xenbus, "/libxl/%u/remus/netbuf/%u%n", &domid,
                         &devid, &n) || (*xenbus)[n]) {
        return xasprintf("XENBUS_PATH=%s: libxl writes "
                         "/libxl/DOMID/remus/netbuf/DEVID", *xenbus);
    } else if (!netbuf_dev_init(dev, domid, devid, vif)) {
        return xasprintf("XENBUS_PATH=%s: these numbers are too large",
                         *xenbus);
    }
    return vif_name_check(vif);
}

static int
run_for_libxl(bool up)
{
    struct nl_sock *sock = NULL;
    struct netbuf_dev dev;
    const char *xenbus;
    int code = DTS_EXIT_USAGE;
    char *error, *lock;

    error = parse_env(&dev, &xenbus);
    if (error) {
        say(LOG_ERR, "%s", error);
        free(error);
        return code;
    }
    code = DTS_EXIT_NO_DATABASE;
    lock = xasprintf("vif-%u.%u", dev.domid, dev.devid);
    error = vif_store_open();
    if (!error) {
        error = vif_lock_take(lock, LOCK_MS);
        code = error ? DTS_EXIT_TIMEOUT : code;
    }
    if (!error) {
        error = netbuf_sock_open(&sock);
    }
    if (!error && up) {
        vif_store_set(xenbus, "hotplug-error", NULL);
        /* Before anything else, so that libxl's teardown knows it. */
        vif_store_set(xenbus, "ifb", dev.hold);
        error = setup(sock, &dev, &code);
    } else if (!error) {
        error = teardown(sock, &dev, &code);
    }

    if (error) {
        say(LOG_ERR, "%s: %s", dev.vif, error);
        vif_store_failed(xenbus, error);
    } else if (up) {
        vif_store_set(xenbus, "hotplug-status", "connected");
    } else {
        vif_store_set(xenbus, "ifb", NULL);
        vif_store_set(xenbus, "hotplug-status", NULL);
        vif_store_set(xenbus, "hotplug-error", NULL);
    }
    netbuf_sock_close(sock);
    vif_lock_release();
    vif_store_close();
    code = error ? code : DTS_EXIT_OK;
    free(error);
    free(lock);
    return code;
}

/* For libremusdts. */

static int
run_pairs(enum buf_op op, int argc, char *argv[])
{
    struct buf_pair pairs[BUF_MAX];
    int n = argc, i, code = DTS_EXIT_USAGE;
    char *error = NULL;

    memset(pairs, 0, sizeof pairs);
    if (n < 1 || n > BUF_MAX) {
        error = xasprintf("from 1 to %d VIF=PORT", BUF_MAX);
    }
    for (i = 0; i < n && !error; i++) {
        char *equals = strchr(argv[i], '=');

        if (!equals) {
            error = xasprintf("\"%s\": write VIF=PORT, for example "
                              "vif5.0=dtsb5.0", argv[i]);
            break;
        }
        *equals = '\0';
        pairs[i].vif = argv[i];
        pairs[i].port = equals + 1;
        error = vif_name_check(pairs[i].vif);
        if (!error) {
            error = vif_name_check(pairs[i].port);
        }
    }
    if (!error) {
        error = buf_ovs_change(op, pairs, n, &code);
    }
    for (i = 0; i < MIN(n, BUF_MAX); i++) {
        buf_pair_uninit(&pairs[i]);
    }
    if (error) {
        say(LOG_ERR, "%s", error);
        free(error);
        return code;
    }
    return DTS_EXIT_OK;
}

static const char help[] = "\
remus-netbuf-dts: a guest's output buffer in Open vSwitch\n\
usage: vifname=VIF XENBUS_PATH=/libxl/DOMID/remus/netbuf/DEVID \\\n\
       remus-netbuf-dts setup|teardown      (run by libxl: xl remus -N)\n\
       remus-netbuf-dts insert VIF=PORT...  the buffer's port for the vif\n\
       remus-netbuf-dts remove VIF=PORT...  the vif in its own place again\n\
       remus-netbuf-dts cut VIF=PORT...     neither of them\n\
See remus-netbuf-dts(8).\n";

int
main(int argc, char *argv[])
{
    const char *op = argc > 1 ? argv[1] : "";

    set_program_name(argv[0]);
    if (argc == 2 && !strcmp(op, "--version")) {
        puts("remus-netbuf-dts (remus-dts) " DTS_VERSION);
        return DTS_EXIT_OK;
    } else if (argc == 2 && !strcmp(op, "--help")) {
        fputs(help, stdout);
        return DTS_EXIT_OK;
    } else if (argc == 2 && (!strcmp(op, "setup") || !strcmp(op, "teardown"))) {
        return run_for_libxl(op[0] == 's');
    } else if (argc > 2 && !strcmp(op, "insert")) {
        return run_pairs(BUF_INSERT, argc - 2, argv + 2);
    } else if (argc > 2 && !strcmp(op, "remove")) {
        return run_pairs(BUF_REMOVE, argc - 2, argv + 2);
    } else if (argc > 2 && !strcmp(op, "cut")) {
        return run_pairs(BUF_CUT, argc - 2, argv + 2);
    }
    fputs(help, stderr);
    return DTS_EXIT_USAGE;
}
