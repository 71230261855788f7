# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# remus-dts on the lab: what an operator types on two hosts and a gateway
# (README.md), and the protected guest "voip".

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$XL/call.sh"
. "$XL/stock.sh"

TOOLSTACK=${TOOLSTACK-xl}
PROTECT_OPTIONS=${PROTECT_OPTIONS-}
INTERVAL=${INTERVAL-200}        # ms, that is asked for
DTS_GUEST=10.20.0.100
DTS_CLIENT=10.20.0.1
DAEMON=/usr/share/remus-dts/scripts/dts-ctl-daemon

dts() { on G dts-ctl --timeout=20 "$@"; }

# Keys and certificates by ovs-pki, made once.
dts_pki() {
    local n dir=$XENLAB_DIR/pki
    [ ! -e "$dir/done" ] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/nodes"
    (
        cd "$dir/nodes" || exit 1
        ovs-pki --dir="$dir/ca" --log="$dir/log" init || exit 1
        for n in hostA hostB gw1; do
            ovs-pki -u --dir="$dir/ca" --log="$dir/log" req+sign $n switch || exit 1
        done
    ) >"$dir/out" 2>&1 || { cat "$dir/out" >&2; die "ovs-pki failed"; }
    : >"$dir/done"
}

# dts_start HOST: certificates, the node's configuration, its daemons.
dts_start() {
    local h=$1 n node dir=$XENLAB_DIR/pki
    node=$(node_of "$h") n=$(number_of "$h")
    put "$h" "$dir/nodes/$node-privkey.pem" /etc/remus-dts/pki/privkey.pem &&
    put "$h" "$dir/nodes/$node-cert.pem" /etc/remus-dts/pki/cert.pem &&
    put "$h" "$dir/ca/switchca/cacert.pem" /etc/remus-dts/pki/cacert.pem || return 1
    if [ "$h" = G ]; then
        on G "$DAEMON start db" || return 1
    fi
    on "$h" <<END || return 1
chmod 600 /etc/remus-dts/pki/privkey.pem
[ $h = G ] || [ $TOOLSTACK = xl ] || echo "DTS_RECEIVER='xl-remus receive'" >>/etc/default/remus-dts-link
ovs-vsctl set open_vswitch . external_ids:dts-remote=ssl:10.9.0.13:6645 \
    external_ids:dts-node=$node external_ids:dts-encap-ip=10.9.0.1$n &&
$DAEMON start agent || exit 1
[ $h = G ] || $DAEMON start link
END
}

# dts_ipsec HOST: Open vSwitch's IPsec daemon, which starts strongSwan, as its
# unit would; what they say is in /var/log/lab-*.log.
dts_ipsec() {
    on "$1" <<'END' && eventually 60 dts_ipsec_runs "$1"
cat >/etc/strongswan.d/lab.conf <<'CONF'
charon {
  make_before_break = yes
  filelog {
    lab {
      path = /var/log/lab-charon.log
      time_format = %T
      default = 1
      flush_line = yes
    }
  }
}
CONF
ln -sf /etc/remus-dts/pki/cacert.pem /etc/ipsec.d/cacerts/remus-dts.pem
ln -sf /var/log/openvswitch/ovs-monitor-ipsec.log /var/log/lab-monitor-ipsec.log
setsid /usr/share/openvswitch/scripts/ovs-ctl --ike-daemon=strongswan start-ovs-ipsec >/var/log/lab-ipsec.log 2>&1 </dev/null
END
}
dts_ipsec_runs() { on "$1" 'kill -0 $(cat /run/charon.pid) && ovs-appctl --timeout=5 -t ovs-monitor-ipsec tunnels/show' >/dev/null; }
dts_ipsec_stop() { on "$1" '/usr/share/openvswitch/scripts/ovs-ctl stop-ovs-ipsec; ipsec stop' >/dev/null; }

# dts_configure [mode=flow|port] [encap=gre|vxlan|geneve]: the whole system.
dts_configure() {
    local mode=flow encap=gre a h
    for a; do local "$a"; done
    dts_pki
    dts_start G || return 1
    # (Failovers follow one another here: no hold-down.)
    dts init -- global-set encap-type="$encap" hold-down=0 -- \
        node-add gw1 --roles=gateway --site=hq --ip=10.9.0.13 -- \
        node-add hostA --roles=server --site=north --ip=10.9.0.11 -- \
        node-add hostB --roles=server --site=south --ip=10.9.0.12 || return 1
    dts tunnel-set hostA hostB hostA=10.8.0.1 hostB=10.8.0.2 mtu=9000 -- \
        network-add voice --key=10 --gateway=gw1:seg0 --mtu=1500 --switching="$mode" || return 1
    dts domain-add voip --network=voice --address="'00:16:3e:00:00:64 $DTS_GUEST'" \
        --primary=hostA --secondary=hostB || return 1
    dts_times 100 || return 1
    for h in A B; do dts_start $h || return 1; done
    eventually 60 dts_tunnels_up hostA && eventually 60 dts_tunnels_up hostB
}
dts_tunnels_up() {
    [ "$(dts --bare --columns=state find Reachability observer=gw1 "subject=$1")" = up ]
}

# dts_times MS: the link's heartbeats; silence is told after five of them, and
# by BFD after three of its packets, a little sooner.
dts_times() { dts global-set heartbeat="$1" peer-timeout=$(($1 * 5)) bfd-min-tx=$(($1 * 3 / 2)); }

# dts_guest HOST: creates "voip" there; waits until it serves its client.
dts_guest() {
    guest_config "$1" voip br-dts vif-ovs-dts $DTS_GUEST
    on "$1" xl create -q /lab/voip.cfg || return 1
    eventually "$XENLAB_PATIENCE" probe_answers $DTS_GUEST
}

# dts_protect FROM [DOMAIN]: by $TOOLSTACK: "xl" is stock xl remus through dts-link
# and the gate; "caller" is call/caller.c; "xl-remus" is xl-remus protect with
# $PROTECT_OPTIONS.  A first copy
# that is given up (emulated hosts pause now and then) is begun again, as an
# operator would.
dts_protect() {
    local end=$(($(now_ms) + XENLAB_PATIENCE * 1000)) node domain=${2-voip}
    node=$(node_of "$1")
    while [ "$(now_ms)" -lt $end ]; do
        case $TOOLSTACK in
        xl) on "$1" "pgrep -f '[b]in/xl remus' >/dev/null || setsid bash -c 'LIBXL_SAVE_HELPER=/usr/libexec/remus-dts/dts-save-helper xl remus -F -n -d -i $INTERVAL -s \"\" voip \"exec dts-link voip\" 2>&1 | /lab/stamp >>/var/log/lab-remus.log' >/dev/null 2>&1 </dev/null &" ;;
        caller) on "$1" "xl-remus status voip >/dev/null 2>&1 || setsid /lab/caller protect /lab/rec voip $INTERVAL >>/var/log/lab-caller.log 2>&1 </dev/null &" ;;
        *) on "$1" "xl-remus status $domain >/dev/null 2>&1 || xl-remus protect --detach --pidfile --log-file -i $INTERVAL $PROTECT_OPTIONS $domain" ;;
        esac
        ! on G "dts-ctl --timeout=20 wait $domain --state=protected --owner=$node" >/dev/null || return 0
    done
    return 1
}
# dts_receiver COMMAND: what the link's listeners on both hosts run ("": xl).
dts_receiver() {
    local h
    for h in A B; do
        ! is_up $h || on $h "sed -i '/^DTS_RECEIVER=/d' /etc/default/remus-dts-link &&
            echo \"DTS_RECEIVER='$1'\" >>/etc/default/remus-dts-link && $DAEMON restart link" || return 1
    done
}

# dts_binding [DOMAIN]: "OWNER STATE GENERATION".
dts_binding() {
    dts --bare --columns=owner,state,generation find Binding "domain=${1-voip}" | xargs
}
# dts_bound NODE [STATE [DOMAIN]]
dts_bound() { case $(dts_binding "${3-voip}") in "$1 ${2-}"*) ;; *) return 1 ;; esac; }

# running HOST: names of the guests there that are not paused, suspended or dying.
running() {
    on "$1" xl list | awk 'NR > 1 && $1 != "Domain-0" && $5 !~ /[psdc]/ { print $1 }' | xargs
}
# copies: how many running guests there are on A and B together.
copies() {
    local h n=0
    for h in A B; do
        ! is_up $h || n=$((n + $(running $h | wc -w)))
    done
    echo $n
}
