#!/usr/bin/env python3
"""Many sessions on one mailbox at once: append, flag, copy, move, expunge,
search, idle. Every client keeps book of what it was told and complains when the
server contradicts it; in the end all must agree.

	stress.t [CLIENTS [SECONDS [SEED]]]
"""
import os
import random
import re
import sys
import threading
import time

SRC = os.environ.get("top_srcdir", ".")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SRC, "t", "interop"),
                os.path.join(SRC, "modules", "imap", "t")]

import hermod
from hermod import ok, diag
from imapconv import Connection, tokens

CLIENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 4
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
FLAGS = [b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Draft", b"\\Deleted",
         b"$Forwarded", b"one", b"two", b"three"]
bodies = {}            # uid -> the body that whoever saw it first saw
lock = threading.Lock()


class Wrong(Exception):
    pass


class Client(threading.Thread):
    def __init__(self, address, number):
        super().__init__()
        self.random = random.Random(SEED * 1000 + number)
        self.number = number
        self.c = Connection(address, 30).login("anna@example.org",
                                               hermod.PASSWORD)
        self.uids = []         # by sequence number; None: not told yet
        self.flags = {}        # uid -> set, as last told
        self.modseq = {}
        self.ops = 0
        self.error = None
        self.last = b""

    # ---- what the server says ----

    def told(self, data, may_expunge):
        t = tokens(data[2:])
        if len(t) > 1 and t[0].isdigit():
            n, what = int(t[0]), t[1].upper()
            if what == b"EXISTS":
                if n < len(self.uids):
                    raise Wrong("EXISTS shrank from %d" % len(self.uids))
                self.uids += [None] * (n - len(self.uids))
            elif what == b"EXPUNGE":
                if not may_expunge:
                    raise Wrong("EXPUNGE while numbers were in use")
                if not 1 <= n <= len(self.uids):
                    raise Wrong("EXPUNGE of number %d" % n)
                self.uids.pop(n - 1)
            elif what == b"FETCH":
                self.fetched(n, t[2])

    def fetched(self, n, items):
        if not 1 <= n <= len(self.uids):
            raise Wrong("FETCH of number %d of %d" % (n, len(self.uids)))
        have = {}
        for key, value in zip(items[::2], items[1::2]):
            have[key.upper()] = value
        uid = have.get(b"UID")
        if uid is not None:
            uid = int(uid)
            if self.uids[n - 1] not in (None, uid):
                raise Wrong("number %d is uid %d and was %d" % (
                    n, uid, self.uids[n - 1]))
            self.uids[n - 1] = uid
            below = [u for u in self.uids[:n - 1] if u is not None]
            if below and below[-1] >= uid:
                raise Wrong("uids do not ascend")
        uid = self.uids[n - 1]
        if uid is None:
            return
        if b"FLAGS" in have:
            # Only one of the sessions has a message as \\Recent.
            self.flags[uid] = {f.lower() for f in have[b"FLAGS"]} - {
                b"\\recent"}
        if b"MODSEQ" in have:
            modseq = int(have[b"MODSEQ"][0])
            if modseq < self.modseq.get(uid, 0):
                raise Wrong("a modseq went back")
            self.modseq[uid] = modseq
        body = have.get(b"BODY[]")
        if body is not None:
            with lock:
                if bodies.setdefault(uid, bytes(body)) != bytes(body):
                    raise Wrong("uid %d has two bodies" % uid)

    def run_command(self, text, good=(b"OK",), keeps_numbers=False):
        self.last = text[:100]
        status, rest, untagged, _ = self.c.command(text)
        for data in untagged:
            if data.startswith(b"* BYE"):
                raise Wrong("BYE: %r" % data)
            self.told(data, not keeps_numbers)
        if status not in good:
            raise Wrong("%r: %r %r" % (text[:100], status, rest))
        return rest, untagged

    # ---- what a client does ----

    def select(self):
        self.uids, self.flags = [], {}
        self.run_command(b"SELECT stress (CONDSTORE)")

    def some(self):
        n = len(self.uids)
        if not n:
            return None
        a = self.random.randint(1, n)
        return b"%d:%d" % (a, min(n, a + self.random.randint(0, 5)))

    def known_uids(self):
        return [u for u in self.uids if u is not None]

    def do_append(self):
        text = b"Subject: %d of %d\r\n\r\n%s\r\n" % (
            self.ops, self.number, b"x" * self.random.randint(0, 3000))
        flags = b" ".join(self.random.sample(FLAGS[:4],
                                             self.random.randint(0, 2)))
        self.run_command(b"APPEND stress (%s) {%d+}\r\n%s" % (
            flags, len(text), text))

    def do_fetch(self):
        s = self.some()
        if s:
            self.run_command(b"FETCH %s (%s)" % (s, self.random.choice([
                b"UID FLAGS", b"UID FLAGS MODSEQ", b"UID BODY.PEEK[]",
                b"UID ENVELOPE RFC822.SIZE", b"UID BODY[TEXT]<0.10>",
                b"UID INTERNALDATE BODYSTRUCTURE"])),
                (b"OK", b"NO"), keeps_numbers=True)

    def do_store(self):
        s = self.some()
        if not s:
            return
        what = b"%sFLAGS%s (%s)" % (
            self.random.choice([b"", b"+", b"-", b"+"]),
            self.random.choice([b"", b".SILENT"]),
            self.random.choice(FLAGS))
        if self.random.random() < 0.2:
            what = b"(UNCHANGEDSINCE %d) " % max(
                self.modseq.values(), default=1) + what
        self.run_command(b"STORE %s %s" % (s, what), (b"OK", b"NO"),
                         keeps_numbers=True)

    def do_uid_store(self):
        known = self.known_uids()
        if known:
            self.run_command(b"UID STORE %d +FLAGS (%s)" % (
                self.random.choice(known), self.random.choice(FLAGS)))

    def do_expunge(self):
        self.run_command(b"EXPUNGE")

    def do_noop(self):
        self.run_command(b"NOOP")

    def do_search(self):
        rest, untagged = self.run_command(self.random.choice([
            b"SEARCH SEEN", b"SEARCH UNDELETED LARGER 100",
            b"SEARCH SUBJECT of", b"SEARCH OR FLAGGED BODY xxx"]),
            keeps_numbers=True)
        for data in untagged:
            for n in tokens(data[2:])[1:] if data.startswith(
                    b"* SEARCH") else []:
                if not isinstance(n, list) and int(n) > len(self.uids):
                    raise Wrong("SEARCH found number %d" % int(n))

    def do_copy(self):
        s = self.some()
        if s:
            self.run_command(b"%s %s other" % (
                self.random.choice([b"COPY", b"COPY", b"MOVE"]), s),
                (b"OK", b"NO"))

    def do_select(self):
        self.select()

    def do_idle(self):
        self.last = b"IDLE"
        tag = self.c.tag()
        self.c.start(tag, b"IDLE")
        while True:
            data = self.c.response()
            if data.startswith(b"+"):
                break
            self.told(data, True)
        time.sleep(self.random.random() * 0.05)
        self.c.send(b"DONE\r\n")
        untagged = []
        status, rest = self.c.finish(tag, untagged)
        for data in untagged:
            self.told(data, True)
        if status != b"OK":
            raise Wrong("IDLE: %r" % rest)

    def run(self):
        table = [self.do_append] * 6 + [self.do_fetch] * 8 + \
            [self.do_store] * 8 + [self.do_uid_store] * 3 + \
            [self.do_expunge] * 2 + [self.do_noop] * 3 + \
            [self.do_search] * 3 + [self.do_copy] * 2 + [self.do_select] + \
            [self.do_idle]
        end = time.monotonic() + SECONDS
        try:
            self.select()
            while time.monotonic() < end:
                self.random.choice(table)()
                self.ops += 1
        except Exception as e:
            self.error = "client %d after %r: %s: %s" % (
                self.number, self.last, type(e).__name__, e)

    def final(self):
        """What the mailbox is in the end: uid -> flags."""
        self.run_command(b"NOOP")
        self.run_command(b"FETCH 1:* (UID FLAGS)" if self.uids else b"NOOP",
                         keeps_numbers=True)
        return [(u, tuple(sorted(self.flags[u]))) for u in self.uids]


def main():
    server = hermod.Server(conf={
        "imap": "insecure-login: yes\nconnection-rate: 0\n"
                "connections-per-address: 0\n"})
    address = ("127.0.0.1", server.ports["imap"])
    first = Connection(address).login("anna@example.org", hermod.PASSWORD)
    first.command(b"CREATE stress")
    first.command(b"CREATE other")
    clients = [Client(address, i) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    errors = [c.error for c in clients if c.error]
    ok(not errors, "%d clients were told nothing that contradicts itself "
       "(%d commands)" % (CLIENTS, sum(c.ops for c in clients)))
    for e in errors[:5]:
        diag(e)
    if not errors:
        last = [c.final() for c in clients]
        ok(all(x == last[0] for x in last), "all agree in the end (%d messages)"
           % len(last[0]))
    # What was told of changes on the way is what a new session sees.
    for c in clients:
        c.c.close()
    first.close()
    server.close()
    hermod.finish()


main()
