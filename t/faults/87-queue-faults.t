#!/usr/bin/env python3
# Calls to the system and to Berkeley DB fail while mail goes out, and the disk is
# full: what was taken arrives or comes back, and nothing twice unless the server
# ended. ROUNDS=n SEED=n repeat it.
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torture  # noqa: E402
from torture import *  # noqa: E402,F403
from faults import *  # noqa: E402,F403
from outgoing import *  # noqa: E402,F403
from small import *  # noqa: E402,F403

ROUNDS = setting("ROUNDS", 12)
SEED = setting("SEED", random.SystemRandom().randrange(1 << 31))
if not os.path.exists(SHIM):
    skip_all("shim.so is not built")
work_dir()
diag("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
rng = random.Random(SEED)
torture.TIMEOUT = 20
WRITING = ("write", "pwrite", "create", "ftruncate", "mkdir")
STEPS = 4


def make_shimmed(**more):
    victim, make_shimmed.control = shimmed(**more)
    return victim


def submit(out, steps):
    """Each sender until it is refused; how many were. A server that has ended keeps
    its sockets, and cannot start while calls fail: the rest need not wait for it."""
    refused = 0
    for sender in out.senders:
        try:
            sender.connect(out.victim.ports["submission"])
            for _ in range(steps):
                sender.step()
        except Refused:
            refused += 1
        except Lost:
            refused += 1
            break
        finally:
            sender.close()
    return refused


def wait_arrivals(out, more, limit=10):
    """A while, until so many more arrived."""
    end, goal = time.monotonic() + limit, out.arrived() + more
    while out.arrived() < goal and time.monotonic() < end:
        time.sleep(0.02)


def choose(typical):
    if rng.random() < 0.25:              # a full disk, from then on
        return ON, WRITING, rng.randrange(1, 1 + sum(
            typical[k] for k in WRITING)), errno.ENOSPC
    kind = rng.choice([k for k in KINDS if typical[k]])
    return (ON if rng.random() < 0.3 else ONCE, (kind,),
            rng.randrange(1, typical[kind] // 4 + 2),
            rng.choice((errno.EIO, errno.ENOSPC)))


def learn(out, control):
    before = control.counts()
    submit(out, STEPS)
    wait_arrivals(out, STEPS)
    after = control.counts()
    return {k: after[k] - before[k] for k in KINDS}


def shim_rounds():
    out = Outgoing(rng, make_shimmed)
    control = make_shimmed.control
    out.victim.start()
    typical = learn(out, control)
    hits = refused = died = 0
    for _ in range(ROUNDS):
        fault = choose(typical)
        pids = out.victim.workers()
        control.arm(*fault)
        refused += submit(out, STEPS)
        wait_arrivals(out, 4, 1)
        n = control.disarm()
        hits += n
        out.victim.wait_answer()
        if out.victim.workers() != pids:
            died += 1
            out.victim.stop()            # its parent would wait the longer
            out.victim.start()
        diag("%s %s, the %d., %s: %d failed" % (
            ("once", "from then on")[fault[0] == ON], "/".join(fault[1]),
            fault[2], NAMES[fault[3]], n))
    out.judge()
    diag("%d calls failed, %d senders were refused, the worker ended itself "
         "%d times" % (hits, refused, died))
    ok(hits > 0, "calls failed")
    equal(out.victim.stop(), 0, "stops in good order")
    out.victim.remove()


def full_disk():
    """Mail is put off; what was sent meanwhile is known when there is room."""
    out = Outgoing(rng, lambda **more: Small("size=64m", **more), {
        "kv-bdb": "reserve: 0\n", "blob-segment": "reserve: 0\n"})
    out.victim.start()
    submit(out, STEPS)
    out.victim.fill(300 << 10)
    refused = 0
    for _ in range(100):
        refused += submit(out, 20)
        if refused >= 4:
            break
    ok(refused >= 4, "mail is put off on a full disk")
    wait_arrivals(out, 10, 3)
    diag("%d taken, %d arrived when it was full" % (out.taken(),
                                                   out.arrived()))
    out.victim.make_room()
    out.victim.wait_answer()
    end = time.monotonic() + 60
    while submit(out, 1) and time.monotonic() < end:
        time.sleep(0.5)
    out.judge()
    equal(out.victim.stop(), 0, "stops in good order")
    out.victim.remove()


shim_rounds()
if can_mount():
    full_disk()
else:
    skip("a full disk", "needs root, and mounts of our own")
finish()
