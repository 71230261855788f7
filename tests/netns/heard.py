#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a segment hears of one machine: each of its frames, by what it tells.

    heard.py INTERFACE MAC IP IP6

Prints a line "SECONDS WHAT" (CLOCK_MONOTONIC) for each frame with that source:
"rarp", "garp" (a gratuitous ARP request, RFC 5227) and "na" (an unsolicited
neighbour advertisement, RFC 4861, 7.2.6) if each byte is as it has to be, for
any other frame its Ethernet type in hex.  The first line is "ready".
"""
import socket
import struct
import sys
import time


def checksum(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return struct.pack("!H", ~s & 0xffff)


def frames(mac, ip, ip6):
    """The three announcements of a machine."""
    every = b"\xff" * 6
    arp = struct.pack("!HHBB", 1, 0x800, 6, 4)
    rarp = every + mac + b"\x80\x35" + arp + b"\0\3" + \
        mac + bytes(4) + mac + bytes(4)
    garp = every + mac + b"\x08\x06" + arp + b"\0\1" + \
        mac + ip + bytes(6) + ip
    # Of all nodes; with the flag "override", and with the target's MAC.
    to = socket.inet_pton(socket.AF_INET6, "ff02::1")
    body = b"\x20\0\0\0" + ip6 + b"\2\1" + mac
    head = struct.pack("!II", 4 + len(body), 58)
    body = b"\x88\0" + checksum(ip6 + to + head + b"\x88\0\0\0" + body) + body
    na = b"\x33\x33\0\0\0\1" + mac + b"\x86\xdd" + \
        struct.pack("!IHBB", 0x60000000, len(body), 58, 255) + ip6 + to + body
    return {"rarp": rarp, "garp": garp, "na": na}


def main():
    interface, mac, ip, ip6 = sys.argv[1:]
    mac = bytes(int(x, 16) for x in mac.split(":"))
    known = frames(mac, socket.inet_aton(ip),
                   socket.inet_pton(socket.AF_INET6, ip6))
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 3))
    print("ready", flush=True)
    while True:
        f, address = s.recvfrom(65536)
        if address[2] == socket.PACKET_OUTGOING or f[6:12] != mac:
            continue
        # A short frame may have been padded.
        what = [k for k, v in known.items()
                if f[:len(v)] == v and not any(f[len(v):])]
        print("%.6f %s" % (time.monotonic(), (what or [f[12:14].hex()])[0]),
              flush=True)


if __name__ == "__main__":
    main()
