#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What happens when a part of the chain is killed, stopped or fed rubbish, on
# one of $sides: who serves in the end, what the binding says; and never two.
. "$(dirname "$0")/dts.sh"
rows=()
row() { case " $sides " in *" $1 "*) rows+=("$*") ;; esac; }
#   side  what   how            expected: owner, state (several: any of them)
row A     link   KILL           hostA alone
row A     shim   KILL           hostA alone
row A     helper KILL           hostA alone
row A     xl     KILL           hostA alone
row A     agent  KILL+START     hostA protected,alone
row A     all    KILL           hostA alone
row B     link   KILL           hostA alone,protected
row B     shim   KILL           hostA alone
row B     helper KILL           hostA alone
row B     xl     KILL           hostA alone
row B     agent  KILL+START     hostA protected,alone
row B     all    KILL           hostA alone
row A     link   STOP+CONT      hostA alone,protected
row A     agent  STOP+CONT      hostA protected,alone
row B     link   STOP+CONT      hostA alone,protected
row B     agent  STOP+CONT      hostA protected,alone
row A     switch KILL+START     hostA protected,alone
row B     switch KILL+START     hostA protected,alone
row A     ovsdb  KILL+START     hostA protected,alone
row B     ovsdb  KILL+START     hostA protected,alone
row G     agent  KILL+START     hostA protected
row G     switch KILL+START     hostA protected
row G     ovsdb  KILL+START     hostA protected
row G     db     KILL+START     hostA protected
row A     a-to-b CUT+JOIN       hostA alone,protected
row A     b-to-a CUT+JOIN       hostA alone
row A     stream CORRUPT        hostA alone
row A     first  KILL           hostA alone
if [ "$FULL" = yes ]; then
    row A shim   STOP+CONT      hostA alone,protected
    row A helper STOP+CONT      hostA alone,protected
    row A xl     STOP+CONT      hostA alone,protected
    row B shim   STOP+CONT      hostA alone,protected
    row B helper STOP+CONT      hostA alone,protected
    row B xl     STOP+CONT      hostA alone,protected
fi
plan $((2 * ${#rows[@]}))
dts_up_xl || { fail "the system comes up"; exit 1; }
# A switch that starts again, which takes half a second, is not a dead host.
ctl global-set heartbeat=150 peer-timeout=1500 bfd-min-tx=300

pattern() {
    case $1 in
    link) echo "dts-link" ;;
    shim) echo "^[^ ]*dts-save-helper|lt-dts-save-helper" ;;
    helper) echo "python3.*fakehelper.py" ;;
    xl) echo "python3.*fakexl.py (remus|migrate-receive)" ;;
    all) echo "dts-link|dts-save-helper|fakexl.py (remus|migrate-receive)" ;;
    esac
}
act() {         # act NODE WHAT HOW
    local node=$1 what=$2 how=$3 name pids
    case $what in
    agent|switch|ovsdb|db)
        name=$what-$node
        [ $what != switch ] || name=vswitchd-$node
        [ $what != db ] || name=db
        case $how in
        KILL+START)
            stop $name KILL
            [ $what = switch ] || sleep 1
            case $what in
            agent) agent_start $node ;;
            switch) vswitchd_start $node ;;
            ovsdb) ovsdb_start $node ;;
            db) db_start ;;
            esac ;;
        STOP+CONT) signal STOP $name; sleep $((3 * SLOW)); signal CONT $name ;;
        esac
        return ;;
    a-to-b|b-to-a)
        name=LOCAL; [ $what = a-to-b ] || name=r0
        on hostA ovs-ofctl add-flow br-r "priority=100,in_port=$name,actions=drop"
        sleep $((3 * SLOW))
        on hostA ovs-ofctl del-flows br-r "in_port=$name"
        return ;;
    stream) touch $W/hostA/xen/corrupt; return ;;
    first) what=link ;;
    esac
    pids=$(processes $node "$(pattern $what)")
    [ -n "$pids" ] || { diag "no process: $what on $node"; return 1; }
    case $how in
    KILL) kill -KILL $pids ;;
    STOP+CONT) kill -STOP $pids; sleep $((4 * SLOW)); kill -CONT $pids 2>/dev/null ;;
    esac
}
declare -A NODE_OF=([A]=hostA [B]=hostB [G]=gw1)
fresh() {       # The guest runs on hostA alone, hostB is empty, links run.
    local n d
    stop xl-hostA KILL
    for n in hostA hostB; do
        alive agent-$n || agent_start $n
        alive link-$n || link_start $n
        for d in $(on $n xl list | awk '{print $1}'); do
            [ "$n/$(on $n xenstore-read /local/domain/$d/name)" = hostA/voip ] ||
                on $n xl destroy $d
        done
    done
    rm -f $W/hostA/xen/corrupt
    if ! on hostA xl list | grep -q 'voip r'; then
        on hostA xl destroy voip 2>/dev/null
        on hostA xl create voip $MAC $IP $IP6 >/dev/null
    fi
    wait_for 40 bound voip hostA alone && wait_for 40 reaches $IP &&
        wait_for 20 bfd_up hostA && wait_for 20 bfd_up hostB
}
i=0
for r in "${rows[@]}"; do
    set -- $r
    node=${NODE_OF[$1]} what=$2 how=$3 owner=$4 states=$5
    label="$what on $node, $how"
    if ! fresh; then
        fail "$label: set up"; diag "$(ctl status voip 2>&1)" "$(domains hostA) / $(domains hostB)"
        fail "$label: never two"; continue
    fi
    boot=$(guest hostA "$(on hostA xl domid voip)" state | jq -r .boot)
    probe_start p $IP --interval 10
    if [ $what = first ]; then
        BED_ENV+=" DTS_FAKE_COPY_MS=3000"
        protect hostA
        sleep 1.5
        BED_ENV=${BED_ENV% DTS_FAKE_COPY_MS=3000}
    elif ! protect_and_wait hostA; then
        fail "$label: protected"; diag "$(ctl status voip 2>&1)"
        fail "$label: never two"; probe_stop p >/dev/null; continue
    fi
    wait_for 10 served p hostA
    act $node $what $how
    outcome() {
        local s
        for s in ${states//,/ }; do
            bound voip $owner $s && return 0
        done
        return 1
    }
    sleep $((2 * SLOW))
    ok "$label: $owner serves, $states" wait_for 40 eval 'outcome && served p $owner' ||
        diag "$(ctl status voip 2>&1)" "hostA: $(domains hostA) hostB: $(domains hostB)"
    sleep 1
    res=$(probe_stop p)
    two=$(domains hostB | grep -c 'voip:r')
    safe is "$(jq -c '[[.hosts[] | .[0]], .boots, .back]' <<<"$res") $two" \
        '[["hostA"],1,0] 0' "$label: never two, nothing rolled back" || diag "$res"
done
