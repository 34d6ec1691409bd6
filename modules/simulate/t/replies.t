#!/usr/bin/env python3
# The replies that addresses ask for.
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t",
                                "interop"))
from hermod import *  # noqa: E402,F403

server = Server(conf={"simulate": "", "directory-yaml": ""})
with open(server.path("etc", "domains.yaml"), "a") as f:
    f.write("  all: {addresses: [\"@example.org\"]}\n")
server.command("reload")
equal(server.status, 0, "reload")

for sender, rcpt, want in (
        ("c@far.example", "rcptto-temperror", ("RCPT", 451)),
        ("c@far.example", "rcptto-permerror", ("RCPT", 550)),
        ("c@far.example", "rcptto452", ("RCPT", 452)),
        ("mailfrom-permerror@far.example", "x", ("MAIL", 550)),
        ("c@far.example", "temperror", ("DATA", 451)),
        ("c@far.example", "x552", ("DATA", 552)),
        ("c@far.example", "x600", ("DATA", 250)),
        ("c@far.example", "mailfrom550", ("DATA", 250)),
        ("c@far.example", "fine", ("DATA", 250))):
    r = Raw(server.connect("mx"))
    r.reply()
    r.ask(b"EHLO far.example")
    got = ("MAIL", r.ask(b"MAIL FROM:<%s>" % sender.encode())[0])
    if got[1] == 250:
        got = ("RCPT", r.ask(b"RCPT TO:<%s@example.org>" % rcpt.encode())[0])
    if got[1] == 250:
        r.ask(b"DATA")
        got = ("DATA", r.ask(b"Subject: x\r\n\r\nx\r\n.")[0])
    equal(got, want, "%s to %s" % (sender, rcpt))
    r.sock.close()
server.close()
finish()
