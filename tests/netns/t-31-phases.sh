#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# The primary's power is cut, and a part of the rest is killed in the midst of
# the failover and started again: as the power goes, at the very instant of the
# grant (with --full also at the other steps, and at times about them).  The
# survivor serves in the end, and never two.
#
# One case is another: a switch of the witness's that was restarted before it was
# asked has not heard the host that is dead, and cannot tell.  Then nobody
# serves, `status` says why, and the host that returns without its guest settles
# it.
. "$(dirname "$0")/dts.sh"
instants="cut granted"
[ "$FULL" = no ] || instants="cut suspected asked granted fenced resumed 0.400 0.500 0.505 0.510 0.515 0.520 0.540 0.600 0.650"
parts="agent-B agent-G switch-B switch-G ovsdb-B ovsdb-G db-G"
n=0
for d in $instants; do for p in $parts; do n=$((n + 1)); done; done
plan $((3 * n))
dts_up_xl || { fail "the system comes up"; exit 1; }
from=hostA
step() { $PY $SRC/tests/faults/step.py --timeout=$((20 * SLOW)) "$@"; }
# line_of STEP: the survivor's agent says so then.
line_of() {
    case $1 in
    suspected) echo "is.suspected:.asking.the.witness" ;;
    asked) echo "protected..->.granted" ;;
    granted) echo "told.the.link:.(commit|granted)" ;;
    fenced) echo "told.the.gate:.granted" ;;
    resumed) echo "granted..->.alone" ;;
    esac
}
name_of() {     # name_of PART NODE: as it was recorded.
    case $1 in switch) echo vswitchd-$2 ;; db) echo db ;; *) echo $1-$2 ;; esac
}
again() {       # again PART NODE
    stop $(name_of $1 $2) KILL
    case $1 in
    agent) agent_start $2 ;;
    switch) vswitchd_start $2 ;;
    ovsdb) ovsdb_start $2 ;;
    db) db_start ;;
    esac
}
for d in $instants; do
for p in $parts; do
    to=hostB; [ $from = hostA ] || to=hostA
    node=gw1; [ ${p#*-} = G ] || node=$to
    what=${p%-*}
    label="$what on $([ $node = gw1 ] && echo gw1 || echo the survivor) killed"
    expect=served
    case $d in
    cut)
        label+=" as the power goes"
        [ $p != switch-G ] || expect=undecided ;;
    [a-z]*) label+=" when $d" ;;
    *) label+=" $d s after the cut" ;;
    esac
    # Whether the witness has answered by then is a matter of milliseconds.
    case $p:$d in switch-G:suspected | switch-G:[0-9]*) expect=either ;; esac
    if ! wait_for 40 eval "alive xl-$from || protect $from; protected $from" ||
        ! wait_for 20 bfd_up hostA || ! wait_for 20 bfd_up hostB; then
        fail "$label: protected"; diag "$(ctl status voip 2>&1)"
        exit 1
    fi
    probe_start p $IP --interval 10
    wait_for 10 served p $from
    g=$(binding voip generation)
    pid=$(pid_of $(name_of $what $node)) reached=no
    case $d in
    cut)
        kill -KILL $pid && reached=yes
        power_cut $from ;;
    [a-z]*)
        rm -f $W/armed
        step $W/$to/dts/dts-agent.log "$(line_of $d)" kill KILL $pid >/dev/null 2>$W/armed &
        stepper=$!
        wait_for 5 test -s $W/armed
        power_cut $from
        ! wait $stepper || reached=yes ;;
    *)
        power_cut $from
        sleep $d
        kill -KILL $pid && reached=yes ;;
    esac
    is $reached yes "$label: done"
    sleep 0.5
    again $what $node
    survives() { served p $to && bound voip $to alone $((g + 1)); }
    undecided() { unserved p && ctl status voip | grep -q "the witness has not confirmed"; }
    case $expect in
    served) ok "$label: the survivor serves" wait_for 60 survives ;;
    undecided)
        ok "$label: nobody serves, and the witness is said to know nothing" \
            eval 'wait_for 20 undecided && sleep 3 && undecided && protected $from' ;;
    either)
        ok "$label: the survivor serves, or nobody and the witness is said to know nothing" \
            eval 'wait_for 8 survives || undecided' ;;
    esac || diag "$(ctl status voip 2>&1)" "$to: $(domains $to)"
    sleep 0.5
    r=$(probe_stop p)
    safe is "$(jq -c '[.interleaved, .boots]' <<<"$r")" "[0,1]" "$label: never two" ||
        diag "$r"
    power_on $from; xenstored_start $from; agent_start $from; link_start $from
    alive link-$to || link_start $to
    stop xl-$from
    # If the witness could not tell, the host that returns without its guest
    # can: its agent releases the domain, and the copy is taken.
    wait_for 40 bound voip $to alone || { diag "$(ctl status voip 2>&1)"; exit 1; }
    from=$to
done
done
