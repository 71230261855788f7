#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hostA's "alone" raced against hostB's takeover: each round exactly one wins.
# Both see tunnel 1 die; the witness sees hostA's liveness die at about the same
# time; both still reach the database.
. "$(dirname "$0")/dts.sh"
rounds=20
[ "$FULL" = no ] || rounds=200
plan $((rounds + 1))
dts_up_xl || { fail "the system comes up"; exit 1; }
DEAF="priority=100,in_port=r0"
witness_down() { [ "$(db_get Reachability state observer=gw1 subject=$1)" = down ]; }
owner=hostA won_alone=0 won_takeover=0
for ((i = 1; i <= rounds; i++)); do
    standby=hostB; [ $owner = hostA ] || standby=hostA
    s=${SHORT[$owner]}
    wait_for 20 bfd_up $owner; wait_for 20 bfd_up $standby
    wait_for 30 bound voip $owner alone
    if ! wait_for 20 eval "alive xl-$owner || protect $owner; protected $owner"; then
        fail "round $i: protected"; diag "$(ctl status voip 2>&1)"; continue
    fi
    g=$(binding voip generation)
    probe_start p $IP --interval 10
    wait_for 10 served p $owner
    # The witness knows first.  Then each end goes deaf by itself, the owner a
    # little (-20 to 60 ms) after the standby: the owner needs one transaction,
    # the standby has to ask the witness before its own.
    cut underlay$s
    wait_for 10 witness_down $owner
    d=$((RANDOM % 80 - 20)) deaf_a=$owner deaf_b=$standby
    [ $d -ge 0 ] || { d=$((-d)) deaf_a=$standby deaf_b=$owner; }
    { on $deaf_b ovs-ofctl add-flow br-r "$DEAF,actions=drop"; } &
    { sleep 0.$(printf %03d $d)
      on $deaf_a ovs-ofctl add-flow br-r "$DEAF,actions=drop"; } &
    wait
    settled() { bound voip $owner alone $g || bound voip $standby alone $((g + 1)); }
    wait_for 40 settled
    join_cable underlay$s
    for n in hostA hostB; do on $n ovs-ofctl --strict del-flows br-r "$DEAF"; done
    now=$(binding voip owner)
    wait_for 30 served p $now
    sleep 0.5
    r=$(probe_stop p)
    one_runs() { [ "$({ on hostA xl list; on hostB xl list; } | grep -c 'voip r')" = 1 ]; }
    # Two, or another memory, may not be once; the rest may take its time.
    if [ "$(jq -c '[.interleaved, .boots]' <<<"$r")" != "[0,1]" ] || ! wait_for 20 one_runs; then
        safe fail "round $i: exactly one"; diag "$r" "$(domains hostA) / $(domains hostB)"
    elif settled >/dev/null && [ "$(jq -r '.hosts[-1][0]' <<<"$r")" = "$now" ]; then
        pass "round $i: exactly one"
    else
        fail "round $i: exactly one"; diag "$r" "$(binding voip state)"
    fi
    if [ "$now" = $owner ]; then
        won_alone=$((won_alone + 1))
    else
        won_takeover=$((won_takeover + 1))
        ok_destroyed() { [ -z "$(domains $owner)" ]; }
        wait_for 30 ok_destroyed || diag "round $i: $owner has $(domains $owner)"
        stop xl-$owner
        owner=$now
    fi
    stop xl-$owner
done
diag "alone won $won_alone times, the takeover $won_takeover times"
ok "both outcomes were seen" [ $won_alone -gt 0 -a $won_takeover -gt 0 ]
