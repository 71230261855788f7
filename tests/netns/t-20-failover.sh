#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The power of the primary's host is cut.
. "$(dirname "$0")/dts.sh"
plan 21
dts_up_xl || { fail "the system comes up"; exit 1; }
g=$(binding voip generation)
observe_start wires gw1 --mac $MAC A=uA B=uB
probe_start p $IP --interval 10
LINK_OPTIONS=--compress=lz4
"$LINK" --help | grep -q 'built with lz4' || LINK_OPTIONS=
must "the domain is protected" protect_and_wait hostA
is "$(domains hostB)" "voip--incoming:p" "its copy is paused"
sent=$W/hostA/dts/dts-link-send.log way="goes packed" less=yes
"$LINK" --help | grep -q 'built with lz4' || { way="goes as it is"; less=no; }
ok "the stream $way" grep -q "the stream $way" "$sent"
is "$(sed -n 's/.*: \([0-9.]*\) MB of the stream as \([0-9.]*\) MB.*/\1 \2/p' "$sent" |
    awk '{ raw += $1; wire += $2 } END { print wire < raw * .7 ? "yes" : "no" }')" \
    $less "in fewer bytes than xl writes: $less"
ok "the client is served by hostA" wait_for 20 served p hostA
sleep 1
cut_us=${EPOCHREALTIME/./}
power_cut hostA
ok "the client is served by hostB" wait_for 60 served p hostB
ok "the binding is hostB's, one generation on" wait_for 20 bound voip hostB alone $((g + 1))
sleep 1
r=$(probe_stop p); w=$(observe_stop wires gw1)
diag "gap $(jq .gap_ms <<<"$r") ms, $(jq .back_max <<<"$r") replies rolled back"
safe is "$(jq .boots <<<"$r")" 1 "with the memory of the original" || diag "$r"
safe is "$(jq -c '[.hosts[] | .[0]]' <<<"$r")" '["hostA","hostB"]' \
    "each host answered in its time" || diag "$r"
is "$(jq '.back_max <= 60 * '$SLOW <<<"$r")" true \
    "no more rolled back than one interval and a transfer" || diag "$r"
is "$(jq '.gap_ms < 5000 * '$SLOW <<<"$r")" true "restored within 5 s" || diag "$r"
safe is "$(jq -c --arg m $MAC '[.switches[$m][] | .[0]]' <<<"$w")" '["A","B"]' \
    "one tunnel at a time carried its frames" || diag "$w"
is "$(domains hostB)" "voip:r" "the copy is the domain now"
ok "an event tells of the takeover" has_event voip takeover
ph=$(db_get Event phases domain=voip type=takeover node=hostB | tail -n 1)
diag "$ph"
for x in suspected witnessed granted; do
    is "$(jq --arg x $x '[.[1][] | select(.[0] == $x) | .[1] >= '$cut_us'] | any' <<<"$ph")" \
        true "it has the phase $x, after the cut"
done
f=$(receipt voip)
is "$f" $((g + 1)) "gw1 wrote its receipt"

# The host returns, empty; protection goes the other way.
power_on hostA; xenstored_start hostA; agent_start hostA; link_start hostA
ok "the other way round it is protected again" \
    eval 'sleep 1; protect_and_wait hostB'

# All of it under the rules for nodes, which their certificates cannot leave.
refused() { on hostB ovsdb-client $(tls_of hostB) --timeout=10 transact $(remote_of hostB) "[\"DTS\",$1]" | grep -q 'RBAC rules for client \\"hostB\\" role \\"dts-node\\"'; }
safe ok "hostB may not write a receipt of gw1" refused \
    '{"op":"update","table":"Fence","where":[["gateway","==","gw1"]],"row":{"generations":["map",[["voip",99]]]}}'
is "$(grep -hE '[|](WARN|ERR)[|].*(RBAC rules|refused to have)' $W/*/dts/dts-agent.log | head -n 3)" "" \
    "and no agent tried what it may not"
