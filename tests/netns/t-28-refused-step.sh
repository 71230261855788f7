#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many domains move in one transaction, and the database refuses one of them,
# again and again: the others are not held up by it.
. "$(dirname "$0")/dts.sh"
needs_programs $AGENT
n=40
plan 8
dts_up xen=no || exit 1

# hostA's agent comes by a connection with a role: it may write what it likes,
# but bindings only where the "cause" is its name.
PORT=6647
role() {
    local t ops=() tables columns auth
    tables=$(jq -r '.tables | keys[]' $SRC/remus-hooks/dts.ovsschema)
    for t in $tables; do
        columns=$(jq -c --arg t $t '["set", (.tables[$t].columns | keys)]' \
            $SRC/remus-hooks/dts.ovsschema)
        auth='""'
        [ $t != Binding ] || auth='"cause"'
        ops+=('{"op":"insert","table":"RBAC_Permission","uuid-name":"p'$t'","row":{"table":"'$t'","authorization":'$auth',"insert_delete":true,"update":'"$columns"'}}')
    done
    ops+=('{"op":"insert","table":"RBAC_Role","row":{"name":"t-28","permissions":["map",['"$(
        for t in $tables; do echo "[\"$t\",[\"named-uuid\",\"p$t\"]]"; done | paste -sd,)"']]}}')
    ops+=('{"op":"insert","table":"Connection","uuid-name":"c","row":{"target":"pssl:'$PORT'","role":"t-28"}}')
    ops+=('{"op":"mutate","table":"Global","where":[],"mutations":[["connections","insert",["named-uuid","c"]]]}')
    db "${ops[@]}" | grep -qv error
}
must "the database has roles" role
on gw1 ovs-appctl -t $W/gw1/dts/dts-db.ctl ovsdb-server/add-remote \
    db:DTS,Global,connections
ovs hostA set Open_vSwitch . \
    external_ids:dts-remote="ssl:${MGMT[hostA]%.*}.254:$PORT"

add=()
for ((i = 0; i <= n; i++)); do
    add+=(-- domain-add d$i --network=voice
        --address="00:16:3e:00:01:$(printf %02x $i) 192.168.7.$((120 + i))"
        --primary=hostA --secondary=hostB)
done
ctl "${add[@]:1}" >/dev/null
# All of one generation, stopped; d0 is the one that is refused.
db '{"op":"update","table":"Binding","where":[],"row":{"generation":100,"state":"stopped","cause":"hostA"}}' \
    '{"op":"update","table":"Binding","where":[["domain","==","d0"]],"row":{"cause":"nobody"}}' \
    '{"op":"update","table":"Global","where":[],"row":{"generation":100}}' >/dev/null
knows() { [ "$(agent hostA dts/status | grep -c 'd[0-9].*100')" -gt $n ]; }
wait_for 20 knows
sleep 1
moved() { [ "$(db_get Binding domain owner=hostB state=stopped | wc -l)" = $1 ]; }
ok "nobody has moved" moved 0
start=$(now_ms)
db '{"op":"update","table":"Domain","where":[],"row":{"requested_node":"hostB","requested_generation":100}}' >/dev/null
ok "all but the refused one move" wait_for 10 moved $n
since=$(db_get Binding since owner=hostB | sort -n)
first=$(head -n 1 <<<"$since") last=$(tail -n 1 <<<"$since")
diag "from the first to the last: $((last - first)) ms; after $((last - start)) ms"
ok "at about the same time" test $((last - first)) -lt $((1000 * SLOW))
sleep $((4 * SLOW))
ok "d0 is hostA's still" bound d0 hostA stopped 100
ok "and the log says why" grep -q "d0: the database refuses the step.*RBAC" \
    $W/hostA/dts/dts-agent.log
tries=$(grep -c "domain d0: (hostA, 100, stopped)" $W/hostA/dts/dts-agent.log)
diag "$tries tries"
ok "without asking all the time" test $tries -lt 60
db '{"op":"update","table":"Binding","where":[["domain","==","d0"]],"row":{"cause":"hostA"}}' >/dev/null
ok "when it may, it moves too" wait_for 10 bound d0 hostB stopped 101
