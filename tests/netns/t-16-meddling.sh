#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Someone takes away what the agents have made on the switch: it is made again,
# and meanwhile nothing is open that was not.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
plan 30
dts_up xen=no || exit 1
domain_add voip "$ADDRESS" hostA hostB >/dev/null
g=$(bind voip hostB); wait_for 30 fenced voip $g
plug hostB 1 voip $MAC >/dev/null; guest_start hostB 1 $MAC $IP --ip6 $IP6
g=$(bind voip hostA); wait_for 30 fenced voip $g
plug hostA 1 voip $MAC >/dev/null; guest_start hostA 1 $MAC $IP --ip6 $IP6
ok "the client is served by hostA" wait_for 20 reaches $IP
in_step() { agent $1 dts/status | grep -q ": in step"; }
repaired() { reaches $IP && in_step gw1 && in_step hostA; }

# An agent that starts where another ended has nothing to send.
for n in gw1 hostA; do
    agent_stop $n
    agent_start $n
    ok "$n's agent started again" wait_for 20 in_step $n
    sleep 6     # One audit.
    is "$(agent $n dts/status | grep -o 'sent .* bundles, .* flow-mods, .* group-mods; 0 errors, [0-9]*')" \
        "sent 0 bundles, 0 flow-mods, 0 group-mods; 0 errors, 1" \
        "and left the flows as they are"
done

for n in gw1 hostA; do
    on $n ovs-ofctl -O OpenFlow15 del-flows br-dts
    ok "$n without its flows does not serve" not reaches $IP
    ok "$n gets them back" wait_for 20 repaired
    ovs $n --no-wait del-port br-dts dts-d$([ $n = gw1 ] && echo 1 || echo 3)
    ok "$n's tunnel removed: made again" wait_for 20 repaired
    ovs $n set-fail-mode br-dts standalone
    secure() { [ "$(ovs $n get bridge br-dts fail_mode)" = secure ]; }
    ok "$n's bridge set to fail open: closed again" wait_for 20 secure
done
on gw1 ovs-ofctl -O OpenFlow15 del-groups br-dts
ok "gw1's groups removed: made again" wait_for 20 repaired
on gw1 ovs-ofctl -O OpenFlow15 add-flow br-dts priority=65000,actions=NORMAL
normal() { on gw1 ovs-ofctl -O OpenFlow15 dump-flows br-dts | grep -q NORMAL; }
ok "a flow that nobody wants is there" normal
ok "and is removed" wait_for 20 not normal

# The stale guest on hostB sends all the while the bridge is made again.
observe_start c client --plain --mac $MAC eth=eth0
agent_stop hostB KILL
on hostB ovs-ofctl -O OpenFlow15 add-flow br-dts \
    "table=0,priority=65535,in_port=vif1.0,actions=set_field:10->tun_id,output:dts-d3"
ovs gw1 --no-wait del-br br-dts
for _ in 1 2 3 4 5; do
    guest hostB 1 spoof $MAC $IP 100 >/dev/null
    sleep 0.2
done
ok "gw1's bridge deleted: the client is served again" wait_for 30 repaired
c=$(observe_stop c client)
safe is "$(jq '.spoof.eth // 0' <<<"$c")" 0 "no frame of the stale guest has passed" ||
    diag "$c"
safe is "$(ovs gw1 get bridge br-dts fail_mode)" secure "the new bridge fails closed"
is "$(ovs gw1 get bridge br-dts external_ids:dts-seen-voip | grep -o '[0-9]*' | head -n 1)" \
    "$g" "and knows the generation seen"
agent_start hostB
g=$(bind voip hostB)
ok "it still switches" wait_for 20 fenced voip $g
ok "to hostB" eval 'wait_for 20 reaches $IP && [ "$(probe 5 $IP | jq -r ".hosts[0][0]")" = hostB ]'

# A gateway's receipt is deleted, also where its agent cannot hear of it.
unreceipt() { db '{"op":"mutate","table":"Fence","where":[["gateway","==","gw1"]],"mutations":[["generations","delete",["set",["voip"]]]]}' >/dev/null; }
unreceipt
ok "a receipt that was deleted is written again" wait_for 20 fenced voip $g
signal STOP agent-gw1
unreceipt
stop db KILL
db_start
signal CONT agent-gw1
ok "also after the database was restarted without it" wait_for 40 fenced voip $g

# More receipts than one transaction has, and again while they are on their way.
add_many() {    # add_many FIRST LAST
    db "$($PY - $1 $2 <<'END'
import json, sys
ops = []
for i in range(int(sys.argv[1]), int(sys.argv[2])):
    ops.append({"op": "insert", "table": "Domain", "row": {
        "name": "m%d" % i, "network": "voice", "primary": "hostA",
        "secondary": "hostB", "failover": "auto", "on_loss": "stop",
        "addresses": "02:02:00:00:%02x:%02x" % (i >> 8, i & 255)}})
    ops.append({"op": "insert", "table": "Binding", "row": {
        "domain": "m%d" % i, "owner": "hostA", "standby": "hostB",
        "generation": 1, "state": "stopped"}})
print(json.dumps(ops)[1:-1])
END
)" >/dev/null
}
for ((i = 0; i < 2600; i += 200)); do add_many $i $((i + 200)); done
receipts() {    # receipts GENERATION: how many of the 2,600 have it.
    db '{"op":"select","table":"Fence","where":[["gateway","==","gw1"]],"columns":["generations"]}' |
        jq '[.[0].rows[].generations[1][] | select(.[0] != "voip" and .[1] == '$1')[0]] | unique | length'
}
many_have() { [ "$(receipts $1)" = 2600 ]; }
move_many() { db '{"op":"update","table":"Binding","where":[["domain","!=","voip"]],"row":{"generation":'$1'}}' >/dev/null; }
ok "2,600 domains have their receipts" wait_for 30 many_have 1
for i in 2 3 4 5; do move_many $i; done
ok "and the last generation's, when they move again and again" wait_for 30 many_have 5
db '{"op":"delete","table":"Fence","where":[["gateway","==","gw1"]]}' >/dev/null
ok "and again when all are deleted" wait_for 30 many_have 5
ok "voip's is there, too" fenced voip $g
db '{"op":"insert","table":"Fence","row":{"gateway":"gw1","generations":["map",[["voip",'$g'],["m7",99]]]}}' >/dev/null
receipts_of() { receipt $1 | wc -l; }
ok "of two receipts of a domain one is deleted" wait_for 20 eval '[ "$(receipts_of voip) $(receipts_of m7)" = "1 1" ]'
is "$(receipt voip) $(receipt m7)" "$g 5" "and it says what is"
