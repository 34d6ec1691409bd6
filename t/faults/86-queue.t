#!/usr/bin/env python3
# kill -9 of the worker, of its parent, of both, while mail goes out: everything
# that was taken arrives or comes back with a report, whole; twice only what was
# on its way at that moment. MESSAGES=n KILLS=n SEED=n repeat it.
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403
from sink import Sink  # noqa: E402

MESSAGES = setting("MESSAGES", 300)
KILLS = setting("KILLS", 6)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
work_dir()
diag("SEED=%d MESSAGES=%d KILLS=%d" % (SEED, MESSAGES, KILLS))
rng = random.Random(SEED)
KINDS = ("ok",) * 14 + ("told",) * 2 + ("bounce",) * 2 + ("grey",) * 2
QUEUE = """retry: 1s
attempts: 50
delay-notice-after: 0
max-outgoing-per-day: 0
max-first-time-per-day: 0
suppress: no
routes:
  all: {transport: sink}
"""


class Submitter(Sender):
    """Sends to several at once, of whom some will not take it."""

    def choose_rcpts(self, token):
        return ["%s-%s-%d@d%d.example" % (
            self.rng.choice(KINDS), token, i, self.rng.randrange(8))
            for i in range(self.rng.choice((1, 1, 1, 2, 4)))]

    def rcpts(self, token):
        return ["<%s>%s" % (r, " NOTIFY=SUCCESS" if r.startswith("told")
                            else "") for r in self.sent[token][0]]

    def taken(self):
        return [t for t, e in self.sent.items() if e[1] is not None]


class Work:
    """Submitters, each in a thread, through all kills."""

    def __init__(self, victim, count):
        self.victim, self.count = victim, count
        self.mail = Mail(random.Random(rng.random()))
        self.senders = [Submitter("q%d" % i, self.mail,
                                  random.Random(rng.random()), USERS[i % 3])
                        for i in range(4)]
        self.broken, self.refusals = [], []
        self.threads = [threading.Thread(target=self.run, args=(s,))
                        for s in self.senders]
        for t in self.threads:
            t.start()

    def done(self):
        return sum(s.done for s in self.senders)

    def over(self):
        return self.done() >= self.count

    def run(self, sender):
        try:
            while not self.over():
                try:
                    sender.connect(self.victim.ports["submission"])
                    while not self.over():
                        sender.step()
                except Lost:
                    time.sleep(0.02)
                except Refused as e:
                    self.refusals.append(str(e))
        except Exception as e:          # a mistake of ours
            self.broken.append("%s: %r" % (type(e).__name__, e))


def reports(victim):
    """(action, recipient) -> how many reports the senders got."""
    found = {}
    for user in USERS:
        for _, _, body in observe(victim.ports["imap"],
                                  user)["INBOX"][1].values():
            for m in re.finditer(rb"Final-Recipient: rfc822; (\S+)\r\n"
                                 rb"Action: (\w+)", body):
                key = (m.group(2).decode(), m.group(1).decode())
                found[key] = found.get(key, 0) + 1
    return found


def drain(victim, limit=600):
    """Until nothing waits any more."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        victim.command("queue", "schedule", "--all")
        if not re.search(r"\d", victim.command("queue", "list", "--json")):
            return True
        time.sleep(1)
    diag(victim.command("queue", "list")[-3000:])
    return False


class Verdict:
    def __init__(self):
        self.lost, self.torn, self.wrong, self.doubled = [], [], [], []
        self.rcpts = self.furthest = self.twice_reported = 0

    def copies(self, token, rcpt, attempts, sink):
        """A second copy is excused by a connection that was cut (RFC 5321,
        4.5.4.1), or by a client that had no reply and came again."""
        copies = sink.copies.get((token, rcpt), [])
        if not copies:
            self.lost.append(rcpt)
        if len(copies) < 2:
            return
        self.doubled.append(rcpt)
        for c in copies[:-1]:
            place = len(c.taken) - c.taken.index((token, rcpt))
            self.furthest = max(self.furthest, place)
        if attempts == 1 and (any(c.quit for c in copies[:-1]) or
                              len(set(map(id, copies))) < len(copies)):
            self.wrong.append("%s: twice without a reason" % rcpt)

    def reports(self, rcpt, attempts, found, action):
        n = found.get((action, rcpt), 0)
        if n == 0:
            self.lost.append("%s, its report" % rcpt)
        self.twice_reported += n > attempts

    def message(self, sender, token, sink, found):
        rcpts, acked, attempts, _ = sender.sent[token]
        for rcpt in rcpts:
            self.rcpts += 1
            if rcpt.startswith("bounce"):
                self.reports(rcpt, attempts, found, "failed")
                continue
            self.copies(token, rcpt, attempts, sink)
            if rcpt.startswith("told"):
                self.reports(rcpt, attempts, found, "relayed")
        if token in sink.text and not sink.text[token].endswith(
                sender.mail.text[token]):
            self.torn.append(token)


sink = Sink(random.Random(rng.random()), slow=0.005)
victim = Victim({"queue": QUEUE, "smtp-client": "",
                 "queue-transport-smtp": "transports:\n  sink: {host: "
                 "127.0.0.1, port: %d, tls: never}\n" % sink.port})
victim.start()
begin = time.monotonic()
work = Work(victim, MESSAGES)
recovery, hows = [], {}
for i in range(KILLS):
    goal = MESSAGES * (i + rng.random()) / KILLS
    while work.done() < goal and any(t.is_alive() for t in work.threads):
        time.sleep(0.005)
    how = rng.choice(("worker", "worker", "parent", "both"))
    hows[how] = hows.get(how, 0) + 1
    recovery.append(victim.hurt(how))
    if how == "worker":             # else the parent waits longer each time
        victim.end_worker(victim.kill_parent())
        victim.start()
        victim.wait_answer()
    if i % 10 == 9:
        diag("%d kills, %d messages taken" % (i + 1, work.done()))
for t in work.threads:
    t.join()
took = time.monotonic() - begin
ok(drain(victim), "in the end nothing waits")
found = reports(victim)
verdict = Verdict()
for sender in work.senders:
    for token in sender.taken():
        verdict.message(sender, token, sink, found)
for what in ("lost", "torn", "wrong"):
    equal(getattr(verdict, what)[:20], [], "nothing is " + what)
equal(work.broken, [], "the clients worked")
equal(work.refusals[:3], [], "and were not refused")
out = victim.command("verify")
if not ok(victim.status == 0, "hermod verify finds nothing"):
    diag(out + victim.stderr)
recovery.sort()
diag("%d messages with %d recipients in %.0f s; killed %s; recovery median "
     "%.2f s, longest %.2f s" % (sum(len(s.taken()) for s in work.senders),
                                 verdict.rcpts, took, hows,
                                 recovery[len(recovery) // 2], recovery[-1]))
diag("%d copies too many, the furthest %d. from the end of its connection; %d "
     "reports twice" % (len(verdict.doubled), verdict.furthest,
                        verdict.twice_reported))
text = victim.read_log()
ok("ERROR: " not in text and "runtime error" not in text,
   "no sanitizer report")
if hermod._failed:
    diag(victim.worries()[-3000:])
victim.remove()
finish()
