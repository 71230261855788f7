#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""xl, as far as Remus needs it, on a machine without Xen.

The streams, the order of events and the bad habits are stock xl's and libxl's
(Xen 4.17), as they were seen on real hosts: the guest is resumed at once when
the save helper ends, a copy is destroyed when the restore helper fails, an end
of file between two checkpoints makes the receiver spin, the vif program runs
after the stream's end and before the rename, a failed rename does not stop the
unpause.  $LIBXL_SAVE_HELPER names the save helper.

    fakexl create NAME MAC IP [IP6]      makes and starts a domain; prints its id
    fakexl remus [-i MS] NAME COMMAND    as `xl remus -F -n -d -s ''`
    fakexl migrate-receive -r            the other end, on stdin and stdout
    fakexl shutdown|poweroff|reboot|crash|destroy|pause|unpause NAME
    fakexl domid NAME | list
    fakexl --name=NAME pause|resume|destroy DOMID     as `xl-remus`

A domain is: a file of fakexen.c, xenstore's nodes, a veth as vif and guest.py.
$BED_VIF names the vif program; without it the vif is put into br-dts here.
A file $BED/NODE/fail-devices makes the next receiver's devices fail; with one
called silent-guests a copy that starts there does not announce itself.
"""
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from xenstore import Xenstore  # noqa: E402

DIR = os.environ["FAKEXEN_DIR"]
BED = os.environ["BED"]
NODE = os.environ["BED_NODE"]
PREFIX = os.environ["BED_PREFIX"]
HERE = os.path.dirname(os.path.abspath(__file__))
GUEST_NS = PREFIX + "g" + {"hostA": "A", "hostB": "B"}.get(NODE, NODE)
BANNER = b"xl migration receiver ready, send binary domain data.\n"
MAGIC = b"Xen saved domain, xl format\n \0 \r"
LIBXL_MAGIC = struct.pack("!QII", 0x4c6962786c466d74, 2, 0)
LIBXC_CONTEXT, CHECKPOINT_END, END = 1, 4, 0


def log(text):
    sys.stderr.write("%.6f fakexl[%d] %s\n" % (time.time(), os.getpid(), text))
    sys.stderr.flush()


def run(*args, check=True, **kwargs):
    r = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, **kwargs)
    if check and r.returncode:
        raise OSError("%s: %s" % (" ".join(args), r.stdout.decode()))
    return r


def read_all(fd, n):
    b = bytearray()
    while len(b) < n:
        d = os.read(fd, n - len(b))
        if not d:
            raise EOFError
        b += d
    return bytes(b)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        n = os.write(fd, view)
        view = view[n:]


class Domain:
    def __init__(self, domid):
        self.id = int(domid)
        with open("%s/%d.json" % (DIR, self.id)) as f:
            self.config = json.load(f)

    # -- finding and making

    @staticmethod
    def all():
        try:
            ids = sorted(int(x) for x in os.listdir(DIR + "/dom") if
                         x.isdigit())
        except FileNotFoundError:
            ids = []
        return [Domain(i) for i in ids if
                os.path.exists("%s/%d.json" % (DIR, i))]

    @staticmethod
    def find(name):
        for d in Domain.all():
            if name in (d.name(), str(d.id)):
                return d
        sys.exit("fakexl: no domain " + name)

    @staticmethod
    def make(config, name, introduce=True):
        with open(DIR + "/next", "a+") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.seek(0)
            domid = int(f.read() or 0) + 1
            f.seek(0)
            f.truncate()
            f.write(str(domid))
        with open("%s/%d.json" % (DIR, domid), "w") as f:
            json.dump(config, f)
        d = Domain(domid)
        xs = Xenstore()
        d.state("p", "paused=1")
        vm = "/vm/" + config["uuid"]
        xs.write(vm + "/uuid", config["uuid"])
        xs.write("/local/domain/%d/vm" % domid, vm)
        xs.write("/local/domain/%d/domid" % domid, domid)
        xs.write("/libxl/%d/type" % domid, "pvh")
        d.rename(name)
        if introduce:
            xs.introduce(domid)
        return d

    def name(self):
        return Xenstore().read("/local/domain/%d/name" % self.id, "")

    def exists(self):
        return os.path.exists("%s/dom/%d" % (DIR, self.id))

    def rename(self, name):
        xs = Xenstore()
        xs.write("/local/domain/%d/name" % self.id, name)
        xs.write("/vm/%s/name" % self.config["uuid"], name)

    # -- the hypervisor's side

    def state(self, *words):
        # (Two may say it at once: `xl remus`, and who shuts the guest down.)
        tmp = "%s/.%d.%d.new" % (DIR, self.id, os.getpid())
        with open(tmp, "w") as f:
            f.write(" ".join(words + ("uuid=" + self.config["uuid"],)) + "\n")
        os.rename(tmp, "%s/dom/%d" % (DIR, self.id))
        self.virq()

    @staticmethod
    def virq():
        try:
            fd = os.open(DIR + "/virq", os.O_WRONLY | os.O_NONBLOCK)
            os.write(fd, b"x")
            os.close(fd)
        except OSError:
            pass

    def words(self):
        try:
            with open("%s/dom/%d" % (DIR, self.id)) as f:
                return f.read().split() or ["r"]
        except FileNotFoundError:
            return ["d"]

    def shut_down(self):
        """True if it ended in a way that is no suspend."""
        words = self.words()
        return words[0] in "cd" or (words[0] == "s" and
                                    "reason=2" not in words)

    def pause(self):
        if os.path.exists(self.control()):
            self.guest("suspend")
        if self.words()[0] != "s":
            self.state("p", "paused=1")

    # -- the guest itself

    def control(self):
        return "%s/%d.ctl" % (DIR, self.id)

    def guest(self, command):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(self.control())
        s.sendall(command.encode() + b"\n")
        return json.loads(s.makefile().readline())

    def start(self, memory=None, announce=False):
        c = self.config
        args = ["nsenter", "--net=/run/netns/" + GUEST_NS, "/usr/bin/python3",
                "-B", "-s", HERE + "/guest.py", "--interface", "e%d" % self.id,
                "--mac", c["mac"], "--ip", c["ip"], "--ip6", c["ip6"],
                "--host", NODE, "--control", self.control()]
        if memory:
            args += ["--memory", memory]
        if announce:
            args += ["--announce"]
        with open("%s/%s/guest-%d.log" % (BED, NODE, self.id), "a") as f:
            p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=f,
                                 stderr=f, start_new_session=True)
        with open("/proc/%d/stat" % p.pid) as f:
            start = f.read().rpartition(") ")[2].split()[19]
        with open("%s/pids/guest-%s-%d" % (BED, NODE, self.id), "w") as f:
            f.write("%d %s\n" % (p.pid, start))
        end = time.monotonic() + 20
        while not os.path.exists(self.control()):
            if time.monotonic() > end:
                raise OSError("guest did not start")
            time.sleep(0.005)
        self.state("r")

    # If xl is killed in the midst of either, Xen's word is "suspended", and
    # whoever resumes it then makes both agree again.
    def suspend(self):
        self.state("s", "reason=2")
        memory = self.guest("suspend")
        with open("%s/%d.mem.new" % (DIR, self.id), "w") as f:
            json.dump(memory, f)
        os.rename("%s/%d.mem.new" % (DIR, self.id), self.memory())

    def memory(self):
        return "%s/%d.mem" % (DIR, self.id)

    def resume(self):
        Xenstore().resume(self.id)
        self.guest("resume")
        self.state("r")

    # -- its vif

    def vif(self):
        return "vif%d.0" % self.id

    def backend(self):
        return "/local/domain/0/backend/vif/%d/0" % self.id

    def hotplug(self, what):
        program = os.environ.get("BED_VIF", "")
        if not program:
            if what == "online":
                run("ovs-vsctl", "--timeout=20", "--may-exist", "add-port",
                    "br-dts", self.vif(), "--", "set", "interface", self.vif(),
                    'external_ids:attached-mac="%s"' % self.config["mac"])
            else:
                run("ovs-vsctl", "--timeout=20", "--if-exists", "del-port",
                    self.vif())
            return
        env = dict(os.environ, XENBUS_PATH=self.backend(), XENBUS_TYPE="vif",
                   XENBUS_BASE_PATH="backend", vif=self.vif(), script=program)
        try:
            r = run(program, what, "type_if=vif", check=False, env=env,
                    timeout=40)
        except subprocess.TimeoutExpired:
            raise OSError("vif program timed out")
        error = Xenstore().read(self.backend() + "/hotplug-error")
        log("vif program %s: status %d %s %s" %
            (what, r.returncode, r.stdout.decode().strip(), error or ""))
        if what == "online" and (r.returncode or error):
            raise OSError("hotplug: " + (error or "status %d" % r.returncode))

    def devices(self):
        """What libxl does after a restore's stream: the devices."""
        fail = "%s/%s/fail-devices" % (BED, NODE)
        if os.path.exists(fail):
            os.unlink(fail)
            raise OSError("out of memory")
        run("ip", "link", "add", self.vif(), "type", "veth", "peer", "name",
            "e%d" % self.id, "netns", GUEST_NS)
        run("nsenter", "--net=/run/netns/" + GUEST_NS, "ethtool", "-K",
            "e%d" % self.id, "tx", "off", "rx", "off", "gso", "off", "gro",
            "off", "tso", "off")
        run("ip", "-n", GUEST_NS, "link", "set", "e%d" % self.id, "up")
        run("ip", "link", "set", self.vif(), "up")
        xs = Xenstore()
        frontend = "/local/domain/%d/device/vif/0" % self.id
        for k, v in (("frontend-id", self.id), ("frontend", frontend),
                     ("online", 1), ("handle", 0), ("type", "vif"),
                     ("mac", self.config["mac"]), ("bridge", "br-dts"),
                     ("hotplug-status", "")):
            xs.write(self.backend() + "/" + k, v)
        xs.write(frontend + "/backend", self.backend())
        xs.write(frontend + "/mac", self.config["mac"])
        xs.write("/libxl/%d/device/vif/0/mac" % self.id, self.config["mac"])
        self.hotplug("online")

    def destroy(self):
        try:
            self.guest("quit")
        except (OSError, ValueError):
            pass
        for f in (self.control(), "%s/dom/%d" % (DIR, self.id),
                  self.memory()):
            try:
                os.unlink(f)
            except FileNotFoundError:
                pass
        self.virq()
        if run("ip", "link", "show", self.vif(), check=False).returncode == 0:
            try:
                self.hotplug("offline")
            except OSError as e:
                log(str(e))
            run("ip", "link", "del", self.vif(), check=False)
        xs = Xenstore()
        xs.release(self.id)
        for path in (os.path.dirname(self.backend()), "/local/domain/%d" % self.id,
                     "/libxl/%d" % self.id):
            xs.rm(path)
        try:
            os.unlink("%s/%d.json" % (DIR, self.id))
        except FileNotFoundError:
            pass


class Helper:
    """The save helper as a child, and libxl's side of its messages."""

    def __init__(self, *args, fds=(), env=None):
        path = os.environ.get("LIBXL_SAVE_HELPER") or HERE + "/fakehelper.py"
        for fd in fds:
            os.set_inheritable(fd, True)
        self.p = subprocess.Popen([path] + [str(a) for a in args],
                                  stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, pass_fds=fds, env=env)

    def messages(self):
        while True:
            head = self.p.stdout.read(2)
            if len(head) < 2:
                return
            body = self.p.stdout.read(struct.unpack("=H", head)[0])
            yield struct.unpack("=H", body[:2])[0], body[2:]

    def reply(self, value):
        try:
            self.p.stdin.write(struct.pack("=i", value))
            self.p.stdin.flush()
        except OSError:
            pass


def create(name, mac, ip, ip6=""):
    config = {"name": name, "uuid": str(uuid.uuid4()), "mac": mac, "ip": ip,
              "ip6": ip6}
    for d in Domain.all():
        if d.name() == name:
            sys.exit("fakexl: Domain %s exists" % name)
    return create_config(config)


def create_config(config):
    d = Domain.make(config, config["name"])
    try:
        d.devices()
    except OSError as e:
        log("create failed: %s" % e)
        d.destroy()
        return 3
    d.start(announce=True)
    print(d.id)
    return 0


def remus(interval, name, command):
    d = Domain.find(name)
    to_child, from_child = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(to_child[0], 0)
        os.dup2(from_child[1], 1)
        os.execvp("sh", ["sh", "-c", command])
    os.close(to_child[0])
    os.close(from_child[1])
    send, recv = to_child[1], from_child[0]
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    # xl's preamble.
    try:
        if read_all(recv, len(BANNER)) != BANNER:
            raise EOFError
        config = json.dumps(d.config).encode()
        optional = struct.pack("=I", len(config)) + config
        write_all(send, MAGIC + struct.pack("=IIII", 0x01020304, 3, 0,
                                            len(optional)) + optional)
        # libxl's header, and the record that hands over to libxc.
        write_all(send, LIBXL_MAGIC + struct.pack("<II", LIBXC_CONTEXT, 0))
    except (OSError, EOFError):
        log("migration target process exited early")
        os.close(send)
        return 255
    helper = Helper("--save-domain", send, -1, d.id, 0, 0, 1, fds=(send,))
    ok, result = True, None
    n = 0
    for number, body in helper.messages():
        if number == 3:
            if d.shut_down():
                log("guest has shut down")
                helper.reply(0)
                continue
            try:
                d.suspend()
                helper.reply(1)
            except OSError as e:
                log("guest did not suspend: %s" % e)
                helper.reply(0)
        elif number == 4:
            try:
                d.resume()
                helper.reply(1)
            except OSError as e:
                log("guest did not resume: %s" % e)
                helper.reply(0)
        elif number == 5:
            n += 1
            try:
                write_all(send, struct.pack("<II", CHECKPOINT_END, 0))
            except OSError as e:
                log("libxl cannot write: %s" % e)
                ok = False
                helper.p.terminate()
                continue
            time.sleep(interval / 1000)
            helper.reply(1)
        elif number == 10:
            result = struct.unpack("=ii", body)
            helper.reply(0)
    status = helper.p.wait()
    log("helper ended: status %d, result %s, %d checkpoints" %
        (status, result, n))
    if not d.exists():
        log("Remus: Primary domain has been destroyed.")
        os.close(send)
        return 0
    if ok and status == 0 and result == (0, 0):
        log("Remus: ended")
    log("Remus: Backup failed? resuming domain at primary.")
    if not d.shut_down():
        try:
            d.resume()
        except OSError as e:
            log("cannot resume: %s" % e)
    os.close(send)
    return 1


class Spin(Exception):
    pass


def read_libxl_checkpoint(fd):
    """libxl's records up to CHECKPOINT_END: 1, or 2 (fail over)."""
    while True:
        head = b""
        while len(head) < 8:
            try:
                d = os.read(fd, 8 - len(head))
            except OSError:
                return 2
            if not d:
                raise Spin
            head += d
        kind, length = struct.unpack("<II", head)
        try:
            read_all(fd, length + -length % 8)
        except OSError:
            return 2
        except EOFError:
            raise Spin
        if kind == CHECKPOINT_END:
            return 1
        if kind > 5:
            return 2


def migrate_receive():
    os.write(1, BANNER)
    try:
        head = read_all(0, 48)
        if head[:32] != MAGIC:
            sys.exit("fakexl: not a stream of xl")
        optional = read_all(0, struct.unpack("=I", head[44:48])[0])
        config = json.loads(optional[4:])
    except (EOFError, OSError):
        sys.exit("fakexl: migration stream ended early")
    # As with Xen, xenstored hears of it when it has been restored.
    d = Domain.make(config, config["name"] + "--incoming", introduce=False)
    log("receiving %s as domain %d" % (config["name"], d.id))
    ok = False
    helper = None
    try:
        if read_all(0, 16) != LIBXL_MAGIC:
            raise EOFError
        if struct.unpack("<II", read_all(0, 8))[0] != LIBXC_CONTEXT:
            raise EOFError
        stream = os.dup(0)
        helper = Helper("--restore-domain", stream, -1, d.id, 1, 0, 2, 0, 0, 1,
                        fds=(stream,))
        result = None
        n = 0
        for number, body in helper.messages():
            if number == 5:
                try:
                    r = read_libxl_checkpoint(0)
                except Spin:
                    log("end of file between checkpoints: spinning, as libxl")
                    while True:
                        time.sleep(1)
                n += r == 1
                helper.reply(r)
            elif number == 8:
                helper.reply(0)
            elif number == 10:
                result = struct.unpack("=ii", body)
                helper.reply(0)
        status = helper.p.wait()
        log("helper ended: status %d, result %s, %d checkpoints" %
            (status, result, n))
        ok = status == 0 and result == (0, 0)
        if ok:
            Xenstore().introduce(d.id)
            d.devices()
    except (EOFError, OSError) as e:
        log("restore failed: %r" % e)
        ok = False
    if not ok:
        log("migration target: Domain creation failed (code -3).")
        d.destroy()
        return 1
    log("migration target: Remus Failover for domain %d" % d.id)
    try:
        d.rename(config["name"])
    except (OSError, KeyError) as e:
        log("rename failed: %s" % e)
    try:
        silent = os.path.exists("%s/%s/silent-guests" % (BED, NODE))
        d.start(memory=d.memory(), announce=not silent)
    except OSError as e:
        log("unpause failed: %s" % e)
        return 1
    log("unpaused")
    return 0


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "create":
        return create(*args)
    if what == "remus":
        interval = 200
        while args and args[0].startswith("-"):
            flag = args.pop(0)
            if flag == "-i":
                interval = int(args.pop(0))
            elif flag == "-s":
                args.pop(0)
            elif not re.fullmatch("-[Fndub]+", flag):
                sys.exit("fakexl: unknown flag " + flag)
        return remus(interval, *args)
    if what == "migrate-receive":
        return migrate_receive()
    if what == "list":
        for d in Domain.all():
            with open("%s/dom/%d" % (DIR, d.id)) as f:
                print(d.id, d.name(), f.read().split()[0])
        return 0
    # As xl-remus: nothing is done unless the domain is called so.
    name = None
    if what.startswith("--name="):
        name, what = what[7:], args.pop(0)
    d = Domain.find(args[0])
    if name is not None and d.name() != name:
        log("domain %s is called %s, not %s" % (args[0], d.name(), name))
        return 2
    if what == "domid":
        print(d.id)
    elif what in ("shutdown", "reboot", "crash", "poweroff"):
        # The toolstack asks (poweroff: from inside, nobody does)...
        if what in ("shutdown", "reboot"):
            node = "/local/domain/%d/control/shutdown" % d.id
            Xenstore().write(node, {"shutdown": "poweroff",
                                    "reboot": "reboot"}[what])
            time.sleep(0.1)
            Xenstore().write(node, "")      # ...and the guest has seen it.
        d.guest("suspend")
        d.state(*{"shutdown": ("s", "reason=0"), "reboot": ("s", "reason=1"),
                  "poweroff": ("s", "reason=0"),
                  "crash": ("c", "reason=3")}[what])
        time.sleep(0.3)         # xl's daemon looks, then acts.
        d.destroy()
        if what == "reboot":
            return create_config(d.config)
    elif what == "destroy":
        d.destroy()
    elif what == "pause":
        d.pause()
    elif what == "resume":
        if d.words()[0] == "s" and "reason=2" in d.words():
            d.resume()
    elif what == "unpause":
        d.guest("resume")
        d.state("r")
    else:
        sys.exit("fakexl: unknown command " + what)
    return 0


if __name__ == "__main__":
    sys.exit(main())
