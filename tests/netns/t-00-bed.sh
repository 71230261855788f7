#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bed itself: what every other test stands on.
. "$(dirname "$0")/lib.sh"
plan 24
bed_up || exit 1

MAC=00:16:3e:00:00:01 IP=192.168.7.10 IP6=fd07::10
unset BED_VIF LIBXL_SAVE_HELPER

reach_tcp() {   # A TCP connection from node $1 to $2.
    on $1 $PY -c "import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)" $2 $3
}
listen_tcp() {
    spawn listen-$1 $1 $PY -c "import socket, sys, time
s = socket.create_server(('', 7777)); time.sleep(3600)"
    wait_for 10 reach_tcp $1 127.0.0.1 7777
}
for n in $NODES; do listen_tcp $n; done
ok "hostA reaches gw1 through the underlay" reach_tcp hostA 10.10.0.3 7777
ok "hostA reaches hostB through the replication cable" reach_tcp hostA 10.11.0.2 7777
cut repl
ok "a cable that is cut carries nothing" not reach_tcp hostA 10.11.0.2 7777
ok "the other cables do" reach_tcp hostA 10.10.0.2 7777
join_cable repl
ok "a cable that is back does too" wait_for 10 reach_tcp hostA 10.11.0.2 7777

ok "the database is made" db_create
ok "the database runs" db_start
ctl init --listen=pssl:$DB_PORT >/dev/null
is "$(on hostA ovsdb-client $(tls_of hostA) --timeout=5 list-dbs ssl:10.9.1.254:6645 | head -n 1)" \
    DTS "a node reads it over TLS"
ok "a program without a certificate does not" \
    not on hostA ovsdb-client --timeout=3 list-dbs ssl:10.9.1.254:6645

# A learning switch in place of the agent, to test what the bed is made of.
for n in hostA hostB; do
    ovs $n add-br br-dts -- set bridge br-dts datapath_type=netdev -- \
        add-port br-dts tun -- set interface tun type=gre \
        options:remote_ip=10.10.0.3 options:key=5
done
ovs gw1 add-br br-dts -- set bridge br-dts datapath_type=netdev -- \
    add-port br-dts cli0 -- \
    add-port br-dts tunA -- set interface tunA type=gre \
    options:remote_ip=10.10.0.1 options:key=5 -- \
    add-port br-dts tunB -- set interface tunB type=gre \
    options:remote_ip=10.10.0.2 options:key=5
xenstored_start hostA; xenstored_start hostB
ok "a guest is made" on hostA xl create voip $MAC $IP $IP6
is "$(on hostA xenstore-read /local/domain/1/name)" voip "xenstore knows it"
ok "the client reaches it" wait_for 10 reaches $IP
ok "the client reaches it by IPv6" wait_for 10 reaches $IP6
observe_start wires gw1 --mac $MAC A=uA B=uB
probe_start p $IP --interval 5
ok "the probe is served by hostA" wait_for 10 served p hostA
guest hostA 1 suspend >/dev/null
ok "a suspended guest says nothing" wait_for 10 unserved p
guest hostA 1 resume >/dev/null
ok "a resumed guest does" wait_for 10 served p hostA

# A transport without any judgement: the receiver's own pipes.
start_remus() {
    spawn xl-remus hostA xl remus -F -n -d -i 700 -s '' voip \
        "exec nsenter --net=/run/netns/${P}hostB env $(env_of hostB) xl migrate-receive -r"
}
incoming() { on hostB xl list | grep -q 'voip--incoming p'; }
has_copy() { [ -s $W/hostB/xen/1.mem ]; }
start_remus
ok "a copy arrives, and is paused" wait_for 10 eval 'incoming && has_copy'
# In the middle of an interval: an end of file between a checkpoint's two halves
# would make the receiver spin, as libxl does.
checkpoint_after() { [ $W/hostB/xen/1.mem -nt $W/mark ]; }
touch $W/mark
wait_for 10 checkpoint_after
sleep 0.2
guest hostA 1 suspend >/dev/null        # hostA is dead...
stop xl-remus KILL                      # ...and its stream ends.
# The tunnel's first frame may be lost while OVS asks for its next hop.
announced() { guest hostB 1 "resume announce"; served p hostB; }
ok "without its sender the copy runs" wait_for 20 announced
r=$(probe_stop p)
is "$(jq -c '[.boots, .interleaved]' <<<"$r")" "[1,0]" \
    "with the memory of the original" || diag "$r"
is "$(jq '.back_max < 300' <<<"$r")" true "at most one interval rolled back" ||
    diag "$r"
w=$(observe_stop wires gw1)
is "$(jq -c --arg m $MAC '.switches[$m] | map(.[0])' <<<"$w")" '["A","B"]' \
    "the observer saw one move" || diag "$w"

power_cut hostB
ok "a host without power serves nothing" not reaches $IP
is "$(ip netns pids ${P}hostB | wc -l)" 0 "and nothing runs on it"

# A bed whose owner was killed is cleaned up.
bash -c '. "$1"; trap - EXIT; plan 1; bed_up >/dev/null; echo "$P $W"; kill -KILL $$' \
    bash "$N/lib.sh" >"$W/killed" 2>/dev/null &
wait $! 2>/dev/null
read -r prefix dir < <(grep -v '^1' "$W/killed")
gone() { [ ! -d "$dir" ] && ! ip netns list | grep -q "^${prefix}[a-zA-Z]"; }
ok "a bed whose owner was killed cleans itself up" \
    eval '[ -n "$prefix" ] && wait_for 20 gone'
