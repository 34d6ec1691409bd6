#!/usr/bin/env python3
"""bench.py - what Hermod costs: CPU, memory and syncs for each thing it does.

    bench/bench.py [--quick] [--peer FILE] [--runs N] [--json FILE] [PART...]

Starts a server of its own on loopback and measures it, beside the server that
FILE describes, run by run in turn; see README. Everything accepted is read back:
each message must be there exactly once, in the right mailbox, with the right sum.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
os.environ.setdefault("top_srcdir", TOP)
sys.path.insert(0, os.path.join(TOP, "t", "interop"))
import hermod  # noqa: E402

BUILT = os.environ.get("top_builddir", TOP)
LOAD = os.path.join(BUILT, "bench", "load")
PROGRAM = os.path.join(BUILT, ".libs", "hermod")
if os.path.exists(PROGRAM):      # not the script that libtool puts before it
    hermod.HERMOD = PROGRAM
    os.environ["LD_LIBRARY_PATH"] = os.path.dirname(PROGRAM)
TICK = os.sysconf("SC_CLK_TCK")
SCRATCH = tempfile.mkdtemp(prefix="hermod-bench.")
runs = 0


# ---- servers ----

def descendants(pids):
    """These processes and all below them."""
    below = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % p) as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            below.setdefault(parent, []).append(int(p))
        except OSError:
            pass
    found, todo = [], list(pids)
    while todo:
        found.append(todo.pop())
        todo += below.get(found[-1], [])
    return found


class Measured:
    """A server: ports, users, and what its processes use."""

    def cpu(self):
        """Seconds: of living threads to the nanosecond, of processes that
        ended as their parents know it."""
        total = 0.0
        for p in descendants(self.pids()):
            try:
                for t in os.listdir("/proc/%d/task" % p):
                    with open("/proc/%d/task/%s/schedstat" % (p, t)) as f:
                        total += int(f.read().split()[0]) / 1e9
                with open("/proc/%d/stat" % p) as f:
                    w = f.read().rsplit(")", 1)[1].split()
                total += (int(w[13]) + int(w[14])) / TICK
            except OSError:
                pass
        return total

    def memory(self):
        """MiB of all processes, shared pages divided among those who share."""
        total = 0
        for p in descendants(self.pids()):
            try:
                with open("/proc/%d/smaps_rollup" % p) as f:
                    total += int(re.search(r"^Pss:\s+(\d+)", f.read(),
                                           re.M)[1])
            except OSError:
                pass
        return total / 1024


class Ours(Measured):
    name = "hermod"
    password = hermod.PASSWORD

    def __init__(self):
        users = ["anna"] + ["b%d" % i for i in range(9)]
        self.server = hermod.Server(
            conf={"imap": "insecure-login: yes\nmax-connections: 0\n"},
            users=users)
        self.server.pause = 0.0005
        self.users = [u + "@example.org" for u in users]
        p = self.server.ports
        self.smtp, self.imap, self.imaps = p["mx"], p["imap"], p["imaps"]
        self.submissions = p["submissions"]

    def pids(self):
        return [self.server.process.pid]

    def restart(self):
        self.server.stop()
        begun = time.monotonic()
        self.server.start()
        return time.monotonic() - begun

    def close(self):
        self.server.close()


class Peer(Measured):
    def __init__(self, path):
        with open(path) as f:
            self.__dict__.update(json.load(f))

    def pids(self):
        found = []
        for path in self.pid_files:
            with open(path) as f:
                found.append(int(f.read()))
        return found

    restart = None

    def close(self):
        pass


# ---- a client that takes large answers ----

class Imap:
    def __init__(self, target, user):
        self.sock = socket.create_connection(("127.0.0.1", target.imap), 600)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.until(b"* ")
        self.ask('LOGIN "%s" "%s"' % (user, target.password))

    def until(self, start):
        """All up to a line that begins so."""
        parts, tail = [], b""
        while True:
            d = self.sock.recv(1 << 20)
            if not d:
                raise RuntimeError("the server closed the connection")
            parts.append(d)
            tail = (tail + d)[-4096:]
            if tail.endswith(b"\r\n") and \
                    tail[:-2].rsplit(b"\n", 1)[-1].startswith(start):
                return b"".join(parts)

    def ask(self, line, may_fail=False, data=b""):
        self.sock.sendall(b"q%dq " % id(self) + line.encode() + b"\r\n" + data)
        answer = self.until(b"q%dq " % id(self))
        last = answer[:-2].rsplit(b"\n", 1)[-1]
        if last.split(b" ")[1] != b"OK" and not may_fail:
            raise RuntimeError("%s: %s" % (line[:60], last))
        return answer

    def append(self, box, messages):
        for m in messages:
            self.ask("APPEND %s {%d+}" % (box, len(m)), data=m + b"\r\n")

    def multiappend(self, box, messages):
        out = ("APPEND %s" % box).encode()
        for m in messages:
            out += b" {%d+}\r\n" % len(m) + m
        self.sock.sendall(b"q%dq " % id(self) + out + b"\r\n")
        if b" OK " not in self.until(b"q%dq " % id(self)):
            raise RuntimeError("MULTIAPPEND was refused")

    def count(self, box="INBOX"):
        return int(re.search(rb"MESSAGES (\d+)", self.ask(
            "STATUS %s (MESSAGES)" % box))[1])

    def empty(self, box):
        self.ask("CREATE " + box, may_fail=True)
        self.ask("SELECT " + box)
        self.ask("STORE 1:* +FLAGS.SILENT (\\Deleted)", may_fail=True)
        self.ask("EXPUNGE")
        self.ask("CLOSE")


# ---- parts: each returns {row: value} ----

def load(target, *words, tls=False, user=None):
    args = [LOAD, "-p", target.password] + (["-t"] if tls else [])
    if user:
        args += ["-u", user]
    return subprocess.Popen(args + [str(w) for w in words], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def read_back(target, record):
    """How many messages are missing, doubled, strange or damaged."""
    with open(record) as f:
        want = dict(line.split() for line in f)
    seen, bad = {}, 0
    for user in target.users:
        c = Imap(target, user)
        n = int(re.search(rb"\* (\d+) EXISTS", c.ask("EXAMINE INBOX"))[1])
        for low in range(1, n + 1, 500):
            answer = c.ask("FETCH %d:%d (BODY.PEEK[])" %
                           (low, min(n, low + 499)))
            for m in re.finditer(rb"BODY\[\] \{(\d+)\}\r\n", answer):
                text = answer[m.end():m.end() + int(m[1])]
                told = re.search(rb"^X-Bench: (\S+) (\w{8})\r$", text, re.M)
                body = text.partition(b"\r\n\r\n")[2]
                name = told[1].decode() if told else ""
                seen[name] = seen.get(name, 0) + 1
                bad += want.get(name) != user or \
                    zlib.crc32(body) != int(told[2], 16)
    missing = sum(name not in seen for name in want)
    return missing + bad + sum(n - 1 for n in seen.values())


def deliver(target, sessions, count, per=1, size=4096, tls=False, user=None,
            empty=True):
    """{CPU ms a message, stored a second, wrong}"""
    global runs
    runs += 1
    record = os.path.join(SCRATCH, "record")
    clients = [Imap(target, u) for u in target.users]
    for c in clients if empty else []:
        c.empty("INBOX")
    cpu, begun = target.cpu(), time.monotonic()
    p = load(target, "smtp", target.submissions if user else target.smtp,
             sessions, count, per, size, "r%dx%d" % (os.getpid(), runs),
             record, *target.users, tls=tls, user=user)
    out = json.loads(p.communicate()[0])
    while sum(c.count() for c in clients) < out["accepted"]:
        if time.monotonic() > begun + 300:
            break
        time.sleep(0.01)
    took, cpu = time.monotonic() - begun, target.cpu() - cpu
    n = max(out["accepted"], 1)
    return {"CPU ms": cpu * 1e3 / n, "stored/s": n / took,
            "wrong": out["failed"] + read_back(target, record)}


def name_rows(prefix, rows):
    return {"%s %s" % (prefix, k): v for k, v in rows.items()}


def part_smtp(target, a):
    rows = {}
    for sessions, count in ((1, 300), (10, 1000), (50, 2000)):
        rows.update(name_rows("smtp %d" % sessions, deliver(
            target, sessions, count // a.divide)))
    return rows


def part_submit(target, a):
    rows = name_rows("submit", deliver(target, 10, 600 // a.divide, tls=True,
                                       user=target.users[0]))
    rows.update(name_rows("submit 50", deliver(
        target, 10, 1500 // a.divide, per=50, tls=True,
        user=target.users[0])))
    return rows


def message(i, size):
    words = "alpha bravo invoice delta report golf budget tango".split()
    w = words[i % 8], words[i // 8 % 8], words[i // 64 % 8]
    text = ("From: %s %s <%s@example.net>\r\nTo: a@example.org, b@example.org"
            "\r\nSubject: %s %s %d\r\nDate: Thu, 1 Oct 2026 08:00:00 +0000\r\n"
            "Message-ID: <%d.x@example.net>\r\nIn-Reply-To: <%d.x@example.net>"
            "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
            % (w + w[1:] + (i, i, i - 1)))
    return (text + "the quick brown fox jumps over the lazy dog\r\n" *
            (size // 45)).encode()


def part_append(target, a):
    n = 500 // a.divide
    c = Imap(target, target.users[0])
    c.empty("App")
    messages = [message(i, 3700) for i in range(n)]
    cpu, begun = target.cpu(), time.monotonic()
    c.append("App", messages)
    took, cpu = time.monotonic() - begun, target.cpu() - cpu
    return {"append CPU ms": cpu * 1e3 / n, "append /s": n / took,
            "append wrong": n - c.count("App")}


def part_mix(target, a):
    rows = {}
    for clients in (50, 200):
        for user in target.users:
            Imap(target, user).empty("INBOX")
        cpu = target.cpu()
        p = load(target, "imap", target.imap, clients, a.seconds,
                 *target.users)
        out = json.loads(p.communicate()[0])
        rows["mix %d CPU us" % clients] = \
            (target.cpu() - cpu) * 1e6 / max(out["commands"], 1)
        rows["mix %d commands/s" % clients] = \
            out["commands"] / out["seconds"]
        rows["mix %d wrong" % clients] = out["broken"]
    return rows


def time_of(target, rows, name, c, *lines, pattern=None, want=0):
    """The command once cold, then warm, several in turn: the median, and CPU of
    each."""
    cpu, begun = target.cpu(), time.monotonic()
    answer = c.ask(lines[0])
    rows[name + " first ms"] = (time.monotonic() - begun) * 1e3
    rows[name + " first CPU ms"] = (target.cpu() - cpu) * 1e3
    cpu, times = target.cpu(), []
    while len(times) < 4 or (sum(times) < 0.4 and len(times) < 100):
        begun = time.monotonic()
        c.ask(lines[(len(times) + 1) % len(lines)])
        times.append(time.monotonic() - begun)
    rows[name + " ms"] = statistics.median(times) * 1e3
    rows[name + " CPU ms"] = (target.cpu() - cpu) * 1e3 / len(times)
    if pattern:
        rows[name + " wrong"] = abs(len(re.findall(pattern, answer)) - want)


def fill(target, box, n, size):
    c = Imap(target, target.users[0])
    c.ask("CREATE " + box, may_fail=True)
    have = c.count(box)
    for i in range(have, n, 250):
        c.multiappend(box, [message(k, size)
                            for k in range(i, min(i + 250, n))])


def part_big(target, a):
    n, rows = 100000 // a.divide, {}
    fill(target, "Big", n, 300)
    if target.restart:
        target.restart()
    c = Imap(target, target.users[0])
    time_of(target, rows, "big SELECT", c, "SELECT Big",
            pattern=b"[* ]%d EXISTS" % n, want=1)
    time_of(target, rows, "big flags", c, "FETCH 1:* (UID FLAGS)",
            pattern=rb"FETCH \(", want=n)
    time_of(target, rows, "big envelopes", c, "FETCH 1:* (UID FLAGS "
            "INTERNALDATE RFC822.SIZE ENVELOPE)",
            pattern=rb"ENVELOPE \(", want=n)
    time_of(target, rows, "big UNSEEN", c, "UID SEARCH UNSEEN")
    time_of(target, rows, "big SUBJECT", c, 'SEARCH SUBJECT "invoice"')
    time_of(target, rows, "big FROM", c, 'SEARCH FROM "invoice"')
    return rows


def part_bodies(target, a):
    n, rows = 10000 // a.divide, {}
    fill(target, "Mid", n, 3700)
    c = Imap(target, target.users[0])
    c.ask("SELECT Mid")
    time_of(target, rows, "10k bodies", c, "FETCH 1:* (BODY.PEEK[])",
            pattern=rb"BODY\[\]", want=n)
    time_of(target, rows, "10k TEXT", c, 'SEARCH TEXT "absent"')
    time_of(target, rows, "10k STORE", c, "STORE 1:* +FLAGS (\\Flagged)",
            "STORE 1:* -FLAGS (\\Flagged)", pattern=rb"FETCH \(", want=n)
    c.empty("Gone")
    c.ask("SELECT Mid")
    for name, line in (("COPY", "COPY 1:* Gone"),
                       ("EXPUNGE", "EXPUNGE")):
        if name == "EXPUNGE":
            c.ask("SELECT Gone")
            c.ask("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        cpu, begun = target.cpu(), time.monotonic()
        c.ask(line)
        rows["10k %s ms" % name] = (time.monotonic() - begun) * 1e3
        rows["10k %s CPU ms" % name] = (target.cpu() - cpu) * 1e3
        rows["10k %s wrong" % name] = abs(
            c.count("Gone") - (n if name == "COPY" else 0))
    return rows


def part_idle(target, a):
    rows = {}
    if target.restart:
        target.restart()
        time.sleep(2)
    rows["idle none MiB"] = target.memory()
    for tls in (False, True):
        for n in a.idle:
            before = target.memory()
            p = load(target, "idle", target.imaps if tls else target.imap, n,
                     *target.users, tls=tls)
            up = int(p.stdout.readline())
            time.sleep(3)
            name = "idle %d %s" % (n, "TLS" if tls else "plain")
            rows[name + " MiB"] = target.memory()
            rows[name + " KiB each"] = \
                (target.memory() - before) * 1024 / max(up, 1)
            rows[name + " wrong"] = n - int(p.communicate("\n")[0])
            time.sleep(1)
    return rows


def part_start(target, a):
    """The least of ten, which is what it takes when nobody else works."""
    if not target.restart:
        return {}
    took, cpu = [], []
    for _ in range(10):
        took.append(target.restart() * 1e3)
        cpu.append(target.cpu() * 1e3)
    time.sleep(1)
    return {"start ms": min(took), "start CPU ms": min(cpu),
            "start MiB": target.memory()}


def part_syncs(target, a):
    """fsync and its like, counted by perf, which slows nothing down."""
    rows, calls = {}, "fsync fdatasync sync_file_range msync sync syncfs"
    events = ",".join("syscalls:sys_enter_" + c for c in calls.split())
    if not shutil.which("perf"):
        hermod.diag("syncs are not counted: perf (linux-perf) is missing")
        return {}
    for sessions, count in ((1, 100), (50, 2000)):
        out = os.path.join(SCRATCH, "perf")
        for user in target.users:
            Imap(target, user).empty("INBOX")
        time.sleep(2)
        pids = ",".join(map(str, descendants(target.pids())))
        counter = subprocess.Popen(["perf", "stat", "-x,", "-o", out, "-e",
                                    events, "-p", pids])
        time.sleep(1)
        count //= a.divide
        got = deliver(target, sessions, count, empty=False)
        counter.send_signal(signal.SIGINT)
        counter.wait()
        with open(out) as f:
            n = sum(map(int, re.findall(r"^(\d+),", f.read(), re.M)))
        rows["syncs a message, %d sessions" % sessions] = n / count
        rows["syncs %d wrong" % sessions] = got["wrong"]
    return rows


PARTS = {k[5:]: v for k, v in list(globals().items()) if k.startswith("part_")}


# ---- all ----

def table(targets, results):
    rows = list(dict.fromkeys(k for t in targets for k in results[t.name]))
    hermod.diag("%-34s" % "" + "".join("%12s" % t.name for t in targets) +
                ("%9s" % "ratio" if len(targets) > 1 else ""))
    for row in rows:
        values = [statistics.median(results[t.name][row])
                  if row in results[t.name] else None for t in targets]
        text = "%-34s" % row + "".join(
            "%12s" % ("-" if v is None else "%.3g" % v) for v in values)
        if len(values) > 1 and None not in values and values[1]:
            text += "%9.2f" % (values[0] / values[1])
        hermod.diag(text)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("parts", nargs="*", metavar="PART",
                   help="one or more of: %s" % " ".join(PARTS))
    p.add_argument("--quick", action="store_true",
                   help="a tenth of everything, to see that it works")
    p.add_argument("--peer", help="describes another server, see README")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--json", help="append all values to this file")
    p.add_argument("--idle", default="1000,5000",
                   type=lambda s: [int(n) for n in s.split(",")])
    a = p.parse_args()
    if set(a.parts) - set(PARTS):
        p.error("no such part: " + " ".join(set(a.parts) - set(PARTS)))
    a.divide = 10 if a.quick else 1
    a.seconds = 2 if a.quick else 10
    a.runs = 1 if a.quick else a.runs
    a.idle = [20, 100] if a.quick else a.idle
    targets = [Ours()] + ([Peer(a.peer)] if a.peer else [])
    results = {t.name: {} for t in targets}
    wrong = 0
    for part in a.parts or PARTS:
        for run in range(a.runs):
            for t in targets:
                for row, value in PARTS[part](t, a).items():
                    results[t.name].setdefault(row, []).append(value)
                    if t is targets[0] and row.endswith("wrong"):
                        wrong += value
                print("%s: %s, run %d of %d" % (part, t.name, run + 1, a.runs),
                      file=sys.stderr)
    hermod.diag("load average %s; medians of %d runs" % (
        " ".join("%.1f" % x for x in os.getloadavg()), a.runs))
    table(targets, results)
    if a.json:
        with open(a.json, "a") as f:
            json.dump({"load": os.getloadavg(), "results": results}, f)
            f.write("\n")
    for t in targets:
        t.close()
    hermod.equal(wrong, 0, "everything accepted is there once, undamaged")
    hermod.finish()


if __name__ == "__main__":
    try:
        main()
    finally:
        subprocess.run(["rm", "-rf", SCRATCH])
