#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The primary's power is cut, and a part of the rest is killed in the midst of
# the failover and started again: at the cut, about the suspicion, about the
# grant, about the resume.  The survivor serves in the end, and never two.
# A witness that was restarted before it was asked cannot tell a dead node from
# one that it has not seen yet: then nobody serves, and `status` says why.
. "$(dirname "$0")/dts.sh"
delays="0.0 0.510"
[ "$FULL" = no ] || delays="0.0 0.400 0.500 0.505 0.510 0.515 0.520 0.540 0.600 0.650"
parts="agent-B agent-G switch-B switch-G ovsdb-B ovsdb-G db-G"
n=0
for d in $delays; do for p in $parts; do n=$((n + 1)); done; done
plan $((2 * n))
dts_up_xl || { fail "the system comes up"; exit 1; }
from=hostA
restart() {     # restart WHAT NODE
    local name=$1-$2
    case $1 in switch) name=vswitchd-$2 ;; db) name=db ;; esac
    stop $name KILL
    sleep 0.5
    case $1 in
    agent) agent_start $2 ;;
    switch) vswitchd_start $2 ;;
    ovsdb) ovsdb_start $2 ;;
    db) db_start ;;
    esac
}
for d in $delays; do
for p in $parts; do
    to=hostB; [ $from = hostA ] || to=hostA
    node=gw1; [ ${p#*-} = G ] || node=$to
    label="${p%-*} on $([ $node = gw1 ] && echo gw1 || echo the survivor) killed $d s after the cut"
    if ! wait_for 40 eval "alive xl-$from || protect $from; protected $from" ||
        ! wait_for 20 bfd_up hostA || ! wait_for 20 bfd_up hostB; then
        fail "$label: protected"; diag "$(ctl status voip 2>&1)"
        exit 1
    fi
    probe_start p $IP --interval 10
    wait_for 10 served p $from
    g=$(binding voip generation)
    power_cut $from
    sleep $d
    restart ${p%-*} $node
    survives() { served p $to && bound voip $to alone $((g + 1)); }
    undecided() {
        case $p in agent-G|switch-G) ;; *) return 1 ;; esac
        unserved p && ctl status voip | grep -q "the witness has not confirmed"
    }
    limit=60; case $p in agent-G|switch-G) limit=8 ;; esac
    ok "$label: the survivor serves, or the witness is said to know nothing" \
        eval "wait_for $limit survives || undecided" ||
        diag "$(ctl status voip 2>&1)" "$to: $(domains $to)"
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
