#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A guest that ends in order, and one that does not: nothing rises from the dead.
. "$(dirname "$0")/dts.sh"
plan 21
dts_up_xl || { fail "the system comes up"; exit 1; }
again() {       # The guest runs on hostA, protected.
    [ "$(domains hostA)" != "" ] || on hostA xl create voip $MAC $IP $IP6 >/dev/null
    wait_for 30 bound voip hostA alone || bound voip hostA protected || return 1
    stop xl-hostA
    protect_and_wait hostA
}
must "protected" again
on hostA xl shutdown voip
ok "xl shutdown: the binding is stopped" wait_for 30 bound voip hostA stopped
ok "hostB's copy is destroyed" wait_for 30 no_domains hostB
sleep 2
safe is "$(domains hostA) $(domains hostB)" " " "nothing runs anywhere"
ok "xl create starts it again, protected" again
on hostA xl poweroff voip
ok "a shutdown from inside: stopped" wait_for 30 bound voip hostA stopped
ok "no copy is left" wait_for 30 no_domains hostB
ok "started again" again
boot=$(guest hostA "$(on hostA xl domid voip)" state | jq -r .boot)
on hostA xl reboot voip >/dev/null
ok "xl reboot: alone at hostA" wait_for 30 bound voip hostA alone
ok "the copy of before the reboot is destroyed" wait_for 30 no_domains hostB
safe is "$(guest hostA "$(on hostA xl domid voip)" state | jq -r .boot | grep -c "$boot")" 0 \
    "another boot runs"
ok "the client reaches it" wait_for 30 reaches $IP
ok "and it is protected again" again
on hostA xl destroy voip
ok "xl destroy, on_loss=stop: stopped" wait_for 30 bound voip hostA stopped
ok "the copy is destroyed" wait_for 30 no_domains hostB
ok "started again" again
on hostA xl crash voip
ok "a crash, on_loss=stop: stopped" wait_for 30 bound voip hostA stopped
ok "the copy is destroyed" wait_for 30 no_domains hostB
ok "started again" again
g=$(binding voip generation)
# Set while hostA cannot hear of it yet: the database's word is what goes.
cut mgmtA
ctl domain-set voip on-loss=failover >/dev/null
on hostA xl crash voip
sleep 1
join_cable mgmtA
ok "a crash, on_loss=failover: hostB takes it" wait_for 40 bound voip hostB alone
ok "and serves" wait_for 30 reaches $IP
