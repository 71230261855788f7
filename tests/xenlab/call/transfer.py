#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client that must not lose anything: records to the guest's journal, by TCP.

transfer.py ADDRESS RESULT [PERIOD_MS]

One connection from the beginning to the end, whatever happens to the guest's
host: a record each PERIOD_MS (100), and the journal's word for each that all
before it are there, in order and once (echod.c).  SIGTERM ends it: what is on
its way is waited for, and RESULT (JSON) says what came of it."""
import json
import os
import select
import signal
import socket
import sys
import time

RECORD = 1024
PATIENCE = 90           # s without an answer: the connection is dead.
LAST = 40               # s for what is on its way at the end.
stop = False


def on_signal(*_):
    global stop
    stop = True


def fnv1a(h, data):
    for b in data:
        h = (h ^ b) * 1099511628211 & 0xffffffffffffffff
    return h


class Transfer:
    def __init__(self, address, period):
        self.s = socket.create_connection((address, 7), 20)
        self.s.setblocking(False)
        self.period = period
        self.out = b""          # Not taken by the kernel yet.
        self.got = b""
        self.hashes = []        # After each record.
        self.begun = []         # When each was written, and
        self.delays = []        # how long its answer took, in ms.
        self.hash = 14695981039346656037
        self.acked = 0
        self.boots = set()
        self.error = None
        self.heard = time.monotonic()
        self.gap = 0.0

    def add(self):
        n = len(self.hashes) + 1
        record = (b"%d " % n + os.urandom(RECORD // 2).hex().encode())
        record = record[:RECORD].ljust(RECORD, b".")
        self.hash = fnv1a(self.hash, record)
        self.hashes.append(self.hash)
        self.begun.append(time.monotonic())
        self.out += record

    def line(self, line):
        n, h, boot = line.split()
        self.boots.add(boot.decode())
        self.acked += 1
        self.delays.append(time.monotonic() - self.begun[self.acked - 1])
        if int(n) != self.acked:
            self.error = "answer %s after %d" % (n.decode(), self.acked - 1)
        elif int(h, 16) != self.hashes[self.acked - 1]:
            self.error = "record %d: the journal holds other bytes" % self.acked

    def turn(self, timeout):
        r, w, _ = select.select([self.s], [self.s] if self.out else [], [],
                                timeout)
        now = time.monotonic()
        if w:
            self.out = self.out[self.s.send(self.out):]
        if r:
            data = self.s.recv(65536)
            if not data:
                raise OSError("the guest closed the connection")
            self.gap = max(self.gap, now - self.heard)
            self.heard = now
            *lines, self.got = (self.got + data).split(b"\n")
            for line in lines:
                self.line(line)
        elif now - self.heard > PATIENCE:
            raise OSError("nothing came for %d s" % PATIENCE)

    def run(self):
        due = time.monotonic()
        while not stop and not self.error:
            now = time.monotonic()
            if now >= due:
                # Of a guest that is away there is no need for megabytes.
                if len(self.hashes) - self.acked < 256:
                    self.add()
                due = max(due + self.period, now - 1)
            self.turn(max(0, due - now))
        end = time.monotonic() + LAST
        while (self.acked < len(self.hashes) and not self.error
               and time.monotonic() < end):
            self.turn(.2)

    def result(self):
        if not self.error and self.acked < len(self.hashes):
            self.error = "%d records were not answered" % (
                len(self.hashes) - self.acked)
        return {"ok": not self.error and len(self.boots) == 1
                and self.acked > 0,
                "records": len(self.hashes), "acknowledged": self.acked,
                "bytes": RECORD * self.acked, "boot_ids": sorted(self.boots),
                "longest_gap_ms": round(self.gap * 1e3),
                "delays_ms": [round(d * 1e3, 1) for d in self.delays],
                "error": self.error}


def main():
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    result = {"ok": False, "error": "no connection"}
    try:
        t = Transfer(sys.argv[1],
                     float(sys.argv[3] if len(sys.argv) > 3 else 100) / 1e3)
        try:
            t.run()
        except OSError as e:
            t.error = str(e)
        result = t.result()
    except OSError as e:
        result["error"] = str(e)
    with open(sys.argv[2] + ".new", "w") as f:
        json.dump(result, f)
        f.write("\n")
    os.rename(sys.argv[2] + ".new", sys.argv[2])


if __name__ == "__main__":
    main()
