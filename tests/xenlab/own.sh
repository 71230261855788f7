# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The tests of xl-remus on real Xen (parts of tests/xenlab/run): protection and
# failover, switchover, what may be killed or stopped, a link that is slow.

# In ms: the link's patience in part protect (dts_times 100); what emulated hosts
# may be slower by.
PEER_TIMEOUT=500
SLOWNESS=1500

# xl-remus at both ends.  The voice passes, all else is held until it is
# committed: nothing that a client has seen is rolled back.
part_protect() {
    local id INTERVAL=$INTERVAL
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--realtime=rtp:6000
    step dts_receiver 'xl-remus receive'
    ensure A
    step eventually 90 no_session A
    ok "xl-remus check: hostB would take it, link and guest are measured" checked A --measure-dirty \
        '.fail == 0 and ([.checks[] | select(.level == "ok").check] as $ok |
         all("cpu", "xen", "version", "memory", "files", "gate", "plug", "vif", "clocks", "bandwidth", "dirty"; IN($ok[])))
         and any(.checks[]; .check == "interval")'
    step eater B 260
    ok "xl-remus check, too little memory there: fails, with the numbers" checked A --no-bandwidth \
        'any(.checks[]; .level == "fail" and .check == "memory" and .node == "hostB" and (.text | test("MiB are free")))'
    step on B 'xl destroy eater; mv /lab/guest.img /lab/guest.gone'
    ok "xl-remus check, no ramdisk there: warns" checked A --no-bandwidth \
        'any(.checks[]; .level == "warn" and .check == "files" and .node == "hostB" and (.text | test("guest.img.*No such file")))'
    step on B 'mv /lab/guest.gone /lab/guest.img'
    protected "xl-remus" A
    id=$(session_of)
    ok "xl-remus check, protected: the copy is there, the interval is the engine's" checked A \
        '.fail == 0 and any(.checks[]; .check == "memory" and (.text | test("copy is here already")))
         and any(.checks[]; .check == "interval" and (.text | test("is protected each")))'
    ok "xl-remus check: the same session goes on" is "$(session_of)" "$id"
    ok "xl-remus: output is committed, except the voice" output_is "committed, except rtp:6000"
    on_the_wire "xl-remus" A
    CALL_TCP=1
    lost_power "xl-remus" A flow
    CALL_TCP=
    safe ok "xl-remus: nothing was rolled back" is "$(field rolled_back)" 0
    safe ok "xl-remus: by TCP nothing was lost, and nothing came twice" tcp_ok
    back A

    # (Checkpoints are so seldom from here on that one which is asked for is seen.)
    INTERVAL=2000
    protected "xl-remus, backup lost" B
    id=$(boot_id)
    lost_backup "xl-remus" B
    cable A rep off
    ok "xl-remus, tunnel 1 cut: hostB goes on alone" soon dts_bound hostB alone
    ok "xl-remus, tunnel 1 cut: the same guest serves" soon same_guest "$id"
    safe ok "xl-remus, tunnel 1 cut: one copy runs, there" one_copy B
    cable A rep on
    ok "xl-remus, tunnel 1 back: protected again by itself" eventually 120 dts_bound hostB protected
    ok "xl-remus: a checkpoint now" on B 'xl-remus checkpoint -t 60 voip'
    guest_asks "xl-remus, the guest asks" B
    ok "xl-remus: unprotect" on B 'xl-remus unprotect voip'
    ok "xl-remus, unprotected: the buffer is gone" no_buffer B
    ok "xl-remus, unprotected: the copy is gone" soon no_guest A
    ok "xl-remus, unprotected: the same guest serves" soon same_guest "$id"
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}
# lost_backup NAME HOST: in the middle of a call HOST's peer loses its power, and
# comes back later.
lost_backup() {
    local name="$1, backup lost" h=$2 cut
    CALL_TCP=1
    step begin_call remus-dts "$call"
    CALL_TCP=
    step on "$h" 'xl-remus checkpoint -t 60 voip'
    # What comes out of the plug.
    step on "$h" 'setsid tcpdump -i $(cd /sys/class/net && echo dtsb*) -n -U -s 128 -Z root -w /lab/plug.pcap udp src port 7 2>/lab/plug.err </dev/null &
        for i in {1..100}; do ! grep -q "listening on" /lab/plug.err || exit 0; sleep 0.1; done; exit 1'
    cut=$(power_cut "$(other_of "$h")")
    ok "$name: $(node_of "$h") goes on alone" soon dts_bound "$(node_of "$h")" alone
    ok "$name: the call goes on" eventually 30 serves "$call" $DTS_GUEST "$(now_ms)"
    safe ok "$name: one copy runs, there" one_copy "$h"
    call_end "$call"
    echo "$INTERVAL" | tee "$call/period" >"$call/interval"
    step collect remus-dts "$call" "$cut" backup flow gre "$h"
    sed 's/^/# /' "$call/timeline"
    ok "$name: the guest's state continued and its BYE was answered" is "$(field state_continued)" true
    safe ok "$name: nothing was rolled back" is "$(field rolled_back)" 0
    safe ok "$name: by TCP nothing was lost, and nothing came twice" tcp_ok
    safe ok "$name: what was held left in its order" in_order "$h"
    say "$name: out of the plug came $(in_order "$h" | paste -sd';')"
    say "$name: longest gaps: voice $(field gap_ms) ms; after the cut, of what is held: $(gap_after "$cut") ms"
    ok "$name: the voice went on within one peer-timeout" at_most "$(field gap_ms)" $((PEER_TIMEOUT + SLOWNESS))
    ok "$name: so did what was held, and all after it" at_most "$(gap_after "$cut")" $((PEER_TIMEOUT + SLOWNESS))
    ok "$name: the log has it" last_event "$(node_of "$h")" alone
    back "$(other_of "$h")"
    had=0
    ok "$name, and back: the first copy tells how far it is" eventually 120 progress "$h"
    ok "$name, and back: protected again by itself" eventually 120 dts_bound "$(node_of "$h")" protected
}
# last_event NODE TYPE: what a node wrote down last of voip, in the last run.
last_event() {
    is "$(jq -r --arg node "$1" '.headings as $names | [.data[] | [$names, .] | transpose | map({(.[0]): .[1]}) | add |
        select(.node == $node and .domain == "voip")] | max_by(.time).type' "$call/events.json")" "$2"
}
# gap_after CUT_MS: the longest time without an answer of the counter, from then on.
gap_after() {
    awk -F, -v cut="$1" 'NR > 1 && $3 > cut { print $3 }' "$call/probe.csv" | sort -n |
        awk -v last="$1" '{ if ($1 - last > gap) gap = $1 - last; last = $1 } END { printf "%d\n", NR ? gap : 1e9 }'
}
# in_order HOST: the counter's answers came out of its plug in the order of their
# making.  (On their way to the client, a switch that learns a flow may let some be
# overtaken.)
in_order() {
    on "$1" '! p=$(pgrep -x tcpdump) || kill $p; tcpdump -r /lab/plug.pcap -n -A 2>/dev/null | awk "
        \$NF ~ /^[0-9a-f]+\$/ && length(\$NF) == 8 {
            if (\$(NF - 1) + 0 <= last) { print \"answer\", \$(NF - 1), \"after\", last; bad = 1 }
            if (n && \$(NF - 1) > last + 1) { missing += \$(NF - 1) - last - 1; print \"after\", last, \"came\", \$(NF - 1) }
            last = \$(NF - 1) + 0; n++
        }
        END { print n + 0, \"answers,\", missing + 0, \"missing\"; exit bad || n < 50 }"'
}
# progress HOST: its engine is making the first copy, and is further than it was.
progress() {
    local n
    n=$(on "$1" 'xl-remus status --json voip' | jq 'select(.state == "copying" and .copied_bytes < .memory_bytes).copied_bytes')
    [ "${n:-0}" -gt "$had" ] && [ "$had" -gt 0 ] && { say "first copy: $((had >> 20)), then $((n >> 20)) MiB"; return; }
    had=${n:-$had}
    return 1
}
# status_of HOST NAME: of its engine.
status_of() { on "$1" 'xl-remus status --json voip' | jq -r ".$2"; }

# guest_asks NAME HOST: a program in the guest asks for checkpoints: it is told
# when they are committed; it gets no more of them than it may, and for what is
# no wish it gets none.
guest_asks() {
    local name=$1 h=$2 dir text begun taken t
    dir=/local/domain/$(on "$h" xl domid voip)/data/remus-dts
    on "$h" "setsid timeout 300 xenstore-watch $dir/committed >/lab/committed 2>&1 </dev/null &"
    step soon on "$h" 'test -s /lab/committed'          # (The watch is there.)
    text=$(printf '%0256d' 1)
    ok "$name: a wish of 256 bytes is granted, and it is told so" guest_is_told "$text"
    # (Its own words would wait for one more checkpoint each.)
    ok "$name: ten times more, one after the other" ten_wishes "$h" "$dir"
    read -r begun t <"$XENLAB_DIR/wishes"
    say "$name: $begun checkpoints in $t ms; $INTERVAL ms are between two by themselves"
    ok "$name: each was taken at once, not at its time" at_least "$begun" $((t / INTERVAL + 2))
    taken=$(lines_of "$h" /lab/committed) t=$(now_ms)
    ok "$name: 200 wishes in two seconds: the last one is granted" guest_is_told flood 200 10
    taken=$(($(lines_of "$h" /lab/committed) - taken)) t=$(($(now_ms) - t))
    say "$name: 200 wishes: $taken taken in $t ms"
    ok "$name: of 200 wishes at most one in 200 ms is taken" at_most "$taken" $((t / 200 + 2))
    taken=$(lines_of "$h" /lab/committed)
    # (The engine answers after it has seen what was written before.)
    for text in "$(printf '%0257d' 1)" ''; do
        step on "$h" "xenstore-write $dir/checkpoint '$text' && xl-remus status voip"
    done
    ok "$name: one wish more is granted" guest_is_told last
    ok "$name: 257 bytes, and none, were no wishes" is "$(($(lines_of "$h" /lab/committed) - taken))" 1
    step on "$h" 'p=$(pgrep -x xenstore-watch) && kill $p'
}
# ten_wishes HOST DIRECTORY: each is granted before the next one is written; how many
# checkpoints were begun meanwhile, and how long it took in ms, in $XENLAB_DIR/wishes.
ten_wishes() {
    on "$1" >"$XENLAB_DIR/wishes" <<END
begun() { xl-remus status --json voip | jq .begun; }
n=\$(begun) t=\${EPOCHREALTIME/./}
for i in {1..10}; do
    xenstore-write $2/checkpoint "wish \$i"
    until [ "\$(xenstore-read $2/committed)" = "wish \$i" ]; do
        [ \$((\${EPOCHREALTIME/./} - t)) -lt 60000000 ] || exit 1
        sleep 0.05
    done
done
t=\$(((\${EPOCHREALTIME/./} - t) / 1000))
echo "\$((\$(begun) - n)) \$t"
END
}
guest_is_told() { in_ns "$XL/call/ask.py" $DTS_GUEST "$@"; }
lines_of() { on "$1" "wc -l <$2"; }
tcp_ok() { jq -e .ok "$call/tcp.json" >/dev/null || { cat "$call/tcp.json"; return 1; }; }
# on_the_wire NAME HOST: what a client sees of the modified buffering rule: voice
# comes back when it was sent, SIP and the counter with their checkpoints.
on_the_wire() {
    step begin_call remus-dts "$call"
    step in_checkpoint "$2" "$call"
    step sip_calls "$call" $DTS_GUEST 20
    call_end "$call"
    "$XL/call/delays.py" "$call" $DTS_GUEST >"$call/delays.json"
    say "$1, delay in ms (median): $(jq -r '"voice \(.voice.median), SIP \(.sip.median), counter \(.counter.median)"' "$call/delays.json"); a checkpoint each $(cat "$call/interval") ms"
    ok "$1: SIP and the counter's answers wait for a checkpoint, voice does not" \
        jq -e '.voice.n > 500 and .sip.n >= 20 and .sip.median > 3 * .voice.median and .counter.median > 3 * .voice.median' "$call/delays.json"
}
# checked HOST [OPTION...] FILTER: what jq says of xl-remus check there.
checked() {
    local h=$1 filter=${*: -1}
    on "$h" "xl-remus check --json ${*:2:$#-2} voip" >"$XENLAB_DIR/check.json"
    jq -e "$filter" "$XENLAB_DIR/check.json" >/dev/null || { cat "$XENLAB_DIR/check.json"; return 1; }
}
# no_session HOST: its agent has forgotten the last one (after a minute).
no_session() { on "$1" 'ovs-appctl -t dts-agent dts/status --json voip' | jq -e '.domains[0].sessions == []' >/dev/null; }
# eater HOST MIB: a domain there that does nothing but take memory.
eater() {
    on "$1" "printf 'name=\"eater\"\ntype=\"pvh\"\nkernel=\"/lab/vmlinux\"\nmemory=$2\n' >/tmp/eater.cfg && xl create -q -p /tmp/eater.cfg"
}
output_is() { dts status voip | grep -qx " *output: $1"; }
no_buffer() { local out; out=$(on "$1" ip -br link) && ! grep '^dts[ab][0-9]' <<<"$out"; }

# Moved in good order; and stock xl sends to our receiver.
part_switchover() {
    local id begun
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--realtime=rtp:6000
    step dts_receiver 'xl-remus receive'
    protected "switchover" B
    id=$(boot_id)
    CALL_TCP=1
    step begin_call remus-dts "$call"
    CALL_TCP=
    step in_checkpoint B "$call"
    begun=$(now_ms)
    ok "switchover" on B 'xl-remus switchover voip'
    ok "switched over: hostA runs it" soon dts_bound hostA alone
    ok "switched over: voice comes from there" survive remus-dts "$call" "$begun"
    call_end "$call"
    step collect remus-dts "$call" "$begun" switchover flow gre A
    sed 's/^/# /' "$call/timeline"
    ok "switched over: the guest's state continued and its BYE was answered" is "$(field state_continued)" true
    safe ok "switched over: nothing was rolled back" is "$(field rolled_back)" 0
    safe ok "switched over: by TCP nothing was lost, and nothing came twice" tcp_ok
    say "switchover: longest gaps: voice $(field gap_ms) ms, counter $(field probe.gap_ms) ms, TCP $(field tcp.longest_gap_ms) ms"
    ok "switched over: the same guest serves" soon same_guest "$id"
    safe ok "switched over: one copy runs, there" soon one_copy A
    ok "switched over: the other is gone" soon no_guest B
    TOOLSTACK=xl PROTECT_OPTIONS=
    protected "stock sender, our receiver" A
    lost_power "stock sender, our receiver" A flow
    back A
    step dts_receiver ''
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--realtime=rtp:6000
    protected "our sender, stock receiver" B
    lost_power "our sender, stock receiver" B flow
    safe ok "our sender, stock receiver: nothing was rolled back" is "$(field rolled_back)" 0
    back B
    TOOLSTACK=xl PROTECT_OPTIONS=
}

# What may be killed under xl-remus.  Without the engine a guest that was
# suspended is resumed, and its buffer opened, by the agent's hook.
part_own-kill() {
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--once
    step dts_receiver 'xl-remus receive'
    row "xl-remus, engine killed" A 'xl-remus protect'
    ok "xl-remus, engine killed: the buffer is gone" soon no_buffer A
    row "xl-remus, sender's link killed" A '^dts-link .*voip'
    row "xl-remus, secondary's gate killed" B 'dts-save-helper --restore'
    row "xl-remus, receiver killed" B '^[^ ]*xl-remus receive'
    row "xl-remus, primary's gate killed" A 'dts-save-helper --save'
    row "xl-remus, receiver's link killed" B 'dts-link --listen' n
    ok "xl-remus: the buffer is gone" soon no_buffer A
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}

# stopped NAME HOST PATTERN SECONDS same|another|any [WHICH]: a process that stands
# still for so long, and goes on: one copy, protected by such a session.
stopped() {
    local id session
    protected "$1" A
    id=$(boot_id)
    session=$(session_of)
    step on "$2" "p=\$(pgrep -${6:-o} -f -- '$3') && kill -STOP \$p && sleep $4 && kill -CONT \$p"
    case $5 in
    same) ok "$1: protected, by the same session" still "$session" ;;
    another) ok "$1: protected again" eventually 180 another "$session" ;;
    any)
        ok "$1: protected, still or again" eventually 180 dts_bound hostA protected
        if still "$session" >/dev/null; then say "$1: by the same session"; else say "$1: by another session"; fi
        ;;
    esac
    ok "$1: the same guest serves" soon same_guest "$id"
    # (One that is being checkpointed stands still.)
    safe ok "$1: one copy runs, there" soon one_copy A
}
session_of() { dts --bare --columns=session find Binding domain=voip | xargs; }
still() { dts_bound hostA protected && is "$(session_of)" "$1"; }
another() { dts_bound hostA protected && [ "$(session_of)" != "$1" ]; }

# Processes that stop (SIGSTOP), shorter and longer than the peer-timeout (2.5 s,
# see dts_times) and a stall (2 s).  Whether a session outlives 8 s in which B's
# libxl takes nothing depends on what the guest writes meanwhile: the link holds
# 64 MiB.  So that is said, not judged.
part_own-stop() {
    TOOLSTACK=xl-remus PROTECT_OPTIONS=
    step dts_receiver 'xl-remus receive'
    stopped "engine stopped for 1 s" A '^[^ ]*xl-remus protect' 1 same
    stopped "sender's link stopped for 1 s" A '^dts-link .*voip' 1 same
    stopped "receiver's link stopped for 1 s" B 'dts-link --listen' 1 same n
    stopped "agent of the primary stopped for 6 s" A '^dts-agent' 6 same
    stopped "agent of the secondary stopped for 6 s" B '^dts-agent' 6 same
    stopped "sender's link stopped for 8 s" A '^dts-link .*voip' 8 another
    stopped "receiver's link stopped for 8 s" B 'dts-link --listen' 8 another n
    stopped "secondary's gate stopped for 8 s" B 'dts-save-helper --restore' 8 any
    stopped "receiver stopped for 8 s" B '^[^ ]*xl-remus receive' 8 any
    granted_late "receiver's link stopped, the guest asks" A
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}
# granted_late NAME HOST: what the guest asked for is not granted while HOST's peer
# is silent.
granted_late() {
    local name=$1 h=$2 session dir
    protected "$name" "$h"
    session=$(session_of)
    dir=/local/domain/$(on "$h" xl domid voip)/data/remus-dts
    step on "$(other_of "$h")" 'p=$(pgrep -n -f -- "dts-link --listen") && kill -STOP $p && echo $p >/lab/listener'
    safe ok "$name: nothing is granted to it" \
        on "$h" "xenstore-write $dir/checkpoint late; sleep 0.7; [ \"\$(xenstore-read $dir/committed 2>/dev/null)\" != late ]"
    step on "$(other_of "$h")" 'kill -CONT $(cat /lab/listener)'
    ok "$name: it is when the peer has the checkpoint" soon on "$h" "[ \"\$(xenstore-read $dir/committed)\" = late ]"
    ok "$name: by the same session" still "$session"
}

# A second site: 50 ms away, 20 Mbit/s, 1 % of packets lost.
far() { local h; for h in A B; do on $h 'tc qdisc replace dev rep0 root netem delay 25ms rate 20mbit loss 1% limit 2000' || return 1; done; }
near() { local h; for h in A B; do ! is_up $h || on $h 'tc qdisc del dev rep0 root' || return 1; done; }
part_wan() {
    local session
    TOOLSTACK=xl-remus PROTECT_OPTIONS="--realtime=rtp:6000 --bandwidth=4M --max-interval=600"
    step dts_receiver 'xl-remus receive'
    ensure A
    step far
    ok "WAN: protected from hostA" dts_protect A || bail "no protection"
    session=$(session_of)
    ok "WAN: a checkpoint now" on A 'xl-remus checkpoint -t 60 voip'
    sleep 20
    on A 'xl-remus status --json voip' >"$XENLAB_DIR/wan.json"
    say "WAN: a checkpoint each $(jq '.last_interval_us / 1000 | round' "$XENLAB_DIR/wan.json") ms, $(jq '.last_bytes' "$XENLAB_DIR/wan.json") bytes, $(jq '.last_wire_bytes' "$XENLAB_DIR/wan.json") on the wire, ack $(jq '.last_ack_us / 1000 | round' "$XENLAB_DIR/wan.json") ms"
    ok "WAN: protected, by the same session" still "$session"
    ok "WAN: less than a tenth of the bytes goes over the wire" jq -e '.last_wire_bytes * 10 < .last_bytes' "$XENLAB_DIR/wan.json"
    guest_writes "WAN" A
    CALL_TCP=1
    lost_power "WAN" A flow
    CALL_TCP=
    safe ok "WAN: nothing was rolled back" is "$(field rolled_back)" 0
    safe ok "WAN: by TCP nothing was lost, and nothing came twice" tcp_ok
    step near
    back A
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}

# guest_writes NAME HOST: the guest writes more than its link may carry (4 Mbit/s):
# checkpoints become fewer, that is told, and the link carries no more than it may.
guest_writes() {
    local name=$1 h=$2 session bytes t
    session=$(session_of)
    ok "$name: the interval is bearable" is "$(status_of "$h" slow)" false
    guest_write 512
    ok "$name, the guest writes: it is told that checkpoints come too seldom" soon slow "$h" true
    ok "$name, the guest writes: dts-ctl status tells it, too" soon slow_told
    # (The counter of hostA's cable, over ten seconds of the host's own clock.)
    on "$h" 'for i in 1 2; do [ $i = 1 ] || sleep 10; echo "${EPOCHREALTIME/./} $(cat /sys/class/net/rep0/statistics/tx_bytes)"; done' >"$XENLAB_DIR/rate"
    bytes=$(awk 'NR == 2 { printf "%d", ($2 - b) / (($1 - t) / 1e6) } { t = $1; b = $2 }' "$XENLAB_DIR/rate")
    t=$(status_of "$h" last_interval_us)
    say "$name, the guest writes: a checkpoint each $((t / 1000)) ms, $((bytes / 1000)) kB/s through tunnel 1"
    ok "$name, the guest writes: the interval is longer than was asked for" at_least "$t" $((3 * INTERVAL * 1000))
    ok "$name, the guest writes: no more than --bandwidth goes over the link" at_most "$bytes" 550000
    ok "$name, the guest writes: and most of that is used" at_least "$bytes" 250000
    guest_write 0
    ok "$name, it writes no more: that checkpoints come often enough is told" soon slow "$h" false
    ok "$name: by the same session" still "$session"
}
guest_write() { in_ns bash -c "echo -n $1 >/dev/udp/$DTS_GUEST/19"; }
slow() { is "$(status_of "$1" slow)" "$2"; }
slow_told() { dts status voip | tee "$XENLAB_DIR/status" | grep -q 'condition slow: a checkpoint comes each' || { cat "$XENLAB_DIR/status"; return 1; }; }

# Two guests, each with its session: a host's death moves both.
part_two() {
    local cut pids second=10.20.0.101
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--realtime=rtp:6000
    step dts_receiver 'xl-remus receive'
    protected "two guests" A
    guest_config A sip br-dts vif-ovs-dts $second 00:16:3e:00:00:65
    step dts domain-add sip --network=voice --address="'00:16:3e:00:00:65 $second'" --primary=hostA --secondary=hostB
    step on A xl create -q /lab/sip.cfg
    step eventually "$XENLAB_PATIENCE" probe_answers $second
    ok "two guests: the second one is protected" dts_protect A sip
    ok "two guests: the first one still is" dts_bound hostA protected
    say "two guests: $(on A 'xl list' | awk 'NR > 1 { print $1, $3, $5 }' | paste -sd,); B has $(on B 'xl info free_memory') MiB left"
    CALL_TCP=1
    step begin_call remus-dts "$call"
    CALL_TCP=
    ip netns exec "$XENLAB_NS" "$XENLAB_DIR/probe" $second 7200 "$call/second.csv" 20 >"$call/second.out" 2>&1 &
    pids=$!
    ip netns exec "$XENLAB_NS" "$XL/call/transfer.py" $second "$call/second.json" >"$call/second.err" 2>&1 &
    pids="$pids $!"
    step in_checkpoint A "$call"
    step on A 'xl-remus checkpoint -t 60 sip'
    cut=$(power_cut A)
    ok "two guests: voice comes back" survive remus-dts "$call" "$cut"
    ok "two guests: the second one serves" soon probe_answers $second
    call_end "$call"
    kill $pids
    step eventually 60 test -s "$call/second.json"
    step eventually 10 test -s "$call/second.csv"
    step collect remus-dts "$call" "$cut" power flow gre
    safe ok "two guests: hostB runs both, once each" is "$(running B | xargs -n 1 | sort | xargs)" 'sip voip'
    ok "two guests: the first one's binding is hostB alone" soon dts_bound hostB alone
    ok "two guests: the second one's, too" soon dts_bound hostB alone sip
    ok "two guests: the first one's state continued and its BYE was answered" is "$(field state_continued)" true
    safe ok "two guests: nothing of the first was rolled back" is "$(field rolled_back)" 0
    safe ok "two guests: by TCP nothing was lost, and nothing came twice" tcp_ok
    safe ok "two guests: the second one is the same guest, and nothing of it was rolled back" \
        is "$(counted "$call/second.csv" "$cut")" "1 boot ids, 0 rolled back, answers after the cut"
    safe ok "two guests: by TCP nothing was lost of the second, and nothing came twice" jq -e '.ok' "$call/second.json"
    say "two guests: voice gap $(field gap_ms) ms, the second one's TCP $(jq .longest_gap_ms "$call/second.json") ms"
    on B 'xl destroy sip'
    dts domain-del --force sip >/dev/null
    back A
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}
# counted CSV CUT_MS: what a probe saw of a counter.
counted() {
    awk -F, -v cut="$2" 'NR > 1 && $3 != "" {
            if (high - $4 + 1 > back) back = high - $4 + 1
            if ($4 > high) high = $4
            if (!($5 in id)) { id[$5]; n++ }
            if ($3 > cut) after = ", answers after the cut"
        }
        END { printf "%d boot ids, %d rolled back%s\n", n, high ? back : 0, after }' "$1"
}

# One call, one TCP connection and one counter across many failovers.
part_rounds() {
    local i h cut n_done=0 rounds=${XENLAB_ROUNDS:-20}
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--realtime=rtp:6000
    step dts_receiver 'xl-remus receive'
    ensure A
    h=A
    CALL_TCP=1
    step begin_call remus-dts "$call"
    for ((i = 1; i <= rounds; i++)); do
        is_up "$(other_of $h)" || back "$(other_of $h)"
        dts_protect $h || { ok "round $i: protected from $(node_of $h)" false; break; }
        step in_checkpoint $h "$call"
        cut=$(power_cut $h)
        h=$(other_of $h)
        ok "round $i: voice comes back from $(node_of $h)" survive remus-dts "$call" "$cut" || break
        n_done=$i
        say "round $i: $(dts_binding)"
    done
    call_end "$call"
    CALL_TCP=
    step collect remus-dts "$call" "$cut" rounds flow gre
    ok "$n_done failovers: the guest's state continued and its BYE was answered" is "$(field state_continued)" true
    safe ok "$n_done failovers: nothing was rolled back" is "$(field rolled_back)" 0
    say "$(jq -r '"\(.acknowledged) records acknowledged, \(.bytes) bytes"' "$call/tcp.json")"
    safe ok "$n_done failovers: by TCP nothing was lost, and nothing came twice" tcp_ok
    safe ok "$n_done failovers: one copy runs" is "$(copies)" 1
    back "$(other_of $h)"
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}
