#!/usr/bin/env python3
"""bench-hooks.py - what hooks cost: alone, and as a part of receiving mail.

bench-hooks.py [--calls 1000000] [--pairs 20] [--messages 1000] [--check]

First the processor time of one question, with none, one and 20 plugins that have
no opinion, and with one that is isolated, in nanoseconds. Then that of the server
for one message, with and without 20 of them, in turn; and with an isolated one.
--check fails if 20 cost more than 2 of 100.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "plug"))
from serving import *  # noqa: E402,F403

PARSER = argparse.ArgumentParser(description=__doc__.split("\n")[0])
PARSER.add_argument("--calls", type=int, default=1000000)
PARSER.add_argument("--pairs", type=int, default=20)
PARSER.add_argument("--messages", type=int, default=1000)
PARSER.add_argument("--check", action="store_true")
ARGS = PARSER.parse_args()
WARM = 50
BUILD = os.environ.get("top_builddir", ".")
NAMES = ["noop-%02d" % i for i in range(20)]


def cost(folder, n, isolate=False):
    """Nanoseconds of a question to n plugins: of the asking process, and until the
    answer is there."""
    conf = tempfile.mkdtemp(prefix="hermod-t.")
    os.mkdir(os.path.join(conf, "conf.d"))
    os.mkdir(os.path.join(conf, "data"))
    with open(os.path.join(conf, "hermod.yaml"), "w") as f:
        f.write("hostname: mail.example\ndata-dir: %s/data\n" % conf)
    for name in NAMES[:n]:
        with open(os.path.join(conf, "conf.d", name + ".yaml"), "w") as f:
            f.write("enabled: yes\nisolate: %s\n" %
                    ("yes" if isolate else "no"))
    # The program that isolates must lie beside the one that asks.
    for program in ("t/stress/hook-cost", ".libs/hermod"):
        shutil.copy(os.path.join(BUILD, program), conf)
    env = dict(os.environ, HERMOD_MODULE_PATH=folder,
               LD_LIBRARY_PATH=os.path.join(BUILD, ".libs"))
    calls = ARGS.calls // (50 if isolate else 1)
    out = [tuple(map(float, subprocess.run(
        [os.path.join(conf, "hook-cost"), conf, str(calls)], env=env,
        check=True, capture_output=True, text=True).stdout.split()))
        for _ in range(3)]
    shutil.rmtree(conf)
    return min(out)


def cpu(pid):
    """Processor time of the process in seconds, to the nanosecond."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def switch(server, on, names=NAMES, isolate=False):
    for name in NAMES:
        server.conf(name, "enabled: %s\nisolate: %s\n" %
                    ("yes" if on and name in names else "no",
                     "yes" if isolate else "no"))
    server.command("reload")


def send(server, messages):
    """As many sessions at once as make mail come in fast, a message in each."""
    out = subprocess.run(
        [os.path.join(BUILD, "bench", "load"), "smtp",
         str(server.ports["mx"]), "10", str(messages), "1", "4096", "run",
         os.devnull, "anna@example.org"],
        check=True, capture_output=True, text=True).stdout
    if json.loads(out)["accepted"] != messages:
        raise RuntimeError("not all accepted: " + out)


def receive(server, own=()):
    """Processor time of the worker, and of processes of modules, for each message,
    in microseconds. The first messages after a reload do not count: meanwhile the
    old generation is closed, and the new code is touched for the first time."""
    pids = (server.worker(),) + tuple(own)
    send(server, WARM)
    before = sum(cpu(pid) for pid in pids)
    send(server, ARGS.messages)
    return (sum(cpu(pid) for pid in pids) - before) / ARGS.messages * 1e6


def main():
    folder = tempfile.mkdtemp(prefix="hermod-t.")
    for name in NAMES:
        build(folder, name, "t/plug/modules/noop.c",
              '-DNOOP_NAME="%s"' % name, "-O2")
    costs = {n: cost(folder, n)[0] for n in (0, 1, 20)}
    for n, ns in costs.items():
        diag("a question to %2d plugins: %7.1f ns" % (n, ns))
    diag("each of 20: %.1f ns" % ((costs[20] - costs[0]) / 20))
    diag("a question to one that is isolated: %.0f ns of the server's "
         "processor time, %.0f ns until the answer" % cost(folder, 1, True))
    os.environ["HERMOD_MODULE_PATH"] = (folder + ":" + os.environ.get(
        "HERMOD_MODULE_PATH", ""))
    server = Serving()
    receive(server)
    ratios, without, with_ = [], [], []
    for i in range(ARGS.pairs):
        # Turn about, so that what changes over time meets both.
        figures = {}
        for on in (i % 2 == 0, i % 2 == 1):
            switch(server, on)
            figures[on] = receive(server)
        without.append(figures[False])
        with_.append(figures[True])
        ratios.append(figures[True] / figures[False])
        diag("a message: %.1f us without, %.1f us with 20 plugins (%+.2f %%)" % (
            figures[False], figures[True], (ratios[-1] - 1) * 100))
    more = (statistics.median(ratios) - 1) * 100
    # What else the machine does only adds: the quieter runs say more.
    quiet = [statistics.quantiles(x, n=4)[0] for x in (without, with_)]
    diag("quieter quarter of the runs: %.1f us without, %.1f us with (%+.2f %%); "
         "medians: %.1f us, %.1f us" % (quiet[0], quiet[1],
         (quiet[1] / quiet[0] - 1) * 100, statistics.median(without),
         statistics.median(with_)))
    # Old sessions keep the process of their generation: there are none now.
    switch(server, True, NAMES[:1], isolate=True)
    own = [int(p) for p in re.findall(r"isolated, pid (\d+)",
                                      server.command("generations"))]
    alone = receive(server, own)
    diag("a message with one isolated plugin: %.1f us, its process included "
         "(%+.1f us)" % (alone, alone - statistics.median(without)))
    # Five or six questions for each message; mean figures are noisy.
    stats = server.command("module", "stats", NAMES[0])
    calls = sum(int(r.split()[2]) for r in stats.splitlines()[1:])
    sent = (ARGS.messages + WARM) * (ARGS.pairs + 1)
    part = (costs[20] - costs[0]) * calls / sent / 10 / statistics.median(without)
    diag("median: %+.2f %%; by %.1f questions for each message and the cost of "
         "each: %+.2f %%" % (more, calls / sent, part))
    ok(part < 2, "20 plugins that have no opinion cost less than 2 of 100")
    if ARGS.check:
        ok(more < 2, "and so says the load")
    server.close()
    shutil.rmtree(folder)
    finish()


if sanitized():
    skip_all("figures of a sanitized build say nothing")
main()
