#!/usr/bin/env python3
# S21, Q02: large messages that do not come to an end, on a disk that is nearly
# full: they leave the room that others need to go on.
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403
from small import *  # noqa: E402,F403

MIB = 1 << 20
RESERVE = 400 * MIB // 16       # a sixteenth of the disk
SLACK = 2 * MIB                 # what the tables may write meanwhile

if not can_mount():
    skip_all("needs root, and mounts of our own")
work_dir()
victim = Small("size=%d" % (400 * MIB), {
    "kv-bdb": "reserve: 4M\n", "blob-segment": "reserve: 8M\n"},
    blob="blob-segment")
victim.start()
workers = victim.workers()
victim.fill(45 * MIB)


def room():
    st = os.statvfs(victim.data)
    return st.f_bavail * st.f_frsize


def settled():
    """Once nothing more is written, and the tables had time to look."""
    last = -1
    while room() != last:
        last = room()
        time.sleep(1.5)
    return last


def begin(text):
    peer = hermod.Raw(socket.create_connection(
        ("127.0.0.1", victim.ports["mx"]), TIMEOUT))
    peer.reply()
    for line, code in ((b"HELO far.example", 250),
                       (b"MAIL FROM:<x@far.example>", 250),
                       (b"RCPT TO:<anna@example.org>", 250), (b"DATA", 354)):
        if peer.ask(line)[0] != code:
            raise RuntimeError(line)
    peer.send(text)
    return peer


def large(size):
    return b"Subject: large\r\n\r\n" + (b"x" * 1022 + b"\r\n") * (size >> 10)


fits = begin(large(12 * MIB))
settled()
floods = [begin(large(30 * MIB)) for _ in range(3)]
left = settled()
ok(left >= RESERVE - SLACK,
   "messages on their way leave a reserve: %d KiB of %d" %
   (left >> 10, RESERVE >> 10))
imap = Imap(victim.ports["imap"], "bert")
try:
    for _ in range(50):
        imap.ask("APPEND INBOX", b"Subject: small\r\n\r\n")
    imap.ask('CREATE "more"')
    ok(True, "who is there works on")
except (Lost, Refused) as e:
    ok(False, "who is there works on: %s" % e)
imap.close()
equal(begin(b"Subject: small\r\n\r\n").ask(b".")[0], 250,
      "a small message is taken")
for peer in floods:
    equal(peer.ask(b".")[0], 452, "what found no room is put off")
equal(fits.ask(b".")[0], 250, "what found some is taken")
equal(victim.workers(), workers, "nobody had to end")
victim.command("verify")
equal(victim.status, 0, "verify finds nothing")
equal(victim.stop(), 0, "stops in good order")
victim.remove()
finish()
