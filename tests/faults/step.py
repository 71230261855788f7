#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does something at the very instant at which a log says something.

    step.py [--timeout=S] [--after=MS] LOG REGEX [kill SIGNAL PID...] [touch FILE]

Waits for a line in LOG, written from now on, that matches REGEX, looking each
millisecond; then (after MS more) sends SIGNAL to the processes and makes FILE.
Prints the instant in microseconds since the epoch; exits with 1 if the line
does not come in time.  LOG may appear later, and may be "-": at once.
"""
import argparse
import os
import re
import signal
import sys
import time


def lines(path, timeout):
    """The lines that are written to 'path' from now on, None now and then."""
    end = time.monotonic() + timeout
    f = None
    fresh = not os.path.exists(path)
    rest = b""
    while time.monotonic() < end:
        if f is None:
            try:
                f = open(path, "rb")
                if not fresh:
                    f.seek(0, os.SEEK_END)
                print("ready", file=sys.stderr, flush=True)
            except FileNotFoundError:
                pass
        data = f.read() if f else b""
        if not data:
            time.sleep(0.001)
            yield None
            continue
        rest += data
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")


def act(words):
    while words:
        what = words.pop(0)
        if what == "kill":
            number = getattr(signal, "SIG" + words.pop(0))
            while words and words[0].isdigit():
                try:
                    os.kill(int(words.pop(0)), number)
                except ProcessLookupError:
                    pass
        elif what == "touch":
            open(words.pop(0), "w").close()
        else:
            sys.exit("step.py: unknown action " + what)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--timeout", type=float, default=30)
    p.add_argument("--after", type=float, default=0)
    p.add_argument("log")
    p.add_argument("regex")
    p.add_argument("action", nargs="*")
    args = p.parse_args()
    wanted = re.compile(args.regex)
    if args.log != "-":
        for line in lines(args.log, args.timeout):
            if line is not None and wanted.search(line):
                break
        else:
            sys.exit(1)
    time.sleep(args.after / 1000)
    act(args.action)
    print(int(time.time() * 1e6))


if __name__ == "__main__":
    main()
