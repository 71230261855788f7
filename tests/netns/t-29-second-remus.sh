#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A second `xl remus` of a domain that is protected already, by dts-link and by
# something else: it is refused, and the first goes on as if nothing had been.
. "$(dirname "$0")/dts.sh"
plan 20
dts_up_xl || { fail "the system comes up"; exit 1; }
must "the domain is protected" protect_and_wait hostA
session=$(binding voip session)
unharmed() {
    local s
    protected hostA && [ "$(binding voip session)" = "$session" ] || return 1
    s=$(agent hostA dts/status | grep "session $session: sender")
    grep -q "link up, gate up" <<<"$s" && return 0
    echo "$s"
    return 1
}
copies() { agent hostB dts/status | sed -n "s/.*session $session:.*: \([0-9]*\) checkpoints.*/\1/p"; }
ok "with link and gate" unharmed

on hostA xl remus -F -n -d -i 100 -s "" voip \
    "$LINK $(tls_of hostA) voip; echo \$? >$W/status; exit 1" \
    >$W/second 2>&1 </dev/null
ok "a second one by dts-link does not succeed" test $? != 0
is "$(cat $W/status)" 3 "dts-link is refused" || diag "$(cat $W/second)"
ok "and says who has the domain" grep -q "session $session already" $W/second ||
    diag "$(cat $W/second)"
ok "the first is unharmed" unharmed

# Another transport: xl's preamble is answered, then all is swallowed.
cat >$W/swallow <<'END'
#!/bin/sh
echo "xl migration receiver ready, send binary domain data."
exec cat >/dev/null
END
chmod +x $W/swallow
on hostA timeout 30 xl remus -F -n -d -i 100 -s "" voip "$W/swallow" \
    >$W/second 2>&1 </dev/null
rc=$?
ok "a second one by another transport ends" test $rc != 0 -a $rc != 124
ok "its gate is refused" grep -q "refused: .*session $session already" $W/second ||
    diag "$(cat $W/second)"
ok "the first is unharmed" wait_for 10 unharmed
n=$(copies)
sleep $((3 * SLOW))
ok "it makes checkpoints" test "$(copies)" -gt "$n"
ok "and is unharmed still" unharmed

# What xl-remus' engine tells is a condition of the domain while it is there.
cat >$W/engine.py <<'END'
import sys, time
sys.path.insert(0, sys.argv[1])
from agentrpc import Agent
a = Agent()
a.call("hello", {"version": 1, "role": "engine", "pid": 1, "domain": "voip", "session": sys.argv[2]})
a.send("output", {"session": sys.argv[2], "committed": True, "realtime": ["rtp:6000"], "slow": "each 3000 ms"}, notice=True)
sys.stdin.readline()
a.send("output", {"session": sys.argv[2], "committed": True, "realtime": [], "slow": ""}, notice=True)
sys.stdin.readline()
END
says() { ctl status voip | grep -qx " *$1"; }
mkfifo $W/engine.in
on hostA $PY $W/engine.py $N $session <$W/engine.in >$W/engine.out 2>&1 &
engine=$!
exec 7>$W/engine.in
ok "an engine's word: output is committed" wait_for 10 says "output: committed, except rtp:6000" || diag "$(cat $W/engine.out)"
ok "and that checkpoints come too seldom" wait_for 10 says "condition slow: each 3000 ms" || diag "$(ctl status voip)"
echo >&7
not_slow() { ! ctl status voip | grep -q slow; }
ok "and do not any more" wait_for 10 not_slow
ok "nor is anything excepted" wait_for 10 says "output: committed"
exec 7>&-
wait $engine
ok "without it output is not committed" wait_for 10 says "output: uncommitted .*"

probe_start p $IP --interval 10
ok "the client is served by hostA" wait_for 20 served p hostA
power_cut hostA
ok "the first one's copy takes over" wait_for 60 served p hostB
ok "and is bound" wait_for 20 bound voip hostB alone
r=$(probe_stop p)
safe is "$(jq .boots <<<"$r")" 1 "with the memory of the original" || diag "$r"
