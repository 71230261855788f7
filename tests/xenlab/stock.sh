# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The baseline: stock bridge and vif script, stock xl remus over socat with TCP
# keepalive (without it the backup never notices), and the guest's own
# gratuitous ARP.

STOCK_GUEST=10.9.0.100

# guest_config HOST NAME BRIDGE SCRIPT ADDRESS [MAC]: writes /lab/NAME.cfg there.
guest_config() {
    on "$1" <<END
cat >/lab/$2.cfg <<C
name = "$2"
type = "pvh"
kernel = "/lab/vmlinux"
ramdisk = "/lab/guest.img"
extra = "console=hvc0 quiet mitigations=off tsc=reliable nowatchdog cryptomgr.notests init_on_alloc=0 apparmor=0 lab_ip=$5"
memory = 128
maxmem = 128
vcpus = 1
vif = [ "mac=${6-00:16:3e:00:00:64},bridge=$3,script=$4" ]
on_crash = "preserve"
C
END
}

stock_guest() {
    guest_config "$1" g xenbr0 vif-openvswitch $STOCK_GUEST
    on "$1" xl create -q /lab/g.cfg || return 1
    eventually "$XENLAB_PATIENCE" probe_answers $STOCK_GUEST
}

# stock_protect FROM: to the other host, each $INTERVAL ms; waits for ten checkpoints.
stock_protect() {
    local from=$1 to peer
    to=$(other_of "$from")
    peer=10.8.0.$(number_of "$to")
    on "$to" <<'END'
setsid bash -c 'socat "TCP-LISTEN:9001,reuseaddr,keepalive,keepidle=1,keepintvl=1,keepcnt=3" EXEC:"xl -vvv migrate-receive -r",nofork 2>&1 | /lab/stamp >/var/log/lab-receive.log' >/dev/null 2>&1 </dev/null &
for i in $(seq 50); do ss -ltn | grep -q ':9001 ' && exit; sleep 0.1; done
exit 1
END
    on "$from" "setsid bash -c 'xl remus -F -n -d -i $INTERVAL -s \"\" g \"socat -b 262144 - TCP:$peer:9001\" 2>&1 | /lab/stamp >/var/log/lab-remus.log' >/dev/null 2>&1 </dev/null &"
    POLL=2 eventually "$XENLAB_PATIENCE" stock_has "$to" 10
}
stock_has() {
    local n
    n=$(on "$1" "grep -c 'All records buffered' /var/log/lab-receive.log")
    [ "${n:-0}" -ge "$2" ]
}

# stock_phases HOST CUT_MS: what its log says: lines "NAME MS-AFTER-THE-CUT".
stock_phases() {
    local offset
    read -r offset _ <<<"$(clock_of "$1")"
    on "$1" cat /var/log/lab-receive.log | awk -v o="${offset:-0}" -v c="$2" '
        function at(name, t) { printf "%s %.0f\n", name, t * 1000 - o - c }
        /Failed to read|unexpected poll event/ && !f++ { at("suspected", $1) }
        /Restore successful/ { at("restored", $1) }
        /No hotplug script to execute/ && f && !h++ { at("devices", $1) }
        /libxl_domain_unpause.*create/ { at("resumed", $1) }'
}
