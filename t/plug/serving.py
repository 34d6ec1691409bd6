"""serving.py - a server with its parent, and plugins built by the test."""
import os
import re
import shlex
import subprocess
import sys
import time

SRC = os.environ.get("top_srcdir", ".")
sys.path.insert(0, os.path.join(SRC, "t", "interop"))
import hermod  # noqa: E402
from hermod import *  # noqa: E402,F401,F403


class Serving(hermod.Server):
    """Like Server, by "hermod serve", with conf.d files for plugins."""

    def start(self):
        log = open(self.log, "ab")
        since = log.tell()
        self.process = subprocess.Popen(
            [hermod.HERMOD, "-c", self.path("etc"), "serve"], stdout=log,
            stderr=log, stdin=subprocess.DEVNULL)
        if self.wait_log("m=ready", since) is None:
            raise RuntimeError("the server does not start:\n" +
                               self.read_log())

    def conf(self, name, text):
        with open(self.path("etc", "conf.d", name + ".yaml"), "w") as f:
            f.write(text)

    def worker(self):
        """The process that does the work."""
        path = "/proc/%d/task/%d/children" % ((self.process.pid,) * 2)
        with open(path) as f:
            pids = f.read().split()
        return int(pids[0]) if pids else 0

    def smtp(self):
        s = hermod.Raw(self.connect("mx"))
        s.reply()
        s.ask(b"EHLO client.example")
        return s

    def deliver(self, subject, to=b"anna@example.org"):
        s = self.smtp()
        s.ask(b"MAIL FROM:<x@example.com>")
        s.ask(b"RCPT TO:<" + to + b">")
        s.ask(b"DATA")
        code, text = s.ask(b"Subject: " + subject + b"\r\n\r\nhello\r\n.")
        s.sock.close()
        return code

    def wait_log(self, pattern, since=0, seconds=60):
        """The text that matches, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.read_log()[since:])
            if found:
                return found.group(0)
            time.sleep(0.02)
        return None

    def maps(self, pid=None):
        with open("/proc/%d/maps" % (pid or self.worker())) as f:
            return f.read()


def build(directory, name, source, *flags):
    """Compiles a plugin; it appears in the directory at once, as a whole."""
    out = os.path.join(directory, name + ".so")
    cc = shlex.split(os.environ.get("CC", "cc").replace("ccache ", ""))
    subprocess.run(cc + ["-std=gnu11", "-O1", "-g", "-fPIC",
                   "-fvisibility=hidden", "-shared", "-w",
                   "-I" + os.path.join(SRC, "include"), *flags,
                   "-o", out + ".new", os.path.join(SRC, source)], check=True)
    os.rename(out + ".new", out)
    return out


def sanitized():
    with open(os.path.join(os.environ.get("top_builddir", "."),
                           "config.h")) as f:
        return "#define HM_SANITIZED 1" in f.read()
