#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The caller of the bed's demo: RTP (G.711, a packet each 20 ms) to the guest,
which sends each one back.  Ends at SIGTERM; what came back is for dts-rtpstat,
from a capture."""
import signal
import socket
import struct
import sys
import time

stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5004))
n, at = 0, time.monotonic()
while not stop:
    n += 1
    try:
        s.sendto(struct.pack("!BBHII", 0x80, 0, n & 0xffff, n * 160,
                             0x1eaf) + b"\xff" * 160, (sys.argv[1], 5004))
    except OSError:
        pass
    at += .02
    time.sleep(max(0, at - time.monotonic()))
