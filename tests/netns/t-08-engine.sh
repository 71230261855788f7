#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xl-remus protect and receive, as far as they go without Xen: the real libxl
# and xenstored on a Xen that is a directory (fakexen.c).  A session is in
# t-37-engine.sh; what needs a hypervisor is in tests/xenlab, part protect.
. "$(dirname "$0")/onehost.sh"
XLR=$BUILD/libxl-ext/xl-remus
EXAMPLE=$BUILD/libxl-ext/remus-example
[ -x "$XLR" ] && [ -x "$EXAMPLE" ] || skip_all "built without Xen"
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0

plan 50
onehost_up
U=00000000-0000-4000-8000-00000000000
mkdir -p $W/varlib $W/run

# with PROGRAM ARGUMENTS...: output in $W/out, messages in $W/err, status in $rc.
with() {
    on hostA env DTS_RUNDIR=$W/run DTS_AGENT_SOCKET=$W/none unshare -m sh -c '
        mount -t tmpfs none /run && mkdir /run/xen &&
        mount --bind $0 /var/lib/xen && shift 0 &&
        LD_PRELOAD=$1 && export LD_PRELOAD && shift && exec "$@"' \
        $W/varlib $BUILD/tests/netns/fakexen.so "$@" >$W/out 2>$W/err
    rc=$?
}
xlr() { with $XLR "$@"; }
gives() {
    if [ "$rc" = "$1" ] && (cat $W/out $W/err; echo) | grep -q -- "$2"; then
        pass "$3"
    else
        fail "$3"; diag "status $rc, wanted $1; wanted: $2"
        diag "$(cat $W/out $W/err)"
    fi
}
[ -d /var/lib/xen ] || mkdir -p /var/lib/xen

# ------------------------------------------------------------------- usage
xlr protect; gives 1 "usage: xl-remus protect" "no domain"
xlr protect -i 0 voip; gives 1 "1 to 60000" "no interval"
xlr protect -i x voip; gives 1 "1 to 60000" "nor one that is no number"
xlr protect -b voip; gives 1 "xl remus -F -b" "-b: what to do instead"
xlr protect -e voip; gives 1 "DTS_RECEIVER=.xl-remus receive -e" "-e: where it belongs"
xlr protect -N script voip; gives 1 "without a script" "-N"
xlr protect -s '' voip; gives 1 "dts-link" "-s"
xlr protect -c voip; gives 1 "COLO" "-c"
xlr protect --frob voip; gives 1 "protect --help" "an unknown option"
xlr protect --help; gives 0 "no-buffer" "help"
ok "what is packed by default" grep -q "no compression on the wire (else lz4)" $W/out
xlr protect --realtime=tcp:80 voip; gives 1 "tcp" "a class that is none"
xlr protect --realtime=udp:5060 voip; gives 1 "5060" "signalling is never a class"
xlr protect --realtime=srtp:10000-20000 voip
gives 3 "realtime-unsafe" "an encrypted class needs leave"
xlr protect -n --realtime=udp:7 voip; gives 1 "without a buffer" "a class without a buffer"
xlr status; gives 0 "no domain is protected" "status of none"
xlr status --json; gives 0 '^\[\]$' "as JSON"
xlr status voip; gives 2 "voip is not protected" "status of one that is not"
xlr checkpoint voip; gives 2 "is not protected" "its checkpoint"
xlr unprotect voip; gives 2 "is not protected" "its end"
xlr switchover voip; gives 2 "is not protected" "its switchover"
xlr switchover; gives 1 "usage: xl-remus switchover" "of no domain"
xlr switchover -t 0 voip; gives 1 "1 to 3600 seconds" "in no time"
# A process that protects, of a version that nobody knows.
cat >$W/oldengine <<'END'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); s.listen(8)
for reply in sys.argv[2:]:
    c = s.accept()[0]
    request = json.loads(c.recv(65536))
    c.sendall(json.dumps({"id": request["id"], "result": reply, "error": None}).encode())
    c.close()
END
spawn oldengine hostA $PY $W/oldengine $W/run/xl-remus.old.ctl '{"peer": "hostB"}' '{"state": "protected", "peer": 3}'
wait_for 10 test -S $W/run/xl-remus.old.ctl
xlr switchover old; gives 6 "not understood.*dts-ctl switch old" "a process whose answer lacks the state"
xlr switchover old; gives 6 "not understood" "or the peer"
rm -f $W/run/xl-remus.old.ctl
xlr checkpoint; gives 1 "usage: xl-remus checkpoint" "no domain"
xlr checkpoint -t 0 voip; gives 1 "1 to 3600" "a time-out that is none"

# ------------------------------------------------------------------ domains
xlr protect -n voip; gives 2 "no domain voip here" "a domain that is not there"
xlr protect -n 0; gives 3 "this host itself" "domain 0"
dom create 4 other--incoming ${U}4 p
xlr protect -n other--incoming; gives 3 "a copy that" "a copy"
dom create 3 voip ${U}3 r
xlr protect -n voip
gives 6 "no configuration of voip" "a domain of another toolstack"
is "$(ls $W/run)" "" "nothing is left behind"
xlr protect -n --detach --pidfile --log-file=$W/detached.log voip
is "$rc $(grep -c "no configuration of voip" $W/detached.log)" "6 1" "a daemon whose first checkpoint never comes: whoever started it has its status"
xlr protect -n --detach --pidfile --log-file=$W/detached.log nobody
is "$rc" 2 "also that no second try helps (systemd's RestartPreventExitStatus)"
is "$(ls $W/run)" "" "and no daemon, no pid"

# ------------------------------------------------------------------ receive
octal() { printf '\\%03o' "$1"; }
header() {      # header MANDATORY-FLAG LENGTH
    printf "Xen saved domain, xl format\n \0 \r\4\3\2\1$(octal $1)\0\0\0\0\0\0\0$(octal $(($2 % 256)))$(octal $(($2 / 256)))\0\0"
}
config() {      # config JSON
    local n=$((${#1} + 1))
    header 3 $((n + 4))
    printf "$(octal $((n % 256)))$(octal $((n / 256)))\0\0%s\0" "$1"
}
receive() { with sh -c 'exec "$@" </dev/stdin' sh "${PROGRAM:-$XLR}" "$@"; }
banner() { head -c 54 $W/out | grep -qx 'xl migration receiver ready, send binary domain data.'; }

receive receive </dev/null; gives 6 "went away before" "a sender that says nothing"
ok "the banner was said" banner
receive receive x </dev/null; gives 1 "usage" "arguments"
head -c 48 /dev/zero >$W/in; receive receive <$W/in
gives 3 "no stream of xl" "a stream of something else"
header 1 100 >$W/in; receive receive <$W/in
gives 3 "before Xen 4.6" "an old stream"
header 2 100 >$W/in; receive receive <$W/in
gives 3 "not JSON" "an old configuration"
{ header 3 100; echo short; } >$W/in; receive receive <$W/in
gives 6 "in the middle" "a configuration that is cut short"
config 'not json' >$W/in; receive receive <$W/in
gives 3 "not understood" "one that makes no sense"
config '{"c_info": {"type": "pvh"}, "b_info": {"type": "pvh"}}' >$W/in; receive receive <$W/in
gives 3 "not understood" "one without a name"
C='{"c_info": {"type": "pvh", "name": "NAME"}, "b_info": {"type": "pvh", "max_memkb": 131072, "target_memkb": 131072}}'
config "${C/NAME/voip}" >$W/in; receive receive <$W/in
gives 3 "a domain voip here already" "a domain that is here"
config "${C/NAME/other}" >$W/in; receive receive <$W/in
gives 3 "here already (domain 4)" "a copy that is here"
export DTS_DOMAIN=sip
config "${C/NAME/new}" >$W/in; receive receive <$W/in
gives 3 "that of domain new, not of sip" "another domain than the session's"
unset DTS_DOMAIN

# The example: the public header, another program.
with $EXAMPLE; gives 1 "usage: remus-example" "the example"
PROGRAM=$EXAMPLE receive /bin/true <$W/in >/dev/null
head -c 48 /dev/zero >$W/in; PROGRAM=$EXAMPLE receive /bin/true <$W/in
gives 3 "no stream of xl" "it receives"
ok "it says the banner" banner
