#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Restarts on the data path: an agent's loses nothing, a switch's opens nothing,
# and the database's absence changes nothing (static) or closes (closed).
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
plan 20
dts_up xen=no || exit 1
domain_add voip "$ADDRESS" hostA hostB >/dev/null
g=$(bind voip hostB); wait_for 30 fenced voip $g
plug hostB 1 voip $MAC >/dev/null; guest_start hostB 1 $MAC $IP --ip6 $IP6
g=$(bind voip hostA); wait_for 30 fenced voip $g
plug hostA 1 voip $MAC >/dev/null; guest_start hostA 1 $MAC $IP --ip6 $IP6
must "the client is served" wait_for 20 reaches $IP

for n in gw1 hostA; do
    for sig in TERM KILL; do
        # 1,000 packets over 5 s, the restart in their midst.  Once more if
        # the machine itself lost one.
        for try in 1 2; do
            probe 1000 $IP --interval 5 --linger 2 >$W/client/r.json &
            p=$!
            sleep 1
            agent_stop $n $sig
            sleep 1
            agent_start $n
            wait $p
            [ "$(jq .lost <$W/client/r.json)" != 0 ] || break
            diag "try $try: $(cat $W/client/r.json)"
        done
        is "$(jq '[.sent, .lost]' -c <$W/client/r.json)" "[1000,0]" \
            "$n's agent ended by $sig and started: 0 of 1,000 lost"
    done
done
g=$(bind voip hostB)
ok "after that it still switches" wait_for 20 fenced voip $g
ok "to hostB" eval '[ "$(probe 5 $IP | jq -r ".hosts[0][0]")" = hostB ]'
g=$(bind voip hostA); wait_for 20 fenced voip $g

# The switch comes back before its agent.
agent_stop gw1
stop vswitchd-gw1 KILL
vswitchd_start gw1
dts_bridge() { on gw1 ovs-ofctl -O OpenFlow15 show br-dts; }
ok "gw1's switch is back without its agent" wait_for 20 dts_bridge
safe is "$(ovs gw1 get bridge br-dts fail_mode)" secure "br-dts fails closed"
observe_start c client --plain --mac $MAC eth=eth0
observe_start w gw1 --mac $MAC A=uA
sleep 1
guest hostA 1 spoof $MAC $IP 100 >/dev/null
sleep 1
c=$(observe_stop c client); w=$(observe_stop w gw1)
is "$(jq '.spoof.A // 0 | . >= 90' <<<"$w")" true "hostA's guest sends towards it" || diag "$w"
safe is "$(jq '.spoof.eth // 0' <<<"$c")" 0 "no frame passes" || diag "$c"
agent_start gw1
ok "with the agent everything is as before" wait_for 30 reaches $IP

agent_stop hostA
stop vswitchd-hostA KILL
vswitchd_start hostA
observe_start w gw1 --mac $MAC A=uA
sleep 1
guest hostA 1 spoof $MAC $IP 100 >/dev/null
sleep 1
w=$(observe_stop w gw1)
safe is "$(jq '.spoof.A // 0' <<<"$w")" 0 "a server's switch without its agent opens nothing either" ||
    diag "$w"
agent_start hostA
ok "and serves again with it" wait_for 30 reaches $IP

for n in gw1 hostA; do
    stop vswitchd-$n KILL
    vswitchd_start $n
    ok "$n's switch restarted under its agent: served again" wait_for 30 reaches $IP
    stop ovsdb-$n KILL
    ovsdb_start $n
    sleep 1
    g=$(bind voip hostB); wait_for 30 fenced voip $g
    g=$(bind voip hostA)
    ok "$n's local database restarted: still switches" \
        eval 'wait_for 30 fenced voip $g && wait_for 20 reaches $IP'
done

# The DTS database goes away.
stop db KILL
probe 200 $IP --interval 5 >$W/client/r.json
is "$(jq .lost <$W/client/r.json)" 0 "without the database traffic goes on (static)" ||
    diag "$(cat $W/client/r.json)"
db_start
g=$(bind voip hostB)
ok "with it back the switch follows it again" wait_for 60 fenced voip $g
g=$(bind voip hostA); wait_for 30 fenced voip $g
