# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# What happens to a call: the power is cut, the replication cable is pulled and
# plugged in again, or the power is cut twice, there and back.  For ours and for
# the baseline.  RTPSTAT names dts-rtpstat.

. "$(dirname "${BASH_SOURCE[0]}")/dts.sh"

# take NETWORK WHAT...: the function of ours (dts_) or of the baseline (stock_).
take() { local p=dts; [ "$1" = remus-dts ] || p=stock; shift; "${p}_$1" "${@:2}"; }

# use SYSTEM: sets $network, and what dts_protect goes by.  xl-remus-RULE: what
# is held (none, all, all but the voice: as xl-remus).
use() {
    network=remus-dts TOOLSTACK=xl-remus PROTECT_OPTIONS=
    case $1 in
    bridge) network=bridge TOOLSTACK=xl ;;
    remus-dts) TOOLSTACK=xl ;;
    xl-remus | xl-remus-voice) PROTECT_OPTIONS=--realtime=rtp:6000 ;;
    xl-remus-none) PROTECT_OPTIONS=-n ;;
    esac
}

guest_address() { if [ "$1" = remus-dts ]; then echo $DTS_GUEST; else echo $STOCK_GUEST; fi; }
guest_name() { if [ "$1" = remus-dts ]; then echo voip; else echo g; fi; }
begin_call() {
    if [ "$1" = remus-dts ]; then
        call_start "$2" $DTS_GUEST $DTS_CLIENT xlseg
    else
        call_start "$2" $STOCK_GUEST 10.9.0.1 xbr
    fi || { say "no voice came back"; call_abandon "$2"; return 1; }
}

# prepare NETWORK MODE ENCAP: fresh hosts, the guest on A.
prepare() {
    lab_down
    lab_up A B G || return 1
    if [ "$1" = remus-dts ]; then
        dts_configure mode="$2" encap="$3" || { say "remus-dts was not configured"; return 1; }
        say "remus-dts runs on all three: TLS, $3 tunnels, switching by $2"
    fi
    take "$1" guest A || { say "the guest does not serve"; return 1; }
    say "the guest serves its client from host A"
}

# in_checkpoint HOST DIR [NETWORK]: waits until what happened up to now is in the copy, as
# four checkpoints later it is; $DIR/period, $DIR/interval: the longest and the
# median (xl-remus: mean) time between two of them, in ms.
in_checkpoint() {
    local had
    if [ "$TOOLSTACK" != xl ] && [ "${3-remus-dts}" = remus-dts ]; then
        # Looking costs an emulated host a good part of a checkpoint: twice.
        on "$1" 'for i in 1 2; do [ $i = 1 ] || sleep 10; xl-remus status --json voip; echo "${EPOCHREALTIME/./}"; done; xl-remus checkpoint -t 180 voip >/dev/null' >"$2/seen" ||
            { say "no checkpoint is taken any more"; return 1; }
        jq -s '(.[3] - .[1]) / (.[2].committed - .[0].committed) / 1000 | round' "$2/seen" >"$2/interval" &&
            jq -s '[(.[3] - .[1]) / (.[2].committed - .[0].committed), .[0].last_interval_us, .[2].last_interval_us] | max / 1000 | round' "$2/seen" >"$2/period"
        return
    fi
    had=$(on "$1" "grep -c 'Domain now suspended' /var/log/lab-remus.log")
    POLL=3 eventually 180 checkpoints_since "$1" "$had" 4 "$2" ||
        { say "no checkpoint is taken any more"; return 1; }
}
checkpoints_since() {
    on "$1" "awk '/Domain now suspended/ { print \$1 }' /var/log/lab-remus.log" |
        awk -v had="$2" -v want="$3" -v dir="$4" '
            NR > had + 1 { d[++n] = ($1 - last) * 1000 }
            { last = $1 }
            END {
                if (NR < had + want) exit 1
                for (i = 2; i <= n; i++)
                    for (j = i; j > 1 && d[j - 1] > d[j]; j--) { t = d[j]; d[j] = d[j - 1]; d[j - 1] = t }
                printf "%.0f\n", d[n] >(dir "/period")
                printf "%.0f\n", d[int((n + 1) / 2)] >(dir "/interval")
            }'
}

# collect NETWORK DIR CUT SCENARIO MODE ENCAP [SURVIVING-HOST]: logs and
# clocks, then $DIR/run.json and $DIR/timeline.
collect() {
    local network=$1 dir=$2 cut=$3 scenario=$4 to=${7-B} h
    : >"$dir/clocks"
    for h in A B G; do
        ! is_up $h || echo "$(node_of $h) $(clock_of $h)" >>"$dir/clocks"
    done
    copies >"$dir/copies"
    if [ "$network" = remus-dts ]; then
        dts --format=json --columns=time,node,domain,type,generation,message,phases list Event >"$dir/events.json"
        dts status voip >"$dir/status"
    elif is_up "$to"; then
        stock_phases "$to" "$cut" >"$dir/phases"
    fi
    echo "$cut" >"$dir/cut"
    TOOLSTACK=$TOOLSTACK "$XL/report" "$dir" "$cut" "$RTPSTAT" "$(guest_address "$network")" "$network" "$5" "$6" "$scenario"
}

# scenario_NAME NETWORK DIR MODE ENCAP: 0 when it could be carried through,
# whatever came out of it: that is in $DIR/run.json.
scenario_power() {
    prepare "$1" "$3" "$4" && fail_over "$1" "$2" A "$3" "$4"
}
# fail_over NETWORK DIR FROM MODE ENCAP: the guest that runs on FROM is protected,
# and in the middle of a call FROM loses its power.
fail_over() {
    local network=$1 dir=$2 from=$3 cut
    take "$network" protect "$from" || { say "no protection"; return 1; }
    say "protected: a checkpoint each $INTERVAL ms is asked for"
    begin_call "$network" "$dir" || return 1
    say "a SIP call with voice is up"
    in_checkpoint "$from" "$dir" "$network" || return 1
    cut=$(power_cut "$from")
    say "host $from: power cut"
    survive "$network" "$dir" "$cut" || say "no voice after the cut"
    call_end "$dir"
    collect "$network" "$dir" "$cut" power "$4" "$5" "$(other_of "$from")"
}
# returned NETWORK HOST: it boots again, empty, and joins the other.
returned() {
    lab_up "$2" || return 1
    [ "$1" != remus-dts ] || {
        dts_start "$2" || return 1
        eventually 60 dts_tunnels_up "$(node_of "$2")" || { say "tunnels to $2 do not come up"; return 1; }
    }
}
# survive NETWORK DIR CUT: waits for voice after it, and talks on for a while.
survive() {
    eventually 90 serves "$2" "$(guest_address "$1")" $(($3 + 300)) || return 1
    say "voice comes back to the client"
    sleep 5
}

scenario_failback() {
    local network=$1 dir=$2 cut cut2
    prepare "$network" "$3" "$4" || return 1
    take "$network" protect A || { say "no protection"; return 1; }
    begin_call "$network" "$dir" || return 1
    say "protected from A; a SIP call with voice is up"
    in_checkpoint A "$dir" "$network" || return 1
    cut=$(power_cut A)
    say "host A: power cut"
    survive "$network" "$dir" "$cut" || { say "no voice after the first cut"; call_end "$dir"; return 1; }
    returned "$network" A || return 1
    say "host A is back, empty: B protects to it"
    take "$network" protect B || { say "no protection from B"; return 1; }
    in_checkpoint B "$dir" "$network" || return 1
    cut2=$(power_cut B)
    say "host B: power cut"
    survive "$network" "$dir" "$cut2" || say "no voice after the second cut"
    call_end "$dir"
    collect "$network" "$dir" "$cut2" failback "$3" "$4"
}

scenario_partition() {
    local network=$1 dir=$2 cut
    prepare "$network" "$3" "$4" || return 1
    take "$network" protect A || { say "no protection"; return 1; }
    begin_call "$network" "$dir" || return 1
    say "protected; a SIP call with voice is up"
    in_checkpoint A "$dir" "$network" || return 1
    cable A rep off
    cut=$(now_ms)
    say "the replication cable is pulled"
    sleep 20
    say "running copies: $(copies)"
    cable A rep on
    say "the replication cable is plugged in again"
    sleep 15
    say "running copies: $(copies)"
    call_end "$dir"
    collect "$network" "$dir" "$cut" partition "$3" "$4"
}
