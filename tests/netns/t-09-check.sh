#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xl-remus check: both ends, with agents, database, TLS and the real libxl on a
# Xen that is a directory (fakexen.c).  With a hypervisor: tests/xenlab.
. "$(dirname "$0")/dts.sh"
XLR=$BUILD/libxl-ext/xl-remus
DOM=$BUILD/tests/netns/fakedom
[ -x "$XLR" ] || skip_all "built without Xen"
[ -n "$XENSTORED" ] || skip_all "no C xenstored (package xen-utils-4.17)"
needs_programs $AGENT $LINK $SHIM $VIF $DOM
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0

plan 105
U=00000000-0000-4000-8000-000000000003
[ -d /var/lib/xen ] || mkdir -p /var/lib/xen
BED_ENV="LIBXL_SAVE_HELPER=$SHIM DTS_REAL_SAVE_HELPER=$N/fakehelper.py"
dts_up || { fail "the system comes up"; exit 1; }
mkdir -p $W/bin
PATH=$W/bin:$PATH
printf '#!/bin/sh\nexit 0\n' >$W/bin/modprobe; chmod +x $W/bin/modprobe

# xl-remus on a node.  libxl keeps files in /run/xen and /var/lib/xen.
for n in hostA hostB; do
    mkdir -p $W/$n/varlib
    cat >$W/$n/xl-remus <<END
#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs none /run && mkdir /run/xen &&
    mount --bind $W/$n/varlib /var/lib/xen &&
    { [ ! -e $W/$n/hidden ] || mount --bind $W/$n/hidden $W/files; } &&
    LD_PRELOAD=$BUILD/tests/netns/fakexen.so exec "\$@"' sh $XLR "\$@"
END
    chmod +x $W/$n/xl-remus
done
# xlr NODE ARGUMENTS...: output in $W/out, messages in $W/err, status in $rc.
xlr() {
    local node=$1; shift
    on $node $W/$node/xl-remus "$@" >$W/out 2>$W/err </dev/null
    rc=$?
}
tls_options() { for o in $(tls_of $1); do printf -- '--link-option=%s ' $o; done; }
# check ARGUMENTS...: from hostA, as JSON, without the second for bandwidth.
check() { xlr hostA check --link=$LINK $(tls_options hostA) --json --no-bandwidth "$@"; }
# says LEVEL AREA NODE PATTERN DESCRIPTION: a line of the last check.
says() {
    if jq -e --arg l "$1" --arg a "$2" --arg n "$3" --arg p "$4" \
        'any(.checks[]; .level == $l and .check == $a and .node == $n and (.text | test($p)))' $W/out >/dev/null 2>&1
    then pass "$5"
    else
        fail "$5"; diag "wanted: $1 $2 $3 $4; status $rc"
        diag "$(jq -r '.checks[] | "\(.level) \(.check) \(.node): \(.text)"' $W/out 2>&1; cat $W/err $W/hostB/dts/check.log 2>/dev/null | tail -n 20)"
    fi
}
gives() {
    if [ "$rc" = "$1" ] && (cat $W/out $W/err; echo) | grep -q -- "$2"; then
        pass "$3"
    else
        fail "$3"; diag "status $rc, wanted $1; wanted: $2"; diag "$(cat $W/out $W/err)"
    fi
}
listen() {      # listen OPTIONS...
    spawn link-hostB hostB $LINK $(tls_of hostB) --listen -vconsole:info \
        --receiver-log=$W/hostB/dts --spool=$W/hostB/dts \
        --log-file=$W/hostB/dts/dts-link.log --unixctl=$W/hostB/dts/dts-link.ctl "$@"
    wait_for 20 grep -q "listening on" $W/hostB/link-hostB.log
}

# -------------------------------------------------------------------- usage
xlr hostA check; gives 1 "usage: xl-remus check" "no domain"
xlr hostA check a b c; gives 1 "usage: xl-remus check" "too many words"
xlr hostA check -i 0 voip; gives 1 "1 to 60000 ms" "an interval that is none"
xlr hostA check --frob voip; gives 1 "check --help" "an unknown option"
xlr hostA check --help; gives 0 "measure-dirty" "help"
xlr hostA check --answer; gives 1 "run by dts-link" "the other end is not for hands"
check voip; gives 2 "no domain voip here" "a domain that is nowhere"
ok "also for programs" jq -e '.domain == "voip" and (.error | test("no domain voip here")) and .checks' $W/out
check 0; gives 3 "this host itself" "domain 0"

# ------------------------------------------------------------------ a domain
domain_add voip "$ADDRESS" hostB hostA >/dev/null || exit 1
agent_knows() { [ "$(agent $1 dts/status --json voip | jq -r '.domains[0].owner')" = $2 ]; }
ok "the agent has heard of the domain" wait_for 10 agent_knows hostA hostB
check voip
gives 3 "voip is bound to hostB, .*dts-ctl switch voip hostA" "one that is bound elsewhere, with the way out"
on hostA $DOM create 3 voip $U r
check voip; gives 3 "its frames are dropped here" "and runs here all the same"
bind voip hostA >/dev/null
ok "it is bound here" wait_for 10 agent_knows hostA hostA
ok "also there" wait_for 10 agent_knows hostB hostA

mkdir $W/files
echo kernel >$W/files/kernel; echo disk >$W/files/disk
printf '#!/bin/sh\n' >$W/files/vif-ovs-dts; chmod +x $W/files/vif-ovs-dts
config() {      # config READWRITE
    cat >$W/hostA/varlib/userdata-d.3.$U.libxl-json <<END
{"c_info": {"type": "pvh", "name": "voip", "uuid": "$U"},
 "b_info": {"type.pvh": {}, "max_vcpus": 1, "max_memkb": 131072, "target_memkb": 131072,
  "kernel": "$W/files/kernel"},
 "disks": [{"pdev_path": "$W/files/disk", "vdev": "xvda", "backend": "phy", "format": "raw", "readwrite": $1}]}
END
    # As libxl writes it, and takes for granted that it is.
    printf '\0' >>$W/hostA/varlib/userdata-d.3.$U.libxl-json
    on hostA xenstore-write $B/mode $(if [ $1 = 1 ]; then echo w; else echo r; fi)
}
xsw() { on hostA xenstore-write "$@"; }
xsw /local/domain/3/memory/target 131072 /local/domain/3/memory/static-max 131072 \
    /local/pool/0/name Pool-0 /libxl/3/type pvh
on hostB xenstore-write /local/pool/0/name Pool-0
B=/libxl/3/device/vbd/51712
xsw $B/backend /local/domain/0/backend/vbd/3/51712 $B/backend-id 0 \
    $B/frontend /local/domain/3/device/vbd/51712 $B/params $W/files/disk $B/type phy \
    $B/dev xvda $B/removable 0 $B/device-type disk
config 0
V=/local/domain/0/backend/vif/3/0
xsw /libxl/3/device/vif/0/backend $V $V/script $W/files/vif-ovs-dts $V/vifname vif3.0
force_plug hostA 3 $MAC
echo 20000 >$W/hostA/xen/free
echo 100000 >$W/hostB/xen/free

# -------------------------------------------------------------------- nobody
check --link-option=--timeout=1000 voip
gives 3 '"fail"' "without the other node it fails"
says fail link "" "hostB cannot be asked: cannot connect to .*is dts-link --listen running" "and says so"
says ok vif hostA "vif3.0 is in br-dts" "what is to be seen here is told all the same"

# ----------------------------------------------------------------- both ends
listen --checker="$W/hostB/xl-remus check --answer"
check voip
gives 6 '"fail": *0' "nothing fails" # The clock, and no bandwidth, are warnings.
says ok dirty "" "not measured .--measure-dirty does" "dirty pages are only measured when that is asked for"
ok "and their log is not touched" test ! -e $W/hostA/xen/touched
says ok agent hostA "has the database" "our agent"
says ok binding hostA "bound to this node .*standby hostB" "our binding"
says ok domain hostA "voip .domain 3. runs" "the domain"
says ok kind hostA "can be checkpointed" "its kind"
says ok disks hostA "none can be written" "its disks"
says ok vif hostA "vif3.0 is in br-dts, by vif-ovs-dts" "its vif"
says ok gate hostA "save-helper" "our helpers"
says ok plug hostA "sch_plug" "our plug"
says ok link "" "hostB answers" "the link"
says ok clocks "" "apart, within" "the clocks"
says ok agent hostB "has the database" "their agent"
says ok binding hostB "the standby of voip" "their binding"
says ok version hostB "as there" "their version"
says ok xen hostB "Xen 4.17 and libxenlight.*, as there" "their Xen"
says ok cpu hostB "all that the guest.s CPU has can be had here" "their CPU"
says ok memory hostB "needs 1[0-9][0-9] MiB, 390 MiB are free" "their memory"
says ok files hostB "kernel, .*/kernel, is there, the same" "the kernel there"
says ok files hostB "disk xvda, .*/disk, is there, the same" "the disk there"
says ok vif hostB "vif-ovs-dts is there" "the vifs' program there"
says ok gate hostB "save-helper" "their helpers"
is "$(jq -r '.node + .peer + .domain' $W/out)" hostAhostBvoip "whose it is"
sessions() { for n in hostA hostB; do agent $n dts/status --json voip; done | jq '.domains[].sessions[]'; }
dom3() { on hostA $DOM set 3 "$@" uuid=$U; }
is "$(sessions)" "" "no agent has heard of a session"
check 3 hostB; gives 6 '"fail": *0' "by its number, and the node's name"
check voip 169.254.64.2; gives 6 '"fail": *0' "by an address"
check voip hostX; gives 3 "no node called" "a node that is none"

# An answer that takes its time, and says nothing.
cat >$W/fakelink <<'END'
#!/usr/bin/python3
import json, os, sys, time
for line in sys.stdin:
    if "ping" in json.loads(line):
        print(json.dumps({"now_us": int(time.time() * 1e6)}), flush=True)
    else:
        for _ in range(3):
            print("{}", flush=True)
        print(json.dumps({"answer": 1, "node": "hostB", "checks": json.loads(os.environ["CHECKS"])}), flush=True)
END
chmod +x $W/fakelink
fakelink() { CHECKS=$1 xlr hostA check --link=$W/fakelink --json --no-bandwidth voip; }
fakelink '[]'; says fail link "" "hostB cannot be asked: .*lacks everything" "an empty answer is none"
fakelink '[{"check":"cpu","level":"ok","text":"t"}]'; says fail link "" "lacks the line about the binding" "nor one of half of it"
fakelink '[{"check":"binding","level":"ok","text":"t"}]'; says ok binding hostB "^t$" "signs of life before it are skipped"
# Programs that do not end.
printf '#!/bin/sh\nsleep 30 &\nwait\n' >$W/bin/ovs-vsctl; chmod +x $W/bin/ovs-vsctl
before=$(date +%s)
fakelink '[]'
says warn program hostA "ovs-vsctl did not end within 3 s" "a program that does not end is killed"
ok "and not waited for" test $(($(date +%s) - before)) -lt 20
rm $W/bin/ovs-vsctl

# ---------------------------------------------------- bandwidth and dirty pages
echo 1000 >$W/hostA/xen/dirty
xlr hostA check --link=$LINK $(tls_options hostA) --measure-dirty -i 100 voip
ok "their log was switched on for it" test -e $W/hostA/xen/touched
ok "the link's bandwidth" grep -q "^ok    bandwidth    [0-9.]* MB/s to hostB" $W/out
ok "what the guest writes to" grep -Eq "^ok    dirty .*about (1000|9[0-9]*) pages in 100 ms" $W/out
ok "what the link holds" grep -Eq "^(ok|warn)  *interval .*hostB" $W/out
ok "how many lines" grep -Eq "^[0-9]+ ok, [0-9]+ warnings, 0 failures" $W/out
ok "the log of dirty pages is off again" test ! -e $W/hostA/xen/logdirty
echo 100000000 >$W/hostA/xen/dirty
xlr hostA check --link=$LINK $(tls_options hostA) --measure-dirty voip
gives 6 "raw, no interval is held" "a guest that writes more than the link carries"
echo 1000 >$W/hostA/xen/dirty
check --measure-dirty -i 1 voip
says ok dirty "" "about (50|4[0-9]) pages in 1 ms" "a short interval is scaled from 20 ms"
check --measure-dirty -i 60000 voip
says ok dirty "" "pages in 2000 ms" "a long interval is not waited for"
touch $W/hostA/xen/logdirty             # As a save helper that was killed leaves it.
check --measure-dirty voip
says ok dirty "" "pages" "a log of dirty pages that nobody has need of is no hindrance"
ok "and is off afterwards" test ! -e $W/hostA/xen/logdirty
flock $W/hostA/dts/xl-remus.voip.lock sleep 600 &
holder=$!
locked() { ! flock -n $W/hostA/dts/xl-remus.voip.lock true; }
wait_for 10 locked
xlr hostA check --link=$LINK $(tls_options hostA) --json --measure-dirty voip
says warn dirty "" "not measured: .*lock" "a protection that begins is not disturbed"
says ok bandwidth "" "not measured.*lock" "nor is its link"
says ok domain hostA "runs, and a copy of it is made" "it counts as one that has a copy"
dom3 s reason=2
check voip; says fail domain hostA "suspended, for seconds, though a copy" "suspended for long it is no checkpoint's doing"
{ sleep 1; dom3 r; } &
check voip; says ok domain hostA "runs, and a copy" "suspended for a moment it may be"
xlr hostA protect -n --once --link=/bin/false voip
gives 3 "protected already, or looked at for long: another process has its lock" "who cannot have the lock says so"
kill $(pgrep -P $holder) $holder
flock $W/hostA/dts/xl-remus.voip.lock sleep 2 &
wait_for 10 locked
xlr hostA protect -n --once --link=/bin/false voip
ok "for as long as a check has it, it is waited for" eval '[ $rc != 3 ] && ! grep "its lock" $W/err'
# What stock xl's helper looks like: an echo into a pipe that is full.
mkfifo $W/full; exec 8<>$W/full; head -c 65536 /dev/zero >&8
saver() { (exec -a libxl-save-helper /bin/echo --save-domain 1 -1 3 0 0 0) >&8 & saver=$!; }
saver
check --measure-dirty voip
says warn dirty "" "not measured: .*save helper" "a domain that is saved is not disturbed"
says ok bandwidth "" "not measured.*save helper" "nor is its link"
kill $saver
measures() {    # measures COMMAND...: which is run while dirty pages are logged.
    local pid
    xlr hostA check --link=$LINK $(tls_options hostA) --no-bandwidth --measure-dirty -i 2000 voip &
    pid=$!
    wait_for 20 test -e $W/hostA/xen/logdirty
    "$@"
    wait $pid
}
measures saver
ok "somebody who begins to save it meanwhile keeps the log" test -e $W/hostA/xen/logdirty ||
    diag "$(cat $W/out $W/err; ps -o pid,etimes,stat,args -p $saver)"
ok "and there is no figure" grep -q "^warn  dirty .*somebody has begun to save it" $W/out
kill $saver; rm $W/hostA/xen/logdirty
dom3 p
check --measure-dirty voip
says warn dirty "" "not measured: it does not run" "a domain that stands still has no rate"
dom3 r
measures dom3 p
ok "nor one that was paused meanwhile" grep -q "^warn  dirty .*it does not run" $W/out
dom3 r
xlr hostA check --link=$LINK $(tls_options hostA) --no-bandwidth --measure-dirty -i 2000 voip &
wait_for 20 test -e $W/hostA/xen/logdirty
kill -TERM $(processes hostA "xl-remus check" | tr ' ' '\n' | tail -n 1)
wait $!
ok "nor does a signal leave it on" wait_for 5 test ! -e $W/hostA/xen/logdirty
rm $W/hostA/xen/dirty

# -------------------------------------------------------------- what may be bad
echo 1000 >$W/hostB/xen/free
check voip; gives 3 '"fail": *1' "too little memory: 3"
says fail memory hostB "needs 1[0-9][0-9] MiB, and 3 MiB are free" "with the numbers"
on hostB $DOM create 5 voip--incoming 00000000-0000-4000-8000-000000000005 p
check voip; says ok memory hostB "copy is here already .domain 5." "unless the copy has it"
on hostB $DOM destroy 5
on hostB $DOM create 6 voip 00000000-0000-4000-8000-000000000006 p
check voip; says fail name hostB "a domain voip here already .domain 6." "its name is taken"
on hostB $DOM destroy 6
echo 100000 >$W/hostB/xen/free
echo 2 >$W/hostA/xen/cpu
check voip; says fail cpu hostB "cannot be had here .this hypervisor refuses it." "a lesser CPU"
rm $W/hostA/xen/cpu
echo 4105 >$W/hostA/xen/features
echo 8 >$W/hostB/xen/features
check voip; says fail cpu hostB "cannot be had here .leaf 0x1 ecx 0 12." "one that lacks instructions, which Xen would not say"
echo 4105 >$W/hostB/xen/features
echo 1111638594 >$W/hostA/xen/vendor
check voip; says fail cpu hostB "one of BBBB" "one of another vendor"
rm $W/host[AB]/xen/features $W/hostA/xen/vendor
echo 18 >$W/hostB/xen/version
check voip; says fail xen hostB "Xen 4.18 here and 4.17 there" "another Xen"
rm $W/hostB/xen/version
mkdir $W/hostB/hidden; echo Kernel >$W/hostB/hidden/kernel
check voip
says fail files hostB "disk xvda, .*cannot be had .No such file" "a disk that is missing there"
says warn files hostB "kernel, .*has another content" "another kernel"
says fail vif hostB "vif-ovs-dts cannot be executed" "no program for vifs"
rm -r $W/hostB/hidden
config 1
check voip; says fail disks hostA "xvda .*can be written to" "a disk that can be written to"
check -d voip; says ok disks hostA "replicated by other means .-d.: xvda" "with -d it is accounted for"
says ok files hostB "disk xvda, .*, is there, with as many bytes" "and its content is not"
config 0
ovs hostA del-port vif3.0
check voip; says fail vif hostA "vif3.0 is in no bridge" "a vif in no bridge"
agent_stop hostB
check voip
says fail link "" "hostB cannot be asked: refused by the peer: .*agent" "no agent there"
is "$(jq '[.checks[] | select(.check == "files")] | length' $W/out)" 0 "then nothing is said of files"
agent_start hostB

# -------------------------------------------------------------- the other end
# answer PEER LINES: what it says to them, in $W/out.
answer() {
    printf "$2" >$W/in
    on hostB env DTS_DOMAIN=voip DTS_PEER=$1 sh -c 'cat $0 | "$@" | cat >$1.out; exit 0' \
        $W/in $W/hostB/xl-remus check --answer 2>$W/err
    cat $W/hostB/xl-remus.out >$W/out
}
R='{"request":1,"version":"1","xen":"4.17","libxl":"x","domain":"voip","type":"pvh","need_kb":0,"bulk_ms":0,"files":[{"kind":"disk","what":"x","path":"/etc/passwd","size":0,"hashed":0,"sha1":""}],"scripts":[]}'
answer hostA '{"ping":1}\n{"ping":1}\n'
is "$(jq -c 'keys' $W/out | xargs)" "[now_us] [now_us]" "pings are answered"
wait_for 20 agent_knows hostB hostA
answer gw1 "$R\n"
ok "a node that is none of the two is told nothing" \
    jq -e '.checks | length == 2 and (.[1].text | test("neither the owner nor the standby"))' $W/out
answer hostA "${R/voip/sip}\n"
ok "nor is one about another domain" jq -e '.checks[0].text | test("about another domain")' $W/out
answer hostA "$R\n"
ok "a request is read" jq -e '.answer == 1' $W/out
ok "a size that is another is not told" jq -e 'any(.checks[]; .check == "files" and (.text | test("passwd, has another size here than there$")))' $W/out
answer hostA "${R/etc/proc}\n"
ok "nothing is said of /proc" jq -e 'any(.checks[]; .check == "files" and (.text | test("No such file|cannot be compared")))' $W/out
answer hostA "${R/etc\/passwd/proc\/version}\n"
ok "nor of what is there" jq -e 'any(.checks[]; .check == "files" and .level == "warn" and (.text | test("cannot be compared$")))' $W/out
answer hostB "$R\n"
ok "a node that says that it is this one is told nothing" jq -e 'all(.checks[]; .check != "files") and any(.checks[]; .text | test("is this node itself"))' $W/out
echo 6 >$W/hostB/xen/slow
answer hostA "${R/etc\/passwd/slow-disk}\n"
is "$(head -n 1 $W/out)" "{}" "while a disk does not answer there is a sign of life"
ok "and then what there is to say" jq -se 'length == 2 and any(.[1].checks[]; .check == "files" and (.text | test("No such file"))) and any(.[1].checks[]; .check == "plug")' $W/out
answer hostA "${R/\"\/etc/\"etc}\n"
ok "what is no path is refused" jq -e '.checks | length == 1 and (.[0].text | test("without a proper path"))' $W/out
answer hostA 'rubbish\n'; is "$(cat $W/out)" "" "rubbish has no answer"
answer hostA ''; is "$(cat $W/out)$(cat $W/err)" "" "nor has silence"
