#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vif-ovs-dts, with the real xenstored (without Xen), ovsdb-server and
# ovs-vswitchd, and tap devices for vifs.
. "$(dirname "$0")/onehost.sh"
VIF=$BUILD/netscripts/vif-ovs-dts
[ -x "$VIF" ] || skip_all "no $VIF"

plan 96
onehost_up ovs

UUID=6f9619ff-8b86-4d11-b42d-00cf4fc964ff
MAC=00:16:3e:00:00:01
BE=/local/domain/0/backend/vif
ovs_() { ovs hostA "$@"; }
get() { ovs_ --if-exists get "$@" 2>/dev/null | tr -d '"'; }
# vif OP DOMID DEV [ENV...]: its messages go to $W/err, its status to $rc.
vif() {
    local op=$1 domid=$2 dev=$3; shift 3
    on hostA env XENBUS_PATH=backend/vif/$domid/$dev vif=vif$domid.$dev \
        script=vif-ovs-dts XENBUS_TYPE=vif XENBUS_BASE_PATH=backend "$@" \
        $VIF $op type_if=vif 2>$W/err
    rc=$?
    return $rc
}
tap() { on hostA ip tuntap add $1 mode tap; }
untap() { on hostA ip tuntap del $1 mode tap; }
flags() { on hostA ip -o link show $1; }
ports() { ovs_ list-ports $1 | xargs; }
fakeagent() {
    spawn fakeagent hostA $PY $N/fakeagent.py $W/hostA/dts/agent.sock \
        $W/requests "$1"
    wait_for 10 test -S $W/hostA/dts/agent.sock
}
no_agent() { stop fakeagent; rm -f $W/hostA/dts/agent.sock $W/requests; }

# ---------------------------------------------------------------- by itself

is "$(ldd $VIF | grep -cE 'ssl|crypto|libxenlight|libxenctrl')" 0 \
    "it is linked with neither OpenSSL nor libxl"
dom create 5 voip--incoming $UUID p
dom vif 5 0 mac=00:16:3E:00:00:01 bridge=br-dts mtu=1458
tap vif5.0

vif online 5 0
is "$rc" 4 "no bridge yet: it fails with status 4"
is "$(xs $BE/5/0/hotplug-status)" error "xenstore says so"
is "$(xs $BE/5/0/hotplug-error)" \
    "there is no bridge br-dts yet: start dts-agent, which makes it (systemctl start dts-agent)" \
    "and what to do"
is "$(flags vif5.0 | grep -c '[<,]UP')" 0 "the device stays down"

# A bridge that somebody made in haste: it would forward everything.
ovs_ add-br br-dts -- set bridge br-dts datapath_type=netdev
ok "online without an agent" vif online 5 0 || diag "$(cat $W/err)"
is "$(grep -c 'dts-agent cannot be asked' $W/err)" 1 "it warns that it could not ask"
is "$(xs $BE/5/0/hotplug-status)" connected "netback may connect"
is "$(ports br-dts)" vif5.0 "the port is there"
is "$(get bridge br-dts fail_mode)" secure "its bridge forwards nothing by itself"
is "$(on hostA ovs-ofctl -O OpenFlow15 dump-flows br-dts | grep -c actions=)" 0 \
    "and has no flow: the vif starts dropped"
is "$(get interface vif5.0 external_ids:attached-mac)" $MAC "attached-mac"
is "$(get interface vif5.0 external_ids:iface-status)" active "iface-status"
is "$(get interface vif5.0 external_ids:xen-vm-name)" voip "the domain's own name"
is "$(get interface vif5.0 external_ids:xen-vm-uuid)" $UUID "its UUID"
is "$(get interface vif5.0 external_ids:vm-id)" $UUID "also as OVS calls it"
id=$(get interface vif5.0 external_ids:iface-id)
is "${#id}" 36 "iface-id is a UUID"
is "$(get interface vif5.0 external_ids:xs-vif-uuid)" "$id" "xs-vif-uuid is the same"
ok "OVS took it" test "$(get interface vif5.0 ofport)" -gt 0
ok "the device is up" eval 'flags vif5.0 | grep -q "[<,]UP"'
ok "has the MTU of the configuration" eval 'flags vif5.0 | grep -q "mtu 1458"'
ok "and the address that no one uses" \
    eval 'flags vif5.0 | grep -q fe:ff:ff:ff:ff:ff'
is "$(on hostA cat /proc/sys/net/ipv6/conf/vif5.0/addr_gen_mode 2>/dev/null || echo 1)" 1 \
    "dom0 gets no address on it"
is "$(xs /local/domain/5/device/vif/0/mtu)" 1458 "the guest is told the MTU"
is "$(ls $W/hostA/dts | grep -c lock)" 0 "no lock is left"

# ---------------------------------------------------------------- again

old=$(get interface vif5.0 _uuid)
ok "online again" vif online 5 0
is "$(ports br-dts)" vif5.0 "is one port still"
is "$(test "$(get interface vif5.0 _uuid)" != "$old" && echo new)" new \
    "a new one, with no old device's state"
is "$(get interface vif5.0 external_ids:iface-id)" "$id" "of the same identity"
ovs_ add-br ovsbr1 -- set bridge ovsbr1 datapath_type=netdev
ovs_ del-port vif5.0 -- add-port ovsbr1 vif5.0
ok "online of a vif that is elsewhere" vif online 5 0
is "$(ports br-dts)/$(ports ovsbr1)" "vif5.0/" "moves it"
dom set 5 r; dom rename 5 voip
ok "offline" vif offline 5 0
is "$(ports br-dts)" "" "takes the port away"
# The userspace datapath gives a device its flags back, sometimes old ones.
sleep 0.3
ok "offline again is no error" vif offline 5 0
is "$(flags vif5.0 | grep -c '[<,]UP')" 0 "and the device is down"
untap vif5.0
ok "nor without the device" vif offline 5 0
dom destroy 5
ok "nor without anything in xenstore" vif offline 5 0

# ---------------------------------------------------------------- VLANs, names

dom create 6 b 00000000-0000-4000-8000-000000000006
dom vif 6 0 mac=$MAC bridge=ovsbr1.7
tap vif6.0
ok "online with a tag" vif online 6 0
is "$(get port vif6.0 tag)/$(get port vif6.0 trunks)" "7/[]" "tag"
is "$(get bridge ovsbr1 fail_mode)" "[]" "another's bridge is left as it is"
is "$(xs /local/domain/6/device/vif/0/mtu)" 1492 "without mtu= none is told"
on hostA xenstore-write $BE/6/0/bridge ovsbr1:10:20
ok "online with trunks" vif online 6 0
is "$(get port vif6.0 tag)/$(get port vif6.0 trunks)" "[]/[10, 20]" "trunks"
on hostA xenstore-write $BE/6/0/bridge ovsbr1.7:10
ok "online with both" vif online 6 0
is "$(get port vif6.0 tag)/$(get port vif6.0 trunks)/$(get port vif6.0 vlan_mode)" \
    "7/[10]/native-untagged" "both count"
on hostA xenstore-write $BE/6/0/vifname voip0 $BE/6/0/bridge ovsbr1
vif offline 6 0                 # There is no voip0: nothing happens.
is "$(ports ovsbr1)" vif6.0 "offline by another name leaves it"
untap vif6.0; ovs_ del-port vif6.0; tap vif6.0
ok "online with vifname" vif online 6 0 || diag "$(cat $W/err)"
is "$(ports ovsbr1)" voip0 "the port is called so"
ok "and the device" flags voip0
ok "online again when it is renamed" vif online 6 0
ok "offline" vif offline 6 0
is "$(ports ovsbr1)" "" "by its new name"
untap voip0

tap vif6.0; tap eth7
on hostA xenstore-write $BE/6/0/vifname eth7
ovs_ add-port ovsbr1 eth7
ok "a vifname that is taken is refused" not vif online 6 0
is "$(xs $BE/6/0/hotplug-error)" \
    "vifname=eth7: there is a network device of that name: write another one" \
    "and says which"
vif offline 6 0
is "$(ports ovsbr1)" eth7 "and its owner's port is not taken away"
on hostA xenstore-rm $BE/6/0/vifname
ovs_ del-port eth7; untap eth7

# An emulated device.
tap vif6.0-emu
ok "add of a tap" on hostA env INTERFACE=vif6.0-emu $VIF add type_if=tap 2>/dev/null
is "$(ports ovsbr1)" vif6.0-emu "plugs it"
is "$(get interface vif6.0-emu external_ids:iface-status)" inactive \
    "as the device that is not in use"
ok "remove" on hostA env INTERFACE=vif6.0-emu $VIF remove type_if=tap 2>/dev/null
is "$(ports ovsbr1)" "" "unplugs it"
untap vif6.0-emu
ok "add of a vif is for nobody" on hostA env XENBUS_PATH=backend/vif/6/0 $VIF add

# ---------------------------------------------------------------- refusals

bad() {
    local what=$1 key=$2 value=$3 pattern=$4 old
    old=$(xs $BE/6/0/$key)
    on hostA xenstore-write $BE/6/0/$key "$value"
    vif online 6 0
    if [ $rc = 1 ] && [ "$(xs $BE/6/0/hotplug-status)" = error ] &&
        xs $BE/6/0/hotplug-error | grep -q -- "$pattern"
    then pass "$what"; else fail "$what"; diag "$rc: $(cat $W/err)"; fi
    if [ -n "$old" ]; then on hostA xenstore-write $BE/6/0/$key "$old"
    else on hostA xenstore-rm $BE/6/0/$key; fi
}
bad "a bad MAC" mac 00:16:3e "mac=00:16:3e: write six bytes"
bad "a multicast MAC" mac 01:00:5e:00:00:01 "multicast"
bad "a bad VLAN" bridge ovsbr1.4096 "VLANs from 0 to 4095"
bad "an MTU that is none" mtu many "mtu=many"
bad "a vifname that is a path" vifname ../x "cannot be the name"
bad "a vlan key" vlan 10p "bridge=ovsbr1.TAG"
on hostA xenstore-write $BE/6/0/bridge nobr
ok "an unknown bridge" not vif online 6 0
is "$(xs $BE/6/0/hotplug-error)" \
    "there is no Open vSwitch bridge nobr: ovs-vsctl add-br nobr, or write bridge=br-dts" \
    "is named"
on hostA xenstore-write $BE/6/0/bridge ovsbr1
untap vif6.0
ok "no device" not vif online 6 0
ok "is said" eval 'xs $BE/6/0/hotplug-error | grep -q "no network device vif6.0"'
tap vif6.0

# ---------------------------------------------------------------- the agent

on hostA xenstore-write $BE/6/0/bridge br-dts.3
fakeagent '{"admit": true, "domain": "b", "reason": "", "mtu": 1400}'
ok "online by the agent" vif online 6 0 || diag "$(cat $W/err)"
is "$(xs $BE/6/0/hotplug-status)" connected "connects"
is "$(ports br-dts)" "" "the port is left to the agent"
is "$(jq -c 'select(.method == "vif") | .params[0] |
        [.op, .vif, .domid, .name, .mac, .bridge, .vlan, .mtu, (.iface_id | length)]' $W/requests)" \
    '["online","vif6.0",6,"b","00:16:3e:00:00:01","br-dts","3",0,36]' \
    "the agent is told all"
is "$(jq -r 'select(.method == "hello") | .params[0] | "\(.role) \(.version)"' $W/requests)" \
    "vif 1" "after a hello"
ok "the device has the agent's MTU" eval 'flags vif6.0 | grep -q "mtu 1400"'
is "$(xs /local/domain/6/device/vif/0/mtu)" 1400 "and the guest"
no_agent
on hostA ip link set vif6.0 down

MSG='b runs on hostB (generation 7): dts-ctl switch b hostA'
fakeagent '{"error": {"code": 3, "message": "'"$MSG"'"}}'
vif online 6 0
is "$rc" 3 "a domain bound elsewhere is refused with status 3"
is "$(xs $BE/6/0/hotplug-status): $(xs $BE/6/0/hotplug-error)" "error: $MSG" \
    "in the agent's words"
is "$(ports br-dts)$(flags vif6.0 | grep -c '[<,]UP')" 0 \
    "nothing is plugged behind its back"
no_agent
fakeagent '{"error": {"code": 4, "message": "no Open vSwitch"}}'
ok "an agent without Open vSwitch is no agent" vif online 6 0
is "$(ports br-dts)" vif6.0 "the vif is plugged"
no_agent
fakeagent close
ok "nor is one that hangs up" vif online 6 0
no_agent
fakeagent hang
start=$(now_ms)
ok "nor one that does not answer" vif online 6 0
ok "within 15 s" test $(($(now_ms) - start)) -lt 15000
no_agent

# ---------------------------------------------------------------- together

tap vif7.0
dom create 7 c 00000000-0000-4000-8000-000000000007
dom vif 7 0 mac=00:16:3e:00:00:07 bridge=br-dts
storm() {
    local i pids=()
    for i in 1 2 3 4 5 6 7 8; do
        vif online 7 0 & pids+=($!)
        vif offline 7 0 & pids+=($!)
    done
    wait "${pids[@]}"
    vif online 7 0
}
ok "sixteen at once, and then online" storm
is "$(ports br-dts)" "vif6.0 vif7.0" "leave one port"
hold() { on hostA flock $W/hostA/dts/vif-7.0.lock sleep 1.5; }
hold & wait_for 5 test -e $W/hostA/dts/vif-7.0.lock
start=$(now_ms)
ok "online while another works on the device" vif online 7 0
ok "waits for it" test $(($(now_ms) - start)) -ge 1000
wait $!
signal STOP vswitchd-hostA
vif online 7 0
is "$rc" 4 "an ovs-vswitchd that stands still is an error"
ok "that is named" eval 'xs $BE/7/0/hotplug-error | grep -q "ovs-vswitchd did not take vif7.0 within 5 s"'
signal CONT vswitchd-hostA
stop ovsdb-hostA KILL
vif online 7 0
is "$rc" 4 "so is no ovsdb-server"
ok "with its remedy" eval 'xs $BE/7/0/hotplug-error | grep -q "start Open vSwitch"'
ok "offline without it is none" vif offline 7 0
stop xenstored-hostA KILL
ok "nothing goes without xenstored" not vif online 7 0
