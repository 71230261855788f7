#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# The doors of docs/security.md: who may not come in is turned away, and
# counted; and the keys are changed while all runs.
. "$(dirname "$0")/dts.sh"
plan 39
dts_up_xl || { fail "the system comes up"; exit 1; }
must "the domain is protected" protect_and_wait hostA
g=$(binding voip generation) session=$(binding voip session)

# ---- the agent's socket
s=$W/hostB/dts/agent.sock
is "$(stat -c '%a %U' $s)" "600 root" "the agent's socket is root's alone"
knock() {       # knock UID: what another user hears there
    $PY - $s $1 <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
try:
    s.connect(sys.argv[1])
    s.sendall(b'{"method":"hello","params":[{"version":1,"role":"ctl"}],"id":1}')
    print("answered" if s.recv(4096) else "closed")
except ConnectionError:
    print("closed")
except OSError as e:
    print(type(e).__name__)
END
}
is "$(knock 0)" answered "root is answered (so that the rest can fail)"
safe is "$(knock 65534)" PermissionError "another user cannot connect"
chmod 711 $W $W/hostB $W/hostB/dts; chmod 666 $s
safe is "$(knock 65534)" closed "and if the mode were wrong: is not answered, by its credentials"
ok "which is told" grep -q 'refused a connection of user 65534' $W/hostB/dts/dts-agent.log
chmod 600 $s
is "$(rpc hostB ctl version=2 -- status | jq -c '[.code, (.message | test("version 2 .*\\(1 is\\): install programs and agent of one release"))]')" \
    "[3,true]" "one that speaks another version is told what to do"

# ---- the link
link_address=$(on hostB ovs-appctl -t $W/hostB/dts/dts-link.ctl dts/sessions | sed -n 's/^listening on pssl:6646://p')
# hello AS MEMBER=VALUE...: what hostB's listener answers to that certificate.
hello() {
    local as=$1 key=$PKI/$1-privkey.pem; shift
    [ $as != nobody ] || key=-
    on hostA $PY $N/linkhello.py "$link_address" $key $PKI/$as-cert.pem $PKI/cacert.pem "$@"
}
turned_away() { # turned_away DESCRIPTION ERE AS MEMBER=VALUE...
    local what=$1 re=$2 got; shift 2
    got=$(hello "$@")
    if grep -Eq "$re" <<<"$got"; then pass "$what"; else fail "$what"; diag "$got"; fi
}
new=11111111-2222-4333-8444-555555555555
safe turned_away "without a certificate: no connection" '^no connection: .*([Aa]lert|EOF|reset|closed)' \
    nobody domain=voip session=$new generation=$g node=hostA
safe turned_away "gw1's certificate is not hostA's" '^refused: 3 a certificate of gw1 says that it is hostA' \
    gw1 domain=voip session=$new generation=$g node=hostA
safe turned_away "gw1 is not the owner" '^refused: 3 gw1 is not the owner of voip' \
    gw1 domain=voip session=$new generation=$g node=gw1
safe turned_away "the running session, once more" "^refused: 3 session $session is another process's" \
    hostA domain=voip session=$session generation=$g node=hostA
safe turned_away "another session beside it" '^refused: 3 voip (is protected|has session)' \
    hostA domain=voip session=$new generation=$g node=hostA
safe turned_away "a domain that is not there" '^refused: 2 ' \
    hostA domain=nosuch session=$new generation=$g node=hostA
safe turned_away "a name that is a path" '^refused: 3 no proper domain' \
    hostA domain=../../etc session=$new generation=$g node=hostA
ok "all that does not touch the session" eval "protected hostA && [ $(binding voip session) = $session ]"
stop xl-hostA
wait_for 30 bound voip hostA alone
wait_for 30 no_domains hostB
safe turned_away "a session that has ended is not played again" "^refused: 3 session $session" \
    hostA domain=voip session=$session generation=$g node=hostA
safe turned_away "an older generation" '^refused: 3 voip is at generation' \
    hostA domain=voip session=$new generation=$((g - 1)) node=hostA
safe is "$(binding voip state):$(binding voip session)" "alone:" "nor named again"

# ---- frames
# drops NODE REASON: how many so far.
drops() { on $1 $BUILD/remus-hooks/ctl/dts-ctl --format=json --timeout=20 drops | jq ".\"$2\""; }
# counted NODE REASON BEFORE: at least 90 more since (the switch counts late).
counted() { [ $(($(drops $1 $2) - $3)) -ge 90 ]; }
client_sees() { # client_sees COMMAND...: how many SPOOFs reach the client
    observe_start c client --plain eth=eth0
    "$@" >/dev/null
    sleep 0.3
    observe_stop c client | jq '.spoof.eth // 0'
}
forge() { local n=$1; shift; on $n $PY $N/forge.py "$@"; }
ok "there is no drop of a guest's at first" test "$(drops hostA guest)" -lt 90
id=$(on hostA xl domid voip)
n=$(drops hostA guest)
safe is "$(client_sees guest hostA $id spoof $MAC2 $IP2 100)" 0 "a guest with another's address is not heard"
ok "... and counted" wait_for 10 counted hostA guest $n
n=$(drops hostA guest)
guest hostA $id spoof $MAC $IP2 100 >/dev/null
ok "its own MAC with another's IP: counted" wait_for 10 counted hostA guest $n
for what in "rarp $MAC" "garp $MAC $IP" "garp 02:00:00:00:00:77 $IP"; do
    n=$(drops gw1 client)
    nsenter --net=/run/netns/${P}client $PY $N/forge.py eth0 $what
    ok "a client's $what: counted" wait_for 10 counted gw1 client $n
done
is "$(probe 5 $IP | jq -r '.hosts[0][0]')" hostA "the domain still is where it was"

# Tunnels. hostB is not the owner.
outer=$(ip -n ${P}gw1 -j link show br-u | jq -r '.[0].address')
n=$(drops gw1 not-owner)
safe is "$(client_sees forge hostB u0 gre $outer ${UNDERLAY[hostB]} ${UNDERLAY[gw1]} 10 $MAC $IP)" 0 \
    "the owner's address from the standby's tunnel is not heard"
ok "... and counted" wait_for 10 counted gw1 not-owner $n
n=$(drops gw1 tunnel-address)
safe is "$(client_sees forge hostB u0 gre $outer ${UNDERLAY[hostB]} ${UNDERLAY[gw1]} 10 00:16:3e:00:00:99 $IP)" 0 \
    "nor an address that is no domain's"
ok "... and counted" wait_for 10 counted gw1 tunnel-address $n
n=$(drops gw1 key)
forge hostB u0 gre $outer ${UNDERLAY[hostA]} ${UNDERLAY[gw1]} 11 $MAC $IP
ok "another network's key from the owner's address: counted" wait_for 10 counted gw1 key $n
# What a plain tunnel cannot know: docs/security.md, "The path between sites".
n=$(client_sees forge hostB u0 gre $outer ${UNDERLAY[hostA]} ${UNDERLAY[gw1]} 10 $MAC $IP)
is "$((n >= 90))" 1 "a forged packet with the owner's outer address IS heard: a plain tunnel has no proof of origin" ||
    diag "$n of 100"

# ---- keys, changed while all runs: another authority, so that who has not
# followed cannot connect.
pids=$(pid_of db; pid_of agent-hostA; pid_of agent-hostB; pid_of agent-gw1; pid_of link-hostB)
mkdir -m 700 $W/newpki
$BUILD/remus-hooks/ctl/dts-ctl pki-init --dir=$W/newpki gw1 hostA hostB >/dev/null
replace() {     # replace NODE: the certificate first, then the key
    local f
    for f in cert privkey; do cp $W/newpki/$1-$f.pem $PKI/.new && mv $PKI/.new $PKI/$1-$f.pem; done
}
connected() { ! agent $1 dts/status | grep -qi 'not connected\|disconnected'; }
reconnect() { on gw1 ovs-appctl -t $W/gw1/dts/dts-db.ctl ovsdb-server/reconnect; }
told() { grep -q 'were changed: new connections use them' $W/$1/dts/$2.log; }
for n in gw1 hostA hostB; do replace $n; done
cp $W/newpki/cacert.pem $PKI/.new && mv $PKI/.new $PKI/cacert.pem
ok "the agents and the listener read the new ones" wait_for 20 eval \
    'told hostA dts-agent && told hostB dts-agent && told gw1 dts-agent && told hostB dts-link'
reconnect
# What each writes from now on went over a connection of the new keys.
written() { db_get Event type node=$1 | grep -c .; }
node_writes() { ctl --format=json show >/dev/null; agent $1 dts/status --json | jq -e '.connected == true'; }
for n in hostA hostB gw1; do
    wait_for 30 node_writes $n || diag "$(agent $n dts/status | head -n 5)"
done
ok "and are connected with them" eval 'node_writes hostA && node_writes hostB && node_writes gw1'
is "$(on hostA ovsdb-client -p $BUILD/tests/netns/pki/hostA-privkey.pem -c $BUILD/tests/netns/pki/hostA-cert.pem \
    -C $BUILD/tests/netns/pki/cacert.pem --timeout=3 list-dbs $(remote_of hostA) 2>/dev/null)" "" \
    "the old ones are refused"
ok "a new session by the new ones: the domain is protected" protect_and_wait hostA
is "$(pid_of db; pid_of agent-hostA; pid_of agent-hostB; pid_of agent-gw1; pid_of link-hostB)" "$pids" \
    "nothing was restarted"

# ---- secrets
secret=$(sed -n 3p $W/newpki/hostA-privkey.pem)
is "$(grep -rlF -- "$secret" $W/*/dts/*.log | xargs)" "" "no key is in a log"
is "$(grep -rhoE '[0-9a-f]{64}' $W/*/dts/*.log | head -n 1)" "" "nor a heartbeats' key"
