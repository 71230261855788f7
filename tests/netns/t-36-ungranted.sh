#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A copy that xl resumes although nobody granted it: a plain `xl remus`, whose
# receiver takes the silence for its peer's death, and `xl migrate`, whose source
# gives the domain up only afterwards.
. "$(dirname "$0")/dts.sh"
. "$(dirname "$0")/onehost.sh"
needs_programs $AGENT $DOM $VIF
plan 23
BED_ENV="LIBXL_SAVE_HELPER=$N/fakehelper.py BED_VIF=$VIF"
dts_up || exit 1
domain_add voip "$ADDRESS" hostA hostB >/dev/null || exit 1
must "a guest runs on hostA" on hostA xl create voip $MAC $IP $IP6
wait_for 30 bound voip hostA alone && wait_for 30 reaches $IP || exit 1

# ------------------------------------------------------------ plain xl remus
remus_up() {
    spawn xl-remus hostA xl remus -F -n -d -i 700 -s '' voip \
        "exec nsenter --net=/run/netns/${P}hostB env $(env_of hostB) xl migrate-receive -r"
    wait_for 20 eval 'on hostB xl list | grep -q "voip--incoming p"' || return 1
    # In the middle of an interval: an end of file between a checkpoint's two
    # halves would make the receiver spin, as libxl does.
    touch $W/mark
    local copy; copy=$(on hostB xl list | awk '$2 ~ /^voip/ {print $1}')
    wait_for 20 test $W/hostB/xen/$copy.mem -nt $W/mark && sleep 0.2
}
is_paused() { on hostB xl list | grep -q "voip p"; }
must "protected by xl remus alone" remus_up
observe_start wires gw1 --mac $MAC A=uA B=uB
probe_start p $IP --interval 5
wait_for 10 served p hostA
g=$(binding voip generation)
stop xl-remus KILL              # Its receiver takes that for hostA's death.
ok "xl resumes the copy: it is paused at once" wait_for 8 is_paused
ok "by the hook fence" grep -q 'fence/10-pause' $W/hostB/dts/dts-agent.log
ok "and said why" grep -q 'has resumed the copy here .*not granted: hostA owns it' \
    $W/hostB/dts/dts-agent.log
safe is "$(binding voip owner) $(binding voip generation)" "hostA $g" "the binding has not moved"
ok "then it is destroyed" wait_for 30 no_domains hostB
ok "hostA serves throughout" wait_for 10 served p hostA
r=$(probe_stop p); w=$(observe_stop wires gw1)
safe is "$(jq -c '.hosts | map(.[0])' <<<"$r")" '["hostA"]' "the client has heard one copy" || diag "$r"
is "$(jq '.gap_ms < 1000' <<<"$r")" true "and was never without it" || diag "$r"
safe is "$(jq -c --arg m $MAC '.switches[$m] | map(.[0])' <<<"$w")" '["A"]' \
    "no frame of the other came by tunnel 3" || diag "$w"

# ------------------------------------------------------------------ xl migrate
# hostB's half by hand; its hooks tell what they were asked for.
for h in fence unfence cleanup; do
    printf '#!/bin/sh\necho "%s $DTS_DOMAIN $DTS_DOMID $DTS_FENCE" >>%s/hooks\n' $h $W \
        >$W/hostB/hooks.d/$h/$(ls $W/hostB/hooks.d/$h | head -n 1)
done
asked() { grep -qx "$1" $W/hooks 2>/dev/null; }
U=$(on hostA xenstore-read /local/domain/1/vm | sed 's,/vm/,,')
arrives() {     # arrives DOMID: xl has made a copy, renames it, and lets it go.
    rm -f $W/hooks
    on hostB $DOM create $1 voip--incoming $U p
    on hostB $DOM vif $1 0 mac=$MAC bridge=br-dts
    wait_for 20 eval "agent hostB dts/xenstore | grep -q 'voip--incoming'" || return 1
    on hostB $DOM rename $1 voip && on hostB $DOM set $1 r uuid=$U
}
released() {    # hostA's xl has renamed its own.
    g=$(($(binding voip generation) + 1))
    db '{"op":"update","table":"Binding","where":[["domain","==","voip"]],"row":{"state":"released","generation":'$g',"session":""}}' >/dev/null
}
ctl global-set fence=destroy
must "a copy arrives before hostA has released the domain" arrives 60
ok "it is paused, not destroyed, whatever the database says" wait_for 10 asked "fence voip 60 pause"
on hostB $DOM set 60 p uuid=$U
agent_stop hostA                # (It would take it back: its guest runs.)
released
ok "hostA releases it: hostB takes it" wait_for 20 bound voip hostB granted
ok "with the gateway's receipt" wait_for 20 fenced voip "$(binding voip generation)"
ok "it is let go on" wait_for 20 asked "unfence voip 60 destroy"
on hostB $DOM set 60 r uuid=$U
ok "and runs" wait_for 20 bound voip hostB alone
not_asked() { not asked "cleanup voip 60 destroy"; }
sleep $((2 * SLOW))
ok "nothing is destroyed" not_asked
agent_start hostA
ok "hostA's old guest is" wait_for 30 no_domains hostA

# The release comes first, as it should: no hook is in the way.
g=$(bind voip hostA); wait_for 20 fenced voip $g
on hostB $DOM destroy 60
agent_stop hostA
released
must "another arrives after the release" arrives 61
ok "hostB takes it, and it runs" wait_for 20 bound voip hostB alone
sleep $((2 * SLOW))
is "$(cat $W/hooks 2>/dev/null)" "" "without a hook"
ctl global-set fence=pause
ok "the setting is back" eval '[ "$(ctl get Global . fence)" = pause ]'
