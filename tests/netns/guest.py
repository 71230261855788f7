#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A guest of the network namespace bed: one process that is a whole machine.

It owns an interface (a veth's end) by a raw socket and answers ARP, IPv6
neighbour solicitations, ping and two UDP services itself, so that the kernel
says nothing in its place and stopping the process' loop stops the machine, as
suspending a domain does.  Its memory is a small dictionary: a boot id, made
once, and a counter; fakexl carries it in the stream, so that continuity can be
seen by a client, never inferred.

UDP port 7: a request (8 bytes of sequence, then anything) is answered with
sequence, counter (8 bytes), boot id (16), the host's name (8, padded: not part
of the memory, it tells which copy answered), then the rest of the request.
UDP port 5004: RTP, sent back as it came.
UDP port 5060: SIP, as far as one call needs it: the answer to BYE holds the
X-Token that the call's INVITE gave, which is kept in the memory.

Commands on the control socket (unix, stream, a line each; the answer is a line
of JSON): suspend, resume [keep] [announce], state, spoof MAC IP COUNT, quit.
"""
import argparse
import ipaddress
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import uuid


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def mac_bytes(s):
    return bytes(int(x, 16) for x in s.split(":"))


class Guest:
    def __init__(self, args):
        self.name = args.host.encode()[:8].ljust(8, b"\0")
        self.mac = mac_bytes(args.mac)
        self.ip4 = socket.inet_aton(args.ip)
        self.ip6 = socket.inet_pton(socket.AF_INET6, args.ip6) \
            if args.ip6 else None
        self.memory = {"boot": uuid.uuid4().hex, "counter": 0}
        if args.memory:
            with open(args.memory) as f:
                self.memory = json.load(f)
        self.running = not args.paused
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                 socket.htons(3))
        self.raw.bind((args.interface, 3))
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.raw.setblocking(False)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.unlink(args.control)
        except FileNotFoundError:
            pass
        self.listener.bind(args.control)
        self.listener.listen(8)
        self.clients = {}
        self.first = None

    def send(self, frame):
        try:
            self.raw.send(frame)
        except OSError:
            pass                # A cable that is out, a full queue.

    # Announces itself once, as a network driver does when it comes back.
    def announce(self):
        self.send(b"\xff" * 6 + self.mac + b"\x08\x06" +
                  struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) +
                  self.mac + self.ip4 + b"\0" * 6 + self.ip4)

    def answer(self, port, data):
        if port == 7 and len(data) >= 8:
            self.memory["counter"] += 1
            head = data[:8] + struct.pack("!Q", self.memory["counter"]) + \
                bytes.fromhex(self.memory["boot"]) + self.name
            return head + data[len(head):]
        if port == 5004:
            return data
        if port == 5060:
            return self.sip(data)
        return None

    def sip(self, data):
        """The answer to a request, None to what needs none."""
        lines = data.decode(errors="replace").split("\r\n\r\n")[0].split("\r\n")
        method = lines[0].split(" ")[0]
        if method not in ("INVITE", "BYE"):
            return None
        heads = [x.partition(":")[::2] for x in lines[1:]]
        value = {k.strip().lower(): v.strip() for k, v in heads}
        calls = self.memory.setdefault("calls", {})
        call = value.get("call-id", "")
        if method == "INVITE":
            calls[call] = value.get("x-token", "")
        known = call in calls
        out = ["SIP/2.0 " + ("200 OK" if known else
                             "481 Call/Transaction Does Not Exist")]
        for k, v in heads:
            if k.strip().lower() in ("via", "from", "call-id", "cseq"):
                out.append(k + ":" + v)
            elif k.strip().lower() == "to":
                out.append(k + ":" + v + ("" if "tag=" in v else ";tag=guest"))
        if known:
            out.append("X-Token: " + calls[call])
        out += ["Contact: <sip:guest@%s>" % socket.inet_ntoa(self.ip4),
                "Content-Length: 0", "", ""]
        return "\r\n".join(out).encode()

    def frame(self, f):
        if f[6:12] == self.mac or (f[0:6] != self.mac and not f[0] & 1):
            return
        eth_type = f[12:14]
        if eth_type == b"\x08\x06":
            self.arp(f)
        elif eth_type == b"\x08\x00":
            self.ipv4(f)
        elif eth_type == b"\x86\xdd" and self.ip6:
            self.ipv6(f)

    def arp(self, f):
        if f[20:22] == b"\0\1" and f[38:42] == self.ip4:
            self.send(f[6:12] + self.mac + f[12:20] + b"\0\2" +
                      self.mac + self.ip4 + f[22:32])

    def ipv4(self, f):
        ihl = (f[14] & 15) * 4
        total = struct.unpack("!H", f[16:18])[0]
        ip = f[14:14 + total]
        if ip[16:20] != self.ip4 or len(ip) < total:
            return
        if ip[6] & 0x20 or (ip[6] & 0x1f) or ip[7]:
            return              # Fragments are not for this guest.
        body = ip[ihl:]
        if ip[9] == 1 and body[0] == 8:
            reply = b"\0\0\0\0" + body[4:]
            reply = reply[:2] + struct.pack("!H", checksum(reply)) + reply[4:]
        elif ip[9] == 17:
            sport, dport, length = struct.unpack("!HHH", body[:6])
            data = self.answer(dport, body[8:length])
            if data is None:
                return
            udp = struct.pack("!HHHH", dport, sport, 8 + len(data), 0) + data
            pseudo = self.ip4 + ip[12:16] + b"\0\x11" + udp[4:6]
            reply = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or
                                          0xffff) + udp[8:]
        else:
            return
        head = struct.pack("!BBHHHBBH", 0x45, ip[1], 20 + len(reply), 0,
                           0x4000, 64, ip[9], 0) + self.ip4 + ip[12:16]
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.send(f[6:12] + self.mac + b"\x08\x00" + head + reply)

    def ipv6(self, f):
        length = struct.unpack("!H", f[18:20])[0]
        src, dst = f[22:38], f[38:54]
        body = f[54:54 + length]
        if f[20] == 58 and body[0] == 135 and body[8:24] == self.ip6:
            reply = b"\x88\0\0\0\x60\0\0\0" + self.ip6 + b"\2\1" + self.mac
        elif dst != self.ip6:
            return
        elif f[20] == 58 and body[0] == 128:
            reply = b"\x81\0\0\0" + body[4:]
        elif f[20] == 17:
            sport, dport, n = struct.unpack("!HHH", body[:6])
            data = self.answer(dport, body[8:n])
            if data is None:
                return
            reply = struct.pack("!HHHH", dport, sport, 8 + len(data), 0) + data
        else:
            return
        pseudo = self.ip6 + src + struct.pack("!II", len(reply), f[20])
        at = 2 if f[20] == 58 else 6
        reply = reply[:at] + struct.pack("!H", checksum(pseudo + reply) or
                                         0xffff) + reply[at + 2:]
        head = struct.pack("!IHBB", 0x60000000, len(reply), f[20], 255)
        self.send(f[6:12] + self.mac + b"\x86\xdd" + head + self.ip6 + src +
                  reply)

    # Frames of a guest that lies: 'count' broadcast UDP frames, from 'mac' and
    # 'ip', with "SPOOF" and this host's name as payload.
    def spoof(self, mac, ip, count):
        src = mac_bytes(mac)
        if ":" in ip:
            ip = socket.inet_pton(socket.AF_INET6, ip)
            data = b"SPOOF" + self.name
            udp = struct.pack("!HHHH", 9, 9, 8 + len(data), 0) + data
            dst = socket.inet_pton(socket.AF_INET6, "ff02::1")
            pseudo = ip + dst + struct.pack("!II", len(udp), 17)
            udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp)) + udp[8:]
            frame = b"\x33\x33\0\0\0\1" + src + b"\x86\xdd" + \
                struct.pack("!IHBB", 0x60000000, len(udp), 17, 64) + \
                ip + dst + udp
        else:
            ip = socket.inet_aton(ip)
            data = b"SPOOF" + self.name
            udp = struct.pack("!HHHH", 9, 9, 8 + len(data), 0) + data
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64,
                               17, 0) + ip + b"\xff" * 4
            head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
            frame = b"\xff" * 6 + src + b"\x08\x00" + head + udp
        for _ in range(count):
            self.send(frame)
        arp = b"\xff" * 6 + src + b"\x08\x06" + \
            struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + src + \
            (ip if len(ip) == 4 else self.ip4) + b"\0" * 6 + \
            (ip if len(ip) == 4 else self.ip4)
        self.send(arp.ljust(60, b"\0"))

    def command(self, line):
        words = line.split()
        what = words[0] if words else ""
        if what == "suspend":
            self.running = False
        elif what == "resume":
            # What came while it was suspended is lost, as in a full ring; with
            # "keep" it is answered now, as after a short pause.
            try:
                while not self.running and "keep" not in words and \
                        self.raw.recv(65536):
                    pass
            except BlockingIOError:
                pass
            self.running = True
            if "announce" in words:
                self.announce()
        elif what == "spoof":
            self.spoof(words[1], words[2], int(words[3]))
        elif what == "quit":
            sys.exit(0)
        elif what != "state":
            return {"error": "unknown command"}
        return dict(self.memory, running=self.running)

    def run(self):
        while True:
            fds = [self.listener] + list(self.clients)
            if self.running:
                fds.append(self.raw)
            for fd in select.select(fds, [], [])[0]:
                if fd is self.listener:
                    c = fd.accept()[0]
                    self.clients[c] = b""
                elif fd is self.raw:
                    try:
                        for _ in range(32):
                            f, addr = fd.recvfrom(65536)
                            if addr[2] != socket.PACKET_OUTGOING:
                                self.frame(f)
                    except BlockingIOError:
                        pass
                    except (OSError, IndexError, struct.error):
                        time.sleep(0.001)
                else:
                    self.control(fd)

    def control(self, fd):
        try:
            data = fd.recv(4096)
        except OSError:
            data = b""
        if not data:
            del self.clients[fd]
            fd.close()
            return
        buf = self.clients[fd] + data
        while b"\n" in buf:
            line, buf = buf.split(b"\n", 1)
            reply = json.dumps(self.command(line.decode())) + "\n"
            try:
                fd.sendall(reply.encode())
            except OSError:
                pass
        self.clients[fd] = buf


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--interface", required=True)
    p.add_argument("--mac", required=True)
    p.add_argument("--ip", required=True)
    p.add_argument("--ip6", default="")
    p.add_argument("--host", required=True)
    p.add_argument("--memory", default="")
    p.add_argument("--control", required=True)
    p.add_argument("--paused", action="store_true")
    p.add_argument("--announce", action="store_true")
    args = p.parse_args()
    ipaddress.ip_address(args.ip)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    g = Guest(args)
    if args.announce:
        g.announce()
    g.run()


if __name__ == "__main__":
    main()
