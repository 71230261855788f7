#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Agents that are there first: before Open vSwitch, its database, xenstored and the
# DTS database.  And what a node's own Open vSwitch tells its agent: another
# encapsulation, another bridge.
. "$(dirname "$0")/dts.sh"
. "$(dirname "$0")/onehost.sh"
needs_programs $AGENT $DOM
plan 26
bed_up || exit 1
for n in $NODES; do dts_local $n; done
ovs hostA set Open_vSwitch . external_ids:dts-encap-type=vxlan external_ids:dts-bridge=br-other
stop vswitchd-hostA; stop ovsdb-hostA
for n in $NODES; do must "$n: its agent starts" agent_start $n; done

# hostA has nothing, the others have a switch.
tells() { agent $1 dts/status | grep -q "$2"; }
ok "hostA tells that Open vSwitch's database is away" tells hostA '^local Open vSwitch database: not connected'
ok "gw1 tells that the DTS database is" wait_for 10 tells gw1 "^database $(remote_of gw1): not connected"
fail_mode() { ovs $1 get bridge $2 fail_mode; }
closed() { [ "$(fail_mode $1 $2)" = secure ]; }
ok "gw1 has its bridge nevertheless, closed" wait_for 10 closed gw1 br-dts

db_create && db_start && dts_rows gre flow 4 "" static &&
    domain_add voip "$ADDRESS" hostA hostB >/dev/null || exit 1
in_step() { tells $1 ': in step'; }
ok "the DTS database comes: gw1 follows" wait_for 20 fenced voip 1
ovsdb_start hostA
ok "hostA's comes: its bridge is made in it, closed" wait_for 20 closed hostA br-other
ok "hostA has the DTS database, by what its own tells" wait_for 20 tells hostA "^database $(remote_of hostA): connected"

# dts/flows: what is wanted, and whether the switch has it.
missing() { agent $1 dts/flows | grep -c '^+table='; }
wanted() { agent $1 dts/flows | grep -c '^[ +]table='; }
installed() { on $1 ovs-ofctl -O OpenFlow15 --no-stats dump-flows $2 | grep -c 'actions='; }
some_wanted() { [ "$(wanted hostA)" -gt 0 ]; }
ok "without ovs-vswitchd hostA wants flows" wait_for 20 some_wanted
is "$(missing hostA)" "$(wanted hostA)" "of which the switch has none"
vswitchd_start hostA
ok "ovs-vswitchd comes" wait_for 30 in_step hostA
for n in "hostA br-other" "gw1 br-dts"; do
    set -- $n
    none_missing() { [ "$(missing $1)" = 0 ] && [ "$(wanted $1)" = "$(installed $1 $2)" ]; }
    ok "$1: the switch has what is wanted, and nothing else" wait_for 20 none_missing $1 $2 ||
        diag "$(agent $1 dts/flows)" "$(on $1 ovs-ofctl -O OpenFlow15 dump-flows $2)"
done
ok "with the guest's own address" grep -qE "^ table=[0-9]+, .*dl_src=$MAC,nw_src=$IP actions=" <<<"$(agent gw1 dts/flows)"

xenstored_start hostA && xenstored_start hostB
on hostA $DOM create 1 voip 6f9619ff-8b86-4d11-b42d-00cf4fc964f6 r
sees() { agent $1 dts/xenstore | grep -q voip; }
ok "xenstored comes: hostA sees its guest" wait_for 20 sees hostA

# ---- dts-bridge
vif_make hostA 1
is "$(rpc hostA vif -- vif op=add vif=vif1.0 domid=1 name=voip mac=$MAC bridge=br-other vlan= iface_id=id-1 vm_id=vm-1 mtu=1500 | jq .admit)" \
    true "a vif is plugged into hostA's bridge"
guest_start hostA 1 $MAC $IP --ip6 $IP6
ok "the client reaches the guest" wait_for 30 reaches $IP
ok "there is no br-dts" not ovs hostA br-exists br-dts

# ---- dts-encap-type.  A node's certificate may not write it into the database;
# then both ends of a tunnel do without.
types() { echo "$(ovs hostA get interface dts-d3 type) $(ovs gw1 get interface dts-d1 type) $(ovs gw1 get interface dts-d2 type) $(ovs hostB get interface dts-d3 type)"; }
types_are() { [ "$(types)" = "$*" ]; }
is "$(types)" "gre gre gre gre" "its wish for vxlan is nobody's who may not have it written"
ok "the log says who may" grep -q "refused to have this node's address or encapsulation, which an operator may: dts-ctl node-set" \
    $W/hostA/dts/dts-agent.log
ctl node-set hostA encap-type=vxlan
ok "an operator grants it: both ends are vxlan, hostB's gre" wait_for 20 types_are vxlan vxlan gre gre || diag "$(types)"
ok "the client reaches the guest" wait_for 20 reaches $IP
ovs gw1 set Open_vSwitch . external_ids:dts-remote=unix:$W/gw1/dts/db.sock external_ids:dts-encap-type=geneve
published() { [ "$(db_get Node encap_type name=gw1)" = geneve ]; }
ok "one that comes by the database's own socket publishes its own" wait_for 20 published
ok "of two wishes that of the lower index holds" wait_for 20 types_are vxlan vxlan geneve geneve || diag "$(types)"
ok "and the client reaches the guest" wait_for 20 reaches $IP
