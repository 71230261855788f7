/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: what this machine brings: the agent, the clock, kernel
 * modules, and on a server Xen, the vif program and the save-helper's gate. */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent-client.h"
#include "check-clock.h"
#include "daemon.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "rundir.h"
#include "util.h"
#include "vswitch-idl.h"

static bool
exists(const char *path, int mode)
{
    char *p = machine_path(path);
    bool yes = !access(p, mode);

    free(p);
    return yes;
}

/* The member 'name' of the answer's object, or NULL. */
static const struct json *
member(const struct agent_msg *answer, const char *name)
{
    return (answer->result && answer->result->type == JSON_OBJECT
            ? shash_find_data(json_object(answer->result), name) : NULL);
}

static struct json *
hello(void)
{
    struct json *params = json_object_create();

    json_object_put(params, "version",
                    json_integer_create(DTS_AGENT_VERSION));
    json_object_put_string(params, "role", "ctl");
    json_object_put(params, "pid", json_integer_create(getpid()));
    return params;
}

/* What the agent says of itself, once it has accepted us. */
static void
check_agent_status(struct check *c, const struct agent_msg *status)
{
    const struct json *node = member(status, "node");
    const struct json *version = member(status, "version");
    const struct json *connected = member(status, "connected");

    if (connected && connected->type == JSON_FALSE) {
        check_bad(&c->lines, CHECK_FAIL, "agent", xasprintf(
                  "what is external_ids:dts-remote of Open_vSwitch? Are "
                  "%s/pki/*.pem this node's?", DTS_SYSCONFDIR),
                  "dts-agent runs, but has no connection to the database");
    } else if (node && node->type == JSON_STRING && c->node
               && json_string(node)[0]
               && strcmp(json_string(node), c->node)) {
        check_bad(&c->lines, CHECK_WARN, "agent", xstrdup("systemctl restart "
                  "dts-agent"), "dts-agent still runs as node %s",
                  json_string(node));
    } else {
        check_ok(&c->lines, "agent", "dts-agent answers and has the database");
    }
    if (version && version->type == JSON_STRING
        && strcmp(json_string(version), DTS_VERSION)) {
        check_bad(&c->lines, CHECK_WARN, "agent",
                  xstrdup("install the same version "
                  "of all packages, then: systemctl restart dts-agent"),
                  "dts-agent is version %s, dts-ctl %s",
                  json_string(version), DTS_VERSION);
    }
}

static void
check_agent(struct check *c)
{
    static const char remedy[] = "systemctl start dts-agent; its log is in "
                                 "/var/log/remus-dts";
    struct agent_client *client;
    struct agent_msg *answer = NULL;

    int error = agent_client_open(NULL, 1000, &client);
    if (error == EACCES || error == EPERM) {
        check_bad(&c->lines, CHECK_WARN, "agent",
                  xstrdup("run dts-ctl check as "
                  "root"), "only root may ask the agent");
        return;
    } else if (error) {
        check_bad(&c->lines, CHECK_FAIL, "agent", xstrdup(remedy),
                  "dts-agent does not run (%s/agent.sock: %s)", dts_rundir(),
                  ovs_strerror(error));
        return;
    }

    error = agent_client_call(client, "hello", hello(), 3000, &answer);
    if (!error && !answer->error) {
        agent_msg_destroy(answer);
        error = agent_client_call(client, "status", json_object_create(),
                                  3000, &answer);
    }
    if (error) {
        check_bad(&c->lines, CHECK_FAIL, "agent", xstrdup(remedy),
                  "dts-agent does not answer (%s)",
                  ovs_retval_to_string(error));
    } else if (answer->error) {
        check_bad(&c->lines, CHECK_FAIL, "agent", xasprintf("install the same "
                  "version of all packages: this is dts-ctl %s",
                  DTS_VERSION), "dts-agent refuses: %s", answer->error);
        agent_msg_destroy(answer);
    } else {
        check_agent_status(c, answer);
        agent_msg_destroy(answer);
    }
    agent_client_close(client);
}

static void
check_clock(struct check *c)
{
    struct timex t = { .modes = 0 };
    int state = adjtimex(&t);

    check_clock_judge(&c->lines, state, errno, &t);
}

/* A kernel module, or what is built in under the same name.  One that is not
 * loaded yet but can be is well: the kernel loads it when it is wanted. */
void
check_module(struct check *c, const char *module, const char *why,
             enum check_level level)
{
    char *path = xasprintf("/sys/module/%s", module);

    if (exists(path, F_OK)) {
        check_ok(&c->lines, "modules", "%s is loaded", module);
    } else if (c->repair
               && run_program((const char *const[]) {
                              "modprobe", "-q", module, NULL })) {
        check_ok(&c->lines, "modules", "%s is loaded (repaired)", module);
    } else if (run_program((const char *const[]) {
                           "modprobe", "-n", "-q", module, NULL })) {
        check_ok(&c->lines, "modules", "%s can be loaded", module);
    } else {
        check_bad(&c->lines, level, "modules", xasprintf(
                  "install a kernel that has it (Debian's has), or the "
                  "package of its extra modules: find /lib/modules -name "
                  "'%s.*'", module),
                  "the kernel has no %s: %s", module, why);
    }
    free(path);
}

static void
check_modules(struct check *c, bool server)
{
    if (c->bridge && !c->userspace) {
        check_module(c, "openvswitch", "no datapath", CHECK_FAIL);
        check_module(c, "vport_gre", "no GRE tunnels (VXLAN and Geneve do "
                     "not need it)", CHECK_WARN);
    }
    if (server) {
        check_module(c, "sch_plug", "output cannot be buffered (xl remus "
                     "without -n needs it)", CHECK_WARN);
    }
}

static void
check_xenstore(struct check *c)
{
    if (exists("/run/xenstored/socket", F_OK)
        || exists("/var/run/xenstored/socket", F_OK)
        || exists("/dev/xen/xenbus", F_OK)) {
        check_ok(&c->lines, "xenstore", "reachable");
    } else {
        check_bad(&c->lines, CHECK_FAIL, "xenstore", xstrdup("boot the Xen "
                  "hypervisor, then: systemctl start xen-init-dom0"),
                  "no xenstore: this machine does not run under Xen, or "
                  "xenstored is down");
    }
}

static void
check_link(struct check *c)
{
    char *pidfile = xasprintf("%s/dts-link.pid", dts_rundir());
    pid_t pid = access(pidfile, R_OK) ? 0 : read_pidfile(pidfile);

    if (pid > 0) {
        check_ok(&c->lines, "link", "dts-link listens for replication");
    } else {
        check_bad(&c->lines, CHECK_FAIL, "link",
                  xstrdup("systemctl start dts-link"),
                  "dts-link does not run (%s): no domain can be protected "
                  "towards this node", pidfile);
    }
    free(pidfile);
}

static void
check_vif_program(struct check *c)
{
    static const char program[] = DTS_LIBEXECDIR "/vif-ovs-dts";
    static const char link_path[] = "/etc/xen/scripts/vif-ovs-dts";
    char *path = machine_path(link_path);
    struct stat st;

    if (!exists(program, X_OK)) {
        check_bad(&c->lines, CHECK_FAIL, "vif",
                  xstrdup("apt install remus-dts-server"),
                  "the vif program %s is not installed", program);
    } else if (!stat(path, &st) && st.st_mode & S_IXUSR) {
        check_ok(&c->lines, "vif", "%s is there", link_path);
    } else if (c->repair && !symlink(program, path)) {
        check_ok(&c->lines, "vif",
                 "%s now leads to the vif program (repaired)",
                 link_path);
    } else {
        check_bad(&c->lines, CHECK_FAIL, "vif", xasprintf(
                  "ln -sf %s %s, or dts-ctl check --repair", program,
                  link_path), "xl does not find the vif program: no %s",
                  link_path);
    }
    free(path);

    static const char gate[] = DTS_LIBEXECDIR "/dts-save-helper";
    if (exists(gate, X_OK)) {
        check_ok(&c->lines, "gate", "%s is installed", gate);
    } else {
        check_bad(&c->lines, CHECK_FAIL, "gate",
                  xstrdup("apt install remus-dts-server"),
                  "%s is not installed: a copy could run without a grant",
                  gate);
    }
}

void
check_host(struct check *c)
{
    /* Without the database a machine with Xen is taken for a server. */
    bool server = (c->self ? node_has_role(c->self, "server")
                   : exists("/proc/xen/capabilities", F_OK));

    check_agent(c);
    check_clock(c);
    check_modules(c, server);
    if (server) {
        check_link(c);
        check_xenstore(c);
        check_vif_program(c);
    }
}
