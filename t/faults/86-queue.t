#!/usr/bin/env python3
# kill -9 of the worker, of its parent, of both, while mail goes out, and now and then
# a stop or a reload: everything that was taken arrives or comes back with a report,
# whole; twice only what was on its way when a worker died. MESSAGES=n KILLS=n SEED=n repeat it.
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403
from outgoing import *  # noqa: E402,F403

MESSAGES = setting("MESSAGES", 300)
KILLS = setting("KILLS", 6)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
work_dir()
diag("SEED=%d MESSAGES=%d KILLS=%d" % (SEED, MESSAGES, KILLS))
rng = random.Random(SEED)


class Work:
    """Submitters, each in a thread, through all kills; at most limit messages
    so far, so that the load lasts as long as the kills do."""

    def __init__(self, out, count):
        self.senders, self.count = out.senders, count
        self.port = out.victim.ports["submission"]
        self.limit = 0
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
                    sender.connect(self.port)
                    while not self.over():
                        if self.done() >= self.limit:
                            time.sleep(0.005)
                            continue
                        sender.step()
                except Lost:
                    time.sleep(0.02)
                except Refused as e:
                    self.refusals.append(str(e))
        except Exception as e:          # a mistake of ours
            self.broken.append("%s: %r" % (type(e).__name__, e))


def disturb(how):
    """What ends in good order is no excuse for a second copy."""
    if how == "stop":
        if victim.stop() != 0:
            ok(False, "it stops in good order")
        victim.start()
        victim.wait_answer()
    elif how == "reload":
        victim.command("reload")
    else:
        recovery.append(victim.hurt(
            how, lambda: out.deaths.append(time.time())))


out = Outgoing(rng)
victim = out.victim
victim.start()
begin = time.monotonic()
work = Work(out, MESSAGES)
recovery, hows = [], {}
for i in range(KILLS):
    goal = MESSAGES * (i + rng.random()) / KILLS
    work.limit = MESSAGES * (i + 1) / KILLS
    while work.done() < goal and any(t.is_alive() for t in work.threads):
        time.sleep(0.005)
    how = rng.choice(("worker", "worker", "parent", "both", "stop", "reload"))
    hows[how] = hows.get(how, 0) + 1
    disturb(how)
    if how == "worker":             # else the parent waits longer each time
        victim.end_worker(victim.kill_parent())
        victim.start()
        victim.wait_answer()
    if i % 10 == 9:
        diag("%d kills, %d messages taken, %d copies arrived" % (
            i + 1, work.done(), out.arrived()))
work.limit = MESSAGES
for t in work.threads:
    t.join()
took = time.monotonic() - begin
recovery.sort()
recovery = recovery or [0]
diag("%.0f s; %s; recovery median %.2f s, longest %.2f s" % (
    took, hows, recovery[len(recovery) // 2], recovery[-1]))
out.judge()
equal(work.broken, [], "the clients worked")
equal([r for r in work.refusals if "stop" not in hows or r[0] != "4"][:3], [],
      "and were refused only for a while, by a server that stops")
victim.remove()
finish()
