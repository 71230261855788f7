#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends frames that nobody should believe, 100 times, or with --until-term one a
millisecond until it is ended.

    forge.py [--until-term] INTERFACE rarp MAC
    forge.py [--until-term] INTERFACE garp MAC IP
    forge.py [--until-term] INTERFACE udp MAC IP
    forge.py [--until-term] INTERFACE gre OUTER-MAC OUTER-SRC OUTER-DST KEY MAC IP

udp: a UDP broadcast from MAC and IP that contains the word SPOOF; gre: a GRE
packet whose inner frame is such a one.
"""
import socket
import struct
import sys
import time


def mac(s):
    return bytes.fromhex(s.replace(":", ""))


def ip(src, dst, proto, body):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, proto,
                    0, socket.inet_aton(src), socket.inet_aton(dst))
    x = sum(struct.unpack("!10H", h))
    x = (x & 0xffff) + (x >> 16)
    x = ~(x + (x >> 16)) & 0xffff
    return h[:10] + struct.pack("!H", x) + h[12:] + body


def udp(src, text):
    body = struct.pack("!HHHH", 9, 9, 8 + len(text), 0) + text
    return ip(src, "255.255.255.255", 17, body)


endless = sys.argv[1] == "--until-term"
interface, what, *args = sys.argv[1 + endless:]
every = b"\xff" * 6
if what in ("rarp", "garp"):
    m = mac(args[0])
    a = socket.inet_aton(args[1] if what == "garp" else "0.0.0.0")
    frame = every + m + (b"\x80\x35" if what == "rarp" else b"\x08\x06") + \
        struct.pack("!HHBBH", 1, 0x800, 6, 4, 3 if what == "rarp" else 1) + \
        m + a + m + a
elif what == "udp":
    frame = every + mac(args[0]) + b"\x08\x00" + udp(args[1], b"SPOOF" * 8)
else:
    outer, src, dst, key, m, a = args
    inner = every + mac(m) + b"\x08\x00" + udp(a, b"SPOOF" * 8)
    gre = struct.pack("!HHI", 0x2000, 0x6558, int(key)) + inner
    frame = mac(outer) + b"\x02\x00\x00\x00\x00\x99" + b"\x08\x00" + \
        ip(src, dst, 47, gre)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((interface, 0))
frame = frame.ljust(60, b"\0")
while endless:
    try:
        s.send(frame)
    except OSError:
        pass                    # A full queue.
    time.sleep(0.001)
for _ in range(100):
    s.send(frame)
    time.sleep(0.002)
