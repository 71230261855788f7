#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Failovers back and forth, with an outside check that at no time two tunnels
# carry the domain's frames and no two hosts answer.
. "$(dirname "$0")/dts.sh"
times=8
[ "$FULL" = no ] || times=100
plan $((2 * times + 1))
dts_up_xl || { fail "the system comes up"; exit 1; }
from=hostA gaps=
boot=$(guest hostA 1 state | jq -r .boot)
for ((i = 1; i <= times; i++)); do
    to=hostB; [ $from = hostA ] || to=hostA
    if ! wait_for 30 eval "alive xl-$from || protect $from; protected $from"; then
        fail "failover $i: protected"; diag "$(ctl status voip 2>&1)"
        fail "failover $i: never two"
        continue
    fi
    observe_start wires gw1 --mac $MAC A=uA B=uB
    probe_start p $IP --interval 10
    wait_for 10 served p $from
    g=$(binding voip generation)
    power_cut $from
    ok "failover $i: $to serves" wait_for 60 served p $to ||
        diag "$(ctl status voip 2>&1)"
    wait_for 20 bound voip $to alone $((g + 1))
    sleep 0.5
    r=$(probe_stop p); w=$(observe_stop wires gw1)
    gaps+=" $(jq .gap_ms <<<"$r")"
    safe is "$(jq -c '[.interleaved, .boots]' <<<"$r") $(jq -c --arg m $MAC '.switches[$m] | length <= 2' <<<"$w")" \
        "[0,1] true" "failover $i: never two, and the same memory" ||
        diag "$r" "$w"
    power_on $from; xenstored_start $from; agent_start $from; link_start $from
    stop xl-$from
    from=$to
done
diag "gaps (ms):$gaps"
safe is "$(guest $from "$(on $from xl domid voip)" state | jq -r .boot)" "$boot" \
    "after $times failovers it is the same boot"
