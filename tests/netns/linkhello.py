#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Says HELLO to dts-link (docs/protocol.md, section 2) and tells the answer.

    linkhello.py ADDRESS KEY CERTIFICATE CA MEMBER=VALUE...

KEY may be "-": no certificate is shown.  Prints "welcome", "refused: CODE
MESSAGE", or "no connection: ...".
"""
import json
import socket
import ssl
import struct
import sys

address, key, cert, ca = sys.argv[1:5]
hello = {"version": 1, "udp_port": 0, "udp_key": "00" * 32, "heartbeat": 50,
         "peer_timeout": 500}
for word in sys.argv[5:]:
    k, v = word.split("=", 1)
    hello[k] = int(v) if k == "generation" else v

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.load_verify_locations(ca)
if key != "-":
    context.load_cert_chain(cert, key)
try:
    s = context.wrap_socket(socket.create_connection((address, 6646), 10))
    body = json.dumps(hello).encode()
    s.sendall(struct.pack("!B3xI", 1, len(body)) + body)
    data = b""
    while len(data) < 8 or len(data) < 8 + struct.unpack("!I", data[4:8])[0]:
        more = s.recv(4096)
        if not more:
            raise OSError("closed")
        data += more
except OSError as e:
    print("no connection: %s" % e)
    sys.exit()
answer = json.loads(data[8:8 + struct.unpack("!I", data[4:8])[0]])
if data[0] == 2:
    print("welcome")
else:
    print("refused: %s %s" % (answer.get("code"), answer.get("message")))
