#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2086
# The copy was granted but cannot be resumed on hostB, for want of a device or of
# memory; hostA, cut off but alive, still holds the original and goes on when it
# can hear again.
. "$(dirname "$0")/dts.sh"
plan 20
dts_up_xl || { fail "the system comes up"; exit 1; }
# fails WHAT FILE: the file makes hostB's resume fail.
fails() {
    local what=$1 file=$2 g n r
    must "$what: the domain is protected" protect_and_wait hostA
    probe_start p $IP --interval 10
    wait_for 10 served p hostA
    g=$(binding voip generation) n=$(db_get Event type domain=voip type=failed | wc -l)
    touch $file
    cut underlayA mgmtA repl
    ok "$what: hostB is granted, and fails" wait_for 40 bound voip hostB failed $((g + 1))
    ok "$what: for that reason" test ! -e $file
    ok "$what: hostB has no copy" wait_for 20 no_domains hostB
    ok "$what: status says so" eval 'ctl status voip | grep -q "hostB could not resume it"' || diag "$(ctl status voip)"
    ok "$what: nobody serves meanwhile" wait_for 20 unserved p
    join_cable underlayA mgmtA repl
    ok "$what: hostA takes it back" wait_for 60 bound voip hostA alone $((g + 2))
    ok "$what: and serves" wait_for 60 served p hostA
    r=$(probe_stop p)
    safe is "$(jq -c '[[.hosts[] | .[0]], .boots, .back]' <<<"$r")" '[["hostA"],1,0]' \
        "$what: hostB never answered, and nothing was rolled back" || diag "$r"
    ok "$what: the failure is an event" test "$(db_get Event type domain=voip type=failed | wc -l)" -gt $n
    stop xl-hostA
}
fails "no device" $W/hostB/fail-devices
fails "no memory" $W/hostB/xen/fail-memory
