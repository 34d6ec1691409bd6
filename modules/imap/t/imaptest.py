"""imaptest.py - plays scripts in the form of Dovecot's imaptest.

A script has head lines "key: value", an empty line, and commands with what they
must bring; see ScriptedTests in imaptest's papers. Lists of flags are compared
as sets without \\Recent, and "RECENT" counts are not compared: who of several
sessions has them is the server's choice.
"""
import re

from imapconv import Connection, Str, tokens

STATES = ("nonauth", "auth", "created", "appended", "selected")


class Mismatch(Exception):
    pass


def read_mbox(path):
    with open(path, "rb") as f:
        data = f.read().replace(b"\r\n", b"\n")
    parts = re.split(rb"^From [^\n]*\n", data, flags=re.M)[1:]
    out = []
    for part in parts:
        # The empty line before the next separator is not the message's.
        if part.endswith(b"\n\n"):
            part = part[:-1]
        out.append(part.replace(b"\n", b"\r\n"))
    return out


class Script:
    def __init__(self, path, mbox):
        with open(path, "rb") as f:
            lines = f.read().split(b"\n")
        self.head = {}
        i = 0
        while i < len(lines) and lines[i].strip():
            if not lines[i].startswith(b"#"):
                key, _, value = lines[i].partition(b":")
                self.head[key.strip().decode().lower()] = value.strip().decode()
            i += 1
        self.lines = self._join(lines[i:])
        self.messages = read_mbox(mbox)

    @staticmethod
    def _join(lines):
        """Lines with {{{ ... }}} as one."""
        out, i = [], 0
        while i < len(lines):
            line = lines[i]
            while line.count(b"{{{") > line.count(b"}}}"):
                i += 1
                line += b"\n" + lines[i]
            if line.strip() and not line.startswith(b"#"):
                out.append(line)
            i += 1
        return out

    @property
    def connections(self):
        return int(self.head.get("connections", "1"))

    @property
    def state(self):
        return self.head.get("state", "selected")

    @property
    def capabilities(self):
        return self.head.get("capabilities", "").upper().split()


def literal_text(text):
    """What stands between {{{ and }}}, as bytes of a message."""
    text = text[1:] if text.startswith(b"\n") else text
    text = text[:-1] if text.endswith(b"\n") else text
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def with_literals(text):
    """The script's {{{ }}} as literals that are not waited for."""
    def repl(m):
        # A literal8 is taken as it stands.
        body = m.group(2)[1:-1] if m.group(1) else literal_text(m.group(2))
        return b"%s{%d+}\r\n%s" % (m.group(1), len(body), body)
    return re.sub(rb"(~?)\{\{\{(.*?)\}\}\}", repl, text, flags=re.S)


class Player:
    """One script on one mailbox."""

    def __init__(self, script, address, user, password, mailbox):
        self.s = script
        self.user, self.password = user, password
        self.vars = {b"mailbox": mailbox.encode(), b"user": user.encode(),
                     b"password": password.encode()}
        self.conns = [Connection(address) for _ in range(script.connections)]
        self.next_message = 0
        self.pending = [{} for _ in self.conns]
        self.mailbox = mailbox.encode()

    def must(self, conn, text):
        status, rest, untagged, _ = conn.command(text)
        if status != b"OK":
            raise Mismatch("%r: %r %r" % (text[:80], status, rest))
        return untagged

    def append(self, conn, where=None):
        msg = self.s.messages[self.next_message % len(self.s.messages)]
        self.next_message += 1
        return b"APPEND %s {%d+}\r\n%s" % (where or self.mailbox, len(msg), msg)

    def prepare(self):
        level = STATES.index(self.s.state)
        if level == 0:
            for c in self.conns:
                c.response()
            return
        for c in self.conns:
            c.login(self.user, self.password)
        first = self.conns[0]
        caps = b" ".join(self.must(first, b"CAPABILITY")).decode().upper()
        missing = [c for c in self.s.capabilities if c not in caps.split()]
        if missing:
            raise LookupError(" ".join(missing))
        if level >= 2:
            self.must(first, b"CREATE " + self.mailbox)
        n = self.s.head.get("messages", "0")
        n = len(self.s.messages) if n == "all" else int(n)
        if level >= 3:
            for _ in range(n):
                self.must(first, self.append(first))
        if level >= 4:
            for c in self.conns:
                self.must(c, b"SELECT " + self.mailbox)

    def cleanup(self):
        c = Connection(self.conns[0].sock.getpeername())
        c.login(self.user, self.password)
        for r in self.must(c, b'LIST "" "%s*"' % self.mailbox)[::-1]:
            c.command(b'DELETE "%s"' % tokens(r)[-1])
        c.close()
        for c in self.conns:
            c.close()

    # ---- variables and comparing ----

    def expand(self, text, partial=False):
        """Known variables; partial leaves unknown ones."""
        def repl(m):
            name = m.group(1) or m.group(2)
            if m.group(0) == b"$$":
                return b"\1" if partial else b"$"
            if name in self.vars:
                return self.vars[name]
            if partial:
                return m.group(0)
            raise Mismatch("unknown variable %r" % name)
        return re.sub(rb"\$\$|\$\{(\w+)\}|\$(\w+)", repl, text)

    def word(self, want, got, binding):
        """A word with variables against what came."""
        if isinstance(got, list):
            m = re.fullmatch(rb"\$(\w+)|\$\{(\w+)\}", want)
            return bool(m) and self.bind(m, repr(got).encode(), binding)
        # Scripts rely on comparing up to NUL: one of them is a byte short.
        text = self.expand(want, partial=True).split(b"\0")[0]
        got = got.split(b"\0")[0]
        pattern = b""
        names = []
        pos = 0
        for m in re.finditer(rb"\$\{(\w+)\}|\$(\w+)", text):
            pattern += re.escape(text[pos:m.start()]) + b"(.*)"
            names.append(m)
            pos = m.end()
        pattern += re.escape(text[pos:])
        pattern = pattern.replace(b"\1", b"\\$")
        m = re.fullmatch(pattern, got, re.I | re.S)
        if not m:
            return False
        return all(self.bind(n, v, binding) for n, v in zip(names, m.groups()))

    def bind(self, m, value, binding):
        name = m.group(1) or m.group(2)
        if name in self.vars:
            return self.vars[name] == value
        if name in binding:
            return binding[name] == value
        binding[name] = value
        return True

    def same(self, want, got, binding, what=None):
        if isinstance(want, list) != isinstance(got, list):
            return not isinstance(want, list) and self.word(want, got, binding)
        if not isinstance(want, list):
            if want.lower() == b"nil" and not isinstance(want, Str):
                return got.lower() == b"nil" and not isinstance(got, Str)
            return self.word(want, got, binding)
        if what == "flags":
            want = [w for w in want if w.lower() != b"\\recent"]
            got = [g for g in got if g.lower() != b"\\recent"]
            if len(want) != len(got):
                return False
            return self.subset(want, got, binding)
        if what == "attributes":
            return self.subset(want, got, binding)
        if what == "pairs":
            return self.pairs(want, got, binding)
        if len(want) != len(got):
            return False
        return all(self.same(w, g, binding) for w, g in zip(want, got))

    def subset(self, want, got, binding):
        left = list(got)
        for w in want:
            for g in left:
                trial = dict(binding)
                if self.same(w, g, trial):
                    binding.update(trial)
                    left.remove(g)
                    break
            else:
                return False
        return True

    def pairs(self, want, got, binding):
        have = {}
        for k, v in zip(got[::2], got[1::2]):
            have.setdefault(k.lower(), []).append(v)
        for k, v in zip(want[::2], want[1::2]):
            key = self.expand(k).lower()
            if key == b"recent":
                continue
            for g in have.get(key, []):
                trial = dict(binding)
                if self.same(v, g, trial,
                             "flags" if key == b"flags" else None):
                    binding.update(trial)
                    break
            else:
                return False
        return True

    def untagged(self, want, got, orig, binding):
        """One expected untagged response against one that came."""
        if not got or len(want) < 1:
            return False
        kind = got[0].lower() if not isinstance(got[0], list) else b""
        if kind in (b"list", b"lsub") and len(want) > 2:
            return len(got) >= len(want) and \
                self.same(want[0], got[0], binding) and \
                self.same(want[1], got[1], binding, "attributes") and \
                all(self.same(w, g, binding)
                    for w, g in zip(want[2:], got[2:]))
        if kind == b"status" and len(want) > 2:
            return self.same(want[:2], got[:2], binding) and \
                self.pairs(want[2], got[2], binding)
        if kind == b"search" and len(want) == len(got) and \
                all(self.same(w, g, binding) for w, g in zip(want, got)):
            return True
        if kind == b"search":
            return sorted(self.expand(w, True) for w in want[1:]) == \
                sorted(got[1:]) and want[0].lower() == b"search"
        if kind in (b"ok", b"no", b"bad", b"bye"):
            return len(got) >= len(want) and all(
                self.same(w, g, binding) for w, g in zip(want, got))
        if len(got) >= 2 and got[0].isdigit() and not isinstance(want[0], list):
            m = re.fullmatch(rb"\$(\d+)", want[0])
            if m:
                if orig is None or int(m.group(1)) != orig:
                    return False
            elif not self.same(want[0], got[0], binding):
                return False
            if len(want) != len(got):
                return False
            if len(want) == 3 and want[1].lower() == b"fetch" and \
                    got[1].lower() == b"fetch":
                return self.pairs(want[2], got[2], binding)
            return self.same(want[1:], got[1:], binding)
        if len(want) != len(got):
            return False
        return all(self.same(w, g, binding, "flags" if kind == b"flags" else
                             None) for w, g in zip(want, got))

    # ---- playing ----

    @staticmethod
    def parse_status(data):
        """Tokens of "OK [CODE x] text" with the code's words apart."""
        m = re.match(rb"(\w+) \[(.*?)\]", data)
        return [m.group(1)] + [b"["] + tokens(m.group(2)) if m else tokens(
            data.split(b" ")[0])

    def parse_reply(self, data):
        data = data[2:].rstrip(b"\r\n")
        if re.match(rb"(?i)(ok|no|bad|bye)\b", data):
            return self.parse_status(data)
        return tokens(data)

    def parse_want(self, line):
        text = with_literals(line.strip())
        if re.match(rb"(?i)(ok|no|bad|bye)\b", text):
            return self.parse_status(text)
        return tokens(text)

    def check(self, line, expected, banned, replies):
        order = list(range(1, 100001)) if any(
            b"EXPUNGE" in r.upper() for r in replies) else None
        seen = []
        for r in replies:
            if not r.startswith(b"* "):
                continue
            got = self.parse_reply(r)
            orig = None
            if len(got) > 1 and got[0].isdigit():
                n = int(got[0])
                orig = n if order is None else order[n - 1]
                if order is not None and got[1].upper() == b"EXPUNGE":
                    order.pop(n - 1)
            seen.append((got, orig))
        used = []
        for e in expected:
            want = self.parse_want(e)
            if len(want) == 2 and want[-1] in (b"recent", b"RECENT"):
                continue
            # One reply may be what two lines ask for, if nothing else is.
            for i, (got, orig) in enumerate(seen + used):
                binding = {}
                if self.untagged(want, got, orig, binding):
                    self.vars.update(binding)
                    used += seen[i:i + 1]
                    del seen[i:i + 1]
                    break
            else:
                raise Mismatch("%s\nwanted  %r\nreplies %r" % (
                    line.decode(errors="replace"), want, replies))
        for e in banned:
            want = self.parse_want(e)
            for got, orig in seen:
                if self.untagged(want, got, orig, {}):
                    raise Mismatch("%s\nmust not come: %r" % (
                        line.decode(errors="replace"), got))

    def play(self):
        lines = self.s.lines
        i = 0
        while i < len(lines):
            start = i
            i += 1
            expected, banned = [], []
            while i < len(lines) and lines[i][:1] in b"*!" and \
                    lines[i][1:2] == b" ":
                (expected if lines[i][:1] == b"*" else banned).append(
                    lines[i][2:])
                i += 1
            i = self.one(lines[start], expected, banned, lines, i)

    def split(self, line):
        m = re.match(rb"(\d) ", line) if len(self.conns) > 1 else None
        n = int(m.group(1)) - 1 if m else 0
        return n, line[m.end():] if m else line

    def one(self, line, expected, banned, lines, i):
        n, text = self.split(line)
        conn = self.conns[n]
        m = re.match(rb'(ok|no|bad|"")( |$)', text)
        if m:
            self.command(conn, line, m.group(1), text[m.end():], expected,
                         banned)
            return i
        m = re.match(rb"(tag\d+) (ok|no|bad)\b(.*)", text)
        if m:
            replies = []
            want = self.pending[n].pop(m.group(1))
            status, rest = conn.finish(want, replies)
            self.status(line, m.group(2), status, rest)
            self.check(line, expected, banned, replies)
            return i
        m = re.match(rb"(tag\d+) (.*)", text, re.S)
        if m:
            tag = conn.tag()
            self.pending[n][m.group(1)] = tag
            conn.start(tag, with_literals(self.expand(m.group(2))))
            self.held = getattr(self, "held", []) + expected
            return i
        # "select x", untagged replies, then "ok [code]".
        n2, status = self.split(lines[i])
        m = re.match(rb"(ok|no|bad)(.*)", status)
        if not m:
            raise Mismatch("not understood: %r" % line)
        self.command(conn, line, m.group(1), text, expected, banned,
                     m.group(2).strip())
        return i + 1

    def status(self, line, want, got, rest, code=b""):
        if want != b'""' and want.upper() != got:
            raise Mismatch("%s\ngot %r %r" % (
                line.decode(errors="replace"), got, rest))
        if code and not rest.lower().startswith(
                self.expand(code).lower().rstrip(b"]")):
            raise Mismatch("%s\nwanted %r got %r" % (
                line.decode(errors="replace"), code, rest))

    def command(self, conn, line, want, text, expected, banned, code=b""):
        words = text.split()
        if words and words[0].lower() == b"append" and len(words) <= 3 and \
                b"{{{" not in text:
            where = words[1] if len(words) > 1 else b"$mailbox"
            data = self.append(conn, self.expand(where))
            if len(words) == 3:
                data = data.replace(b" {", b" %s {" % words[2], 1)
        elif words and words[0].lower() == b"append" and b"{{{" not in text:
            head = self.expand(text[len(words[0]):].strip())
            data = self.append(conn, head)
        else:
            data = with_literals(self.expand(text))
        tag = conn.tag()
        self.vars[b"tag"] = tag
        conn.start(tag, data)
        replies = []
        status, rest = conn.finish(tag, replies)
        self.status(line, want, status, rest, code)
        self.check(line, expected, banned, replies)
