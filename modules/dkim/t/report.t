#!/usr/bin/env python3
# A report of this server's own is signed like its users' mail.
import os
import smtplib
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
from hermod import *  # noqa: E402,F403

sys.path.append("/usr/lib/python3/dist-packages")
try:
    import dkim
except ImportError:
    skip_all("python3-dkim is not installed")


class Far(threading.Thread):
    """Another server: refuses x@far.example when told to, takes the rest."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.refuse = b"451 4.2.0 not now"
        self.got = []
        self.start()

    def run(self):
        while True:
            s, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=(Raw(s),),
                             daemon=True).start()

    def serve(self, c):
        c.send(b"220 far\r\n")
        while line := c.line():
            word = line[:4].upper()
            if word == b"RCPT" and b"x@far.example" in line:
                c.send(self.refuse + b"\r\n")
            elif word == b"DATA":
                c.send(b"354 go\r\n")
                text = []
                while (line := c.line()) != b".":
                    text.append(line[1:] if line[:1] == b"." else line)
                self.got.append(b"\r\n".join(text) + b"\r\n")
                c.send(b"250 ok\r\n")
            else:
                c.send(b"250 ok\r\n")


far = Far()
server = Server({"dkim": "", "smtp-client": "", "queue":
                 "retry: 1s\nroutes: {all: {transport: far}}\n",
                 "queue-transport-smtp": "transports: {far: {host: 127.0.0.1, "
                 "port: %d, tls: never}}\n" % far.port}, start=False)
with open(server.path("etc", "hermod.yaml")) as f:
    text = f.read()
with open(server.path("etc", "hermod.yaml"), "w") as f:
    f.write(text.replace("hostname: localhost", "hostname: mx.example.org"))
with open(server.path("etc", "domains.yaml")) as f:
    text = f.read()
with open(server.path("etc", "domains.yaml"), "w") as f:
    f.write(text.replace("domains:\n", "domains:\n  gone.example: {}\n") +
            "  gina: {addresses: [gina@gone.example]}\n")
server.command("account", "password", "gina", input=PASSWORD + "\n")
server.start()


def wait_for(test):
    end = time.monotonic() + 60
    while not test() and time.monotonic() < end:
        time.sleep(0.1)
    return test()


ok(wait_for(lambda: "example.org" in server.command("dkim", "list")),
   "the domain has a key")
s = smtplib.SMTP("127.0.0.1", server.ports["submission"])
s.starttls(context=server.tls_context())
s.login("gina", PASSWORD)
s.sendmail("gina@gone.example", ["x@far.example"],
           "From: gina@gone.example\r\nSubject: bye\r\n\r\nbye\r\n")
s.quit()
for words in ("account", "gina"), ("domain", "gone.example"):
    server.command(words[0], "remove", words[1])
    if not ok(server.status == 0, "the author's %s goes" % words[0]):
        diag(server.stderr)
far.refuse = b"550 5.1.1 no such user"
if ok(wait_for(lambda: far.got), "a report goes to where the author may be now"):
    report = far.got[0]
    ok(b"\r\nTo: <gina@gone.example>" in report.replace(
        b"To: gina@gone.example", b"To: <gina@gone.example>") and
       b"multipart/report" in report, "it is one")
    rows = {}
    for line in server.command("dkim", "txt", "example.org").splitlines():
        words = line.split(None, 1)
        if len(words) == 2:
            rows[words[0]] = words[1]
    ok(b"d=example.org;" in report, "the domain of this host signs")
    try:
        ok(dkim.verify(report, dnsfunc=lambda name, timeout=5: rows.get(
            name.decode().rstrip("."), "").strip().encode() or None),
           "the signature is good")
    except dkim.DKIMException as e:
        ok(False, "the signature is good")
        diag(repr(e))
server.close()
finish()
