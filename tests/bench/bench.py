# SPDX-License-Identifier: Apache-2.0
"""What the benches share: statistics, one result's form, the table."""
import json
import math
import os
import subprocess
import sys
import time


def stats(values):
    v = sorted(values)
    if not v:
        return None
    out = {"median": v[len(v) // 2] if len(v) % 2 else
           (v[len(v) // 2 - 1] + v[len(v) // 2]) / 2,
           # Of few samples the p99 would be the maximum: not printed then.
           "p99": v[math.ceil(len(v) * .99) - 1] if len(v) >= 300 else None,
           "min": v[0], "max": v[-1]}
    return {k: None if x is None else round(x, 4) for k, x in out.items()}


def result(name, unit, ours, reference=None, what=None, goal=None, n=None,
           limit=None, **more):
    """One element of bench.json's "results".  'goal' is ("<=", number) on the
    ratio of the medians, 'limit' a number that our median is to stay under
    where there is nothing to compare with."""
    r = {"name": name, "unit": unit, "n": n if n is not None else len(ours),
         "ours": stats(ours)}
    ratio = None
    if reference:
        r["reference"] = dict({"what": what}, **stats(reference))
        if r["ours"] and r["reference"]["median"]:
            ratio = r["ours"]["median"] / r["reference"]["median"]
    r["ratio"] = None if ratio is None else round(ratio, 4)
    if goal:
        r["goal"] = "%s %g" % goal
        r["met"] = ratio is not None and ratio <= goal[1]
    if limit is not None:
        r["goal"] = "<= %g %s" % (limit, unit)
        r["met"] = bool(r["ours"]) and r["ours"]["median"] <= limit
    r.update(more)
    return r


def cell(d, key):
    v = (d or {}).get(key)
    return "-" if v is None else "%.3g" % v if v < 100 else "%.0f" % v


def table(results):
    head = ("name", "unit", "n", "ours", "p99", "reference", "p99", "ratio",
            "goal", "")
    rows = [head]
    for r in results:
        ref = r.get("reference")
        ratio = r.get("ratio")
        rows.append((r["name"], r["unit"], str(r.get("n", "-")),
                     cell(r.get("ours"), "median"), cell(r.get("ours"), "p99"),
                     cell(ref, "median"), cell(ref, "p99"),
                     "-" if ratio is None else "%.3g" % ratio,
                     r.get("goal", "-"),
                     {True: "met", False: "MISSED"}.get(r.get("met"), "")))
    widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
    for r in rows:
        print("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip())
    for r in results:
        if r.get("reference"):
            print("%s: reference is %s" % (r["name"], r["reference"]["what"]))


def save(path, bench, results, **machine):
    """Writes the JSON file and prints the table; the exit status: 6 if a goal
    was missed, 1 if there is no result."""
    here = os.path.dirname(os.path.abspath(__file__))
    commit = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout.decode().strip()
    with open(path, "w") as f:
        json.dump({"bench": bench, "commit": commit or None,
                   "machine": dict({"cpus": os.cpu_count()}, **machine),
                   "results": results}, f, indent=1)
        f.write("\n")
    table(results)
    missed = [r["name"] for r in results if r.get("met") is False]
    if missed:
        print("goals missed: " + " ".join(missed))
    print("%d results in %s" % (len(results), path))
    return 6 if missed else 0 if results else 1


def emit(r):
    """A result for the runner (a line of JSON on standard output)."""
    print(json.dumps(r), flush=True)


def note(text):
    """Progress, with the time since the bench's runner began."""
    begun = float(os.environ.get("DTS_BENCH_BEGUN", time.time()))
    s = int(time.time() - begun)
    print("%d:%02d %s" % (s // 60, s % 60, text), file=sys.stderr, flush=True)


def env(name):
    return os.environ[name]
