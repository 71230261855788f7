#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client behind a tagged port: asks with 802.1Q tags by a raw socket (the
kernel may have no VLAN devices) and prints how many of COUNT requests to the
guest's UDP port 7 were answered with the same tag.

    vlanprobe.py INTERFACE VLAN OWN-IP GUEST-IP COUNT
"""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest import checksum  # noqa: E402

MAC = b"\x02\0\0\0\0\x99"
interface, vlan, own, guest = sys.argv[1], int(sys.argv[2]), \
    socket.inet_aton(sys.argv[3]), socket.inet_aton(sys.argv[4])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(263, 8, 1)                         # SOL_PACKET, PACKET_AUXDATA
s.bind((interface, 3))
s.settimeout(.2)


def send(dst, kind, payload):
    s.send(dst + MAC + b"\x81\0" + struct.pack("!H", vlan) + kind + payload)


def receive(match, seconds=.5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            f, aux, _, addr = s.recvmsg(4096, 256)
        except socket.timeout:
            continue
        if addr[2] == socket.PACKET_OUTGOING:
            continue
        tag = None
        for level, kind, data in aux:
            if (level, kind) == (263, 8):
                status, tci = struct.unpack("=I", data[:4])[0], \
                    struct.unpack("=H", data[16:18])[0]
                if status & 0x10:               # TP_STATUS_VLAN_VALID
                    tag = tci & 0xfff
        if tag == vlan and f[0:6] == MAC:
            got = match(f)
            if got:
                return got
    return None


def arp(f):
    return f[22:28] if f[12:14] == b"\x08\x06" and f[28:32] == guest else None


def udp(f):
    return f[12:14] == b"\x08\0" and f[26:30] == guest and f[23] == 17


answered = 0
for i in range(int(sys.argv[5])):
    send(b"\xff" * 6, b"\x08\x06", struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) +
         MAC + own + b"\0" * 6 + guest)
    mac = receive(arp)
    if not mac:
        continue
    data = struct.pack("!Q", i) + b"\0" * 40
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(data), 0, 0, 64, 17,
                       0) + own + guest
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    send(mac, b"\x08\0", head +
         struct.pack("!HHHH", 4000, 7, 8 + len(data), 0) + data)
    answered += bool(receive(udp))
print(answered)
