#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which figures of a soak grow.

    grown.py SAMPLES >GROWTH.json

SAMPLES: lines of sample.py's, with the number of the failover in "failover".
A series is one figure of one daemon's life (until its process id changes) or
of a node or table.  Its first third is warm-up.  Of the rest the slope is the
median of those of all pairs of samples (Theil and Sen: no single sample, nor
the two levels of an owner and a standby that take turns, moves it), and it has
grown if that slope makes more than BOUND over the samples that are left.
Prints a list, the longest life of each figure.
"""
import json
import statistics
import sys

# How much a figure may rise over the last two thirds of its samples: so much,
# or so much of its median, whichever is more.
BOUND = {"rss_kb": (2048, 0.05)}
OTHERS = (3, 0.05)
# An agent keeps 500 of its own events.  Until there are that many they, and what
# the database's log holds of their transactions, take memory [KiB each].
CAP = {"Event": 500}
PER_EVENT = {"db": 16, "agent": 2}
FEW = 6                 # Samples that say nothing of a slope.
MANY = 150              # Medians of so many groups at most: n * n pairs.


def series(samples):
    """{(name, figure): [[(failover, value), ...] for each life]}"""
    out, pids = {}, {}

    def put(name, figure, x, value, fresh=False):
        if value is None:
            return
        lives = out.setdefault((name, figure), [[]])
        if fresh and lives[-1]:
            lives.append([])
        lives[-1].append((x, value))

    for s in samples:
        x = s["failover"]
        for name, d in s["daemons"].items():
            fresh = pids.get(name) != d["pid"]
            pids[name] = d["pid"]
            for figure in ("rss_kb", "fds"):
                put(name, figure, x, d[figure], fresh)
        for name, n in s["nodes"].items():
            for figure, value in n.items():
                put(name, figure, x, value)
        for table, value in (s["rows"] or {}).items():
            put("rows", table, x, value)
    return out


def grouped(points):
    size = -(-len(points) // MANY)
    return [(statistics.median(p[0] for p in g), statistics.median(p[1] for p in g))
            for g in (points[i:i + size] for i in range(0, len(points), size))]


def slope(points):
    return statistics.median(
        [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points)
         for b in points[i + 1:] if b[0] != a[0]] or [0])


def judge(name, figure, points, nodes, events):
    """The verdict on one life, or None if it was too short for one."""
    rest = grouped(points[len(points) // 3:])
    if len(rest) < FEW:
        return None
    values = [p[1] for p in rest]
    per = slope(rest)
    rise = per * (rest[-1][0] - rest[0][0])
    least, part = BOUND.get(figure, OTHERS)
    bound = max(least, part * statistics.median(values))
    if figure == "rss_kb":
        held = [max([n for x, n in events if x <= at[0]] or [0])
                for at in (rest[0], rest[-1])]
        bound += PER_EVENT.get(name.split("-")[0], 0) * (held[1] - held[0])
    ok = rise <= bound
    if name == "rows" and figure in CAP:
        bound = CAP[figure] * nodes
        ok = max(values) <= bound
        rise = max(values)
    return {"of": name, "figure": figure, "samples": len(points),
            "first": values[0], "last": values[-1],
            "per_1000": round(per * 1000, 1), "rise": round(rise, 1),
            "bound": round(bound, 1), "ok": ok}


def grown(samples):
    out = []
    events = [(s["failover"], (s["rows"] or {}).get("Event", 0)) for s in samples]
    for (name, figure), lives in series(samples).items():
        verdicts = [v for v in (judge(name, figure, life, len(samples[-1]["nodes"]),
                                         events)
                                for life in lives) if v]
        bad = [v for v in verdicts if not v["ok"]]
        if bad or verdicts:
            out.append(max(bad or verdicts, key=lambda v: v["samples"]))
    return out


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        print(json.dumps(grown([json.loads(line) for line in f])))
