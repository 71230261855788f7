#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# Floods (docs/security.md): what is flooded does not grow without end, and a
# takeover under each of them comes out right, and in time.
. "$(dirname "$0")/dts.sh"
. "$(dirname "$0")/floods.sh"
plan 41
dts_up_xl || { fail "the system comes up"; exit 1; }
floods_up
for n in $NODES; do agent $n vlog/set file:info; done
must "the domain is protected" protect_and_wait hostA
rss() { awk '/^VmRSS/ { print int($2 / 1024) }' /proc/$(pid_of $1)/status; }
link() { on hostB ovs-appctl -t $W/hostB/dts/dts-link.ctl dts/sessions; }

# ---- the agent's socket
mb=$(rss agent-hostB)
spawn flood hostB $PY $N/flood.py agent
sleep $((4 * SLOW))
ok "an agent whose socket is flooded answers others" on hostB $PY $N/agentrpc.py ctl -- status
ok "and hears its links: the domain is protected still" eval 'sleep 1; protected hostA'
# (ASan keeps 256 MB of what was freed.)
ok "it keeps no answers for those who do not read" \
    test $(($(rss agent-hostB) - mb)) -lt $([ $SLOW = 1 ] && echo 64 || echo 512) ||
    diag "$mb MB -> $(rss agent-hostB) MB"
diag "$(flood_stop)"

# ---- the link
address=$(link | sed -n 's/^listening on pssl:6646://p')
stop xl-hostA
wait_for 30 no_domains hostB
spawn flood hostB $PY $N/flood.py connections $address 6646 $MANY
sleep $((3 * SLOW))
n=$(link | grep -c '^process')
ok "an address has no more than half of the link's places" test $n -gt $((MANY / 20)) -a $n -le 513 ||
    diag "$n processes" "$(tail -n 3 $W/hostB/flood.log)"
ok "so another one finds one: the domain is protected" protect_and_wait hostA
diag "$n processes; $(flood_stop)"
ok "the strangers end" wait_for 20 eval '[ $(link | grep -c "^process") -le 1 ]'
ok "the log does not tell of each" \
    test $(grep -c ': connected, process' $W/hostB/dts/dts-link.log) -lt 750

# ---- rows
rows() { db_get $1 $2 $2=$3 | grep -c .; }
out=$(on gw1 $PY $N/flood.py insert Event 4000 $(as hostB))
is "$out" "4000 rows" "a node's key writes more of the log than its agent keeps"
ok "its agent takes it back" wait_for 30 eval '[ $(rows Event node hostB) -le 500 ]' ||
    diag "$(rows Event node hostB) rows"

# ---- takeovers
from=hostA to=hostB worst=0
swap() { local x=$from; from=$to; to=$x; }
for i in 1 2; do
    takeover $from $to || { fail "without a flood it is taken over"; exit 1; }
    [ $gap -le $worst ] || worst=$gap
    again $from $to || { fail "protected again"; exit 1; }
    swap
done
pass "without a flood it is taken over"
diag "without a flood: $worst ms at most"
for kind in $FLOODS; do
    g=$(binding voip generation)
    flood_start $kind $from $to
    [ $kind = flaps ] && is "$(binding voip state) $(binding voip owner) $(binding voip generation)" \
        "protected $from $g" "a tunnel that flaps moves nothing"
    observe_start wires gw1 --mac $MAC A=uA B=uB
    if takeover $from $to; then pass "under ${FLOOD[$kind]}: it is taken over"; else
        fail "under ${FLOOD[$kind]}: it is not taken over"; diag "$(ctl status voip 2>&1)"
    fi
    w=$(observe_stop wires gw1)
    safe is "$(jq -c '[.interleaved, .boots]' <<<"$seen") $(jq -c --arg m $MAC '.switches[$m] | length <= 2' <<<"$w")" \
        "[0,1] true" "never two, and the same memory" || diag "$seen" "$w"
    # (After flaps the witness waits for 2 s more.)
    limit=$((3 * worst + 1500 * SLOW))
    [ $kind != flaps ] || limit=$((limit + 2000))
    ok "in ${gap:-no} ms" test ${gap:-999999} -le $limit
    diag "$(flood_stop)"
    again $from $to || diag "not protected again: $(ctl status voip 2>&1)"
    swap
done
for n in hostA hostB gw1; do
    ok "the agent of $n has not grown" test $(rss agent-$n) -lt $((120 * SLOW)) || diag "$(rss agent-$n) MB"
done
ok "the database took what the rules allow" test $(rows Suspicion by stranger) -gt 100
diag "stranger's rows: $(rows Event node stranger) events, $(rows Suspicion by stranger) questions, $(rows Reachability observer stranger) answers"
ctl node-del stranger >/dev/null 2>&1
is "$(rows Event node stranger) $(rows Suspicion by stranger) $(rows Reachability observer stranger)" "500 0 0" \
    "and node-del takes them"
