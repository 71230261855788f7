# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
#
# One host with a guest's vif and a wire in br-dts, for the tests of the output
# buffer's layout (t-34-*), and the program that sends frames through it.  The
# kernel need not have sch_plug: see noplug.c.

. "$(dirname "${BASH_SOURCE[0]}")/onehost.sh"
TOOL=$BUILD/tests/netns/netbuf-tool
NETBUF=$BUILD/netscripts/remus-netbuf-dts
NOPLUG=$BUILD/tests/netns/noplug.so
[ -x "$TOOL" ] && [ -x "$NETBUF" ] || skip_all "built without Xen"
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0

# lanes_up: vif5.0, whose guest's end is g5, and out0, whose other end is w0.
lanes_up() {
    local l
    onehost_up ovs
    quiet6 ${P}hostA
    wait_for 20 ovs hostA add-br br-dts -- set bridge br-dts datapath_type=netdev || exit 1
    for l in "vif5.0 g5" "out0 w0"; do
        set -- $l
        ip -n ${P}hostA link add $1 type veth peer name $2
        ip -n ${P}hostA link set $1 up; ip -n ${P}hostA link set $2 up
        no_offload ${P}hostA $1; no_offload ${P}hostA $2
        ovs hostA add-port br-dts $1
    done
    ovs hostA set interface vif5.0 'external_ids:attached-mac="00:16:3e:00:00:01"' \
        external_ids:iface-id=id-5
    on hostA xenstore-write /libxl/5/device/vif/0/backend /local/domain/0/backend/vif/5/0
}
ports() { ovs hostA list-ports br-dts | xargs; }

lanes_start() {
    coproc LANES { exec nsenter --net=/run/netns/${P}hostA env $(env_of hostA) \
        DTS_NETBUF_PROGRAM=$NETBUF DTS_AGENT_SOCKET=$W/none \
        LD_PRELOAD=$NOPLUG $PY $N/lanes.py g5 w0 $TOOL 2>$W/lanes.err; }
    disown $LANES_PID
    record lanes $LANES_PID
}
lanes() {       # lanes COMMAND...: the answer in $answer
    answer="nothing: $(tail -n 3 $W/lanes.err)"
    echo "$*" >&"${LANES[1]}"
    read -r -t 30 answer <&"${LANES[0]}"
}
