#!/usr/bin/env python3
# Q01: the power fails. All that a server writes is recorded while it works;
# for moments of this record the data directory is made as the disk could hold
# it then (disk.py), a server is started on it, and what it has is compared with
# what clients had been promised by that moment. ROUNDS=n SEED=n repeat it.
import os
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403
from faults import *  # noqa: E402,F403
from disk import *  # noqa: E402,F403

ROUNDS = setting("ROUNDS", 8)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
if not os.path.exists(SHIM):
    skip_all("shim.so is not built")
work_dir()
diag("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
rng = random.Random(SEED)
CUTS = 40                                # of one record, at most


def at_cut(owner, mail, cut):
    """The owner as it was when the power failed."""
    then = Owner(owner.user, owner.prefix, mail, random.Random(1), owner.inbox)
    for begun, ended, op in owner.history:
        if ended is not None and ended <= cut:
            then.state = op.apply(then.state)
            for token in getattr(op, "new", ()):
                then.arrived[token] = then.arrived.get(token, 0) + 1
            continue
        if begun <= cut and not hasattr(op, "new"):
            then.pending = op
        break
    return then


def sent_at_cut(sender, mail, cut):
    then = Sender(sender.name, mail, None)
    for token, (users, acked, attempts, begun) in sender.sent.items():
        if begun <= cut:
            then.sent[token] = [users, acked if acked is not None and
                                acked <= cut else None, attempts, begun]
    return then


class Series:
    """Cuts of one record."""

    def __init__(self, blob, tally):
        self.blob, self.tally = blob, tally
        self.done = 0
        self.victim, _ = shimmed(record=True, blob=blob)
        self.data = self.victim.path("etc", "data")
        self.record = self.victim.path("record")
        self.worker = (os.stat(self.data).st_uid, os.stat(self.data).st_gid)

    def position(self):
        return os.stat(self.record).st_size

    def work(self):
        self.disk = Disk(self.data)
        self.victim.start()
        self.load = Load(self.victim, rng.random(), per_user=2)
        for who in self.load.owners + self.load.senders:
            who.position = self.position
        # what begins before the first promise is torn as well
        self.load.start()
        self.load.wait(rng.choice((100, 400, 900)))
        if rng.random() < 0.3:           # checkpoints, a new segment, an end
            self.load.stop()
            self.victim.stop()
            self.victim.start()
            self.load.start()
            self.load.wait(200)
        pids = self.victim.kill_parent()
        for pid in pids:
            send_signal(pid, signal.SIGKILL)
        self.load.stop()
        wait_gone(pids)
        self.events = list(read_record(self.record))
        self.done += self.load.done()
        self.env, self.victim.env = self.victim.env, {}

    def cut(self, disk):
        shutil.rmtree(self.data)
        disk.write(self.data, rng, self.worker)

    def cut_again(self):
        """The power fails again while the server recovers."""
        with open(self.record, "wb"):
            pass
        disk = Disk(self.data)
        self.victim.env = self.env
        self.victim.start()
        time.sleep(rng.random() * 0.1)
        pids = self.victim.kill_parent()
        for pid in pids:
            send_signal(pid, signal.SIGKILL)
        wait_gone(pids)
        self.victim.env = {}
        events = list(read_record(self.record))
        for event in events[:rng.randrange(len(events) + 1)]:
            disk.event(*event[1:])
        self.cut(disk)

    def one(self, at):
        cut = self.events[at][0]
        self.cut(self.disk)
        if rng.random() < 0.25:
            self.cut_again()
        begin = time.monotonic()
        try:
            self.victim.start()
            self.victim.wait_answer()
        except RuntimeError as e:
            return ["no start: " + "; ".join(
                x for x in str(e).splitlines()[-12:] if "l=info" not in x)]
        self.tally.recovery.append(time.monotonic() - begin)
        out = self.victim.command("verify")
        bad = [] if self.victim.status == 0 else \
            ["verify: " + out + self.victim.stderr]
        mail = self.load.mail
        bad += judge(self.victim.ports["imap"],
                     [at_cut(o, mail, cut) for o in self.load.owners],
                     [sent_at_cut(s, mail, cut) for s in self.load.senders],
                     mail, self.tally)
        self.victim.stop()
        return bad

    def run(self, rounds):
        """How many of the cuts did no harm."""
        good = 0
        self.work()
        cuts = sorted(rng.sample(range(len(self.events)), rounds))
        done = 0
        for at in cuts:
            for event in self.events[done:at + 1]:
                self.disk.event(*event[1:])
            done = at + 1
            bad = self.one(at)
            self.tally.rounds += 1
            good += not bad
            for line in bad[:10]:
                diag("%s, cut after event %d of %d (%s): %s" % (
                    self.blob, at, len(self.events), self.events[at][1], line))
            if bad and setting("KEEP", 0):
                diag(self.victim.worries()[-3000:])
                diag("kept: " + self.victim.dir)
                os._exit(1)
            if self.victim.process.poll() is None:
                self.victim.stop()
        ok(self.done > 50, "%s: %d operations were promised, %d events "
           "recorded" % (self.blob, self.done, len(self.events)))
        self.victim.remove()
        return good


def campaign(blob, rounds):
    tally = Tally()
    good = left = 0
    left = rounds
    while left > 0:
        n = min(left, CUTS)
        good += Series(blob, tally).run(n)
        left -= n
        if rounds > CUTS:
            diag("%s, %d left: %s" % (blob, left, tally.text()))
    equal(good, rounds, "%s: no power cut does harm" % blob)
    diag("%s: %s" % (blob, tally.text()))
    ok(max(tally.recovery or [0]) < 60, "%s: each start ended" % blob)


campaign("blob-segment", ROUNDS - ROUNDS // 3)
campaign("blob-fs", ROUNDS // 3)
finish()
