#!/usr/bin/env python3
# Mail comes without a break while an isolated module is killed, upgraded and
# reloaded: each message that was accepted is there, stamped by the module.
import imaplib
import os
import random
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import *  # noqa: E402,F403

SOURCE = "t/plug/modules/stamp.c"
SEED = int(os.environ.get("SEED", random.randrange(10 ** 6)))
ROUNDS = int(os.environ.get("ROUNDS", 25))
diag("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
chance = random.Random(SEED)
modules = tempfile.mkdtemp(prefix="hermod-t.")
stage = tempfile.mkdtemp(prefix="hermod-t.")
os.environ["HERMOD_MODULE_PATH"] = (modules + ":" +
                                    os.environ.get("HERMOD_MODULE_PATH", ""))
build(modules, "stamp", SOURCE, '-DSTAMP="one"')
server = Serving({"stamp": "isolate: yes\n"},
                 "loop-warn: 10s\nhook-deadline: 20s\n")
worker = server.worker()
lock = threading.Lock()
accepted, deferred, broken = {}, 0, []
stop = threading.Event()


def hash31(data):
    h = 0
    for c in data:
        h = (h * 31 + c) & 0xffffffff
    return h


def body(r, name):
    """Mostly small; some are kept in a file by the server."""
    size = 300000 if r.random() < 0.05 else r.randrange(2000)
    line = (b"x" * 70 + b"\r\n")
    return (b"Subject: " + name + b"\r\nX-Remove: me\r\n\r\n" +
            line * (size // 72))


def sender(number):
    global deferred
    r = random.Random(SEED * 100 + number)
    count = 0
    while not stop.is_set():
        try:
            s = server.smtp()
            for _ in range(r.randrange(1, 6)):
                name = b"%d-%d" % (number, count)
                data = body(r, name)
                count += 1
                s.ask(b"MAIL FROM:<x@example.com>")
                s.ask(b"RCPT TO:<anna@example.org>")
                if s.ask(b"DATA")[0] != 354:
                    raise RuntimeError("DATA is refused")
                code, text = s.ask(data + b".")
                with lock:
                    if code == 250:
                        accepted[name] = data
                    elif code == 451:
                        deferred += 1
                    else:
                        broken.append((code, text))
            s.ask(b"QUIT")
            s.sock.close()
        except (OSError, RuntimeError, IndexError) as e:
            broken.append(repr(e))
            return


def pids():
    return [int(p) for p in re.findall(r"isolated, pid (\d+)",
                                       server.command("generations"))]


def descriptors():
    """Sockets, pipes and memory; the store may have opened more files."""
    n = 0
    for fd in os.listdir("/proc/%d/fd" % worker):
        try:
            to = os.readlink("/proc/%d/fd/%s" % (worker, fd))
        except OSError:
            continue
        n += to.startswith(("socket:", "pipe:", "/memfd:"))
    return n


def settle():
    """Until the old generations have ended."""
    end = time.monotonic() + 30
    while len(pids()) != 1 and time.monotonic() < end:
        time.sleep(0.1)


threads = [threading.Thread(target=sender, args=(n,), daemon=True)
           for n in range(4)]
before = descriptors() if os.access("/proc/%d/fd" % worker, os.R_OK) else None
for t in threads:
    t.start()
killed = reloads = 0
for i in range(ROUNDS):
    time.sleep(chance.random() * 0.3)
    if chance.random() < 0.6:
        for pid in pids():
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except OSError:
                pass
    else:
        server.command("reload")
        reloads += server.status == 0
settle()
server.command("reload")     # without the pauses of what died
time.sleep(0.5)
new = build(stage, "stamp", SOURCE, '-DSTAMP="two"')
out = server.command("module", "upgrade", "stamp", new, "--grace", "1s")
ok("is upgraded" in out, "an isolated module is upgraded under load")
diag(out + server.stderr)
bad = build(stage, "stamp", SOURCE, '-DSTAMP="three"', "-DSTAMP_CRASHES")
out = server.command("module", "upgrade", "stamp", bad, "--grace", "5s")
ok(server.status == 1 and "former version runs again" in server.stderr,
   "a version that crashes is taken back")
diag(server.stderr)
time.sleep(1)
stop.set()
for t in threads:
    t.join(60)
diag("%d accepted, %d deferred, %d killed, %d reloads" %
     (len(accepted), deferred, killed, reloads))
ok(len(accepted) > 20 and killed > 0 and reloads > 0, "there was load")
ok(not broken, "no session was harmed")
diag(broken[:5])
equal(server.worker(), worker, "nor the worker")
settle()
equal(len(pids()), 1, "one process is left")

m = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"],
                      ssl_context=server.tls_context())
m.login("anna", PASSWORD)
m.select("INBOX")
found, wrong, stamps = {}, [], {}
_, parts = m.fetch("1:*", "(BODY.PEEK[])")
for part in parts:
    if not isinstance(part, tuple):
        continue
    head, _, rest = part[1].partition(b"\r\n\r\n")
    name = re.search(rb"Subject: (\S+)", head).group(1)
    found[name] = found.get(name, 0) + 1
    data = accepted.get(name)
    stamp = re.search(rb"X-Stamp: (\d+) (\S+) 1 (\d+) (\w+)", head)
    if data is None or stamp is None or b"X-Remove" in head or \
            int(stamp.group(1)) != len(data) or \
            stamp.group(2) != b"%08x" % hash31(data):
        wrong.append(head[:300])
    else:
        stamps[stamp.group(4)] = stamps.get(stamp.group(4), 0) + 1
m.logout()
lost = [n for n in accepted if n not in found]
ok(not lost, "nothing accepted is lost")
diag(lost[:5])
ok(all(n == 1 for n in found.values()), "nor doubled")
ok(not wrong, "each is read whole and stamped")
diag(wrong[:3])
ok(b"one" in stamps and b"two" in stamps, "by both versions (%s)" % stamps)
if before is None:
    skip("descriptors", "they cannot be looked at")
else:
    # Sessions may be ending yet.
    for _ in range(100):
        if descriptors() <= before:
            break
        time.sleep(0.1)
    ok(descriptors() <= before, "no descriptor is left open (%d, %d)" %
       (before, descriptors()))
server.close()
finish()
