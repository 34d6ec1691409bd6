"""attack.py - what the attacks on a real server share."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "interop"))
from hermod import *  # noqa: E402,F401,F403
from hermod import PASSWORD, Raw, equal, ok  # noqa: E402


def processes(server):
    """The server and what it started, by their ids."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    parents[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = {server.process.pid}
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def usage(server):
    """Seconds of processor time so far, and bytes of memory now."""
    cpu = memory = 0
    for pid in processes(server):
        try:
            with open("/proc/%d/stat" % pid) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        cpu += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return cpu, memory


def sanitized(server):
    """Whether sanitizers take part of the memory."""
    for pid in processes(server):
        try:
            with open("/proc/%d/maps" % pid) as f:
                if "san.so" in f.read():
                    return True
        except OSError:
            pass
    return False


class Imap(Raw):
    """One who is logged in, and reads responses with their literals."""

    def __init__(self, server, user="anna", select="INBOX"):
        super().__init__(server.connect("imaps", tls=True))
        self.sock.settimeout(300)
        self.line()
        self.ok(b"LOGIN " + user.encode() + b' "' + PASSWORD.encode() + b'"')
        if select:
            self.ok(b"SELECT " + select.encode())

    def take(self, n):
        while len(self.data) < n:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("the server closed")
            self.data += more
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def response(self):
        text = b""
        while True:
            line = self.line()
            text += line
            if line.endswith(b"}") and b"{" in line:
                n = int(line[line.rindex(b"{") + 1:-1].rstrip(b"+"))
                text += b"\r\n" + self.take(n)
                continue
            return text

    def ask(self, command):
        """All responses, the tagged one last."""
        self.send(b"t " + command + b"\r\n")
        got = []
        while True:
            got.append(self.response())
            if got[-1][:2] == b"t " or not got[-1]:
                return got

    def ok(self, command):
        got = self.ask(command)
        if not got[-1].startswith(b"t OK"):
            raise RuntimeError("%r: %r" % (command[:60], got[-1][:200]))
        return got[:-1]

    def append(self, message, box=b"INBOX"):
        self.send(b"t APPEND " + box + b" {%d+}\r\n" % len(message))
        self.send(message + b"\r\n")
        while True:
            got = self.response()
            if got[:2] == b"t " or not got:
                return got


def alive(server, what):
    """Others are served, whatever was done to it."""
    c = Raw(server.connect("mx"))
    greeting = c.reply()[0]
    c.send(b"QUIT\r\n")
    ok(greeting == 220 and server.process.poll() is None,
       what + ": others are served")
    c.sock.close()


class Bounded:
    """with Bounded(server, "M01"): … must not cost more than is reasonable."""

    def __init__(self, server, row, seconds=60, megabytes=512):
        self.server, self.row = server, row
        self.seconds, self.megabytes = seconds, megabytes

    def __enter__(self):
        self.cpu = usage(self.server)[0]
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            return
        cpu, memory = usage(self.server)
        ok(cpu - self.cpu < self.seconds,
           "%s: %.1f s of processor time" % (self.row, cpu - self.cpu))
        ok(memory < self.megabytes << 20 or sanitized(self.server),
           "%s: %d MiB of memory" % (self.row, memory >> 20))
        alive(self.server, self.row)


def until(what, seconds=60):
    """Whether it becomes true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False
