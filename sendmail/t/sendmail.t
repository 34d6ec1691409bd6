#!/usr/bin/env python3
# Programs of this machine send mail, as whom the admin lets them.
import os
import pwd
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
from hermod import *  # noqa: E402,F403

PROGRAM = os.path.abspath(os.path.join(os.environ.get("top_builddir", "."),
                                       "sendmail/t/sendmail"))
if not os.path.exists(PROGRAM):
    skip_all("built without smtp-client")
ME = pwd.getpwuid(os.getuid()).pw_name
socket_path = tempfile.mkdtemp(prefix="hermod-s.")
os.chmod(socket_path, 0o755)
if os.getuid() == 0:
    os.chown(socket_path, 0, 0)
SOCKET = os.path.join(socket_path, "submit")
server = Server({"smtp": "local: ['unix:%s']\nlocal-users: {%s: anna, '%d': bert,"
                 " no-such-user: bert}\nconnections-per-user: 5\n" %
                 (SOCKET, ME, 65534),
                 "queue": ""})
home = Home(server)
settings = home.write("sendmail.yaml", "socket: %s\nfailures: %s\n" %
                      (SOCKET, home.path("failures")))
os.chmod(settings, 0o644)
os.mkdir(home.path("failures"))
os.chmod(home.path("failures"), 0o1777)
os.chmod(home.dir, 0o755)
os.chmod(server.dir, 0o755)


def sendmail(*words, text="", conf=settings, called=None, **more):
    """(status, words on both streams)"""
    argv = [called or PROGRAM]
    if conf:
        argv += ["-C", conf]
    r = subprocess.run(argv + list(words), executable=more.pop(
        "executable", PROGRAM), input=text.encode(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, **more)
    return r.returncode, r.stdout.decode(errors="replace")


def gives(want, said, name, *words, **more):
    status, text = sendmail(*words, **more)
    if not ok(status == want and said in text, name):
        diag("status %d, want %d\n%s" % (status, want, text))
    return text


def fetch(subject, user="anna"):
    m = home.imap(user)
    m.select("INBOX", readonly=True)
    found = m.search(None, 'SUBJECT "%s"' % subject)[1][0].split()
    # News of other messages may stand between.
    data = m.fetch(found[-1], "(BODY.PEEK[])")[1] if found else []
    m.logout()
    return b"".join(d[1] for d in data if isinstance(d, tuple)).decode(
        ).replace("\r\n", "\n")


# What cron, scripts and mail programs say.
gives(0, "", "a recipient in the arguments", "anna@example.org",
      text="Subject: one\n\nbody\n.\nnot this\n")
text = fetch("one")
ok("\nbody\n" in text and "not this" not in text, "a dot ends it")
ok("\nFrom: " in text and "<anna@example.org>\n" in text, "From is added")
ok("\nDate: " in text and "\nMessage-ID: <" in text, "so are Date and Message-ID")
ok("Return-Path: <anna@example.org>" in text, "the sender is the account's")
ok(" with ESMTPA " in text and "127.0.0.1" not in text and
   "(uid" not in text, "Received names no client")

gives(0, "", "as cron does", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "anna",
      text="From: root (Cron Daemon)\nTo: anna\nSubject: Cron two\n\n.\nmore\n")
text = fetch("Cron two")
ok("From: Cron Daemon <anna@example.org>\n" in text,
   "a name without a domain becomes the account's address")
ok("\n.\nmore\n" in text, "with -i a dot ends nothing")

gives(0, "", "recipients of the header", "-t", text="To: anna@example.org\n"
      "Bcc: bert@example.org\nSubject: three\n\nx\n")
ok(fetch("three", "bert") != "" and "bert" not in fetch("three", "bert").split(
    "Subject")[1], "Bcc is obeyed and not shown")
gives(0, "", "a resent message", "-t", text="Resent-To: bert@example.org\n"
      "From: anna@example.org\nTo: anna@example.org\nSubject: four\n\nx\n")
ok("\nResent-Date: " in fetch("four", "bert") and not fetch("four"),
   "goes where the copy goes")
gives(0, "", "-f and the null sender", "-f", "", "-oi", "anna@example.org",
      text="Subject: five\n\n")
ok("Return-Path: <>" in fetch("five"), "is obeyed")
gives(0, "", "nothing to do", "-q30m")
gives(0, "", "newaliases", called="newaliases", conf=None)
gives(69, "hermod serve", "no server", "-bd")
gives(64, "no recipient", "no recipient", text="Subject: x\n\n")
gives(64, "unknown option", "misuse", "-Y", "anna@example.org")
gives(65, "names no recipient", "-t without any", "-t", text="Subject: x\n\n")
gives(0, "failures", "an example of its settings", "--example", conf=None)
gives(0, ">>> RCPT TO:<anna@example.org>", "-v shows the conversation", "-v",
      "anna@example.org", text="Subject: six\n\n")

# DSN: the queue tells that it was delivered.
gives(0, "", "-N success", "-N", "success", "-R", "hdrs", "-V", "id=7",
      "bert@example.org", text="Subject: seven\n\n")
for _ in range(200):
    report = fetch("Mail was delivered")
    if report:
        break
    time.sleep(0.05)
ok("Original-Envelope-Id: id=7" in report, "a report comes, with the id")

# Nobody sends as another.
gives(77, "550", "another's From", "anna@example.org",
      text="From: bert@example.org\nSubject: forged\n\n")
gives(77, "550", "another's sender", "-f", "bert@example.org",
      "anna@example.org", text="Subject: forged\n\n")
gives(67, "5.1.1", "an unknown user", "nobody@example.org",
      text="Subject: eight\n\nkept\n")
equal(fetch("forged"), "", "nothing forged arrived")
kept = sorted(os.listdir(home.path("failures")))
equal(len(kept), 3, "what failed is kept")
with open(home.path("failures", max(kept, key=lambda f: os.stat(
        home.path("failures", f)).st_mtime_ns))) as f:
    text = f.read()
ok("X-Failed-Sender: <anna@example.org>" in text and
   "X-Failed-Recipients: <nobody@example.org>" in text and "kept" in text,
   "with who misses it")
ok(all(os.stat(home.path("failures", f)).st_mode & 0o777 == 0o600
       for f in kept), "and only its owner reads it")
for f in kept:
    os.unlink(home.path("failures", f))
gives(67, "nobody@example.org: ", "one recipient of two is refused",
      "nobody@example.org", "anna@example.org", text="Subject: nine\n\n")
ok(fetch("nine") != "", "the other has it")
text = open(home.path("failures", os.listdir(home.path("failures"))[0])).read()
ok("X-Failed-Recipients: <nobody@example.org>\n" in text,
   "who has it does not get it again")

# -bs: the server's own words.
status, text = sendmail("-bs", text="EHLO x\r\n")
ok(status == 0 and "XSENDER anna@example.org" in text and "AUTH" not in text and
   "STARTTLS" not in text, "-bs speaks SMTP")

# mailq and the name of the program.
there = os.path.join(socket_path, "bin")
os.mkdir(there)
copy = shutil.copy(PROGRAM, there)
with open(os.path.join(there, "hermod"), "w") as f:
    f.write("#!/bin/sh\necho \"$0 $*\"\n")
os.chmod(os.path.join(there, "hermod"), 0o755)
gives(0, "hermod mailq", "mailq lists the queue", conf=None, called="mailq",
      executable=copy)

if os.getuid() == 0:
    # Others are somebody else, or nobody.
    def be(uid, gid, egid=None):
        def become():
            os.setgroups([])
            os.setresgid(gid, egid if egid is not None else gid,
                         egid if egid is not None else gid)
            os.setresuid(uid, uid, uid)
        return become
    gives(0, "", "a user that has an account", "bert@example.org",
          text="Subject: ten\n\n", preexec_fn=be(65534, 65534))
    ok("Return-Path: <bert@example.org>" in fetch("ten", "bert"),
       "sends as that one")
    gives(77, "550", "and not as another", "-f", "anna@example.org",
          "bert@example.org", text="Subject: x\n\n", preexec_fn=be(65534, 65534))
    gives(77, "no account", "a user without one", "bert@example.org",
          text="Subject: x\n\n", preexec_fn=be(12345, 12345))

    # Set-group-ID: the settings are read with it, and nothing else is.
    group = 54321
    secret = home.write("secret.yaml", "socket: %s\nfailures: %s\n" %
                        (SOCKET, home.path("failures")))
    os.chown(secret, 0, group)
    os.chmod(secret, 0o640)
    gives(78, "Permission denied", "the group's rights do not open a file that "
          "the user names", "bert@example.org", conf=secret,
          text="Subject: x\n\n", preexec_fn=be(65534, 65534, group))
    gives(0, "", "with the group, as without", "bert@example.org",
          text="Subject: eleven\n\n", preexec_fn=be(65534, 65534, group),
          env={"HOME": "/root", "PATH": "/nowhere", "LD_PRELOAD": "/nowhere/x",
               "SSLKEYLOGFILE": home.path("keys"), "HERMOD_CONF": "/nowhere"})
    ok(fetch("eleven", "bert") != "", "arrives")
    os.chmod(settings, 0o666)
    gives(78, "can be changed by others", "settings that others may change are "
          "not used", "anna@example.org", text="Subject: x\n\n")
    os.chmod(settings, 0o644)

    def group_while_sending():
        """The groups of a process that waits for its message."""
        p = subprocess.Popen([PROGRAM, "-C", settings, "anna@example.org"],
                             stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             preexec_fn=be(65534, 65534, group))
        want = b"Gid:\t65534\t65534\t65534"
        for _ in range(200):
            with open("/proc/%d/status" % p.pid, "rb") as f:
                good = want in f.read()
            if good:
                break
            time.sleep(0.05)
        p.kill()
        p.wait()
        return good
    ok(group_while_sending(), "the group is gone before the message is read")

# O03: called strangely; what it is called decides between two names at most.
gives(64, "more than 10000 recipients", "O03: far too many recipients",
      *("x%d@example.org" % i for i in range(20000)), text="Subject: x\n\n")
gives(64, "", "O03: a recipient of 100,000 letters", "x" * 100000 + "@a.example",
      text="Subject: x\n\n")
for name in "", "/", "x" * 5000, "-bs", "hermod", "../mailq/":
    gives(64, "no recipient", "O03: called \"%s\"" % name[:20], called=name or " ")
gives(64, "not a", "O03: a name of controls is no recipient", "a\x01\x02 b",
      text="Subject: x\n\n")

# Standard streams that are closed.
status = subprocess.run(["sh", "-c", "exec %s -C %s anna@example.org <&- >&- "
                         "2>&-" % (PROGRAM, settings)]).returncode
equal(status, 0, "closed streams: an empty message, and no harm")

# One user's programs that run wild are held back, and nobody else is.
def come():
    s = socket.socket(socket.AF_UNIX)
    s.connect(SOCKET)
    s.settimeout(30)
    return s, s.recv(200).decode()


held = []
for _ in range(300):       # those of before may be on their way out
    s, text = come()
    if text.startswith("220"):
        held.append(s)
    else:
        s.close()
    if len(held) == 5:
        break
equal(len(held), 5, "as many connections as one user may have")
s, text = come()
ok(text.startswith("421 4.7.0 ") and "connections-per-user" in text,
   "one more is sent away: " + text.strip())
s.close()
said = gives(75, "too many connections", "sendmail says so, and may be tried "
             "again", "anna@example.org", text="Subject: crowd\n\nkept\n")
ok("kept in " in said, "the message is kept")
if os.getuid() == 0:
    gives(0, "", "another user is served", "bert@example.org",
          text="Subject: other\n\n", preexec_fn=be(65534, 65534))
for s in held:
    s.close()
for _ in range(300):
    if sendmail("anna@example.org", text="Subject: room\n\n")[0] == 0:
        break
    time.sleep(0.05)
ok(fetch("room") != "", "when they are gone there is room again")

# kill -9, before and after the message is handed in.
RELAY = os.path.join(socket_path, "relay")


class Relay(threading.Thread):
    """Between sendmail and the server; keeps one of them from hearing the other
    once that said what it waits for."""

    def __init__(self, client=None, server=None):
        super().__init__(daemon=True)
        self.stops = client, server
        self.reached = threading.Event()
        if os.path.exists(RELAY):
            os.unlink(RELAY)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(RELAY)
        self.socket.listen(1)
        self.start()

    def run(self):
        a = self.socket.accept()[0]
        b = socket.socket(socket.AF_UNIX)
        b.connect(SOCKET)
        back = threading.Thread(target=self.copy, args=(b, a, self.stops[1]),
                                daemon=True)
        back.start()
        self.copy(a, b, self.stops[0])
        b.shutdown(socket.SHUT_RDWR)   # as when sendmail itself is gone
        back.join()
        a.close()
        b.close()

    def copy(self, a, b, stop):
        heard = b""
        try:
            while data := a.recv(65536):
                heard += data
                if stop and stop in heard:
                    self.reached.set()
                else:
                    b.sendall(data)
        except OSError:
            pass


def count(subject):
    m = home.imap()
    m.select("INBOX", readonly=True)
    n = len(m.search(None, 'SUBJECT "%s"' % subject)[1][0].split())
    m.logout()
    return n


relayed = home.write("relayed.yaml", "socket: %s\nfailures: %s\n" % (
    RELAY, home.path("failures")))
os.chmod(relayed, 0o644)


def killed(subject, **stops):
    relay = Relay(**stops)
    p = subprocess.Popen([PROGRAM, "-C", relayed, "anna@example.org"],
                         stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p.stdin.write(b"Subject: %s\n\nwhole\n" % subject.encode())
    p.stdin.close()
    there = relay.reached.wait(60)
    p.kill()
    equal((there, p.wait()), (True, -9), subject + ": it does not survive that")
    relay.join(60)


killed("unheard", server=b"250 2.0.0 stored")
equal(count("unheard"), 1, "what was handed in is there, once, though nobody heard")
killed("unfinished", client=b"\r\n.\r\n")
equal(count("unfinished"), 0, "what was not is not there, not even half of it")
killed("refused", server=b"354 ")
equal(count("refused"), 0, "nor is what was only announced")

# At any moment: exit status 0 is a promise, and nothing is there twice.
wrong, promised = [], 0
for i in range(30):
    p = subprocess.Popen([PROGRAM, "-C", settings, "anna@example.org"],
                         stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        p.stdin.write(b"Subject: moment-%02d.\n\nwhole\n" % i)
        p.stdin.close()
    except OSError:
        pass
    time.sleep(i * 0.002)
    p.kill()
    status = p.wait()
    promised += status == 0
    n = count("moment-%02d." % i)
    if n > 1 or (status == 0 and n != 1):
        wrong.append((i, status, n))
equal(wrong, [], "30 times at another moment (%d were done)" % promised)

# The server dies behind its word.
gives(0, "", "a message", "anna@example.org", text="Subject: promise\n\nwhole\n")
server.kill()
server.start()
equal(count("promise"), 1, "survives the server's kill -9")

# Another server: TLS and a password.
def remote(port, extra="", password=PASSWORD, mode=0o600):
    home.write("password", password + "\n")
    os.chmod(home.path("password"), mode)
    return home.write("remote.yaml", "host: localhost\nport: %d\nuser: anna\n"
                      "password-file: %s\nca-file: %s\nfailures: %s\n%s" %
                      (server.ports[port], home.path("password"), home.cert,
                       home.path("failures"), extra))


gives(0, "", "another server, implicit TLS", "anna@example.org",
      conf=remote("submissions", "from: anna@example.org\n"),
      text="From: whoever@else.example\nSubject: twelve\n\n")
ok("<anna@example.org>\n" in fetch("twelve") and "whoever" not in
   fetch("twelve"), "all mail is sent as the configured address")
gives(0, "", "STARTTLS, PLAIN on request", "anna",
      conf=remote("submission", "tls: starttls\nmechanisms: [PLAIN]\n"
                  "from: anna@example.org\ndomain: example.org\n"),
      text="Subject: thirteen\n\n")
gives(0, "", "a default recipient", "root",
      conf=remote("submissions", "from: anna@example.org\n"
                  "default-recipient: bert@example.org\n"),
      text="Subject: fourteen\n\n")
ok(fetch("fourteen", "bert") != "", "gets what is for names without a domain")
gives(78, "", "a wrong password", "anna@example.org",
      conf=remote("submissions", "from: anna@example.org\n",
                  password="wrong"), text="Subject: x\n\n")
gives(78, "read by others", "a password file that others read",
      "anna@example.org", conf=remote("submissions", mode=0o644),
      text="Subject: x\n\n")
remote("submissions", "from: anna@example.org\n")
with open(home.path("remote.yaml")) as f:
    trusting = f.read()
gives(75, "certificate", "a certificate of nobody", "anna@example.org",
      conf=home.write("other.yaml", trusting.replace(
          "ca-file: %s\n" % home.cert, "")), text="Subject: x\n\n")
gives(78, "without TLS", "no password in clear", "anna@example.org",
      conf=remote("submissions", "tls: never\n"), text="Subject: x\n\n")
gives(69, "this machine only", "-bs is for this machine", "-bs",
      conf=remote("submissions"))
gives(78, "did you mean", "a mistake in the settings", "anna@example.org",
      conf=home.write("bad.yaml", "hosst: x\n"), text="Subject: x\n\n")

# Programs that want a sendmail.
wrapper = home.write("sendmail.sh", "#!/bin/sh\nexec %s -C %s \"$@\"\n" %
                     (PROGRAM, settings))
os.chmod(wrapper, 0o755)
if shutil.which("s-nail"):
    home.try_("s-nail with mta=", "s-nail", "-:/", "-S", "v15-compat", "-S",
              "mta=" + wrapper, "-s", "from s-nail", "anna@example.org",
              input="Hello\n")
    ok(fetch("from s-nail") != "", "arrives")
else:
    skip("s-nail", "not installed")
for mutt in "mutt", "neomutt":
    if shutil.which(mutt):
        rc = home.write("muttrc", "set sendmail=\"%s -oem -oi\"\nset "
                        "copy=no\nset from=anna@example.org\nset "
                        "use_envelope_from=yes\n" % wrapper)
        home.try_(mutt + " with sendmail=", mutt, "-n", "-F", rc, "-s",
                  "from " + mutt + "!", "anna@example.org", input="Hello\n.\n")
        ok(fetch("from " + mutt + "!") != "", "arrives")
    else:
        skip(mutt, "not installed")
if shutil.which("git") and "--smtp-server" in home.run("git", "send-email",
                                                       "-h")[1]:
    patch = home.write("x.patch", "From 0 Mon Sep 17 00:00:00 2001\nFrom: Anna "
                       "<anna@example.org>\nDate: Fri, 20 Nov 2026 12:00:00 "
                       "+0000\nSubject: [PATCH] from git\n\nx\n---\n a | 1 +\n")
    home.write(".gitconfig", "[user]\nname = Anna\nemail = anna@example.org\n")
    home.try_("git send-email", "git", "send-email", "--smtp-server=" + wrapper,
              "--to=anna@example.org", "--from=anna@example.org",
              "--confirm=never", patch)
    ok(fetch("from git") != "", "arrives")
else:
    skip("git send-email", "not installed")

# Nobody is there: nothing is lost, and it can be sent again.
for f in os.listdir(home.path("failures")):
    os.unlink(home.path("failures", f))
equal(server.stop(), 0, "the server stops")
said = gives(75, "kept in", "no server", "root", "bert@example.org",
             text="Subject: later\n\nnot lost\n")
path = re.search(r"kept in (\S+);", said)
server.start()
with open(path.group(1) if path else "/dev/null") as f:
    gives(67, "root@example.org", "sent again, names belong to the server's "
          "domain", "-i", "-t", text=f.read())
ok("not lost" in fetch("later", "bert"), "what was kept arrives")
server.close()
shutil.rmtree(socket_path)
finish()
