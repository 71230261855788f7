# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
#
# Takeovers under floods (t-52-floods.sh, tests/bench/b-flood): a third node,
# "stranger", which has a certificate and writes what its role lets it, and
# programs that flood the survivor.

MANY=1200                       # Connections to a link: a process each.
[ $SLOW = 1 ] || MANY=150       # Sanitized ones are large.
FLOODS="events status questions database link agent xenstore flaps"
declare -A FLOOD=(
    [events]="a node that fills the log"
    [status]="a node that tells of itself without end"
    [questions]="a node that asks and answers without end"
    [database]="connections to the database"
    [link]="connections to the survivor's link"
    [agent]="connections to the survivor's agent, and requests whose answers nobody reads"
    [xenstore]="a guest on the survivor that writes to xenstore"
    [flaps]="a liveness tunnel that flaps"
)

floods_up() {
    ctl node-add stranger --roles=router --site=far --ip=10.10.0.99 >/dev/null
}
# as NODE: what flood.py wants to know to be that node.
as() { echo $1 $PKI/$1-privkey.pem $PKI/$1-cert.pem $PKI/cacert.pem 127.0.0.1 $DB_PORT; }

# flood_start KIND OWNER SURVIVOR: and waits until it flows.
flood_start() {
    local kind=$1 owner=$2 to=$3 address
    rm -f $W/gw1/flood.log $W/$to/flood.log
    case $kind in
    none) return ;;
    events|status|questions) spawn flood gw1 $PY $N/flood.py $kind $(as stranger) ;;
    database) spawn flood gw1 $PY $N/flood.py connections 127.0.0.1 $DB_PORT ;;
    link)
        address=$(on $to ovs-appctl -t $W/$to/dts/dts-link.ctl dts/sessions |
                  sed -n 's/^listening on pssl:6646://p')
        spawn flood $to $PY $N/flood.py connections $address 6646 $MANY
        sleep 2 ;;
    agent) spawn flood $to $PY $N/flood.py agent; sleep 2 ;;
    xenstore)
        echo r >$W/$to/xen/dom/77
        on $to xenstore-write /local/domain/77/name noisy &&
            on $to $PY -c "
import sys
sys.path.insert(0, '$N')
from xenstore import Xenstore
Xenstore().introduce(77)" 2>/dev/null
        spawn flood $to $PY $N/flood.py xenstore 77 ;;
    flaps)
        # As fast as BFD follows: down for as long as it takes to be seen.
        local i
        for ((i = 0; i < 5; i++)); do
            cut underlay${SHORT[$owner]}
            wait_for 5 not bfd_up $owner
            join_cable underlay${SHORT[$owner]}
            wait_for 10 bfd_up $owner
        done
        return ;;
    esac
    sleep 1
}
flood_stop() {
    [ ! -e $W/pids/flood ] || stop flood
    cat $W/*/flood.log 2>/dev/null
    rm -f $W/*/flood.log
}

# takeover FROM TO [PROBE]: the power of FROM is cut; the client's longest time
# without an answer is in $gap, what it saw in $seen.
takeover() {
    local from=$1 to=$2 g
    gap= seen=
    g=$(binding voip generation)
    probe_start p $IP --interval 10
    wait_for 10 served p $from || return 1
    sleep 0.5
    power_cut $from
    wait_for 60 served p $to && wait_for 20 bound voip $to alone $((g + 1)) || return 1
    sleep 0.3
    seen=$(probe_stop p)
    gap=$(jq '.gap_ms | floor' <<<"$seen")
}
# again FROM TO: FROM comes back, and TO's domain is protected to it.
again() {
    power_on $1 && xenstored_start $1 && agent_start $1 && link_start $1
    stop xl-$1
    wait_for 30 bfd_up $1 && wait_for 30 bfd_up $2 &&
        wait_for 60 eval "alive xl-$2 || protect $2; protected $2"
}
