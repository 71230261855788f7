#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of a program in the guest that asks for checkpoints (prompt.c).

ask.py ADDRESS TEXT [N PERIOD_MS]

The guest writes TEXT as its wish and tells when it is committed; with N: "TEXT
1" to "TEXT N", one each PERIOD_MS (0 as fast as may be), and only the last one
is waited for.  Prints how long it took, in ms; exit status 1: no answer within
40 s."""
import socket
import sys
import time

PATIENCE = 40
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 8))
text = sys.argv[2]
texts = [text]
if len(sys.argv) > 3:
    texts = ["%s %d" % (text, i + 1) for i in range(int(sys.argv[3]))]
begun = time.monotonic()
for i, t in enumerate(texts):
    if i:
        time.sleep(float(sys.argv[4]) / 1e3)
    s.send(t.encode())
while True:
    left = begun + PATIENCE - time.monotonic()
    if left <= 0:
        sys.exit(1)
    s.settimeout(left)
    try:
        if s.recv(4096).decode(errors="replace") == texts[-1]:
            break
    except OSError:
        sys.exit(1)
print(round((time.monotonic() - begun) * 1e3))
