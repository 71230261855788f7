#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The output buffer's layout in a real kernel, but for the plug (noplug.c): which
# frames of a guest go by it, and that none is lost when it is laid and taken.
. "$(dirname "$0")/lanes.sh"

plan 57
lanes_up
opened() { lanes "$@"; grep -q '^ok' <<<"$answer" || { echo "$answer"; false; }; }

lanes_start
lanes send rtp 10
is "${answer##* }" 10 "without a buffer frames go from the guest to the wire"
must "the buffer is laid" opened open 5 1048576 rtp:10000-10099 rtp:20000/dscp=46
is "$(ports)" "dtsb5.0 out0" "its port is in the vif's place"
lanes stats
ok "it is whole" grep -q 'vifs=1 intact=1' <<<"$answer"

# goes KIND WAY DESCRIPTION
goes() {
    local want
    case $2 in
    class0) want="10 0 0 10" ;;
    class1) want="0 10 0 10" ;;
    plug) want="0 0 10 10" ;;
    esac
    lanes send $1 10
    is "$answer" "$want" "$3"
}
goes rtp class0 "RTP goes by"
goes rtp6 class0 "over IPv6, too"
goes rtcp class0 "and RTCP"
goes last-port class0 "the range's last port"
goes dscp class0 "a mark of its own changes nothing"
goes narrow class1 "a class with a mark: with the mark"
goes narrow-ecn class1 "whatever its congestion bits"
goes narrow6 class1 "over IPv6, too"
goes other-dscp plug "with another it is held"
goes other-dscp6 plug "over IPv6, too"
goes below plug "the port below the range"
goes above plug "the port above it"
goes other-end plug "a port of the range at the other end"
goes sip plug "signalling"
goes stun plug "STUN on the voice's port"
goes dtls plug "DTLS on it"
goes version1 plug "another version of RTP"
goes first-fragment plug "the first fragment of a packet"
goes later-fragment plug "a later one"
goes options plug "RTP behind IPv4's options"
goes bait-options plug "options that look like RTP, before something else"
goes tcp plug "TCP that looks like it"
goes udplite plug "UDP-Lite"
goes ipip plug "RTP in a tunnel of the guest's own"
goes bait-ipip plug "a tunnel whose inside looks like it"
goes hop-by-hop plug "RTP behind IPv6's hop-by-hop options"
goes bait-extension plug "an extension header that looks like RTP"
goes fragment6 plug "a fragment of IPv6"
goes tcp6 plug "TCP over IPv6"
goes vlan plug "RTP with a VLAN tag"
goes vlan6 plug "over IPv6, too"
goes qinq plug "with two"
goes arp plug "ARP"
goes other-ethertype plug "an ethertype of nobody"

lanes back 10
is "$answer" "0 0 0 10" "what comes for the guest meets no filter of a class, and no plug"
ok "a checkpoint's requests: 100 times" opened loop 100
lanes send rtp 200
is "$answer" "200 0 0 200" "a longer call goes by whole"
must "the buffer is taken away" opened close release
is "$(ports)" "out0 vif5.0" "the vif is a port again"
is "$(on hostA ip -o link show | grep -c dts[ab]5)" 0 "nothing of it is left"
is "$(on hostA tc filter show dev vif5.0 ingress | grep -c u32)" 0 "no filter, either"
lanes send sip 10
is "${answer##* }" 10 "frames go their old way"

# ------------------------------------------------------------- after a crash
must "it is laid again" opened open 5 1048576 rtp:10000-10099
lanes crash
stop lanes KILL
ok "its maker is gone" not alive lanes
is "$(ports)" "dtsb5.0 out0" "the layout has outlived its maker"
lanes_start
must "another takes it away" opened undo 5 release
is "$(ports)" "out0 vif5.0" "the vif is a port again"
lanes send rtp 10
is "${answer##* }" 10 "and serves"
must "laid over what one left behind" opened open 5 1048576 rtp:10000-10099
is "$(ports)" "dtsb5.0 out0" "it is there once"
must "dropped: what was held never leaves" opened close drop
is "$(ports)" "out0" "and the guest is cut off"
lanes send rtp 10
safe is "${answer##* }" 0 "none of its frames leaves"
