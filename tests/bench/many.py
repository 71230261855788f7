#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of b-many: hostA is lost with N domains on it.

One process with a socket in three namespaces: the client sends frames to all
the domains in turn, the servers' wires tell which tunnel carried each.  One
transaction moves all the bindings, as a takeover of a whole set does; then:
transaction (answered), programmed and fence (the last receipt is in the
database), moved (first frame on the new tunnel), dead (last one on the old).
"""
import argparse
import ctypes
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import emit, note, result  # noqa: E402
from ovsdb import Ovsdb  # noqa: E402

CLIENT_MAC = b"\x02\x99\0\0\0\1"


def socket_in(namespace, interface):
    """A raw socket on an interface of another network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + namespace, os.O_RDONLY)
    if libc.setns(there, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    try:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((interface, 3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        s.setblocking(False)
    finally:
        libc.setns(here, 0x40000000)
        os.close(here)
        os.close(there)
    return s


def mac(i):
    return b"\x02\x01" + struct.pack("!I", i)


def mac_text(i):
    return ":".join("%02x" % b for b in mac(i))


def ip_text(i):
    return "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255)


def add_domains(db, first, last):
    """Domains first..last-1 with their bindings: protected on hostA."""
    for start in range(first, last, 500):
        ops = []
        for i in range(start, min(last, start + 500)):
            name = "d%05d" % i
            ops.append({"op": "insert", "table": "Domain", "row": {
                "name": name, "network": "voice", "primary": "hostA",
                "secondary": "hostB", "failover": "auto", "on_loss": "stop",
                "addresses": mac_text(i) + " " + ip_text(i)}})
            ops.append({"op": "insert", "table": "Binding", "row": {
                "domain": name, "owner": "hostA", "standby": "hostB",
                "generation": 1, "session": "11111111-2222-3333-4444-" +
                "%012d" % i, "state": "protected"}})
        db.transact(*ops)


class Agent:
    def __init__(self, pid):
        self.pid = pid

    def cpu_ms(self):
        with open("/proc/%s/stat" % self.pid) as f:
            words = f.read().rpartition(") ")[2].split()
        return (int(words[11]) + int(words[12])) * 1000 / \
            os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        with open("/proc/%s/status" % self.pid) as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024


class Bed:
    def __init__(self, args):
        self.db = Ovsdb(args.db, "DTS")
        self.db.follow("Fence", ["gateway", "generations", "programmed",
                                 "fenced"])
        self.out = socket_in(args.prefix + "client", "eth0")
        self.wires = {socket_in(args.prefix + n, "u0"): n
                      for n in ("hostA", "hostB")}
        self.n = 0
        self.sent = 0
        self.agent = Agent(args.agent)
        self.fenced = {}
        self.slow = False

    def frame(self, i):
        payload = struct.pack("!I", i) + b"\0" * 22
        head = struct.pack("!BBHHHBBH", 0x45, 0, 54, 0, 0, 64, 17, 0)
        return mac(i) + CLIENT_MAC + b"\x08\x00" + head + \
            socket.inet_aton("192.168.7.100") + socket.inet_aton(ip_text(i)) + \
            struct.pack("!HHHH", 9, 9, 34, 0) + payload

    def traffic(self, seconds, done=None):
        """Sends 1,000 frames/s to all domains in turn; yields (t, host, i).
        Once the caller knows which path they take (self.slow), 100."""
        end = time.monotonic() + seconds
        next_at = time.monotonic()
        while time.monotonic() < end and not (done and done()):
            now = time.monotonic()
            while now >= next_at:
                try:
                    self.out.send(self.frame(self.sent % self.n))
                except OSError:
                    pass
                self.sent += 1
                next_at = max(next_at + (.01 if self.slow else .001),
                              now - .01)
            ready = select.select(list(self.wires) + [self.db], [], [],
                                  max(0, next_at - time.monotonic()))[0]
            for s in ready:
                if s is self.db:
                    self.db.run()
                    self.take_updates()
                    continue
                try:
                    for _ in range(32):
                        f, a = s.recvfrom(256)
                        if a[2] == socket.PACKET_OUTGOING or len(f) < 60:
                            continue
                        at = f.find(CLIENT_MAC, 30, 80)
                        if at >= 6 and f[at - 6:at - 4] == b"\x02\x01":
                            yield (time.monotonic(), self.wires[s],
                                   struct.unpack("!I", f[at - 4:at])[0])
                except BlockingIOError:
                    pass

    def take_updates(self):
        for t, u in self.db.updates:
            for c in u.get("Fence", {}).values():
                new = c.get("new")
                if new and new["gateway"] == "gw1":
                    # (Of a map only what has changed comes.)
                    for domain, generation in new["generations"][1]:
                        self.fenced[domain] = (
                            t, generation, new["programmed"] / 1e3,
                            new["fenced"] / 1e3)
        del self.db.updates[:]

    def all_fenced(self, generation):
        return sum(1 for f in self.fenced.values() if f[1] >= generation) >= \
            self.n

    def settle(self, host, generation):
        """Until all is fenced and only 'host' carries frames."""
        seen = set()
        end = time.monotonic() + 240
        while time.monotonic() < end:
            seen = {h for _, h, _ in self.traffic(.5)}
            if seen == {host} and self.all_fenced(generation):
                return
        raise TimeoutError("%s does not carry all: %s, %d fenced of %d" %
                           (host, seen, len(self.fenced), self.n))

    def one(self, domain, host, other, generation):
        """One domain among all the others: ms until it is programmed and until
        it is fenced, by the gateway's clock; its agent's processor time."""
        cpu = self.agent.cpu_ms()
        self.db.transact(
            {"op": "update", "table": "Binding",
             "where": [["domain", "==", domain]],
             "row": {"owner": other, "standby": host,
                     "generation": generation}})
        end = time.monotonic() + 60
        while self.fenced.get(domain, (0, 0))[1] != generation:
            if time.monotonic() > end:
                raise TimeoutError("%s is not fenced" % domain)
            self.db.run(.01)
            self.take_updates()
        time.sleep(.2)          # What the agent does afterwards counts, too.
        _, _, programmed, fenced = self.fenced[domain]
        return programmed, fenced, self.agent.cpu_ms() - cpu

    def move(self, host, other, generation):
        operations = [{"op": "update", "table": "Binding",
                       "where": [["owner", "==", host],
                                 ["state", "==", "protected"]],
                       "row": {"owner": other, "standby": host,
                               "generation": generation}},
                      {"op": "mutate", "table": "Global", "where": [],
                       "mutations": [["generation", "+=", 1]]}]
        cpu = self.agent.cpu_ms()
        first, last, where = None, None, {}
        start = time.monotonic()
        i = self.db.send("transact", ["DTS"] + operations)
        replied = None
        for t, h, d in self.traffic(
                120, lambda: self.all_fenced(generation) and first is not None):
            if i in self.db.replies and replied is None:
                replied, m = self.db.replies.pop(i)
                if m["error"] or m["result"][0].get("count") != self.n:
                    raise OSError(m)
            if h == other:
                where.setdefault(d, t)
                first = first or t
            elif t > start:
                last = t
            # Frames cost the processors that all the others work on.
            self.slow = first is not None and t > first + .2
        self.slow = False
        for t, h, d in self.traffic(.3):
            if h == host:
                last = t
        if replied is None:
            replied, m = self.db.wait(i)
        if not self.all_fenced(generation):
            raise TimeoutError("not fenced: %d" % len(self.fenced))
        f = list(self.fenced.values())
        return {"transaction": (replied - start) * 1e3,
                "programmed": max(x[2] for x in f),
                "moved": (first - start) * 1e3,
                "dead": max(0, ((last or start) - start) * 1e3),
                "fence": (max(x[0] for x in f) - start) * 1e3,
                "cpu": self.agent.cpu_ms() - cpu}


def args_rounds(args, size):
    """An even number, so that all end where they began.  One domain's fence is
    most of all the wait for the revalidators, 5 or 10 ms: many are needed."""
    if size == 1:
        return 4 * args.n
    return args.n if size < 5000 else max(2, args.n // 2 & ~1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--db", required=True)
    p.add_argument("--prefix", required=True)
    p.add_argument("--agent", required=True, help="pid of gw1's agent")
    p.add_argument("--sizes", default="1,100,1000,10000")
    p.add_argument("--n", type=int, default=10)
    p.add_argument("--singles", type=int, default=20)
    args = p.parse_args()
    bed = Bed(args)
    generation = 1
    base = {}
    each = {}
    hosts = ["hostA", "hostB"]
    for size in (int(s) for s in args.sizes.split(",")):
        # New ones start on hostA, where the old ones have to be.
        start = time.monotonic()
        add_domains(bed.db, bed.n, size)
        bed.n = size
        if generation > 1:
            generation += 1
            bed.db.transact({"op": "update", "table": "Binding", "where": [],
                             "row": {"generation": generation}})
        bed.settle("hostA", generation)
        note("many: %d domains are there after %.1f s" %
             (size, time.monotonic() - start))
        samples = {}
        for i in range(args_rounds(args, size)):
            generation += 1
            got = bed.move(hosts[i % 2], hosts[1 - i % 2], generation)
            for k, v in got.items():
                samples.setdefault(k, []).append(v)
            bed.settle(hosts[1 - i % 2], generation)
        for k in ("transaction", "programmed", "moved", "dead", "fence"):
            base.setdefault(k, samples[k])
            more = {}
            goal = None
            if size == 10000 and k == "fence":      # All of it is over.
                goal = ("<=", 100)
            if k == "fence":
                m = sorted(samples[k])[len(samples[k]) // 2]
                each[size] = [x / size for x in samples[k]]
                more = {"per_domain_ms": round(m / size, 4),
                        "agent_cpu_ms": round(sum(samples["cpu"]) /
                                              len(samples["cpu"]), 2),
                        "agent_rss_mb": round(bed.agent.rss_mb(), 1)}
            emit(result("many.%d.%s" % (size, k), "ms", samples[k],
                        base[k] if size > 1 else None,
                        "the same with one domain", goal, **more))

        # One domain moves, the others stay: what that costs does not depend
        # on how many they are.
        host = hosts[args_rounds(args, size) % 2]
        other = hosts[1 - hosts.index(host)]
        single = []
        for i in range(args.singles):
            generation += 1
            single.append(bed.one("d00000", *((host, other) if i % 2 == 0
                                              else (other, host)),
                                  generation))
        for j, k in enumerate(("programmed", "fence", "cpu")):
            base.setdefault("one." + k, [x[j] for x in single])
            emit(result("many.%d.one.%s" % (size, k), "ms",
                        [x[j] for x in single],
                        base["one." + k] if size > 1 else None,
                        "the same with one domain in all",
                        ("<=", 3) if size == 10000 and k == "programmed"
                        else None))
    for few, size in zip(sorted(each), sorted(each)[1:]):
        emit(result("many.%d.each" % size, "ms", each[size], each[few],
                    "the time for each of %d" % few,
                    # (Between large ones it is what is left: a constant.)
                    ("<=", 1 if few == 1 else 1.1)))


if __name__ == "__main__":
    main()
