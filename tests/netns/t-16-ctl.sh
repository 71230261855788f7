#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086,SC2154
# dts-ctl on nodes with real agents and switches: check, status, adopt.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT $BUILD/remus-hooks/ctl/dts-ctl
plan 21

# node_ctl NODE ARG...: dts-ctl there, finding the database as a node does.
node_ctl() { local n=$1; shift; on $n $BUILD/remus-hooks/ctl/dts-ctl $(tls_of $n) --timeout=20 "$@"; }
# checked NODE ERE: `check` there says so.
checked() { node_ctl $1 check | grep -Eq -- "$2"; }
# count NODE ERE: how many lines.
count() { node_ctl $1 check | grep -Ec -- "$2"; }
condition() { ctl --format=json status voip | jq -e '.domains[0].conditions | any(startswith("'$1':"))'; }

dts_up xen=no || exit 1
ok "a domain is added" domain_add voip "$ADDRESS" hostA hostB
ok "gw1 writes its receipt" wait_for 30 fenced voip 1
ok "gw1 sees both servers" wait_for 30 bfd_up hostA
ok "wait --fenced" ctl --timeout=20 wait voip --state=alone --fenced
for n in hostA hostB gw1; do
    wait_for 30 not checked $n '^fail +(ovs|node|bridge|database|contents|witness|pki|mtu|tunnels|agent) '
    is "$(count $n '^fail +(ovs|node|bridge|database|contents|witness|pki|mtu|tunnels|agent) ')" 0 \
        "check on $n: nothing of ours fails" || diag "$(node_ctl $n check)"
done
ok "tunnel 1 goes another way than the tunnels to gw1" checked hostA '^ok +underlay'
ctl tunnel-del hostA hostB
ok "both by one interface: check warns" wait_for 30 checked hostA '^warn +underlay'
ctl tunnel-set hostA hostB hostA=${REPL[hostA]} hostB=${REPL[hostB]} options:ttl=33
has_ttl() { ovs "$1" --bare --columns=options find Interface external_ids:dts-peer="$2" external_ids:dts-role="$3" | grep -q "ttl=33"; }
ok "the interfaces have the tunnel's options" wait_for 30 has_ttl hostA hostB replication
ok "... at the other end, too" wait_for 30 has_ttl hostB hostA replication
ok "and is content again" wait_for 30 checked hostA '^ok +underlay'

agent_stop hostB
ok "an agent that is down is a failure on its node" checked hostB '^fail +agent'
agent_start hostB

# The database goes back: an old generation comes again.
g=$(bind voip hostB)
ok "the domain moves" wait_for 30 fenced voip $g
agent_knows() { agent $1 dts/status voip | grep -q "generation $2"; }
for n in gw1 hostA hostB; do wait_for 30 agent_knows $n $g; done
wait_for 30 test "$(ctl --format=json status voip | jq '.domains[0].tunnel_in_service')" = 3
db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"owner":"hostA","standby":"hostB","generation":1}}' >/dev/null
ok "status tells that the database went backward" wait_for 30 condition database-went-backward
ctl switch voip hostB >/dev/null 2>&1
is $? 3 "a switch is refused meanwhile"
agent_backward() { agent $1 dts/status voip | grep -q went-backward; }
for n in gw1 hostA hostB; do
    wait_for 20 agent_backward $n
    out=$(node_ctl $n adopt voip 2>&1) || { adopt_failed=yes; diag "$n: $out"; }
done
is "${adopt_failed-no}" no "dts-ctl adopt on every node"
ok "the condition is gone" wait_for 30 not condition database-went-backward
is "$(ctl --format=json status voip | jq -r '.domains[0].owner')" hostA "the old owner is the owner"
r=$(plug hostA 1 voip $MAC)
is "$(jq .admit <<<"$r")" true "hostA's agent follows: the guest is admitted there" || diag "$r"
guest_start hostA 1 $MAC $IP --ip6 $IP6
ok "and so does gw1: the client reaches it" wait_for 20 reaches $IP
