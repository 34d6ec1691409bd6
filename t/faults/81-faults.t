#!/usr/bin/env python3
# Q01: calls to the system and to Berkeley DB fail in turn, once or from then
# on, while clients work. What was promised holds, what was refused is done
# wholly or not at all, and all is well when the fault is over.
# ROUNDS=n SEED=n repeat it.
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403
from faults import *  # noqa: E402,F403

ROUNDS = setting("ROUNDS", 24)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
if not os.path.exists(SHIM):
    skip_all("shim.so is not built")
work_dir()
diag("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
rng = random.Random(SEED)
STEPS = 10
FILES = KINDS[:KINDS.index("db get")]
WRITING = ("write", "pwrite", "create", "ftruncate", "mkdir")
READ_ONLY = WRITING + ("rename", "unlink", "link")
ERRORS = {k: (errno.EIO, errno.ENOSPC) for k in KINDS}
ERRORS.update({"write": (errno.ENOSPC, errno.EIO, SHORT),
               "pwrite": (errno.ENOSPC, errno.EIO, SHORT),
               "open": (errno.EMFILE, errno.EACCES, errno.EIO),
               "create": (errno.EMFILE, errno.EROFS, errno.ENOSPC, errno.EIO),
               "read": (errno.EIO,), "mmap": (errno.ENOMEM,)})


class Rounds:
    def __init__(self, blob):
        self.blob = blob
        self.victim, self.control = shimmed(blob=blob)
        self.victim.start()
        self.load = Load(self.victim, rng.random(), reloads=False)
        self.tally = Tally()
        self.good = self.hits = self.deaths = self.unused = 0
        self.refusals = {}
        self.wrong_codes, self.wrong_answers = [], []
        self.by_kind = {}
        self.typical = {}

    def everybody(self):
        return self.load.owners + self.load.senders

    def connect(self):
        for who in self.everybody():
            port = "imap" if isinstance(who, Owner) else \
                "submission" if who.user else "mx"
            who.connect(self.victim.ports[port])

    def work(self, kinds, error):
        """Each works until it is refused. Who is still connected."""
        working = self.everybody()
        for _ in range(STEPS):
            for who in list(working):
                try:
                    if isinstance(who, Owner):
                        who.begin()
                    who.step()
                except Refused as e:
                    self.note_refusal(who, str(e), kinds, error)
                    working.remove(who)
                except Lost:
                    working.remove(who)
                    who.close()

    def note_refusal(self, who, text, kinds, error):
        text = text.strip()
        if not isinstance(who, Owner):
            full = error == errno.ENOSPC and kinds[0] in WRITING
            if not text.startswith("452 4.3.1" if full else "4"):
                self.wrong_codes.append(text)
        else:
            text = text.split(": ", 1)[1]
            if "[UNAVAILABLE]" not in text:
                self.wrong_answers.append(text)
        key = (NAMES[error], re.sub(r"\d{3,}", "N", text))
        self.refusals[key] = self.refusals.get(key, 0) + 1

    def learn_counts(self):
        """How many calls of each kind a round makes."""
        before = self.control.counts()
        self.connect()
        self.work(KINDS, errno.EIO)
        after = self.control.counts()
        self.typical = {k: after[k] - before[k] for k in KINDS}
        for who in self.everybody():
            who.close()

    def choose(self):
        """mode, kinds, nth, error of the next fault."""
        if rng.random() < 0.2:               # a full disk, or one to read only
            error = rng.choice((errno.ENOSPC, errno.ENOSPC, errno.EROFS))
            kinds = WRITING if error == errno.ENOSPC else READ_ONLY
            return ON, kinds, rng.randrange(1, 1 + sum(
                self.typical[k] for k in kinds)), error
        used = [k for k in KINDS if self.typical[k]]
        kind = rng.choice(used)
        mode = ON if rng.random() < 0.2 else ONCE
        return (mode, (kind,), rng.randrange(1, self.typical[kind] + 1),
                rng.choice(ERRORS[kind]))

    def one(self):
        fault = self.choose()
        what = "%s the %d. %s fails: %s" % (
            ("once", "from then on")[fault[0] == ON], fault[2],
            "/".join(fault[1]), NAMES[fault[3]])
        pids = self.victim.workers()
        self.connect()
        self.control.arm(*fault)
        self.work(fault[1], fault[3])
        hits = self.control.disarm()
        begin = time.monotonic()
        bad = self.look_after()
        died = self.victim.workers() != pids
        if died:
            self.deaths += 1
            self.tally.recovery.append(time.monotonic() - begin)
        if not hits:
            self.unused += 1
        else:
            self.hits += hits
            self.tally.rounds += 1
            for k in fault[1]:
                self.by_kind[k] = self.by_kind.get(k, 0) + 1
        if died or self.tally.rounds % 5 == 0:
            out = self.victim.command("verify")
            if self.victim.status:
                bad.append("verify: " + out + self.victim.stderr)
        if died:                         # its parent would wait the longer
            self.victim.stop()
            self.victim.start()
        for line in bad[:10]:
            diag("%s: %s: %s" % (self.blob, what, line))
        self.good += not bad
        if bad and setting("STOP", 0):
            diag(self.victim.worries())
            os._exit(1)

    def look_after(self):
        """All is well again, for those who are still connected as well."""
        bad = []
        self.victim.wait_answer()
        if not self.stores_again():
            bad.append("nothing is stored when the fault is over")
        for who in self.everybody():
            if isinstance(who, Owner) and who.imap:
                try:
                    who.imap.ask("NOOP")
                except (Lost, Refused) as e:
                    if self.victim.workers() and not isinstance(e, Lost):
                        bad.append("a session does not go on: %s" % e)
            who.close()
        return bad + self.load.judge(self.tally)

    def stores_again(self):
        """After a full disk it looks every second whether there is room."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                imap = Imap(self.victim.ports["imap"], USERS[0])
                try:
                    imap.ask('SUBSCRIBE "Sent"')
                    imap.ask('UNSUBSCRIBE "Sent"')
                    return True
                finally:
                    imap.close()
            except (Lost, Refused):
                time.sleep(0.05)
        return False

    def run(self, rounds):
        self.learn_counts()
        for i in range(rounds):
            self.one()
            if i % 100 == 99:
                diag("%d: %s" % (i + 1, self.tally.text()))
        equal(self.good, rounds, "%s: no fault does harm" % self.blob)
        equal(self.wrong_codes[:3], [],
              "%s: mail is put off with 4xx, with 452 4.3.1 on a full disk" %
              self.blob)
        equal(self.wrong_answers[:3], [],
              "%s: IMAP tells no other reason than UNAVAILABLE" % self.blob)
        diag("%s: %s" % (self.blob, self.tally.text()))
        diag("%d faults; %d rounds did not come to theirs; the worker ended "
             "itself %d times; %d refused operations were done" % (
                 self.hits, self.unused, self.deaths,
                 self.tally.refused_done))
        diag("by kind: %s" % self.by_kind)
        for (error, text), n in sorted(self.refusals.items(),
                                       key=lambda x: -x[1])[:25]:
            diag("%4d %s: %s" % (n, error, text))
        equal(self.victim.stop(), 0, "%s: stops in good order" % self.blob)
        self.victim.remove()


Rounds("blob-segment").run(ROUNDS - ROUNDS // 3)
Rounds("blob-fs").run(ROUNDS // 3)
finish()
