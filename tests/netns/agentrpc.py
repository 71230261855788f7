#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Speaks to dts-agent's socket (docs/protocol.md, section 1).

    agentrpc.py ROLE [MEMBER=VALUE...] -- METHOD [MEMBER=VALUE...]

Says hello with ROLE and the members, sends one request, prints the answer's
result or error as JSON; exit status 0, or the error's code.  A value that is
JSON (a number, true, ...) is sent as such, anything else as a string.
"""
import json
import os
import socket
import sys


def members(words):
    d = {}
    for w in words:
        k, v = w.split("=", 1)
        try:
            d[k] = json.loads(v)
        except ValueError:
            d[k] = v
    return d


class Agent:
    def __init__(self, timeout=30):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        self.s.connect(os.environ["DTS_RUNDIR"] + "/agent.sock")
        self.buffer, self.id = "", 0

    def send(self, method, params, notice=False):
        self.id += 1
        m = {"method": method, "params": [params],
             "id": None if notice else self.id}
        self.s.sendall(json.dumps(m).encode())

    def receive(self):
        decoder = json.JSONDecoder()
        while True:
            try:
                m, n = decoder.raw_decode(self.buffer)
                self.buffer = self.buffer[n:].lstrip()
                return m
            except ValueError:
                d = self.s.recv(65536)
                if not d:
                    raise EOFError("the agent closed the connection")
                self.buffer += d.decode()

    def call(self, method, params):
        self.send(method, params)
        while True:
            m = self.receive()
            if m.get("id") == self.id and "method" not in m:
                return m
            if m.get("method") == "echo":
                self.s.sendall(json.dumps({"result": m["params"], "error": None,
                                           "id": m["id"]}).encode())


def main():
    at = sys.argv.index("--")
    hello = {"version": 1, "role": sys.argv[1], "pid": os.getpid()}
    hello.update(members(sys.argv[2:at]))
    a = Agent()
    answers = [a.call("hello", hello)]
    if not answers[0]["error"]:
        answers.append(a.call(sys.argv[at + 1], members(sys.argv[at + 2:])))
    error = answers[-1]["error"]
    print(json.dumps(error or answers[-1]["result"]))
    sys.exit(error.get("code", 1) if isinstance(error, dict) else bool(error))


if __name__ == "__main__":
    main()
