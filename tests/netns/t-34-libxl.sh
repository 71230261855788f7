#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# remus-netbuf-dts as libxl runs it for `xl remus -N` (libxl_netbuffer.c:
# environment, arguments, what it reads in xenstore afterwards), by hand: Debian's
# libxl was built without.  In a real kernel, but for the plug (noplug.c).
. "$(dirname "$0")/lanes.sh"

plan 47
lanes_up
X=/libxl/5/remus/netbuf/0
xs() { on hostA xenstore-read $X/$1 2>/dev/null || echo none; }
on hostA xenstore-write /local/domain/5/name voip

agent() {       # agent CLASSES [UNSAFE]: knows these of the domain.
    agent_gone
    spawn fakeagent hostA $PY $N/fakeagent.py $W/hostA/dts/agent.sock $W/requests '{}' \
        '{"domains": [{"domain": "voip", "realtime": '"$1"', "realtime_unsafe": '${2-false}'}]}'
    wait_for 10 test -S $W/hostA/dts/agent.sock
}
agent_gone() { [ ! -e $W/pids/fakeagent ] || stop fakeagent; rm -f $W/hostA/dts/agent.sock $W/requests; }
# netbuf OP [VARIABLE=VALUE...]: messages in $W/err, status in $rc.
netbuf() {
    local op=$1; shift
    on hostA env vifname=vif5.0 XENBUS_PATH=$X env "$@" LD_PRELOAD=$NOPLUG $NETBUF $op 2>$W/err
    rc=$?
}
gives() {       # gives STATUS PATTERN DESCRIPTION
    if [ "$rc" = "$1" ] && (cat $W/err; echo) | grep -q -- "$2"; then pass "$3"; else
        fail "$3"; diag "status $rc, wanted $1; wanted: $2"; diag "$(cat $W/err)"
    fi
}
# What libxl reads: the device, before all else; then whether it failed.
told() { echo "$(xs ifb) $(xs hotplug-status) $(xs hotplug-error)"; }
held() {        # Frames that have gone by the plug.
    on hostA tc -s qdisc show dev dtsa5.0 root | sed -n 's/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p'
}
goes() {        # goes KIND past|plug DESCRIPTION
    local before want
    before=$(held)
    lanes send $1 10
    case $2 in past) want=0 ;; plug) want=10 ;; esac
    is "$(($(held) - before)) ${answer##* }" "$want 10" "$3"
}
nothing() { is "$(ports) $(told) $(on hostA ip -o link show | grep -c 'dts[ab]5')" "out0 vif5.0 none none none 0" "$1"; }

# ------------------------------------------------------------- what it is not for
netbuf setup -u vifname; gives 1 "vifname= or XENBUS_PATH= is not set" "no vif"
netbuf setup vifname=; gives 1 "vifname= or XENBUS_PATH= is not set" "an empty one"
netbuf setup -u XENBUS_PATH; gives 1 "libxl runs this" "no path"
for path in /local/domain/0/backend/vif/5/0 /libxl/5/remus/netbuf /libxl/5/remus/netbuf/0/ifb \
    /libxl/x/remus/netbuf/0; do
    netbuf setup XENBUS_PATH=$path; gives 1 "libxl writes /libxl/DOMID/remus/netbuf/DEVID" "$path"
done
netbuf setup XENBUS_PATH=/libxl/99999999/remus/netbuf/0; gives 1 "too large" "a number that no device can have"
netbuf setup vifname=../x; gives 1 "x" "a vif's name that is none"
netbuf frob; gives 1 "usage: vifname=" "another word"
nothing "nothing was done by that"

# ------------------------------------------------------------- with an agent
lanes_start
agent '["rtp:10000-10099"]'
netbuf setup; gives 0 "" "setup"
is "$(told)" "dtsa5.0 connected none" "libxl finds the device, and no error"
is "$(ports)" "dtsb5.0 out0" "the buffer is in the vif's place"
is "$(on hostA ovs-vsctl get interface dtsb5.0 external_ids:iface-id)" id-5 "by the vif's own names"
ok "the root qdisc is the plug" eval 'on hostA tc qdisc show dev dtsa5.0 root | grep -q "qdisc pfifo"'
is "$(jq -r 'select(.method == "status") | .params[0].domain' $W/requests)" voip "the agent was asked for this domain's classes"
goes rtp past "the class goes by"
goes sip plug "signalling goes by the plug"
goes arp plug "and ARP"
lanes back 10
is "${answer##* }" 10 "what comes for the guest comes"
netbuf setup; gives 0 "" "setup again"
is "$(told)" "dtsa5.0 connected none" "it is the same"
goes rtp past "the class goes by once"
netbuf teardown REMUS_IFB=dtsa5.0; gives 0 "" "teardown"
nothing "all is as it was"
lanes send sip 10
is "${answer##* }" 10 "and serves"
netbuf teardown REMUS_IFB=dtsa5.0; gives 0 "" "teardown once more, as libxl may"
nothing "all is as it was"

# ------------------------------------------------- classes that are none, or no agent
agent '["udp:5060"]'
netbuf setup; gives 0 "voip: all its output is buffered: .*5060" "a class that cannot be"
goes rtp plug "all is held"
agent '["srtp:10000-10099"]'
netbuf setup; gives 0 "all its output is buffered: .*realtime-unsafe" "an encrypted class without leave"
goes rtp plug "all is held"
agent '["srtp:10000-10099"]' true
netbuf setup; gives 0 "" "with leave"
goes rtp past "it goes by"
agent '{"voip": "rtp:10000-10099"}'
netbuf setup; gives 0 "dts-agent does not know domain voip" "an answer that is none"
goes rtp plug "all is held"
agent_gone
netbuf setup; gives 0 "all its output is buffered: dts-agent does not know" "no agent"
goes rtp plug "all is held"
netbuf teardown REMUS_IFB=dtsa5.0
nothing "all is as it was"

# ------------------------------------------------------------------- failures
netbuf setup vifname=vif9.0; gives 4 "no network device vif9.0" "a vif that is not there"
is "$(told)" "dtsa5.0 error there is no network device vif9.0 (domain 5, vif 0)" "libxl can show why"
netbuf teardown vifname=vif9.0 REMUS_IFB=dtsa5.0
nothing "and takes away what there is of it"
ovs hostA del-port vif5.0
netbuf setup; gives 2 "vif5.0 is in no bridge" "a vif in no bridge"
is "$(on hostA ip -o link show | grep -c 'dts[ab]5') $(xs hotplug-status)" "0 error" "nothing is left of it but why"
ovs hostA add-port br-dts vif5.0
netbuf setup; gives 0 "" "once it is in one"
is "$(told)" "dtsa5.0 connected none" "the error is gone"
