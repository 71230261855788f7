#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The copy was granted but cannot be resumed on hostB; hostA, cut off but alive,
# still holds the original and goes on when it can hear again.
. "$(dirname "$0")/dts.sh"
plan 9
dts_up_xl || { fail "the system comes up"; exit 1; }
probe_start p $IP --interval 10
must "the domain is protected" protect_and_wait hostA
g=$(binding voip generation)
touch $W/hostB/fail-devices
cut underlayA mgmtA repl
ok "hostB is granted, and fails" wait_for 40 bound voip hostB failed $((g + 1))
ok "hostB has no copy" wait_for 20 no_domains hostB
ok "nobody serves meanwhile" wait_for 20 unserved p
join_cable underlayA mgmtA repl
ok "hostA takes it back" wait_for 60 bound voip hostA alone $((g + 2))
ok "and serves" wait_for 60 served p hostA
r=$(probe_stop p)
safe is "$(jq -c '[[.hosts[] | .[0]], .boots, .back]' <<<"$r")" '[["hostA"],1,0]' \
    "hostB never answered, and nothing was rolled back" || diag "$r"
ok "the failure is an event" has_event voip failed
rm -f $W/hostB/fail-devices
stop xl-hostA
ok "it can be protected again" protect_and_wait hostA
