#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo itself, in its scenarios and modes.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT $LINK $SHIM $VIF
command -v sipp >/dev/null || skip_all "needs sipp (package sip-tester)"
plan 17
[ "$(id -u)" = 0 ] || skip_all "needs root"
dir=$(mktemp -d)
trap 'rm -rf "$dir"; at_exit' EXIT
demo() { "$N/demo" --build="$BUILD" --output=$dir "$@" >$dir/log 2>&1 || { tail -30 $dir/log; return 1; }; }
run_of() { jq -c ".runs[] | select(.network == \"$1\") | $2" $dir/demo.json; }
ok "power: ours keeps the call" demo
safe is "$(run_of remus-dts '[.copies, .hosts]')" '[1,["hostA","hostB"]]' "one copy, on hostB"
is "$(run_of remus-dts .bye)" '"answered"' "the call's BYE is answered with what its INVITE gave"
is "$(run_of remus-dts '.phases_ms | [.suspected, .witnessed, .granted, .switched, .resumed, .first_packet] | (map(. != null and . > 0) | all)')" \
    true "every phase has its time" || diag "$(run_of remus-dts .phases_ms)"
is "$(run_of remus-dts '.jitter_ms | .before.median > 0 and .after.median > 0')" true \
    "the jitter before and after" || diag "$(run_of remus-dts .jitter_ms)"
is "$(jq '[.runs[] | {(.network): .gap_ms}] | add | ."remus-dts" < .bridge / 2' $dir/demo.json)" \
    true "the gap is less than half of the baseline's" || diag "$(cat $dir/demo.json)"
ok "the picture is there" [ -s $dir/demo.png ]
ok "partition: ours goes on" demo --scenario=partition
safe is "$(run_of remus-dts '[.copies, .hosts]')" '[1,["hostA"]]' "one copy, on hostA"
is "$(run_of remus-dts .bye)" '"answered"' "and the BYE is answered"
safe is "$(run_of remus-dts .rolled_back)" 0 "nothing was rolled back"
is "$(run_of bridge '.copies')" 2 "the stock way ends with two copies (the bed can show it)"
# (Which of the two a switch that learns leads it to is chance.)
is "$(run_of bridge '(.hosts | length) == 1 or .rolled_back > 0')" true \
    "and a client that gets to the other falls back" || diag "$(run_of bridge .)"
ok "failback: there and back again" demo --scenario=failback --no-baseline
is "$(run_of remus-dts '[.copies, .hosts]')" '[1,["hostA","hostB","hostA"]]' \
    "hostA serves with the state of both"
is "$(run_of remus-dts .bye)" '"answered"' "and answers the BYE of a call that both carried"
ok "switching by ports, over Geneve" demo --mode=port --encap=geneve --no-baseline
