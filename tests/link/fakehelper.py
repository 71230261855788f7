#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libxl-save-helper that does what $DTS_FAKE_SCRIPT says, word by word:

    N           sends message N, and waits for the reply if it has one
    10:R        message 10 (complete) with result R
    sleep:S     sleeps
    write:N     writes N bytes to the stream
    fill        writes to the stream until it is killed
    exit:N      ends with that status
    die:N       ends by that signal

It notes its arguments, and each reply, in the file $DTS_FAKE_LOG.
"""
import os
import signal
import struct
import sys
import time


def note(text):
    with open(os.environ["DTS_FAKE_LOG"], "a") as f:
        f.write(text + "\n")


def message(number, args=b""):
    body = struct.pack("=H", number) + args
    data = struct.pack("=H", len(body)) + body
    for i in range(0, len(data), 3):    # In pieces, as a pipe may.
        os.write(1, data[i:i + 3])
    if 3 <= number <= 8 or number == 10:
        b = b""
        while len(b) < 4:
            d = os.read(0, 4 - len(b))
            if not d:
                note("eof")
                sys.exit(254)
            b += d
        note("%d -> %d" % (number, struct.unpack("=i", b)[0]))


note("args " + " ".join(sys.argv[1:]))
for word in os.environ["DTS_FAKE_SCRIPT"].split():
    what, _, value = word.partition(":")
    if what == "10":
        message(10, struct.pack("=ii", int(value or 0), 0))
    elif what == "9":
        message(9, struct.pack("=QQ", 1, 2))
    elif what == "1":
        message(1, b"text")
    elif what == "sleep":
        time.sleep(float(value))
    elif what == "write":
        os.write(int(sys.argv[2]), b"x" * int(value))
    elif what == "fill":
        while True:
            os.write(int(sys.argv[2]), b"x" * 65536)
    elif what == "exit":
        sys.exit(int(value))
    elif what == "die":
        signal.signal(int(value), signal.SIG_DFL)
        os.kill(os.getpid(), int(value))
        time.sleep(10)
    else:
        message(int(what))
