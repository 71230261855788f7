# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The tests of xl-remus on real Xen (parts of tests/xenlab/run): protection and
# failover, switchover, what may be killed or stopped, a link that is slow.

# xl-remus at both ends.  The voice passes, all else is held until it is
# committed: nothing that a client has seen is rolled back.
part_protect() {
    local id
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

    protected "xl-remus, backup lost" B
    id=$(boot_id)
    cable A rep off
    ok "xl-remus, backup lost: hostB goes on alone" soon dts_bound hostB alone
    ok "xl-remus, backup lost: the same guest serves" soon same_guest "$id"
    safe ok "xl-remus, backup lost: one copy runs, there" one_copy B
    cable A rep on
    ok "xl-remus, backup back: protected again by itself" eventually 120 dts_bound hostB protected
    ok "xl-remus: a checkpoint now" on B 'xl-remus checkpoint -t 60 voip'
    ok "xl-remus: unprotect" on B 'xl-remus unprotect voip'
    ok "xl-remus, unprotected: the buffer is gone" no_buffer B
    ok "xl-remus, unprotected: the copy is gone" soon no_guest A
    ok "xl-remus, unprotected: the same guest serves" soon same_guest "$id"
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}
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
    local id
    TOOLSTACK=xl-remus
    step dts_receiver 'xl-remus receive'
    protected "switchover" B
    id=$(boot_id)
    ok "switchover" on B 'xl-remus switchover voip'
    ok "switched over: hostA runs it" soon dts_bound hostA alone
    ok "switched over: the same guest serves" soon same_guest "$id"
    safe ok "switched over: one copy runs, there" soon one_copy A
    ok "switched over: the other is gone" soon no_guest B
    TOOLSTACK=xl
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
    TOOLSTACK=xl PROTECT_OPTIONS=
    step dts_receiver ''
}

# A second site: 50 ms away, 20 Mbit/s, 1 % of packets lost.
far() { local h; for h in A B; do on $h 'tc qdisc replace dev rep0 root netem delay 25ms rate 20mbit loss 1% limit 2000' || return 1; done; }
near() { local h; for h in A B; do ! is_up $h || on $h 'tc qdisc del dev rep0 root' || return 1; done; }
part_wan() {
    local session
    TOOLSTACK=xl-remus PROTECT_OPTIONS=--realtime=rtp:6000
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
