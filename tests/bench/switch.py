#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of b-switch: a stream of 1 packet a millisecond, and who answers.

Alternates two ways of moving it from one server to the other: ours (the
takeover's transaction into the DTS database) and the reference (ovs-vsctl adds
the new tunnel, then another ovs-vsctl deletes the old one); both are timed from
the order to the first answer of the other server.
"""
import argparse
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import emit, note, result  # noqa: E402
from openflow import OpenFlow  # noqa: E402
from ovsdb import Ovsdb  # noqa: E402


class Stream:
    def __init__(self, address):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setblocking(False)
        self.address = (address, 7)
        self.seq = 0
        self.next_at = time.monotonic()
        self.last_host, self.last = None, 0

    def step(self, others=()):
        """Sends what is due, returns the replies [(time, host)]."""
        now = time.monotonic()
        if now >= self.next_at:
            self.seq += 1
            try:
                self.s.sendto(struct.pack("!Q", self.seq) + b"\0" * 56,
                              self.address)
            except OSError:
                pass
            self.next_at = max(self.next_at + .001, now - .005)
        wait = max(0, self.next_at - now)
        got = []
        if self.s in select.select([self.s] + list(others), [], [], wait)[0]:
            try:
                while True:
                    d = self.s.recv(2048)
                    got.append((time.monotonic(),
                                d[32:40].rstrip(b"\0").decode()))
            except BlockingIOError:
                pass
        if got:
            self.last, self.last_host = got[-1]
        return got

    def settle(self, host, seconds=.05, timeout=30):
        """Until only 'host' has answered for 'seconds'."""
        end, since = time.monotonic() + timeout, None
        while time.monotonic() < end:
            for t, h in self.step():
                if h != host:
                    since = None
                elif since is None:
                    since = t
                elif t - since > seconds:
                    return
            if time.monotonic() - self.last > .5:
                since = None
        raise TimeoutError("the stream is not served by " + host)


def takeover(db, domain, owner, standby):
    row = db.select("Binding", [["domain", "==", domain]],
                    ["owner", "generation", "session", "state"])[0]
    now = {k: row[k] for k in ("owner", "generation", "session", "state")}
    where = [["domain", "==", domain]]
    return [
        {"op": "wait", "table": "Binding", "where": where, "timeout": 0,
         "columns": list(now), "rows": [now], "until": "=="},
        {"op": "update", "table": "Binding", "where": where,
         "row": {"owner": owner, "standby": standby,
                 "generation": now["generation"] + 1}},
        {"op": "mutate", "table": "Global", "where": [],
         "mutations": [["generation", "+=", 1]]}], now["generation"] + 1


def run_ours(stream, db, host, other):
    stream.settle(host)
    operations, g = takeover(db, "voip", other, host)
    until = time.monotonic() + random.random() * .01
    while time.monotonic() < until:
        stream.step()
    last = stream.last
    start = time.monotonic()
    i = db.send("transact", ["DTS"] + operations)
    first = None
    while first is None:
        for t, h in stream.step([db]):
            if h == other and first is None:
                first = t
            elif h == host:
                last = t
        db.run()
        if time.monotonic() - start > 30:
            raise TimeoutError("not switched")
    committed, _ = db.wait(i)
    return (first - start) * 1e3, (first - last) * 1e3, g, \
        (committed - start) * 1e3


def run_reference(stream, args, host, other):
    stream.settle(host)
    new, old = args.ref_tunnels[other], args.ref_tunnels[host]
    vsctl = ["ovs-vsctl", "--db=unix:" + args.ovs + "/db.sock"]
    until = time.monotonic() + random.random() * .01
    while time.monotonic() < until:
        stream.step()
    last, first = stream.last, None
    start = time.monotonic()
    p = subprocess.Popen(
        ["sh", "-c", " ".join(
            vsctl + ["add-port", "br-ref", new[0], "--", "set", "interface",
                     new[0], "type=gre", "options:remote_ip=" + new[1],
                     "options:key=77", "&&"] +
            vsctl + ["del-port", "br-ref", old[0]])])
    while first is None:
        for t, h in stream.step():
            if h == other and first is None:
                first = t
            elif h == host:
                last = t
        if time.monotonic() - start > 30:
            raise TimeoutError("reference did not switch")
    while p.poll() is None:
        stream.step()
    return (first - start) * 1e3, (first - last) * 1e3


def await_receipt(db, generation, step):
    """The gateway's receipt: (programmed, fenced), us after it saw the move."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        step()
        db.run()
        found = [c["new"] for _, u in db.updates
                 for c in u.get("Fence", {}).values()
                 if ["voip", generation] in
                 c.get("new", {}).get("generations", (0, ()))[1]]
        del db.updates[:]
        if found:
            return found[0]["programmed"], found[0]["fenced"]
    raise TimeoutError("no receipt for generation %d" % generation)


def control(args, db):
    """The gateway's own time, from the view that has the move to the switch's
    word that it is done, with nobody else at work on this machine; and the
    same change by hand."""
    programmed = []
    hosts = ["hostA", "hostB"]
    for i in range(args.n):
        operations, g = takeover(db, "voip", hosts[1 - i % 2], hosts[i % 2])
        db.transact(*operations)
        programmed.append(
            await_receipt(db, g, lambda: time.sleep(.0005))[0] / 1e3)
        time.sleep(random.random() * .01)
        if i % 50 == 49:
            note("control: %d of %d" % (i + 1, args.n))
    of = OpenFlow(args.ovs + "/br-ref.mgmt")
    of.modify(7, 1, command=0)
    raw = []
    for i in range(args.n):     # At moments as ours: the switch was asleep.
        raw.append(of.modify(7, 1 + i % 2) / 1e3)
        time.sleep(random.random() * .01)
    r = result("control", "ms", programmed, raw,
               "group-mod and barrier on a connection kept open")
    r["goal"] = "<= reference + 0.5 ms"
    r["met"] = bool(programmed) and \
        r["ours"]["median"] <= r["reference"]["median"] + .5
    emit(r)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mode", required=True, help="flow, port, or control")
    p.add_argument("--db", required=True)
    p.add_argument("--ovs", required=True, help="gw1's run directory")
    p.add_argument("--n", type=int, default=300)
    p.add_argument("address")
    p.add_argument("ref_address")
    args = p.parse_args()
    args.ref_tunnels = {"hostA": ("ref2", "10.10.0.1"),
                        "hostB": ("ref3", "10.10.0.2")}
    db = Ovsdb(args.db, "DTS")
    db.follow("Fence", ["generations", "programmed", "fenced"])
    if args.mode == "control":
        control(args, db)
        return
    ours, ref = Stream(args.address), Stream(args.ref_address)
    hosts = ["hostA", "hostB"]
    restored, gaps, ref_restored, ref_gaps = [], [], [], []
    commits, fenced = [], []
    for i in range(args.n):
        host, other = hosts[i % 2], hosts[1 - i % 2]
        r, gap, g, commit = run_ours(ours, db, host, other)
        commits.append(commit)
        restored.append(r)
        gaps.append(gap)
        fenced.append(await_receipt(db, g, lambda: ours.step([db]))[1] / 1e3)
        # The reference moves slowly: a third as many rounds tell enough.
        if args.n < 100 or i < max(100, args.n // 3):
            r, gap = run_reference(ref, args, hosts[i % 2], hosts[1 - i % 2])
            ref_restored.append(r)
            ref_gaps.append(gap)
        if i % 50 == 49:
            note("switch.%s: %d of %d" % (args.mode, i + 1, args.n))
    what = "ovs-vsctl, two commands (add tunnel 3, delete tunnel 2)"
    limit = {"flow": .2, "port": .5}[args.mode]
    emit(result("switch." + args.mode, "ms", restored, ref_restored, what,
                ("<=", limit)))
    emit(result("switch.%s.gap" % args.mode, "ms", gaps, ref_gaps, what))
    # Of which the database's commit, which waits for the disk.
    emit(result("switch.%s.commit" % args.mode, "ms", commits))
    if args.mode == "flow":
        # What the datapath had cached is gone, too.
        emit(result("fence", "ms", fenced, limit=50))


if __name__ == "__main__":
    main()
