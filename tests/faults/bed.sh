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
variant=one on_loss=stop
other() { if [ $1 = hostA ]; then echo hostB; else echo hostA; fi; }
node_of() {     # node_of TARGET: by its last letter.
    case $1 in *-A) echo hostA ;; *-B) echo hostB ;; *-H) echo gw2 ;; *) echo gw1 ;; esac
}
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
# The second gateway: on the same clients' segment, which becomes a hub, so that
# whatever either of them lets through is seen, and with an underlay of its own.
gateway2_up() {
    local n s
    [ -z "$FAKETIME" ] || { mkdir -p $W/gw2; echo +0 >$W/gw2/clock; }
    mkdir -p $W/gw2/ovs $W/gw2/dts $W/gw2/xen
    ns_add ${P}gw2
    ip link add m0 netns ${P}gw2 type veth peer name mH netns ${P}gw1
    ip -n ${P}gw2 addr add ${MGMT[gw2]}/24 dev m0
    ip -n ${P}gw1 addr add ${MGMT[gw2]%.*}.254/24 dev mH
    link_set up gw1 mH; link_set up gw2 m0
    CABLES[gw1]+=" mH" CABLES[gw2]="vA vB m0 cli0"
    for n in hostA hostB; do
        s=${SHORT[$n]}
        ip link add v0 mtu $MTU netns $P$n type veth peer name v$s mtu $MTU netns ${P}gw2
        link_set up $n v0; link_set up gw2 v$s
        CABLES[$n]+=" v0"
        ovs $n add-br br-v -- set bridge br-v datapath_type=netdev -- add-port br-v v0
        underlay2 $n
    done
    ip -n ${P}client -batch - <<END
addr flush dev eth0
link set eth0 down
link set eth0 name hub1
link add eth0 type bridge
link set hub1 up master eth0
END
    ip link add cli0 mtu $MTU netns ${P}gw2 type veth peer name hub2 netns ${P}client
    link_set up gw2 cli0
    ip -n ${P}client -batch - <<END
link set hub2 up master eth0
link set hub1 type bridge_slave learning off
link set hub2 type bridge_slave learning off
link set eth0 up
addr add $CLIENT_IP/24 dev eth0
addr add $CLIENT_IP6/64 dev eth0 nodad
END
    for n in hub2 eth0; do no_offload ${P}client $n; done
    ovsdb-tool create $W/gw2/ovs/conf.db /usr/share/openvswitch/vswitch.ovsschema
    ovsdb_start gw2
    ovs gw2 --no-wait -- init -- set Open_vSwitch . \
        other_config:n-revalidator-threads=1 other_config:n-handler-threads=1 \
        other_config:max-idle=10000 -- add-br br-u -- set bridge br-u \
        datapath_type=netdev -- add-port br-u vA -- add-port br-u vB
    vswitchd_start gw2 || return 1
    ctl node-add gw2 --roles=gateway --site=four --ip=${UNDERLAY[gw2]} &&
    ctl tunnel-set hostA gw2 hostA=10.12.0.1 gw2=${UNDERLAY[gw2]} &&
    ctl tunnel-set hostB gw2 hostB=10.12.0.2 gw2=${UNDERLAY[gw2]} || return 1
    ovs gw2 set Open_vSwitch . external_ids:dts-node=gw2 \
        external_ids:dts-remote="$(remote_of gw2)" \
        external_ids:dts-encap-ip=${UNDERLAY[gw2]} \
        external_ids:dts-bridge-datapath-type=netdev
    NODES+=" gw2"
    agent_start gw2
}
underlay2() {
    wait_for 30 ip -n $P$1 link show br-v || return 1
    ip -n $P$1 link set br-v mtu $MTU up
    ip -n $P$1 addr replace ${UNDERLAY[$1]/10.10./10.12.}/24 dev br-v
}
eval "plain_$(declare -f vswitchd_ready)"
vswitchd_ready() {
    plain_vswitchd_ready $1 || return 1
    case " ${CABLES[$1]} " in *" v0 "*) underlay2 $1 ;; esac
}
# vary one|two|closed: the gateways of the next cell.
vary() {
    local gateways=gw1:cli0,gw2:cli0 loss=static
    [ $variant != $1 ] || return 0
    [ $1 = one ] || [ -d $W/gw2 ] || gateway2_up || return 1
    case $1 in one) gateways=gw1:cli0 ;; closed) loss=closed ;; esac
    ctl network-set voice gateway=$gateways on-database-loss=$loss && variant=$1
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
    db) echo db ;;
    switch-*) echo vswitchd-$(node_of $1) ;;
    *) echo ${1%-*}-$(node_of $1) ;;
    esac
}
# Owner and standby at the cell's beginning are $owner and $standby; targets
# say `owner`, `standby`, `gateway` and `gateway2` for them.
target_of() {
    local t=$1
    t=${t/-owner/-${SHORT[$owner]}} t=${t/-standby/-${SHORT[$standby]}}
    t=${t/-gateway2/-H}
    echo ${t/-gateway/-G}
}
pids_of_target() {
    case $1 in
    sender) processes $owner "dts-link .*voip|dts-save-helper --save|fakexl.py remus|fakehelper.py --save" ;;
    receiver) processes $standby "dts-save-helper --restore|fakexl.py migrate-receive|fakehelper.py --restore" ;;
    link) processes $standby "dts-link .*--listen" ;;
    copy-*) processes $standby "$(one_of ${1#*-} restore receive)" ;;
    own-*) processes $owner "$(one_of ${1#*-} save remus)" ;;
    dom0-*) ip netns pids $P$(node_of $1) | xargs ;;
    *) pid_of $(name_of $1) ;;
    esac
}
# one_of link|shim|helper|xl save|restore remus|receive: a single process of a
# stream's end.
one_of() {
    case $1 in
    link) echo "dts-link .*voip" ;;
    shim) echo "dts-save-helper --$2" ;;
    helper) echo "python3.*fakehelper.py --$2" ;;
    xl) echo "python3.*fakexl.py (migrate-)?$3" ;;
    esac
}
start_again() {
    local n
    n=$(node_of $1)
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
    wire-all-*)
        echo $(wires wire-repl) $(wires wire-clients-${1##*-}) $(wires wire-db-${1##*-})
        [ $variant = one ] || echo $(node_of $1) v0 gw2 v${1##*-} ;;
    wire-db-H) echo gw2 m0 gw1 mH ;;
    wire-clients-H) echo hostA v0 gw2 vA hostB v0 gw2 vB ;;
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
    cut-long) cut_wire down $w; nap 16; cut_wire up $w ;;
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
        p=$(node_of $t)
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
    *:released) echo "$o ->.released" ;;
    *:granted) echo "$s told.the.link:.(commit|granted)" ;;
    *:fenced) echo "$s told.the.gate:.granted" ;;
    *:resumed) echo "$s granted..->.alone" ;;
    esac
}
begin_scenario() {
    case $1 in
    loss) power_cut $owner ;;
    partition) cut repl ;;
    switch) ctl switch voip $standby >/dev/null ;;
    crash) on $owner xl crash voip ;;
    esac
}
heal_scenario() {
    case $1 in
    loss)
        power_on $owner; xenstored_start $owner; agent_start $owner; link_start $owner ;;
    partition) join_cable repl ;;
    esac
}

# calm VARIANT: the guest runs on one host, the other is empty, all daemons run.
calm() {
    local n d
    for n in $NODES; do
        alive vswitchd-$n || vswitchd_start $n
        alive agent-$n || agent_start $n
    done
    for n in hostA hostB; do
        stop xl-$n KILL
        alive xenstored-$n || xenstored_start $n
        alive link-$n || link_start $n
    done
    vary $1 || return 1
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
        wait_for 30 bfd_up hostA && wait_for 30 bfd_up hostB || return 1
    [ $variant = one ] || wait_for 30 fenced_by_all "$(binding voip generation)"
}
fenced_by_all() {       # Both gateways have written what they carry.
    [ "$(db '{"op":"select","table":"Fence","where":[],"columns":["_uuid","generations"]}' |
        jq "[.[0].rows[].generations[1][] | select(.[0] == \"voip\" and .[1] >= $1)] | length")" = 2 ]
}

# cell SCENARIO[@VARIANT]:STEP:TARGET:FAULT[:AFTER]: prints the judge's JSON,
# returns 1 when it could not be carried out.  Not for a subshell: it keeps what
# it has started, and how the bed is, in variables.
calmed() { :; } # What a run of cells does between them, when all is at rest.
cell() {
    local name=$1 scenario step t kind after log regex pids armed healed expect=served
    local want=one wait_loss=stop gap_bound=null copies_of_each=1
    IFS=: read -r scenario step t kind after <<<"$1"
    case $scenario in *@*) want=${scenario#*@} scenario=${scenario%@*} copies_of_each=2 ;; esac
    local dir=$W/cell
    rm -rf $dir; mkdir -p $dir
    calm $want || { echo "set-up: no calm: $(ctl status voip 2>&1 | head -n 3)"; return 1; }
    calmed
    [ $scenario != crash ] || wait_loss=failover
    [ $on_loss = $wait_loss ] || ctl domain-set voip on-loss=$wait_loss && on_loss=$wait_loss
    protect_and_wait $owner || { echo "set-up: not protected"; return 1; }
    t=$(target_of $t)
    pids=$(pids_of_target $t)
    case $t in wire-* | nothing) ;; *) [ -n "$pids" ] || { echo "no process: $t"; return 1; } ;; esac
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
    # A gateway that is silent and `closed` is waited for no longer than its lease.
    [ $want:$kind != closed:cut-long ] || gap_bound=$((14000 * SLOW))
    local end_wait=$((12 * SLOW)) bound=$((12000 * SLOW))
    # Of whom nothing is left but the standby's copy, only the standby can.
    serves() {
        served p $standby && return
        case $scenario in loss | crash) return 1 ;; *) served p $owner ;; esac
    }
    case $scenario:$kind in
    switch:none) wait_for 12 bound voip $standby alone ;;
    partition:none) wait_for 12 bound voip $owner alone ;;
    esac
    if ! wait_for $end_wait serves 2>/dev/null; then
        # Nobody can tell, or nobody has a copy: the rest comes back too.
        ctl status voip >$dir/undecided 2>&1
        heal_scenario $scenario >$dir/heal 2>&1
        # A copy that was killed with its only host is gone, and so is a guest
        # that crashed when its stream had ended: that must be said.
        case $scenario:$t in *:receiver | *:link | *:copy-* | crash:sender) expect=either ;; esac
        healed=$(uptime_now) bound=$((40000 * SLOW)) scenario=healed
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
        --argjson rollback $((60 * SLOW * copies_of_each)) --argjson gap $gap_bound '
        {cell: $cell, log: $log, status: $status, expect: $expect, rollback: $rollback,
         running: ($running | split(" ")), copies: ($copies | split(" ")),
         binding: [$owner, $state], healed_mono: $healed, end_mono: $until, bound_ms: $bound,
         gap_bound_ms: $gap}' >$dir/cell.json
    $PY $F/judge.py $dir/cell.json | jq -c --arg step $armed '. + {step_reached: $step}'
}

# ---------------------------------------------------------------- for runs of them

# judged NAME: the judge's JSON in any case.
judged() {
    if ! cell "$1" >$W/cell.out 2>$W/cell.err; then
        not_carried_out "$1" "$(cat $W/cell.out; tail -n 12 $W/cell.err)"
    else
        cat $W/cell.out
    fi
}
not_carried_out() {
    jq -nc --arg c "$1" --arg why "not carried out: $2" '{cell: $c, ok: false, violations: [$why]}'
}
keep_logs() {   # keep_logs DIR: what all have written, and what was seen.
    local n
    mkdir -p "$1" && cp -r $W/cell $W/cell.err "$1/"
    for n in $NODES; do
        mkdir -p "$1/$n" && cp $W/$n/*.log $W/$n/dts/*.log $W/$n/ovs/*.log "$1/$n/"
    done 2>/dev/null
}
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }
# progress DONE OF SECONDS
progress() { echo "$1 of $2, $(minutes $3), about $(minutes $(($3 * ($2 - $1) / $1))) to go"; }
