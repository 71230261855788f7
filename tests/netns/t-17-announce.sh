#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A survivor that says nothing by itself: the clients' segment hears of it all the
# same.  And what is told of a takeover: each phase, in order, and each verdict.
. "$(dirname "$0")/dts.sh"
plan 18
dts_up_xl || { fail "the system comes up"; exit 1; }
g=$(binding voip generation)
touch $W/hostB/silent-guests
# A client that knows another place of the guest, and does not speak to it.
neighbour() { ip -n ${P}client -j neigh show dev eth0 to $1 | jq -r '.[0].lladdr'; }
for a in $IP $IP6; do
    ip -n ${P}client neigh replace $a lladdr 02:00:00:00:00:99 dev eth0 nud stale
done
must "the domain is protected" protect_and_wait hostA
spawn heard client $PY $N/heard.py eth0 $MAC $IP $IP6
h=$W/client/heard.log
wait_for 10 grep -q ready $h
power_cut hostA
ok "the binding is hostB's, one generation on" wait_for 60 bound voip hostB alone $((g + 1))

# ---- announcements
heard() { grep -c " $1\$" $h; }
all_heard() { [ "$(heard rarp) $(heard garp) $(heard na)" = "5 5 5" ]; }
ok "RARP, gratuitous ARP and neighbour advertisement, five times each" wait_for 10 all_heard ||
    diag "$(cat $h)"
is "$(grep -cvE ' (rarp|garp|na)$|^ready$' $h)" 0 "and nothing else: the guest is silent"
is "$(neighbour $IP)" $MAC "the client knows by them where the guest is"
is "$(neighbour $IP6)" $MAC "also by IPv6"
takeover() { db_get Event $1 domain=voip type=takeover node=hostB | tail -n 1; }
ok "an event tells of the takeover" wait_for 10 has_event voip takeover
# at PHASE: when (us, by this machine's monotonic clock).
at() { takeover phases_mono | jq --arg p $1 '[.[1][] | select(.[0] == $p)[1]][0]'; }
fenced=$(at fenced)
for what in rarp garp na; do
    # None before its time, and none much later.
    is "$(awk -v f=$fenced -v slow=$SLOW -v what=$what 'BEGIN { split("0 50 150 500 1500", at) }
        $2 == what { late = $1 * 1000 - f / 1000 - at[++n]; if (late < -2 || late > 1000 * slow) bad++ }
        END { print n + 0, bad + 0 }' $h)" "5 0" \
        "$what: at 0, 50, 150, 500 and 1,500 ms after the fence" || diag "fenced $fenced" "$(cat $h)"
done

# ---- phases
phases() { jq -r '.[1] | sort_by(.[1]) | map(.[0]) | join(" ")'; }
is "$(takeover phases_mono | phases)" \
    "suspected witnessed granted fenced announced devices resumed" \
    "hostB tells each phase of its takeover, in order" || diag "$(takeover phases_mono)"
by_gw1() { db_get Event $2 domain=voip type=$1 node=gw1 | tail -n 1; }
is "$(by_gw1 switched phases_mono | phases)" "notified programmed fenced" "gw1 those of its switch"
ok "what was announced is not taken for the guest's first frame" not has_event voip restored
asked=${EPOCHREALTIME/./}
ok "the client asks, and the guest answers" reaches $IP
ok "gw1 tells of the guest's first frame" wait_for 10 has_event voip restored
is "$(by_gw1 restored phases | jq -c --arg t $asked '(.[1] | sort_by(.[1])[-1]) as $p | [$p[0], $p[1] >= ($t | tonumber)]')" \
    '["first_frame",true]' "when it came, and no sooner" || diag "$(by_gw1 restored phases)"

# ---- verdicts
why="the owner is dead, the witness says so too"
is "$(sed -n 's/.*|domain voip: session [0-9a-f-]*: \(told the .*\)/\1/p' $W/hostB/dts/dts-agent.log)" \
    "told the link: commit ($why)
told the gate: granted ($why)" "the agent's log has each verdict, and why"
ok "and theirs what they were told" eval "grep -q 'domain voip: commit: $why' $W/hostB/dts/dts-link.log &&
    grep -q 'domain [0-9]*: granted: $why' $W/hostB/dts/xl-voip.log"
