#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Encapsulations, frames of 1,500 bytes, an underlay of IPv6, a tagged client
# port, a segment without the database.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
plan 33
big() { [ "$(probe 5 $1 --size $2 | jq .received)" = 5 ]; }
flood() {       # One system: $1 label, $2 type of its tunnels, $3 hostA's end,
    local label=$1 type=$2 ip=$3; shift 3       # the rest are dts_up's arguments.
    dts_up xen=no "$@" || { fail "$label: the system came up"; return; }
    domain_add voip "$ADDRESS" hostA hostB >/dev/null
    plug hostA 1 voip $MAC >/dev/null
    guest_start hostA 1 $MAC $IP --ip6 $IP6
    ok "$label: the client reaches the guest" wait_for 30 reaches $IP
    is "$(ovs gw1 get interface dts-d1 type options:remote_ip | tr -d '"' | xargs)" "$type $ip" \
        "$label: by such a tunnel"
    ok "$label: a packet of 1,500 bytes and its answer" wait_for 10 big $IP 1472
    ok "$label: the same by IPv6" wait_for 10 big $IP6 1452
    g=$(bind voip hostB)
    wait_for 30 fenced voip $g
    plug hostB 1 voip $MAC >/dev/null
    guest_start hostB 1 $MAC $IP --ip6 $IP6
    ok "$label: and after a switch" wait_for 20 big $IP 1472
}
next_bed() { bed_clean $W $P; }
flood gre gre ${UNDERLAY[hostA]} encap=gre
next_bed
flood vxlan vxlan ${UNDERLAY[hostA]} encap=vxlan
next_bed
flood geneve geneve ${UNDERLAY[hostA]} encap=geneve
next_bed
flood "gre over IPv6" gre ${UNDERLAY6[hostA]} encap=gre family=6
next_bed
flood "vxlan over IPv6" vxlan ${UNDERLAY6[hostA]} encap=vxlan family=6
next_bed
flood "geneve over IPv6" geneve ${UNDERLAY6[hostA]} encap=geneve family=6
next_bed

# A tagged client port.
dts_up xen=no vlan=100
domain_add voip "$ADDRESS" hostA hostB >/dev/null
plug hostA 1 voip $MAC >/dev/null
guest_start hostA 1 $MAC $IP --ip6 $IP6
ok "VLAN: an untagged client does not reach it" not reaches $IP
tagged() {
    [ "$(nsenter --net=/run/netns/${P}client $PY $N/vlanprobe.py eth0 $1 \
        192.168.7.50 $IP 3)" = "$2" ]
}
ok "VLAN: a tagged client does" wait_for 20 tagged 100 3
ok "VLAN: one with another tag does not" tagged 101 0
