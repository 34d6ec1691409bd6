#!/usr/bin/env python3
# A mailbox in memory outlives the code that read it: the next version of the
# module shows it, and what the first left packed is unpacked by the first.
import imaplib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/plug"))
from serving import *  # noqa: E402,F403

COUNT = 600
modules = tempfile.mkdtemp(prefix="hermod-t.")
built = os.environ.get("HERMOD_MODULE_PATH", "")
os.environ["HERMOD_MODULE_PATH"] = modules + ":" + built


def install():
    """The same as another file, as a new version is."""
    for folder in built.split(":"):
        if os.path.exists(os.path.join(folder, "store.so")):
            shutil.copy(os.path.join(folder, "store.so"),
                        os.path.join(modules, "new"))
    os.rename(os.path.join(modules, "new"), os.path.join(modules, "store.so"))


def login():
    m = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"],
                          ssl_context=context)
    m.login("anna", hermod.PASSWORD)
    return m


def copies():
    """Of the module's code, in the worker."""
    return len(set(re.findall(r"/code/store\.\S+", server.maps())))


def wait_copies(n):
    for _ in range(200):
        if copies() == n:
            break
        time.sleep(0.05)
    return copies()


def flagged(m):
    """Of each message whether it is."""
    m.response("FETCH")              # what came unasked
    return [b"\\Flagged" in line for line in m.fetch("1:*", "(FLAGS)")[1]]


install()
server = Serving()
context = server.tls_context()
context.check_hostname = False
m = login()
m.create("Large")
for n in range(0, COUNT, 200):
    m.send(b"x%d APPEND Large" % n + b"".join(
        b" {12+}\r\nSubject:\r\n\r\n" for _ in range(200)) + b"\r\n")
    ok(m.readline().startswith(b"x%d OK" % n), "200 messages in one APPEND")
m.select("Large")
m.store("100:109", "+FLAGS", r"\Flagged")
want = flagged(m)
equal((len(want), sum(want)), (COUNT, 10), "a mailbox")
m.logout()
server.stop()
server.start()

def upgrade():
    install()
    seen = len(server.read_log())
    server.command("reload")
    equal(server.status, 0, "another file of the module, a reload")
    return seen


upgrade()        # what stays for ever, stays of the first
m = login()
equal(m.select("Large")[1], [b"%d" % COUNT], "opened, and not looked at")
since = upgrade()
former, m = m, login()
m.select("INBOX")        # the account stays open
former.logout()
ok(server.wait_log('m="generation closed"', since),
   "the generation that read it ends")
visible = not sanitized() and os.access("/proc/%d/maps" % server.worker(),
                                        os.R_OK)
before = copies() if visible else 0
m.append("Large", None, None, b"Subject: new\r\n\r\n")
if visible:
    equal(copies(), before, "a view of the next one needs its code")
else:
    skip("a view needs its code", "not with sanitizers, or not readable")
m.select("Large")
got = flagged(m)
ok(got[:COUNT] == want, "each message is as it was")
equal(len(got), COUNT + 1, "and a new one behind them")
if visible:
    equal(wait_copies(before - 1), before - 1,
          "nothing needs the old code any more")
else:
    skip("nothing needs the old code", "not with sanitizers, or not readable")
m.logout()
server.close()
shutil.rmtree(modules)
finish()
