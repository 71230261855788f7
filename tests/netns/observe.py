#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An outside observer of the bed: which wire carries which domain's frames.

Listens on interfaces given as NAME=INTERFACE.  On an underlay wire it opens GRE,
VXLAN and Geneve and looks at the inner frame; elsewhere at the frame itself.
Only frames that came in are counted (towards this node).  At SIGTERM prints one
JSON object: "seen" has, for each source MAC asked for with --mac and each NAME,
count, first and last (monotonic seconds); "switches" is the sequence of names
that carried that MAC, each with first, last and count; "spoof" counts frames
that contain the word SPOOF and "total" all frames, by name; "spoof_last_us" is
when the last such one came, by the kernel's word (microseconds since the epoch).
"""
import argparse
import json
import select
import signal
import socket
import struct
import time


def inner(f):
    """The inner frame of a tunnel's packet, or None."""
    if f[12:14] == b"\x08\x00":
        ihl = (f[14] & 15) * 4
        proto, p = f[23], f[14 + ihl:]
    elif f[12:14] == b"\x86\xdd":
        proto, p = f[20], f[54:]
    else:
        return None
    if proto == 47 and p[2:4] == b"\x65\x58":
        n = 4 + 4 * bool(p[0] & 0x80) + 4 * bool(p[0] & 0x20) + \
            4 * bool(p[0] & 0x10)
        key = struct.unpack("!I", p[4:8])[0] if p[0] & 0x20 else 0
        return key, p[n:]
    if proto == 17 and len(p) > 16:
        port = struct.unpack("!H", p[2:4])[0]
        if port == 4789:
            return struct.unpack("!I", p[12:16])[0] >> 8, p[16:]
        if port == 6081:
            return struct.unpack("!I", p[12:16])[0] >> 8, \
                p[16 + (p[8] & 0x3f) * 4:]
    return None


SO_TIMESTAMPNS = 35


def kernel_us(ancillary):
    """When the kernel got the frame."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            s, ns = struct.unpack("qq", data[:16])
            return s * 1000000 + ns // 1000
    return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mac", action="append", default=[])
    p.add_argument("--plain", action="store_true",
                   help="look at the frames themselves, not into tunnels")
    p.add_argument("--ready", default="")
    p.add_argument("--dump", default="")
    p.add_argument("where", nargs="+")
    args = p.parse_args()
    macs = {bytes(int(x, 16) for x in m.split(":")): m for m in args.mac}
    socks = {}
    for w in args.where:
        name, interface = w.split("=")
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((interface, 3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.setblocking(False)
        socks[s] = name
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    if args.ready:
        open(args.ready, "w").close()
    seen, switches, spoof, total, events = {}, {}, {}, {}, []
    spoof_last = {}
    while not stop:
        for s in select.select(list(socks), [], [], 0.1)[0]:
            name = socks[s]
            try:
                for _ in range(64):
                    f, ancillary, _, addr = s.recvmsg(65536, 64)
                    if addr[2] == socket.PACKET_OUTGOING:
                        continue
                    if not args.plain:
                        got = inner(f)
                        if got is None or got[0] in (0, 0xffffff):
                            continue
                        f = got[1]
                    now = time.monotonic()
                    total[name] = total.get(name, 0) + 1
                    if b"SPOOF" in f:
                        spoof[name] = spoof.get(name, 0) + 1
                        spoof_last[name] = kernel_us(ancillary)
                    m = macs.get(f[6:12])
                    if m is None:
                        continue
                    r = seen.setdefault(m, {}).setdefault(
                        name, {"count": 0, "first": now})
                    r["count"] += 1
                    r["last"] = now
                    w = switches.setdefault(m, [])
                    if not w or w[-1][0] != name:
                        w.append([name, now, now, 0])
                    w[-1][2] = now
                    w[-1][3] += 1
                    if args.dump:
                        events.append((now, name, f[12:14].hex()))
            except OSError:
                pass
    if args.dump:
        with open(args.dump, "w") as f:
            for e in events:
                f.write("%.6f %s %s\n" % e)
    print(json.dumps({"seen": seen, "switches": switches, "spoof": spoof,
                      "spoof_last_us": spoof_last, "total": total}))


if __name__ == "__main__":
    main()
