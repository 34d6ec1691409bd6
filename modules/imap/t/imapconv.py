"""imapconv.py - an IMAP connection that gives back what a server says as
tokens, for players of scripts. No library: it must see what is really sent."""
import re
import socket


class Str(bytes):
    """A quoted string or a literal; other words are plain bytes."""


class Closed(Exception):
    pass


def tokens(data):
    """Nested lists of words and strings. Brackets belong to words, so that
    "BODY[HEADER.FIELDS (A B)]" is one; a text code "[UNSEEN 1]" is a list that
    begins with b"["."""
    pos, stack = 0, [[]]
    n = len(data)
    while pos < n:
        c = data[pos:pos + 1]
        if c in b" \r\n\t":
            pos += 1
        elif c == b"(":
            stack.append([])
            pos += 1
        elif c == b")":
            if len(stack) < 2:
                raise ValueError("a list ends that did not begin")
            done = stack.pop()
            stack[-1].append(done)
            pos += 1
        elif c == b'"':
            pos += 1
            out = bytearray()
            while data[pos:pos + 1] != b'"':
                if pos >= n:
                    raise ValueError("a string does not end")
                if data[pos:pos + 1] == b"\\":
                    pos += 1
                out += data[pos:pos + 1]
                pos += 1
            pos += 1
            stack[-1].append(Str(out))
        else:
            m = re.compile(rb"~?\{(\d+)\+?\}\r?\n").match(data, pos)
            if m:
                size = int(m.group(1))
                stack[-1].append(Str(data[m.end():m.end() + size]))
                pos = m.end() + size
                continue
            start = pos
            depth = 0
            while pos < n:
                c = data[pos:pos + 1]
                if c == b"[":
                    depth += 1
                elif c == b"]":
                    depth -= 1
                elif depth <= 0 and c in b' ()"\r\n':
                    break
                elif c in b"\r\n":
                    break
                pos += 1
            stack[-1].append(bytes(data[start:pos]))
    if len(stack) != 1:
        raise ValueError("a list does not end")
    return stack[0]


class Connection:
    def __init__(self, address, timeout=20):
        self.sock = socket.create_connection(address, timeout)
        self.buf = b""
        self.count = 0

    def _fill(self):
        more = self.sock.recv(65536)
        if not more:
            raise Closed("the server has closed")
        self.buf += more

    def _take(self, n):
        while len(self.buf) < n:
            self._fill()
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def _line(self):
        while b"\n" not in self.buf:
            self._fill()
        return self._take(self.buf.index(b"\n") + 1)

    def response(self):
        """One whole response with its literals, raw."""
        data = self._line()
        while True:
            m = re.search(rb"\{(\d+)\}\r\n$", data)
            if not m:
                return data
            data += self._take(int(m.group(1)))
            data += self._line()

    def send(self, data):
        self.sock.sendall(data)

    def tag(self):
        self.count += 1
        return b"x%d" % self.count

    def command(self, text, tag=None):
        """Sends bytes in which literals are Str pieces: a list of bytes and
        Str. Returns (status, rest, untagged, tag)."""
        tag = tag or self.tag()
        self.start(tag, text)
        untagged = []
        status, rest = self.finish(tag, untagged)
        return status, rest, untagged, tag

    def start(self, tag, text):
        if isinstance(text, bytes):
            text = [text]
        out = tag + b" "
        for piece in text:
            out += piece
        self.send(out + b"\r\n")

    def finish(self, tag, untagged):
        while True:
            data = self.response()
            first, _, rest = data.rstrip(b"\r\n").partition(b" ")
            if first == tag:
                status, _, rest = rest.partition(b" ")
                return status.upper(), rest
            untagged.append(data)

    def login(self, user, password):
        self.response()
        status = self.command(b'LOGIN "%s" "%s"' % (
            user.encode(), password.encode()))[0]
        if status != b"OK":
            raise RuntimeError("login refused")
        return self

    def close(self):
        self.sock.close()
