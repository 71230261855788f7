# SPDX-License-Identifier: Apache-2.0
"""What the tests of dts-link and dts-save-helper play: an agent that says what
the test wants, Remus streams, xl's two ends.  No root, nothing but loopback."""
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("abs_top_builddir", os.getcwd())
SRC = os.environ.get("abs_top_srcdir",
                     os.path.dirname(os.path.dirname(os.path.dirname(
                         os.path.abspath(__file__)))))
LINK = BUILD + "/remus-hooks/link/dts-link"
SHIM = BUILD + "/libxl-ext/dts-save-helper"
HERE = SRC + "/tests/link"
BANNER = b"xl migration receiver ready, send binary domain data.\n"


# ------------------------------------------------------------------- streams

def record(kind, body=b""):
    return struct.pack("<II", kind, len(body)) + body + b"\0" * (-len(body) % 8)


def stream_start(config=b'{"name": "voip"}\0'):
    """xl's, libxl's and libxc's headers."""
    optional = struct.pack("<I", len(config)) + config
    return (b"Xen saved domain, xl format\n \0 \r" +
            struct.pack("<IIII", 0x01020304, 3, 0, len(optional)) + optional +
            struct.pack("!QII", 0x4c6962786c466d74, 2, 0) + record(1) +
            b"\xff" * 8 + struct.pack("!IIHHI", 0x58454e46, 3, 0, 0, 0) +
            struct.pack("<IHHII", 2, 12, 0, 4, 17) + record(0x11, b"c" * 40) +
            record(0x10))


def checkpoint(n, size=4096):
    body = struct.pack("<I", n) + b"p" * (size - 4)
    out = b"".join(record(1, body[i:i + (1 << 20)])
                   for i in range(0, size, 1 << 20))
    return out + record(0xe) + record(2, b"emulator") + record(4)


class Guest:
    """Pages, and what libxc would send of them: records of PAGE_DATA with the
    pages that were written since the last checkpoint."""

    def __init__(self, pages, seed=1):
        self.random = random.Random(seed)
        self.pages = [bytes(4096)] * pages
        self.dirty = set(range(pages))

    def write(self, pfn, data, at=0):
        page = self.pages[pfn]
        self.pages[pfn] = page[:at] + data + page[at + len(data):]
        self.dirty.add(pfn)

    def fill(self, pfn):
        self.write(pfn, self.random.randbytes(4096))

    def checkpoint(self):
        out, dirty = [], sorted(self.dirty)
        for i in range(0, len(dirty), 1024):
            some = dirty[i:i + 1024]
            out.append(record(1, struct.pack("<II", len(some), 0) +
                              struct.pack("<%dQ" % len(some), *some) +
                              b"".join(self.pages[p] for p in some)))
        self.dirty = set()
        return b"".join(out) + record(0xe) + record(2, b"emulator") + \
            record(4)


class Proxy:
    """Between the two ends, for what they say by TCP: counts it, makes it
    slow, changes a bit."""

    def __init__(self, port):
        self.port, self.sent, self.rate, self.flip = port, 0, None, None
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4)
        self.at = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            # As a slow link, which has little of what it carries.
            a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            b = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.carry, args=(a, b, True),
                             daemon=True).start()
            threading.Thread(target=self.carry, args=(b, a, False),
                             daemon=True).start()

    def carry(self, a, b, count):
        try:
            while True:
                data = a.recv(16384)
                if not data:
                    break
                if count:
                    if self.rate:
                        time.sleep(len(data) / self.rate)
                    if self.flip is not None and self.sent <= self.flip < \
                            self.sent + len(data):
                        i = self.flip - self.sent
                        data = data[:i] + bytes([data[i] ^ 4]) + data[i + 1:]
                    self.sent += len(data)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


# --------------------------------------------------------------------- agent

class Agent:
    """Answers `hello` with 'facts' (or the error (CODE, TEXT)), keeps every
    message, and answers questions when the test says so."""

    def __init__(self, path, **facts):
        self.path = path
        self.facts = {"version": 1, "node": "?", "ip": "127.0.0.1",
                      "domain": "voip", "session": "", "generation": 7,
                      "state": "alone", "peer": "", "peer_ip": "127.0.0.1",
                      "port": 6646, "heartbeat": 50, "peer_timeout": 1000,
                      "stall": 500, "tls": False, "pair": True}
        self.error = facts.pop("error", None)
        self.facts.update(facts)
        self.verdict = None
        self.silent = False
        self.messages = []
        self.conns = []
        self.pending = []
        self.lock = threading.Condition()
        self.start()

    def start(self):
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.accept, args=(self.listener,),
                         daemon=True).start()

    def stop(self):
        """As killed: connections end, nobody listens."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass                # Stopped already.
        self.listener.close()
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        with self.lock:
            for c in self.conns:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.conns = []
            self.pending = []

    def accept(self, listener):
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.conns.append(c)
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        decoder, text, role = json.JSONDecoder(), "", None
        while True:
            try:
                data = c.recv(65536)
            except OSError:
                data = b""
            if not data:
                c.close()
                return
            text += data.decode()
            while text:
                try:
                    m, end = decoder.raw_decode(text)
                except ValueError:
                    break
                text = text[end:]
                params = m["params"][0]
                if m["method"] == "hello":
                    role = params["role"]
                self.handle(c, role, m["method"], params, m["id"])

    def handle(self, c, role, method, params, ident):
        with self.lock:
            self.messages.append((role, method, params, time.monotonic()))
            if method == "hello" and not self.silent:
                if self.error:
                    self.reply(c, ident, error={"code": self.error[0],
                                                "message": self.error[1]})
                else:
                    facts = dict(self.facts)
                    if params.get("session"):
                        facts["session"] = params["session"]
                    self.reply(c, ident, facts)
            elif method in ("grant?", "alone?"):
                if self.verdict:
                    self.reply(c, ident, {"verdict": self.verdict,
                                          "reason": "as the test wants"})
                else:
                    self.pending.append((c, ident))
            self.lock.notify_all()

    @staticmethod
    def reply(c, ident, result=None, error=None):
        try:
            c.sendall(json.dumps({"id": ident, "result": result,
                                  "error": error}).encode())
        except OSError:
            pass

    def answer(self, verdict):
        with self.lock:
            self.verdict = verdict
            for c, ident in self.pending:
                self.reply(c, ident, {"verdict": verdict,
                                      "reason": "as the test wants"})
            self.pending = []

    def notice(self, method, **params):
        with self.lock:
            for c in self.conns:
                try:
                    c.sendall(json.dumps({"method": method, "params": [params],
                                          "id": None}).encode())
                except OSError:
                    pass

    def raw(self, data):
        """Says what no agent says, on each connection."""
        with self.lock:
            for c in self.conns:
                try:
                    c.sendall(data)
                except OSError:
                    pass
            self.conns = []

    def got(self, method, **want):
        """The messages that match."""
        with self.lock:
            return [p for _, m, p, _ in self.messages if m == method and
                    all(p.get(k) == v for k, v in want.items())]

    def wait(self, method, timeout=10, **want):
        end = time.monotonic() + timeout
        while not self.got(method, **want):
            left = end - time.monotonic()
            if left <= 0:
                return None
            with self.lock:
                self.lock.wait(min(left, 0.1))
        return self.got(method, **want)[-1]

    def forget(self):
        with self.lock:
            self.messages = []


# ------------------------------------------------------------------ both ends

class Bed:
    """A directory, two agents, a listener; sessions are made by sender()."""

    def __init__(self, tls=False, listener=(), receiver=(),
                 address="127.0.0.1", sink=False, **facts):
        self.dir = tempfile.mkdtemp(prefix="dts-link.")
        self.procs = []
        self.n = 0
        self.a = Agent(self.dir + "/a.sock", node="hostA", peer="hostB",
                       **facts)
        self.b = Agent(self.dir + "/b.sock", node="hostB", peer="hostA",
                       **facts)
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        self.port = s.getsockname()[1]
        s.close()
        self.tls = tls
        self.at = "%s:%d" % (address, self.port)
        self.out = self.dir + "/received"
        command = "%s %s/fakereceiver.py %s %s" % (
            sys.executable, HERE, self.out, " ".join(receiver))
        if sink:                # One that costs nothing, for the benches.
            command = "sh -c 'echo xl migration receiver ready, " \
                "send binary domain data.; exec cat >%s'" % self.out
        self.listener = self.spawn(
            [LINK] + self.security("hostB") +
            ["--listen", "--bind=" + self.at,
             "--agent-socket=" + self.b.path, "--receiver=" + command,
             "--unixctl=%s/ctl" % self.dir, "-vconsole:dbg",
             "--spool=" + self.dir] + list(listener), log="listener.log",
            env=dict(os.environ, DTS_RUNDIR=self.dir))
        end = time.monotonic() + 20
        while "listening on" not in self.log("listener.log"):
            if time.monotonic() > end or self.listener.poll() is not None:
                raise RuntimeError("the listener did not start: " +
                                   self.log("listener.log"))
            time.sleep(0.02)

    def security(self, node):
        if not self.tls:
            return ["--insecure"]
        pki = os.environ["DTS_TEST_PKI"]
        return ["-p", "%s/%s-privkey.pem" % (pki, node),
                "-c", "%s/%s-cert.pem" % (pki, node),
                "-C", "%s/pki/switchca/cacert.pem" % pki]

    def log(self, name):
        try:
            with open(self.dir + "/" + name, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def spawn(self, args, log, **kwargs):
        with open(self.dir + "/" + log, "ab") as f:
            p = subprocess.Popen(args, stderr=f, start_new_session=True,
                                 **kwargs)
        self.procs.append(p)
        return p

    def sender(self, *options, node="hostA", host=None, banner=True, fds=()):
        self.n += 1
        p = self.spawn([LINK] + self.security(node) +
                       ["--agent-socket=" + self.a.path, "-vconsole:dbg"] +
                       list(options) +
                       ["voip", host or self.at],
                       log="sender.log", stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, pass_fds=fds)
        if banner:
            got = read_some(p.stdout, len(BANNER), 20)
            if got != BANNER:
                raise RuntimeError("no banner: %r\n%s\n%s" % (
                    got, self.log("sender.log"), self.log("listener.log")))
        return p

    def received(self):
        """What xl's receiver has read: (bytes, how it ended or None)."""
        try:
            with open(self.out, "rb") as f:
                data = f.read()
        except FileNotFoundError:
            return b"", None
        try:
            with open(self.out + ".end") as f:
                return data, f.read()
        except FileNotFoundError:
            return data, None

    def wait_received(self, n, timeout=20):
        end = time.monotonic() + timeout
        while len(self.received()[0]) < n and time.monotonic() < end:
            time.sleep(0.02)
        return self.received()[0]

    def wait_end(self, timeout=20):
        end = time.monotonic() + timeout
        while self.received()[1] is None and time.monotonic() < end:
            time.sleep(0.02)
        return self.received()[1]

    def children(self, parent):
        out = []
        for d in os.listdir("/proc"):
            try:
                if d.isdigit():
                    with open("/proc/%s/stat" % d) as f:
                        if int(f.read().rpartition(") ")[2].split()[1]) == \
                                parent:
                            out.append(int(d))
            except OSError:
                pass
        return out

    def session_pid(self):
        return self.children(self.listener.pid)[0]

    def xl_pid(self):
        return self.children(self.session_pid())[0]

    def close(self):
        pids = []
        for s in self.children(self.listener.pid):
            pids += self.children(s) + [s]
        for p in self.procs:
            pids += self.children(p.pid)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        for p in self.procs:
            p.kill()
            p.wait()
            for f in (p.stdin, p.stdout):
                if f:
                    try:
                        f.close()
                    except OSError:
                        pass
        self.a.stop()
        self.b.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def read_some(f, n, timeout):
    """Up to 'n' bytes."""
    data, end = b"", time.monotonic() + timeout
    while len(data) < n and time.monotonic() < end:
        if select.select([f], [], [], 0.1)[0]:
            d = os.read(f.fileno(), n - len(data))
            if not d:
                break
            data += d
    return data


def write_all(f, data):
    view = memoryview(data)
    while view:
        view = view[os.write(f.fileno(), view):]


def write_some(f, data, timeout=5):
    """What 'f' takes of 'data' in that time; returns how much."""
    os.set_blocking(f.fileno(), False)
    written, end = 0, time.monotonic() + timeout
    while written < len(data) and time.monotonic() < end:
        try:
            written += os.write(f.fileno(), memoryview(data)[written:])
        except BlockingIOError:
            time.sleep(0.02)
        except BrokenPipeError:
            break
    os.set_blocking(f.fileno(), True)
    return written


def wait_for(condition, timeout=10):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def cpu_ms(pid):
    """What a process has used so far."""
    with open("/proc/%d/stat" % pid) as f:
        w = f.read().rpartition(") ")[2].split()
    return (int(w[11]) + int(w[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def make_pki(directory):
    """Certificates as ovs-pki makes them; the CN is the node's name."""
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/bin:/usr/sbin")
    opts = ["--dir=%s/pki" % directory, "--log=%s/pki.log" % directory]
    subprocess.run(["ovs-pki"] + opts + ["-B", "2048", "init"], cwd=directory,
                   env=env, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    for node in ("hostA", "hostB", "mallory"):
        subprocess.run(["ovs-pki"] + opts + ["-u", "-B", "2048", "req+sign",
                                             node, "switch"], cwd=directory,
                       env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


# ----------------------------------------------------------------------- TAP

def alarm(_number, _frame):
    raise TimeoutError("the test takes too long")


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def ok(self, cond, what, detail=""):
        self.n += 1
        print("%sok %d - %s" % ("" if cond else "not ", self.n, what))
        if not cond:
            self.failed += 1
            for line in str(detail).splitlines()[-40:]:
                print("# " + line)
        sys.stdout.flush()
        return bool(cond)

    def equal(self, a, b, what, detail=""):
        return self.ok(a == b, what, "got %.300r\nnot %.300r\n%s" % (a, b,
                                                                     detail))

    def run(self, tests, only):
        for t in tests:
            if only and not any(o in t.__name__ for o in only):
                continue
            signal.signal(signal.SIGALRM, alarm)
            signal.alarm(120)
            try:
                t(self)
            except Exception:
                import traceback
                self.ok(False, t.__name__, traceback.format_exc())
            signal.alarm(0)
        print("1..%d" % self.n)
        return 1 if self.failed else 0
