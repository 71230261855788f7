# SPDX-License-Identifier: Apache-2.0
"""Just enough OpenFlow 1.3, on a connection kept open, to time the least that a
switch of tunnels can cost: one group's modification and a barrier."""
import socket
import struct
import time

HELLO, ECHO_REQUEST, ECHO_REPLY, GROUP_MOD, BARRIER, BARRIER_REPLY = \
    0, 2, 3, 15, 20, 21


class OpenFlow:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.s.connect(path)
        self.xid = 1
        self.send(HELLO)

    def message(self, kind, body=b""):
        self.xid += 1
        return struct.pack("!BBHI", 4, kind, 8 + len(body), self.xid) + body

    def send(self, kind, body=b""):
        self.s.sendall(self.message(kind, body))

    def _read(self, n):
        b = b""
        while len(b) < n:
            d = self.s.recv(n - len(b))
            if not d:
                raise EOFError
            b += d
        return b

    def wait(self, kind):
        while True:
            _, got, length, xid = struct.unpack("!BBHI", self._read(8))
            body = self._read(length - 8)
            if got == ECHO_REQUEST:
                self.s.sendall(struct.pack("!BBHI", 4, ECHO_REPLY, length, xid)
                               + body)
            elif got == 1:
                raise OSError("OpenFlow error %r" % body[:4])
            elif got == kind:
                return

    @staticmethod
    def group(command, group_id, port):
        action = struct.pack("!HHIH6x", 0, 16, port, 0)
        bucket = struct.pack("!HHII4x", 16 + len(action), 0, 0xffffffff,
                             0xffffffff) + action
        return struct.pack("!HBBI", command, 2, 0, group_id) + bucket

    def modify(self, group_id, port, command=1):
        """Microseconds from group-mod to the barrier's reply."""
        m = self.message(GROUP_MOD, self.group(command, group_id, port)) + \
            self.message(BARRIER)
        start = time.monotonic()
        self.s.sendall(m)
        self.wait(BARRIER_REPLY)
        return (time.monotonic() - start) * 1e6
