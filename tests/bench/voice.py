#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of b-voice, run on the guest's host.

The guest stands still for 5 ms in each interval, as a domain does for a
checkpoint, and answers then what came meanwhile.  Three ways take turns:

- free: it does not stand still (a domain that is not protected);
- plain: it does, and nothing is between its vif and Open vSwitch (as with
  `xl remus -n`);
- voice: it does, and its output buffer is there, made by the library that
  xl-remus has, which closes and releases an epoch at each checkpoint: the
  voice goes by it.  Of the plug itself, which kernels without sch_plug lack,
  nothing is needed for that (see tests/netns/noplug.c).

A packet that meets a pause waits, with or without a buffer: at an interval of T
milliseconds 5 / T of them, 2.5 ms on average.  That is the price of checkpoints,
and the difference of voice to plain is the price of the rule."""
import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import emit, note, result  # noqa: E402

PAUSE = .005
PORT = 5004


class Guest:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(path)

    def ask(self, command):
        self.s.sendall(command.encode() + b"\n")
        self.s.recv(4096)


class Buffer:
    """The output buffer's library by hand."""

    def __init__(self, args):
        self.p = subprocess.Popen([args.tool], text=True, bufsize=1,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env=dict(os.environ, LD_PRELOAD=args.noplug))

    def ask(self, command):
        self.p.stdin.write(command + "\n")
        answer = self.p.stdout.readline()
        if not answer.startswith("ok"):
            raise RuntimeError("%s: %s" % (command, answer.strip() or "ended"))
        return answer

    def bypassed(self):
        words = self.ask("stats").split()
        return int([w for w in words if w.startswith("class0=")][0][7:])

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)


def checkpoints(guest, buf, interval, seconds):
    """Pauses the guest each 'interval' s, for 'seconds' s: now and then a little
    sooner or later, so that a packet each 20 ms is met at any moment of it."""
    end = time.monotonic() + seconds
    at = time.monotonic()
    while at < end:
        at += interval + random.uniform(-.01, .01)
        time.sleep(max(0, at - time.monotonic()))
        guest.ask("suspend")
        begun = time.monotonic()
        if buf:
            buf.ask("epoch")
        time.sleep(max(0, PAUSE - (time.monotonic() - begun)))
        guest.ask("resume keep")
        if buf:
            buf.ask("release")


def call(args, seconds, during):
    """A call of 'seconds' s while 'during' runs; its stream from the guest."""
    inside = ["nsenter", "--net=/run/netns/" + args.client]
    capture = subprocess.Popen(
        inside + ["tcpdump", "-i", "eth0", "-U", "-w", args.pcap,
                  "--immediate-mode", "-Z", "root", "udp port %d" % PORT],
        stderr=subprocess.PIPE, text=True)
    capture.stderr.readline()           # "listening on eth0".
    caller = subprocess.Popen(inside + [sys.executable, args.caller, args.to])
    try:
        during(seconds)
    finally:
        caller.send_signal(signal.SIGTERM)
        caller.wait(10)
        time.sleep(.2)
        capture.send_signal(signal.SIGTERM)
        capture.communicate(timeout=10)
    out = subprocess.run([args.rtpstat, "--format=json", "--src=" + args.to,
                          args.pcap], stdout=subprocess.PIPE, check=True)
    stream, = json.loads(out.stdout)["captures"][0]["streams"]
    if stream["packets"]["received"] < seconds * 50 * .98:
        raise RuntimeError("the call has %d packets" %
                           stream["packets"]["received"])
    return stream


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--n", type=int, default=7)
    p.add_argument("--seconds", type=int, default=8)
    p.add_argument("--intervals", default="40,200")
    for name in ("control", "client", "to", "caller", "pcap", "rtpstat", "tool",
                 "noplug"):
        p.add_argument("--" + name, required=True)
    args = p.parse_args()
    guest = Guest(args.control)
    intervals = [int(i) for i in args.intervals.split(",")]
    free = []
    jitter = {(way, i): [] for way in ("plain", "voice") for i in intervals}
    for _ in range(args.n):
        free.append(call(args, args.seconds, time.sleep)["jitter_ms"]["mean"])
        for i in intervals:
            for way in ("plain", "voice"):
                buf = Buffer(args) if way == "voice" else None
                if buf:
                    buf.ask("open 5 1048576 udp:%d" % PORT)
                try:
                    s = call(args, args.seconds,
                             lambda t: checkpoints(guest, buf, i / 1e3, t))
                    # What was not let by went the other way, unseen.
                    if buf and buf.bypassed() < s["packets"]["received"]:
                        raise RuntimeError("the voice was not let by")
                finally:
                    if buf:
                        buf.ask("close release")
                        buf.close()
                jitter[way, i].append(s["jitter_ms"]["mean"])
                note("%s, %d ms: jitter %.3f ms" %
                     (way, i, jitter[way, i][-1]))
    for i in intervals:
        emit(result("voice.rule.%d" % i, "ms", jitter["voice", i],
                    jitter["plain", i], "the same pauses without a buffer",
                    ("<=", 1.1)))
        emit(result("voice.protected.%d" % i, "ms", jitter["voice", i], free,
                    "a guest that is not protected"))


if __name__ == "__main__":
    main()
