#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# What happens when a part of the chain is killed, stopped or fed rubbish, on
# one of $sides: who serves in the end, what the binding and `dts-ctl status`
# say; and never two.
. "$(dirname "$0")/dts.sh"
rows=()
row() { case " $sides " in *" $1 "*) rows+=("$*") ;; esac; }
full() { [ "$FULL" != yes ] || row "$@"; }
# What status says, its lines joined (a point is any character, also a blank).
ALONE="NOT.PROTECTED.*no.copy.may.take.over"
COPY="protected.since.*hostB.holds.a.copy.that.can.go.on"
#   side  what     how          expected: owner, state (several: any), status
row A     link     KILL         hostA alone             "$ALONE"
row A     shim     KILL         hostA alone             "$ALONE"
row A     helper   KILL         hostA alone             "$ALONE"
row A     xl       KILL         hostA alone             "$ALONE"
row A     agent    KILL+START   hostA protected,alone   "$COPY|$ALONE"
row A     all      KILL         hostA alone             "$ALONE"
row B     link     KILL         hostA alone,protected   "$ALONE|$COPY"
row B     shim     KILL         hostA alone             "$ALONE"
row B     helper   KILL         hostA alone             "$ALONE"
row B     xl       KILL         hostA alone             "$ALONE"
row B     agent    KILL+START   hostA protected,alone   "$COPY|$ALONE"
row B     all      KILL         hostA alone             "$ALONE"
row A     link     STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
row A     agent    STOP+CONT    hostA protected,alone   "$COPY|$ALONE"
row A     three    STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
row B     link     STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
row B     agent    STOP+CONT    hostA protected,alone   "$COPY|$ALONE"
row B     three    STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
row A     switch   KILL+START   hostA protected,alone   "$COPY|$ALONE"
row B     switch   KILL+START   hostA protected,alone   "$COPY|$ALONE"
row A     ovsdb    KILL+START   hostA protected,alone   "$COPY|$ALONE"
row B     ovsdb    KILL+START   hostA protected,alone   "$COPY|$ALONE"
row G     agent    KILL+START   hostA protected         "$COPY"
row G     switch   KILL+START   hostA protected         "$COPY"
row G     ovsdb    KILL+START   hostA protected         "$COPY"
row G     db       KILL+START   hostA protected         "$COPY"
row A     a-to-b   CUT+JOIN     hostA alone,protected   "$ALONE|$COPY"
row A     b-to-a   CUT+JOIN     hostA alone             "$ALONE"
row A     tcp      RESET        hostA alone             "$ALONE"
row A     stream   CORRUPT      hostA alone             "$ALONE"
row B     stream   CORRUPT      hostA alone             "$ALONE"
# A unit that is stopped, as systemd does it: the sessions go on.
row A     agent    TERM         hostA protected         "$COPY"
row B     listener TERM         hostA protected         "$COPY"
full B    agent    TERM         hostA protected         "$COPY"
full G    agent    TERM         hostA protected         "$COPY"
full A    shim     STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full A    helper   STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full A    xl       STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full B    shim     STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full B    helper   STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full B    xl       STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
# In the midst of the first copy.
row A     1:link   KILL         hostA alone             "$ALONE"
full A    1:shim   KILL         hostA alone             "$ALONE"
full A    1:helper KILL         hostA alone             "$ALONE"
full A    1:xl     KILL         hostA alone             "$ALONE"
full A    1:three  STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full A    1:agent  KILL+START   hostA protected,alone   "$COPY|$ALONE"
full A    1:b-to-a CUT+JOIN     hostA alone             "$ALONE"
full B    1:link   KILL         hostA alone             "$ALONE"
full B    1:shim   KILL         hostA alone             "$ALONE"
full B    1:helper KILL         hostA alone             "$ALONE"
full B    1:xl     KILL         hostA alone             "$ALONE"
full B    1:three  STOP+CONT    hostA alone,protected   "$ALONE|$COPY"
full B    1:agent  KILL+START   hostA protected,alone   "$COPY|$ALONE"
plan $((3 * ${#rows[@]}))
dts_up_xl || { fail "the system comes up"; exit 1; }
# A switch that starts again, which takes half a second, is not a dead host.
ctl global-set heartbeat=150 peer-timeout=1500 bfd-min-tx=300

# parts WHAT: the patterns of its processes, one a line.
parts() {
    case $1 in
    link) echo "dts-link" ;;
    shim) echo "^[^ ]*dts-save-helper|lt-dts-save-helper" ;;
    helper) echo "python3.*fakehelper.py" ;;
    xl) echo "python3.*fakexl.py (remus|migrate-receive)" ;;
    three) parts shim; parts helper; parts xl ;;
    all) parts link; parts three ;;
    esac
}
# act NODE WHAT HOW: fails, and says why, when there was nothing to do it to.
act() {
    local node=$1 what=$2 how=$3 name found pids part
    case $what in
    agent|switch|ovsdb|db|listener)
        name=$what-$node
        case $what in switch) name=vswitchd-$node ;; db) name=db ;; listener) name=link-$node ;; esac
        alive $name || { diag "no process: $name"; return 1; }
        case $how in
        TERM) stop $name TERM ;;
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
        *) diag "cannot do $how to $name"; return 1 ;;
        esac
        return ;;
    a-to-b|b-to-a)
        name=LOCAL; [ $what = a-to-b ] || name=r0
        on hostA ovs-ofctl add-flow br-r "priority=100,in_port=$name,actions=drop" || return 1
        sleep $((3 * SLOW))
        on hostA ovs-ofctl del-flows br-r "in_port=$name"
        return ;;
    tcp) reset_tcp; return ;;
    stream)
        touch $W/$node/xen/corrupt
        wait_for 10 test -e $W/$node/xen/corrupted || { diag "nobody has read a corrupt header"; return 1; }
        return ;;
    esac
    found=
    while read -r part; do
        pids=$(processes $node "$part")
        [ -n "$pids" ] || { diag "no process on $node: $part"; return 1; }
        found+=" $pids"
    done < <(parts $what)
    [ -n "$found" ] || { diag "what is $what?"; return 1; }
    case $how in
    KILL) kill -KILL $found ;;
    STOP+CONT) kill -STOP $found; sleep $((3 * SLOW)); kill -CONT $found 2>/dev/null ;;
    *) diag "cannot do $how to $what"; return 1 ;;
    esac
    return 0
}
# The replication's TCP connection is reset, at both ends, as by a firewall that
# has forgotten it.
reset_tcp() {
    local n
    for n in "hostA sport" "hostB dport"; do
        set -- $n
        nsenter --net=/run/netns/$P$1 nft -f - <<END || return 1
table inet dts_reset {
    chain in {
        type filter hook input priority 0;
        tcp flags & rst == 0 tcp $2 6646 counter reject with tcp reset
    }
}
END
    done
    sleep 1
    for n in hostA hostB; do
        nsenter --net=/run/netns/$P$n nft list table inet dts_reset | grep -q 'counter packets [1-9]' || {
            diag "nothing was reset at $n"; return 1; }
        nsenter --net=/run/netns/$P$n nft delete table inet dts_reset
    done
}
declare -A NODE_OF=([A]=hostA [B]=hostB [G]=gw1)
fresh() {       # The guest runs on hostA alone, hostB is empty, links run.
    local n d
    stop xl-hostA KILL
    alive agent-gw1 || agent_start gw1
    for n in hostA hostB; do
        alive agent-$n || agent_start $n
        alive link-$n || link_start $n
        for d in $(on $n xl list | awk '{print $1}'); do
            [ "$n/$(on $n xenstore-read /local/domain/$d/name)" = hostA/voip ] ||
                on $n xl destroy $d
        done
    done
    rm -f $W/host?/xen/corrupt $W/host?/xen/corrupted
    if ! on hostA xl list | grep -q 'voip r'; then
        on hostA xl destroy voip 2>/dev/null
        on hostA xl create voip $MAC $IP $IP6 >/dev/null
    fi
    wait_for 40 bound voip hostA alone && wait_for 40 reaches $IP &&
        wait_for 20 bfd_up hostA && wait_for 20 bfd_up hostB
}
# How often it was told that the domain went on alone.
n_alone() { db_get Event type domain=voip type=alone | wc -l; }
# says ERE: status does, and if it is that nobody protects it, an Event does too.
says() {
    local text
    text=$(ctl status voip | tr -s ' \n' ' ')
    echo "$text"
    grep -Eq "^voip: runs on $owner .*($1)" <<<"$text" &&
        { ! grep -q "NOT PROTECTED" <<<"$text" || [ $first = yes ] || [ $(n_alone) -gt $told ]; }
}
outcome() {
    local s
    for s in ${states//,/ }; do
        bound voip $owner $s && return 0
    done
    return 1
}
copying() { [ -n "$(processes hostB "fakehelper.py --restore")" ]; }
# lost LABEL: what cannot be tested has failed.
lost() { fail "$1: what status says"; fail "$1: never two"; }
for r in "${rows[@]}"; do
    read -r node what how owner states status <<<"$r"
    node=${NODE_OF[$node]} first=no
    label="$what on $node, $how"
    case $what in 1:*) what=${what#1:} first=yes label="$what on $node in the first copy, $how" ;; esac
    if ! fresh; then
        fail "$label: set up"; diag "$(ctl status voip 2>&1)" "$(domains hostA) / $(domains hostB)"
        lost "$label"; continue
    fi
    probe_start p $IP --interval 10
    if [ $first = yes ]; then
        BED_ENV+=" DTS_FAKE_COPY_MS=3000"
        protect hostA
        BED_ENV=${BED_ENV% DTS_FAKE_COPY_MS=3000}
        wait_for 20 copying || diag "no copy begins"
    elif ! protect_and_wait hostA; then
        fail "$label: protected"; diag "$(ctl status voip 2>&1)"
        lost "$label"; probe_stop p >/dev/null; continue
    fi
    wait_for 10 served p hostA
    told=$(n_alone)
    if ! act $node $what $how; then
        fail "$label: done"; lost "$label"; probe_stop p >/dev/null; continue
    fi
    sleep $((2 * SLOW))
    ok "$label: $owner serves, $states" wait_for 40 eval 'outcome && served p $owner' ||
        diag "$(ctl status voip 2>&1)" "hostA: $(domains hostA) hostB: $(domains hostB)"
    ok "$label: status says so" wait_for 10 says "$status" || diag "$(says "$status")"
    sleep 1
    res=$(probe_stop p)
    two=$(domains hostB | grep -c 'voip:r')
    safe is "$(jq -c '[[.hosts[] | .[0]], .boots, .back]' <<<"$res") $two" \
        '[["hostA"],1,0] 0' "$label: never two, nothing rolled back" || diag "$res"
done
