#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libxl-save-helper as the bed plays it: libxc's half of a Remus stream.

Speaks the helper's messages on stdin and stdout as Xen 4.17's does (u16 length,
u16 number, arguments; each reply one int) and writes and reads libxc's records
as docs/specs/libxc-migration-stream says.  The guest's "memory" is the file
$FAKEXEN_DIR/DOMID.mem: it is a PAGE_DATA record of each checkpoint; pages that
mean nothing go with it.

A file $FAKEXEN_DIR/corrupt makes the next checkpoint begin with a corrupt header,
where it is saved or where it is restored; then it is called "corrupted".
A file $FAKEXEN_DIR/fail-memory makes the end of the next restore fail for want
of memory, and is gone then.
DTS_FAKE_MEMORY_KB (512) is what the first copy carries, DTS_FAKE_DIRTY_KB (16)
each checkpoint, DTS_FAKE_COPY_MS (0) how long the first copy takes.
"""
import os
import signal
import struct
import sys
import time

SUSPEND, POSTCOPY, CHECKPOINT, STATIC_DONE, RESULTS, COMPLETE = 3, 4, 5, 8, 9, 10
PAGE_DATA, REC_CHECKPOINT, STATIC_DATA_END, END = 1, 0xe, 0x10, 0
MAGIC = b"\xff" * 8 + struct.pack("!IIHHI", 0x58454e46, 3, 0, 0, 0) + \
    struct.pack("<IHHII", 2, 12, 0, 4, 17)


def message(number, args=b"", reply=True):
    body = struct.pack("=H", number) + args
    os.write(1, struct.pack("=H", len(body)) + body)
    if not reply:
        return 0
    b = b""
    while len(b) < 4:
        d = os.read(0, 4 - len(b))
        if not d:
            sys.exit(255)
        b += d
    return struct.unpack("=i", b)[0]


def complete(retval, errnoval=0):
    message(COMPLETE, struct.pack("=ii", retval, errnoval))
    sys.exit(0)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        n = os.write(fd, view)
        view = view[n:]


def read_all(fd, n):
    b = bytearray()
    while len(b) < n:
        d = os.read(fd, n - len(b))
        if not d:
            raise EOFError
        b += d
    return bytes(b)


def record(kind, body=b""):
    return struct.pack("<II", kind, len(body)) + body + b"\0" * (-len(body) % 8)


def pages(first, data):
    """A record of whole pages, from number 'first' on."""
    n = len(data) // 4096
    return record(PAGE_DATA, struct.pack("<II%dQ" % n, n, 0,
                                         *range(first, first + n)) + data)


def memory_path(domid):
    return "%s/%s.mem" % (os.environ["FAKEXEN_DIR"], domid)


def memory(domid):
    with open(memory_path(domid), "rb") as f:
        return b"STATE" + f.read()


def corrupt():
    """True when the next header is to be: once."""
    path = os.environ["FAKEXEN_DIR"] + "/corrupt"
    try:
        os.rename(path, path + "ed")
        return True
    except FileNotFoundError:
        return False


def save(fd, domid):
    chunk = os.urandom(65536)
    n = max(1, int(os.environ.get("DTS_FAKE_MEMORY_KB", 512)) // 64)
    pause = float(os.environ.get("DTS_FAKE_COPY_MS", 0)) / 1000 / n
    dirty = os.urandom(4096 - 8) * max(
        1, int(os.environ.get("DTS_FAKE_DIRTY_KB", 16)) // 4)
    dirty = [dirty[i:i + 4088] for i in range(0, len(dirty), 4088)]
    write_all(fd, MAGIC + record(STATIC_DATA_END))
    for i in range(n):
        # Half of a guest's memory is zeros.
        write_all(fd, pages(16 * i, chunk if i % 2 else bytes(65536)))
        if pause:
            time.sleep(pause)
    epoch = 0
    while True:
        epoch += 1
        if message(SUSPEND) != 1:
            complete(-1, 22)
        if corrupt():
            write_all(fd, struct.pack("<II", 0x7fff1234, 0xfffffff0))
        write_all(fd, record(PAGE_DATA, memory(domid)) +
                  pages(0, b"".join(struct.pack("<Q", epoch) + page
                                    for page in dirty)) +
                  record(REC_CHECKPOINT))
        if message(POSTCOPY) != 1:
            complete(-1, 22)
        if message(CHECKPOINT) != 1:
            break
    write_all(fd, record(END))
    complete(0)


def restore(fd, domid):
    whole, state = False, None
    try:
        if read_all(fd, 16)[:12] != MAGIC[:12]:
            complete(-1, 22)
        read_all(fd, 24)
        while True:
            kind, length = struct.unpack("<II", read_all(fd, 8))
            if whole and corrupt():
                raise EOFError
            body = read_all(fd, length + -length % 8)[:length]
            if kind == PAGE_DATA and body.startswith(b"STATE"):
                state = body[5:]
            elif kind == STATIC_DATA_END:
                if message(STATIC_DONE) < 0:
                    complete(-1, 22)
            elif kind == REC_CHECKPOINT:
                with open(memory_path(domid) + ".new", "wb") as f:
                    f.write(state)
                os.rename(memory_path(domid) + ".new", memory_path(domid))
                whole = True
                if message(CHECKPOINT) != 1:
                    break
            elif kind == END:
                break
            elif kind > 0x20:
                raise EOFError          # A corrupt header.
    except (EOFError, OSError):
        if not whole:
            complete(-1, 5)
    try:
        os.unlink(os.environ["FAKEXEN_DIR"] + "/fail-memory")
        complete(-1, 12)
    except FileNotFoundError:
        pass
    message(RESULTS, struct.pack("=QQ", 1, 2), reply=False)
    complete(0)


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    mode, io_fd = sys.argv[1], int(sys.argv[2])
    if mode == "--save-domain":
        save(io_fd, sys.argv[4])
    elif mode == "--restore-domain":
        restore(io_fd, sys.argv[4])
    sys.exit("fakehelper: unknown mode " + mode)


if __name__ == "__main__":
    main()
