#!/usr/bin/env python3
# S12: TLS that ends, or goes on in clear, within a message (CVE-2026-45185 and its
# kin), and asks to begin anew. The transaction ends, nothing of it is kept, and
# others are served.
import os
import ssl
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403

server = Server()


class Tls:
    """TLS whose records we hold in our hands."""

    def __init__(self, port="mx", version=None):
        self.sock = server.connect(port)
        self.sock.settimeout(60)
        self.ours, self.theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = server.tls_context()
        context.check_hostname = False
        if version:
            context.maximum_version = version
        self.tls = context.wrap_bio(self.theirs, self.ours)
        self.data = b""
        if port == "mx":
            self.plain(None)
            self.plain(b"EHLO x.example")
            self.plain(b"STARTTLS")
        self.shake()

    def plain(self, line):
        if line:
            self.sock.sendall(line + b"\r\n")
        data = b""
        while not data.endswith(b"\n") or data.split(b"\r\n")[-2][3:4] == b"-":
            data += self.sock.recv(4096)
        return data

    def flush(self):
        out = self.ours.read()
        if out:
            self.sock.sendall(out)

    def fill(self):
        self.flush()
        got = self.sock.recv(65536)
        if not got:
            raise EOFError
        self.theirs.write(got)

    def shake(self):
        while True:
            try:
                self.tls.do_handshake()
                return self.flush()
            except ssl.SSLWantReadError:
                self.fill()

    def say(self, text):
        self.tls.write(text)
        self.flush()

    def hear(self):
        while b"\n" not in self.data or \
                self.data.split(b"\r\n")[-2][3:4] == b"-":
            try:
                self.data += self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.fill()
        data, self.data = self.data, b""
        return data

    def ask(self, line):
        self.say(line + b"\r\n")
        return self.hear()

    def transaction(self, how):
        self.ask(b"EHLO x.example")
        self.ask(b"MAIL FROM:<x@example.com>")
        self.ask(b"RCPT TO:<anna@example.org>")
        if how == "DATA":
            equal(self.ask(b"DATA")[:3], b"354", "a message begins")
            self.say(b"Subject: cut\r\n\r\nte")
        else:
            self.say(b"BDAT 100 LAST\r\nSubject: cut\r\n\r\nte")

    def goodbye(self):
        """Our half of an orderly end (RFC 8446, 6.1)."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        return self.ours.read()

    def closed(self):
        self.sock.settimeout(60)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except OSError:
            return False


def stored():
    imap = Imap(server)
    n = len(imap.ok(b"UID SEARCH ALL")[0].split()) - 2
    imap.sock.close()
    return n


for version in (None, ssl.TLSVersion.TLSv1_2):
    name = "TLS 1.2" if version else "TLS 1.3"
    for how in ("BDAT", "DATA"):
        # An orderly end, then a byte in clear where the chunk goes on.
        c = Tls(version=version)
        c.transaction(how)
        c.sock.sendall(c.goodbye() + b"x")
        ok(c.closed(), "%s, %s: end of TLS and a byte in clear" % (name, how))
        c = Tls(version=version)
        c.transaction(how)
        c.sock.sendall(c.goodbye())
        c.sock.sendall(b"\r\n.\r\nRSET\r\nQUIT\r\n" * 10)
        ok(c.closed(), "%s, %s: end of TLS and commands in clear" % (name, how))
        # A byte in clear without any end.
        c = Tls(version=version)
        c.transaction(how)
        c.sock.sendall(b"x" * 100)
        ok(c.closed(), "%s, %s: clear text among records" % (name, how))
        # A record that is cut off, and one that was changed on the way.
        c = Tls(version=version)
        c.transaction(how)
        c.tls.write(b"y" * 50)
        record = c.ours.read()
        c.sock.sendall(record[:-7])
        c.sock.close()
        c = Tls(version=version)
        c.transaction(how)
        c.tls.write(b"y" * 50)
        record = bytearray(c.ours.read())
        record[-1] ^= 1
        c.sock.sendall(bytes(record))
        ok(c.closed(), "%s, %s: a record that was changed" % (name, how))
        # No end of TLS at all: the peer could have been cut off by anybody.
        c = Tls(version=version)
        c.transaction(how)
        c.sock.close()
        # Types and lengths that no record has.
        for head in (b"\x17\x03\x03\xff\xff", b"\x18\x03\x03\x00\x03",
                     b"\x16\x03\x03\x00\x00", b"\x99\x00\x00\x00\x01",
                     b"\x80\x2e\x01\x00\x02"):
            c = Tls(version=version)
            c.transaction(how)
            c.sock.sendall(head + b"\0" * 64)
            ok(c.closed(), "%s, %s: record of type %02x" % (name, how, head[0]))
ok(until(lambda: server.read_log().count("message broken off") >= 40),
   "each is in the log, with a reason")
equal(stored(), 0, "nothing of them was kept")

# The other side of it: what is in order stays so.
c = Tls()
c.ask(b"EHLO x.example")
c.ask(b"MAIL FROM:<x@example.com>")
c.ask(b"RCPT TO:<anna@example.org>")
c.ask(b"DATA")
for byte in b"Subject: one byte a record\r\n\r\ntext\r\n.\r\n":
    c.say(bytes([byte]))
equal(c.hear()[:3], b"250", "a message of one byte in each record")
equal(stored(), 1, "it is there")
alive(server, "S12")
server.close()
finish()
