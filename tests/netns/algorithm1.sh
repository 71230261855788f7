# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# Algorithm 1 on the switch alone: bindings are written into the database by
# hand, both servers have the guest.  Sourced with $mode set to flow or port.
. "$(dirname "${BASH_SOURCE[0]}")/dts.sh"
needs_programs $AGENT
plan 23
dts_up mode=$mode xen=no || exit 1

ok "a domain is added" domain_add voip "$ADDRESS" hostA hostB
g=$(bind voip hostB)
must "gw1 writes its receipt for generation $g" wait_for 30 fenced voip $g
r=$(plug hostB 1 voip $MAC)
is "$(jq .admit <<<"$r")" true "hostB's agent plugs and admits the bound domain" ||
    diag "$r"
guest_start hostB 1 $MAC $IP --ip6 $IP6
must "the client reaches the guest on hostB: tunnel 3" wait_for 20 reaches $IP
ok "and by IPv6" wait_for 20 reaches $IP6

g=$(bind voip hostA)
ok "receipt for the move to hostA" wait_for 30 fenced voip $g
ok "hostA's agent plugs the vif" plug hostA 1 voip $MAC
guest_start hostA 1 $MAC $IP --ip6 $IP6
observe_start wires gw1 --mac $MAC A=uA B=uB
probe_start p $IP --interval 5
must "the client is served by hostA: tunnel 2" wait_for 20 served p hostA
g=$(bind voip hostB)
ok "receipt for the move to hostB" wait_for 30 fenced voip $g
ok "then by hostB: tunnel 3" wait_for 20 served p hostB
g=$(bind voip hostA)
ok "and by hostA again" wait_for 20 served p hostA
r=$(probe_stop p)
safe is "$(jq -c '[.hosts[] | .[0]]' <<<"$r")" '["hostA","hostB","hostA"]' \
    "at no time by two" || diag "$r"
is "$(jq '.gap_ms < 2000 * '$SLOW <<<"$r")" true "each time within 2 s" || diag "$r"
w=$(observe_stop wires gw1)
safe is "$(jq -c --arg m $MAC '[.switches[$m][] | .[0]]' <<<"$w")" '["A","B","A"]' \
    "one tunnel at a time carries its frames" || diag "$w"

# A primary that does not hear: its agent is dead, its flows stand, it sends on.
agent_stop hostA KILL
g=$(bind voip hostB)
ok "gw1's receipt does not need hostA" wait_for 30 fenced voip $g
observe_start client client --plain --mac $MAC eth=eth0
observe_start wires gw1 --mac $MAC A=uA B=uB
probe_start p $IP --interval 5
ok "the client is served by hostB" wait_for 20 served p hostB
guest hostA 1 spoof $MAC $IP 200 >/dev/null
guest hostA 1 spoof $MAC $IP6 200 >/dev/null
sleep 0.5
r=$(probe_stop p); w=$(observe_stop wires gw1); c=$(observe_stop client client)
is "$(jq '.spoof.A // 0' <<<"$w" | awk '{print ($1 >= 300)}')" 1 \
    "a stale primary keeps sending into its tunnel" || diag "$w"
safe is "$(jq '.spoof.eth // 0' <<<"$c")" 0 "none of its frames reach the client" ||
    diag "$c"
safe is "$(jq -c '[.hosts[] | .[0]]' <<<"$r")" '["hostB"]' \
    "the client hears hostB alone" || diag "$r"
n=$(guest hostA 1 state | jq .counter)
probe 20 $IP >/dev/null
safe is "$(guest hostA 1 state | jq .counter)" "$n" \
    "and the stale primary gets none of the client's frames"
agent_start hostA
drops() { spoofed=$(spoof_wire hostA 1 $MAC $IP); [ "$spoofed" = 0 ]; }
spoof_wire() {  # Frames with SPOOF on the server's wire after 50 were sent.
    observe_start w2 gw1 A=uA B=uB
    guest $1 $2 spoof $3 $4 50 >/dev/null
    sleep 0.3
    observe_stop w2 gw1 | jq ".spoof.${SHORT[$1]} // 0"
}
ok "when its agent is back it cuts the stale guest off itself" wait_for 20 drops

# What nobody is bound to goes nowhere.
db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"state":"stopped"}}' >/dev/null
ok "a stopped domain is reached nowhere" wait_for 20 not reaches $IP
db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"state":"alone"}}' >/dev/null
ok "and is again when it runs" wait_for 20 reaches $IP
