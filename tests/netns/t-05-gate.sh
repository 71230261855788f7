#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate alone, with no agent to ask: no copy runs.
. "$(dirname "$0")/dts.sh"
needs_programs $SHIM
plan 7
bed_up || exit 1
BED_ENV="LIBXL_SAVE_HELPER=$SHIM DTS_REAL_SAVE_HELPER=$N/fakehelper.py"
for n in hostA hostB; do
    ovs $n add-br br-dts -- set bridge br-dts datapath_type=netdev
    xenstored_start $n
done
on hostA xl create voip $MAC $IP >/dev/null
session=11111111-2222-3333-4444-555555555555
start_remus() {
    spawn xl-hostA hostA xl remus -F -n -d -i 700 -s '' voip \
        "exec nsenter --net=/run/netns/${P}hostB env $(env_of hostB) \
         DTS_DOMAIN=voip DTS_SESSION=$session xl migrate-receive -r"
}
copy() { on hostB xl list | grep -q 'voip--incoming p'; }
whole() { [ $W/hostB/xen/$1.mem -nt $W/mark ]; }
touch $W/mark
start_remus
ok "a copy arrives through the gate" wait_for 20 eval 'copy && whole 1'
sleep 0.2
stop xl-hostA KILL
sleep $((4 * SLOW))
safe ok "its sender ends: the copy stays as it is" copy
shim=$(for p in $(ip netns pids ${P}hostB); do
    grep -qa save-helper /proc/$p/cmdline && grep -qa restore-domain /proc/$p/cmdline &&
        ! grep -qa fakehelper.py /proc/$p/cmdline && echo $p; done | head -n 1)
ok "the gate is there" [ -n "$shim" ]
kill -KILL $shim
ok "the gate is killed: the copy is destroyed" wait_for 20 no_domains hostB

# The saving side.
guest hostA 1 resume >/dev/null
touch $W/mark
start_remus
ok "another copy" wait_for 20 eval 'copy && whole 2'
sleep 0.2
receiver=$(for p in $(ip netns pids ${P}hostB); do
    grep -qa migrate-receive /proc/$p/cmdline && echo $p; done)
kill -KILL $receiver
ok "its receiver is killed: a stream that never had a session is not held" \
    wait_for 20 not alive xl-hostA
ok "the original goes on" eval 'guest hostA 1 state | jq -e .running'
