# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion of dts-ctl: commands and options from its own table
# (dts-ctl --commands), names from the database, keys and values from below.

# The keys of COMMAND's KEY=VALUE arguments (checked by tests/ctl/test-docs).
_dts_ctl_keys() {
    case $1 in
    global-set) echo encap-type encrypt heartbeat peer-timeout bfd-min-tx bfd-mult \
        hold-down stall lease fence options: external-ids: ;;
    node-set) echo roles site ip replication-ip index encap-type external-ids: ;;
    tunnel-set) echo type encrypt mtu tos bfd-min-tx bfd-mult options: \
        external-ids: ;;
    network-set) echo key gateway mtu switching on-database-loss external-ids: ;;
    domain-set) echo network address primary secondary witness failover on-loss \
        realtime realtime-unsafe external-ids: ;;
    esac
}

# The values of a KEY or --OPTION, as far as they can be known.
_dts_ctl_values() {
    case ${1#--} in
    encap-type | type) echo gre vxlan geneve ;;
    encrypt) echo none ipsec ;;
    fence) echo pause destroy none ;;
    roles) echo server gateway router ;;
    switching) echo flow port ;;
    on-database-loss) echo static closed ;;
    failover) echo auto manual ;;
    on-loss) echo stop failover ;;
    realtime-unsafe) echo true false ;;
    state) echo stopped alone protected granted released failed lost ;;
    format) echo json list table csv html ;;
    primary | secondary | witness | owner) _dts_ctl_names Node ;;
    network) _dts_ctl_names Network ;;
    domain) _dts_ctl_names Domain ;;
    esac
}

_dts_ctl_names() {
    timeout 2 "$_dts_ctl_program" "${_dts_ctl_db[@]}" --timeout=1 --bare \
        --columns=name list "$1" 2>/dev/null
}

_dts_ctl_complete() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
    [[ ${COMPREPLY[*]} != *[=:] ]] || compopt -o nospace 2>/dev/null
}

_dts_ctl() {
    local i word glue words=() cur command= n=0 line table args arg options key
    local _dts_ctl_program=${1:-dts-ctl} _dts_ctl_db=()
    COMPREPLY=()

    # bash splits words at '=' and ':'; put them together again.
    glue=
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ($glue || $word == [=:]*) && ${#words[@]} -gt 0 ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        [[ $word == *[=:] ]] && glue=yes || glue=
    done
    cur=${words[-1]}
    unset 'words[-1]'

    for word in "${words[@]}"; do
        case $word in
        --) command= n=0 ;;
        --db=*) _dts_ctl_db=("$word") ;;
        -*) ;;
        *) if [[ $command ]]; then n=$((n + 1)); else command=$word; fi ;;
        esac
    done

    table=$("$_dts_ctl_program" --commands 2>/dev/null)
    options= args=
    while IFS= read -r line; do
        # "[--option=] ,command,!ARG *ARG"
        [[ $line =~ ^([^,]*),([^,]*),(.*)$ ]] || continue
        if [[ ! $command ]]; then
            args+=" ${BASH_REMATCH[2]}"
        elif [[ ${BASH_REMATCH[2]} == "$command" ]]; then
            options=${BASH_REMATCH[1]//[\[\]]/}
            args=${BASH_REMATCH[3]}
        fi
    done <<<"$table"

    if [[ $cur == -*=* ]]; then
        key=${cur%%=*}
        _dts_ctl_complete "$(_dts_ctl_values "$key")" "${cur#*=}"
    elif [[ $cur == -* ]]; then
        [[ $command ]] && options+=" --dry-run --format=" || options=$(
            "$_dts_ctl_program" --options 2>/dev/null | sed -n 's/^\(--[a-z-]*\)\(=\?\).*/\1\2/p')
        [[ $command == events ]] && options+=" -n"
        _dts_ctl_complete "$options --timeout=" "$cur"
    elif [[ ! $command ]]; then
        _dts_ctl_complete "$args" "$cur"
    else
        read -ra args <<<"$args"
        arg=${args[n]:-${args[-1]:-}}
        [[ ${args[n]:-} || $arg == [*+]* ]] || return 0
        case ${arg#[?*+!]} in
        NODE) _dts_ctl_complete "$(_dts_ctl_names Node)" "$cur" ;;
        NETWORK) _dts_ctl_complete "$(_dts_ctl_names Network)" "$cur" ;;
        DOMAIN) _dts_ctl_complete "$(_dts_ctl_names Domain)" "$cur" ;;
        TABLE) _dts_ctl_complete "Global Node Tunnel Network Domain Binding
            Fence Reachability Suspicion Event Connection SSL RBAC_Role
            RBAC_Permission" "$cur" ;;
        RECORD) case ${words[-1]} in
            Node | Network | Domain) _dts_ctl_complete "$(_dts_ctl_names "${words[-1]}")" "$cur" ;;
            Binding) _dts_ctl_complete "$(_dts_ctl_names Domain)" "$cur" ;;
            Global) _dts_ctl_complete . "$cur" ;;
            esac ;;
        KEY=VALUE)
            if [[ $cur == *=* ]]; then
                _dts_ctl_complete "$(_dts_ctl_values "${cur%%=*}")" "${cur#*=}"
            else
                key=$(_dts_ctl_keys "$command" | sed 's/\([a-z]\)\( \|$\)/\1=\2/g')
                _dts_ctl_complete "$key" "$cur"
            fi ;;
        esac
    fi
}
complete -F _dts_ctl dts-ctl
