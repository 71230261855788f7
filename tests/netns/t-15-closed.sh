#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# on_database_loss=closed: what cannot be renewed is closed after the lease.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
plan 5
dts_up xen=no loss=closed || exit 1
ctl global-set lease=3000 >/dev/null
domain_add voip "$ADDRESS" hostA hostB >/dev/null
plug hostA 1 voip $MAC >/dev/null; guest_start hostA 1 $MAC $IP
must "the client is served" wait_for 20 reaches $IP
sleep 5
r=$(probe 500 $IP --interval 10)
is "$(jq .lost <<<"$r")" 0 "the lease is renewed without a gap" || diag "$r"
t=$SECONDS
stop db KILL
ok "without the database the gateway closes" wait_for 20 not reaches $IP
ok "not before the lease is over" [ $((SECONDS - t)) -ge 1 ]
db_start
ok "and opens when it is back" wait_for 60 reaches $IP
