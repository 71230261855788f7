# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2046
#
# remus-dts in the network namespace bed: database rows, agents, bindings.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

AGENT=$BUILD/remus-hooks/agent/dts-agent
LINK=$BUILD/remus-hooks/link/dts-link
SHIM=$BUILD/libxl-ext/dts-save-helper
VIF=$BUILD/netscripts/vif-ovs-dts
MAC=00:16:3e:00:00:01 IP=192.168.7.10 IP6=fd07::10
MAC2=00:16:3e:00:00:02 IP2=192.168.7.11 IP62=fd07::11
ADDRESS="$MAC $IP $IP6"
ADDRESS2="$MAC2 $IP2 $IP62"

needs_programs() {
    local p
    for p; do
        [ -x "$p" ] || skip_all "not built: ${p#"$BUILD"/}"
    done
}

# agent_start NODE: and waits until its socket is there.
agent_start() {
    rm -f $W/$1/dts/agent.sock
    mkdir -p $W/$1/hooks.d
    cp -r $SRC/remus-hooks/hooks.d/*/ $W/$1/hooks.d/
    spawn agent-$1 $1 $AGENT $(tls_of $1) \
        --unixctl=$W/$1/dts/dts-agent.ctl --domwatch=$N/fakedomwatch.py \
        --hooks-dir=$W/$1/hooks.d -vconsole:off -vfile:dbg \
        --log-file=$W/$1/dts/dts-agent.log
    wait_for 20 test -S $W/$1/dts/agent.sock
}
agent_stop() { stop agent-$1 "${2-TERM}"; }
agent() { local n=$1; shift; on $n ovs-appctl --timeout=10 -t $W/$n/dts/dts-agent.ctl "$@"; }
rpc() { local n=$1; shift; on $n $PY $N/agentrpc.py "$@"; }

# dts_local NODE [FAMILY]: what a node's own Open vSwitch tells its agent.
dts_local() {
    ovs $1 set Open_vSwitch . external_ids:dts-node=$1 \
        external_ids:dts-remote="$(remote_of $1)" \
        external_ids:dts-encap-ip=$(outer_of $1 ${2-4}) \
        external_ids:dts-bridge-datapath-type=netdev
}
outer_of() { [ $2 = 4 ] && echo ${UNDERLAY[$1]} || echo ${UNDERLAY6[$1]}; }
# dts_rows ENCAP MODE FAMILY VLAN LOSS: the database's rows (see dts_up).
dts_rows() {
    local n
    # (Failovers follow one another here: no hold-down.)
    ctl init --listen=pssl:$DB_PORT -- global-set encap-type=$1 heartbeat=$((50 * SLOW)) \
        peer-timeout=$((500 * SLOW)) bfd-min-tx=$((100 * SLOW)) hold-down=0 \
        >/dev/null || return 1
    for n in $NODES; do
        case $n in
        gw1) ctl node-add $n --roles=gateway --site=three --ip=$(outer_of $n $3) ;;
        *) ctl node-add $n --roles=server --site=$n --ip=$(outer_of $n $3) ;;
        esac || return 1
    done
    ctl tunnel-set hostA hostB hostA=${REPL[hostA]} hostB=${REPL[hostB]} &&
    ctl network-add voice --key=10 --gateway=gw1:cli0${4:+:$4} \
        --switching=$2 --on-database-loss=$5 --mtu=1500
}

# dts_up [encap=gre|vxlan|geneve] [mode=flow|port] [family=4|6] [vlan=N]
#        [loss=static|closed] [xen=yes|no]: the system as an operator makes it.
dts_up() {
    local encap=gre mode=flow family=4 vlan= loss=static xen=yes a n
    for a; do local "$a"; done
    bed_up || return 1
    db_create && db_start || return 1
    dts_rows $encap $mode $family "$vlan" $loss || return 1
    for n in $NODES; do dts_local $n $family || return 1; done
    if [ $xen = yes ]; then
        xenstored_start hostA && xenstored_start hostB || return 1
    fi
    for n in $NODES; do agent_start $n || return 1; done
}
domain_add() {  # domain_add NAME ADDRESS PRIMARY SECONDARY [OPTIONS]
    local name=$1 address=$2 primary=$3 secondary=$4; shift 4
    ctl domain-add $name --network=voice --address="$address" \
        --primary=$primary --secondary=$secondary "$@"
}

# binding DOMAIN COLUMN
binding() { db_get Binding $2 domain=$1; }
bound() {       # bound DOMAIN OWNER STATE [GENERATION]
    local got
    got=$(db '{"op":"select","table":"Binding","where":[["domain","==","'$1'"]],"columns":["owner","state","generation"]}' |
          jq -r '.[0].rows[0] | "\(.owner) \(.state) \(.generation)"')
    case $got in "$2 $3 ${4-}"*) return 0 ;; esac
    echo "binding of $1: $got"
    return 1
}
# bind DOMAIN OWNER: moves a binding as a takeover would, by the database alone;
# prints the new generation.
bind() {
    local g other=hostA
    [ $2 != hostA ] || other=hostB
    g=$(($(binding $1 generation) + 1))
    db '{"op":"update","table":"Binding","where":[["domain","==","'$1'"]],"row":{"owner":"'$2'","standby":"'$other'","generation":'$g',"state":"alone","session":""}}' \
        '{"op":"mutate","table":"Global","where":[],"mutations":[["generation","+=",1]]}' >/dev/null
    echo $g
}
# receipt DOMAIN: the generation in gw1's receipt, if there is one.
receipt() {
    db '{"op":"select","table":"Fence","where":[["gateway","==","gw1"]],"columns":["generations"]}' |
        jq ".[0].rows[].generations[1][] | select(.[0] == \"$1\") | .[1]"
}
# fenced DOMAIN GENERATION: gw1's receipt is there.
fenced() {
    local g
    g=$(receipt $1)
    [ "${g:-0}" -ge "$2" ]
}
bfd_up() {      # All liveness tunnels of gw1 are up.
    [ "$(db_get Reachability state observer=gw1 subject=$1)" = up ]
}
events() { db_get Event type domain=$1 | xargs; }
has_event() { db_get Event type domain=$1 type=$2 | grep -q .; }

# plug NODE DOMID DOMAIN MAC: makes a vif and asks the agent to plug it.
plug() {
    vif_make $1 $2 &&
    rpc $1 vif -- vif op=add vif=vif$2.0 domid=$2 name=$3 mac=$4 bridge=br-dts \
        vlan= iface_id=id-$2 vm_id=vm-$2 mtu=1500
}
# force_plug NODE DOMID MAC: past the agent, as an intruder on the host could.
force_plug() {
    vif_make $1 $2 &&
    ovs $1 --may-exist add-port br-dts vif$2.0 -- set interface vif$2.0 \
        external_ids:attached-mac=\"$3\" external_ids:iface-id=id-$2
}

# ---------------------------------------------------------------- replication

INTERVAL=$((100 * SLOW))        # Between checkpoints, ms.

# dts_up_xl ...: dts_up, with xl's programs and links; guest voip on hostA.
dts_up_xl() {
    needs_programs $AGENT $LINK $SHIM $VIF
    BED_ENV="LIBXL_SAVE_HELPER=$SHIM DTS_REAL_SAVE_HELPER=$N/fakehelper.py"
    BED_ENV+=" BED_VIF=$VIF"
    dts_up "$@" || return 1
    domain_add voip "$ADDRESS" hostA hostB >/dev/null || return 1
    link_start hostA && link_start hostB || return 1
    on hostA xl create voip $MAC $IP $IP6 >/dev/null || return 1
    wait_for 30 bound voip hostA alone && wait_for 30 reaches $IP &&
        wait_for 30 bfd_up hostA && wait_for 30 bfd_up hostB
}
link_start() {
    spawn link-$1 $1 $LINK $(tls_of $1) --listen -vconsole:info \
        --save-helper=$SHIM --receiver-log=$W/$1/dts --spool=$W/$1/dts \
        --log-file=$W/$1/dts/dts-link.log --unixctl=$W/$1/dts/dts-link.ctl
}
# protect NODE [DOMAIN]: starts `xl remus` with dts-link as transport.
LINK_OPTIONS=
protect() {
    local name=${2-voip}
    spawn xl-$1 $1 xl remus -F -n -d -i $INTERVAL -s "" $name \
        "exec $LINK $(tls_of $1) --log-file=$W/$1/dts/dts-link-send.log $LINK_OPTIONS $name"
}
protected() { bound ${2-voip} $1 protected; }
protect_and_wait() {
    protect $1 && wait_for 30 protected $1
}
domains() { on $1 xl list | awk '{print $2 ":" $3}' | xargs; }
no_domains() { [ -z "$(domains $1)" ]; }
# processes NODE PATTERN: those of the node whose command line matches.
processes() {
    local p
    for p in $(ip netns pids $P$1); do
        tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -qE -- "$2" && echo $p
    done | xargs
}
