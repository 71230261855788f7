#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086,SC2154
# What a receipt is worth: the old owner, whose agent is dead, floods through its
# tunnel throughout the move, and after the receipt's instant not one frame of it
# reaches the client; also when the gateway's caches lag behind its flows.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
rounds=3
plan $((10 + 3 * (rounds + 1)))
dts_up xen=no || exit 1
domain_add voip "$ADDRESS" hostA hostB >/dev/null
g=$(bind voip hostB); wait_for 30 fenced voip $g
plug hostB 1 voip $MAC >/dev/null; guest_start hostB 1 $MAC $IP
g=$(bind voip hostA); wait_for 30 fenced voip $g
plug hostA 1 voip $MAC >/dev/null; guest_start hostA 1 $MAC $IP
must "the client is served by hostA" wait_for 20 reaches $IP
agent_stop hostA KILL
mkdir -p $W/gA
spawn flood gA $PY $N/forge.py --until-term e1 udp $MAC $IP

# heard: the flood reaches the client now.
heard() {
    observe_start h client --plain eth=eth0
    sleep 0.2
    [ "$(observe_stop h client | jq '.spoof.eth // 0')" -gt 20 ]
}
revalidators() { on gw1 ovs-appctl -t $W/gw1/ovs/ovs-vswitchd.ctl revalidator/$1; }
# receipt_us GENERATION: when gw1 gave it, by its own clock.
receipt_us() {
    db '{"op":"select","table":"Event","where":[["domain","==","voip"],["type","==","switched"],["generation","==",'$1']],"columns":["phases"]}' |
        jq '.[0].rows[].phases[1][] | select(.[0] == "fenced") | .[1]'
}
told() { [ -n "$(receipt_us $1)" ]; }
watch() {
    observe_start c client --plain eth=eth0
    observe_start w gw1 A=uA
}
# nothing_since LABEL: after the receipt for $g; the flood goes on.
nothing_since() {
    local at c w
    wait_for 20 told $g
    sleep 0.5
    at=$(receipt_us $g) c=$(observe_stop c client) w=$(observe_stop w gw1)
    at=${at:-0} last=$(jq '.spoof_last_us.eth // 0' <<<"$c")
    ok "$1: hostA sends on all the while" \
        test "$(jq '.spoof_last_us.A // 0' <<<"$w")" -gt $((at + 300000)) || diag "$w" "receipt at $at"
    safe ok "$1: after the receipt none of it reaches the client" test $last -le $at ||
        diag "the last one came $((last - at)) us after it" "$c"
    diag "$1: the last one came $((at - last)) us before the receipt"
}
back() {        # hostA is the owner again, and its flood is heard.
    g=$(bind voip hostA)
    wait_for 30 fenced voip $g && wait_for 20 heard
}

# ---- caches that lag
must "what hostA floods with reaches the client" wait_for 20 heard
ok "gw1's revalidators stand still" revalidators pause
watch
start_us=${EPOCHREALTIME/./}
g=$(bind voip hostB)
sleep $((2 * SLOW))
programmed() {  # hostB's tunnel is admitted by the flows already.
    agent gw1 dts/status | grep -q "fences:.* 1 under way" && agent gw1 dts/status | grep -q ": in step"
}
ok "gw1's flows are the new ones" wait_for 10 programmed || diag "$(agent gw1 dts/status)"
safe ok "and there is no receipt" not fenced voip $g
ok "the revalidators go on" revalidators resume
ok "now there is one" wait_for 20 fenced voip $g
nothing_since "caches that lag"
ok "what the caches knew was let through (so that the rest can fail)" \
    test $last -gt $((start_us + 1000000 * SLOW)) || diag "$(((last - start_us) / 1000)) ms after the move"

# ---- and as they are, by flows and by ports
for ((i = 1; i <= rounds + 1; i++)); do
    label="move $i"
    if [ $i -gt $rounds ]; then
        label="by ports"
        ctl network-set voice switching=port
    fi
    ok "$label: hostA's flood is heard" back
    watch
    g=$(bind voip hostB)
    wait_for 30 fenced voip $g
    nothing_since "$label"
done
