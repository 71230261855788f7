# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the tests of dts-ctl: a private database in a directory of its own, and
# TAP.  No root, no network, nothing of the machine's own databases.
#
#   . lib.sh; start_db raft|standalone; run ...; ...; done_testing

set -u
srcdir=${abs_top_srcdir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
builddir=${abs_top_builddir:-$srcdir}
for dir in /usr/sbin /sbin; do
    case :$PATH: in *:$dir:*) ;; *) PATH=$PATH:$dir ;; esac
done
schema=$srcdir/remus-hooks/dts.ovsschema
dts_ctl=$builddir/remus-hooks/ctl/dts-ctl
n_tests=0
n_failed=0

for program in ovsdb-tool ovsdb-server ovsdb-client ovs-appctl ovs-vsctl python3; do
    if ! command -v $program >/dev/null; then
        echo "1..0 # SKIP no $program: install openvswitch-switch and python3"
        exit 77
    fi
done

tmp=$(mktemp -d "${TMPDIR:-/tmp}/dts-ctl-test.XXXXXX") || exit 1
# Nothing must be found but what the test itself puts there.
export OVS_RUNDIR=$tmp/ovs DTS_RUNDIR=$tmp/run
unset DTS_DB OVS_CTL_TIMEOUT
mkdir -p "$OVS_RUNDIR" "$DTS_RUNDIR"

clean_up() {
    local pidfile
    for pidfile in "$tmp"/*.pid "$tmp"/*/*.pid; do
        [ -s "$pidfile" ] && kill "$(cat "$pidfile")" 2>/dev/null
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# start_db raft|standalone [OPTION...]: a database DTS, and $DTS_DB.
start_db() {
    local kind=$1
    shift
    if [ "$kind" = raft ]; then
        ovsdb-tool create-cluster "$tmp/dts.db" "$schema" \
            "unix:$tmp/raft.sock" 2>"$tmp/create.log"
    else
        ovsdb-tool create "$tmp/dts.db" "$schema"
    fi || { cat "$tmp/create.log"; exit 1; }
    ovsdb-server --detach --no-chdir --pidfile="$tmp/db.pid" \
        -vconsole:off -vsyslog:off --log-file="$tmp/db.log" \
        --unixctl="$tmp/db.ctl" --remote="punix:$tmp/db.sock" "$@" \
        "$tmp/dts.db" || exit 1
    export DTS_DB=unix:$tmp/db.sock
    local i
    for ((i = 0; i < 100; i++)); do
        "$dts_ctl" --timeout=5 list Global >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "Bail out! the database did not start"
    exit 1
}

# make_pki NAME...: an authority in $tmp/pki/ca, and a certificate for each NAME.
make_pki() {
    local name
    mkdir -p "$tmp/pki"
    for name in init "$@"; do
        (cd "$tmp/pki" && ovs-pki -d "$tmp/pki/ca" -l "$tmp/pki/log" -u \
            $([ "$name" = init ] && echo init || echo "req+sign $name switch")) \
            >/dev/null 2>&1 || { echo "1..0 # SKIP ovs-pki does not work here"; exit 77; }
    done
    cp "$tmp/pki/ca/switchca/cacert.pem" "$tmp/pki/cacert.pem"
}
tls_of() {
    echo "-p $tmp/pki/$1-privkey.pem -c $tmp/pki/$1-cert.pem -C $tmp/pki/cacert.pem"
}
server_tls() {
    echo "--private-key=$tmp/pki/$1-privkey.pem --certificate=$tmp/pki/$1-cert.pem --ca-cert=$tmp/pki/cacert.pem"
}
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# run ARG...: dts-ctl ARG..., its exit code in $status, its output in $out,
# its errors in $err.
run() {
    "$dts_ctl" --timeout=10 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    status=$?
    out=$(cat "$tmp/out")
    err=$(cat "$tmp/err")
}

# ok NAME CONDITION...: one test; the condition is a command.
ok() {
    local name=$1
    shift
    n_tests=$((n_tests + 1))
    if "$@" >"$tmp/ok" 2>&1; then
        echo "ok $n_tests - $name"
    else
        n_failed=$((n_failed + 1))
        echo "not ok $n_tests - $name"
        {
            echo "condition: $*"
            cat "$tmp/ok"
            echo "exit code: $status"
            echo "stdout: $out"
            echo "stderr: $err"
        } | sed 's/^/# /'
    fi
}

# expect NAME CODE [ERE [ERE]]: the last run ended with CODE, and each ERE
# matches its output or its errors.
expect() {
    local name=$1 code=$2
    shift 2
    ok "$name" check_result "$code" "$@"
}
check_result() {
    local code=$1 re
    shift
    [ "$status" = "$code" ] || { echo "expected exit code $code"; return 1; }
    for re; do
        printf '%s\n%s\n' "$out" "$err" | grep -Eq -- "$re" \
            || { echo "no line matches: $re"; return 1; }
    done
}

# get TABLE RECORD COLUMN: a column's value.
get() {
    "$dts_ctl" --timeout=10 get "$@" 2>&1
}
is() {
    [ "$1" = "$2" ] || { echo "got: $1"; echo "expected: $2"; return 1; }
}

# The whole database as text, to see that nothing changed.
dump() {
    ovsdb-client dump "$DTS_DB" DTS 2>&1
}

# json EXPRESSION: evaluates a Python expression about the last output, which
# must be JSON, as 'j'.
json() {
    python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
assert eval("(" + sys.argv[2] + ")"), j' "$tmp/out" "$1"
}

# start_ovs: an Open_vSwitch database of our own, without ovs-vswitchd.
start_ovs() {
    local dir
    for dir in /usr/share/openvswitch /usr/local/share/openvswitch; do
        [ -f "$dir/vswitch.ovsschema" ] && break
    done
    ovsdb-tool create "$tmp/ovs.db" "$dir/vswitch.ovsschema" || exit 1
    ovsdb-server --detach --no-chdir --pidfile="$tmp/ovs.pid" \
        -vconsole:off -vsyslog:off --log-file="$tmp/ovs.log" \
        --unixctl="$tmp/ovs.ctl" --remote="punix:$OVS_RUNDIR/db.sock" \
        "$tmp/ovs.db" || exit 1
    ovs-vsctl --no-wait init
}

done_testing() {
    echo "1..$n_tests"
    [ "$n_failed" = 0 ]
    exit
}
