#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The verdict on a cell of the fault matrix, from what an outsider saw.

    judge.py CELL.json

CELL.json says what the client saw (its probe's log and summary), what ran
where, what the database and `status` say in the end, and what was done.  This
program knows nothing of how remus-dts works: replies carry the name of the
host and the boot id and counter of the memory that answered.  Prints a JSON
object: "violations", a list of words with an explanation each, and figures.

  two-owners      an earlier host answered after a later one had
  state-lost      another boot answered (the guest's memory is gone)
  rolled-back     more was rolled back than an interval and a transfer hold,
                  or anything at all where the owner never changed
  no-service      nobody served in the end, though somebody could
  late            service came back later than the bound after the last fault,
                  or (where gap_bound_ms says so) was away for longer than that
  two-copies      two copies of the guest run in the end, everything healed
  false-status    `status` or the database names another host than the one
                  that serves, or calls it protected where no copy is
"""
import json
import sys


def replies_of(path):
    out = []
    with open(path) as f:
        for line in f:
            t, seq, counter, boot, host = line.split()
            out.append((float(t), int(seq), int(counter), boot, host))
    return out


def judge(c):
    bad = []
    replies = replies_of(c["log"])
    order, seen = [], set()
    for r in replies:
        if not order or order[-1] != r[4]:
            if r[4] in seen and not bad:
                bad.append("two-owners: %s answered at %.3f, after %s had" %
                           (r[4], r[0], order[-1]))
            order.append(r[4])
            seen.add(r[4])
    boots = {r[3] for r in replies}
    if len(boots) > 1:
        bad.append("state-lost: %d boots answered" % len(boots))
    # The counter is the memory's own order; requests and answers overtake each
    # other, by seconds where a switch that was stopped lets go what it has held,
    # and by two gateways they come twice.  Taken back is what a host counts
    # again that another has counted, or what one counts for two requests.
    back, last, requests, twice = 0, None, {}, 0
    for r in replies:
        if last and r[4] != last[0]:
            back = max(back, last[1] - min(q[2] for q in replies
                                           if q[4] == r[4] and q[0] >= r[0]) + 1)
            last = None
        last = (r[4], max(r[2], last[1] if last else 0))
        twice += requests.setdefault(r[2], r[1]) != r[1]
    back = max(back, twice)
    allowed = c["rollback"] if len(order) > 1 else 0
    if back > allowed:
        bad.append("rolled-back: %d requests, at most %d" % (back, allowed))

    healed = c["healed_mono"]           # The last fault was over, seconds.
    after = [r for r in replies if r[0] >= healed]
    back_ms = round((after[0][0] - healed) * 1000) if after else None
    if c["expect"] == "served":
        if not after or c["end_mono"] - replies[-1][0] > 1:
            bad.append("no-service: the last reply came %.1f s before the end"
                       % (c["end_mono"] - replies[-1][0] if replies else -1))
        elif back_ms > c["bound_ms"]:
            bad.append("late: back after %d ms, at most %d" %
                       (back_ms, c["bound_ms"]))
    if len(c["running"]) > 1:
        bad.append("two-copies: " + " and ".join(c["running"]))
    server = order[-1] if after else None
    if server and c["binding"][0] != server:
        bad.append("false-status: the binding says %s, %s serves" %
                   (c["binding"][0], server))
    if server and "runs on " + server not in c["status"]:
        bad.append("false-status: %s serves, status says: %s" %
                   (server, c["status"].strip().split("\n")[0]))
    if c["binding"][1] == "protected" and not c["copies"]:
        bad.append("false-status: protected, but no host holds a copy")
    gap = max([b[0] - a[0] for a, b in zip(replies, replies[1:])] or [0])
    if c.get("gap_bound_ms") and gap * 1000 > c["gap_bound_ms"]:
        bad.append("late: away for %d ms, at most %d" %
                   (gap * 1000, c["gap_bound_ms"]))
    return {"cell": c["cell"], "ok": not bad, "violations": bad,
            "hosts": order, "gap_ms": round(gap * 1000, 1),
            "back_ms": back_ms, "rolled_back": back,
            "binding": c["binding"], "expect": c["expect"]}


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        print(json.dumps(judge(json.load(f))))
