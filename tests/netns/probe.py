#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the network namespace bed.

Sends a request to a guest's UDP port 7 each INTERVAL milliseconds and notes
every reply: when, which sequence, the guest's counter, its boot id and which
host's copy answered.  At SIGTERM (or after COUNT requests and a second) prints
one JSON object:

sent, received, lost, gap_ms (the longest time without a reply, from the last
reply before it), boots (distinct boot ids), hosts (who answered, in order,
run-length encoded), interleaved (how often an earlier host answered again),
back (how often the counter of the same boot went back), back_max (the most).
"""
import argparse
import json
import os
import select
import signal
import socket
import struct
import sys
import time


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--interval", type=float, default=10)
    p.add_argument("--count", type=int, default=0)
    p.add_argument("--size", type=int, default=64)
    p.add_argument("--log", default="")
    p.add_argument("--live", default="", help="file to keep a summary in")
    p.add_argument("--linger", type=float, default=1.0)
    p.add_argument("address")
    args = p.parse_args()

    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, 10, 2)      # IP_PMTUDISC_DO
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    sent = errors = 0
    replies = []
    pad = b"\0" * max(0, args.size - 8)
    start = time.monotonic()
    next_at = start
    live_at = start
    end = None
    while True:
        now = time.monotonic()
        if stop or (end and now >= end):
            break
        if end is None and now >= next_at:
            sent += 1
            try:
                s.sendto(struct.pack("!Q", sent) + pad, (args.address, 7))
            except OSError:
                errors += 1
            next_at += args.interval / 1000
            if next_at < now - 0.2:
                next_at = now
            if args.count and sent == args.count:
                end = now + args.linger
        if args.live and now >= live_at:
            live_at = now + 0.1
            with open(args.live + ".new", "w") as f:
                json.dump({"sent": sent, "received": len(replies),
                           "last": replies[-1][0] - start if replies else None,
                           "now": now - start,
                           "host": replies[-1][4] if replies else None}, f)
            os.rename(args.live + ".new", args.live)
        wait = max(0, min(next_at if end is None else end, now + 0.1) - now)
        if select.select([s], [], [], wait)[0]:
            try:
                while True:
                    d = s.recv(65536)
                    t = time.monotonic()
                    if len(d) >= 40:
                        seq, counter = struct.unpack("!QQ", d[:16])
                        replies.append((t, seq, counter, d[16:32].hex(),
                                        d[32:40].rstrip(b"\0").decode()))
            except OSError:
                pass

    out = {"sent": sent, "errors": errors, "received": len(replies),
           "lost": sent - len({r[1] for r in replies}),
           "duplicates": len(replies) - len({r[1] for r in replies})}
    gap = gap_at = 0
    for a, b in zip(replies, replies[1:]):
        if b[0] - a[0] > gap:
            gap, gap_at = b[0] - a[0], a[0]
    out["gap_ms"] = round(gap * 1000, 2)
    out["gap_at"] = round(gap_at - start, 3) if gap_at else None
    out["gap_mono_us"] = int(gap_at * 1e6)
    out["silent_ms"] = round((time.monotonic() - replies[-1][0]) * 1000, 1) \
        if replies else None
    hosts = []
    for r in replies:
        if not hosts or hosts[-1][0] != r[4]:
            hosts.append([r[4], 0])
        hosts[-1][1] += 1
    out["hosts"] = hosts
    seen, interleaved = set(), 0
    for h, _ in hosts:
        interleaved += h in seen
        seen.add(h)
    out["interleaved"] = interleaved
    out["boots"] = len({r[3] for r in replies})
    back = back_max = 0
    highest = {}
    # By request: an answer that was overtaken on its way is not taken back.
    for r in sorted(replies, key=lambda r: r[1]):
        d = highest.get(r[3], 0) - r[2]
        if d >= 0:
            back += 1
            back_max = max(back_max, d + 1)
        highest[r[3]] = max(highest.get(r[3], 0), r[2])
    out["back"], out["back_max"] = back, back_max
    if args.log:
        with open(args.log, "w") as f:
            for r in replies:
                f.write("%.6f %d %d %s %s\n" % r)
    print(json.dumps(out))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
