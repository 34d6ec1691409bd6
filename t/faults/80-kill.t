#!/usr/bin/env python3
# kill -9 of the worker, of its parent, of both, while mail comes in and is
# moved, marked, expunged, and mailboxes are renamed. Then everything that was
# promised is there, and nothing twice or half. ROUNDS=n SEED=n repeat it.
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403

ROUNDS = setting("ROUNDS", 6)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
work_dir()
diag("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
rng = random.Random(SEED)


def round_on(victim, load, tally, how):
    load.start()
    # now and then while it is still starting to work
    load.wait(rng.choice((0, 50, 100, 300)))
    time.sleep(rng.random() * 0.1)
    tally.recovery.append(victim.hurt(how, load.stop))
    out = victim.command("verify")
    bad = [] if victim.status == 0 else ["verify: " + out + victim.stderr]
    bad += load.judge(tally)
    tally.rounds += 1
    for line in bad[:20]:
        diag("round %d, %s: %s" % (tally.rounds, how, line))
    return not bad


def series(blob, rounds):
    victim = Victim(blob=blob)
    tally = Tally()
    good = 0
    hows = {}
    victim.start()
    load = Load(victim, rng.random())
    for i in range(rounds):
        how = rng.choice(("worker", "worker", "parent", "both"))
        hows[how] = hows.get(how, 0) + 1
        good += round_on(victim, load, tally, how)
        if how == "worker":         # else the parent waits longer each time
            equal(victim.stop(), 0, "stops in good order") if rng.random() < \
                0.2 else victim.end_worker(victim.kill_parent())
            victim.start()
            victim.wait_answer()
        if i % 50 == 49:
            diag("%d: %s" % (i + 1, tally.text()))
    equal(good, rounds, "%s: nothing is lost, torn or doubled by kill -9" % blob)
    diag("%s: %s; %d operations were promised; %s" % (
        blob, tally.text(), load.done(), hows))
    equal(load.refusals[:3], [], "%s: and nothing was refused" % blob)
    ok(max(tally.recovery) < 60, "%s: each start ended" % blob)
    text = victim.read_log()
    ok("ERROR: " not in text and "runtime error" not in text,
       "no sanitizer report")
    victim.remove()


series("blob-segment", ROUNDS - ROUNDS // 4)
series("blob-fs", ROUNDS // 4)
finish()
