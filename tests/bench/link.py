#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of b-link: from the first byte that xl writes until its
receiver has all of them, over loopback.  dts-link and socat take turns; both
are connected before the clock starts.

link.*.time, .cpu: a row of checkpoints.  link.*.one: a single large one, of
which xl gets nothing before all of it is there, and socat's gets it as it
comes: what that rule costs."""
import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "link")]
from bench import emit, note, result  # noqa: E402
from linkbed import Bed, checkpoint, make_pki, stream_start, \
    write_all  # noqa: E402

SIZE = 32 << 20
ROW = 8
ONE = 64 << 20
PORT = 26646


def cpu_ms(*pids):
    """Processor time of processes so far, to the nanosecond."""
    total = 0
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
            with open(path) as f:
                total += int(f.read().split()[0])
    return total / 1e6


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(p) for p in f.read().split()]


def wait_size(path, size, timeout=60):
    end = time.monotonic() + timeout
    while not os.path.exists(path) or os.path.getsize(path) < size:
        if time.monotonic() > end:
            raise TimeoutError("%s has not %d bytes" % (path, size))
        time.sleep(.0005)


def row(first, count, size):
    return b"".join(checkpoint(first + i, size) for i in range(count))


class Link:
    def __init__(self, tls):
        self.bed = Bed(tls=tls, listener=["-vconsole:info"], sink=True)
        self.p = self.bed.sender("-vconsole:warn")
        start = stream_start() + checkpoint(0)
        write_all(self.p.stdin, start)
        if not self.bed.b.wait("checkpoint", 20):
            raise RuntimeError(self.bed.log("sender.log"))
        self.total, self.n = len(start), 1
        wait_size(self.bed.out, self.total)
        # Their receiver, which socat is itself, counts as well.
        session = self.bed.session_pid()
        self.pids = [self.p.pid, session] + children(session)

    def carry(self, count, size):
        data = row(self.n, count, size)
        self.n += count
        self.total += len(data)
        os.truncate(self.bed.out, 0)    # (Its writer goes on where it was.)
        cpu, start = cpu_ms(*self.pids), time.monotonic()
        write_all(self.p.stdin, data)
        wait_size(self.bed.out, self.total)
        return (time.monotonic() - start) * 1e3, cpu_ms(*self.pids) - cpu

    def close(self):
        self.bed.close()


def socat(directory, tls, count, size):
    listen = "TCP-LISTEN:%d,bind=127.0.0.1,reuseaddr" % PORT
    connect = "TCP:127.0.0.1:%d" % PORT
    if tls:
        pki = os.environ["DTS_TEST_PKI"]
        options = ",cert=%s/hostB-cert.pem,key=%s/hostB-privkey.pem," \
            "cafile=%s/pki/switchca/cacert.pem" % (pki, pki, pki)
        listen = listen.replace("TCP", "OPENSSL") + options
        connect = connect.replace("TCP", "OPENSSL") + \
            ",openssl-commonname=hostB" + options
    out = directory + "/out"
    if os.path.exists(out):
        os.unlink(out)
    a = subprocess.Popen(["socat", "-u", listen, "CREATE:" + out],
                         stderr=subprocess.DEVNULL)
    time.sleep(.5)
    b = subprocess.Popen(["socat", "-u", "STDIN", connect],
                         stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = stream_start()
    write_all(b.stdin, first)
    wait_size(out, len(first))
    data = row(1, count, size)
    cpu, start = cpu_ms(a.pid, b.pid), time.monotonic()
    write_all(b.stdin, data)
    wait_size(out, len(first) + len(data))
    took = (time.monotonic() - start) * 1e3, cpu_ms(a.pid, b.pid) - cpu
    b.stdin.close()
    a.wait(20)
    b.wait(20)
    return took


def turns(link, directory, tls, n, count, size):
    ours, theirs = [], []
    for i in range(n + 1):
        a = link.carry(count, size)
        b = socat(directory, tls, count, size)
        if i:                   # The first ones fill caches.
            ours.append(a)
            theirs.append(b)
    return ours, theirs


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--n", type=int, default=12)
    args = p.parse_args()
    directory = tempfile.mkdtemp(prefix="dts-bench-link.")
    os.environ["DTS_TEST_PKI"] = directory
    link = None
    try:
        make_pki(directory)
        for tls in (False, True):
            link = Link(tls)
            name = "link.tls" if tls else "link.plain"
            what = "socat, " + ("OpenSSL" if tls else "TCP")
            ours, theirs = turns(link, directory, tls, args.n, ROW, SIZE)
            for k, part in ((0, "time"), (1, "cpu")):
                r = result("%s.%s" % (name, part), "ms", [x[k] for x in ours],
                           [x[k] for x in theirs], what, ("<=", 1))
                if not k:
                    for x in (r["ours"], r["reference"]):
                        x["MB_s"] = round(ROW * SIZE / 1e3 / x["median"], 1)
                emit(r)
            ours, theirs = turns(link, directory, tls, args.n, 1, ONE)
            emit(result(name + ".one", "ms", [x[0] for x in ours],
                        [x[0] for x in theirs], what, ("<=", 1.25)))
            note("%s: %d rows of %d checkpoints of %d MB, %d of %d MB" %
                 (name, args.n, ROW, SIZE >> 20, args.n, ONE >> 20))
            link.close()
            link = None
    finally:
        if link:
            link.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
