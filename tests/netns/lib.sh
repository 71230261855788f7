# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
#
# The network namespace bed: two servers (hostA, hostB), a gateway (gw1) and a
# client, each a network namespace with an Open vSwitch (userspace datapath) of
# its own, joined as two sites are:
#
#   hostA --- r0 10.11.0.0/24 --- hostB        replication (tunnel 1's underlay)
#   hostA u0 --- uA [gw1] uB --- u0 hostB      10.10.0.0/24, tunnels 2 and 3
#   hostA m0 --- mA [gw1] mB --- m0 hostB      10.9.{1,2}.0/24, the database
#   gw1 cli0 --- eth0 client                   the clients' segment
#
# A test script sources this file, calls `plan N`, `bed_up`, and then `ok`, `is`
# and the like.  Everything that is started is recorded in $W/pids and ended by
# its recorded pid; a watchdog cleans up when the script is killed, and the next
# run cleans up when the machine was.  Nothing is put into the caller's own
# network namespace.
#
# $BUILD is the build directory, $SRC the source tree.

SRC=${SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
BUILD=${BUILD:-$SRC/_build/plain}
N=$SRC/tests/netns
PY="/usr/bin/python3 -B -s"
P=dts$$
W=${TMPDIR:-/tmp}/dts-bed.$$
FULL=${FULL:-no}
case $BUILD in *san) SLOW=3 ;; *) SLOW=1 ;; esac
. "$SRC/tests/second-try.sh"    # safe
PATH=$BUILD/tests/netns/bin:$PATH:/usr/sbin:/sbin:/usr/share/openvswitch/scripts
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
unset DTS_DB DTS_RUNDIR OVS_RUNDIR

NODES="hostA hostB gw1"
MTU=1600                        # Of the underlay.
declare -A SHORT=([hostA]=A [hostB]=B [gw1]=G [gw2]=H [client]=C)
declare -A UNDERLAY=([hostA]=10.10.0.1 [hostB]=10.10.0.2 [gw1]=10.10.0.3 [gw2]=10.12.0.3)
declare -A UNDERLAY6=([hostA]=fd10::1 [hostB]=fd10::2 [gw1]=fd10::3 [gw2]=fd12::3)
declare -A REPL=([hostA]=10.11.0.1 [hostB]=10.11.0.2)
declare -A MGMT=([hostA]=10.9.1.1 [hostB]=10.9.2.1 [gw2]=10.9.3.1)
declare -A CABLES=([hostA]="r0 u0 m0" [hostB]="r0 u0 m0" [gw1]="uA uB mA mB cli0")
CLIENT_IP=192.168.7.100 CLIENT_IP6=fd07::100
DB_PORT=6645

# ---------------------------------------------------------------- TAP

tests_done=0 tests_failed=0 planned=0
plan() { planned=$1; echo "1..$1"; }
diag() { sed 's/^/# /' <<<"$*"; }
pass() { tests_done=$((tests_done + 1)); echo "ok $tests_done - $*"; }
fail() {
    tests_done=$((tests_done + 1)); tests_failed=$((tests_failed + 1))
    echo "not ok $tests_done - $*$SAFETY"
}
skip() { tests_done=$((tests_done + 1)); echo "ok $tests_done - # SKIP $*"; }
skip_all() { echo "1..0 # SKIP $*"; planned=0; exit 77; }
# (`safe ok ...`, `safe is ...`: about safety, see tests/second-try.sh.)
# ok DESCRIPTION COMMAND...
ok() {
    local what=$1 out; shift
    if out=$("$@" 2>&1); then pass "$what"; else
        fail "$what"; diag "failed: $*"; [ -z "$out" ] || diag "$out"; return 1
    fi
}
# must ...: without it the rest makes no sense.
must() { ok "$@" || exit 1; }
not() { ! "$@"; }
# is GOT WANTED DESCRIPTION
is() {
    if [ "$1" = "$2" ]; then pass "$3"; else
        fail "$3"; diag "got:    $1"; diag "wanted: $2"; return 1
    fi
}
# wait_for SECONDS COMMAND...: polls until it succeeds.
wait_for() {
    local limit=$(($1 * SLOW)) end; shift
    end=$((SECONDS + limit))
    while ! "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "timed out after $limit s: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}
now_ms() { local t=${EPOCHREALTIME/./}; echo $((t / 1000)); }

# ---------------------------------------------------------------- clean-up

# kill_recorded DIR [SIGNAL]: the recorded processes that are still the same.
kill_recorded() {
    local f pid start
    for f in "$1"/pids/*; do
        [ -f "$f" ] || continue
        read -r pid start <"$f" || continue
        [ "$(start_of "$pid")" = "$start" ] && kill "-${2-KILL}" "$pid" 2>/dev/null
    done
}
start_of() {
    local s
    { s=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    s=${s##*) }
    set -- $s
    echo "${20}"
}
# bed_clean DIR PREFIX: also what children of the recorded ones left in our
# namespaces (and nothing else can be in those).
bed_clean() {
    local ns pids
    kill_recorded "$1"
    for ns in $(ip netns list | awk '{print $1}' | grep "^$2[A-Za-z]"); do
        pids=$(ip netns pids "$ns" 2>/dev/null | xargs)
        [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
        ip netns del "$ns" 2>/dev/null
    done
    umount "$1"/*/db 2>/dev/null        # The faults' small disk.
    rm -rf "$1"
}
bed_clean_stale() {
    local d pid start
    for d in "${TMPDIR:-/tmp}"/dts-bed.*; do
        [ -f "$d/owner" ] || continue
        read -r pid start <"$d/owner"
        [ "$(start_of "$pid")" != "$start" ] || continue
        bed_clean "$d" "dts$pid"
    done
}
at_exit() {
    local rc=$?
    trap - EXIT
    if [ -n "${bed_is_up-}" ]; then
        if [ "$tests_failed" != 0 ] && [ -n "${DTS_KEEP_LOGS-}" ]; then
            mkdir -p "$DTS_KEEP_LOGS"
            cp -r "$W" "$DTS_KEEP_LOGS/$(basename "$0").$$" 2>/dev/null
        fi
        bed_clean "$W" "$P" 2>/dev/null
    fi
    if [ "$planned" != 0 ] && [ "$tests_done" != "$planned" ]; then
        echo "# planned $planned tests, ran $tests_done"
        rc=1
    fi
    [ "$tests_failed" = 0 ] || rc=1
    exit $rc
}

# ---------------------------------------------------------------- processes

BED_ENV=
# env_of NODE: the environment of a node's programs.
env_of() {
    echo "OVS_RUNDIR=$W/$1/ovs OVS_LOGDIR=$W/$1/ovs OVS_DBDIR=$W/$1/ovs" \
        "OVS_SYSCONFDIR=$W/$1/ovs DTS_RUNDIR=$W/$1/dts" \
        "DTS_LOGDIR=$W/$1/dts DTS_NODE=$1 XENSTORED_RUNDIR=$W/$1/xen" \
        "FAKEXEN_DIR=$W/$1/xen BED=$W BED_NODE=$1 BED_PREFIX=$P" \
        "BED_SRC=$N BED_BUILD=$BUILD" \
        "XDG_RUNTIME_DIR=$W/$1 TMPDIR=$W/$1 $BED_ENV"
}
# on NODE COMMAND...: runs it there.
on() {
    local node=$1; shift
    nsenter --net=/run/netns/$P$node env $(env_of $node) "$@"
}
record() { echo "$2 $(start_of "$2")" >"$W/pids/$1"; }
# spawn NAME NODE COMMAND...: in the background, recorded as NAME, its output
# in $W/NODE/NAME.log.
spawn() {
    local name=$1 node=$2; shift 2
    nsenter --net=/run/netns/$P$node env $(env_of $node) \
        setsid "$@" >>"$W/$node/$name.log" 2>&1 </dev/null 3>&- 9>&- &
    disown $!
    record "$name" $!
}
pid_of() {
    local pid start
    read -r pid start <"$W/pids/$1" 2>/dev/null &&
        [ "$(start_of "$pid")" = "$start" ] && echo "$pid"
}
alive() { [ -n "$(pid_of "$1")" ]; }
# signal SIGNAL NAME
signal() { local pid; pid=$(pid_of "$2") && kill "-$1" "$pid"; }
# stop NAME [SIGNAL]: and waits for its end.
stop() {
    local pid; pid=$(pid_of "$1") || return 0
    kill "-${2-TERM}" "$pid" 2>/dev/null
    wait_for 10 not alive "$1" || kill -KILL "$pid"
    rm -f "$W/pids/$1"
}
# What the bed builds for itself.
bed_programs() {
    local d=$BUILD/tests/netns
    mkdir -p "$d"
    (
        flock 9
        for so in fakexen noplug; do
            { [ -f "$d/$so.so" ] && [ -z "$(find "$N/$so"*.[ch] -newer "$d/$so.so")" ]; } ||
                gcc -O1 -g -shared -fPIC -Wall -o "$d/$so.so" "$N/$so"*.c -ldl || exit 1
        done
        if [ ! -f "$d/pki/gw2-cert.pem" ] || [ ! -f "$d/pki/cacert.pem" ]; then
            rm -rf "$d/pki"
            mkdir -p "$d/pki" && cd "$d/pki" || exit 1
            ovs-pki -d "$d/pki/ca" -l "$d/pki/log" init >/dev/null 2>&1 || exit 1
            for n in hostA hostB gw1 stranger gw2; do
                ovs-pki -d "$d/pki/ca" -l "$d/pki/log" -u req+sign $n switch \
                    >/dev/null 2>&1 || exit 1
            done
            cp ca/switchca/cacert.pem cacert.pem
        fi
        # What programs find as "xl" in the bed.
        mkdir -p "$d/bin" && cat >"$d/bin/xl.$$" <<END
#!/bin/sh
exec $PY $N/fakexl.py "\$@"
END
        chmod +x "$d/bin/xl.$$" && cp "$d/bin/xl.$$" "$d/bin/xl-remus.$$" &&
            mv "$d/bin/xl.$$" "$d/bin/xl" &&
            mv "$d/bin/xl-remus.$$" "$d/bin/xl-remus"
    ) 9>"$d/lock" || { echo "Bail out! the bed's own programs"; exit 1; }
}
PKI=$W/pki                      # This bed's copy.
tls_of() {
    local d=$PKI
    echo "-p $d/$1-privkey.pem -c $d/$1-cert.pem -C $d/cacert.pem"
}

# ---------------------------------------------------------------- the bed

XENSTORED=$(ls /usr/lib/xen-*/bin/xenstored 2>/dev/null | tail -n 1)

ns_add() {
    ip netns add "$1" && ip -n "$1" link set lo up
    # No interface answers for another's address: what Open vSwitch's userspace
    # reads off a cable its kernel hears too, and would answer while it is stopped.
    nsenter --net=/run/netns/$1 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore'
}
quiet6() {  # The kernel is not to speak IPv6 by itself here.
    nsenter --net=/run/netns/$1 sh -c \
        'for d in all default; do echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6; done'
}
# no_offload NS INTERFACE: a raw socket must see whole checksums.
no_offload() {
    nsenter --net=/run/netns/$1 ethtool -K $2 tx off rx off gso off gro off \
        tso off >/dev/null 2>&1
}

# bed_up: namespaces, cables, Open vSwitch, xenstored, the DTS database.
bed_up() {
    [ "$(id -u)" = 0 ] || skip_all "needs root"
    ip netns add $P-try 2>/dev/null && ip netns del $P-try ||
        skip_all "cannot make network namespaces"
    [ -c /dev/net/tun ] || skip_all "no /dev/net/tun"
    command -v ovs-vswitchd >/dev/null || skip_all "no ovs-vswitchd"
    bed_clean_stale
    mkdir -p "$W/pids"
    echo "$$ $(start_of $$)" >"$W/owner"
    bed_is_up=yes
    trap at_exit EXIT
    trap 'exit 130' INT TERM HUP
    # The watchdog outlives a SIGKILL of this script.
    (
        trap '' INT HUP
        owner=$$ start=$(start_of $$)
        exec >/dev/null 2>&1 </dev/null 3>&- 9>&-
        while [ "$(start_of $owner)" = "$start" ]; do sleep 1; done
        [ ! -d "$W" ] || bed_clean "$W" "$P"
    ) &
    disown $!
    bed_programs
    mkdir -m 700 $PKI
    cp $BUILD/tests/netns/pki/*.pem $PKI/

    local n s
    for n in hostA hostB gw1 client; do
        ns_add $P$n
        mkdir -p $W/$n/ovs $W/$n/dts $W/$n/xen/dom
    done
    for n in hostA hostB; do
        s=${SHORT[$n]}
        ns_add ${P}g$s          # The ends of the guests' vifs.
        quiet6 ${P}g$s
        ip link add u0 mtu $MTU netns $P$n type veth peer name u$s mtu $MTU netns ${P}gw1
        ip link add m0 netns $P$n type veth peer name m$s netns ${P}gw1
        ip -n $P$n addr add ${MGMT[$n]}/24 dev m0
        ip -n ${P}gw1 addr add ${MGMT[$n]%.*}.254/24 dev m$s
        ip -n $P$n link set u0 up; ip -n $P$n link set m0 up
        ip -n ${P}gw1 link set u$s up; ip -n ${P}gw1 link set m$s up
    done
    ip link add r0 mtu $MTU netns ${P}hostA type veth peer name r0 mtu $MTU netns ${P}hostB
    ip -n ${P}hostA link set r0 up; ip -n ${P}hostB link set r0 up
    ip link add cli0 mtu $MTU netns ${P}gw1 type veth peer name eth0 netns ${P}client
    ip -n ${P}gw1 link set cli0 up; ip -n ${P}client link set eth0 up
    no_offload ${P}client eth0
    ip -n ${P}client addr add $CLIENT_IP/24 dev eth0
    ip -n ${P}client addr add $CLIENT_IP6/64 dev eth0 nodad
    for n in $NODES; do
        ovsdb-tool create $W/$n/ovs/conf.db \
            /usr/share/openvswitch/vswitch.ovsschema
        ovsdb_start $n
        on $n ovs-vsctl --no-wait -- init -- set Open_vSwitch . \
            other_config:n-revalidator-threads=1 \
            other_config:n-handler-threads=1 other_config:max-idle=10000 \
            -- add-br br-u -- set bridge br-u datapath_type=netdev
        case $n in
        gw1) on gw1 ovs-vsctl --no-wait add-port br-u uA -- add-port br-u uB ;;
        *) on $n ovs-vsctl --no-wait add-port br-u u0 -- add-br br-r \
               -- set bridge br-r datapath_type=netdev -- add-port br-r r0 ;;
        esac
        vswitchd_launch $n
    done
    for n in $NODES; do
        vswitchd_ready $n || { diag "no switch on $n"; return 1; }
    done
}

ovsdb_start() {
    spawn ovsdb-$1 $1 ovsdb-server --remote=punix:$W/$1/ovs/db.sock \
        --unixctl=$W/$1/ovs/ovsdb-server.ctl -vconsole:warn \
        --log-file=$W/$1/ovs/ovsdb-server.log $W/$1/ovs/conf.db
    wait_for 20 on $1 ovs-appctl -t $W/$1/ovs/ovsdb-server.ctl version
}
vswitchd_launch() {
    spawn vswitchd-$1 $1 ovs-vswitchd unix:$W/$1/ovs/db.sock \
        --pidfile=$W/$1/ovs/ovs-vswitchd.pid --overwrite-pidfile \
        --unixctl=$W/$1/ovs/ovs-vswitchd.ctl -vconsole:warn --disable-system \
        --log-file=$W/$1/ovs/ovs-vswitchd.log
}
# A tap device does not outlive its ovs-vswitchd: the underlay's addresses are
# given again.
vswitchd_ready() {
    wait_for 30 ip -n $P$1 link show br-u || return 1
    ip -n $P$1 link set br-u mtu $MTU up
    ip -n $P$1 addr replace ${UNDERLAY[$1]}/24 dev br-u
    ip -n $P$1 addr replace ${UNDERLAY6[$1]}/64 dev br-u nodad
    if [ -n "${REPL[$1]-}" ]; then
        wait_for 30 ip -n $P$1 link show br-r || return 1
        ip -n $P$1 link set br-r mtu $MTU up
        ip -n $P$1 addr replace ${REPL[$1]}/24 dev br-r
    fi
}
vswitchd_start() { vswitchd_launch $1; vswitchd_ready $1; }
# ovs NODE ovs-vsctl's arguments...
ovs() { local n=$1; shift; on $n ovs-vsctl --timeout=20 "$@"; }

xenstored_start() {
    rm -f $W/$1/xen/socket*
    spawn xenstored-$1 $1 env LD_PRELOAD=$BUILD/tests/netns/fakexen.so \
        $XENSTORED -N -F $W/$1/xen/xenstored.pid
    wait_for 20 on $1 xenstore-write /local/domain/0/name Domain-0 \
        /local/domain/0/domid 0 /tool/xenstored ""
}

# ---------------------------------------------------------------- the DTS database

db_file=gw1/dts/dts.db
db_create() {
    ovsdb-tool create-cluster $W/$db_file $SRC/remus-hooks/dts.ovsschema \
        unix:$W/gw1/dts/raft.sock 2>$W/gw1/dts/create.log
}
db_start() {
    spawn db gw1 ovsdb-server --remote=punix:$W/gw1/dts/db.sock \
        --remote=db:DTS,Global,connections --unixctl=$W/gw1/dts/dts-db.ctl \
        --private-key=$PKI/gw1-privkey.pem --certificate=$PKI/gw1-cert.pem \
        --ca-cert=$PKI/cacert.pem -vconsole:warn \
        --log-file=$W/gw1/dts/ovsdb-server.log $W/$db_file
    wait_for 20 db_has_leader
}
db_has_leader() {
    on gw1 ovs-appctl -t $W/gw1/dts/dts-db.ctl cluster/status DTS |
        grep -q '^Role: leader'
}
# db TRANSACTION-OPERATIONS...: one transaction on the DTS database.
db() {
    ovsdb-client --timeout=20 transact unix:$W/gw1/dts/db.sock \
        "[\"DTS\",$(IFS=,; echo "$*")]"
}
# db_get TABLE COLUMN [COLUMN=VALUE...]: plain value of the rows that match.
db_get() {
    local table=$1 column=$2 where=; shift 2
    for w; do where+=${where:+,}"[\"${w%%=*}\",\"==\",\"${w#*=}\"]"; done
    db "{\"op\":\"select\",\"table\":\"$table\",\"where\":[$where],\"columns\":[\"_uuid\",\"$column\"]}" |
        jq -r ".[0].rows[].\"$column\" | if type == \"array\" then tojson else . end"
}
# Agents come by TLS, under the rules of their role, gw1's too.
remote_of() {
    case $1 in
    gw1) echo "ssl:127.0.0.1:$DB_PORT" ;;
    *) echo "ssl:${MGMT[$1]%.*}.254:$DB_PORT" ;;
    esac
}
ctl() { on gw1 $BUILD/remus-hooks/ctl/dts-ctl --db=unix:$W/gw1/dts/db.sock "$@"; }

# ---------------------------------------------------------------- cables and power

link_set() {    # link_set up|down NODE INTERFACE...
    local what=$1 node=$2 i; shift 2
    for i; do echo "link set $i $what"; done | ip -n $P$node -batch -
}
# cut repl|underlayA|underlayB|mgmtA|mgmtB...: pulls cables.
cables() {
    local what=$1 c; shift
    for c; do
        case $c in
        repl) link_set $what hostA r0; link_set $what hostB r0 ;;
        underlay?) link_set $what gw1 u${c#underlay} ;;
        mgmt?) link_set $what gw1 m${c#mgmt} ;;
        client) link_set $what gw1 cli0 ;;
        esac
    done
}
cut() { cables down "$@"; }
join_cable() { cables up "$@"; }
# power_cut NODE: no last word leaves it.
power_cut() {
    local s=${SHORT[$1]} pids
    link_set down $1 ${CABLES[$1]}
    pids=$({ ip netns pids $P$1; ip netns pids ${P}g$s 2>/dev/null; } | xargs)
    [ -z "$pids" ] || kill -KILL $pids
    # What a machine loses with its power.
    rm -rf $W/$1/xen $W/$1/dts/*.sock $W/$1/dts/*.pid $W/$1/dts/seen-*
    mkdir -p $W/$1/xen/dom
    local l
    for l in $(ip -n $P$1 -o link show type veth | sed -n 's/^[0-9]*: \(vif[^@:]*\).*/\1/p'); do
        ip -n $P$1 link del $l
    done
}
# power_on NODE: boots; daemons of remus-dts are started by the test.
power_on() {
    link_set up $1 ${CABLES[$1]}
    ovsdb_start $1 && vswitchd_start $1
}

# ---------------------------------------------------------------- guests and clients

# guest NODE DOMID COMMAND: a guest's answer (JSON).
guest() {
    local sock=$W/$1/xen/$2.ctl; shift 2
    $PY - "$sock" "$*" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
print(s.makefile().readline().strip())
END
}
# vif_make NODE DOMID: a vif as netback makes it, its other end for the guest.
vif_make() {
    local s=${SHORT[$1]}
    ip link add vif$2.0 netns $P$1 type veth peer name e$2 netns ${P}g$s
    no_offload ${P}g$s e$2
    ip -n ${P}g$s link set e$2 up
    ip -n $P$1 link set vif$2.0 up
}
# guest_start NODE DOMID MAC IP [guest.py's arguments]: without xl.
guest_start() {
    local node=$1 id=$2 mac=$3 ip=$4 s=${SHORT[$1]}; shift 4
    nsenter --net=/run/netns/${P}g$s setsid $PY $N/guest.py --interface e$id \
        --mac $mac --ip $ip --host $node --control $W/$node/xen/$id.ctl "$@" \
        >>$W/$node/guest-$id.log 2>&1 </dev/null 3>&- 9>&- &
    disown $!
    record guest-$node-$id $!
    wait_for 10 test -S $W/$node/xen/$id.ctl
}
# probe_start NAME ADDRESS [arguments]; probe_stop NAME prints its JSON.
probe_start() {
    local name=$1; shift
    rm -f $W/client/$name.json $W/client/$name.live
    nsenter --net=/run/netns/${P}client setsid $PY $N/probe.py \
        --live $W/client/$name.live "$@" >$W/client/$name.json \
        2>$W/client/$name.log </dev/null 3>&- 9>&- &
    disown $!
    record probe-$name $!
}
probe_stop() {
    stop probe-$1
    cat $W/client/$1.json
}
# probe COUNT ADDRESS [arguments]: to its end; prints the JSON.
probe() {
    local count=$1; shift
    nsenter --net=/run/netns/${P}client $PY $N/probe.py --count $count "$@"
}
live() { jq -r ".$2" $W/client/$1.live; }
# served NAME HOST: the last reply came from HOST within the last second.
served() {
    jq -e --arg h "$2" \
        '.host == $h and .last != null and .now - .last < 1' $W/client/$1.live
}
unserved() { jq -e '.last == null or .now - .last > 1' $W/client/$1.live; }
reaches() { [ "$(probe 5 "$1" --linger 0.5 | jq .received)" -gt 0 ]; }
observe_start() {       # observe_start NAME NODE ARGUMENTS...
    local name=$1 node=$2; shift 2
    rm -f $W/$node/$name.json $W/$node/$name.ready
    nsenter --net=/run/netns/$P$node setsid $PY $N/observe.py \
        --ready $W/$node/$name.ready "$@" >$W/$node/$name.json \
        2>>$W/$node/$name.log </dev/null 3>&- 9>&- &
    disown $!
    record observe-$name $!
    wait_for 10 test -e $W/$node/$name.ready
}
observe_stop() { stop observe-$1; cat $W/$2/$1.json; }
