#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hook scripts, as docs/hooks.md says: in which order, with what, for how long; and
# that a takeover waits for none of them.
. "$(dirname "$0")/dts.sh"
plan 27
dts_up_xl || { fail "the system comes up"; exit 1; }
hook() {        # hook NODE EVENT NAME: what it does is read from stdin
    mkdir -p $W/$1/hooks.d/$2
    { echo '#!/bin/sh'; cat; } >$W/$1/hooks.d/$2/$3
    chmod 755 $W/$1/hooks.d/$2/$3
}
# Notes how it was called. ($BED and $BED_NODE are of the agent's environment.)
for n in hostA hostB; do
    for e in protected alone pre-takeover post-takeover fence; do
        hook $n $e 05-note <<'END'
f=$BED/$BED_NODE/hook-$DTS_EVENT
{ env; echo "called=$# $1"; echo "stdin=$(readlink /proc/$$/fd/0)"
  read -r pid _ _ _ group _ </proc/$$/stat; echo "leads=$((pid == group))"; } >$f.new
mv $f.new $f
END
    done
done
noted() { [ -e $W/$1/hook-$2 ]; }
# said NODE EVENT NAME...: the variables' values.
said() {
    local f=$W/$1/hook-$2 v; shift 2
    for v; do sed -n "s/^$v=//p" $f; done | xargs
}
variables() { sed -n 's/^\(DTS_[A-Z]*\)=.*/\1/p' $W/$1/hook-$2 | sort | xargs; }
row="DTS_EVENT DTS_DOMAIN DTS_NODE DTS_OWNER DTS_STANDBY DTS_GENERATION DTS_STATE DTS_COPY DTS_FENCE"
g=$(binding voip generation)

must "the domain is protected" protect_and_wait hostA
for n in hostA hostB; do
    ok "$n: protected" wait_for 10 noted $n protected
    is "$(said $n protected $row)" "protected voip $n hostA hostB $g protected 0 pause" "$n: is told of what"
done
stop xl-hostA
ok "hostA: alone" wait_for 30 noted hostA alone
is "$(said hostA alone $row)" "alone voip hostA hostA hostB $g alone 0 pause" "it is told of what"
wait_for 30 no_domains hostB
must "it is protected again" protect_and_wait hostA

# ---- a takeover, with hooks that are slow, that fail, and that are none
order='echo ${0##*/} >>$BED/$BED_NODE/order'
hook hostB pre-takeover 40-last <<<"$order; head -c 5000 /dev/zero | tr '\\0' x"
hook hostB pre-takeover 30-hang <<END
$order
trap '' TERM
echo about to hang
setsid sleep 600 >/dev/null 2>&1 &
echo \$! >\$BED/\$BED_NODE/lives
sleep 600 &
echo "\$\$ \$!" >\$BED/\$BED_NODE/hangs
wait
END
hook hostB pre-takeover 20-second <<<"$order; echo second failed >&2; exit 3"
hook hostB pre-takeover 10-first <<<"$order; echo first said so"
for x in .15-hidden 15-backup~ 15-old.dpkg-old 15-off; do hook hostB pre-takeover $x <<<"$order"; done
chmod -x $W/hostB/hooks.d/pre-takeover/15-off
log=$W/hostB/dts/dts-agent.log
lives() { grep -q ') [^Z]' /proc/$1/stat; }   # (Not one that nobody has waited for.)
hangs() { read -r h1 h2 <$W/hostB/hangs && lives $h1 && lives $h2; }
power_cut hostA
ok "hostB takes over" wait_for 60 bound voip hostB alone $((g + 1))
ok "and serves" wait_for 20 reaches $IP
ok "while a pre-takeover hook hangs" hangs
ok "post-takeover is run beside it" wait_for 10 noted hostB post-takeover
ok "status tells of the one that hangs" grep -qE '^hook .*/pre-takeover/30-hang of domain voip runs for [0-9]+ ms' \
    <<<"$(agent hostB dts/status)"
is "$(said hostB pre-takeover $row)" "pre-takeover voip hostB hostB hostA $((g + 1)) granted 0 pause" \
    "pre-takeover is told of what"
is "$(said hostB post-takeover $row)" "post-takeover voip hostB hostB hostA $((g + 1)) alone 0 pause" \
    "and post-takeover"
is "$(said hostB post-takeover DTS_CAUSE)" "$(binding voip cause)" "and why" || diag "$(cat $W/hostB/hook-post-takeover)"
is "$(said hostB post-takeover called stdin leads)" "1 voip /dev/null 1" \
    "one argument, nothing to read, a process group of its own"

# One that is about a guest here: the domain is granted to another node.
db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"owner":"hostA","standby":"hostB","generation":'$((g + 2))',"state":"granted","session":"11111111-2222-4333-8444-555555555555"}}' >/dev/null
ok "fence is run where the guest still is" wait_for 30 noted hostB fence
is "$(said hostB fence $row DTS_DOMID)" \
    "fence voip hostB hostA hostB $((g + 2)) granted 0 pause $(on hostB xl domid voip)" "and told which it is"
documented=$(sed -n 's/^| \(`DTS_[^|]*\)|.*/\1/p' $SRC/docs/hooks.md | grep -oE 'DTS_[A-Z]+' | sort | xargs)
is "$(variables hostB fence)" "$(xargs -n 1 <<<"$documented DTS_RUNDIR" | sort | xargs)" \
    "what docs/hooks.md names, and the run directory: nothing else called DTS_"

# ---- the limit, which does not grow on a slow machine
ended() { grep -q 'pre-takeover/40-last: ' $log; }
ok "the hanging one is killed, and the last one run" wait_for 30 ended
read -r h1 h2 <$W/hostB/hangs
ok "with its process group" not eval "lives $h1 || lives $h2"
ok "but for who left that" lives $(<$W/hostB/lives)
is "$(xargs <$W/hostB/order)" "10-first 20-second 30-hang 40-last" \
    "in the order of their names; no hidden file, no backup, nothing that is not executable"
logged() { grep -E "domain voip: hook .*/$1" $log; }
ms=$(logged '30-hang: killed \(Killed\) after' | sed -n 's/.* after \([0-9]*\) ms: about to hang$/\1/p')
is "$((ms >= 15000 && ms < 15000 + 5000 * SLOW))" 1 "after 15 s" || diag "$(grep hook $log)"
ok "the log has what they said, and how they ended" eval \
    "logged '10-first: exit status 0 after [0-9]+ ms: first said so$' &&
     logged '20-second: exit status 3 after [0-9]+ ms: second failed$' | grep 'WARN'"
is "$(logged '40-last: exit status 0' | grep -o 'x*$' | tr -d '\n' | wc -c)" 2000 "of much, the first 2,000 bytes"
