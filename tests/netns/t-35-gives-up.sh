#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The owner loses the database and tunnel 1 while the witness hears it: it can
# neither go on alone nor die, so it says that it gives up, and hostB takes over.
. "$(dirname "$0")/dts.sh"
plan 11
dts_up_xl || { fail "the system comes up"; exit 1; }
g=$(binding voip generation)
says() {        # What gw1's BFD hears from hostA.
    ovs gw1 --bare --columns=bfd_status find Interface \
        external_ids:dts-role=liveness external_ids:dts-peer=hostA
}
gives_up() { says | grep -q 'remote_diagnostic="*Concatenated Path Down'; }

probe_start p $IP --interval 10
must "the domain is protected" protect_and_wait hostA
# Without the database alone nothing happens.
cut mgmtA
sleep $((6 * SLOW))
ok "without the database hostA serves" served p hostA
ok "and does not give up" not gives_up
ok "it is protected" bound voip hostA protected $g
cut repl
ok "hostA says that it gives up" wait_for $((20 * SLOW)) gives_up
ok "hostB takes over" wait_for $((30 * SLOW)) bound voip hostB alone $((g + 1))
ok "the client is served by hostB" wait_for 20 served p hostB
r=$(probe_stop p)
safe is "$(jq -c '[.hosts[] | .[0]]' <<<"$r")" '["hostA","hostB"]' \
    "by one after the other" || diag "$r"
join_cable mgmtA repl
ok "hostA's old guest is destroyed" wait_for 40 no_domains hostA
ok "hostA does not say so any more" wait_for 20 not gives_up
ok "bound as before" bound voip hostB alone $((g + 1))
