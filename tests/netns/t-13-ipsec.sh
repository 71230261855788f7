#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# Encrypted tunnels, as far as they are ours: what the agents write, what the
# kernel refuses in the clear whoever encrypts, and what the userspace datapath
# cannot do.  With strongSwan and the kernel's datapath: tests/xenlab.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
[ -e /proc/net/xfrm_stat ] || skip_all "this kernel has no IPsec policies"
plan 35
dts_up xen=no || { fail "the system comes up"; exit 1; }
domain_add voip "$ADDRESS" hostA hostB >/dev/null
must "all tunnels are up" wait_for 30 eval 'bfd_up hostA && bfd_up hostB'
# same NODE PORT...: which rows, and which ports of the datapath they are.
same() {
    local n=$1 p; shift
    for p; do ovs $n get interface $p _uuid ofport; done | xargs
}
there() { ovs $1 get interface $2 _uuid >/dev/null 2>&1; }
gone() { local n=$1 p; shift; for p; do ! there $n $p || return 1; done; }
option() { ovs $1 --if-exists get interface $2 options:$3 | tr -d '"'; }
check() {       # check NODE PATTERN
    on $1 $BUILD/remus-hooks/ctl/dts-ctl --timeout=20 $(tls_of $1) check >$W/check.out 2>&1
    grep -Eq -- "$2" $W/check.out || { cat $W/check.out; return 1; }
}

# ---- the userspace datapath cannot
before=$(same gw1 dts-l1 dts-d1)
ok "between sites in the clear: check warns" check hostB '^warn +path +tunnel 1 to hostA crosses sites in the clear'
ctl tunnel-set gw1 hostB encrypt=ipsec
ok "userspace datapath: a tunnel that is to be encrypted is not made" wait_for 20 eval \
    'gone gw1 dts-l2 dts-d2 && gone hostB dts-l3 dts-d3'
is "$(same gw1 dts-l1 dts-d1)" "$before" "the others are as they were"
ok "the agent says why" eval "agent gw1 dts/status | grep -q 'dts-l2.*encrypted.*not made: the userspace datapath cannot'"
ok "and so does check" check hostB '^fail +ipsec +liveness tunnel to gw1 is to be encrypted, and the userspace datapath cannot'
ok "hostA's tunnel is up all the time" bfd_up hostA
ctl tunnel-set gw1 hostB encrypt=none
ok "plain again: it comes back" wait_for 30 eval 'there gw1 dts-d2 && bfd_up hostB'
is "$(same gw1 dts-l1 dts-d1)" "$before" "and still the others are as they were"

# ---- the rows.  (There is no kernel's datapath here: hostA's frames end in
# nothing now, its rows and its kernel's policies are what is looked at.)
ovs hostA --no-wait set Open_vSwitch . external_ids:dts-bridge-datapath-type=system
system() { [ "$(ovs hostA get bridge br-dts datapath_type)" = system ]; }
must "hostA is told of another datapath" wait_for 20 system
uuids() { local p; for p in dts-l3 dts-d3 dts-t2; do ovs hostA get interface $p _uuid; done | xargs; }
before=$(uuids)
mtu=$(ovs hostA get interface dts-repl mtu_request)
ctl tunnel-set hostA hostB encrypt=ipsec
named() { [ "$(option hostA $1 remote_name)" = "$2" ]; }
ok "tunnel 1: the IPsec daemon is told whom it leads to" wait_for 20 named dts-t2 hostB
is "$(option hostA dts-l3 remote_name)$(option hostA dts-d3 remote_name)" "" "the tunnels to the gateway are plain"
is "$(uuids)" "$before" "no port was made anew"
is "$((mtu - $(ovs hostA get interface dts-repl mtu_request)))" 34 "tunnel 1's packets are smaller by what IPsec adds"
config() { ovs hostA get Open_vSwitch . other_config:$1 2>/dev/null | tr -d '"'; }
is "$(config certificate) $(config private_key) $(config ca_cert)" \
    "$PKI/hostA-cert.pem $PKI/hostA-privkey.pem $PKI/cacert.pem" "it is told this node's certificate"
# policies: of ours, with address, protocol and direction; sorted.
policies() {
    ip -n ${P}hostA xfrm policy | paste -sd' ' | sed 's/ src /\nsrc /g' |
        sed -n 's/^src \([^ ]*\) dst \([^ ]*\) proto \([^ ]*\) .*dport \([0-9]*\).*dir \([a-z]*\) action block priority 4294956880.*/\5 \1 \2 \3 \4/p;
                s/^src \([^ ]*\) dst \([^ ]*\) proto \([^ ]*\) *[ \t]dir \([a-z]*\) action block priority 4294956880.*/\4 \1 \2 \3/p' | sort | paste -sd,
}
gre="in ${REPL[hostB]}/32 0.0.0.0/0 gre,out 0.0.0.0/0 ${REPL[hostB]}/32 gre"
is "$(policies)" "$gre" "its packets are refused in the clear, both ways" || diag "$(ip -n ${P}hostA xfrm policy)"
ok "check sees that" check hostA '^ok +ipsec +the tunnel to hostB is encrypted, and refused in the clear'
ok "... and what is missing" check hostA '^fail +ipsec +Open vSwitch.s IPsec daemon, ovs-monitor-ipsec, does not run'
guarded() { [ "$(policies)" = "$1" ]; }
ip -n ${P}hostA xfrm policy flush
ok "flushed by somebody: they are back" wait_for 5 guarded "$gre"
agent_stop hostA KILL
safe is "$(policies)" "$gre" "without the agent they stay"
ip -n ${P}hostA xfrm policy flush
agent_start hostA
ok "an agent that starts puts them there" wait_for 20 guarded "$gre"

# ---- what is forged.  hostB sends GRE with the gateway's outer address.
listen() {      # listen: how many forged packets hostA's kernel takes
    nsenter --net=/run/netns/${P}hostA $PY - 3 <<'PY' &
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
s.settimeout(0.2)
end, n = time.time() + float(sys.argv[1]), 0
print("ready", flush=True)
while time.time() < end:
    try:
        n += b"SPOOF" in s.recv(65536)
    except socket.timeout:
        pass
print(n, flush=True)
PY
}
outer=$(ip -n ${P}hostA -j link show br-u | jq -r '.[0].address')
forged() {
    local got
    exec 4< <(listen)
    read -r got <&4
    on hostB $PY $N/forge.py u0 gre $outer ${UNDERLAY[gw1]} ${UNDERLAY[hostA]} 10 $MAC $IP
    read -r got <&4
    exec 4<&-
    echo "$got"
}
send() {        # send PROTOCOL: one packet from hostA to the gateway; what comes of it
    nsenter --net=/run/netns/${P}hostA $PY - ${UNDERLAY[gw1]} $1 <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(sys.argv[2])) if sys.argv[2] == "47" \
    else socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.sendto(b"\0" * 40, (sys.argv[1], 0 if sys.argv[2] == "47" else int(sys.argv[2])))
    print("sent")
except OSError as e:
    print(e.strerror)
PY
}
n=$(forged)
is "$((n >= 90))" 1 "a plain tunnel: a forged packet with the other end's address is admitted" || diag "$n of 100"
is "$(send 47)" sent "and what is sent is sent"
ctl tunnel-set gw1 hostA encrypt=ipsec
ok "encrypted: the IPsec daemon is told" wait_for 20 named dts-l3 gw1
is "$(option hostA dts-d3 remote_name)" "" "by one of the two interfaces: its policies are about addresses"
safe is "$(forged)" 0 "encrypted: the same forged packet is refused"
safe is "$(send 47)" "Operation not permitted" "and nothing leaves in the clear"
is "$(send 4789)" sent "(another encapsulation is not concerned)"
is "$(uuids)" "$before" "no port was made anew"
ctl tunnel-set gw1 hostA type=vxlan
is_vxlan() { [ "$(ovs hostA get interface dts-l3 type)" = vxlan ]; }
ok "as VXLAN" wait_for 20 is_vxlan
is "$(policies)" "in ${UNDERLAY[gw1]}/32 0.0.0.0/0 udp 4789,in ${REPL[hostB]}/32 0.0.0.0/0 gre,out 0.0.0.0/0 ${UNDERLAY[gw1]}/32 udp 4789,out 0.0.0.0/0 ${REPL[hostB]}/32 gre" \
    "its port is refused instead" || diag "$(ip -n ${P}hostA xfrm policy)"
safe is "$(send 4789) $(send 47)" "Operation not permitted sent" "and nothing leaves by that"

# ---- off
ctl tunnel-set gw1 hostA encrypt= type=
ctl tunnel-set hostA hostB encrypt=
ok "switched off: no name" wait_for 20 eval 'named dts-l3 "" && named dts-t2 ""'
is "$(policies)$(config certificate)$(config private_key)$(config ca_cert)" "" "no policy, no certificate"
is "$(uuids)" "$before" "no port was made anew"
