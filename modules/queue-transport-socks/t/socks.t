#!/usr/bin/env python3
# Mail through a SOCKS5 proxy (RFC 1928): with and without log-in, by address, and
# what the proxy has to say when it does not work.
import os
import shutil
import smtplib
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
from hermod import *  # noqa: E402,F403


class Sink(threading.Thread):
    """A mail server that takes everything, one connection at a time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.helo, self.messages = [], []
        self.start()

    def run(self):
        while True:
            self.serve(self.socket.accept()[0])

    def serve(self, s):
        f = s.makefile("rwb")

        def say(text):
            f.write(text + b"\r\n")
            f.flush()
        say(b"220 sink")
        for line in f:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.helo.append(line.split()[1].decode())
            if verb == b"DATA":
                say(b"354 go")
                text = b""
                for line in f:
                    if line == b".\r\n":
                        break
                    text += line
                self.messages.append(text)
            say(b"221 bye" if verb == b"QUIT" else b"250 ok")
            if verb == b"QUIT":
                break
        s.close()


class Proxy(threading.Thread):
    """SOCKS5 as its clients see it; every request goes to the sink."""

    def __init__(self, sink, login=None, refuse=0):
        super().__init__(daemon=True)
        self.sink, self.login, self.refuse = sink, login, refuse
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = []
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, daemon=True,
                             args=(self.socket.accept()[0],)).start()

    def serve(self, s):
        f = s.makefile("rwb", 0)
        methods = f.read(f.read(2)[1])
        want = 2 if self.login else 0
        if want not in methods:
            f.write(b"\5\xff")
            return s.close()
        f.write(bytes([5, want]))
        if self.login:
            user = f.read(f.read(2)[1])
            password = f.read(f.read(1)[0])
            good = (user, password) == self.login
            f.write(b"\1" + (b"\0" if good else b"\1"))
            if not good:
                return s.close()
        kind = f.read(4)[3]
        where = (socket.inet_ntoa(f.read(4)) if kind == 1 else
                 f.read(f.read(1)[0]).decode() if kind == 3 else
                 socket.inet_ntop(socket.AF_INET6, f.read(16)))
        self.asked.append((where, int.from_bytes(f.read(2), "big")))
        f.write(bytes([5, self.refuse, 0, 3, 4]) + b"name\0\0")
        if self.refuse:
            return s.close()
        out = socket.create_connection(("127.0.0.1", self.sink.port))
        threading.Thread(target=self.copy, args=(out, s), daemon=True).start()
        self.copy(s, out)

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def wait(condition, name):
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return ok(condition(), name)


ZONE = """far.example. MX 10 mx.far.example.
mx.far.example. A 203.0.113.8
signed.example. MX 10 mx.signed.example.
mx.signed.example. A 203.0.113.9
_25._tcp.mx.signed.example. TLSA 3 1 1 %s
lost.example. MX 10 mx.lost.example.
$SECURE yes signed.example.
$SECURE yes lost.example.
$FAIL bogus mx.lost.example.
""" % ("00" * 32)
folder = tempfile.mkdtemp(prefix="hermod-t.")
zone = os.path.join(folder, "zone")
with open(zone, "w") as f:
    f.write(ZONE)
sink = Sink()
plain, login = Proxy(sink), Proxy(sink, (b"me", b"secret"))
stubborn, closed = Proxy(sink, refuse=2), free_port()
server = Server({
    "smtp-client": "", "dane": "", "dns": "", "resolver-getdns": "enabled: no\n",
    "resolver-zone": "file: %s\n" % zone, "queue": "suppress: no\nroutes:\n"
    "  l: {to: ['[203.0.113.2]'], transport: login}\n"
    "  w: {to: ['[203.0.113.3]'], transport: wrong}\n"
    "  s: {to: ['[203.0.113.4]'], transport: stubborn}\n"
    "  c: {to: ['[203.0.113.5]'], transport: closed}\n"
    "  r: {to: [.example], transport: remote}\n"
    "  p: {transport: plain}\n",
    "queue-transport-socks": "transports:\n"
    f"  plain: {{address: '127.0.0.1:{plain.port}', ehlo: out.example}}\n"
    f"  login: {{address: '127.0.0.1:{login.port}', user: me, "
    "password: secret}\n"
    f"  wrong: {{address: '127.0.0.1:{login.port}', user: me, "
    "password: nonsense}\n"
    f"  stubborn: {{address: '127.0.0.1:{stubborn.port}'}}\n"
    f"  closed: {{address: '127.0.0.1:{closed}'}}\n"
    f"  remote: {{address: '127.0.0.1:{plain.port}', remote-dns: yes}}\n"})


def send(domain):
    s = smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                         context=server.tls_context())
    s.login("anna", PASSWORD)
    s.sendmail("anna@example.org", ["x@" + domain],
               "From: anna@example.org\r\nSubject: to " + domain +
               "\r\n\r\n.dot\r\n")
    s.quit()


def waits_for(text):
    def look():
        out = server.command("queue", "list", "--json")
        return text in out
    return look


send("[203.0.113.1]")
wait(lambda: len(sink.messages) == 1, "a message goes through the proxy")
equal(plain.asked, [("203.0.113.1", 25)], "which was asked for the host")
equal(sink.helo[-1:], ["out.example"], "the proxy's own name is told there")
ok(b"\r\n\r\n..dot\r\n" in sink.messages[0], "the message is whole")
send("[203.0.113.2]")
wait(lambda: len(sink.messages) == 2, "with log-in")
send("far.example")
wait(lambda: len(sink.messages) == 3, "the proxy looks names up")
equal(plain.asked[-1], ("mx.far.example", 25), "it got the name")
for domain, text in (("[203.0.113.3]", "the proxy refuses the log-in"),
                     ("[203.0.113.4]", "not allowed by its rules"),
                     ("[203.0.113.5]", "proxy: "),
                     ("signed.example", "TLS is required"),
                     ("lost.example", "no answer for mx.lost.example")):
    send(domain)
    wait(waits_for(text), "it waits: " + text)
equal(len(sink.messages), 3, "nothing else was sent")
server.close()
shutil.rmtree(folder)
finish()
