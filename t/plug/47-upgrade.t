#!/usr/bin/env python3
# Modules are replaced while sessions go on; what does not do well is put back.
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import *  # noqa: E402,F403

SOURCE = "t/plug/modules/bad.c"
modules = tempfile.mkdtemp(prefix="hermod-t.")
stage = tempfile.mkdtemp(prefix="hermod-t.")
os.environ["HERMOD_MODULE_PATH"] = (modules + ":" +
                                    os.environ.get("HERMOD_MODULE_PATH", ""))
first = build(modules, "bad", SOURCE)
with open(first, "rb") as f:
    original = f.read()
server = Serving({"bad": ""}, "loop-warn: 300ms\ncrash-limit: 2\n")


def say(how, s=None):
    t = s or server.smtp()
    code = t.ask(b"MAIL FROM:<" + how + b"@bad.example>")
    if s is None:
        t.sock.close()
    return code


def version():
    row = [r.split() for r in server.command("module", "list").splitlines()
           if r.startswith("bad ")][0]
    return row[2]


def in_place():
    with open(first, "rb") as f:
        return f.read()


def copies():
    """Of the module's code, in the worker."""
    return len(set(re.findall(r"/code/bad\.\S+", server.maps())))


def upgrade(*flags, words=("--grace", "3s"), place=False):
    """Upgrades to a version with these flags, while mail comes."""
    new = build(modules if place else stage, "bad", SOURCE, *flags)
    p = subprocess.Popen([hermod.HERMOD, "-c", server.path("etc"), "module",
                          "upgrade", "bad"] + ([] if place else [new]) +
                         list(words), stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    while p.poll() is None:
        try:
            say(b"nothing")
        except OSError:
            pass
        time.sleep(0.05)
    return p.returncode, p.stdout.read()


# A good one.
old = server.smtp()
equal(say(b"fail", old)[0], 451, "the first version serves")
status, out = upgrade('-DBAD_VERSION="2"', words=("--grace", "1s"))
ok(status == 0 and "module bad is upgraded" in out, "a good upgrade")
diag(out.strip())
equal(version(), "2", "version 2 is in place")
out = server.command("generations")
ok(re.search(r"retired .*smtp session 1 \(\d+s to \d+s\)", out),
   "generations names who holds the old one, and for how long")
if sanitized() or not os.access("/proc/%d/maps" % server.worker(), os.R_OK):
    skip("code is unmapped", "not with sanitizers, or not readable")
    old.ask(b"QUIT")
    old.sock.close()
else:
    equal(copies(), 2, "both versions are mapped")
    old.ask(b"QUIT")
    old.sock.close()
    server.wait_log(r'm="generation closed"')
    for i in range(200):
        if copies() == 1:
            break
        time.sleep(0.05)
    equal(copies(), 1, "when its last session has left, the old one is gone")
status, out = upgrade('-DBAD_VERSION="2"', words=("--grace", "1s"))
ok(status == 1 and "runs already" in out, "the same again is no upgrade")
status, out = upgrade('-DBAD_VERSION="3"', words=("--grace", "1s"), place=True)
ok(status == 0 and version() == "3", "a file that is in its place already")
good = in_place()

# Bad ones.
CASES = [
    ("wrong version", ["-DBAD_MAJOR=9"], "expected ABI"),
    ("open fails", ["-DBAD_OPEN=-5"], "could not take it over"),
    ("failures", ['-DBAD_ALWAYS="fail"'], r"decisions failed"),
    ("too slow", ['-DBAD_ALWAYS="stall"'], r"held up the server"),
]
if not sanitized():
    CASES += [
        ("crash", ['-DBAD_ALWAYS="crash"'], r"server crash \(SIGSEGV in mail_f"),
        ("crash in open", ["-DBAD_OPEN=(crash_job(0),0)"],
         r"server crash \(SIGSEGV in open"),
    ]
for name, flags, why in CASES:
    pid = server.worker()
    s = server.smtp()
    status, out = upgrade(*flags, '-DBAD_VERSION="4"')
    ok(status == 1 and re.search(why, out), "%s: says why" % name)
    diag(out.strip())
    ok(in_place() == good, "%s: the former file is in its place" % name)
    for i in range(100):
        try:
            code = say(b"fail")[0]
            break
        except OSError:
            time.sleep(0.1)
    equal((code, version()), (451, "3"), "%s: the former version runs" % name)
    if "crash" not in name:
        equal(s.ask(b"NOOP")[0], 250, "%s: no session was cut" % name)
    s.sock.close()
status, out = upgrade('-DBAD_ALWAYS="fail"', '-DBAD_VERSION="5"', place=True)
ok(status == 1 and in_place() == good and os.path.exists(first + ".failed"),
   "put back also where the admin had replaced the file")
diag(out.strip())

# retire-after.
with open(server.path("etc", "hermod.yaml"), "a") as f:
    f.write("retire-after: 500ms\n")
idle, busy = server.smtp(), server.smtp()
equal(say(b"nothing", busy)[0], 250, "a transaction is open")
m = hermod.Raw(server.connect("imaps", tls=True))
m.line()
m.send(b"a LOGIN anna \"" + hermod.PASSWORD.encode() + b"\"\r\nb SELECT INBOX\r\n"
       b"c IDLE\r\n")
while not m.line().startswith(b"+"):
    pass
server.command("reload")
equal(idle.reply()[0], 421, "an idle SMTP session is asked to end")
ok(idle.closed(), "and ends")
ok(m.line().startswith(b"* BYE"), "IDLE ends with BYE")
equal(busy.ask(b"RCPT TO:<anna@example.org>")[0], 250, "a transaction goes on")
equal(busy.ask(b"DATA")[0], 354, "to its data")
equal(busy.ask(b"Subject: x\r\n\r\nx\r\n.")[0], 250, "and its end")
equal(busy.reply()[0], 421, "then the session ends")
busy.sock.close()
m.sock.close()
new = server.smtp()
equal(new.ask(b"NOOP")[0], 250, "new sessions are not concerned")
end = time.monotonic() + 60
while "retired" in (out := server.command("generations")) and \
        time.monotonic() < end:
    time.sleep(0.1)
if not ok("retired" not in out, "no old generation is left"):
    diag(out)
new.sock.close()

server.close()
finish()
