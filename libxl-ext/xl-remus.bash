# SPDX-License-Identifier: Apache-2.0
# Completion of xl-remus(8): commands, options, and the domains that are there.

_xl_remus() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local i command='' words=''

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -*) ;;
        *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    COMPREPLY=()
    case $prev in
    --pidfile | --log-file | --link | --save-helper | --control)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    esac
    case $command in
    '') words='protect check unprotect status checkpoint switchover receive resume unbuffer destroy pause
            unpause state help version --name=' ;;
    protect) words='-i --max-interval= -n -d -u -F --realtime= --realtime-unsafe --max-held= --once
            --compress= --delta-cache= --max-buffer= --bandwidth= --peer-timeout= --link-option= --link= --save-helper= --quiet --detach
            --pidfile --log-file --control= --help' ;;
    check) words='-i -d --no-bandwidth --measure-dirty --json --link-option= --link= --help' ;;
    receive) words='--paused --no-monitor --help' ;;
    status) words='--json' ;;
    checkpoint | unprotect | switchover) words='-t' ;;
    resume) words='--now' ;;
    destroy | unpause) words='--force' ;;
    state) words='--json' ;;
    esac
    case $command in
    '' | receive | help | version) ;;
    status | checkpoint | unprotect | switchover)
        for i in /run/remus-dts/xl-remus.*.ctl; do
            i=${i##*/xl-remus.}
            [ "$i" = '*.ctl' ] || words+=" ${i%.ctl}"
        done ;;
    *) words+=" $(xl list 2>/dev/null | awk 'NR > 1 && $2 > 0 { print $1 }')" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    [ "${#COMPREPLY[@]}" != 1 ] || [ "${COMPREPLY[0]%=}" = "${COMPREPLY[0]}" ] || compopt -o nospace
}
complete -F _xl_remus xl-remus
