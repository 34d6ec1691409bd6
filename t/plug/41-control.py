# 41-control.py - the control socket against clients that behave badly.
import os
import socket
import struct
import subprocess
import sys
import time

path = sys.argv[1]
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", name, flush=True)


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s


def frame(kind, data=b""):
    return kind + struct.pack(">I", len(data)) + data


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_frame(s):
    head = read_exactly(s, 5)
    return head[:1], read_exactly(s, struct.unpack(">I", head[1:])[0])


def talk(data, half_close=False):
    """Sends the bytes; returns what was written, and the exit status."""
    s = connect()
    kind, hello = read_frame(s)
    assert kind == b"h", kind
    out, status = b"", None
    try:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        while True:
            kind, data = read_frame(s)
            if kind == b"x":
                status = data[0]
                break
            if kind in b"or":
                out += data
            elif kind == b"w":
                s.sendall(frame(b"e"))
            elif kind == b"q":
                s.sendall(frame(b"i", b"word"))
    except (EOFError, ConnectionError):
        pass
    s.close()
    return out, status


def words(*args):
    return b"".join(frame(b"a", w) for w in args) + frame(b"g")


def alive():
    return talk(words(b"probe", b"say", b"x")) == (b"x\n", 0)


s = connect()
kind, hello = read_frame(s)
ok(kind == b"h" and hello.startswith(b"hermod ctl 1 "), "greeting")
s.close()
ok(alive(), "a command")
ok(talk(words(b"probe", b"ask")) == (b"<word>\n", 0), "a question")

for name, data in [
    ("no words", frame(b"g")),
    ("an unknown frame", frame(b"z", b"abc")),
    ("input before words", frame(b"i", b"abc") + words(b"probe", b"say", b"x")),
    ("a NUL in a word", words(b"probe", b"say\0", b"x")),
    ("a frame that is too long", b"a" + struct.pack(">I", 65537)),
    ("a length of four gigabytes", b"a" + struct.pack(">I", 0xffffffff)),
    ("too many words", words(*[b"w"] * 257)),
    ("too many bytes", words(*[b"w" * 60000] * 3)),
    ("noise", os.urandom(4096)),
    ("another protocol", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
]:
    out, status = talk(data)
    ok(status in (2, None) and alive(), name)

out, status = talk(words(b"probe", b"say", b"\x1b[2J\r\nx", b"%s%n"))
ok(status == 0 and out == b"\x1b[2J\r\nx %s%n\n", "words are only words")
out, status = talk(frame(b"a", b"probe") + b"a\0\0", half_close=True)
ok(status in (2, None) and alive(), "half a frame")
out, status = talk(words(b"probe", b"say", b"x"), half_close=True)
ok((out, status) == (b"x\n", 0), "a client that has said all")
out, status = talk(words(b"probe", b"ask"), half_close=True)
ok(b"connection of the command broke" in out or status in (1, None),
   "a question to nobody")
out, status = talk(words(b"probe", b"say", b"x") + frame(b"i", b"y" * 60000) * 3)
ok(status == 0 and alive(), "more than was asked for")

# Words that come byte by byte.
s = connect()
read_frame(s)
for b in words(b"probe", b"say", b"x"):
    s.sendall(bytes([b]))
ok(read_frame(s) == (b"o", b"x"), "byte by byte")
s.close()

# Clients that go away in the middle.
for kind in (b"flood", b"nap", b"count", b"ask"):
    s = connect()
    s.sendall(words(b"probe", kind))
    time.sleep(0.05)
    s.close()
ok(alive(), "clients that go away")

# No more than so many at once, and room again afterwards.
many = []
refused = False
try:
    for i in range(40):
        s = connect()
        many.append(s)
    for s in many:
        s.settimeout(1)
        try:
            read_frame(s)
        except EOFError:
            refused = True
except (ConnectionError, socket.timeout, BlockingIOError):
    refused = True
ok(refused, "too many clients are refused")
for s in many:
    s.close()
for i in range(50):
    try:
        if alive():
            break
    except Exception:
        pass
    time.sleep(0.1)
ok(alive(), "and when they are gone there is room")

mode = os.stat(path).st_mode & 0o777
ok(mode & 0o077 == 0, "others cannot open the socket (%o)" % mode)

# Whatever the mode says: another user is refused by name.
if os.getuid() == 0:
    os.chmod(path, 0o777)
    d = os.path.dirname(path)
    modes = []
    while d != "/":
        modes.append((d, os.stat(d).st_mode & 0o7777))
        os.chmod(d, modes[-1][1] | 0o011)
        d = os.path.dirname(d)
    pid = os.fork()
    if pid == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            s = connect()
            read_frame(s)
            os._exit(0)
        except (EOFError, ConnectionError):
            os._exit(1)
        except Exception:
            os._exit(2)
    status = os.waitpid(pid, 0)[1]
    for d, m in modes:
        os.chmod(d, m)
    os.chmod(path, 0o600)
    ok(os.waitstatus_to_exitcode(status) == 1, "another user is refused")
    ok(alive(), "root is not")
else:
    print("ok", count + 1, "# SKIP needs root to become another user")
    count += 1

print("1..%d" % count)
sys.exit(1 if failed else 0)
