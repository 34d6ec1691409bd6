#!/usr/bin/env python3
"""drain.py - how fast mail leaves, beside Postfix; what a long queue costs.

    bench/drain.py [--count N] [--runs N] [--long N] [drain|through|memory...]

"drain": the messages wait, since smtp-sink is stopped while they are handed in;
"through": it runs, and all is over when the last one is there. "memory": what the
server holds with 1,000, with half of --long and with --long messages for domains
that are dead. Needs root, and postfix and dovecot-core, installed or in $PEERS (t/peers/README).
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
os.environ.setdefault("top_srcdir", TOP)
sys.path.insert(0, os.path.join(TOP, "t", "peers"))
import lab  # noqa: E402
import servers  # noqa: E402

SCRATCH = lab.enter(disk=True)
import bench  # noqa: E402
import hermod  # noqa: E402

SESSIONS, PER, SIZE, DOMAINS = 20, 50, 4096, 10
SYNCS = ",".join("syscalls:sys_enter_" + c for c in (
    "fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs"))


class Sink:
    """smtp-sink, which counts aloud."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            ["smtp-sink", "-c", "-u", "nobody", "127.0.0.1:%d" % port, "1000"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.count = self.base = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        text = b""
        while more := os.read(self.process.stdout.fileno(), 65536):
            text = (text + more)[-4096:]
            found = re.findall(rb"mesg=(\d+)|message=(\d+)", text)
            if found:
                self.count = int(found[-1][0] or found[-1][1])

    def zero(self):
        self.base = self.count

    def wait(self, n, limit=900):
        end = time.monotonic() + limit
        while self.count - self.base < n and time.monotonic() < end:
            time.sleep(0.01)
        return self.count - self.base

    def signal(self, number):
        self.process.send_signal(number)


class Postfix(bench.Measured):
    name = "postfix"
    user, password = "anna", lab.PASSWORD

    def __init__(self, sink_port):
        self.port = hermod.free_port()
        lab.write("/etc/postfix/main.cf", """compatibility_level = 3.6
queue_directory = %s/postfix
myhostname = mx.postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = smtp:[127.0.0.1]:%d
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = /run/lab-auth
smtpd_sasl_auth_enable = yes
smtpd_client_event_limit_exceptions = static:all
smtpd_relay_restrictions = permit_sasl_authenticated, reject
maillog_file = /var/log/postfix.log
in_flow_delay = 0s
""" % (SCRATCH, sink_port))
        with open("/usr/share/postfix/master.cf.dist") as f:
            text = re.sub(r"(?m)^(smtp +inet|#|postlog).*\n", "", f.read())
        text = re.sub(r"(?m)^(\S+ +\S+ +\S+ +\S+ +)[-y]( )", r"\1n\2", text)
        lab.write("/etc/postfix/master.cf", "127.0.0.1:%d inet n - n - - smtpd\n"
                  "postlog unix-dgram n - n - 1 postlogd\n" % self.port + text)
        os.makedirs(SCRATCH + "/postfix")
        os.makedirs("/var/lib/postfix", exist_ok=True)
        shutil.chown("/var/lib/postfix", "postfix")
        subprocess.run(["postfix", "set-permissions"], capture_output=True)
        if not servers.start_dovecot("/run/lab-auth") or not lab.start(
                "postfix", "postfix", "start-fg", port=("127.0.0.1", self.port)):
            hermod.skip_all("Postfix and Dovecot are missing, see "
                            "t/peers/README")

    def pids(self):
        with open(SCRATCH + "/postfix/pid/master.pid") as f:
            return [int(f.read())]

    def close(self):
        pass


class Ours(bench.Measured):
    name = "hermod"
    user, password = "anna@example.org", hermod.PASSWORD

    def __init__(self, sink_port, queue="", more=None):
        self.server = hermod.Server({
            **(more or {}), "smtp": "insecure-login: yes\n", "smtp-client": "",
            "queue": "max-outgoing-per-day: 0\nmax-first-time-per-day: 0\n" +
            queue + "routes:\n  all: {transport: sink}\n",
            "queue-transport-smtp": "transports:\n  sink: {host: 127.0.0.1, "
            "port: %d, tls: never}\n" % sink_port})
        self.port = self.server.ports["submission"]

    def pids(self):
        return [self.server.process.pid]

    def close(self):
        self.server.close()


def submit(target, count, domain="d%d.remote.test"):
    """Seconds it took."""
    begun = time.monotonic()
    p = bench.load(target, "smtp", target.port, SESSIONS, count, PER, SIZE,
                   "q%d" % count, os.devnull, *("x@" + domain % i for i in range(
                       DOMAINS)), user=target.user)
    out = bench.json.loads(p.communicate()[0])
    if out["accepted"] != count:
        raise RuntimeError("%s took %d of %d" % (target.name, out["accepted"],
                                                 count))
    return time.monotonic() - begun


class Syncs:
    """Counted by perf, of all processes that are there when it begins."""

    def __init__(self, target):
        self.out = os.path.join(SCRATCH, "perf")
        self.process = None
        if shutil.which("perf"):
            pids = ",".join(map(str, bench.descendants(target.pids())))
            self.process = subprocess.Popen(
                ["perf", "stat", "-x,", "-o", self.out, "-e", SYNCS, "-p", pids],
                stderr=subprocess.DEVNULL)
            time.sleep(1)

    def end(self):
        if not self.process:
            return None
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        with open(self.out) as f:
            return sum(map(int, re.findall(r"^(\d+),", f.read(), re.M)))


def drain(target, sink, count):
    sink.signal(signal.SIGSTOP)
    sink.zero()
    took = submit(target, count)
    syncs = Syncs(target) if target.name == "hermod" else None
    cpu, begun = target.cpu(), time.monotonic()
    sink.signal(signal.SIGCONT)
    got = sink.wait(count)
    took_out, cpu = time.monotonic() - begun, target.cpu() - cpu
    rows = {"drain, messages/s": got / took_out, "drain, CPU ms": cpu * 1e3 / got,
            "handed in before, messages/s": count / took, "missing": count - got}
    if syncs:
        n = syncs.end()
        if n is not None:
            rows["drain, syncs a message"] = n / got
    return rows


def through(target, sink, count):
    sink.zero()
    cpu, begun = target.cpu(), time.monotonic()
    submit(target, count)
    got = sink.wait(count)
    took, cpu = time.monotonic() - begun, target.cpu() - cpu
    return {"through, messages/s": got / took, "through, CPU ms": cpu * 1e3 / got,
            "missing": count - got}


def memory(long):
    """The tables' cache fills whatever is in them, so it is small here."""
    target = Ours(1, "retry: 1d\n", {"kv-bdb": "cache: 4M\n"
                                          "checkpoint: 4M\n"})
    rows, have = [], 0
    for n in (1000, long // 2, long):
        submit(target, n - have, "dead%d.test")
        have = n
        time.sleep(5)
        rows.append(target.memory())
        hermod.diag("%d messages wait: %.1f MiB" % (n, rows[-1]))
    target.close()
    hermod.ok(rows[2] < rows[1] + 2, "memory does not grow with the queue")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("parts", nargs="*", metavar="PART",
                   help="drain, through, memory; without any: all")
    p.add_argument("--count", type=int, default=10000)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--long", type=int, default=50000)
    p.add_argument("--alone", action="store_true", help="without Postfix")
    a = p.parse_args()
    parts = a.parts or ["drain", "through", "memory"]
    if set(parts) & {"drain", "through"}:
        port = hermod.free_port()
        sink = Sink(port)
        targets = [Ours(port)] + ([] if a.alone else [Postfix(port)])
        results = {t.name: {} for t in targets}
        for _ in range(a.runs):
            for t in targets:
                for part in (x for x in parts if x != "memory"):
                    for row, value in globals()[part](t, sink, a.count).items():
                        results[t.name].setdefault(row, []).append(value)
        bench.table(targets, results)
        for t in targets:
            hermod.equal(sum(results[t.name]["missing"]), 0,
                         t.name + ": nothing is missing")
            t.close()
    if "memory" in parts:
        memory(a.long)
    hermod.finish()


main()
