#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The samples of a soak's JSON as a picture, by gnuplot.

    plot.py SOAK.json SOAK.png
"""
import json
import shutil
import subprocess
import sys

PANELS = (("memory of each daemon [MiB]", "daemons", "rss_kb", 1024),
          ("its open files", "daemons", "fds", 1),
          ("flows of br-dts", "nodes", "flows", 1),
          ("ports, links, qdiscs, processes of each node", "nodes",
           ("ports", "links", "qdiscs", "processes"), 1),
          ("rows of Event", "rows", "Event", 1),
          ("gap that the client saw [ms]", None, None, 1))


def curves(soak, what, figures, unit):
    """{title: [(x, y), ...]}"""
    out = {}
    for s in soak["samples"]:
        x = s["failover"]
        if what == "rows":
            out.setdefault(figures, []).append((x, (s["rows"] or {}).get(figures)))
            continue
        for name, held in s[what].items():
            for f in (figures,) if isinstance(figures, str) else figures:
                title = name if isinstance(figures, str) else name + " " + f
                out.setdefault(title, []).append((x, held[f]))
    return {k: [(x, y / unit) for x, y in v if y is not None]
            for k, v in out.items()}


def main():
    with open(sys.argv[1]) as f:
        soak = json.load(f)
    if not shutil.which("gnuplot"):
        return
    text = ["set terminal pngcairo size 1400,1500 noenhanced font ',9'",
            "set output '%s'" % sys.argv[2],
            "set multiplot layout 3,2 title 'seed %d: %d failovers, %d violations'"
            % (soak["seed"], soak["failovers"], soak["violations"]),
            "set grid", "set yrange [0:*]", "set key outside right",
            "set xlabel 'failovers'"]
    for title, what, figures, unit in PANELS:
        lines = curves(soak, what, figures, unit) if what else \
            {"gap": [(r["failover"], r["gap_ms"]) for r in soak["rounds"]
                     if r.get("gap_ms") and len(r["hosts"]) > 1]}
        lines = {k: v for k, v in lines.items() if v}
        if not lines:
            continue
        for i, points in enumerate(lines.values()):
            text += ["$d%d << E" % i] + ["%g %g" % p for p in points] + ["E"]
        style = "lines" if what else "points pt 7 ps 0.4"
        text += ["set title '%s'" % title, "plot " + ", ".join(
            "$d%d with %s title '%s'" % (i, style, name)
            for i, name in enumerate(lines))]
    subprocess.run(["gnuplot"], input="\n".join(text).encode(), check=False)


if __name__ == "__main__":
    main()
