# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The tests of encrypted tunnels on real Xen hosts (a part of tests/xenlab/run).

# Encrypted tunnels: the hosts' own kernels, Open vSwitch's own IPsec daemon,
# strongSwan, and the nodes' own certificates.
part_ipsec() {
    local h id before
    ensure A
    id=$(boot_id)
    forged 1
    ok "plain: a forged GRE frame with hostA's outer address is admitted" at_least "$(cat "$XENLAB_DIR/forged")" 50
    wire
    ok "plain: GRE is on the wire of the gateway, and no ESP" wire_has 'G gre [1-9][0-9]* esp 0'
    ok "plain: and on tunnel 1's" wire_has 'A gre [1-9][0-9]* esp 0'

    # Without anybody who encrypts: nothing, rather than in the clear.
    step dts tunnel-set gw1 hostA encrypt=ipsec
    ok "encrypted, nobody agrees on keys: the tunnel is down" soon dts_tunnel_down hostA
    ok "... and dts-ctl check says what is missing" check_says A 'fail +ipsec +Open vSwitch.s IPsec daemon'
    ok "... the other tunnel of the gateway is up" dts_tunnels_up hostB
    wire
    safe ok "... nothing leaves the gateway for hostA in the clear" gre_to_is 10.9.0.11 0
    forged 1
    safe ok "... and a forged frame is refused" is "$(cat "$XENLAB_DIR/forged")" 0

    for h in A B G; do step dts_ipsec $h; done
    ok "with strongSwan it comes up" eventually 180 encrypted_up hostA
    # One pair after the other, as an operator is told to.
    step dts tunnel-set gw1 hostB encrypt=ipsec
    ok "tunnel 3, too" eventually 180 encrypted_up hostB
    step dts tunnel-set hostA hostB encrypt=ipsec
    ok "tunnel 1, too" eventually 180 tunnel1_up A
    ok "... seen from the other end" eventually 60 tunnel1_up B
    ok "the same guest serves" soon same_guest "$id"
    wire
    safe ok "ESP is on the wire of the gateway, and no GRE" wire_has 'G gre 0 esp [1-9][0-9]*'
    ok "and on tunnel 1's" wire_has 'A gre 0 esp [1-9][0-9]*'
    before=$(refused_by_kernel G)
    forged 1
    safe ok "a forged GRE frame with hostA's outer address is refused" is "$(cat "$XENLAB_DIR/forged")" 0
    ok "... by the kernel's policies" at_least $(($(refused_by_kernel G) - before)) 50
    for h in G A B; do
        ok "$(node_of $h): dts-ctl check has nothing that fails" soon check_of $h
        ok "$(node_of $h): it finds no tunnel in the clear" not_checked 'crosses sites in the clear'
    done

    # strongSwan ends, as it does for its update.
    step dts_ipsec_stop G
    ok "the gateway's strongSwan stopped: its tunnels are down" soon dts_tunnel_down hostA
    wire
    safe ok "... nothing leaves the gateway in the clear" wire_has 'G gre 0 esp [0-9]*'
    forged 1
    safe ok "... and a forged frame is still refused" is "$(cat "$XENLAB_DIR/forged")" 0
    step dts_ipsec G
    ok "started again: both are up" eventually 180 encrypted_up hostA hostB
    ok "the same guest serves again" soon same_guest "$id"

    protected "encrypted" A
    lost_power "encrypted" A flow
    wire
    safe ok "after the failover: ESP, and no GRE" wire_has 'G gre 0 esp [1-9][0-9]*'
    forged 2
    safe ok "after the failover: a forged frame with hostB's outer address is refused" is "$(cat "$XENLAB_DIR/forged")" 0
    step lab_up A
    # (Its certificates come with it.)
    step dts_start A
    step dts_ipsec A
    ok "hostA is back: its tunnels come up encrypted" eventually 180 encrypted_up hostA
    ok "... and tunnel 1" eventually 180 tunnel1_up A

    # And plain again.
    step dts tunnel-set gw1 hostA encrypt= -- tunnel-set gw1 hostB encrypt= -- tunnel-set hostA hostB encrypt=
    ok "plain again: tunnels are up" eventually 180 plain_up
    for h in A B G; do dts_ipsec_stop $h; done
    ok "... also without strongSwan" eventually 60 plain_up
    forged 2
    ok "... and open to forged frames again" at_least "$(cat "$XENLAB_DIR/forged")" 50
}
check_says() {
    on "$1" 'dts-ctl --timeout=20 check' >"$XENLAB_DIR/check.out"
    grep -Eq "^$2" "$XENLAB_DIR/check.out" || { cat "$XENLAB_DIR/check.out"; return 1; }
}
# (In the check before.)
not_checked() { ! grep -F "$1" "$XENLAB_DIR/check.out"; }
dts_tunnel_down() { [ "$(dts --bare --columns=state find Reachability observer=gw1 "subject=$1")" = down ]; }
# The nodes' outer addresses towards the gateway, and the ports of tunnel 1 (by
# the other's index: gw1 was added first).
outer_of() { case $1 in hostA) echo 10.9.0.11 ;; hostB) echo 10.9.0.12 ;; esac; }
bfd_of() { on "$1" "ovs-vsctl get interface dts-t$(case $1 in A) echo 3 ;; B) echo 2 ;; esac) bfd_status:state" | tr -d '"'; }
has_keys() { on "$1" 'ip xfrm state list nokeys' | grep -q "^src $2 dst "; }
# encrypted_up NODE...: the gateway's tunnels to them are up, and there are keys.
encrypted_up() {
    local node
    for node; do
        dts_tunnels_up "$node" && has_keys G "$(outer_of "$node")" || return 1
    done
}
tunnel1_up() { has_keys "$1" "10.8.0.$(number_of "$(other_of "$1")")" && is "$(bfd_of "$1")" up; }
plain_up() {
    dts_tunnels_up hostA && dts_tunnels_up hostB && is "$(bfd_of A)" up && is "$(bfd_of B)" up &&
        ! on G 'ip xfrm policy' | grep 'proto gre'
}
# forged N: a hundred GRE frames with the guest's addresses and the outer address of
# host N come to the gateway from the network between; how many of them its
# client sees, in $XENLAB_DIR/forged.
forged() {
    local dump="$XENLAB_DIR/forged.pcap" pid
    rm -f "$dump" "$dump.err"
    in_ns tcpdump -i xlseg -n -U --immediate-mode -Z root -w "$dump" 'src host 10.20.0.100 and udp dst port 9' 2>"$dump.err" &
    pid=$!
    eventually 10 grep -q 'listening on' "$dump.err"
    in_ns python3 "$TOP/tests/netns/forge.py" xbr gre "$(on G cat /sys/class/net/xenbr0/address)" "10.9.0.1$1" 10.9.0.13 10 \
        00:16:3e:00:00:64 $DTS_GUEST
    sleep 3
    kill $pid
    wait $pid
    tcpdump -nr "$dump" 2>/dev/null | wc -l >"$XENLAB_DIR/forged"
    say "of 100 forged frames the client sees $(cat "$XENLAB_DIR/forged")"
}
# refused_by_kernel HOST: how many packets its IPsec policies have turned away.
refused_by_kernel() { on "$1" 'cat /proc/net/xfrm_stat' | awk '/^XfrmIn/ { n += $2 } END { print n + 0 }'; }
# wire: ten seconds of the gateway's cable and of tunnel 1's, both directions: how
# many packets of either kind, in $XENLAB_DIR/wire.
wire() {
    local dump="$XENLAB_DIR/wire.pcap" pid
    in_ns timeout 10 tcpdump -i xlG -n -U --immediate-mode -Z root -w "$dump" 'ip proto 47 or ip proto 50' >/dev/null 2>&1 &
    pid=$!
    on A >"$XENLAB_DIR/wire" <<'END'
timeout 10 tcpdump -i rep0 -n -U -Z root -w /tmp/wire.pcap 'ip proto 47 or ip proto 50' >/dev/null 2>&1
echo "A gre $(tcpdump -nr /tmp/wire.pcap 'ip proto 47' 2>/dev/null | wc -l) esp $(tcpdump -nr /tmp/wire.pcap 'ip proto 50' 2>/dev/null | wc -l)"
END
    wait $pid
    echo "G gre $(count_wire 'ip proto 47') esp $(count_wire 'ip proto 50')" >>"$XENLAB_DIR/wire"
    say "on the wire in 10 s: $(paste -sd, "$XENLAB_DIR/wire")"
}
count_wire() { tcpdump -nr "$XENLAB_DIR/wire.pcap" "$1" 2>/dev/null | wc -l; }
wire_has() { grep -qx "$1" "$XENLAB_DIR/wire" || { cat "$XENLAB_DIR/wire"; return 1; }; }
gre_to_is() { is "$(count_wire "ip proto 47 and dst host $1")" "$2"; }
