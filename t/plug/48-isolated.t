#!/usr/bin/env python3
# P01 with "isolate: yes": whatever a plugin does in a process of its own costs the
# calls that it has not answered. The worker goes on, and sessions do not notice.
import os
import re
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import *  # noqa: E402,F403

modules = tempfile.mkdtemp(prefix="hermod-t.")
os.environ["HERMOD_MODULE_PATH"] = (modules + ":" +
                                    os.environ.get("HERMOD_MODULE_PATH", ""))
build(modules, "bad", "t/plug/modules/bad.c")
build(modules, "rogue", "t/plug/modules/rogue.c")
slow = sanitized()
server = Serving({"bad": "isolate: yes\ndeadline: 3s\n",
                  "rogue": "isolate: yes\ndeadline: 10s\n"},
                 "loop-warn: 5s\n")
worker = server.worker()


def processes():
    """Of modules, by the parent of the server: {pid: state}."""
    path = "/proc/%d/task/%d/children" % ((server.process.pid,) * 2)
    with open(path) as f:
        pids = [int(p) for p in f.read().split()]
    found = {}
    for pid in pids:
        try:
            with open("/proc/%d/cmdline" % pid) as f:
                if "module-process" in f.read():
                    with open("/proc/%d/stat" % pid) as f:
                        found[pid] = f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            pass
    return found


def state(name):
    """pid (0: none) and restarts, as the server tells them."""
    found = re.search(r"%s: isolated, (?:pid (\d+)|no process now), (\d+) re" %
                      name, server.command("generations"))
    return int(found.group(1) or 0), int(found.group(2))


def back(name):
    """Waits until it runs (again); its pid."""
    end = time.monotonic() + 70
    while time.monotonic() < end:
        pid, _ = state(name)
        if pid and ask(name, b"hello")[0] == 250:
            return pid
        time.sleep(0.05)
    return 0


def ask(name, how, timeout=60):
    s = server.smtp()
    try:
        s.sock.settimeout(timeout)
        return s.ask(b"MAIL FROM:<" + how + b"@" + name.encode() +
                     b".example>")
    finally:
        s.sock.close()


# The other one must not act on what this one is asked: each is alone here.
def only(name):
    for other in ("bad", "rogue"):
        server.conf(other, "isolate: yes\ndeadline: %s\nenabled: %s\n" %
                    ("3s" if other == "bad" else "10s",
                     "yes" if other == name else "no"))
    server.command("reload")
    equal(server.status, 0, "a server with %s isolated" % name)


def begin_anew():
    """Without the pauses that repeated deaths earn."""
    server.command("reload")


only("bad")
ok(re.search(r"^bad +isolated ", server.command("module", "list"), re.M),
   "module list says that it is isolated")
pid, restarts = state("bad")
ok(pid in processes() and restarts == 0, "generations tell its process")
with open("/proc/%d/cmdline" % pid) as f:
    ok(f.read().split("\0")[1:3] == ["module-process", "bad"],
       "which is named after it")
ok("/bad." not in server.maps(worker), "its file is not loaded by the worker")
witness = server.smtp()

CRASHES = [(b"crash", "crash"), (b"divide", "division by zero"),
           (b"recurse", "deep recursion"), (b"pointer", "bad pointer"),
           (b"job", "crash in a worker job")]
OTHERS = [(b"abort", "abort"), (b"exit", "exit()"), (b"loop", "endless loop"),
          (b"block", "blocks for 60 s")]
# Sanitizers report the crash of a plugin as if it were a mistake of ours.
for how, name in ([] if slow else CRASHES) + OTHERS:
    pid = back("bad")
    equal(ask("bad", how)[0], 451, "P01 %s: the call is deferred" % name)
    equal(witness.ask(b"NOOP")[0], 250, "P01 %s: sessions go on" % name)
    new = back("bad")
    ok(new not in (0, pid), "P01 %s: it runs again" % name)
    ok(pid not in processes(), "P01 %s: nothing is left of the old one" % name)
    begin_anew()
if not slow:
    since = len(server.read_log())
    ok(ask("bad", b"timer")[0] in (250, 451), "P01 a crash in a timer")
    ok(server.wait_log(r'is gone" module=bad', since), "P01 it is told")
back("bad")
equal(ask("bad", b"stall")[0], 250, "P01 a stall that ends by itself")
pid, restarts = state("bad")
for how, code, text in [(b"late", 451, b""), (b"fail", 451, b""),
                        (b"kind", 451, b""), (b"text", 550, b"5.7.1 xxx"),
                        (b"twice", 550, b"5.7.1 the first"),
                        (b"fork", 250, b""), (b"print", 250, b""),
                        (b"fds", 250, b"")]:
    got = ask("bad", how)
    ok(got[0] == code and got[1].startswith(text) and len(got[1]) < 2000,
       "P01 %s: as in the server's own process (%d)" % (how.decode(), got[0]))
equal(state("bad"), (pid, restarts), "P01 these cost no process")
ok(server.wait_log('isolated module wrote" module=bad text="250 this'),
   "P01 what it prints is in the log")
equal(witness.ask(b"NOOP")[0], 250, "P01 a session from before all this is served")
equal(server.deliver(b"after"), 250, "P01 mail comes")

only("rogue")
pid = back("rogue")
if slow:
    skip("limits of memory and system calls", "sanitizers need more")
elif not re.search(r"m=sandbox landlock=[1-9]\d* seccomp=yes",
                   server.read_log()):
    skip("what a sandbox holds back", "this kernel has none")
else:
    equal(ask("rogue", b"escape"), (550, b"5.7.1 ways out 0"),
          "no file, no socket, no other process is in its reach")
    equal(ask("rogue", b"bomb"), (550, b"5.7.1 made 0"), "P01 fork bomb")
    equal(ask("rogue", b"shared"), (550, b"5.7.1 shared 0"),
          "no memory that no limit counts")
    code, text = ask("rogue", b"descriptors")
    ok(code == 550 and int(text.split()[-1]) < 200,
       "P01 descriptors are limited (%s)" % text.decode())
    # Out of them it may die of what it does next.
    begin_anew()
    back("rogue")
    code, text = ask("rogue", b"gigabyte")
    ok(code == 451 or (code == 550 and int(text.split()[-1]) < 256),
       "P01 a leak of 1 GB ends at its limit (%s)" % text.decode())
    equal(witness.ask(b"NOOP")[0], 250, "P01 and nobody else misses memory")

for how, why in [(b"close", "it ended|it does not"), (b"garbage", "it "),
                 (b"lie", "it sent"), (b"answers", "it answered|makes no sense"),
                 (b"count", "it counted"), (b"babble", "it talks|it does not")]:
    begin_anew()
    pid = back("rogue")
    since = len(server.read_log())
    code = ask("rogue", how)[0]
    ok(code in (250, 451), "P01 %s (%d)" % (how.decode(), code))
    ok(server.wait_log(r'is gone" module=rogue pid=%d why="(%s)' % (pid, why),
                       since), "P01 %s: the process is ended" % how.decode())
    ok(back("rogue") not in (0, pid), "P01 %s: it runs again" % how.decode())
begin_anew()
back("rogue")
since = len(server.read_log())
ask("rogue", b"forge")
ok(server.wait_log(r'l=error m=forged peer="1\\n2026 l=info m=two" module=rogue',
                   since), "a line that it forges is one line, under its name")
since = len(server.read_log())
equal(ask("rogue", b"flood")[0], 250, "a flood of lines")
ok(server.read_log()[since:].count("m=flood") <= 500, "is cut")
equal(server.worker(), worker, "P01 all that by the same worker")

# Its numbers.
begin_anew()
back("rogue")


def metric(name):
    found = re.search(r"^hermod_rogue_%s (\d+)$" % name,
                      server.command("metrics"), re.M)
    return int(found.group(1)) if found else -1


before, held = metric("asked_total"), metric("held")
for i in range(3):
    ask("rogue", b"hello")
equal(metric("asked_total"), before + 3, "what it counts is counted here")
equal(metric("held"), held + 3, "a gauge")
pid, restarts = state("rogue")
os.kill(pid, signal.SIGKILL)
time.sleep(0.1)
ok(metric("held") < held + 3 and metric("asked_total") == before + 3,
   "a gauge falls with the process that held it, a counter does not")
back("rogue")
ok(state("rogue")[1] == restarts + 1, "restarts are counted")
ok(re.search(r'^hermod_module_restarts_total\{module="rogue"\} [1-9]',
             server.command("metrics"), re.M), "also in the metrics")
ok(re.search(r"^rogue +mail_from.* [1-9]\d*$",
             server.command("module", "stats", "rogue"), re.M),
   "and in module stats")

# Settings.
server.conf("rogue", "isolate: yes\nnumber: 11\nwrod: x\n")
server.command("reload")
ok(server.status == 1 and "rogue.yaml:2:9: error" in server.stderr and
   "rogue.yaml:3:1: error" in server.stderr and "did you mean \"word\"" in
   server.stderr and "wrod: x\n    ^~~~" in server.stderr,
   "mistakes come with their places")
diag(server.stderr)
server.command("config", "check")
ok(server.status == 1 and "rogue.yaml:2:9: error" in server.stderr,
   "config check finds the same")
server.conf("rogue", "isolate: yes\nnumber: 7\n")
server.command("reload")
ok(server.status == 1 and "seven is not allowed" in server.stderr,
   "check() is asked there")
equal(ask("rogue", b"hello")[0], 250, "the old settings go on")
server.conf("rogue", "isolate: yes\nnumber: 4\nword: two words\n")
shown = server.command("config", "show", "rogue")
ok(re.search(r'^word: "?two words"? +# .*rogue.yaml:3', shown, re.M) and
   re.search(r"^isolate: yes ", shown, re.M), "config show")
diag(shown)
example = server.command("config", "example", "rogue")
ok("number: 3" in example and "isolate-memory: 256M" in example,
   "config example")
ok(" rogue " in server.command("hooks", "mail-from"), "hooks")
with open(server.path("etc", "words.txt"), "w") as f:
    f.write("words of a file")
os.chmod(f.name, 0o644)
server.conf("rogue", "isolate: yes\nfile: words.txt\n")
server.command("reload")
equal(ask("rogue", b"read"), (550, b"5.7.1 words of a file"),
      "a file that its settings name can be read")
server.conf("rogue", "isolate: yes\n")
for flags, text, why in [
    (["-DROGUE_NEEDS=\"kv\""], "needs", "it needs \"kv\" of another module"),
    (["-DROGUE_DIES"], "dies as it is loaded", "died while it was loaded"),
]:
    build(modules, "rogue", "t/plug/modules/rogue.c", *flags)
    server.command("reload")
    ok(server.status == 1 and why in server.stderr,
       "refused: what %s" % text)
    diag(server.stderr.split("\n")[0])
for flags, why in [(["-DBAD_SIZE=100000"], "descriptor of"),
                   (["-DBAD_CONF=8"], "outside the 8 bytes")]:
    build(modules, "bad", "t/plug/modules/bad.c", *flags)
    server.conf("bad", "isolate: yes\n")
    server.command("reload")
    ok(server.status == 1 and why in server.stderr,
       "P01 lies about size: refused, with the reason")
server.conf("bad", "enabled: no\n")
server.conf("store", "isolate: yes\n")
server.command("config", "check")
ok(server.status == 1 and "remove \"isolate: yes\"" in server.stderr,
   "refused: a provider, with what to do")
server.conf("store", "")
build(modules, "rogue", "t/plug/modules/rogue.c")
server.command("reload")
equal(server.status, 0, "mended, it is taken over")
equal(server.deliver(b"more"), 250, "and mail comes")

# Nothing is left.
left = processes()
server.stop()
ok(left and not any(os.path.exists("/proc/%d" % pid) for pid in left),
   "a stop leaves no process behind")
server.start()


def gone(pids):
    end = time.monotonic() + 30
    while any(os.path.exists("/proc/%d" % p) for p in pids) and \
            time.monotonic() < end:
        time.sleep(0.05)
    return pids and not any(os.path.exists("/proc/%d" % p) for p in pids)


left = processes()
since = len(server.read_log())
os.kill(server.worker(), signal.SIGKILL)
ok(gone(left), "kill -9 of the worker ends its processes")
server.wait_log("m=ready", since)
equal(ask("rogue", b"hello")[0], 250, "the next worker has its own")
left = processes()
server.process.kill()
server.process.wait()
ok(gone(left), "kill -9 of the parent leaves none behind")
witness.sock.close()
server.close()


# The same without a parent.
class Alone(hermod.Server):
    def start(self):
        self.process = subprocess.Popen(
            [hermod.HERMOD, "localserve", "--dir", self.path("etc")],
            stdout=open(self.log, "ab"), stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL)
        self.wait_ready()

    conf = Serving.conf
    smtp = Serving.smtp


def family(pid):
    """Its children and theirs."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        pids = [int(p) for p in f.read().split()]
    return pids + [p for child in pids for p in family(child)]


server = Alone({"rogue": "isolate: yes\n"})
equal(ask("rogue", b"hello")[0], 250, "localserve has isolated modules, too")
equal(ask("rogue", b"slow")[0], 250, "which may take their time")
os.kill(state("rogue")[0], signal.SIGKILL)
ok(back("rogue"), "and are started again")
left = family(server.process.pid)
server.kill()
ok(gone(left), "kill -9 leaves none behind")
server.start()
server.close()
finish()
