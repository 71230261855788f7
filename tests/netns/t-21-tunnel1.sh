#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tunnel 1 alone breaks: nobody takes over, the primary goes on alone, and its
# old copy is never granted.
. "$(dirname "$0")/dts.sh"
plan 13
dts_up_xl || { fail "the system comes up"; exit 1; }
g=$(binding voip generation)
probe_start p $IP --interval 10
must "the domain is protected" protect_and_wait hostA
cut repl
ok "hostA goes on alone" wait_for 30 bound voip hostA alone $g
ok "hostB's copy is destroyed" wait_for 30 no_domains hostB
sleep 1
ok "the client is served by hostA" wait_for 10 served p hostA
r=$(probe_stop p)
safe is "$(jq -c '[[.hosts[] | .[0]], .boots, .back]' <<<"$r")" '[["hostA"],1,0]' \
    "by nobody else, nothing rolled back" || diag "$r"
ok "the loss of protection is an event" has_event voip alone
join_cable repl
sleep 2
safe is "$(domains hostB)" "" "with the cable back there is still one"
ok "bound as before" bound voip hostA alone $g
ok "it can be protected again" protect_and_wait hostA
cut repl
ok "and loses it again" wait_for 30 bound voip hostA alone $g
sleep 5
power_cut hostA
sleep $((5 * SLOW))
safe is "$(domains hostB | grep -c 'voip:')" 0 "hostA dies later: the old copy does not run"
ok "the binding says who had it" bound voip hostA alone $g
safe ok "nobody serves" not reaches $IP
