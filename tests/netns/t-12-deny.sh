#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Default deny: nothing goes that no binding admits.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
plan 26
dts_up xen=no || exit 1
domain_add voip "$ADDRESS" hostA hostB >/dev/null
domain_add mail "$ADDRESS2" hostA hostB >/dev/null
g=$(bind mail hostB)
wait_for 30 fenced mail $g
plug hostA 1 voip $MAC >/dev/null; guest_start hostA 1 $MAC $IP --ip6 $IP6
plug hostB 2 mail $MAC2 >/dev/null; guest_start hostB 2 $MAC2 $IP2 --ip6 $IP62

# Two domains of one network on different nodes: ARP and traffic for both.
must "the client reaches the domain on hostA" wait_for 20 reaches $IP
ok "and the one on hostB, in the same network" wait_for 20 reaches $IP2
ok "both by IPv6" wait_for 20 eval "reaches $IP6 && reaches $IP62"
is "$(probe 5 $IP | jq -r '.hosts[0][0]')" hostA "the first is hostA's"
is "$(probe 5 $IP2 | jq -r '.hosts[0][0]')" hostB "the second is hostB's"

# spoofed NODE DOMID MAC IP: how many of 100 frames reached the client.
spoofed() {
    observe_start c client --plain eth=eth0
    guest $1 $2 spoof $3 $4 100 >/dev/null
    sleep 0.3
    observe_stop c client | jq '.spoof.eth // 0'
}
n=$(spoofed hostA 1 $MAC $IP)
is "$((n >= 90))" 1 "a bound domain's own frames arrive (so the rest can fail)" ||
    diag "$n of 100"
n=$(spoofed hostA 1 $MAC $IP6)
is "$((n >= 90))" 1 "by IPv6 too" || diag "$n of 100"
safe is "$(spoofed hostA 1 00:16:3e:99:99:99 $IP)" 0 "a strange MAC does not"
safe is "$(spoofed hostA 1 $MAC 192.168.7.77)" 0 "a strange IP does not"
safe is "$(spoofed hostA 1 $MAC fd07::77)" 0 "a strange IPv6 address does not"
safe is "$(spoofed hostA 1 $MAC2 $IP2)" 0 "another domain's addresses do not"
safe is "$(spoofed hostA 1 $MAC $IP2)" 0 "nor another domain's IP with its own MAC"
safe is "$(spoofed hostA 1 $MAC $CLIENT_IP)" 0 "nor the client's IP"

# The same past hostA's own switch, as if it had been taken over: the gateway
# has to hold alone.
agent_stop hostA KILL
on hostA ovs-ofctl -O OpenFlow15 add-flow br-dts \
    "table=0,priority=65535,in_port=vif1.0,actions=set_field:10->tun_id,output:dts-d3"
past() {        # How many reach the client, with $left left on the wire.
    observe_start w gw1 A=uA
    passed=$(spoofed "$@")
    left=$(observe_stop w gw1 | jq '.spoof.A // 0')
}
past hostA 1 $MAC $IP
is "$((passed >= 90))" 1 "past its switch, its own frames still arrive" || diag "$passed of $left"
stops() {       # stops DESCRIPTION MAC IP
    past hostA 1 $2 $3
    ok "$1: leaves hostA" test $left -ge 90 || diag "$left of 100"
    safe is $passed 0 "and the gateway stops it"
}
stops "another domain's addresses" $MAC2 $IP2
stops "a strange IP" $MAC 192.168.7.77
stops "a strange MAC" 00:16:3e:99:99:99 $IP

# A client that claims a domain's address is heard by nobody.
guest_on_client() {
    nsenter --net=/run/netns/${P}client setsid $PY $N/guest.py --interface eth0 \
        --mac $MAC --ip $IP --host client --control $W/client/liar.ctl \
        >>$W/client/liar.log 2>&1 </dev/null 9>&- &
    disown $!
    record liar $!
    wait_for 10 test -S $W/client/liar.ctl
}
guest_on_client
# claim MAC IP: a client sends 100 broadcasts from there; how many come in at the
# gateway, and how many of them go on to hostA and hostB (most: "all").
claim() {
    observe_start in gw1 --plain cli=cli0
    observe_start a hostA u=u0; observe_start b hostB u=u0
    $PY - $W/client/liar.ctl "spoof $1 $2 100" <<'END' >/dev/null
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
s.makefile().readline()
END
    sleep 0.3
    { observe_stop in gw1; observe_stop a hostA; observe_stop b hostB; } |
        jq -r '.spoof | add // 0 | if . >= 90 then "all" else . end' | xargs
}
is "$(claim 02:00:00:00:00:77 192.168.7.77)" "all all all" \
    "a client's own broadcast goes to both (so the rest can fail)"
safe is "$(claim $MAC $IP)" "all 0 0" "from a domain's address it goes nowhere"
safe is "$(claim $MAC 192.168.7.77)" "all 0 0" "nor from its MAC alone"
safe is "$(claim 02:00:00:00:00:77 $IP)" "all 0 0" "nor from its IP alone"
safe is "$(claim 02:00:00:00:00:77 $IP6)" "all 0 0" "nor from its IPv6 address"
stop liar
is "$(probe 5 $IP | jq -c '[.received, .hosts[0][0]]')" '[5,"hostA"]' "and the client is answered as before"
