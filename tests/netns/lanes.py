#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which of a guest's frames go by its output buffer, in the kernel that decides.

    lanes.py GUEST-END WIRE BUFFER-TOOL

Commands on standard input are the tool's own (see netbuf-tool.c), but for

    send KIND COUNT     frames from the guest
    back COUNT          frames to the guest

which are answered with "class0 class1 plug arrived": how many went by each
class' filter, how many through the plug, and how many came out.  Each frame ends
with a number of its own, by which it is known again."""
import itertools
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest import checksum  # noqa: E402

GUEST, PEER = b"\0\x16\x3e\0\0\1", b"\2\0\0\0\0\x99"
IP, PEER_IP = bytes([192, 168, 7, 10]), bytes([192, 168, 7, 100])
IP6, PEER6 = b"\xfd\7" + bytes(13) + b"\x10", b"\xfd\7" + bytes(13) + b"\x99"
UDP, TCP, IPIP, UDPLITE = 17, 6, 4, 136
RTP, STUN, DTLS = b"\x80\0\0\1", b"\0\1\0\0", b"\x16\xfe\xfd\0"
# What a class looks for: a UDP header of its port, and RTP behind it.
BAIT = struct.pack("!HHHH", 10000, 6000, 20, 0) + RTP


def udp(sport, payload, dport=6000):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def ip4(body, proto=UDP, tos=0, frag=0x4000, options=b""):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos,
                       20 + len(options) + len(body), 1, frag, 64, proto, 0) + \
        IP + PEER_IP + options
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\x08\0" + head + body


def ip6(body, proto=UDP, tos=0):
    return b"\x86\xdd" + struct.pack("!IHBB", 0x60000000 | tos << 20, len(body),
                                     proto, 64) + IP6 + PEER6 + body


def tagged(frame, tpid=b"\x81\0"):
    return tpid + b"\0\7" + frame


def extension(body):
    """An empty IPv6 extension header in front of UDP."""
    return bytes([UDP, 0]) + bytes(6) + body


KINDS = {
    "rtp": lambda n: ip4(udp(10000, RTP + n)),
    "rtp6": lambda n: ip6(udp(10000, RTP + n)),
    "rtcp": lambda n: ip4(udp(10001, RTP + n)),
    "last-port": lambda n: ip4(udp(10099, RTP + n)),
    "dscp": lambda n: ip4(udp(10000, RTP + n), tos=46 << 2),
    "narrow": lambda n: ip4(udp(20000, RTP + n), tos=46 << 2),
    "narrow-ecn": lambda n: ip4(udp(20000, RTP + n), tos=46 << 2 | 3),
    "narrow6": lambda n: ip6(udp(20000, RTP + n), tos=46 << 2),
    "other-dscp": lambda n: ip4(udp(20000, RTP + n), tos=34 << 2),
    "other-dscp6": lambda n: ip6(udp(20000, RTP + n)),
    "below": lambda n: ip4(udp(9999, RTP + n)),
    "above": lambda n: ip4(udp(10100, RTP + n)),
    "other-end": lambda n: ip4(udp(6000, RTP + n, dport=10000)),
    "sip": lambda n: ip4(udp(5060, RTP + n)),
    "stun": lambda n: ip4(udp(10000, STUN + n)),
    "dtls": lambda n: ip4(udp(10000, DTLS + n)),
    "version1": lambda n: ip4(udp(10000, b"\x40\0\0\1" + n)),
    "first-fragment": lambda n: ip4(udp(10000, RTP + n), frag=0x2000),
    "later-fragment": lambda n: ip4(udp(10000, RTP + n), frag=3),
    "options": lambda n: ip4(udp(10000, RTP + n), options=b"\1" * 4),
    "bait-options": lambda n: ip4(udp(5060, n), options=BAIT),
    "tcp": lambda n: ip4(BAIT + n, proto=TCP),
    "udplite": lambda n: ip4(udp(10000, RTP + n), proto=UDPLITE),
    "ipip": lambda n: ip4(ip4(udp(10000, RTP + n))[2:], proto=IPIP),
    "bait-ipip": lambda n: ip4(BAIT + n, proto=IPIP),
    "hop-by-hop": lambda n: ip6(extension(udp(10000, RTP + n)), proto=0),
    # (The bait's first byte is then the next header, the second the length.)
    "bait-extension": lambda n: ip6(BAIT.ljust((0x10 + 1) * 8, b"\0") + n,
                                    proto=60),
    "fragment6": lambda n: ip6(bytes([UDP, 0, 0, 1]) + n[:4] +
                               udp(10000, RTP + n), proto=44),
    "tcp6": lambda n: ip6(BAIT + n, proto=TCP),
    "vlan": lambda n: tagged(ip4(udp(10000, RTP + n))),
    "vlan6": lambda n: tagged(ip6(udp(10000, RTP + n))),
    "qinq": lambda n: tagged(tagged(ip4(udp(10000, RTP + n))), b"\x88\xa8"),
    "arp": lambda n: b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) +
    GUEST + IP + bytes(6) + PEER_IP + bytes(10) + n,
    "other-ethertype": lambda n: b"\x88\xb5" + BAIT + n,
}


class End:
    def __init__(self, interface):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                               socket.htons(3))
        self.s.bind((interface, 3))
        self.s.settimeout(.1)

    def take(self, numbers, seconds=3):
        """How many frames with these numbers came; less than 0 if one of them
        came twice."""
        end, left, n = time.monotonic() + seconds, set(numbers), 0
        quiet = None
        while time.monotonic() < (quiet or end):
            try:
                f, address = self.s.recvfrom(4096)
            except socket.timeout:
                continue
            if address[2] != socket.PACKET_OUTGOING and \
                    f[-8:] in numbers:
                n += 1
                left.discard(f[-8:])
                if not left and not quiet:
                    quiet = time.monotonic() + .1
        return n if n == len(numbers) - len(left) else -n


class Lanes:
    def __init__(self, guest, wire, tool):
        self.guest, self.wire = End(guest), End(wire)
        self.p = subprocess.Popen([tool], stdin=subprocess.PIPE, bufsize=1,
                                  stdout=subprocess.PIPE, text=True)
        self.serial = itertools.count(1)

    def tool(self, command):
        self.p.stdin.write(command + "\n")
        return self.p.stdout.readline().strip()

    def counts(self):
        words = dict(w.split("=") for w in self.tool("stats").split()
                     if "=" in w)
        return [int(words.get(k, 0)) for k in ("class0", "class1", "left")]

    def send(self, make, count, out, into):
        before = self.counts()
        numbers = [struct.pack("!Q", 0x4474730000000000 | next(self.serial))
                   for _ in range(count)]
        for n in numbers:
            out.s.send(make(n))
        arrived = into.take(numbers)
        return " ".join(str(b - a) for a, b in zip(before, self.counts())) + \
            " %d" % arrived

    def command(self, line):
        words = line.split()
        if words[0] == "send":
            make = KINDS[words[1]]
            return self.send(lambda n: PEER + GUEST + make(n), int(words[2]),
                             self.guest, self.wire)
        elif words[0] == "back":
            return self.send(lambda n: GUEST + PEER + ip4(udp(6000, RTP + n)),
                             int(words[1]), self.wire, self.guest)
        return self.tool(line)


lanes = Lanes(*sys.argv[1:])
for line in sys.stdin:
    print(lanes.command(line), flush=True)
