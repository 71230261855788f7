#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vif-ovs-dts and the agent: who may have a vif where.
. "$(dirname "$0")/dts.sh"
. "$(dirname "$0")/onehost.sh"
needs_programs $AGENT $VIF $DOM
plan 30
dts_up || exit 1

U=6f9619ff-8b86-4d11-b42d-00cf4fc964f
BE=/local/domain/0/backend/vif
xs() { on $1 xenstore-read "$2" 2>/dev/null; }
# guest_on HOST DOMID NAME KEY=VALUE...: a domain with a vif, as libxl has it
# before it runs the program.
guest_on() {
    local host=$1 domid=$2 name=$3; shift 3
    on $host $DOM create $domid $name $U$domid p &&
        on $host $DOM vif $domid 0 mac=$MAC bridge=br-dts "$@" &&
        on $host ip tuntap add vif$domid.0 mode tap
}
online() {      # online HOST DOMID: its status is in $rc.
    on $1 env XENBUS_PATH=backend/vif/$2/0 vif=vif$2.0 $VIF online \
        type_if=vif 2>$W/err
    rc=$?
    return $rc
}
offline() {
    on $1 env XENBUS_PATH=backend/vif/$2/0 vif=vif$2.0 $VIF offline \
        type_if=vif 2>$W/err
}
error_of() { xs $1 $BE/$2/0/hotplug-error; }
get() { ovs $1 --if-exists get "${@:2}" 2>/dev/null | tr -d '"'; }
mtu_of() { on $1 ip -j link show vif$2.0 | jq '.[0].mtu'; }
there() { ovs $1 list-ports br-dts | grep -qx vif$2.0; }
# admitted HOST DOMID: the switch has a flow for what comes from the vif.
admitted() {
    local port
    port=$(get $1 interface vif$2.0 ofport)
    [ "${port:-0}" -gt 0 ] && on $1 ovs-ofctl -O OpenFlow15 dump-flows br-dts |
        grep "in_port=\(vif$2.0\|$port\)\b" | grep -v 'actions=drop' | grep -q .
}

domain_add voip "$ADDRESS" hostA hostB >/dev/null || exit 1
wait_for 30 bound voip hostA alone
known() { agent $1 dts/status | grep -q voip; }
wait_for 30 known hostA; wait_for 30 known hostB

# The owner.
guest_on hostA 5 voip mtu=1400
ok "the owner's vif is plugged" online hostA 5 || diag "$(cat $W/err)"
is "$(cat $W/err)" "" "without a warning: the agent did it"
is "$(xs hostA $BE/5/0/hotplug-status)" connected "netback may connect"
ok "in the agent's bridge" there hostA 5
is "$(get hostA interface vif5.0 external_ids:attached-mac)" $MAC "attached-mac"
is "$(get hostA interface vif5.0 external_ids:xen-vm-name)" voip "xen-vm-name"
is "$(get hostA interface vif5.0 external_ids:vm-id)" ${U}5 "vm-id"
is "$(get hostA interface vif5.0 external_ids:iface-id | wc -c)" 37 "iface-id"
is "$(mtu_of hostA 5)" 1400 "a smaller MTU is kept"
is "$(xs hostA /local/domain/5/device/vif/0/mtu)" 1400 "the guest is told"
ok "the owner's frames are admitted" wait_for 20 admitted hostA 5
ok "online again" online hostA 5
is "$(ovs hostA list-ports br-dts | grep -c vif)" 1 "is one port still"

# Another host.
guest_on hostB 6 voip
online hostB 6
safe is "$rc" 3 "a second one on the other host is refused"
is "$(xs hostB $BE/6/0/hotplug-status): $(error_of hostB 6)" \
    "error: voip runs on hostA (generation $(binding voip generation)): dts-ctl switch voip hostB" \
    "with the remedy"
safe ok "nothing is plugged there" not there hostB 6
on hostB $DOM rename 6 voip--incoming
ok "a copy is plugged there" online hostB 6
ok "in the agent's bridge" there hostB 6
is "$(mtu_of hostB 6)" 1500 "with the Network's MTU"
is "$(xs hostB /local/domain/6/device/vif/0/mtu)" 1500 "that the guest is told"
is "$(get hostB interface vif6.0 external_ids:xen-vm-name)" voip "under its own name"
sleep 0.5
safe ok "and cut off" not admitted hostB 6

# A domain that remus-dts does not know.
guest_on hostB 7 other
ok "an unknown domain is plugged" online hostB 7
sleep 0.5
safe ok "and cut off" not admitted hostB 7

# Without its agent a host that comes back can start it, and reach nobody.
agent_stop hostB
offline hostB 6
on hostB $DOM rename 6 voip
ok "without an agent it is plugged" online hostB 6
ok "with a warning" grep -q "dts-agent cannot be asked" $W/err
safe ok "and cut off" not admitted hostB 6
agent_start hostB
wait_for 30 known hostB
online hostB 6
safe is "$rc" 3 "with an agent it is refused again"
ok "offline takes it away" offline hostB 6
ok "by the agent" not there hostB 6
