#!/usr/bin/env python3
# S21: no descriptors, more connections than anybody needs, a full disk, a disk that
# cannot be written. Who is there already is served on, newcomers are put off, and
# all is well again afterwards.
import os
import resource
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403
import hermod  # noqa: E402

if os.getuid() == 0 and "HERMOD_T_UNSHARED" not in os.environ and \
        shutil.which("unshare") and subprocess.run(
            ["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0:
    # A place where file systems can be mounted without anybody's harm.
    os.environ["HERMOD_T_UNSHARED"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private",
                          sys.executable, os.path.abspath(__file__)])


def connect(server, i=0):
    s = socket.socket()
    s.settimeout(30)
    s.bind(("127.0.%d.%d" % (i // 25 // 250, 2 + i // 25 % 250), 0))
    s.connect(("127.0.0.1", server.ports["mx"]))
    return s


def send(c, text=b"Subject: x\r\n\r\nx\r\n", rcpt=b"anna@example.org"):
    for line in (b"MAIL FROM:<x@example.com>", b"RCPT TO:<" + rcpt + b">", b"DATA"):
        code = c.ask(line)[0]
        if code >= 400:
            c.ask(b"RSET")
            return code
    c.send(text + b".\r\n")
    return c.reply()[0]


def smtp(server):
    c = Raw(server.connect("mx"))
    c.sock.settimeout(120)
    c.reply()
    c.ask(b"EHLO x.example")
    return c


# ---- no descriptors
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
server = Server(start=False)
few = server.path("few")
with open(few, "w") as f:
    f.write("#!/bin/sh\nulimit -n 160\nexec '%s' \"$@\"\n" %
            os.path.abspath(HERMOD))
os.chmod(few, 0o755)
hermod.HERMOD = few
server.start()
hermod.HERMOD = HERMOD
old, imap = smtp(server), Imap(server)
many = []
for i in range(250):
    try:
        many.append(connect(server, i))
    except OSError:
        break
equal(len(many), 250, "S21: the kernel takes connections meanwhile")
time.sleep(1)
before = usage(server)[0]
time.sleep(3)
ok(usage(server)[0] - before < 2, "S21: out of descriptors it does not spin")
equal(old.ask(b"NOOP")[0], 250, "S21: SMTP that was there goes on")
ok(imap.ok(b"NOOP") is not None, "S21: IMAP that was there goes on")
code = send(old)
ok(code in (250, 451, 452), "S21: a message is taken or put off: %d" % code)
for s in many:
    s.close()
ok(until(lambda: "accept" in server.read_log() or
         "descriptors" in server.read_log()), "S21: it is in the log")
alive(server, "S21: with descriptors again")
equal(send(old), 250, "S21: and messages are taken")
imap.ok(b"NOOP")
old.sock.close()
imap.sock.close()
server.close()

# ---- many connections
server = Server()
limit = max(200, min(3000, hard - 200 if hard > 0 else 3000))
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, limit + 200), hard))
imap = Imap(server)
many = []
for i in range(limit):
    many.append(connect(server, i))
greeted = refused = 0
for s in many:
    s.settimeout(120)
    try:
        first = s.recv(4)
    except OSError:
        first = b""
    greeted += first == b"220 "
    refused += first in (b"421 ", b"")
equal(greeted + refused, limit, "S21: each of %d is greeted or put off" % limit)
ok(greeted > 100, "S21: %d are greeted" % greeted)
imap.ok(b"NOOP")
ok(usage(server)[1] < 1 << 30 or sanitized(server),
   "S21: %d MiB" % (usage(server)[1] >> 20))
for s in many:
    s.close()
alive(server, "S21: after many connections")
imap.sock.close()
server.close()

# ---- a full disk, and one that cannot be written
if "HERMOD_T_UNSHARED" in os.environ:
    server = Server(start=False)
    data = server.path("etc", "data")
    if not os.path.isdir(data):
        data = os.path.dirname(next(
            os.path.join(f, n) for f, ds, ns in os.walk(server.dir)
            for n in ds if n == "kv"))
    owner = os.stat(data)
    copy = server.path("copy")
    shutil.copytree(data, copy)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,uid=%d,gid=%d,mode=750"
                    % (owner.st_uid, owner.st_gid), "tmpfs", data], check=True)
    subprocess.run(["cp", "-a", copy + "/.", data], check=True)
    server.start()
    c, imap = smtp(server), Imap(server)
    equal(send(c), 250, "S21: a message while there is room")
    filler = open(os.path.join(data, "filler"), "wb", buffering=0)
    try:
        while True:
            filler.write(b"x" * 65536)
    except OSError:
        pass
    big = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 20000
    codes = [send(c, big) for _ in range(5)]
    ok(all(code in (250, 451, 452) for code in codes) and codes[-1] != 250,
       "S21: a full disk is a matter for later: %s" % codes)
    got = imap.append(big.replace(b"Subject", b"X"))
    ok(got.startswith(b"t NO"), "S21: IMAP says so, too: %r" % got[:40])
    stored = 1 + codes.count(250)
    equal(len(imap.ok(b"UID SEARCH ALL")[0].split()) - 2, stored,
          "S21: what was acknowledged is there, nothing else is")
    ok(imap.ok(b"FETCH 1 BODY.PEEK[]"), "S21: reading goes on")
    filler.truncate(0)
    filler.close()
    os.unlink(os.path.join(data, "filler"))
    ok(until(lambda: send(c) == 250), "S21: with room again messages are taken")
    stored += 1
    c.sock.close()
    imap.sock.close()
    imap = Imap(server)
    equal(len(imap.ok(b"UID SEARCH ALL")[0].split()) - 2, stored,
          "S21: all of them are there")
    imap.sock.close()
    equal(server.stop(), 0, "S21: the server stops in good order")
    out = server.command("verify")
    if not ok(server.status == 0, "S21: verify finds nothing"):
        diag(out + server.stderr)
    subprocess.run(["umount", "-l", data])
    shutil.rmtree(server.dir, ignore_errors=True)
else:
    skip("S21: a full disk", "needs root and unshare")
finish()
