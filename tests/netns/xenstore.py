# SPDX-License-Identifier: Apache-2.0
"""A small client of xenstored's socket protocol (xen/io/xs_wire.h)."""
import os
import socket
import struct

READ, INTRODUCE, RELEASE, WRITE, RM, ERROR, RESUME = 2, 8, 9, 11, 13, 16, 18


class Xenstore:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.s.connect(os.environ["XENSTORED_RUNDIR"] + "/socket")

    def _recv(self, n):
        b = b""
        while len(b) < n:
            d = self.s.recv(n - len(b))
            if not d:
                raise OSError("xenstored closed the connection")
            b += d
        return b

    def _call(self, what, *parts):
        body = b"".join(parts)
        self.s.sendall(struct.pack("=IIII", what, 0, 0, len(body)) + body)
        kind, _, _, n = struct.unpack("=IIII", self._recv(16))
        reply = self._recv(n)
        if kind == ERROR:
            raise KeyError(reply.rstrip(b"\0").decode())
        return reply

    def write(self, path, value):
        self._call(WRITE, path.encode() + b"\0", str(value).encode())

    def read(self, path, default=None):
        try:
            return self._call(READ, path.encode() + b"\0").decode()
        except KeyError:
            return default

    def rm(self, path):
        try:
            self._call(RM, path.encode() + b"\0")
        except KeyError:
            pass

    def introduce(self, domid):
        self._call(INTRODUCE, b"%d\0" % domid, b"1\0", b"5\0")

    def release(self, domid):
        try:
            self._call(RELEASE, b"%d\0" % domid)
        except KeyError:
            pass

    def resume(self, domid):
        try:
            self._call(RESUME, b"%d\0" % domid)
        except KeyError:
            pass
