#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an agent keeps between its lives: that a guest came by a migration is
# known to the next one, until it has done its duty; a buffer that nobody looks
# after is opened; and of deleted domains nothing is left anywhere.
. "$(dirname "$0")/dts.sh"
. "$(dirname "$0")/onehost.sh"
needs_programs $AGENT $DOM
plan 26
dts_up || exit 1
U=6f9619ff-8b86-4d11-b42d-00cf4fc964f6
domain_add voip "$ADDRESS" hostA hostB >/dev/null || exit 1
domain_add sip "$ADDRESS2" hostA hostB >/dev/null || exit 1
wait_for 30 bound voip hostA alone
# released: xl migrate on hostA has renamed its guest.
released() {
    local g=$(($(binding voip generation) + 1))
    db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"owner":"hostA","standby":"hostB","generation":'$g',"state":"released","session":""}}' >/dev/null
}
sees() { agent hostB dts/xenstore | grep -q "$1"; }

on hostB $DOM create 6 voip--incoming $U p
on hostB $DOM vif 6 0 mac=$MAC bridge=br-dts
ok "hostB sees the copy" wait_for 20 sees voip--incoming
agent_stop hostB KILL
on hostB $DOM rename 6 voip
released
agent_start hostB
ok "renamed without an agent: the next one takes the domain" \
    wait_for 20 bound voip hostB granted
on hostB $DOM set 6 r uuid=$U
ok "and sees it run" wait_for 20 bound voip hostB alone
settled() { [ ! -e $W/hostB/dts/copy-6 ]; }
ok "then what it was says nothing any more" wait_for 20 settled
released
sleep $((3 * SLOW))
safe ok "so it is not taken for another migration" bound voip hostA released
agent_stop hostB KILL
agent_start hostB
sleep $((3 * SLOW))
safe ok "nor by the next agent" bound voip hostA released

# What an `xl-remus protect` leaves that dies: its buffer's port.  One that lives
# holds its lock.
mkdir -p $W/hostA/hooks.d/unbuffer
printf '#!/bin/sh\necho "$DTS_DOMAIN $DTS_DOMID" >>%s/unbuffered\n' $W >$W/hostA/hooks.d/unbuffer/10-test
chmod +x $W/hostA/hooks.d/unbuffer/10-test
unbuffered() { grep -qx "sip 7" $W/unbuffered 2>/dev/null; }
flock $W/hostA/dts/xl-remus.sip.lock sleep 600 &
engine=$!
on hostA $DOM create 7 sip 6f9619ff-8b86-4d11-b42d-00cf4fc964f7 r
on hostA $DOM vif 7 0 mac=$MAC2 bridge=br-dts
on hostA ip link add dtsa7.0 type veth peer name dtsb7.0
ok "sip runs on hostA, buffered" wait_for 20 bound sip hostA alone
sleep $((5 * SLOW))
ok "a process that lives is left alone" not unbuffered
kill $(pgrep -P $engine) $engine
ok "one that has died is not" wait_for 20 unbuffered
on hostA ip link del dtsa7.0
sleep $((3 * SLOW))
rm -f $W/unbuffered
sleep $((5 * SLOW))
ok "without a buffer there is nothing to do" not unbuffered

marked() { ovs $1 get bridge br-dts external_ids | grep -q "dts-seen-$2="; }
fence_of() { receipt $1 | grep -q .; }
g=$(bind voip hostB)
ok "gw1 has a receipt of voip" wait_for 20 fenced voip $g
ok "and marks, as has hostA" eval 'marked gw1 voip && marked hostA voip'
# One that is of the past, and one that this database does not know yet.
ovs hostA set bridge br-dts external_ids:dts-seen-past='"1 x"' \
    external_ids:dts-seen-future='"9999 x"'
# Of one that was never there the gateway is told that it has a receipt.
db '{"op":"mutate","table":"Fence","where":[["gateway","==","gw1"]],"mutations":[["generations","insert",["map",[["never",7]]]]]}' >/dev/null
ctl domain-del --force voip
# A receipt that the gateway still has of it is nobody's: it must not be refused,
# and the others' with it.
start=$(now_ms)
g=$(bind sip hostB)
ok "voip deleted: sip moves" wait_for 20 fenced sip $g
ok "at once" [ $(($(now_ms) - start)) -lt $((3000 * SLOW)) ]
for n in gw1 hostA hostB; do
    ok "voip deleted: its mark goes on $n" wait_for 20 not marked $n voip
done
ok "the mark of another deleted one too" wait_for 20 not marked hostA past
ok "not that of one that an older database lacks" marked hostA future
ok "nor that of a domain that is there" eval 'marked gw1 sip && marked hostA sip'
g=$(bind sip hostA)
ok "sip still moves" wait_for 20 fenced sip $g
sleep $((4 * SLOW))
ok "no receipt of voip has come back" not fence_of voip
ok "that of a domain that never was is gone" wait_for 20 not fence_of never
ok "and not sip's" fence_of sip
was_refused() { grep "refused to have" $W/gw1/dts/dts-agent.log; }
ok "nothing that gw1 wrote was refused" not was_refused
seen_file() { ls $W/hostB/dts/seen-voip; }
ok "nor is its file left in the run directory" not seen_file
