#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hostB is granted a domain that still runs on hostA: the fence pauses it there.
# Then hostA gets it back: it goes on, also when its agent was restarted in
# between.  Whom an operator paused stays paused.
. "$(dirname "$0")/dts.sh"
plan 15
dts_up_xl || { fail "the system comes up"; exit 1; }
state_on_A() { on hostA xl list | awk '$2 == "voip" { print $3 }'; }
paused() { [ "$(state_on_A)" = p ]; }
runs() { [ "$(state_on_A)" = r ]; }
# rebind OWNER STANDBY STATE SESSION: one generation on, by the database alone.
rebind() {
    local g=$(($(binding voip generation) + 1))
    db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"owner":"'$1'","standby":"'$2'","generation":'$g',"state":"'$3'","session":"'$4'"}}' >/dev/null
}
hook_ran() { grep -q "hook .*/$1/.*: exit status 0" $W/hostA/dts/dts-agent.log; }
S=11111111-2222-4333-8444-555555555555

ok "the guest runs on hostA" runs
rebind hostB hostA granted $S
ok "granted to hostB: paused on hostA" wait_for 20 paused
rebind hostA hostB alone ""
ok "hostA's again: it goes on" wait_for 20 runs
ok "by the hook" wait_for 10 hook_ran unfence
ok "and serves" wait_for 20 reaches $IP
# Not before it has settled is the mark taken away.
mark_gone() { [ ! -e $W/hostA/dts/fenced-voip ]; }
ok "then nothing is left to be undone" wait_for 20 mark_gone

on hostA xl pause voip
sleep $((3 * SLOW))
safe is "$(state_on_A)" p "one that an operator paused stays paused"
on hostA xl unpause voip
wait_for 10 runs

rebind hostB hostA granted $S
ok "granted to hostB: paused on hostA" wait_for 20 paused
agent_stop hostA KILL
rebind hostA hostB alone ""
sleep 1
safe is "$(state_on_A)" p "hostA's agent is dead: it stays paused"
agent_start hostA
ok "an agent that did not pause it itself lets it go on" wait_for 20 runs
ok "and it serves" wait_for 20 reaches $IP

# The binding is deleted and made anew, as docs/failures.md says.
rebind hostB hostA granted $S
ok "granted to hostB: paused on hostA" wait_for 20 paused
ctl domain-del --force voip
domain_add voip "$ADDRESS" hostA hostB >/dev/null
ok "deleted and added for hostA: it goes on" wait_for 20 runs
ok "and serves" wait_for 20 reaches $IP
ok "and can be protected" protect_and_wait hostA
