#!/usr/bin/env python3
# P01: plugins that crash, hang, leak and lie, in the server's own process. Each
# is named, the worker comes back, nothing acknowledged is lost.
import imaplib
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import *  # noqa: E402,F403

if sanitized():
    skip_all("sanitizers tell crashes in their own way")

modules = tempfile.mkdtemp(prefix="hermod-t.")
os.environ["HERMOD_MODULE_PATH"] = (modules + ":" +
                                    os.environ.get("HERMOD_MODULE_PATH", ""))
build(modules, "bad", "t/plug/modules/bad.c")
server = Serving({"bad": ""},
                 "loop-warn: 300ms\nloop-limit: 2s\ncrash-limit: 0\n")
sent = 0


def subjects():
    m = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"],
                          ssl_context=server.tls_context())
    m.login("anna", PASSWORD)
    _, n = m.select("INBOX")
    m.logout()
    return int(n[0])


def deliver():
    global sent
    code = server.deliver(b"number %d" % sent)
    sent += code == 250
    return code == 250


def restart():
    """Without the pauses that repeated crashes earn."""
    server.stop()
    server.start()


def say(how):
    """What the plugin's mail_from hook does to its session."""
    s = server.smtp()
    try:
        return s.ask(b"MAIL FROM:<" + how + b"@bad.example>")
    except OSError:
        return 0, b""
    finally:
        s.sock.close()


def ends_worker(how, why, name, where='in="mail_from"'):
    deliver()
    since = len(server.read_log())
    before = server.worker()
    began = time.monotonic()
    say(how)
    line = server.wait_log(r"why=%s module=bad %s.*" % (why, where), since)
    ok(line is not None, "P01 %s: the module and the hook are named" % name)
    ready = server.wait_log(r'm=ready', since)
    diag("serving again after %.2f s; %s" %
         (time.monotonic() - began, line))
    ok(ready is not None and server.worker() not in (0, before) and
       server.process.poll() is None, "P01 %s: a new worker serves" % name)
    ok(deliver() and subjects() == sent,
       "P01 %s: nothing acknowledged is lost" % name)
    restart()


ends_worker(b"crash", "SIGSEGV", "crash")
ends_worker(b"abort", "SIGABRT", "abort")
ends_worker(b"divide", "SIGFPE", "division by zero")
ends_worker(b"exit", "exit", "exit() is no order to stop")
ends_worker(b"recurse", "stack-overflow", "deep recursion")
ends_worker(b"pointer", "SIGSEGV", "a bad pointer in a verdict")
ends_worker(b"job", "SIGSEGV", "crash in a worker job")
ends_worker(b"timer", "SIGSEGV", "crash in a timer, by the address of the code",
            "in=")
ends_worker(b"loop", "hang", "endless loop")
ends_worker(b"block", "hang", "blocks for 60 s")

# What does not end the worker.
pid = server.worker()
server.command("module", "stats")
since = len(server.read_log())
s = server.smtp()
equal(say(b"stall")[0], 250, "P01 a stall that ends by itself")
line = server.wait_log(r'm="the loop stands still" module=bad in=mail_from .*',
                       since)
ok(line is not None, "P01 a stall is told while it lasts, by name")
equal(say(b"late")[0], 451, "P01 a late verdict is a deferral")
equal(say(b"fail")[0], 451, "P01 so is a failure")
equal(say(b"kind")[0], 451, "P01 so is a verdict that is none")
code, text = say(b"text")
ok(code == 550 and len(text) < 2000, "P01 100 MB of text are cut (%d bytes)" %
   len(text))
equal(say(b"twice"), (550, b"5.7.1 the first"),
      "P01 of two final verdicts the first counts")
since = len(server.read_log())
equal(say(b"fork")[0], 250, "P01 fork: the server goes on")
ok(server.wait_log(r'm="a module forked.*module=bad in=mail_from', since),
   "P01 fork: the child is ended, and told")
equal(say(b"print")[0], 250, "P01 output on standard output reaches no client")
for i in range(30):
    say(b"leak")
equal(say(b"fds")[0], 250, "P01 leaks of memory and descriptors")
equal(s.ask(b"NOOP")[0], 250, "P01 a session from before all this is served")
equal(server.worker(), pid, "P01 by the same worker")
ok(deliver() and subjects() == sent, "P01 and mail comes and is read")
stats = server.command("module", "stats", "bad")
ok(re.search(r"bad +mail_from +\d+", stats), "module stats has its hook")
row = [r.split() for r in stats.splitlines() if " mail_from " in r][0]
ok(int(row[9]) >= 3 and int(row[10]) >= 1 and int(row[12]) >= 1,
   "failures, lateness and stalls are counted")
diag(stats)
s.sock.close()

# Per hook, what counts when it fails.
server.conf("bad", "enabled: yes\non-fail: reject\nhooks:\n"
            "  mail_from: {on-fail: pass, deadline: 100ms}\n")
server.command("reload")
equal(say(b"fail")[0], 250, "on-fail of one hook")
equal(say(b"late")[0], 250, "deadline of one hook")
server.conf("bad", "enabled: yes\nhooks: {mail-form: {on-fail: pass}}\n")
server.command("reload")
ok(server.status == 1 and 'there is no hook "mail-form"' in server.stderr,
   "an unknown hook is a mistake")
server.conf("bad", "enabled: yes\n")

# Crashes that name the same module switch it off.
with open(server.path("etc", "hermod.yaml")) as f:
    text = f.read()
with open(server.path("etc", "hermod.yaml"), "w") as f:
    f.write(text.replace("crash-limit: 0", "crash-limit: 3")
            .replace("loop-limit: 2s", "loop-limit: 20s"))
server.stop()
os.unlink(server.path("etc", "data", "crashes")
          if os.path.exists(server.path("etc", "data", "crashes"))
          else server.path("data", "crashes"))
server.start()
for i in range(3):
    since = len(server.read_log())
    say(b"crash")
    server.wait_log("m=ready", since)
ok(server.wait_log(r'm="module switched off" module=bad why=.*3 times', since),
   "P01 the third crash switches the module off, loudly")
equal(say(b"crash")[0], 250, "P01 it is asked no more")
out = server.command("module", "list")
ok(re.search(r"^bad +crashes .*made the server crash 3 times", out, re.M),
   "P01 module list shows it")
server.command("config", "check")
ok("switched off" in server.stderr, "P01 config check warns")
restart()
equal(say(b"crash")[0], 250, "P01 also after a restart")
ok(deliver() and subjects() == sent, "P01 and the rest serves")
server.command("module", "enable", "bad")
equal(server.status, 0, "P01 until the admin enables it")
equal(say(b"fail")[0], 451, "P01 then it is asked again")

# Files that are no modules for this server.
source = "t/plug/modules/bad.c"
for name, flags, why in [
    ("wrong version", ["-DBAD_MAJOR=99"], "expected ABI"),
    ("missing symbol", ["-DBAD_OPEN=no_such_function(m, reterr)"],
     "no_such_function"),
    ("lies about its size", ["-DBAD_SIZE=100000"], "descriptor of"),
    ("lies about its settings' size", ["-DBAD_CONF=8"], "outside the 8 bytes"),
]:
    server.conf("bad", "enabled: no\n")
    server.command("reload")
    build(modules, "bad", source, *flags)
    server.conf("bad", "enabled: yes\n")
    server.command("reload")
    ok(server.status == 1 and why in server.stderr,
       "P01 %s: refused, with the reason" % name)
    equal(say(b"fail")[0], 250, "P01 %s: nothing was changed" % name)
    since = len(server.read_log())
    restart()
    ok(server.wait_log(r'm="module set aside" module=bad', since),
       "P01 %s: a server starts without it, and says so" % name)
    ok(deliver(), "P01 %s: and serves" % name)
    server.command("reload")
    equal(server.status, 0, "P01 %s: also over a reload" % name)
build(modules, "bad", source)
server.command("reload")
equal(say(b"fail")[0], 451, "mended, it is asked again")

server.close()
finish()
