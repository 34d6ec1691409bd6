#!/usr/bin/env python3
# I06, I07: clients that do not read what they asked for, that idle, and two hundred
# that change one mailbox at once.
import os
import random
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403

server = Server({"imap": "write-timeout: 5s\nconnections-per-address: 1000\n"
                         "connection-rate: 100000\n"})
imap = Imap(server)
body = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 13000
for _ in range(8):
    imap.append(body)

# ---- I06
deaf = []
for _ in range(30):
    s = server.connect("imaps", tls=True)
    deaf.append(s)
    c = Raw(s)
    c.line()
    c.send(b"a LOGIN anna \"%s\"\r\nb SELECT INBOX\r\n" % PASSWORD.encode())
    c.send(b"".join(b"c FETCH 1:* BODY.PEEK[]\r\n" for _ in range(50)))
with Bounded(server, "I06", seconds=60, megabytes=400):
    ok(until(lambda: server.read_log().count("logged in") >= 31, 120),
       "I06: thirty who do not read what they asked for")
    # Their sessions end; until then nobody waits for them.
    imap.ok(b"NOOP")
    ok(imap.ok(b"FETCH 1 BODY.PEEK[]<0.10>"), "I06: who reads is served")


def held():
    out = server.command("generations")
    found = re.search(r"imap session (\d+)", out)
    return int(found.group(1)) if found else 0


ok(until(lambda: held() <= 1, 120), "I06: those who do not read are dropped")
for s in deaf:
    s.close()
# Who idles and does not read, while much happens.
idle = Imap(server)
idle.send(b"i IDLE\r\n")
idle.line()
for n in range(3000):
    imap.send(b"s STORE 1 %sFLAGS (\\Flagged)\r\n" % (b"+-"[n % 2:n % 2 + 1]))
    while not imap.response().startswith(b"s "):
        pass
ok(usage(server)[1] < 400 << 20 or sanitized(server),
   "I06: what is kept for one who idles is bounded")
idle.send(b"DONE\r\n")
line = idle.response()
while line.startswith(b"*"):
    line = idle.response()
ok(line.startswith(b"i OK"), "I06: one who idled hears it all")
idle.sock.close()

# ---- I07
imap.ok(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
imap.ok(b"EXPUNGE")
N, ROUNDS = 200, 10
uids, modseqs, errors = [], [], []
lock = threading.Lock()


def one(i):
    rand = random.Random(i)
    try:
        c = Imap(server)
        c.ok(b"ENABLE CONDSTORE")
        last = 0
        for n in range(ROUNDS):
            got = c.append(b"Subject: %d-%d\r\n\r\nx\r\n" % (i, n))
            found = re.search(rb"APPENDUID \d+ (\d+)", got)
            with lock:
                uids.append(int(found.group(1)))
            for command in rand.sample((
                    b"NOOP", b"STORE 1 +FLAGS (\\Deleted)", b"EXPUNGE",
                    b"UID STORE * +FLAGS (k%d)" % (i % 5), b"CHECK",
                    b"UID FETCH 1:* (FLAGS MODSEQ)", b"SEARCH UNSEEN",
                    b"UID STORE * -FLAGS (\\Seen)"), 3):
                got = c.ask(command)
                if not got[-1].startswith((b"t OK", b"t NO", b"t BAD")):
                    raise RuntimeError("%r: %r" % (command, got[-1]))
                if got[-1].startswith(b"t BAD") and b" 1 " not in command:
                    raise RuntimeError("%r: %r" % (command, got[-1]))
            status = c.ok(b"STATUS INBOX (HIGHESTMODSEQ)")
            now = int(re.search(rb"HIGHESTMODSEQ (\d+)", b" ".join(status)).group(1))
            if now < last:
                raise RuntimeError("HIGHESTMODSEQ went from %d to %d" % (last, now))
            last = now
        c.ok(b"CLOSE")
        c.sock.close()
    except Exception as e:  # noqa: B902
        with lock:
            errors.append("%d: %r" % (i, e))


threads = [threading.Thread(target=one, args=(i,)) for i in range(N)]
for t in threads:
    t.start()
for t in threads:
    t.join()
if not equal(errors[:3], [], "I07: two hundred sessions end well"):
    diag("\n".join(errors[:20]))
equal(len(uids), N * ROUNDS, "I07: each message has a uid")
equal(len(set(uids)), len(uids), "I07: no uid was used twice")
alive(server, "I07")
imap.sock.close()
server.close()
finish()
