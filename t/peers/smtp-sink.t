#!/usr/bin/env python3
# Postfix's smtp-sink takes our mail as it was written.
import glob
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
from hermod import *  # noqa: E402,F403

SINK = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
COUNT = 20
if not os.path.exists(SINK):
    skip_all("smtp-sink (package postfix) is not installed")
port = free_port()
server = Server({
    "queue": "routes:\n  all: {transport: sink}\n", "smtp-client": "",
    "queue-transport-smtp": "transports:\n  sink: {host: 127.0.0.1, port: %d, "
    "tls: never}\n" % port})
dump = tempfile.mkdtemp(prefix="hermod-t.")
user = []
if os.getuid() == 0:
    shutil.chown(dump, "nobody")
    user = ["-u", "nobody"]
sink = subprocess.Popen([SINK, *user, "-d", os.path.join(dump, "%M."),
                         "127.0.0.1:%d" % port, "50"])
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        break
    except OSError:
        time.sleep(0.05)


def message(n):
    return ("From: <anna@example.org>\r\nSubject: %d\r\n\r\n.\r\n..x\r\n%s\r\n" %
            (n, "y" * 990)).encode()


with smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                      context=server.tls_context()) as smtp:
    smtp.login("anna", PASSWORD)
    for n in range(COUNT):
        smtp.sendmail("anna@example.org", ["x@d%d.example" % (n % 3)],
                      message(n))


def waiting():
    return server.command("queue", "list", "--json").strip()


end = time.monotonic() + 120
while "{" in waiting() and time.monotonic() < end:
    time.sleep(0.1)
ok("{" not in waiting(), "nothing waits")
got = []
for path in glob.glob(os.path.join(dump, "*")):
    with open(path, "rb") as f:
        got.append(f.read())
equal(len(got), COUNT, "each message arrived once")
equal([n for n in range(COUNT) if sum(message(n).replace(b"\r\n", b"\n") in g
                                      for g in got) != 1], [], "and whole")
sink.terminate()
sink.wait()
shutil.rmtree(dump)
server.close()
finish()
