#!/usr/bin/env python3
# Q02: no room and no inodes, on a small file system of our own: APPEND, mail
# coming in, RENAME, marking (the index), reload. All is refused or done, nothing
# is half done, others read on, and all works when there is room again.
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403
from small import *  # noqa: E402,F403

if not can_mount():
    skip_all("needs root, and mounts of our own")
work_dir()
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
diag("SEED=%d" % SEED)


class Full:
    def __init__(self, name, blob, options, reserve):
        self.name = name
        conf = {"kv-bdb": "reserve: %s\n" % reserve[0],
                blob: "reserve: %s\n" % reserve[1]}
        self.victim = Small(options, conf, blob=blob)
        self.victim.start()
        self.load = Load(self.victim, SEED, reloads=False)
        self.tally = Tally()

    def check(self, good, what):
        if not ok(good, "Q02 %s: %s" % (self.name, what)):
            diag(self.victim.worries()[-1500:])

    def judge(self, what):
        bad = self.load.judge(self.tally)
        for line in bad[:8]:
            diag(line)
        self.check(not bad, what)

    def begin(self):
        for who in self.load.owners:
            who.connect(self.victim.ports["imap"])
            who.begin()
            for _ in range(10):
                who.step()

    def until_refused(self, owner, make, most=3000):
        """Operations of one kind until one is refused; its words."""
        for _ in range(most):
            op = make(owner, owner.rng)
            if not op:
                op = op_append(owner, owner.rng)
            try:
                owner.do(op)
            except (Refused, Lost) as e:
                return str(e)
        return ""

    def while_full(self):
        kinds = (op_append, op_store, op_rename, op_copy, op_create,
                 op_expunge)
        answers = {}
        for owner, make in zip(self.load.owners, kinds):
            answers[make.__name__[3:]] = self.until_refused(
                owner, make, 30000 if make is op_append else 200)
        self.check("NO [" in answers["append"] or
                   "connection" in answers["append"],
                   "APPEND is refused: %.70s" % answers["append"])
        diag({k: v[-60:] for k, v in answers.items()})
        sender = self.load.senders[0]
        text = ""
        try:
            self.victim.wait_answer()
            sender.connect(self.victim.ports["mx"])
            for _ in range(2000):
                sender.step()
        except (Refused, Lost) as e:
            text = str(e).strip()
        self.check(text.startswith("452 4.3.1") or not text or
                   "connection" in text, "mail is put off: %s" % text)
        self.victim.command("reload")
        out = self.victim.stderr.strip()
        diag("reload: status %d %s" % (self.victim.status, out[-200:]))
        self.victim.wait_answer()
        self.check(True, "there is an answer after a reload")

    def run(self, fill):
        self.begin()
        fill(self)
        self.while_full()
        self.victim.make_room()
        for who in self.load.owners + self.load.senders:
            who.close()
        self.victim.wait_answer()
        self.check(self.works(), "mail is stored again when there is room")
        self.judge("what was promised is there, nothing is half done")
        out = self.victim.command("verify")
        self.check(self.victim.status == 0, "verify finds nothing")
        if self.victim.status:
            diag(out[-800:])
        self.load.start()
        self.load.wait(100)
        self.load.stop()
        self.judge("and everybody works on")
        equal(self.victim.stop(), 0, "Q02 %s: stops in good order" % self.name)
        self.victim.remove()

    def works(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                imap = Imap(self.victim.ports["imap"], USERS[0])
                try:
                    imap.ask('SUBSCRIBE "Sent"')
                    return True
                finally:
                    imap.close()
            except (Lost, Refused):
                time.sleep(0.1)
        return False


for blob in ("blob-segment", "blob-fs"):
    Full("%s, a reserve" % blob, blob, "size=160m", ("32M", "64M")).run(
        lambda f: f.victim.fill((64 << 20) + (300 << 10)))
    Full("%s, the very last block" % blob, blob, "size=64m", ("0", "0")).run(
        lambda f: f.victim.fill(400 << 10))
Full("blob-fs, no inodes", "blob-fs", "size=64m,nr_inodes=900", ("0", "0")).run(
    lambda f: f.victim.use_inodes())
finish()
