#!/usr/bin/env python3
"""swap-stress.py - modules come and go while mail flows.

swap-stress.py [--seconds 600] [--rate 500] [--sessions 500] [--accounts 50]

Mail comes in at the rate, the IMAP sessions are in IDLE, some for each account.
Each second the server reloads; in turn every module is replaced by a copy of
itself, and switched off and on where the others allow it. In the end every
message must be there once, every session must have heard of all of its mail, no
connection may have been cut, and the server must not have grown: a quarter of
the time passes without any swaps first, to compare with.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "plug"))
from serving import *  # noqa: E402,F403

PARSER = argparse.ArgumentParser(description=__doc__.split("\n")[0])
PARSER.add_argument("--seconds", type=int, default=600)
PARSER.add_argument("--rate", type=int, default=500)
PARSER.add_argument("--sessions", type=int, default=500)
PARSER.add_argument("--accounts", type=int, default=50)
ARGS = PARSER.parse_args()
BUILD = os.environ.get("top_builddir", ".")
NOOP = "t/plug/modules/noop.c"
NEEDED = ["auth", "store", "kv-bdb", "blob-segment", "directory-yaml"]


def prepare():
    """A folder of modules that may be replaced, ours and foreign ones."""
    folder = tempfile.mkdtemp(prefix="hermod-t.")
    for name in os.listdir(os.path.join(BUILD, ".modules")):
        if name.endswith(".so"):
            shutil.copy(os.path.join(BUILD, ".modules", name), folder)
    os.environ["HERMOD_MODULE_PATH"] = folder
    for name in "noop-one", "noop-two":
        build(folder, name, NOOP, '-DNOOP_NAME="%s"' % name)
    return folder


def make_accounts(server):
    with open(server.path("etc", "domains.yaml"), "w") as f:
        f.write("domains:\n  example.org: {}\naccounts:\n")
        for i in range(ARGS.accounts):
            f.write("  u%d: {addresses: [u%d@example.org]}\n" % (i, i))
    server.command("reload")

    def set_passwords(numbers):
        for i in numbers:
            subprocess.run([hermod.HERMOD, "-c", server.path("etc"),
                            "account", "password", "u%d" % i],
                           input=hermod.PASSWORD + "\n", text=True,
                           stdout=subprocess.DEVNULL, check=True)
    threads = [threading.Thread(target=set_passwords, args=(
        range(k, ARGS.accounts, 8),)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


class Swaps(threading.Thread):
    """One swap after the other; what goes wrong is collected."""

    def __init__(self, server, folder):
        super().__init__()
        self.server, self.folder = server, folder
        self.stop = threading.Event()
        self.wrong, self.counts, self.slowest = [], {}, 0.0
        self.version = 0

    def hermod(self, what, *words, want=0):
        began = time.monotonic()
        r = subprocess.run([hermod.HERMOD, "-c", self.server.path("etc")] +
                           list(words), stdin=subprocess.DEVNULL, text=True,
                           capture_output=True, timeout=300)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.counts[what] = self.counts.get(what, 0) + 1
        if r.returncode != want:
            self.wrong.append("%s: status %d: %s" % (
                " ".join(words), r.returncode, r.stderr.strip()))

    def replace(self, name):
        """As a package manager does: another file under the same name."""
        path = os.path.join(self.folder, name + ".so")
        if name.startswith("noop"):
            self.version += 1
            build(self.folder, name, NOOP, '-DNOOP_NAME="%s"' % name,
                  '-DNOOP_VERSION="%d"' % self.version)
        else:
            shutil.copy(path, path + ".new")
            os.rename(path + ".new", path)
        self.hermod("upgrade", "reload")

    def turn(self, name):
        self.replace(name)
        self.pause()
        if name in NEEDED:
            self.hermod("refused", "module", "disable", name, want=1)
            return
        self.hermod("disable", "module", "disable", name)
        # Who knocks at a closed door is not being dropped, but waits.
        if name not in ("smtp", "imap"):
            self.pause()
        self.hermod("enable", "module", "enable", name)

    def pause(self):
        self.stop.wait(1)
        if not self.stop.is_set():
            self.hermod("reload", "reload")

    def run(self):
        names = sorted(n[:-3] for n in os.listdir(self.folder)
                       if n.endswith(".so") and os.path.exists(
                           self.server.path("etc", "conf.d", n[:-3] + ".yaml")))
        while not self.stop.is_set():
            for name in names:
                if not self.stop.is_set():
                    self.turn(name)
                    self.pause()


class Sizes:
    """What the worker holds, looked at now and then."""

    def __init__(self, server):
        self.server, self.pid, self.rows = server, server.worker(), []

    def look(self):
        base = "/proc/%d/" % self.pid
        with open(base + "status") as f:
            fields = dict(line.split(":", 1) for line in f)
        with open(base + "maps") as f:
            maps = f.read().splitlines()
        self.rows.append({
            "rss": int(fields["RssAnon"].split()[0]),
            "threads": int(fields["Threads"]),
            "fds": len(os.listdir(base + "fd")),
            "maps": len(maps),
            "codes": len({m.split()[-1] for m in maps if "/code/" in m}),
        })
        return self.rows[-1]


def middle(rows, key):
    return statistics.median(r[key] for r in rows)


def watch(load, sizes, swaps):
    """Follows the load; the rows from before and from during the swaps."""
    began, calm, wild, sent = time.monotonic(), [], [], 0
    for line in load.stdout:
        if not line.startswith("sent "):
            return line, calm, wild, sent
        passed = time.monotonic() - began
        row = sizes.look()
        row["sent"] = int(line.split()[1])
        row["time"] = passed
        if passed < ARGS.seconds / 4:
            calm.append(row)
            continue
        wild.append(row)
        if not swaps.is_alive() and not swaps.stop.is_set():
            swaps.start()
    return "", calm, wild, sent


def settle(server, sizes):
    """All sessions have left: what does the server hold now?"""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        out = server.command("generations", "--json")
        if out.count('"state": "retired"') == 0:
            break
        time.sleep(0.2)
    return out, sizes.look()


def growth(rows):
    """Anonymous memory in bytes for each message, by the thirds of a phase."""
    n = max(1, len(rows) // 3)
    sent = middle(rows[-n:], "sent") - middle(rows[:n], "sent")
    return (middle(rows[-n:], "rss") - middle(rows[:n], "rss")) * 1024 / max(
        1, sent)


def main():
    folder = prepare()
    server = Serving({"noop-one": "", "noop-two": ""})
    make_accounts(server)
    sizes = Sizes(server)
    start = sizes.look()
    diag("before any session: %s" % start)
    load = subprocess.Popen(
        [os.path.join(BUILD, "t/stress/swap-load"), str(server.ports["mx"]),
         str(server.ports["imaps"]), str(ARGS.rate), str(ARGS.sessions),
         str(ARGS.accounts), str(ARGS.seconds), hermod.PASSWORD], stdout=subprocess.PIPE, text=True)
    ok(load.stdout.readline() == "ready\n", "%d sessions are in IDLE" %
       ARGS.sessions)
    diag("all in IDLE: %s" % sizes.look())
    swaps = Swaps(server, folder)
    line, calm, wild, _ = watch(load, sizes, swaps)
    swaps.stop.set()
    if swaps.is_alive():
        swaps.join()
    rest = load.stdout.read()
    figures = (line + rest).strip()
    equal(load.wait(), 0, "nothing lost, doubled, deferred, cut or untold")
    diag(figures)
    diag("swaps: %s, slowest command %.2f s" % (swaps.counts, swaps.slowest))
    ok(swaps.counts.get("upgrade", 0) > 0 and not swaps.wrong,
       "every swap did what it should")
    for text in swaps.wrong[:20]:
        diag(text)
    for rows, name in (calm, "calm"), (wild, "swaps"):
        if len(rows) > 3:
            diag("%s: %.0f messages/s, anonymous memory %+.0f bytes a message; "
                 "first %s, last %s" % (
                     name, (rows[-1]["sent"] - rows[0]["sent"]) /
                     (rows[-1]["time"] - rows[0]["time"]), growth(rows),
                     rows[0], rows[-1]))
    if not wild:
        diag("no figures: the load ended too early")
        server.close()
        finish()
    n = max(1, len(wild) // 4)
    for key in "fds", "threads", "maps", "codes":
        first, last = middle(wild[n:2 * n] or wild, key), middle(wild[-n:], key)
        ok(last <= first + max(4, first // 20), "%s do not grow (%d to %d)" %
           (key, first, last))
    out, end = settle(server, sizes)
    diag("all sessions gone: %s\n%s" % (end, server.command("generations")))
    ok('"retired"' not in out, "no old generation is left")
    ok(end["fds"] <= start["fds"] + 4, "nor a descriptor (%d to %d)" %
       (start["fds"], end["fds"]))
    equal(server.worker(), sizes.pid, "the worker is the one that began")
    server.close()
    shutil.rmtree(folder, ignore_errors=True)
    finish()


if sanitized():
    skip_all("figures of a sanitized build say nothing")
main()
