#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xl-remus and dts-domwatch: the real libxl and xenstored on a Xen that is a
# directory (fakexen.c).
. "$(dirname "$0")/onehost.sh"
XLR=$BUILD/libxl-ext/xl-remus
WATCH=$BUILD/libxl-ext/dts-domwatch
[ -x "$XLR" ] && [ -x "$WATCH" ] || skip_all "built without Xen"
# The sanitizers' runtime cannot come before a preloaded library.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0

plan 103
onehost_up

U=00000000-0000-4000-8000-00000000000
# xlr ARGUMENTS...: output in $W/out, messages in $W/err, status in $rc.
# libxl keeps files in /run/xen.
xlr() {
    on hostA unshare -m sh -c 'mount -t tmpfs none /run && mkdir /run/xen &&
        LD_PRELOAD=$0 exec "$@"' $BUILD/tests/netns/fakexen.so $XLR "$@" \
        >$W/out 2>$W/err
    rc=$?
}
# gives STATUS PATTERN DESCRIPTION: of the last xlr.
gives() {
    if [ "$rc" = "$1" ] && (cat $W/out $W/err; echo) | grep -q -- "$2"; then
        pass "$3"
    else
        fail "$3"; diag "status $rc, wanted $1; wanted: $2"
        diag "$(cat $W/out $W/err)"
    fi
}
state() { xlr state --json $1; jq -r '.state + "/" + .reason' $W/out; }
word() { cat $W/hostA/xen/dom/$1 2>/dev/null; }

# ---------------------------------------------------------------- xl-remus

xlr; gives 1 "command is missing" "no command"
xlr frobnicate; gives 1 "unknown command" "an unknown one"
xlr resume; gives 1 "usage: xl-remus resume" "no domain"
xlr resume a b; gives 1 "usage: xl-remus resume" "two of them"
xlr --frob resume a; gives 1 "frob" "an unknown option"
xlr help; gives 0 "let a domain go on" "help"
xlr version; gives 0 "remus-dts" "version"
xlr state; gives 0 "UUID" "no domains at all"
xlr resume voip; gives 2 "no domain voip" "a domain that is not there"
xlr destroy 0; gives 3 "this host itself" "domain 0 is not touched"

dom create 3 voip ${U}3 r
dom create 4 other--incoming ${U}4 p
xlr state; gives 0 "voip .*${U}3  running" "the state of all"
gives 0 "other--incoming .*paused" "copies too"
is "$(state voip)" running/ "of one, by its name"
is "$(state 4)" paused/ "by its number"
xlr state --json
is "$(jq -c 'map([.domid, .name])' $W/out)" '[[3,"voip"],[4,"other--incoming"]]' \
    "as JSON"
xlr resume other; gives 2 "only the copy" "a copy is not the domain"

# unbuffer: not what somebody looks after.
xlr unbuffer nobody; gives 2 "no domain nobody" "nothing to unbuffer"
xlr unbuffer other--incoming; gives 3 "is a copy" "a copy is left alone"
xlr unbuffer voip; gives 0 "nothing holds back" "a domain without a buffer"
lock=$W/hostA/dts/xl-remus.voip.lock
flock $lock sleep 600 &
holder=$!
locked() { ! flock -n $lock true; }
ok "a process holds the lock" wait_for 10 locked
xlr unbuffer voip; gives 3 "another process has the lock of voip .*its buffer is looked after" "of one that is protected"
kill $(pgrep -P $holder) $holder
xlr unbuffer voip; gives 0 "nothing holds back" "when that has died"
rm -f $lock; mkdir $lock
xlr unbuffer voip; gives 6 "its lock in" "where no lock can be taken"
rmdir $lock

# pause and unpause: Xen counts.
xlr pause voip; gives 0 "is paused" "pause"
xlr pause 3; gives 0 "paused already" "pause again"
is "$(word 3 | grep -o 'paused=.')" paused=1 "is not counted twice"
is "$(state voip)" paused/ "it shows"
xlr resume voip; gives 3 "unpause lets it go on" "resume of a paused domain is refused"
xlr unpause voip; gives 0 "is unpaused" "unpause"
is "$(state voip)" running/ "it runs"
xlr unpause voip; gives 0 "is not paused" "unpause again is no error"
xlr unpause other--incoming; gives 3 "is a copy" "a copy is not let loose"
is "$(state 4)" paused/ "it is paused still"
xlr unpause --force other--incoming; gives 0 "is unpaused" "unless it is forced"
dom set 4 p uuid=${U}4

# resume.
xlr resume voip; gives 3 "running, not suspended: there is nothing to resume" \
    "resume of a running domain is refused"
dom set 3 s reason=2 uuid=${U}3
is "$(state voip)" shutdown/suspend "suspended"
start=$(now_ms)
xlr resume voip; gives 0 "is resumed" "resume"
ok "after it was seen so for a second" test $(($(now_ms) - start)) -ge 1000
is "$(state voip)" running/ "it runs"
dom set 3 s reason=2 uuid=${U}3
start=$(now_ms)
xlr resume --now voip; gives 0 "is resumed" "resume at once"
is "$(state voip)" running/ "it runs too"
# A session that checkpoints: it runs in between.
dom set 3 s reason=2 uuid=${U}3
(
    for i in 1 2 3 4 5 6 7 8; do
        sleep 0.1; dom set 3 r uuid=${U}3
        sleep 0.1; dom set 3 s reason=2 uuid=${U}3
    done
) &
xlr resume voip; gives 3 "by a session that lives" "between checkpoints it is refused"
wait $!
is "$(state voip)" shutdown/suspend "and nothing was done"
# The same, suspended at every look: only its CPU time tells.
( for i in 1 2 3 4 5 6 7 8; do sleep 0.15; dom set 3 s reason=2 uuid=${U}3; done ) &
xlr resume voip; gives 3 "by a session that lives" "also if it is seen suspended only"
wait $!
dom set 3 s reason=2 paused=1 uuid=${U}3
xlr resume voip; gives 0 "is paused still" "suspended and paused: resumed, and said"
for r in "0 poweroff" "1 reboot" "3 crash"; do
    dom set 3 s reason=${r% *} uuid=${U}3
    xlr resume voip
    gives 3 "shut down for ${r#* }, not suspended: it ended by itself" \
        "resume after a ${r#* } is refused"
done
dom set 3 d uuid=${U}3
xlr resume voip; gives 3 "wait for its end" "resume of a dying one too"
xlr pause voip; gives 3 "nothing to pause" "and its pause"

# destroy.
dom set 3 r uuid=${U}3
xlr destroy voip; gives 3 "pause it first" "destroy of a running domain is refused"
is "$(state voip)" running/ "it runs on"
xlr --name=sip destroy 3; gives 2 "called voip, not sip" "nor that of another than meant"
xlr --name=other--incoming destroy 4; gives 0 "is destroyed" "a copy is destroyed"
is "$(word 4)" "" "it is gone"
is "$(on hostA xenstore-read /local/domain/4/name 2>&1 | grep -c other)" 0 \
    "from xenstore too"
dom set 3 s reason=2 uuid=${U}3
xlr destroy voip; gives 0 "is destroyed" "a suspended domain is destroyed"
dom create 3 voip ${U}3 r
xlr destroy --force voip; gives 0 "is destroyed" "a running one by force"

# ---------------------------------------------------------------- hooks

mkdir $W/bin
cat >$W/bin/xl-remus <<END
#!/bin/sh
LD_PRELOAD=$BUILD/tests/netns/fakexen.so exec $XLR "\$@"
END
chmod +x $W/bin/xl-remus
# hook EVENT NAME=VALUE...: as the agent runs it.
hook() {
    local event=$1; shift
    on hostA unshare -m sh -c 'mount -t tmpfs none /run && mkdir /run/xen &&
        exec "$@"' - env PATH=$W/bin:$PATH DTS_DOMAIN=voip DTS_COPY=0 "$@" \
        $SRC/remus-hooks/hooks.d/$event/10-* voip >$W/out 2>$W/err
    rc=$?
}
dom create 5 voip ${U}5 r
hook fence DTS_DOMID=5 DTS_FENCE=none; gives 0 "" "fence=none"
is "$(state 5)" running/ "does nothing"
hook fence DTS_DOMID=5 DTS_FENCE=pause; gives 0 "is paused" "fence=pause"
hook fence DTS_DOMID=5 DTS_FENCE=pause; gives 0 "paused already" "can be repeated"
is "$(word 5 | grep -o 'paused=.')" paused=1 "and pauses once"
hook unfence DTS_DOMID=5; gives 0 "is unpaused" "unfence undoes it"
is "$(state 5)" running/ "once is enough"
hook unfence DTS_DOMID=5; gives 0 "is not paused" "and can be repeated"
hook fence DTS_DOMID=5 DTS_FENCE=pause
hook cleanup DTS_DOMID=5 DTS_FENCE=none; gives 0 "" "with fence=none nothing is destroyed"
dom rename 5 sip
hook cleanup DTS_DOMID=5 DTS_FENCE=pause; gives 2 "called sip, not voip" \
    "cleanup leaves a domain of another name alone"
is "$(state 5)" paused/ "it is there"
dom rename 5 voip
hook cleanup DTS_DOMID=5 DTS_FENCE=pause; gives 0 "is destroyed" "cleanup of the old owner's"
dom create 6 voip--incoming ${U}6 p
hook cleanup DTS_DOMID=6; gives 2 "called voip--incoming, not voip" "a copy must be meant"
hook cleanup DTS_DOMID=6 DTS_COPY=1; gives 0 "is destroyed" "cleanup of a copy"
dom create 5 voip ${U}5 s reason=2
hook resume DTS_DOMID=5; gives 0 "is resumed" "resume of what was left suspended"
hook resume DTS_DOMID=5; gives 3 "nothing to resume" "and not of what runs"
hook fence DTS_DOMID=5 DTS_FENCE=destroy; gives 0 "is destroyed" "fence=destroy"
is "$(word 5)" "" "it is gone"
hook fence; gives 2 "DTS_DOMID" "a hook without its environment fails"

# ---------------------------------------------------------------- dts-domwatch

mkfifo $W/in
watch_start() {
    rm -f $W/lines
    exec 8<>$W/in
    nsenter --net=/run/netns/${P}hostA env $(env_of hostA) \
        LD_PRELOAD=$BUILD/tests/netns/fakexen.so $WATCH "$@" \
        <$W/in >$W/lines 2>$W/hostA/watch.log 8>&- &
    record watch $!
    wait_for 10 test -e $W/lines
}
told() { jq -r '"\(.domid) \(.name) \(.state) \(.reason)"' $W/lines | sed 's/ $//'; }
# expect LINE DESCRIPTION: the newest line of all.
last_is() { [ "$(told | tail -n 1)" = "$1" ]; }
expect() { ok "$2" wait_for 5 last_is "$1" || diag "$(told)"; }
mark() { lines=$(wc -l <$W/lines); }
quiet() { [ "$(wc -l <$W/lines)" = "$lines" ]; }

dom create 5 voip ${U}5 r
dom create 6 sip--incoming ${U}6 p
watch_start --poll=300 --settle=400
ok "dts-domwatch tells all domains" wait_for 5 eval '[ $(wc -l <$W/lines) = 2 ]'
is "$(told | xargs)" "5 voip running 6 sip--incoming paused" "as they are"
is "$(jq -r .uuid $W/lines | head -n 1)" ${U}5 "with their UUIDs"
dom create 7 c ${U}7 r
expect "7 c running" "a new one"
dom set 7 s reason=0 uuid=${U}7
expect "7 c shutdown poweroff" "a shutdown"
dom set 7 d uuid=${U}7; expect "7 c dying" "its end"
dom destroy 7; expect "7 c gone" "and that it is gone"
dom set 5 s reason=3 uuid=${U}5; expect "5 voip shutdown crash" "a crash"
dom set 5 s reason=1 uuid=${U}5; expect "5 voip shutdown reboot" "a reboot"
dom set 5 r uuid=${U}5; expect "5 voip running" "it runs again"

# Checkpoints: suspended for a moment, again and again.
mark
for i in 1 2 3 4 5 6 7 8 9 10; do
    dom set 5 s reason=2 uuid=${U}5; sleep 0.1
    dom set 5 r uuid=${U}5; sleep 0.1
done
ok "checkpoints are nothing to tell" quiet || diag "$(told)"
for i in 1 2 3 4 5 6 7 8 9 10; do
    dom set 5 s reason=2 uuid=${U}5; sleep 0.15
done
ok "nor if it is seen suspended only" quiet || diag "$(told)"
# Looked at twice in one checkpoint, because of another domain.
dom set 5 r uuid=${U}5; sleep 0.1
dom set 5 s reason=2 uuid=${U}5
dom create 8 d ${U}8 r; sleep 0.05; dom destroy 8; sleep 0.05
dom set 5 r uuid=${U}5; sleep 0.3
ok "nor if it is looked at twice" eval '[ $(told | grep -c "^8 ") = 2 ] &&
    ! told | grep -q "^5 .* suspend"' || diag "$(told)"
dom set 5 s reason=2 uuid=${U}5
expect "5 voip shutdown suspend" "a domain left suspended is"
mark
sleep 1
ok "once" quiet
dom set 5 r uuid=${U}5
expect "5 voip running" "and that it goes on"
dom set 5 p uuid=${U}5
expect "5 voip paused" "a pause is found without an event"
mark
echo "query 6" >&8; expect "6 sip--incoming paused" "a query is answered"
echo "query 99" >&8; expect "99  gone" "also about none"
echo "frob" >&8; sleep 0.5
is "$(wc -l <$W/lines)" $((lines + 2)) "nonsense is not"
ok "and it goes on" alive watch
# A number that comes again.
dom destroy 6; expect "6 sip--incoming gone" "a copy goes"
dom create 6 sip ${U}8 r; expect "6 sip running" "its number comes again"

stop xenstored-hostA KILL
ok "without xenstored it ends" wait_for 5 not alive watch
exec 8>&-
xenstored_start hostA
watch_start
exec 8>&-
ok "it ends with its input" wait_for 5 not alive watch
stop xenstored-hostA KILL
xlr state; gives 4 "Xen does not answer" "nothing goes without Xen"
