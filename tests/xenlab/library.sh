# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The tests of libremusdts on real Xen (parts of tests/xenlab/run): other programs
# than xl-remus on it, as its package has it.  call/caller.c is called at every
# point, and stands still in any of them: so the power is cut, and each process is
# killed or stopped, at a chosen moment of a checkpoint.

REC=/lab/rec                    # What caller writes, on either host.

# compile SOURCE PROGRAM: as the example says, with libremusdts-dev's files.
compile() {
    local libs
    ovs_tree || return 1
    libs=$(dirname "$DEBS"/tree/usr/lib/*/libremusdts.a)
    gcc -O2 -Wall -Wextra -o "$2" "$1" -I"$DEBS/tree/usr/include" -L"$libs" -L"$OVS_TREE/build/lib/.libs" \
        -lremusdts -lopenvswitch -lssl -lcrypto -lxenlight -lxenstore -lxentoollog -lnl-route-3 -lnl-3 -lm
}
programs() {
    compile "$XL/call/caller.c" "$XENLAB_DIR/caller" &&
        compile "$DEBS/tree/usr/share/doc/libremusdts-dev/examples/remus-example.c" "$XENLAB_DIR/remus-example"
}
# have HOST: our programs there.
have() {
    put "$1" "$XENLAB_DIR/caller" /lab/caller && put "$1" "$XENLAB_DIR/remus-example" /lab/remus-example &&
        on "$1" <<'END'
cat >/lab/switch <<'S'
#!/bin/bash
echo "$* $(xl-remus state --json ${!#} | jq -r .state)" >>/lab/switched
S
chmod +x /lab/switch
END
}
# recorded HOST WORDS: there is such a line in its record.
recorded() { on "$1" "grep -q '^$2' $REC/record"; }
# record_is HOST FIRST LINE...: what was recorded after the first line that begins
# with FIRST begins with these lines (without log's; of each session's copying the first).
record_is() {
    local h=$1 first=$2
    shift 2
    on "$h" "cat $REC/record" | awk -v first="$first" '
        !on && index($0, first) == 1 { on = 1 }
        !on || $1 == "log" || ($1 == "copying" && copying++) { next }
        $1 == "connected" { copying = 0 }
        { print }' >"$XENLAB_DIR/record"
    printf '%s\n' "$@" | awk -v record="$XENLAB_DIR/record" '
        { getline line <record; if (index(line " ", $0 " ") != 1) { bad = 1; print "is: " line; print "should be: " $0 } }
        END { exit bad }'
}
# new_record HOST: an empty one; what it says is of what comes.
new_record() { on "$1" "mkdir -p $REC && rm -f $REC/stop $REC/stopped && : >$REC/record"; }

# Each point, in its order; the paper's callback at a real takeover.
part_library() {
    local h p
    TOOLSTACK=caller
    ok "library: its programs build from libremusdts-dev, as the example says" programs || bail "no programs"
    ensure A
    for h in A B; do step have $h; step new_record $h; done
    step dts_receiver "/lab/caller receive $REC"
    protected "library" A
    step soon recorded A 'checkpoint 2'
    ok "library, primary: connected, the copy, checkpoint 1, protected, checkpoint 2" \
        record_is A connected connected copying 'suspended 1' 'resuming 1' protected 'checkpoint 1' 'suspended 2' 'resuming 2' 'checkpoint 2'
    ok "library, secondary: receiving" record_is B receiving 'receiving voip'

    # Nobody says `alone` while the agent stands still.
    p=$(on A "pgrep -o -f '^dts-agent'")
    step on A "kill -STOP $p"
    step on B "p=\$(pgrep -n -f 'dts-link --listen') && kill -STOP \$p && echo \$p >/lab/listener"
    ok "library, primary: suspect" soon recorded A suspect
    step on B 'kill -CONT $(cat /lab/listener)'
    ok "library, primary: unsuspect" soon recorded A unsuspect
    step on A "kill -CONT $p"
    # (It may still act on what it was told first, and say `alone`.)
    step soon agent_answers A
    ok "library: protected, still or again" eventually 120 dts_bound hostA protected
    step on A 'xl-remus checkpoint -t 60 voip'

    step new_record A
    cable A rep off
    ok "library, primary: alone" soon recorded A alone
    ok "library: hostA runs it alone" soon dts_bound hostA alone
    cable A rep on
    ok "library: protected again" eventually 120 dts_bound hostA protected
    step soon recorded A 'checkpoint 1'
    ok "library, primary: suspected, alone, and all from the beginning" \
        record_is A suspect suspect alone connected copying 'suspended 1' 'resuming 1' protected 'checkpoint 1'

    step new_record B
    ok "library: switchover" on A 'xl-remus switchover voip'
    ok "library, primary: taken, and it returns" soon recorded A 'returned 0'
    ok "library, primary: the last is that it was taken" record_is A taken taken 'returned 0'
    ok "library, secondary: resume, running, and it returns" soon record_is B resume 'resume voip' 'running voip' 'returned 0'
    safe ok "library: one copy runs, there" soon one_copy B

    # (Nobody protects while listeners are started anew.)
    step dts_receiver '/lab/remus-example /lab/switch'
    protected "library, the example" B
    lost_power "library, the example" B flow
    ok "library, the example: it was called three times, in the paper's order, before the guest ran" \
        is "$(on A "sed 's/[0-9]* paused/N paused/' /lab/switched" | paste -sd,)" \
        'add-tunnel 3 voip N paused,del-tunnel 2 voip N paused,notify-gateway voip N paused'
    TOOLSTACK=xl
    back B
    step dts_receiver ''
}

# halt WHERE: the engine on hostA stands still the next time that it comes there.
halt() {
    step on A "rm -f $REC/stopped; echo $1 >$REC/stop.new; mv $REC/stop.new $REC/stop"
    step soon on A "test -e $REC/stopped"
}
go_on() { on A "rm -f $REC/stopped"; }
halted_in_copy() {
    step new_record A
    step on A "echo copying >$REC/stop; setsid /lab/caller protect $REC voip $INTERVAL >/var/log/lab-caller.log 2>&1 </dev/null &"
    step soon on A "test -e $REC/stopped"
}
# at_moment MOMENT: brings hostA's engine there.
#   copy        the first copy is on its way
#   suspended   the guest has just been suspended for a checkpoint
#   resuming    the checkpoint is written, and acknowledged meanwhile; nothing is
#               released
#   checkpoint  its output was just released, and the guest runs
#   unacked     as resuming, but nothing of it has left hostA (for as long as hostA
#               is not suspected)
at_moment() {
    if [ "$1" = copy ]; then
        ensure A
        step on A 'p=$(pgrep -o -f "^/lab/caller protect") && kill $p; while pgrep -f "^/lab/caller protect"; do sleep 0.1; done; :'
        step soon no_guest B
        halted_in_copy
    else
        protected "$2" A
        halt_at "$1"
    fi
}
halt_at() {
    [ "$1" = unacked ] || { halt "$1"; return; }
    halt suspended
    cable A rep off
    step on A "echo resuming >$REC/stop.new; mv $REC/stop.new $REC/stop; rm $REC/stopped; until [ -e $REC/stopped ]; do sleep 0.02; done"
}
victim() {
    case $1 in
    engine) echo 'A o ^/lab/caller protect' ;;
    link) echo 'A o ^dts-link .*voip' ;;
    gate) echo 'A o dts-save-helper --save' ;;
    helper) echo 'A o libxl-save-helper --save' ;;
    agent) echo 'A o ^dts-agent' ;;
    receiver) echo 'B o ^/lab/caller receive' ;;
    their-link) echo 'B n dts-link --listen' ;;
    their-gate) echo 'B o dts-save-helper --restore' ;;
    their-helper) echo 'B o libxl-save-helper --restore' ;;
    their-agent) echo 'B o ^dts-agent' ;;
    esac
}
# struck MOMENT VICTIM: it is killed then: the guest goes on, and is protected again.
struck() {
    local name="$1, $2 killed" id host which pattern
    read -r host which pattern <<<"$(victim "$2")"
    ensure A
    id=$(boot_id)
    at_moment "$1" "$name"
    step kill_on "$host" "$pattern" "$which"
    go_on
    case $2 in *agent) step on "$host" "$DAEMON start agent" ;; esac
    ok "$name: the same guest serves" soon same_guest "$id"
    safe ok "$name: one copy runs, there" soon one_copy A
    ok "$name: protected (again)" dts_protect A || bail "no protection"
    ok "$name: it is the same guest" soon same_guest "$id"
}
part_moments() {
    local moment who h
    TOOLSTACK=caller
    ok "moments: the programs build" programs || bail "no programs"
    ensure A
    for h in A B; do step have $h; step new_record $h; done
    step dts_receiver "/lab/caller receive $REC"
    for moment in ${XENLAB_MOMENTS-copy suspended resuming checkpoint}; do
        for who in ${XENLAB_VICTIMS-engine link gate helper agent receiver their-link their-gate their-helper their-agent}; do
            struck $moment $who
        done
    done
    for moment in ${XENLAB_CUTS-copy suspended unacked resuming checkpoint}; do cut_at $moment; done
    TOOLSTACK=xl
    step dts_receiver ''
}
# cut_at MOMENT: hostA loses its power then.
cut_at() {
    local name="$1, power cut" cut
    if [ "$1" = copy ]; then
        at_moment copy "$name"
        power_cut A >/dev/null
        back A
        safe ok "$name: nobody runs it, for nobody has it whole" is "$(copies)" 0
        say "$name: the binding: $(dts_binding); $(dts status voip | head -n 3 | paste -sd' ')"
        fresh_guest A
    else
        protected "$name" A
        CALL_TCP=1
        step begin_call remus-dts "$call"
        CALL_TCP=
        step in_checkpoint A "$call"
        halt_at "$1"
        cut=$(power_cut A)
        ok "$name: voice comes back" survive remus-dts "$call" "$cut"
        call_end "$call"
        step collect remus-dts "$call" "$cut" power flow gre
        ok "$name: the guest's state continued and its BYE was answered" is "$(field state_continued)" true
        safe ok "$name: nothing was rolled back" is "$(field rolled_back)" 0
        safe ok "$name: by TCP nothing was lost, and nothing came twice" tcp_ok
        safe ok "$name: one copy runs, there" one_copy B
        back A
        fresh_guest A
    fi
    step have A
    step new_record A
    step dts_receiver "/lab/caller receive $REC"
}
