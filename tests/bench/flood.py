#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The results of b-flood: lines "KIND MILLISECONDS" on standard input."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import emit, result  # noqa: E402

gaps = {}
for line in sys.stdin:
    kind, gap = line.split()
    gaps.setdefault(kind, []).append(float(gap))
for kind, values in gaps.items():
    if kind == "none":
        emit(result("flood.none", "ms", values))
    else:
        # Each step of a takeover waits for some of a flood's transactions in
        # the one database; and after flaps a witness waits for 2 s by design.
        emit(result("flood." + kind, "ms", values, gaps["none"],
                    "the same without a flood",
                    ("<=", {"events": 3, "status": 3, "questions": 3,
                            "flaps": 6}.get(kind, 2))))
