#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a bed holds now: one JSON object on a line.

    sample.py DIR PREFIX SCHEMA NODE...

"daemons": of each recorded daemon its process id, anonymous memory [KiB] and
open files.  "nodes": of each node its processes, links, qdiscs, nodes of
xenstore, files in the run directory, and in br-dts ports, flows and groups.
"rows": of each table of the DTS database.
"""
import glob
import json
import os
import re
import subprocess
import sys

DAEMON = re.compile(r"(agent|vswitchd|ovsdb|link|xenstored)-(hostA|hostB|gw\d)$|db$")


def lines(*command, env=None):
    r = subprocess.run(command, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       env=env and dict(os.environ, **env), timeout=30)
    if r.returncode:
        return None
    return r.stdout.decode().split("\n")[:-1]


def count(*command, unlike="^$", env=None):
    out = lines(*command, env=env)
    return None if out is None else \
        sum(not re.search(unlike, line) for line in out)


def daemon(path):
    pid, start = open(path).read().split()
    try:
        stat = open("/proc/%s/stat" % pid).read().rpartition(") ")[2].split()
        if stat[19] != start:
            return None
        status = open("/proc/%s/status" % pid).read()
        return {"pid": int(pid), "fds": len(os.listdir("/proc/%s/fd" % pid)),
                "rss_kb": int(re.search(r"RssAnon:\s*(\d+)", status)[1])}
    except (OSError, TypeError):
        return None


def node(base, prefix, name):
    ns, ovs = prefix + name, "%s/%s/ovs" % (base, name)
    bridge = "unix:%s/br-dts.mgmt" % ovs
    of = ("ovs-ofctl", "-O", "OpenFlow15")
    return {
        "processes": count("ip", "netns", "pids", ns),
        "links": count("ip", "-n", ns, "-o", "link"),
        "qdiscs": count("tc", "-n", ns, "qdisc", "show", unlike="noqueue"),
        "ports": count("ovs-vsctl", "--timeout=10", "--db=unix:%s/db.sock" % ovs,
                       "list-ports", "br-dts"),
        "flows": count(*of, "dump-flows", bridge, unlike="^OFPST|^NXST"),
        "groups": count(*of, "dump-groups", bridge, unlike="^OFPST|^NXST"),
        "files": len([f for f in glob.glob("%s/%s/dts/*" % (base, name))
                      if not f.endswith(".log")]),
        "xenstore": count("xenstore-ls", env={
            "XENSTORED_RUNDIR": "%s/%s/xen" % (base, name)}),
    }


def rows(base, schema):
    tables = sorted(json.load(open(schema))["tables"])
    ops = ["DTS"] + [{"op": "select", "table": t, "where": [],
                      "columns": ["_uuid"]} for t in tables]
    out = lines("ovsdb-client", "--timeout=10", "transact",
                "unix:%s/gw1/dts/db.sock" % base, json.dumps(ops))
    return out and {t: len(r["rows"]) for t, r in
                    zip(tables, json.loads(out[0]))}


def main():
    base, prefix, schema, *names = sys.argv[1:]
    found = {os.path.basename(f): daemon(f)
             for f in sorted(glob.glob(base + "/pids/*"))
             if DAEMON.match(os.path.basename(f))}
    print(json.dumps({"daemons": {k: v for k, v in found.items() if v},
                      "nodes": {n: node(base, prefix, n) for n in names},
                      "rows": rows(base, schema)}))


if __name__ == "__main__":
    main()
