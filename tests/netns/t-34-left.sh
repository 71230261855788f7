#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xl-remus protect where one that died has left its buffer: what that holds leaves
# only once the domain is this host's alone, whatever is begun.
. "$(dirname "$0")/lanes.sh"
XLR=$BUILD/libxl-ext/xl-remus

plan 14
lanes_up
[ -d /var/lib/xen ] || mkdir -p /var/lib/xen
U=00000000-0000-4000-8000-000000000005
mkdir -p $W/hostA/varlib
dom create 5 voip $U r
on hostA xenstore-write /local/domain/5/memory/target 131072 /local/domain/5/memory/static-max 131072 \
    /local/pool/0/name Pool-0 /libxl/5/type pvh
printf '{"c_info": {"type": "pvh", "name": "voip", "uuid": "%s"}, "b_info": {"type.pvh": {}, "max_vcpus": 1, "max_memkb": 131072, "target_memkb": 131072}}\0' \
    $U >$W/hostA/varlib/userdata-d.5.$U.libxl-json

# protect OPTIONS...: with a link that ends at once; messages in $W/err, status in $rc.
protect() {
    on hostA env DTS_NETBUF_PROGRAM=$NETBUF unshare -m sh -c '
        mount -t tmpfs none /run && mkdir /run/xen && mount --bind $0 /var/lib/xen &&
        LD_PRELOAD=$1 && export LD_PRELOAD && shift && exec "$@"' \
        $W/hostA/varlib "$BUILD/tests/netns/fakexen.so $NOPLUG" \
        $XLR protect --once --link=/bin/false "$@" voip >$W/out 2>$W/err
    rc=$?
}
gives() {       # gives STATUS PATTERN DESCRIPTION
    if [ "$rc" = "$1" ] && (cat $W/err; echo) | grep -q -- "$2"; then pass "$3"; else
        fail "$3"; diag "status $rc, wanted $1; wanted: $2"; diag "$(cat $W/err)"
    fi
}
agent() {       # agent OWNER STATE SESSION
    [ ! -e $W/pids/fakeagent ] || stop fakeagent
    rm -f $W/hostA/dts/agent.sock
    spawn fakeagent hostA $PY $N/fakeagent.py $W/hostA/dts/agent.sock $W/requests '{}' \
        '{"node": "hostA", "domains": [{"domain": "voip", "owner": "'$1'", "state": "'$2'", "session": "'$3'"}]}'
    wait_for 10 test -S $W/hostA/dts/agent.sock
}
crash() {       # One that is laid, and whose maker dies.
    lanes_start
    lanes open 5 1048576
    lanes crash
    stop lanes KILL
}

crash
is "$(ports)" "dtsb5.0 out0" "a dead process has left its buffer"
protect; gives 6 "voip: what it sent is held since a protection of it died, and may not leave yet (dts-agent does not answer)" "no agent"
safe is "$(ports)" "dtsb5.0 out0" "all stays as it is"
agent hostA protected s1
protect; gives 6 "may not leave yet (it is protected): .*dts-ctl status voip" "its standby may take it over"
protect -n; gives 6 "may not leave yet" "also to protect it without a buffer"
safe is "$(ports)" "dtsb5.0 out0" "all stays as it is"
{ sleep 1; agent hostA alone ""; } &
protect; gives 6 "dts-link has ended" "as soon as it is this host's alone it begins"
wait $!
is "$(ports)" "out0 vif5.0" "and takes the buffer away, in the end"
is "$(on hostA ip -o link show | grep -c 'dts[ab]5')" 0 "with all that the other left"
crash
is "$(ports)" "dtsb5.0 out0" "another one"
protect -n; gives 6 "dts-link has ended" "without a buffer of its own"
is "$(ports)" "out0 vif5.0" "it is taken away, too"
rm -f $W/requests
protect -n; gives 6 "dts-link has ended" "where there is none"
ok "nobody is asked" test ! -e $W/requests
