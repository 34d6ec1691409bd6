#!/usr/bin/env python3
# O01, O02, O03, O05: mistakes in the configuration, reloads under load, strange
# ways to call the program, and strangers at the control socket. (O04 plays in
# virtual time.)
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403

server = Server()
SMTP = server.path("etc", "conf.d", "smtp.yaml")
with open(SMTP) as f:
    GOOD = f.read()


def put(text, path=SMTP):
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())


def refused(what, text, *wanted, path=SMTP):
    """The configuration is refused with these words, and the old one lives."""
    put(text, path)
    out = server.command("reload")
    said = out + server.stderr
    if not ok(server.status == 1 and all(w in said for w in wanted),
              "O01: " + what):
        diag("%d: %s" % (server.status, said))
    check = server.command("config", "check") + server.stderr
    ok(server.status == 1 and all(w in check for w in wanted),
       "O01: config check finds it, too")
    with smtplib.SMTP("127.0.0.1", server.ports["mx"]) as c:
        ok(c.noop()[0] == 250, "O01: the old one is in force")


# ---- O01
refused("an unknown option", GOOD + "max-mesage: 5M\n",
        "smtp.yaml:%d:" % (GOOD.count("\n") + 1), "max-mesage", "max-message")
refused("one given twice", GOOD + "timeout: 5m\ntimeout: 6m\n", "timeout",
        "smtp.yaml:%d:" % (GOOD.count("\n") + 2))
refused("a wrong unit", GOOD + "timeout: 5 parsecs\n", "timeout", "smtp.yaml:")
refused("a number out of range", GOOD + "max-message: 1\n", "max-message")
refused("a number too large", GOOD + "max-recipients: 99999999999999999999\n",
        "max-recipients")
refused("no YAML at all", GOOD + "timeout: [5m\n\t: }\n", "smtp.yaml:")
refused("an alias", GOOD + "a: &x [1]\nb: *x\n", "smtp.yaml:")
refused("a bomb of aliases", "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    "%c: &%c [%s]\n" % (c, c, ",".join(["*%c" % (ord(c) - 1)] * 9))
    for c in "bcdefgh"), "smtp.yaml:")
refused("brackets without end", GOOD + "mx: " + "[" * 100000, "smtp.yaml:")
refused("NUL", (GOOD + "timeout: \0005m\n").encode(), "smtp.yaml")
refused("no UTF-8", GOOD.encode() + b"timeout: \xff\xfe\n", "smtp.yaml")
refused("a list where a text belongs", GOOD + "timeout: [a, b]\n", "timeout")
refused("17 MB", GOOD + "# " + "x" * (17 << 20) + "\n", "smtp.yaml", "larger")
put(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
server.command("reload")
equal(server.status, 0, "O01: a byte order mark and CRLF are no mistake")
put(GOOD)
os.unlink(SMTP)
os.mkfifo(SMTP)
server.command("reload")
equal(server.status, 1, "O01: a FIFO instead of a file does not hang it")
os.unlink(SMTP)
os.symlink(SMTP, SMTP)
server.command("reload")
equal(server.status, 1, "O01: a link to itself")
os.unlink(SMTP)
put(GOOD)
put("enabled: yes\n", server.path("etc", "conf.d", "..yaml"))
put("enabled: yes\n", server.path("etc", "conf.d", "no-such.yaml"))
server.command("reload")
ok(server.status == 1 and "no-such" in server.stderr, "O01: an unknown module")
os.unlink(server.path("etc", "conf.d", "no-such.yaml"))
os.unlink(server.path("etc", "conf.d", "..yaml"))
# Two who write at once: the file is one of theirs, whole.
writers = [subprocess.Popen([HERMOD, "-c", server.path("etc"), "module", verb,
                             "simulate"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
           for verb in ("enable", "disable") * 4]
for w in writers:
    w.wait(120)
server.command("config", "check")
equal(server.status, 0, "O01: several writers at once leave a whole file")
server.command("module", "disable", "simulate")

# ---- O02
def descriptors():
    return sum(len(os.listdir("/proc/%d/fd" % p)) for p in processes(server))


stop, sent, errors = threading.Event(), [0], []


def traffic(i):
    try:
        while not stop.is_set():
            with smtplib.SMTP("127.0.0.1", server.ports["mx"], timeout=120) as c:
                c.sendmail("x@example.com", ["anna@example.org"],
                           b"Subject: %d\r\n\r\nx\r\n" % i)
            sent[0] += 1
    except Exception as e:  # noqa: B902
        errors.append(repr(e))


idle = [Imap(server, "bert") for _ in range(5)]
for i in idle:
    i.send(b"i IDLE\r\n")
    i.line()
for _ in range(3):
    server.command("reload")
before = descriptors(), usage(server)[1]
threads = [threading.Thread(target=traffic, args=(i,)) for i in range(3)]
for t in threads:
    t.start()
good = 0
for _ in range(40):
    server.command("reload")
    good += server.status == 0
stop.set()
for t in threads:
    t.join()
equal(good, 40, "O02: forty reloads under load")
equal(errors, [], "O02: no session was lost")
for i in idle:
    i.send(b"DONE\r\n")
    line = i.response()
    while line.startswith(b"*"):
        line = i.response()
    ok(line.startswith(b"i OK"), "O02: who idled all the time is still there")
    i.sock.close()
reader = Imap(server)
equal(len(reader.ok(b"UID SEARCH ALL")[0].split()) - 2, sent[0],
      "O02: each of %d messages that were acknowledged is there" % sent[0])
reader.sock.close()
ok(until(lambda: server.command("generations").count("\n") == 2),
   "O02: one generation is left")
ok(until(lambda: descriptors() <= before[0]), "O02: no descriptor is left")
ok(usage(server)[1] < before[1] + (64 << 20) or sanitized(server),
   "O02: no memory is left: %d and %d MiB" % (before[1] >> 20,
                                             usage(server)[1] >> 20))

# ---- O03: the program, called strangely; sendmail/t/ does it with sendmail
env = dict(os.environ, LD_PRELOAD="/nonexistent/x.so", LC_ALL="xx_YY",
           HERMOD_X="%n%n", PATH="")
r = subprocess.run([HERMOD, "version"], env=env, capture_output=True)
equal(r.returncode, 0, "O03: with an odd environment")
r = subprocess.run(["sh", "-c", 'exec "$0" version <&- >&- 2>&-', HERMOD])
ok(r.returncode in (0, 1), "O03: with the standard streams closed")
r = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" account list <&- >&- 2>&-',
                    HERMOD, server.path("etc")])
ok(r.returncode in (0, 1), "O03: a command with the standard streams closed")
r = subprocess.run([HERMOD, "-c", server.path("etc")] + ["x"] * 50000,
                   capture_output=True)
ok(r.returncode in (1, 2), "O03: fifty thousand arguments")
r = subprocess.run([HERMOD, "-c", server.path("etc"), "account", "add",
                    "a" * 100000], capture_output=True)
ok(r.returncode in (1, 2), "O03: an argument of 100,000 letters")
for name in ("", "sendmail", "../../x", "a" * 4096):
    r = subprocess.run([name, "version"], executable=HERMOD, capture_output=True)
    equal(r.returncode, 0, "O03: called \"%s\"" % name[:20])
r = subprocess.run([HERMOD, "-c", server.path("etc"), "account", "info",
                    "x\n\033[31m%n"], capture_output=True)
ok(r.returncode in (1, 2), "O03: a name of controls is no name")

# ---- O05
control = None
for folder, _, files in os.walk(server.dir):
    for name in files:
        path = os.path.join(folder, name)
        if name == "ctl":
            control = path
ok(control is not None and os.stat(control).st_mode & 0o777 == 0o600,
   "O05: the control socket is its owner's alone")


if os.getuid() == 0:
    nobody = pwd.getpwnam("nobody")
    program = ("import os, socket, sys\n"
               "os.setgroups([]); os.setgid(%d); os.setuid(%d)\n"
               "s = socket.socket(socket.AF_UNIX)\n"
               "try:\n"
               "    s.connect(sys.argv[1])\n"
               "except PermissionError:\n"
               "    print('no way')\n"
               "else:\n"
               "    s.sendall(b'a\\0\\0\\0\\4stopg\\0\\0\\0\\0')\n"
               "    print('heard', len(s.recv(100)))\n" %
               (nobody.pw_gid, nobody.pw_uid))

    def stranger():
        return subprocess.run([sys.executable, "-c", program, control],
                              capture_output=True, text=True).stdout.strip()

    equal(stranger(), "no way", "O05: others cannot reach it")
    # Even if somebody opened the way to it.
    path = control
    while len(path) > len(server.dir) - 1:
        os.chmod(path, 0o777)
        path = os.path.dirname(path)
    ok(stranger() in ("heard 0", ""), "O05: who reaches it is not listened to")
    ok("control socket refused a stranger" in server.read_log(),
       "O05: and is in the log")
else:
    skip("O05: strangers", "needs root")
c = socket.socket(socket.AF_UNIX)
c.connect(control)
c.sendall(b"a\xff\xff\xff\xff" + b"x" * 1000)
c.settimeout(60)
ok(c.recv(1000)[:1] in (b"h", b"x", b""), "O05: nonsense is answered")
c.close()
# As many as it takes hold nobody else up for ever.
held = []
for _ in range(40):
    c = socket.socket(socket.AF_UNIX)
    c.connect(control)
    held.append(c)
for c in held:
    c.close()
ok(until(lambda: server.command("generations") and server.status == 0),
   "O05: the socket answers again")
alive(server, "O05")
server.close()
finish()
