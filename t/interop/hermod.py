"""hermod.py - a server of its own for a test, and TAP."""
import atexit
import imaplib
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

SRC = os.environ.get("top_srcdir", ".")
HERMOD = os.environ.get("HERMOD", os.path.join(
    os.environ.get("top_builddir", "."), "hermod"))
PASSWORD = "correct horse"
_count = _failed = 0


def ok(good, name):
    global _count, _failed
    _count += 1
    _failed += 0 if good else 1
    print("%sok %d - %s" % ("" if good else "not ", _count,
                            name.replace("#", "?")), flush=True)
    return good


def equal(got, want, name):
    if not ok(got == want, name):
        diag("got  %r\nwant %r" % (got, want))


def diag(text):
    for line in str(text).splitlines()[-60:]:
        print("# " + line, flush=True)


def skip(name, why):
    global _count
    _count += 1
    print("ok %d - %s # SKIP %s" % (_count, name, why), flush=True)


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def need(*programs):
    for p in programs:
        if shutil.which(p) is None:
            skip_all("%s is not installed" % p)


def finish():
    print("1..%d" % _count)
    sys.exit(1 if _failed else 0)


held = []


def free_port():
    """One that nobody listens on. It stays bound, so that neither another test nor a
    client's end of a connection is given it; SO_REUSEADDR lets a server listen."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    held.append(s)
    return s.getsockname()[1]


class Server:
    """hermod on loopback, with users anna and bert, until close()."""

    privsep = False              # whether root starts it for another user
    pause = 0.02                 # between looks whether it is ready

    def __init__(self, conf=None, hermod_yaml="", users=("anna", "bert"),
                 start=True):
        self.users = users
        self.dir = tempfile.mkdtemp(prefix="hermod-t.")
        self.ports = {name: free_port() for name in
                      ("mx", "submission", "submissions", "imap", "imaps")}
        self.log = os.path.join(self.dir, "log")
        self.process = None
        atexit.register(self.abandon, os.getpid())
        self._configure(conf or {}, hermod_yaml)
        for user in users:
            self.command("account", "password", user, input=PASSWORD + "\n")
            if self.status != 0:
                raise RuntimeError("no password set: " + self.stderr)
        if start:
            self.start()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def _configure(self, conf, hermod_yaml):
        os.environ["HERMOD_TEMPLATES"] = os.path.join(SRC, "conf.d")
        subprocess.run([HERMOD, "localserve", "--dir", self.path("etc"),
                        "--ip", "127.0.0.1", "--init-only"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(self.path("etc", "hermod.yaml"), "a") as f:
            f.write(hermod_yaml)
        with open(self.path("etc", "domains.yaml"), "w") as f:
            f.write("domains:\n  example.org: {}\n  xn--bcher-kva.example: {}\n"
                    "accounts:\n"
                    "  anna: {addresses: [anna@example.org, "
                    "postfach@b\u00fccher.example]}\n"
                    + "".join("  %s: {addresses: [%s@example.org]}\n" % (u, u)
                              for u in self.users if u != "anna"))
        p = self.ports
        texts = {
            "smtp": "mx: [%(mx)d]\nsubmission: [%(submission)d]\n"
                    "submissions: [%(submissions)d]\n" % p,
            "imap": "listen: [%(imap)d]\nlisten-tls: [%(imaps)d]\n" % p,
        }
        for name in set(texts) | set(conf):
            with open(self.path("etc", "conf.d", name + ".yaml"), "w") as f:
                extra = conf.get(name, "")
                if "enabled:" not in extra:
                    f.write("enabled: yes\n")
                f.write(texts.get(name, "") + extra)
                os.fchmod(f.fileno(), 0o600)   # there may be secrets

    def start(self):
        log = open(self.log, "ab")
        begin = log.tell()
        self.process = subprocess.Popen(
            [HERMOD, "-c", self.path("etc"), "serve"]
            if os.getuid() or self.privsep else
            [HERMOD, "localserve", "--dir", self.path("etc")],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.wait_ready()
        # Other ports may be opened after that one.
        while b" m=ready " not in open(self.log, "rb").read()[begin:]:
            if self.process.poll() is not None:
                raise RuntimeError("the server ended:\n" + self.read_log())
            time.sleep(self.pause)

    def wait_ready(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError("the server ended:\n" + self.read_log()[-2000:])
            try:
                socket.create_connection(("127.0.0.1", self.ports["imap"]),
                                         5).close()
                return
            except OSError:
                time.sleep(self.pause)
        raise RuntimeError("the server does not answer:\n" +
                           self.read_log()[-2000:])

    def read_log(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def command(self, *words, input=""):
        r = subprocess.run([HERMOD, "-c", self.path("etc")] + list(words),
                           input=input, text=True, capture_output=True,
                           timeout=60)
        self.stderr, self.status = r.stderr, r.returncode
        return r.stdout

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self):
        """Stops, checks what is stored, and cleans up."""
        if self.process.poll() is None:
            equal(self.stop(), 0, "the server stops in good order")
        out = self.command("verify")
        if not ok(self.status == 0, "hermod verify finds nothing"):
            diag(out + self.stderr)
        text = self.read_log()
        if not ok("ERROR: " not in text and "runtime error" not in text,
                  "no sanitizer report"):
            diag(text)
        if _failed:
            diag(text)
        shutil.rmtree(self.dir, ignore_errors=True)

    def abandon(self, pid):
        """Where an exception ends the test before close()."""
        if os.getpid() != pid:
            return
        if self.process and self.process.poll() is None:
            diag("left running; the end of its log:\n" + self.read_log()[-4000:])
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def connect(self, port, tls=False):
        s = socket.create_connection(("127.0.0.1", self.ports[port]), 30)
        return self.wrap(s) if tls else s

    def wrap(self, s):
        return self.tls_context().wrap_socket(s, server_hostname="localhost")

    def tls_context(self):
        c = ssl.create_default_context(
            cafile=self.path("etc", "localhost.crt"))
        return c


class Home:
    """A home directory with the settings of anna's mail programs."""

    def __init__(self, server):
        self.server = server
        self.dir = server.path("home")
        os.mkdir(self.dir)
        self.cert = server.path("etc", "localhost.crt")
        # Programs of others do not bear a sanitizer's library.
        self.env = dict(os.environ, HOME=self.dir, TERM="xterm-256color",
                        LD_PRELOAD="", ASAN_OPTIONS="", LC_ALL="C.UTF-8",
                        SSL_CERT_FILE=self.cert)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        """Settings; @home@, @cert@, @password@ and @imaps@, a port, … stand for
        what they are."""
        words = dict(self.server.ports, home=self.dir, cert=self.cert,
                     password=PASSWORD)
        for word, value in words.items():
            text = text.replace("@%s@" % word, str(value))
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def run(self, *args, **more):
        """(status, all that was said)"""
        try:
            p = subprocess.run(args, stdout=subprocess.PIPE, cwd=self.dir,
                               stderr=subprocess.STDOUT, env=self.env,
                               timeout=300, **more)
        except subprocess.TimeoutExpired as e:
            return -1, "no end: " + (e.stdout or b"").decode(errors="replace")
        return p.returncode, p.stdout.decode(errors="replace")

    def try_(self, name, *args, said="", input=""):
        """Passes when the program ends well and says so; what it said."""
        status, text = self.run(*args, input=input.encode())
        if not ok(status == 0 and said in text, name):
            diag("status %d\n%s" % (status, text))
        return text

    def terminal(self):
        """Screens need a pseudo-terminal; not every build room has one."""
        return shutil.which("script") and self.run(
            "script", "-qec", "true", "/dev/null",
            stdin=subprocess.DEVNULL)[0] == 0

    def imap(self, user="anna"):
        m = imaplib.IMAP4_SSL("localhost", self.server.ports["imaps"],
                              ssl_context=self.server.tls_context())
        m.login(user, PASSWORD)
        return m

    def status(self, mailbox):
        """(messages, unseen), or None where there is no such mailbox."""
        m = self.imap()
        typ, data = m.status(mailbox, "(MESSAGES UNSEEN)")
        m.logout()
        if typ != "OK":
            return None
        words = data[0].split(b"(")[1].rstrip(b")").split()
        return int(words[1]), int(words[3])

    def find(self, mailbox, criteria):
        """How many messages a search finds."""
        m = self.imap()
        m.select('"%s"' % mailbox, readonly=True)
        found = len(m.search(None, criteria)[1][0].split())
        m.logout()
        return found

    def deliver(self, n, subject="number"):
        """n messages from outside for anna."""
        with smtplib.SMTP("127.0.0.1", self.server.ports["mx"]) as c:
            for i in range(n):
                c.sendmail("carla@far.example", ["anna@example.org"],
                           "From: Carla <carla@far.example>\r\n"
                           "To: anna@example.org\r\nSubject: %s %d\r\n"
                           "Date: Fri, 20 Nov 2026 12:00:%02d +0000\r\n"
                           "Message-ID: <%s.%d@far.example>\r\n\r\n"
                           "Hello %d\r\n" % (subject, i, i % 60, subject, i,
                                             i))


class Raw:
    """Lines over a socket, for what no client library would send."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\n" not in self.data:
            more = self.sock.recv(65536)
            if not more:
                return b""
            self.data += more
        line, self.data = self.data.split(b"\n", 1)
        return line.rstrip(b"\r")

    def reply(self):
        """An SMTP reply: (code, all its text)."""
        text = []
        while True:
            line = self.line()
            if not line:
                return 0, b"\n".join(text)
            text.append(line[4:])
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(text)

    def ask(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def closed(self):
        """Whether the peer closes, after any bytes it still sends."""
        self.sock.settimeout(10)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except OSError:
            return False
