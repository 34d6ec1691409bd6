# probe.py - for test scripts: the probe program, TAP, and tables of differences.
import os
import re
import subprocess
import sys


class Probe:
    """Calls the parsers of this folder; see probe.c."""

    def __init__(self):
        builddir = os.environ.get("top_builddir", ".")
        self.child = subprocess.Popen(
            [os.path.join(builddir, "core/mail/t/probe")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, op, arg):
        if isinstance(arg, str):
            arg = arg.encode("utf-8", "surrogatepass")
        request = "%s %s\n" % (op, arg.hex() or "-")
        self.child.stdin.write(request.encode())
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line.endswith(b"\n"):
            print("Bail out! the probe died in %s" % op)
            sys.exit(1)
        return line.decode().split(" ")[:-1] if not line.startswith(b"!") \
            else Error(line[2:].decode().strip())

    def close(self):
        self.child.stdin.close()
        return self.child.wait() == 0


class Error(str):
    """What a parser answered instead of a result."""


def raw(field):
    """A field of an answer as bytes; None if it is absent."""
    return None if field == "-" else b"" if field == "." \
        else bytes.fromhex(field)


def text(field):
    value = raw(field)
    return None if value is None else value.decode("utf-8", "surrogateescape")


class Grammar:
    """Lists, numbers, NIL, quoted strings and literals of IMAP."""

    def __init__(self, bytes_):
        self.s, self.i = bytes_, 0

    def value(self):
        stack, out = [], []
        while True:
            c = self.s[self.i:self.i + 1]
            if c == b"(":
                stack.append(out)
                out = []
                self.i += 1
                continue
            if c == b")":
                inner, out = out, stack.pop()
                out.append(inner)
                self.i += 1
            else:
                out.append(self.atom(c))
            if not stack:
                if self.i != len(self.s):
                    raise ValueError("something follows")
                return out[0]
            if self.s[self.i:self.i + 1] == b" ":
                self.i += 1

    def atom(self, c):
        if c == b'"':
            m = re.compile(rb'"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*)"').match(
                self.s, self.i)
            self.i = m.end()
            return re.sub(rb"\\(.)", rb"\1", m[1])
        if c == b"{":
            m = re.compile(rb"\{(\d+)\}\r\n").match(self.s, self.i)
            self.i = m.end() + int(m[1])
            value = self.s[m.end():self.i]
            if len(value) != int(m[1]) or b"\0" in value:
                raise ValueError("literal")
            return value
        m = re.compile(rb"NIL|\d+").match(self.s, self.i)
        self.i = m.end()
        return None if m[0] == b"NIL" else int(m[0])


def testdata():
    """The directory with external test data; leaves if there is none."""
    path = os.environ.get("HERMOD_TESTDATA", "../shared/testdata")
    if not os.path.isdir(path):
        print("1..0 # SKIP no test data in %s" % path)
        sys.exit(0)
    return path


class Cases:
    """Compares with what others expect.

    differences maps a reason to the names of the cases that differ because
    of it. A case that differs and is not listed fails, and so does one that
    is listed and does not differ."""

    def __init__(self, differences=None):
        self.count = self.failed = 0
        self.reasons = {}
        for reason, names in (differences or {}).items():
            for name in names:
                if name in self.reasons:
                    raise KeyError("listed twice: " + name)
                self.reasons[name] = reason
        self.seen = set()

    def ok(self, good, name, *details):
        self.count += 1
        name = "".join(c if c.isprintable() and c != "#" else "?"
                       for c in str(name))
        print("%sok %d - %s" % ("" if good else "not ", self.count, name))
        if not good:
            self.failed += 1
            for line in details:
                print("#   %s" % ascii(line))
        return good

    def same(self, name, got, expected, detail=None):
        if name in self.seen:
            raise KeyError("two cases are called " + name)
        self.seen.add(name)
        reason = self.reasons.get(name)
        if reason is None:
            self.ok(got == expected, name, detail, "got:      %r" % (got,),
                    "expected: %r" % (expected,))
        else:
            self.ok(got != expected, "%s differs: %s" % (name, reason),
                    "no longer: strike it from the table")

    def done(self):
        for name in sorted(set(self.reasons) - self.seen):
            self.ok(False, "%s is listed but is no case" % name)
        print("1..%d" % self.count)
        sys.exit(1 if self.failed or not self.count else 0)
