# SPDX-License-Identifier: Apache-2.0
"""A connection to an OVSDB server, kept open (RFC 7047), for the benches."""
import json
import select
import socket
import time


class Ovsdb:
    def __init__(self, path, database):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.database, self.id, self.buffer = database, 0, ""
        self.depth, self.too_short = 0, 0
        self.decoder = json.JSONDecoder()
        self.replies, self.updates, self.rows = {}, [], {}

    def fileno(self):
        return self.s.fileno()

    def send(self, method, params):
        self.id += 1
        self.s.sendall(json.dumps({"method": method, "params": params,
                                   "id": self.id}).encode())
        return self.id

    def run(self, timeout=0):
        """Takes in what has arrived: replies by id, updates in order."""
        if not select.select([self.s], [], [], timeout)[0]:
            return
        data = self.s.recv(1 << 20)
        if not data:
            raise EOFError("the database closed the connection")
        now = time.monotonic()
        self.buffer += data.decode()
        self.depth += data.count(b"{") - data.count(b"}")
        # A long message comes in many pieces: it is not to be read anew, in
        # vain, with each of them.
        if self.depth and len(self.buffer) < 2 * self.too_short:
            return
        self.too_short = 0
        while self.buffer:
            try:
                m, n = self.decoder.raw_decode(self.buffer)
            except ValueError:
                self.too_short = len(self.buffer)
                return
            self.buffer = self.buffer[n:].lstrip()
            if m.get("method") == "echo":
                self.s.sendall(json.dumps({"result": m["params"], "error": None,
                                           "id": m["id"]}).encode())
            elif m.get("method") == "update":
                self.updates.append((now, m["params"][1]))
            elif m.get("method") == "update2":
                self.updates.append((now, self.take(m["params"][1])))
            else:
                self.replies[m["id"]] = (now, m)

    def wait(self, i, timeout=60):
        end = time.monotonic() + timeout
        while i not in self.replies:
            if time.monotonic() > end:
                raise TimeoutError("no reply of the database")
            self.run(0.1)
        t, m = self.replies.pop(i)
        if m["error"]:
            raise OSError(m["error"])
        return t, m["result"]

    def transact(self, *operations):
        """(when it was answered, results)."""
        t, result = self.wait(self.send("transact",
                                        [self.database] + list(operations)))
        for r in result:
            if isinstance(r, dict) and r.get("error"):
                raise OSError(r)
        return t, result

    def select(self, table, where=(), columns=None):
        op = {"op": "select", "table": table, "where": list(where)}
        if columns:
            op["columns"] = ["_uuid"] + list(columns)
        return self.transact(op)[1][0]["rows"]

    def take(self, tables):
        """What "update2" tells, told as "update" would, without the old."""
        out = {}
        for table, changes in tables.items():
            for uuid, change in changes.items():
                if "delete" in change:
                    self.rows.pop(uuid, None)
                    out.setdefault(table, {})[uuid] = {}
                    continue
                row = self.rows.setdefault(uuid, {})
                for how in ("initial", "insert", "modify"):
                    row.update(change.get(how) or {})
                out.setdefault(table, {})[uuid] = {"new": row}
        return out

    def follow(self, table, columns):
        """As monitor(), for columns of one value each, and for what has
        changed in a map: nothing is told again, as agents are told."""
        m = self.wait(self.send("monitor_cond", [
            self.database, table, {table: [{"columns": columns}]}]))[1]
        self.take(m)

    def monitor(self, table, columns):
        """Starts to be told of changes of 'table'; the initial rows."""
        return self.wait(self.send("monitor", [
            self.database, table, {table: {"columns": columns}}]))[1].get(
                table, {})
