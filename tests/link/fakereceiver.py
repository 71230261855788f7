#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""xl migrate-receive as far as dts-link sees it: says the banner, reads its
stdin to the file FILE, notes in FILE.end how that ended and what it was told in
the environment.

    fakereceiver.py FILE [--slow=SECONDS] [--status=N]
"""
import os
import sys
import time

out = sys.argv[1]
slow, status = 0.0, 0
for a in sys.argv[2:]:
    if a.startswith("--slow="):
        slow = float(a[7:])
    elif a.startswith("--status="):
        status = int(a[9:])

for f in (out, out + ".end"):
    if os.path.exists(f):
        os.unlink(f)
os.write(1, b"xl migration receiver ready, send binary domain data.\n")
how = "eof"
with open(out, "wb", buffering=0) as f:
    if slow:
        time.sleep(slow)
    while True:
        try:
            data = os.read(0, 1 << 20)
        except OSError as e:
            how = e.strerror
            break
        if not data:
            break
        f.write(data)
with open(out + ".tmp", "w") as f:
    f.write("%s domain=%s session=%s helper=%s" % (
        how, os.environ.get("DTS_DOMAIN"), len(os.environ["DTS_SESSION"]),
        os.path.basename(os.environ["LIBXL_SAVE_HELPER"])))
os.rename(out + ".tmp", out + ".end")
sys.exit(status)
