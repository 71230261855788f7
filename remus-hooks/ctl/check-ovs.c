/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: is Open vSwitch there, and is it told who this node is?
 * The bridge must be secure from the transaction that makes it: without a
 * controller or an agent it must pass nothing. */

#include <config.h>
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "dirs.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb-idl.h"
#include "smap.h"
#include "util.h"
#include "values.h"
#include "view.h"
#include "vswitch-idl.h"

static void
connect_ovs(struct check *c)
{
    char *remote = xasprintf("unix:%s/db.sock", ovs_rundir());
    struct ovsdb_idl *idl = ovsdb_idl_create(remote, &ovsrec_idl_class,
                                             false, false);

    ovsdb_idl_set_leader_only(idl, false);
    ovsdb_idl_add_table(idl, &ovsrec_table_open_vswitch);
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_external_ids);
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_other_config);
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_bridges);
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_ovs_version);
    ovsdb_idl_add_column(idl, &ovsrec_open_vswitch_col_next_cfg);
    ovsdb_idl_add_table(idl, &ovsrec_table_bridge);
    ovsdb_idl_add_column(idl, &ovsrec_bridge_col_name);
    ovsdb_idl_add_column(idl, &ovsrec_bridge_col_fail_mode);
    ovsdb_idl_add_column(idl, &ovsrec_bridge_col_datapath_type);
    ovsdb_idl_add_column(idl, &ovsrec_bridge_col_ports);
    ovsdb_idl_add_table(idl, &ovsrec_table_port);
    ovsdb_idl_add_column(idl, &ovsrec_port_col_name);
    ovsdb_idl_add_column(idl, &ovsrec_port_col_interfaces);
    ovsdb_idl_add_column(idl, &ovsrec_port_col_external_ids);
    ovsdb_idl_add_table(idl, &ovsrec_table_interface);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_name);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_type);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_error);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_options);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_external_ids);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_bfd_status);
    ovsdb_idl_add_column(idl, &ovsrec_interface_col_mtu);
    if (wait_for_data(idl, 3000)) {
        c->ovs = idl;
    } else {
        check_bad(&c->lines, CHECK_FAIL, "ovs", xstrdup("apt install "
                  "openvswitch-switch; systemctl start openvswitch-switch"),
                  "%s: Open vSwitch's database does not answer", remote);
        ovsdb_idl_destroy(idl);
    }
    free(remote);
}

static void
check_vswitchd(struct check *c, const struct ovsrec_open_vswitch *ovs)
{
    char *pidfile = xasprintf("%s/ovs-vswitchd.pid", ovs_rundir());
    pid_t pid = access(pidfile, R_OK) ? 0 : read_pidfile(pidfile);

    if (pid > 0) {
        check_ok(&c->lines, "ovs", "ovs-vswitchd %s runs",
                 ovs->ovs_version ? ovs->ovs_version : "(version not told)");
    } else {
        check_bad(&c->lines, CHECK_FAIL, "ovs",
                  xstrdup("systemctl start openvswitch-switch"),
                  "ovs-vswitchd does not run (%s)", pidfile);
    }
    free(pidfile);
}

static void
check_config(struct check *c, const struct ovsrec_open_vswitch *ovs)
{
    static const char set[] = "ovs-vsctl set Open_vSwitch . external_ids:";
    const char *node = smap_get(&ovs->external_ids, "dts-node");
    const char *remote = smap_get(&ovs->external_ids, "dts-remote");
    const char *ip = smap_get(&ovs->external_ids, "dts-encap-ip");
    const char *type = smap_get(&ovs->external_ids, "dts-encap-type");
    const char *bridge = smap_get(&ovs->external_ids, "dts-bridge");

    c->node = nullable_xstrdup(node);
    c->remote = nullable_xstrdup(remote);
    c->encap_ip = nullable_xstrdup(ip);
    c->encap_type = nullable_xstrdup(type);
    c->bridge_name = xstrdup(bridge && bridge[0] ? bridge : "br-dts");
    if (node) {
        check_ok(&c->lines, "node", "this is node %s", node);
    } else {
        check_bad(&c->lines, CHECK_FAIL, "node", xasprintf("%sdts-node=NAME",
                  set),
                  "Open vSwitch is not told which node this is");
    }
    if (!remote) {
        check_bad(&c->lines, CHECK_FAIL, "remote",
                  xasprintf("%sdts-remote=ssl:ADDRESS:6645", set),
                  "Open vSwitch is not told where the DTS database is");
    }
    char *error = ip ? parse_ip(ip, NULL, NULL) : NULL;
    if (error) {
        check_bad(&c->lines, CHECK_FAIL, "encap-ip",
                  xasprintf("%sdts-encap-ip=IP", set), "%s", error);
        free(error);
    }
    if (type && dts_encap_from_string(type) == DTS_ENCAP_UNSET) {
        check_bad(&c->lines, CHECK_FAIL, "encap-type",
                  xasprintf("%sdts-encap-type=TYPE, where TYPE is gre, vxlan "
                            "or geneve", set),
                  "\"%s\" is no encapsulation: not used", type);
    }
}

static const struct ovsrec_bridge *
find_bridge(const struct check *c)
{
    const struct ovsrec_bridge *bridge;

    OVSREC_BRIDGE_FOR_EACH (bridge, c->ovs) {
        if (!strcmp(bridge->name, c->bridge_name)) {
            return bridge;
        }
    }
    return NULL;
}

/* Makes the bridge, or makes it secure; waits until Open vSwitch has it in
 * its database (not until ovs-vswitchd has made it). */
static bool
repair_bridge(struct check *c, const struct ovsrec_open_vswitch *ovs)
{
    struct ovsdb_idl_txn *txn = ovsdb_idl_txn_create(c->ovs);
    const struct ovsrec_bridge *bridge = find_bridge(c);

    if (!bridge) {
        struct ovsrec_interface *iface = ovsrec_interface_insert(txn);
        struct ovsrec_port *port = ovsrec_port_insert(txn);
        struct ovsrec_bridge *new = ovsrec_bridge_insert(txn);

        ovsrec_interface_set_name(iface, c->bridge_name);
        ovsrec_interface_set_type(iface, "internal");
        ovsrec_port_set_name(port, c->bridge_name);
        ovsrec_port_set_interfaces(port, &iface, 1);
        ovsrec_bridge_set_name(new, c->bridge_name);
        ovsrec_bridge_set_ports(new, &port, 1);
        ovsrec_open_vswitch_update_bridges_addvalue(ovs, new);
        bridge = new;
    }
    ovsrec_bridge_set_fail_mode(bridge, "secure");
    ovsdb_idl_txn_increment(txn, &ovs->header_,
                            &ovsrec_open_vswitch_col_next_cfg, true);

    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit_block(txn);
    ovsdb_idl_txn_destroy(txn);
    ovsdb_idl_run(c->ovs);
    return status == TXN_SUCCESS || status == TXN_UNCHANGED;
}

static void
check_bridge(struct check *c, const struct ovsrec_open_vswitch *ovs)
{
    const struct ovsrec_bridge *bridge = find_bridge(c);
    bool secure = bridge && bridge->fail_mode
                  && !strcmp(bridge->fail_mode, "secure");

    if (!secure && c->repair && repair_bridge(c, ovs)) {
        check_ok(&c->lines, "bridge", "%s: %s (repaired)", c->bridge_name,
                 bridge ? "made secure" : "made, secure");
        c->bridge = find_bridge(c);
        return;
    }
    c->bridge = bridge;
    c->userspace = bridge && !strcmp(bridge->datapath_type, "netdev");
    if (!bridge) {
        check_bad(&c->lines, CHECK_FAIL, "bridge", xasprintf(
                  "start dts-agent, which makes it, or dts-ctl check "
                  "--repair, or ovs-vsctl add-br %s -- set-fail-mode %s "
                  "secure", c->bridge_name, c->bridge_name),
                  "there is no bridge %s", c->bridge_name);
    } else if (!secure) {
        check_bad(&c->lines, CHECK_FAIL, "bridge", xasprintf(
                  "dts-ctl check --repair, or ovs-vsctl set-fail-mode %s "
                  "secure", c->bridge_name),
                  "%s is not fail_mode=secure: without its agent it would "
                  "forward everything", c->bridge_name);
    } else {
        check_ok(&c->lines, "bridge", "%s is there, fail_mode=secure%s",
                 c->bridge_name, c->userspace ? ", userspace datapath" : "");
    }
}

void
check_ovs(struct check *c)
{
    connect_ovs(c);
    if (!c->ovs) {
        return;
    }

    const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(c->ovs);
    if (!ovs) {
        check_bad(&c->lines, CHECK_FAIL, "ovs", xstrdup("ovs-vsctl init"),
                  "Open vSwitch's database is empty");
        return;
    }
    check_vswitchd(c, ovs);
    check_config(c, ovs);
    check_bridge(c, ovs);
}
