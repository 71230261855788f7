# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# The Xen lab: two real Xen 4.17 hosts, A and B, and a gateway, G, under QEMU
# without KVM, from Debian's packages and ours.  Sourced by what uses it; `lab`
# makes each function a command.
#
#     +--- QEMU A ---+                  +--- QEMU B ---+
#     |  Xen, dom0   | rep0        rep0 |  Xen, dom0   |
#     |   10.8.0.1   +==================+   10.8.0.2   |  tunnel 1
#     | ctl0    cli0 |                  | cli0    ctl0 |
#     +--+-------+---+                  +---+-------+--+
#        |       | tap xlA          tap xlB |       |
#        |       +--------[ xbr ]-----------+       |       tunnels 2 and 3, liveness, and
#        |                   |  10.9.0.1            |       the baseline's client
#        |                   | tap xlG              |
#        |            +------+-------+              |
#        |            | QEMU G: OVS  +- ctl0        |
#        |            +------+-------+              |
#        |                   | seg0, tap xlseg: 10.20.0.1, our client
#    127.0.0.1:2221..2223: control; all in the namespace "xlab"

XENLAB_DIR=${XENLAB_DIR:-/var/tmp/remus-dts-xenlab}     # all that is built or runs
XENLAB_NS=${XENLAB_NS:-xlab}
XENLAB_MEM=${XENLAB_MEM:-1536}                  # MiB a host (Xen, dom0, guests)
XENLAB_DOM0_MEM=${XENLAB_DOM0_MEM:-1152}        # MiB of that for dom0
# Of the network between hosts and gateway: guests' 1,500 bytes fit into tunnels.
XENLAB_MTU=1600                 # dom0-init has it, too
# xenstored (Xen's own, in C) or oxenstored, that Debian would start: a takeover is
# hundreds of its requests.
XENLAB_XENSTORED=${XENLAB_XENSTORED:-xenstored}
# How long a host may take to boot, and what waits may take: emulation on a
# busy machine is slow.
XENLAB_PATIENCE=${XENLAB_PATIENCE:-480}

XL=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$XL/../.." && pwd)

die() { echo "${0##*/}: $*" >&2; exit 1; }

# Milliseconds since the epoch, without a fork.
now_ms() { local t=$EPOCHREALTIME; echo $((${t%.*} * 1000 + 10#${t#*.} / 1000)); }

# say TEXT: a line of progress with the time since the first program began.
export XENLAB_STARTED=${XENLAB_STARTED:-$(now_ms)}
say() {
    local d=$(($(now_ms) - XENLAB_STARTED))
    printf '%s[%4d.%01d s] %s\n' "${SAY_PREFIX-}" $((d / 1000)) $((d % 1000 / 100)) "$*"
}

# eventually SECONDS COMMAND...: until it succeeds.
eventually() {
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt $end ] || return 1
        sleep "${POLL-0.3}"
    done
}

in_ns() { ip netns exec "$XENLAB_NS" "$@"; }
number_of() {
    case $1 in
    A) echo 1 ;; B) echo 2 ;; G) echo 3 ;;
    *) die "no host '$1': it is A, B or G" ;;
    esac
}
node_of() { case $1 in A) echo hostA ;; B) echo hostB ;; G) echo gw1 ;; esac; }
other_of() { case $1 in A) echo B ;; *) echo A ;; esac; }
control_port() { echo $((2220 + $(number_of "$1"))); }

# is_up HOST: its QEMU runs, and is ours.
is_up() {
    local pid
    pid=$(cat "$XENLAB_DIR/$1.pid" 2>/dev/null) && [ -n "$pid" ] &&
        grep -qz -- "xenlab-$1" "/proc/$pid/cmdline" 2>/dev/null
}

# lab_up [HOST...]: boots them all together and waits until they are ready.
lab_up() {
    local h hosts=${*:-A B G} end
    [ -f "$XENLAB_DIR/dom0.img" ] || die "nothing built in $XENLAB_DIR: run tests/xenlab/build"
    if ! [ -e "/run/netns/$XENLAB_NS" ]; then
        ip netns add "$XENLAB_NS"
        in_ns ip link set lo up
        in_ns ip link add xbr mtu $XENLAB_MTU type bridge
        in_ns ip addr add 10.9.0.1/24 dev xbr
        in_ns ip link set xbr up
    fi
    for h in $hosts; do
        if is_up "$h"; then say "host $h is up already"; else boot "$h"; fi
    done
    end=$(($(now_ms) + XENLAB_PATIENCE * 1000))
    for h in $hosts; do
        until grep -aq "LAB READY $h" "$XENLAB_DIR/$h.log" 2>/dev/null; do
            if [ "$(now_ms)" -ge $end ] || ! is_up "$h"; then
                keep_logs
                tail -n 40 "$XENLAB_DIR/$h.log" >&2
                die "host $h did not come up; its console, of which the above is the end, is $XENLAB_DIR/$h.log"
            fi
            sleep 0.2
        done
        say "host $h: $(grep -a 'LAB READY' "$XENLAB_DIR/$h.log" | tail -n1 | tr -d '\r')"
    done
}

boot() {
    local h=$1 n linux args cpu=qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+movbe
    n=$(number_of "$h")
    tap() {
        in_ns ip link show "$1" >/dev/null 2>&1 && return
        in_ns ip tuntap add dev "$1" mode tap
        [ -z "${2-}" ] || in_ns ip link set "$1" mtu $XENLAB_MTU master "$2"
        in_ns ip link set "$1" up
    }
    tap "xl$h" xbr
    (
        cd "$XENLAB_DIR" || exit 1
        rm -f "$h.rep" "$h.monitor" "$h.console" "$h.log"
        linux="quiet loglevel=4 mitigations=off tsc=reliable nmi_watchdog=0 nowatchdog cryptomgr.notests init_on_alloc=0 apparmor=0 lab_host=$h lab_xenstored=$XENLAB_XENSTORED"
        if [ "$h" = G ]; then
            tap xlseg
            in_ns ip addr replace 10.20.0.1/24 dev xlseg
            args=(-cpu $cpu -m 1024 -kernel "kernel/boot/vmlinuz-$(cat kernel/version)"
                -append "console=ttyS0 $linux" -initrd dom0.img
                -netdev "tap,id=seg,ifname=xlseg,script=no,downscript=no"
                -device "virtio-net-pci,romfile=,netdev=seg,mac=52:54:00:04:00:0$n")
        else
            # SVM and nested paging: PVH guests need HAP.  AES and what OpenSSL
            # uses with it: TLS in plain instructions is slow to emulate.  (Absolute paths for
            # the datagram sockets: -daemonize changes to /.)
            args=(-cpu "$cpu,+svm,+npt" -m "$XENLAB_MEM" -kernel xen.elf
                -append "dom0_mem=${XENLAB_DOM0_MEM}M,max:${XENLAB_DOM0_MEM}M com1=115200,8n1 console=com1 spec-ctrl=no xpti=off pv-l1tf=off sched=credit noreboot"
                -initrd "vmlinux.dom0 console=hvc0 $linux,dom0.img"
                -netdev "dgram,id=rep,local.type=unix,local.path=$PWD/$h.rep,remote.type=unix,remote.path=$PWD/$(other_of "$h").rep"
                -device "virtio-net-pci,romfile=,netdev=rep,mac=52:54:00:02:00:0$n")
        fi
        in_ns qemu-system-x86_64 -name "xenlab-$h" -machine pc -accel tcg,thread=multi,tb-size=256 \
            -smp 1 -nodefaults -display none -no-reboot "${args[@]}" \
            -chardev "socket,id=com,path=$h.console,server=on,wait=off,logfile=$h.log" -serial chardev:com \
            -monitor "unix:$h.monitor,server=on,wait=off" \
            -netdev "user,id=ctl,restrict=on,hostfwd=tcp:127.0.0.1:$(control_port "$h")-:2222" \
            -device "virtio-net-pci,romfile=,netdev=ctl,mac=52:54:00:01:00:0$n" \
            -netdev "tap,id=cli,ifname=xl$h,script=no,downscript=no" \
            -device "virtio-net-pci,romfile=,netdev=cli,mac=52:54:00:03:00:0$n" \
            -pidfile "$h.pid" -daemonize 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    ) || die "QEMU for host $h did not start"
    say "host $h: started, pid $(cat "$XENLAB_DIR/$h.pid")"
}

# lab_down [HOST...]: ends them by their own pids; the last one takes the namespace with it.
lab_down() {
    local h pid
    for h in ${*:-A B G}; do
        if is_up "$h"; then
            pid=$(cat "$XENLAB_DIR/$h.pid")
            kill "$pid"
            for _ in {1..50}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
            kill -9 "$pid" 2>/dev/null
        fi
        rm -f "$XENLAB_DIR/$h".{pid,rep,monitor,console}
    done
    if ! is_up A && ! is_up B && ! is_up G && [ -e "/run/netns/$XENLAB_NS" ]; then
        for pid in $(ip netns pids "$XENLAB_NS"); do kill "$pid" 2>/dev/null; done
        ip netns del "$XENLAB_NS"
    fi
    return 0
}

# on HOST [COMMAND...]: runs it (or the script on standard input) in the host's
# dom0 as root; its output and exit status; 255: not reached.  What is to
# outlive the call: on B 'setsid CMD >/var/log/x 2>&1 </dev/null &'
on() {
    local h=$1 script
    shift
    is_up "$h" || { echo "on: host $h is not up" >&2; return 255; }
    if [ $# -gt 0 ]; then script=$*; else script=$(cat); fi
    # A subshell: `exit` in the command ends only that.
    XL_PORT=$(control_port "$h") \
    XL_SCRIPT="( eval $(printf %q "$script") ) </dev/null 2>&1; printf '\n--xenlab-status %d\n' \$?; exit" \
        ip netns exec "$XENLAB_NS" bash -c '
            exec 3<>"/dev/tcp/127.0.0.1/$XL_PORT" || exit 255
            printf "%s\n" "$XL_SCRIPT" >&3
            cat <&3' 2>/dev/null | awk '
        # One line is held back: the marker comes after a newline of its own.
        /^--xenlab-status [0-9]+$/ { status = $2; done = 1; if (held && line != "") print line; held = 0; next }
        { if (held) print line; line = $0; held = 1; fflush() }
        END { if (held) print line; exit done ? status : 255 }'
}

# put HOST FILE DEST: copies a file into the dom0, with its mode.
put() {
    local h=$1 file=$2 dest=$3 size mode answer
    size=$(stat -Lc %s "$file") && mode=$(stat -Lc %a "$file") || return 1
    case $dest in */) dest=$dest${file##*/} ;; esac
    answer=$(XL_PORT=$(control_port "$h") XL_FILE=$file \
        XL_HEAD="mkdir -p \$(dirname $dest) && head -c $size >$dest.part && chmod $mode $dest.part && mv $dest.part $dest && echo stored; exit" \
        ip netns exec "$XENLAB_NS" bash -c '
            exec 3<>"/dev/tcp/127.0.0.1/$XL_PORT" || exit 1
            printf "%s\n" "$XL_HEAD" >&3
            cat "$XL_FILE" >&3
            cat <&3' 2>/dev/null)
    [ "$answer" = stored ] || { echo "put: host $h did not store $dest: $answer" >&2; return 1; }
}

# power_cut HOST: it dies as if unplugged; prints the instant (ms since the epoch).
power_cut() {
    is_up "$1" || return 1
    kill -9 "$(cat "$XENLAB_DIR/$1.pid")"
    now_ms
    rm -f "$XENLAB_DIR/$1.pid"
}

# cable HOST rep|cli|seg|ctl on|off: a network cable; the host lives on.
cable() {
    local answer
    is_up "$1" || return 1
    answer=$(echo "set_link $2 $3" | socat -t 1 - "UNIX-CONNECT:$XENLAB_DIR/$1.monitor")
    case $answer in *rror*) echo "QEMU said: $answer" >&2; return 1 ;; esac
}

# clock_of HOST: "OFFSET UNCERTAINTY" in ms: how far its clock is ahead of this
# machine's (dom0s start from a clock of whole seconds).  The best of 20 rounds
# on one connection, as NTP does it.
clock_of() {
    is_up "$1" || return 1
    XL_PORT=$(control_port "$1") ip netns exec "$XENLAB_NS" bash -c '
        us() { echo $((${1%.*} * 1000000 + 10#${1#*.})); }
        exec 3<>"/dev/tcp/127.0.0.1/$XL_PORT" || exit 1
        best=1000000000
        for _ in {1..20}; do
            t0=$EPOCHREALTIME
            echo "echo \$EPOCHREALTIME" >&3
            read -r theirs <&3
            t1=$EPOCHREALTIME
            rtt=$(($(us $t1) - $(us $t0)))
            if ((rtt < best)); then
                best=$rtt
                offset=$((($(us $theirs) - ($(us $t0) + $(us $t1)) / 2) / 1000))
            fi
        done
        echo "$offset $(((best / 2 + 999) / 1000))"'
}

# keep_logs [DIR]: what the hosts wrote, for whoever looks after a failure.
keep_logs() {
    local dir=${1:-$XENLAB_DIR/failed} h
    mkdir -p "$dir"
    for h in A B G; do
        [ ! -f "$XENLAB_DIR/$h.log" ] || cp "$XENLAB_DIR/$h.log" "$dir/$h.console"
        is_up "$h" || continue
        on "$h" 'tail -n 400 /var/log/remus-dts/*.log /var/log/lab-*.log /var/log/xen/xl-*.log 2>/dev/null
            xl list; ovs-vsctl show; ovs-ofctl -O OpenFlow15 dump-flows br-dts; dts-ctl --timeout=5 status; dts-ctl --timeout=5 events
            ovs-appctl --timeout=5 -t /run/remus-dts/dts-agent.ctl dts/status; ip addr; dmesg | tail -n 40
            ip xfrm policy; ip xfrm state list nokeys; grep -v " 0$" /proc/net/xfrm_stat' >"$dir/$h.state" 2>&1
    done
    say "logs of the hosts: $dir"
}
