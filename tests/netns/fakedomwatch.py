#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dts-domwatch for the bed: looks at the files of fakexen.c.

One JSON line a domain at the start and at each change; "query DOMID" on stdin
prints that domain's line again.  Ends with its stdin.
"""
import json
import os
import select
import sys

DIR = os.environ["FAKEXEN_DIR"]
STATES = {"r": "running", "b": "running", "p": "paused", "s": "shutdown",
          "c": "shutdown", "d": "dying"}
REASONS = ["poweroff", "reboot", "suspend", "crash", "watchdog"]


def look():
    found = {}
    try:
        ids = [x for x in os.listdir(DIR + "/dom") if x.isdigit()]
    except FileNotFoundError:
        ids = []
    for i in ids:
        try:
            with open("%s/dom/%s" % (DIR, i)) as f:
                words = f.read().split() or ["r"]
        except FileNotFoundError:
            continue
        values = dict(w.split("=", 1) for w in words[1:] if "=" in w)
        state = STATES.get(words[0], "running")
        reason = ""
        if state == "shutdown":
            n = 3 if words[0] == "c" else int(values.get("reason", 0))
            reason = REASONS[n] if n < len(REASONS) else "unknown"
        name = ""
        try:
            with open("%s/%s.json" % (DIR, i)) as f:
                name = json.load(f)["name"]
        except (FileNotFoundError, ValueError):
            pass
        found[int(i)] = {"domid": int(i), "name": name,
                         "uuid": values.get("uuid", ""), "state": state,
                         "reason": reason}
    return found


def say(line):
    print(json.dumps(line), flush=True)


def main():
    known, buf = {}, b""
    while True:
        now = look()
        for i, line in now.items():
            if known.get(i) != line:
                say(line)
        for i in set(known) - set(now):
            say(dict(known[i], state="gone", reason=""))
        known = now
        if select.select([0], [], [], 0.02)[0]:
            data = os.read(0, 4096)
            if not data:
                sys.exit(0)
            buf += data
            while b"\n" in buf:
                line, buf = buf.split(b"\n", 1)
                words = line.split()
                if len(words) == 2 and words[0] == b"query":
                    i = int(words[1])
                    say(known.get(i) or {"domid": i, "name": "", "uuid": "",
                                         "state": "gone", "reason": ""})


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
