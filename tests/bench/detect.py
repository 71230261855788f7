#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of b-detect: hostA's cable is pulled, and the times until
gw1's BFD says so, until its word is in the database, and of a question to the
witness that is down already."""
import argparse
import os
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import emit, note, result  # noqa: E402
from ovsdb import Ovsdb  # noqa: E402


def mapping(value):
    return dict(value[1]) if isinstance(value, list) else {}


class Watch:
    def __init__(self, args):
        self.db, self.ovs = Ovsdb(args.db, "DTS"), \
            Ovsdb(args.ovs + "/db.sock", "Open_vSwitch")
        self.state, self.answered, self.bfd = None, None, None
        for u in self.db.monitor("Reachability", [
                "observer", "subject", "state", "answered"]).values():
            self.reach(0, u)
        for u in self.ovs.monitor("Interface",
                                  ["name", "bfd_status"]).values():
            self.interface(0, u)

    def reach(self, t, u):
        new = u.get("new", {})
        if (new.get("observer"), new.get("subject")) == ("gw1", "hostA"):
            self.state = (new["state"], t)
            self.answered = (mapping(new["answered"]).get("hostB"), t)

    def interface(self, t, u):
        new = u.get("new", {})
        if new.get("name") == "dts-l1":
            state = mapping(new["bfd_status"]).get("state")
            if self.bfd is None or self.bfd[0] != state:
                self.bfd = (state, t)

    def until(self, condition, timeout=30):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("state %s, bfd %s" % (self.state, self.bfd))
            self.ovs.run(.001)
            self.db.run(.001)
            for t, u in self.ovs.updates:
                for c in u.get("Interface", {}).values():
                    self.interface(t, c)
            for t, u in self.db.updates:
                for c in u.get("Reachability", {}).values():
                    self.reach(t, c)
            del self.ovs.updates[:], self.db.updates[:]

    def ask(self):
        nonce = uuid.uuid4().hex
        where = [["by", "==", "hostB"], ["about", "==", "hostA"]]
        start = time.monotonic()
        self.db.transact(
            {"op": "delete", "table": "Suspicion", "where": where},
            {"op": "insert", "table": "Suspicion",
             "row": {"by": "hostB", "about": "hostA", "nonce": nonce}})
        self.until(lambda: self.answered and self.answered[0] == nonce)
        return (self.answered[1] - start) * 1e3


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--db", required=True)
    p.add_argument("--ovs", required=True)
    p.add_argument("--namespace", required=True, help="gw1's")
    p.add_argument("--n", type=int, default=30)
    p.add_argument("--nonces", type=int, default=20, help="in each round")
    args = p.parse_args()
    w = Watch(args)
    down, answer, nonce = [], [], []

    def cable(what):
        subprocess.run(["ip", "-n", args.namespace, "link", "set", "uA", what],
                       check=True)

    for i in range(args.n):
        w.until(lambda: w.state and w.state[0] == "up")
        # BFD sends each second until both ends are up: let it settle.
        time.sleep(2 + .01 * (i % 10))
        start = time.monotonic()
        cable("down")
        w.until(lambda: w.bfd and w.bfd[0] == "down" and
                w.state[0] == "down" and w.state[1] > start)
        down.append((w.bfd[1] - start) * 1e3)
        answer.append(max(0, w.state[1] - w.bfd[1]) * 1e3)
        for _ in range(args.nonces):
            nonce.append(w.ask())
        cable("up")
        note("detect: %d of %d" % (i + 1, args.n))
    # BFD at 100 ms x 3; what is ours comes after.
    emit(result("detect.bfd", "ms", down, limit=400))
    emit(result("detect.answer", "ms", answer, limit=10))
    emit(result("detect.nonce", "ms", nonce, limit=10))


if __name__ == "__main__":
    main()
