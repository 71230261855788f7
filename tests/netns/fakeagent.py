#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent that only answers `vif`: fakeagent.py SOCKET LOG ANSWER [STATUS]

Each request goes to the file LOG, one JSON object a line.  ANSWER is what
`vif` gets: a JSON object that is the "result", {"error": ...} for an error,
or the word `hang` (no answer) or `close` (the connection ends).  STATUS is the
"result" of `status`, if it is to be answered with more than {}."""
import json
import os
import socket
import sys

path, log, answer = sys.argv[1:4]
status = json.loads(sys.argv[4]) if sys.argv[4:] else {}
try:
    os.unlink(path)
except FileNotFoundError:
    pass
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(8)
decoder = json.JSONDecoder()
kept = []


def serve(connection):
    text = ""
    while True:
        data = connection.recv(65536)
        if not data:
            return
        text += data.decode()
        while text:
            try:
                request, end = decoder.raw_decode(text)
            except ValueError:
                break
            text = text[end:]
            with open(log, "a") as f:
                f.write(json.dumps(request) + "\n")
            reply = {"id": request["id"], "result": {}, "error": None}
            if request["method"] == "vif":
                if answer == "close":
                    return
                if answer == "hang":
                    kept.append(connection.dup())
                    continue
                a = json.loads(answer)
                if "error" in a:
                    reply["result"], reply["error"] = None, a["error"]
                else:
                    reply["result"] = a
            elif request["method"] == "status":
                reply["result"] = status
            connection.sendall(json.dumps(reply).encode())


while True:
    c, _ = listener.accept()
    try:
        serve(c)
    except OSError:
        pass
    c.close()
