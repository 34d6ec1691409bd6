"""outgoing.py - mail that goes out: who sends it, and whether it came or came back."""
import datetime
import random
import re
import threading
import time

from torture import *  # noqa: F403
from sink import Sink

FATES = ("ok",) * 14 + ("told",) * 2 + ("bounce",) * 2 + ("grey",) * 2
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
            self.rng.choice(FATES), token, i, self.rng.randrange(8))
            for i in range(self.rng.choice((1, 1, 1, 2, 4)))]

    def rcpts(self, token):
        return ["<%s>%s" % (r, " NOTIFY=SUCCESS" if r.startswith("told")
                            else "") for r in self.sent[token][0]]

    def taken(self):
        return [t for t, e in self.sent.items() if e[1] is not None]


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
    """Until nothing waits any more. A worker whose sync failed may still end."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        victim.command("queue", "schedule", "--all")
        waiting = victim.command("queue", "list", "--json")
        if victim.status == 0 and not re.search(r"\d", waiting):
            return True
        time.sleep(1)
    diag(victim.command("queue", "list")[-3000:])
    return False


def worker_deaths(victim):
    """When the parent noticed."""
    return [datetime.datetime.fromisoformat(m.group(1)).timestamp()
            for m in re.finditer(r"^(\S+) \S+ m=\"the worker died",
                                 victim.read_log(), re.M)]


class Verdict:
    def __init__(self, deaths):
        self.deaths = deaths         # when workers ended
        self.lost, self.torn, self.wrong, self.doubled = [], [], [], []
        self.rcpts = self.furthest = self.twice_reported = 0

    def copies(self, token, rcpt, attempts, sink):
        """A second copy is excused by a death between them (RFC 5321,
        4.5.4.1), or by a client that had no reply and came again."""
        copies = sink.copies.get((token, rcpt), [])
        if not copies:
            self.lost.append(rcpt)
        if len(copies) <= attempts:
            return
        self.doubled.append(rcpt)
        for c in copies[:-1]:
            place = len(c.taken) - c.taken.index((token, rcpt))
            self.furthest = max(self.furthest, place)
        for a, b in zip(copies, copies[1:]):
            if attempts == 1 and not any(a.begun < d < b.begun
                                         for d in self.deaths):
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


class Outgoing:
    """A server, a sink that it sends everything to, and users who write."""

    def __init__(self, rng, make=Victim, conf=None, submitters=4, **more):
        self.sink = Sink(random.Random(rng.random()), slow=0.005)
        merged = {"queue": QUEUE, "smtp-client": "",
                  "queue-transport-smtp": "transports:\n  sink: {host: "
                  "127.0.0.1, port: %d, tls: never}\n" % self.sink.port}
        merged.update(conf or {})
        self.victim = make(conf=merged, **more)
        self.mail = Mail(random.Random(rng.random()))
        self.senders = [Submitter("q%d" % i, self.mail,
                                  random.Random(rng.random()), USERS[i % 3])
                        for i in range(submitters)]
        self.deaths = []

    def taken(self):
        return sum(len(s.taken()) for s in self.senders)

    def arrived(self):
        return sum(map(len, self.sink.copies.values()))

    def judge(self):
        """Everything has come, or comes now; the verdict."""
        ok(drain(self.victim), "in the end nothing waits")
        found = reports(self.victim)
        verdict = Verdict(self.deaths + worker_deaths(self.victim))
        for sender in self.senders:
            for token in sender.taken():
                verdict.message(sender, token, self.sink, found)
        for what in ("lost", "torn", "wrong"):
            equal(getattr(verdict, what)[:20], [], "nothing is " + what)
        out = self.victim.command("verify")
        if not ok(self.victim.status == 0, "hermod verify finds nothing"):
            diag(out + self.victim.stderr)
        text = self.victim.read_log()
        report = re.search(r"^.*(ERROR: |runtime error).*(\n.*){0,40}", text,
                           re.M)
        if not ok(not report, "no sanitizer report"):
            diag(report.group())
        # Where a sync failed kv-bdb ends the process, and says so.
        crashes = re.findall(r".* m=\"?crash\"? .*", text)
        ended = text.count("ending the process to recover")
        if not ok(len(crashes) <= ended and
                  all(" why=SIGABRT " in c for c in crashes), "nor a crash"):
            diag("\n".join(crashes))
        if hermod._failed:
            diag(self.victim.worries()[-3000:])
        diag("%d messages with %d recipients; %d copies too many, the furthest "
             "%d. from the end of its connection; %d reports twice" % (
                 self.taken(), verdict.rcpts, len(verdict.doubled),
                 verdict.furthest, verdict.twice_reported))
        return verdict
