# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
#
# A smaller bed than lib.sh's: one host (hostA), without cables, for programs
# that look only at their own host.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DOM=$BUILD/tests/netns/fakedom
dom() { on hostA $DOM "$@"; }
xs() { on hostA xenstore-read "$1" 2>/dev/null; }

# onehost_up [ovs]: a namespace, xenstored, and Open vSwitch if asked for.
onehost_up() {
    [ "$(id -u)" = 0 ] || skip_all "needs root"
    ip netns add $P-try 2>/dev/null && ip netns del $P-try ||
        skip_all "cannot make network namespaces"
    [ -x "$DOM" ] || skip_all "not built: tests/netns/fakedom"
    [ -n "$XENSTORED" ] || skip_all "no C xenstored (package xen-utils-4.17)"
    bed_clean_stale
    mkdir -p $W/pids
    echo "$$ $(start_of $$)" >$W/owner
    bed_is_up=yes
    trap at_exit EXIT
    trap 'exit 130' INT TERM HUP
    (
        trap '' INT HUP
        owner=$$ start=$(start_of $$)
        exec >/dev/null 2>&1 </dev/null 3>&- 9>&-
        while [ "$(start_of $owner)" = "$start" ]; do sleep 1; done
        [ ! -d "$W" ] || bed_clean "$W" "$P"
    ) &
    disown $!
    bed_programs
    ns_add ${P}hostA
    mkdir -p $W/hostA/{ovs,dts,xen/dom}
    if [ "${1-}" = ovs ]; then
        [ -c /dev/net/tun ] || skip_all "no /dev/net/tun"
        ovsdb-tool create $W/hostA/ovs/conf.db \
            /usr/share/openvswitch/vswitch.ovsschema
        ovsdb_start hostA
        on hostA ovs-vsctl --no-wait -- init -- set Open_vSwitch . \
            other_config:n-revalidator-threads=1 \
            other_config:n-handler-threads=1
        vswitchd_launch hostA
    fi
    xenstored_start hostA
}
