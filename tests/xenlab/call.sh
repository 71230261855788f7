# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The client: a SIP call with a voice stream (sipp), the counter's requests
# (probe), a capture of what comes back, and, with CALL_TCP=1, records to the
# journal (transfer.py).  Each call has a directory.

# call_start DIR GUEST-ADDRESS OUR-ADDRESS INTERFACE: and waits until voice comes back.
call_start() {
    local dir=$1 guest=$2 us=$3 dev=$4
    rm -rf "$dir"
    mkdir -p "$dir"
    # (Of a call that has ended, an answerer takes another INVITE for an old one.)
    echo "call-$EPOCHREALTIME" >"$dir/id"
    # Two seconds of a tone, G.711 mu-law.
    python3 - "$dir/voice.ulaw" <<'END'
import math, sys
def ulaw(s):
    sign, s = (0x80 if s < 0 else 0), min(abs(s), 32635) + 0x84
    e = s.bit_length() - 8
    return ~(sign | e << 4 | (s >> (e + 3)) & 15) & 255
open(sys.argv[1], "wb").write(bytes(ulaw(int(8000 * math.sin(2 * math.pi * 440 * i / 8000))) for i in range(16000)))
END
    sed "s/TOKEN/$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')/" "$XL/call/uac.xml" >"$dir/uac.xml"
    ip netns exec "$XENLAB_NS" tcpdump -i "$dev" -U --immediate-mode -Z root -w "$dir/call.pcap" udp and host "$guest" \
        >"$dir/tcpdump.log" 2>&1 &
    echo $! >"$dir/tcpdump.pid"
    ip netns exec "$XENLAB_NS" "$XENLAB_DIR/probe" "$guest" 7200 "$dir/probe.csv" 20 >"$dir/probe.out" 2>&1 &
    echo $! >"$dir/probe.pid"
    if [ "${CALL_TCP-}" = 1 ]; then
        ip netns exec "$XENLAB_NS" "$XL/call/transfer.py" "$guest" "$dir/tcp.json" >"$dir/tcp.out" 2>&1 &
        echo $! >"$dir/tcp.pid"
    fi
    (
        cd "$dir" || exit 1
        TERM=dumb in_ns timeout 7200 sipp "$guest:5060" -sf uac.xml -i "$us" -p 5070 -mi "$us" -m 1 -cid_str "$(cat id)" \
            -nostdin -trace_err -error_file sipp.err -trace_msg -message_file sipp.msg >sipp.out 2>&1
        echo $? >sipp.status
    ) >/dev/null 2>&1 &
    echo "$us" >"$dir/us"
    eventually 60 voice_came_back "$dir" "$guest" 50
}
voice_came_back() {
    local n
    n=$(tcpdump -nr "$1/call.pcap" src host "$2" and udp src port 6000 2>/dev/null | head -n "$3" | wc -l)
    [ "$n" -ge "$3" ]
}
# serves DIR GUEST-ADDRESS SINCE_MS: voice came back after SINCE.
serves() {
    tcpdump -ttnr "$1/call.pcap" src host "$2" and udp src port 6000 2>/dev/null |
        awk -v s="$3" 'END { exit !($1 * 1000 > s) }'
}

# call_end DIR: hangs up; $DIR/bye says "answered" or "unanswered".
call_end() {
    local dir=$1 us
    us=$(cat "$dir/us")
    printf '%s\r\n' "INFO sip:caller@$us:5070 SIP/2.0" "Via: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK1" \
        "From: <sip:demo@127.0.0.1>;tag=1" "To: <sip:caller@$us>" "Call-ID: $(cat "$dir/id")" "CSeq: 1 INFO" \
        "Content-Length: 0" "" | in_ns socat -u - "UDP:$us:5070"
    if eventually 40 test -s "$dir/sipp.status" && [ "$(cat "$dir/sipp.status")" = 0 ]; then
        echo answered >"$dir/bye"
    else
        echo unanswered >"$dir/bye"
    fi
    kill "$(cat "$dir/probe.pid")" 2>/dev/null
    [ ! -f "$dir/tcp.pid" ] || { kill "$(cat "$dir/tcp.pid")" 2>/dev/null; eventually 60 test -s "$dir/tcp.json"; }
    sleep 0.8
    kill "$(cat "$dir/tcpdump.pid")" 2>/dev/null
    # By now, or soon, these are other processes' numbers.
    rm -f "$dir"/{probe,tcpdump,tcp}.pid
    eventually 10 test -s "$dir/probe.csv"
}
# call_abandon DIR: when nothing is to be measured any more.
call_abandon() {
    local p
    for p in "$1"/{probe,tcpdump,tcp}.pid; do [ ! -f "$p" ] || kill "$(cat "$p")" 2>/dev/null; rm -f "$p"; done
    for p in $(ip netns pids "$XENLAB_NS"); do
        [ "$(cat "/proc/$p/comm" 2>/dev/null)" != sipp ] || kill -9 "$p"
    done
}

# sip_calls DIR GUEST-ADDRESS N: so many short calls, beside the long one; their
# answers' delays, in ms, in $DIR/sip.rtt.
sip_calls() {
    local us
    us=$(cat "$1/us")
    rm -rf "$1/sip"
    mkdir "$1/sip"
    (
        cd "$1/sip" || exit 1
        TERM=dumb in_ns timeout 120 sipp "$2:5060" -sn uac -i "$us" -p 5080 -m "$3" -r 2 -d 200 -nostdin \
            -trace_rtt -rtt_freq 1 >out 2>&1
    ) || { tail -n 5 "$1/sip/out"; return 1; }
    awk -F';' 'FNR > 1 { print $2 }' "$1"/sip/*_rtt.csv >"$1/sip.rtt"
}

# probe_answers ADDRESS: the guest's counter answers now.
probe_answers() {
    in_ns "$XENLAB_DIR/probe" "$1" 0.2 /dev/null 2>/dev/null | grep -q 'answered [1-9]'
}
