#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The primary's host is cut off from everything but lives on; hostB takes over;
# the cables come back.  At no time two.
. "$(dirname "$0")/dts.sh"
plan 9
dts_up_xl || { fail "the system comes up"; exit 1; }
g=$(binding voip generation)
observe_start wires gw1 --mac $MAC A=uA B=uB
probe_start p $IP --interval 10
must "the domain is protected" protect_and_wait hostA
wait_for 10 served p hostA
# The way to the database first: hostA is not to learn in time that it is alone.
cut mgmtA underlayA repl
ok "hostB serves" wait_for 60 served p hostB
ok "hostB is bound" wait_for 20 bound voip hostB alone $((g + 1))
runs_on_A() { on hostA xl list | grep -q 'voip r'; }
ok "the original on hostA comes to rest: its gate holds it" \
    wait_for 20 not runs_on_A
join_cable repl underlayA mgmtA
ok "when hostA hears again its original is given up" wait_for 60 no_domains hostA
sleep 1
ok "hostB serves on" served p hostB
r=$(probe_stop p); w=$(observe_stop wires gw1)
safe is "$(jq -c '[[.hosts[] | .[0]], .boots]' <<<"$r")" '[["hostA","hostB"],1]' \
    "the client never heard two" || diag "$r"
safe is "$(jq -c --arg m $MAC '[.switches[$m][] | .[0]]' <<<"$w")" '["A","B"]' \
    "the tunnels never carried two" || diag "$w"
ok "hostB can protect it to hostA" protect_and_wait hostB
