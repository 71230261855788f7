# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2046
#
# One cell of the fault matrix on the network namespace bed: what happens to
# the domain (a scenario), what is done to whom at which step of it, and what
# an outsider saw.  The judgement is judge.py's, which knows nothing of this.

. "$(dirname "${BASH_SOURCE[0]}")/../netns/dts.sh"
F=$SRC/tests/faults
FAKETIME=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1)

db_file=gw1/db/dts.db
uptime_now() { local t; read -r t _ </proc/uptime; echo $t; }
other() { if [ $1 = hostA ]; then echo hostB; else echo hostA; fi; }
letter() { case $1 in hostA) echo A ;; hostB) echo B ;; gw1) echo G ;; esac; }
nap() { sleep "$(awk "BEGIN { print $1 * $SLOW }")"; }

# The database has a small disk of its own, and each agent a clock.
faults_up() {
    mkdir -p $W/gw1/db
    mount -t tmpfs -o size=6m dts-faults $W/gw1/db || skip_all "cannot mount a tmpfs"
    if [ -n "$FAKETIME" ]; then
        local n
        for n in $NODES; do mkdir -p $W/$n; echo +0 >$W/$n/clock; done
    fi
    dts_up_xl
}
# agent_start as the other tests have it, with a clock that can be stepped.
eval "plain_$(declare -f agent_start)"
agent_start() {
    local saved=$BED_ENV rc
    [ -z "$FAKETIME" ] ||
        BED_ENV+=" LD_PRELOAD=$FAKETIME FAKETIME_TIMESTAMP_FILE=$W/$1/clock FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1"
    plain_agent_start "$@"; rc=$?
    BED_ENV=$saved
    return $rc
}

# ---------------------------------------------------------------- who and what

name_of() {     # name_of TARGET: as bed_up, dts_up recorded it.
    case $1 in
    agent-A) echo agent-hostA ;; agent-B) echo agent-hostB ;; agent-G) echo agent-gw1 ;;
    switch-A) echo vswitchd-hostA ;; switch-B) echo vswitchd-hostB ;; switch-G) echo vswitchd-gw1 ;;
    ovsdb-A) echo ovsdb-hostA ;; ovsdb-B) echo ovsdb-hostB ;; ovsdb-G) echo ovsdb-gw1 ;;
    db) echo db ;;
    esac
}
# Owner and standby at the cell's beginning are $owner and $standby; targets
# say `owner`, `standby` and `gateway` for them.
target_of() {
    local t=$1
    t=${t/-owner/-$(letter $owner)} t=${t/-standby/-$(letter $standby)}
    echo ${t/-gateway/-G}
}
pids_of_target() {
    case $1 in
    sender) processes $owner "dts-link .*voip|dts-save-helper --save|fakexl.py remus|fakehelper.py --save" ;;
    receiver) processes $standby "dts-save-helper --restore|fakexl.py migrate-receive|fakehelper.py --restore" ;;
    link) processes $standby "dts-link .*--listen" ;;
    *) pid_of $(name_of $1) ;;
    esac
}
start_again() {
    local n
    case $1 in
    agent-A | switch-A | ovsdb-A) n=hostA ;;
    agent-B | switch-B | ovsdb-B) n=hostB ;;
    *) n=gw1 ;;
    esac
    case $1 in
    agent-*) agent_stop $n KILL; agent_start $n ;;
    switch-*) stop vswitchd-$n KILL; vswitchd_start $n ;;
    ovsdb-*) stop ovsdb-$n KILL; ovsdb_start $n ;;
    db) stop db KILL; db_start ;;
    link) stop link-$standby KILL; link_start $standby ;;
    esac
}
wires() {       # wires TARGET: "NODE INTERFACE" of both ends.
    case $1 in
    wire-repl) echo hostA r0 hostB r0 ;;
    wire-clients-A) echo hostA u0 gw1 uA ;;
    wire-clients-B) echo hostB u0 gw1 uB ;;
    wire-db-A) echo hostA m0 gw1 mA ;;
    wire-db-B) echo hostB m0 gw1 mB ;;
    esac
}
lossy() {       # lossy PERCENT NODE INTERFACE...: of what leaves there.
    local percent=$1; shift
    while [ $# -gt 0 ]; do
        nsenter --net=/run/netns/$P$1 nft -f - <<END
table netdev faults_$2
delete table netdev faults_$2
table netdev faults_$2 {
    chain out {
        type filter hook egress device $2 priority 0;
        numgen random mod 100 < $percent drop
    }
}
END
        shift 2
    done
}
lossless() {
    while [ $# -gt 0 ]; do
        nsenter --net=/run/netns/$P$1 nft delete table netdev faults_$2 2>/dev/null
        shift 2
    done
}

# ---------------------------------------------------------------- a fault

# fault KIND TARGET: from its beginning to its end.  "pids" are the target's of
# when the cell was armed; "at once" it was begun by step.py already.
fault() {
    local kind=$1 t=$2 w p
    w=$(wires $t)
    case $kind in
    kill)
        nap 0.7
        start_again $t ;;
    stop-short) nap 1; kill -CONT $pids 2>/dev/null ;;
    stop-long) nap 8; kill -CONT $pids 2>/dev/null ;;
    memory)
        for p in $pids; do prlimit --pid $p --as=1000000; done 2>/dev/null
        nap 2
        for p in $pids; do prlimit --pid $p --as=unlimited; done 2>/dev/null
        case $t in
        sender | receiver) ;;
        *) [ -n "$(pid_of $(name_of $t))" ] || start_again $t ;;
        esac ;;
    cut) cut_wire down $w; nap 4; cut_wire up $w ;;
    one-way) lossy 100 ${w% * *}; nap 4; lossless $w ;;
    other-way) lossy 100 ${w#* * }; nap 4; lossless $w ;;
    flap)
        for p in 1 2 3 4 5 6; do
            cut_wire down $w; nap 0.3; cut_wire up $w; nap 0.4
        done ;;
    loss-5) lossy 5 $w; nap 6; lossless $w ;;
    loss-30) lossy 30 $w; nap 6; lossless $w ;;
    disk-full)
        dd if=/dev/zero of=$W/gw1/db/full bs=64k >/dev/null 2>&1
        nap 4
        rm -f $W/gw1/db/full
        db_has_leader || start_again db ;;
    clock)
        case $t in *-A) p=hostA ;; *-B) p=hostB ;; *) p=gw1 ;; esac
        echo +3600 >$W/$p/clock
        nap 3
        echo -3600 >$W/$p/clock
        nap 3
        echo +0 >$W/$p/clock ;;
    none) ;;
    esac
}
cut_wire() {
    local how=$1; shift
    while [ $# -gt 0 ]; do ip -n $P$1 link set $2 $how; shift 2; done
}
# What step.py does itself, at the very instant.
at_once() {
    case $1 in
    kill) echo kill KILL $pids ;;
    stop-short | stop-long) echo kill STOP $pids ;;
    esac
}

# ---------------------------------------------------------------- a scenario

# step_of SCENARIO STEP: "LOG REGEX" of the instant; "-" the scenario's start.
step_of() {
    local s=$W/$standby/dts/dts-agent.log o=$W/$owner/dts/dts-agent.log
    case $1:$2 in
    *:start) echo "- -" ;;
    loss:suspected) echo "$s is.suspected:.asking.the.witness" ;;
    partition:suspected) echo "$W/$owner/dts/dts-link-send.log peer.is.suspected" ;;
    partition:alone) echo "$o ..->.alone" ;;
    switch:quiesced) echo "$o frames.are.held" ;;
    switch:released) echo "$o ->.released" ;;
    loss:granted | switch:granted) echo "$s told.the.link:.(commit|granted)" ;;
    loss:fenced | switch:fenced) echo "$s told.the.gate:.granted" ;;
    loss:resumed | switch:resumed) echo "$s granted..->.alone" ;;
    esac
}
begin_scenario() {
    case $1 in
    loss) power_cut $owner ;;
    partition) cut repl ;;
    switch) ctl switch voip $standby >/dev/null ;;
    esac
}
heal_scenario() {
    case $1 in
    loss)
        power_on $owner; xenstored_start $owner; agent_start $owner; link_start $owner ;;
    partition) join_cable repl ;;
    esac
}

# calm: the guest runs on one host, the other is empty, all daemons run.
calm() {
    local n d ran
    for n in hostA hostB; do
        stop xl-$n KILL
        alive vswitchd-$n || vswitchd_start $n
        alive xenstored-$n || xenstored_start $n
        alive agent-$n || agent_start $n
        alive link-$n || link_start $n
    done
    owner=$(binding voip owner)
    wait_for 20 eval 'bound voip $owner alone || bound voip $owner stopped || bound voip $owner lost'
    owner=$(binding voip owner)
    standby=$(other $owner)
    for n in hostA hostB; do
        for d in $(on $n xl list | awk '{print $1}'); do
            [ "$n/$(on $n xenstore-read /local/domain/$d/name)" = $owner/voip ] ||
                on $n xl destroy $d
        done
    done
    if ! on $owner xl list | grep -q 'voip r'; then
        on $owner xl destroy voip 2>/dev/null
        on $owner xl create voip $MAC $IP $IP6 >/dev/null
    fi
    wait_for 40 bound voip $owner alone && wait_for 40 reaches $IP &&
        wait_for 30 bfd_up hostA && wait_for 30 bfd_up hostB
}

# cell SCENARIO:STEP:TARGET:FAULT[:AFTER]: prints the judge's JSON, returns 1
# when it could not be carried out.
cell() {
    local name=$1 scenario step t kind after log regex pids armed healed expect=served
    IFS=: read -r scenario step t kind after <<<"$1"
    local dir=$W/cell
    rm -rf $dir; mkdir -p $dir
    calm || { echo "set-up: no calm: $(ctl status voip 2>&1 | head -n 3)"; return 1; }
    protect_and_wait $owner || { echo "set-up: not protected"; return 1; }
    t=$(target_of $t)
    pids=$(pids_of_target $t)
    case $t in wire-*) ;; *) [ -n "$pids" ] || { echo "no process: $t"; return 1; } ;; esac
    probe_start p $IP --interval 10 --log $dir/replies
    wait_for 10 served p $owner || { echo "set-up: no service"; probe_stop p >/dev/null; return 1; }
    nap 0.5

    read -r log regex <<<"$(step_of $scenario $step)"
    $PY $F/step.py --timeout=$((30 * SLOW)) --after=${after:-0} "$log" "$regex" \
        $(at_once $kind) >$dir/instant 2>$dir/armed </dev/null &
    local stepper=$!
    [ "$log" = - ] || wait_for 5 eval "[ -s $dir/armed ] || [ ! -e $log ]"
    begin_scenario $scenario
    if wait $stepper; then
        armed=yes
        fault $kind $t >$dir/fault 2>&1
    else
        armed=no        # The step was never reached: that is for the judge.
    fi
    healed=$(uptime_now)
    local end_wait=$((12 * SLOW)) bound=$((12000 * SLOW))
    serves() { served p hostA || served p hostB; }
    settled() { serves && bound voip "$(live p host)" alone,protected; }
    if ! wait_for $end_wait serves 2>/dev/null; then
        # Nobody can tell, or nobody has a copy: the rest comes back too.
        ctl status voip >$dir/undecided 2>&1
        heal_scenario $scenario >$dir/heal 2>&1
        healed=$(uptime_now) bound=$((40000 * SLOW)) scenario=healed
        # A copy that was killed with its only host is gone: that must be said.
        [ "$t" != receiver ] || expect=either
        [ "$t" != link ] || expect=either
        wait_for 40 serves 2>/dev/null
    fi
    heal_scenario $scenario >>$dir/heal 2>&1
    wait_for 15 eval 'bound voip hostA alone || bound voip hostB alone || bound voip hostA protected || bound voip hostB protected' >/dev/null 2>&1
    nap 2
    ctl status voip >$dir/status 2>&1
    local end
    end=$(uptime_now)
    probe_stop p >$dir/probe.json
    local running= copies= n d
    for n in hostA hostB; do
        for d in $(domains $n); do
            case $d in
            voip:r) running+=${running:+ }$n ;;
            voip--incoming:*) copies+=${copies:+ }$n ;;
            esac
        done
    done
    jq -n --arg cell "$name" --arg log $dir/replies --arg status "$(cat $dir/status)" \
        --arg running "$running" --arg copies "$copies" --arg expect $expect \
        --arg owner "$(binding voip owner)" --arg state "$(binding voip state)" \
        --argjson healed "$healed" --argjson until "$end" --argjson bound "$bound" \
        --argjson rollback $((60 * SLOW)) '
        {cell: $cell, log: $log, status: $status, expect: $expect, rollback: $rollback,
         running: ($running | split(" ")), copies: ($copies | split(" ")),
         binding: [$owner, $state], healed_mono: $healed, end_mono: $until, bound_ms: $bound}' >$dir/cell.json
    [ -z "${KEEP_CELL-}" ] || { mkdir -p $KEEP_CELL; cp -r $dir $W/cell.err $KEEP_CELL/; }
    $PY $F/judge.py $dir/cell.json | jq -c --arg step $armed '. + {step_reached: $step}'
}
