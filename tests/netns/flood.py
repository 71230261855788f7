#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Floods, until SIGTERM; then prints how many of what it was.

    flood.py events|status|questions NODE KEY CERTIFICATE CA ADDRESS PORT
        what a node may write in the DTS database by its role, as fast as it is
        answered: rows of Event; its own Node's status; rows of Suspicion and
        Reachability about nodes that there are not, and new nonces
    flood.py connections ADDRESS PORT [IDLE]
        connections by TCP: IDLE of them (600) that say nothing, opened again
        when they are closed, and others that say nonsense, or begin TLS and
        show no certificate
    flood.py agent [IDLE]
        the same to the agent's socket ($DTS_RUNDIR), with requests whose
        answers nobody reads
    flood.py xenstore DOMID
        a guest writes in its own directory ($XENSTORED_RUNDIR)
    flood.py insert TABLE N NODE KEY CERTIFICATE CA ADDRESS PORT
        N rows at once, and ends
"""
import json
import os
import select
import signal
import socket
import ssl
import sys
import time
import uuid

PIPELINE = 20


class Db:
    """OVSDB by TLS: many transactions on their way."""

    def __init__(self, node, key, cert, ca, address, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(ca)
        context.load_cert_chain(cert, key)
        self.node, self.n, self.done = node, 0, 0
        self.refused = None
        self.s = context.wrap_socket(
            socket.create_connection((address, int(port)), 10))
        self.text, self.decoder = "", json.JSONDecoder()

    def say(self, message):
        self.s.sendall(json.dumps(message).encode())

    def send(self, *operations):
        self.n += 1
        self.say({"method": "transact", "params": ["DTS"] + list(operations),
                  "id": self.n})

    def take(self):
        data = self.s.recv(1 << 16)
        if not data:
            raise OSError("the database closed the connection")
        self.text += data.decode()
        while self.text:
            try:
                m, end = self.decoder.raw_decode(self.text)
            except ValueError:
                return
            self.text = self.text[end:].lstrip()
            if m.get("method") == "echo":
                self.say({"result": m["params"], "error": None,
                          "id": m["id"]})
            elif m.get("id") is not None:
                self.done += 1
                for r in m.get("result") or [m]:
                    if r and r.get("error"):
                        self.refused = r

    def wait(self, outstanding):
        while self.n - self.done > outstanding:
            self.take()


def insert(table, **row):
    return {"op": "insert", "table": table, "row": row}


def update(table, column, value, **row):
    return {"op": "update", "table": table, "where": [[column, "==", value]],
            "row": row}


def event(db):
    return insert("Event", node=db.node, domain="voip", type="flood",
                  time=int(time.time() * 1000), message="x" * 200)


def events(db):
    db.send(*[event(db) for _ in range(5)])


def status(db):
    db.send(update("Node", "name", db.node,
                   status=["map", [["flood", str(db.n)]]]))


def questions(db):
    who = uuid.uuid4().hex
    if db.n == 0:
        db.send(*[insert("Suspicion", by=db.node, about=n, nonce="0")
                  for n in ("hostA", "hostB", "gw1")])
    db.send(insert("Suspicion", by=db.node, about=who, nonce=who),
            insert("Reachability", observer=db.node, subject=who,
                   state="down"),
            *[{"op": "update", "table": "Suspicion", "row": {"nonce": who},
               "where": [["by", "==", db.node], ["about", "==", n]]}
              for n in ("hostA", "hostB")])


class Sockets:
    """Connections that say nothing, and are opened again when closed."""

    def __init__(self, n, open_one):
        self.n, self.open_one, self.opened = n, open_one, 0
        self.open, self.failed = [], 0

    def run(self):
        for _ in range(50):
            if len(self.open) >= self.n:
                break
            try:
                self.open.append(self.open_one())
                self.opened += 1
            except OSError:
                self.failed += 1
                break
        p = select.poll()
        by_fd = {s.fileno(): s for s in self.open}
        for fd in by_fd:
            p.register(fd, select.POLLIN)
        for fd, _ in p.poll(0):
            s = by_fd[fd]
            try:
                closed = not s.recv(4096, socket.MSG_PEEK)
            except BlockingIOError:
                closed = False          # Or not connected yet.
            except OSError:
                closed = True
            if closed:
                s.close()
                self.open.remove(s)


def connect(address, port):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((address, int(port)))
    return s


def connections(address, port, idle=600):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    some = Sockets(int(idle), lambda: connect(address, port))
    n = 0
    while True:
        some.run()
        n += 1
        try:
            s = socket.create_connection((address, int(port)), 0.05)
            if n % 2:
                s.sendall(os.urandom(512))
            else:
                s.settimeout(0.05)
                s = context.wrap_socket(s)
            s.close()
        except OSError:
            pass
        yield some.opened + n, "connections"


def agent(idle=3000):
    path = os.environ["DTS_RUNDIR"] + "/agent.sock"
    hello = json.dumps({"method": "hello", "id": 0,
                        "params": [{"version": 1, "role": "ctl"}]}).encode()
    ask = json.dumps({"method": "status", "params": [{}], "id": 1}).encode()

    def open_one():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(0.2)
        s.connect(path)
        s.sendall(hello)
        s.setblocking(False)
        return s

    some = Sockets(int(idle), open_one)
    n = 0
    while True:
        some.run()
        for s in some.open[:200]:
            try:
                s.send(ask * 20)
                n += 20
            except OSError:
                pass
        yield n, "requests in %d connections" % len(some.open)


def xenstore(domid):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from xenstore import Xenstore
    xs = Xenstore()
    own = "/local/domain/%s/" % domid
    n = 0
    while True:
        for path, values in (("control/shutdown", ("", "flood")),
                             ("data/remus-dts/checkpoint", ("1", "2"))):
            xs.write(own + path, values[n % 2])
        n += 1
        yield 2 * n, "writes"


def write(step, *args):
    db = Db(*args)
    while True:
        step(db)
        db.wait(PIPELINE)
        yield db.done, "transactions" + (
            " (refused: %s)" % json.dumps(db.refused) if db.refused else "")


def main():
    kind, args = sys.argv[1], sys.argv[2:]
    if kind == "insert":
        table, n = args[0], int(args[1])
        db = Db(*args[2:])
        for i in range(0, n, 100):
            db.send(*[event(db) if table == "Event" else
                      insert(table, by=db.node, about=uuid.uuid4().hex)
                      for _ in range(min(100, n - i))])
            db.wait(PIPELINE)
        db.wait(0)
        print(json.dumps(db.refused) if db.refused else "%d rows" % n)
        return
    floods = {"connections": connections, "agent": agent,
              "xenstore": xenstore}
    steps = {"events": events, "status": status, "questions": questions}
    flood = floods[kind](*args) if kind in floods \
        else write(steps[kind], *args)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    begun, what = time.monotonic(), (0, "nothing")
    try:
        while not stop:
            what = next(flood)
    except (OSError, KeyError, ssl.SSLError) as e:
        print("%s: %s" % (type(e).__name__, e))
    print("%s: %d %s in %.1f s" % ((kind,) + what +
                                   (time.monotonic() - begun,)), flush=True)


main()
