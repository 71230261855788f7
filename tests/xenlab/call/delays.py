#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a client waits for the guest: delays.py CALL GUEST-ADDRESS.

CALL is a call's directory.  Of the voice, from our packet to the guest's echo
of it (by SSRC and sequence number, in call.pcap); of SIP, from the INVITE of a
short call to its answer (sip.rtt); of the counter (probe.csv).  JSON: n, median
and 95th percentile of each, in ms."""
import csv
import json
import socket
import struct
import sys


def frames(path):
    """(time in ms, bytes) of a pcap file as tcpdump writes it."""
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") \
            else ">"
        fraction = 1e6 if head[:4] in (b"\x4d\x3c\xb2\xa1",
                                       b"\xa1\xb2\x3c\x4d") else 1e3
        while True:
            h = f.read(16)
            if len(h) < 16:
                return
            s, sub, n, _ = struct.unpack(order + "IIII", h)
            data = f.read(n)
            if len(data) < n:
                return
            yield s * 1e3 + sub / fraction, data


def voice(path, guest):
    sent, delays = {}, []
    for t, f in frames(path):
        if len(f) < 54 or f[12:14] != b"\x08\0" or f[23] != 17:
            continue
        udp = 14 + (f[14] & 15) * 4
        rtp = f[udp + 8:udp + 20]
        if len(rtp) < 12 or rtp[0] >> 6 != 2:
            continue
        key = rtp[2:4] + rtp[8:12]
        if f[26:30] == guest and f[udp:udp + 2] == struct.pack("!H", 6000):
            if key in sent:
                delays.append(t - sent.pop(key))
        elif f[30:34] == guest and f[udp + 2:udp + 4] == struct.pack("!H",
                                                                    6000):
            sent[key] = t
    return delays


def summary(x):
    x = sorted(x)
    return {"n": len(x), "median": round(x[len(x) // 2], 1) if x else None,
            "p95": round(x[len(x) * 95 // 100], 1) if x else None}


def main():
    call, guest = sys.argv[1], socket.inet_aton(sys.argv[2])
    with open(call + "/probe.csv") as f:
        counter = [float(r["rx_ms"]) - float(r["tx_ms"])
                   for r in csv.DictReader(f) if r["rx_ms"]]
    with open(call + "/sip.rtt") as f:
        sip = [float(line) for line in f if line.strip()]
    json.dump({"voice": summary(voice(call + "/call.pcap", guest)),
               "sip": summary(sip), "counter": summary(counter)}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
