#!/usr/bin/env python3
# T01, T02: handshakes with strange names, old versions, pieces of one byte, and
# hellos larger than a record. Each is taken or refused; the server goes on.
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403

server = Server()


def context(version=None):
    c = server.tls_context()
    c.check_hostname = False
    if version:
        c.maximum_version = version
    return c


def hello():
    """A sound ClientHello: (what stands before its extensions, extensions)."""
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(theirs, ours, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    body = ours.read()[9:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + struct.unpack(">H", body[at:at + 2])[0]
    at += 1 + body[at]
    rest, extensions = body[at + 2:], []
    while rest:
        kind, n = struct.unpack(">HH", rest[:4])
        extensions.append((kind, rest[4:4 + n]))
        rest = rest[4 + n:]
    return body[:at], extensions


HEAD, EXTENSIONS = hello()


def make(extensions, version=0x0303, record=16000, wire=0x0301, head=HEAD):
    """The hello in records of that size."""
    blob = b"".join(struct.pack(">HH", k, len(v)) + v for k, v in extensions)
    body = struct.pack(">H", version) + head[2:] + struct.pack(
        ">H", len(blob) & 0xffff) + blob
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"".join(b"\x16" + struct.pack(">HH", wire, len(p)) + p for p in (
        message[i:i + record] for i in range(0, len(message), record)))


def with_name(names):
    return [(0, names)] + [e for e in EXTENSIONS if e[0] != 0]


def entry(name, kind=0):
    return bytes([kind]) + struct.pack(">H", len(name) & 0xffff) + name


def listed(*entries):
    blob = b"".join(entries)
    return struct.pack(">H", len(blob) & 0xffff) + blob


def answer(data, port="imaps", pieces=0, want=(0x15, 0x16, None)):
    """The type of the first record that comes back; None: the end."""
    s = server.connect(port)
    s.settimeout(60)
    got = None
    try:
        if pieces:
            for i in range(0, len(data), pieces):
                s.sendall(data[i:i + pieces])
                time.sleep(0.001)
        else:
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        first = s.recv(5)
        got = first[0] if first else None
    except ConnectionError:
        pass
    s.close()
    return got


# ---- T01
for what, names, accepted in (
        ("an empty list", listed(), False),
        ("an empty name", listed(entry(b"")), False),
        ("a trailing dot", listed(entry(b"localhost.")), None),
        ("a name of 15,000 octets", listed(entry(b"a" * 15000)), None),
        ("octets beyond ASCII", listed(entry("b\u00fccher.example".encode())), None),
        ("NUL within", listed(entry(b"localhost\0.evil.example")), None),
        ("two names", listed(entry(b"localhost"), entry(b"other.example")), None),
        ("a kind that is none", listed(entry(b"x", 7)), None),
        ("a path", listed(entry(b"../../etc/passwd")), None),
        ("an unknown name", listed(entry(b"unknown.example")), True),
        ("an address", listed(entry(b"127.0.0.1")), None),
        ("capitals", listed(entry(b"LOCALHOST")), True),
        ("a length too long", b"\xff\xff\0\xff\xffx", False),
        ("a length too short", b"\0\x01\0\0\x09localhost", False),
        ("nothing", b"", None)):
    for port in ("imaps", "submissions"):
        got = answer(make(with_name(names)), port)
        ok(got in ((0x16,) if accepted else (0x15, None) if accepted is False
                   else (0x15, 0x16, None)), "T01: SNI with %s: %s" % (what, got))
for name in ("unknown.example", "localhost", None):
    s = context().wrap_socket(server.connect("imaps"), server_hostname=name)
    ok(s.recv(100).startswith(b"* OK"), "T01: %s gets a certificate" % name)
    s.close()
alive(server, "T01")

# ---- T02: versions
newest = [e for e in EXTENSIONS if e[0] != 43]
for what, data in (
        ("SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80"
         * 7 + b"x" * 16),
        ("SSL 3", make(newest, version=0x0300, wire=0x0300)),
        ("TLS 1.0", make(newest, version=0x0301)),
        ("TLS 1.1", make(newest, version=0x0302)),
        ("a version that is none", make(newest, version=0x0202)),
        ("an unknown handshake", b"\x16\x03\x01\x00\x04\x63\x00\x00\x00"),
        ("an alert first", b"\x15\x03\x01\x00\x02\x02\x28"),
        ("data first", b"\x17\x03\x03\x00\x05hello"),
        ("an empty hello", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
        ("a hello of 16 MiB", b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" +
         (b"\x16\x03\x01\x40\x00" + b"\0" * 16384) * 40),
        ("random bytes", os.urandom(4096))):
    for port in ("imaps", "submissions"):
        ok(answer(data, port) != 0x16, "T02: %s is refused" % what)
ok(until(lambda: server.read_log().count('m="TLS failed"') >= 20),
   "T02: they are in the log, with a reason")

# ---- T02: pieces
ok(answer(make(EXTENSIONS), pieces=1) == 0x16, "T02: a hello in segments of one byte")
ok(answer(make(EXTENSIONS, record=1), pieces=0) in (0x15, 0x16, None),
   "T02: a hello in records of one byte")
ok(answer(make(EXTENSIONS, record=64), pieces=100) == 0x16,
   "T02: a hello in records of 64 bytes, over segments of 100")
# As large as a key share of the newest kind makes it, and larger.
for n in (1500, 4000, 12000, 30000, 60000):
    got = answer(make(EXTENSIONS + [(21, b"\0" * n)]), pieces=1400)
    ok(got in ((0x16,) if n < 12000 else (0x15, 0x16, None)),
       "T02: a hello of %d bytes in segments: %s" % (n, got))
got = answer(make(EXTENSIONS + [(0x1a1a + i, b"") for i in range(5000)]))
ok(got in (0x15, 0x16, None), "T02: five thousand extensions")
got = answer(make(EXTENSIONS, head=HEAD[:34] + b"\x20" + HEAD[35:67] + b"\xff\xfe" +
                  b"\x13\x01" * 32767 + b"\x01\0"))
ok(got in (0x15, 0x16, None), "T02: thirty thousand ciphers")

# ---- T02: beginning anew
if shutil.which("openssl"):
    r = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" %
                        server.ports["imaps"], "-tls1_2", "-quiet"],
                       input=b"R\n" * 20, capture_output=True, timeout=120)
    ok(r.returncode >= 0, "T02: renegotiation ends for the one who asks for it")
    with Bounded(server, "T02", seconds=20):
        for _ in range(5):
            subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" %
                            server.ports["submissions"], "-tls1_2"],
                           input=b"R\n" * 100, capture_output=True, timeout=120)
else:
    skip("T02: renegotiation", "openssl is not installed")
# KeyUpdate, TLS 1.3's own, may come, but not without end of work for nothing.
alive(server, "T02")
server.close()
finish()
