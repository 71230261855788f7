/* SPDX-License-Identifier: Apache-2.0 */

/* The local Open_vSwitch database: configuration in, bridge and ports out.
 *
 * One IDL is kept open.  At most one transaction is under way; what is wanted
 * while it is goes into the next one.  A transaction that changes ports also
 * increments next_cfg, and what it asked for is in force when ovs-vswitchd has
 * set cur_cfg to that: with switching=port that is the switch itself.
 *
 * The bridge is made in one transaction with fail_mode=secure, and put back to
 * it if someone changes it: without flows nothing passes. */

#include <config.h>

#include "ovs-local.h"

#include <stdlib.h>
#include <string.h>

#include "ipsec.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "timeval.h"
#include "util.h"
#include "view.h"

VLOG_DEFINE_THIS_MODULE(ovs_local);

#define RETRY_MS 1000          /* After an error. */
#define AGAIN_MS 20             /* After losing a race or the connection. */

static struct ovsdb_idl *idl;
static struct ovsdb_idl_txn *txn;
static struct switch_callbacks callbacks;
static bool txn_ports;          /* 'txn' changes bridge or ports. */
static bool kicked;
static long long int retry_at;
static unsigned int last_seqno;
static bool port_work;          /* Look whether ports differ. */
static int64_t awaited_cfg;     /* In force when cur_cfg has reached it. */
static uint64_t view_seq, settled;
static unsigned int ports_seqno = 1;
static struct switch_config config;

static void setup_idl(const char *remote);
static void read_config(void);
static void finish_txn(void);
static void start_txn(void);
static const struct ovsrec_bridge *ensure_bridge(bool *changed);

void
ovs_local_init(const char *remote, const struct switch_callbacks *cb)
{
    callbacks = *cb;
    setup_idl(remote);
}

void
ovs_local_destroy(void)
{
    if (txn) {
        ovsdb_idl_txn_destroy(txn);
        txn = NULL;
    }
    ipsec_destroy();
    ovs_ports_destroy();
    ovs_reach_destroy();
    ovs_vifs_destroy();
    ovsdb_idl_destroy(idl);
    idl = NULL;
}

static void
setup_idl(const char *remote)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &ovsrec_open_vswitch_col_external_ids,
        &ovsrec_open_vswitch_col_other_config,
        &ovsrec_open_vswitch_col_bridges,
        &ovsrec_open_vswitch_col_cur_cfg,
        &ovsrec_open_vswitch_col_next_cfg,
        &ovsrec_bridge_col_name,
        &ovsrec_bridge_col_ports,
        &ovsrec_bridge_col_fail_mode,
        &ovsrec_bridge_col_protocols,
        &ovsrec_bridge_col_datapath_type,
        &ovsrec_bridge_col_external_ids,
        &ovsrec_port_col_name,
        &ovsrec_port_col_interfaces,
        &ovsrec_port_col_external_ids,
        &ovsrec_port_col_tag,
        &ovsrec_port_col_trunks,
        &ovsrec_port_col_vlan_mode,
        &ovsrec_interface_col_name,
        &ovsrec_interface_col_type,
        &ovsrec_interface_col_options,
        &ovsrec_interface_col_ofport,
        &ovsrec_interface_col_ofport_request,
        &ovsrec_interface_col_external_ids,
        &ovsrec_interface_col_bfd,
        &ovsrec_interface_col_bfd_status,
        &ovsrec_interface_col_mtu_request,
        &ovsrec_interface_col_error,
        &ovsrec_interface_col_ifindex,
    };
    static const struct ovsdb_idl_table_class *const tables[] = {
        &ovsrec_table_open_vswitch, &ovsrec_table_bridge, &ovsrec_table_port,
        &ovsrec_table_interface,
    };

    idl = ovsdb_idl_create(remote, &ovsrec_idl_class, false, true);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        ovsdb_idl_add_table(idl, tables[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_add_column(idl, columns[i]);
    }
    ovsdb_idl_set_leader_only(idl, false);
}

void
ovs_local_set_view(const struct dts_view *view, uint64_t seq)
{
    view_seq = seq;
    if (view) {
        ovs_ports_set_view(view);
        ports_seqno++;
        port_work = true;
    }
}

static bool
vifs_work(void)
{
    return kicked || ovs_vifs_marks_due();
}

void
ovs_local_run(void)
{
    ovsdb_idl_run(idl);
    finish_txn();
    if (!ovsdb_idl_has_ever_connected(idl)) {
        return;
    }
    if (last_seqno != ovsdb_idl_get_seqno(idl)) {
        last_seqno = ovsdb_idl_get_seqno(idl);
        ports_seqno++;
        port_work = true;
        read_config();
    }

    port_work |= ipsec_run();

    const struct ovsrec_open_vswitch *root = ovs_local_root();
    const struct ovsrec_bridge *br
        = config.bridge ? ovs_local_find_bridge(config.bridge) : NULL;
    if (!txn) {
        ovs_ports_run(idl, br, &callbacks);
    }
    if (!txn && root && ovsdb_idl_is_alive(idl)
        && (port_work || vifs_work())
        && time_msec() >= retry_at) {
        start_txn();
    }
    if (!txn && !port_work && root && root->cur_cfg >= awaited_cfg) {
        settled = view_seq;
    }
}

void
ovs_local_wait(void)
{
    ovsdb_idl_wait(idl);
    if (txn) {
        ovsdb_idl_txn_wait(txn);
    } else if (port_work || vifs_work()) {
        poll_timer_wait_until(retry_at);
    } else {
        ovs_vifs_marks_wait();
    }
    ovs_ports_wait();
    ipsec_wait();
}

void
ovs_local_kick(void)
{
    kicked = true;
}

/* Makes the transaction that all differences ask for, if there are any. */
static void
start_txn(void)
{
    const struct ovsrec_bridge *br;

    if (!config.node) {
        port_work = false;
        retry_at = time_msec() + RETRY_MS;
        return;
    }
    txn = ovsdb_idl_txn_create(idl);
    ovsdb_idl_txn_add_comment(txn, "dts-agent");
    txn_ports = false;
    br = ensure_bridge(&txn_ports);
    if (br) {
        txn_ports |= ovs_ports_sync(idl, txn, br);
        if (vifs_work()) {
            ovs_vifs_write(idl, txn, br);
            kicked = false;
        }
    }
    port_work = false;
    if (txn_ports) {
        ovsdb_idl_txn_increment(txn, &ovs_local_root()->header_,
                                &ovsrec_open_vswitch_col_next_cfg, false);
    }
    finish_txn();
}

static void
finish_txn(void)
{
    enum ovsdb_idl_txn_status status;

    if (!txn) {
        return;
    }
    status = ovsdb_idl_txn_commit(txn);
    if (status == TXN_INCOMPLETE) {
        return;
    }

    bool again = false;
    const char *error = NULL;
    if (status == TXN_SUCCESS) {
        if (txn_ports) {
            awaited_cfg = ovsdb_idl_txn_get_increment_new_value(txn);
        }
        port_work = true;       /* Look once more at what came of it. */
    } else if (status == TXN_TRY_AGAIN || status == TXN_NOT_LOCKED) {
        again = true;
        retry_at = time_msec() + AGAIN_MS;
        port_work = true;
    } else if (status != TXN_UNCHANGED) {
        error = ovsdb_idl_txn_get_error(txn);
        VLOG_WARN("the local Open vSwitch database refuses a change: %s",
                  error);
        retry_at = time_msec() + RETRY_MS;
        port_work = true;
    }
    struct ovsdb_idl_txn *finished = txn;
    txn = NULL;
    ovs_vifs_done(again, error);
    if (again) {
        kicked = true;
    }
    ovsdb_idl_txn_destroy(finished);
}

static void
read_config(void)
{
    const struct ovsrec_open_vswitch *root = ovs_local_root();

    memset(&config, 0, sizeof config);
    if (!root) {
        return;
    }
    const struct smap *ids = &root->external_ids;
    config.remote = smap_get(ids, "dts-remote");
    config.node = smap_get(ids, "dts-node");
    config.encap_ip = smap_get_def(ids, "dts-encap-ip", "");
    config.encap = dts_encap_from_string(smap_get_def(ids, "dts-encap-type",
                                                      ""));
    config.bridge = smap_get_def(ids, "dts-bridge", "br-dts");
    config.datapath_type = smap_get_def(ids, "dts-bridge-datapath-type", "");
}

bool
switch_get_config(struct switch_config *c)
{
    *c = config;
    return config.bridge != NULL;
}

static bool
has_protocol(const struct ovsrec_bridge *br, const char *protocol)
{
    for (size_t i = 0; i < br->n_protocols; i++) {
        if (!strcmp(br->protocols[i], protocol)) {
            return true;
        }
    }
    return false;
}

static const struct ovsrec_bridge *
ensure_bridge(bool *changed)
{
    static const char *protocols[] = { "OpenFlow10", "OpenFlow13",
                                       "OpenFlow14", "OpenFlow15" };
    const struct ovsrec_bridge *br = ovs_local_find_bridge(config.bridge);

    if (!br) {
        struct ovsrec_interface *iface = ovsrec_interface_insert(txn);
        ovsrec_interface_set_name(iface, config.bridge);
        ovsrec_interface_set_type(iface, "internal");
        struct ovsrec_port *port = ovsrec_port_insert(txn);
        ovsrec_port_set_name(port, config.bridge);
        ovsrec_port_set_interfaces(port, &iface, 1);
        struct ovsrec_bridge *new = ovsrec_bridge_insert(txn);
        ovsrec_bridge_set_name(new, config.bridge);
        ovsrec_bridge_set_ports(new, &port, 1);
        ovsrec_open_vswitch_update_bridges_addvalue(ovs_local_root(), new);
        VLOG_INFO("making bridge %s", config.bridge);
        br = new;
        ovs_vifs_lost_marks();
        *changed = true;
    }
    if (!br->fail_mode || strcmp(br->fail_mode, "secure")) {
        ovsrec_bridge_set_fail_mode(br, "secure");
        *changed = true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        if (!has_protocol(br, protocols[i])) {
            ovsrec_bridge_set_protocols(br, protocols, ARRAY_SIZE(protocols));
            *changed = true;
            break;
        }
    }
    if (config.datapath_type[0]
        && strcmp(br->datapath_type, config.datapath_type)) {
        ovsrec_bridge_set_datapath_type(br, config.datapath_type);
        *changed = true;
    }
    return br;
}

const struct ovsrec_open_vswitch *
ovs_local_root(void)
{
    return ovsrec_open_vswitch_first(idl);
}

const struct ovsrec_bridge *
ovs_local_find_bridge(const char *name)
{
    const struct ovsrec_bridge *br;

    OVSREC_BRIDGE_FOR_EACH (br, idl) {
        if (!strcmp(br->name, name)) {
            return br;
        }
    }
    return NULL;
}

const struct ovsrec_port *
ovs_local_find_port(const char *name)
{
    const struct ovsrec_port *port;

    OVSREC_PORT_FOR_EACH (port, idl) {
        if (!strcmp(port->name, name)) {
            return port;
        }
    }
    return NULL;
}

const struct ovsrec_bridge *
ovs_local_bridge_of(const struct ovsrec_port *port)
{
    const struct ovsrec_bridge *br;

    OVSREC_BRIDGE_FOR_EACH (br, idl) {
        for (size_t i = 0; i < br->n_ports; i++) {
            if (br->ports[i] == port) {
                return br;
            }
        }
    }
    return NULL;
}

const char *
ovs_local_bridge(void)
{
    return (config.bridge && ovs_local_find_bridge(config.bridge)
            ? config.bridge : NULL);
}

unsigned int
ovs_local_seqno(void)
{
    return ports_seqno;
}

void
ovs_local_get_ports(const struct dts_view *view, struct dts_ports *ports)
{
    const struct ovsrec_bridge *br
        = config.bridge ? ovs_local_find_bridge(config.bridge) : NULL;

    if (br) {
        ovs_ports_get(idl, br, view, ports);
    }
}

uint64_t
ovs_local_settled(void)
{
    return settled;
}

void
ovs_local_format(struct ds *ds)
{
    const struct ovsrec_open_vswitch *root
        = ovsdb_idl_has_ever_connected(idl) ? ovs_local_root() : NULL;

    if (!root) {
        ds_put_cstr(ds, "local Open vSwitch database: not connected\n");
        return;
    }
    ds_put_format(ds, "bridge %s: %s%s\n", config.bridge,
                  ovs_local_bridge() ? "there" : "not there yet",
                  root->cur_cfg >= awaited_cfg
                  ? "" : ", waiting for ovs-vswitchd");
    ovs_ports_format(idl, ds);
    ipsec_format(ds);
    ovs_reach_format(ds);
}
