#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# The hold-down: so soon after a failover the next one waits for an operator, or
# for its time; and a site whose path flaps keeps its guest.
. "$(dirname "$0")/dts.sh"
. "$(dirname "$0")/floods.sh"
plan 29
dts_up_xl || { fail "the system comes up"; exit 1; }
hold() { ctl global-set hold-down=$1; }
failover_at() { binding voip failover_at; }
status() { ctl --format=json status voip | jq -r ".domains[0] | $1"; }
held() { status '.conditions[]' | grep -q '^hold-down: '; }
hold 3600
must "the domain is protected" protect_and_wait hostA
g=$(binding voip generation)
is "$(failover_at) $(status '.hold_down_left_ms')" "0 0" "there is no hold-down at first"
ok "the first loss is a failover at once" takeover hostA hostB
is "$(binding voip generation)" $((g + 1)) "one generation on"
ok "it is known when that was" test $(failover_at) -gt $(($(now_ms) - 60000))
must "it is protected the other way round" again hostA hostB
is "$(status '.health + " " + .remedy')" "warn if hostB fails meanwhile: dts-ctl switch voip hostA" \
    "status says beforehand what a loss would need"
ok "and for how long" eval 'status .reason | grep -q "for another 3[0-9]* s only if an operator says so"' ||
    diag "$(status .reason)"

# ---- the second loss, within it
probe_start p $IP --interval 10
wait_for 20 served p hostB
power_cut hostB
ok "a second loss is not a failover: the condition tells" wait_for 20 held
sleep $((2 * SLOW))
ok "nothing has moved" bound voip hostB protected $((g + 1))
ok "the Event tells, with the command" eval \
    'db_get Event message domain=voip type=hold-down node=hostA | grep -q "before ..:..:.. UTC.*dts-ctl switch voip hostA"' ||
    diag "$(db_get Event message domain=voip type=hold-down)"
agent_stop hostA; agent_start hostA
sleep $((3 * SLOW))
ok "an agent that starts anew knows of it" bound voip hostB protected $((g + 1))
ok "and keeps the copy" test "$(domains hostA)" = "voip--incoming:p"
start=$(now_ms)
ok "an operator's switch" ctl switch voip hostA
ok "is carried out at once" wait_for 15 served p hostA || diag "$(ctl status voip)"
diag "after $(($(now_ms) - start)) ms"
ok "the next generation" wait_for 10 bound voip hostA alone $((g + 2))
is "$(failover_at)" 0 "by an operator: there is no hold-down after it"
ok "the condition is gone" not held
r=$(probe_stop p)
safe is "$(jq -c '[.interleaved, .boots]' <<<"$r")" "[0,1]" "never two, and the same memory" || diag "$r"
must "protected again" again hostB hostA
ok "so the next loss is a failover at once" takeover hostA hostB

# ---- it ends
again hostA hostB || diag "not protected again"
seconds=$((($(now_ms) - $(failover_at)) / 1000 + 10 * SLOW))
was=$(failover_at)
hold $seconds
probe_start p $IP --interval 10
wait_for 20 served p hostB
power_cut hostB
ok "a loss within it waits" wait_for 8 held
ok "and is a failover by itself when it is over" wait_for $((seconds + 10)) bound voip hostA alone $((g + 4)) ||
    diag "$(ctl status voip)"
ok "not before" test $(($(failover_at) - was)) -ge $((seconds * 1000 - 100)) ||
    diag "after $(($(failover_at) - was)) ms of $seconds s"
diag "held for $seconds s"
safe ok "with the copy's memory" eval 'wait_for 20 served p hostA; r=$(probe_stop p); [ "$(jq -c "[.interleaved, .boots]" <<<"$r")" = "[0,1]" ]'

# ---- a path that flaps
again hostB hostA || diag "not protected again"
hold 3600
g=$(binding voip generation)
probe_start p $IP --interval 10
for ((i = 0; i < 3; i++)); do
    wait_for 60 eval "alive xl-hostA || protect hostA; protected hostA" || diag "flap $i: not protected"
    cut repl underlayA mgmtA
    sleep $((2 * SLOW))
    join_cable repl underlayA mgmtA
    wait_for 30 served p hostA || diag "flap $i: not served"
    stop xl-hostA
done
is "$(binding voip owner) $(binding voip generation)" "hostA $g" "a site whose path flaps keeps its guest"
ok "which is served" wait_for 20 served p hostA
r=$(probe_stop p)
safe is "$(jq -c '[.hosts[] | .[0]] | unique' <<<"$r") $(jq -c .boots <<<"$r")" '["hostA"] 1' "by one host all the time" ||
    diag "$r"
ok "an Event tells of it" eval '[ $(db_get Event type domain=voip type=hold-down node=hostB | grep -c .) -ge 1 ]'
