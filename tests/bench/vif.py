#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of b-vif: runs `online` of our program and of Xen's
vif-openvswitch in turn, for the same vif, with the same xenstored and Open
vSwitch.  Time is from fork to the end of the process, as libxl waits for it."""
import argparse
import os
import subprocess
import sys
import time

from bench import emit, note, result

REFERENCE = "Xen's vif-openvswitch (bash)"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--name", required=True)
    p.add_argument("--vif", required=True, help="our program")
    p.add_argument("--stock", required=True, help="Xen's script")
    p.add_argument("--domid", default="9")
    p.add_argument("--n", type=int, default=300)
    args = p.parse_args()
    xenbus = "backend/vif/%s/0" % args.domid
    env = dict(os.environ, XENBUS_PATH=xenbus, vif="vif%s.0" % args.domid,
               XENBUS_TYPE="vif", XENBUS_BASE_PATH="backend")
    status = "/local/domain/0/%s/hotplug-status" % xenbus

    def run(program, op):
        start = time.monotonic()
        r = subprocess.run([program, op, "type_if=vif"], env=env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
        t = (time.monotonic() - start) * 1000
        if r.returncode:
            sys.exit("%s %s: status %d: %s" % (program, op, r.returncode,
                                               r.stderr.decode()))
        return t

    times = {args.vif: [], args.stock: []}
    for i in range(args.n + 2):
        for program, values in times.items():
            # Xen's takes long: a third as many tell enough.
            if program == args.stock and args.n > 100 and i % 3:
                continue
            subprocess.run(["xenstore-write", status, ""], check=True)
            t = run(program, "online")
            got = subprocess.run(["xenstore-read", status], check=True,
                                 stdout=subprocess.PIPE).stdout.strip()
            if got != b"connected":
                sys.exit("%s: hotplug-status is %r" % (program, got))
            run(program, "offline")
            if i >= 2:          # The first ones fill caches.
                values.append(t)
        if i % 50 == 0:
            note("%s: %d of %d" % (args.name, i, args.n))
    # A failover has an agent.  Without one our program, too, waits until
    # ovs-vswitchd has the port, and that is most of its time.
    emit(result(args.name, "ms", times[args.vif], times[args.stock], REFERENCE,
                ("<=", 0.1) if args.name == "vif.online" else None))


if __name__ == "__main__":
    main()
