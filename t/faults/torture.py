"""torture.py - clients that know exactly what they were promised.

An Owner works alone on mailboxes of its own in an account that others use at
the same time, and has a model of them: after each answer it knows what must be
there. Where no answer came, the last operation may be done or not, but wholly.
A Sender knows which messages were taken, and how often it tried.
"""
import atexit
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import hermod  # noqa: E402
from hermod import diag, ok, equal, skip, skip_all, finish  # noqa: E402,F401

USERS = ("anna", "bert", "carl")
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$one", "$two")
TIMEOUT = 60


class Lost(Exception):
    """The connection is gone."""


class Refused(Exception):
    """The server said NO, 4xx or 5xx."""


def setting(name, default):
    return int(os.environ.get(name, default))


def work_dir():
    """Nothing here needs a disk: what is lost with power is made up."""
    if "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK):
        os.environ["TMPDIR"] = tempfile.tempdir = "/dev/shm"


# ---- messages ----------------------------------------------------------------

class Mail:
    """All that were ever made, by token."""

    def __init__(self, rng):
        self.rng = rng
        self.lock = threading.Lock()
        self.text = {}

    def new(self, prefix, author="x@far.example"):
        with self.lock:
            token = "%s-%d" % (prefix, len(self.text))
            size = self.rng.choice((0, 30, 300, 3000, 3000, 20000, 300000)
                                   if len(self.text) % 40 == 0 else
                                   (0, 30, 300, 3000))
            lines = ["X-Token: " + token, "From: <%s>" % author,
                     "Subject: about " + token,
                     "Message-ID: <%s@torture.example>" % token, "",
                     ".a line with a dot"]
            while size > 0:
                n = self.rng.randrange(1, 76)
                lines.append("%0*x" % (n, self.rng.getrandbits(4 * n)))
                size -= n
            text = ("\r\n".join(lines) + "\r\n").encode()
            self.text[token] = text
            return token


# ---- IMAP --------------------------------------------------------------------

class Imap:
    def __init__(self, port, user, timeout=TIMEOUT):
        self.number = 0
        self.selected = None
        self.file = None
        try:
            self.sock = socket.create_connection(("127.0.0.1", port), timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.file = self.sock.makefile("rb", 1 << 16)
        except OSError as e:
            raise Lost(str(e))
        if not self.line().startswith(b"* OK"):
            raise Lost("no greeting")
        self.ask('LOGIN %s "%s"' % (user, hermod.PASSWORD))

    def close(self):
        for what in (self.file, self.sock):
            try:
                what.close()
            except OSError:
                pass

    def line(self):
        try:
            line = self.file.readline()
        except OSError as e:
            raise Lost(str(e))
        if not line.endswith(b"\n"):
            raise Lost("end of the connection")
        return line[:-2]

    def answer(self):
        """One response: its text, and its literals."""
        text, literals = b"", []
        while True:
            line = self.line()
            m = re.search(rb"\{(\d+)\}$", line)
            if not m:
                return text + line, literals
            try:
                data = self.file.read(int(m.group(1)))
            except OSError as e:
                raise Lost(str(e))
            if len(data) < int(m.group(1)):
                raise Lost("end of the connection in a literal")
            text += line[:m.start()] + b"{}"
            literals.append(data)

    def ask(self, command, literal=None):
        """The untagged responses and the text of OK."""
        self.number += 1
        tag = b"t%d" % self.number
        data = tag + b" " + command.encode()
        if literal is not None:
            data += b" {%d+}\r\n" % len(literal) + literal
        try:
            self.sock.sendall(data + b"\r\n")
        except OSError as e:
            raise Lost(str(e))
        got = []
        while True:
            text, literals = self.answer()
            if text.startswith(tag + b" "):
                text = text[len(tag) + 1:]
                break
            if text.startswith(b"* BYE"):
                raise Lost(text.decode())
            got.append((text, literals))
        if not text.startswith(b"OK"):
            raise Refused(command + ": " + text.decode(errors="replace"))
        return got, text

    def select(self, name):
        if self.selected != name:
            self.selected = None
            self.ask('SELECT "%s"' % name)
            self.selected = name


def parse_fetch(got, part):
    """uid -> (flags, bytes of part) of all FETCH responses."""
    found = {}
    for text, literals in got:
        m = re.match(rb"\* \d+ FETCH \(", text)
        uid = re.search(rb"UID (\d+)", text)
        flags = re.search(rb"FLAGS \(([^)]*)\)", text)
        if not m or not uid or not flags:
            continue
        body = literals[0] if literals else None
        if part and body is None:
            if b"BODY[" not in text:
                continue             # news of flags
            body = b""
        found[int(uid.group(1))] = (frozenset(
            f for f in flags.group(1).decode().split() if f != "\\Recent"),
            body)
    return found


def token_of(header):
    m = re.search(rb"X-Token: (\S+)", header or b"")
    return m.group(1).decode() if m else None


# ---- the model ---------------------------------------------------------------

class Box:
    def __init__(self, uidnext=1, messages=None):
        self.uidnext = uidnext
        self.messages = dict(messages or {})    # uid -> (token, flags)

    def copy(self):
        return Box(self.uidnext, self.messages)

    def add(self, token, flags):
        self.messages[self.uidnext] = (token, flags)
        self.uidnext += 1


class State:
    """What an owner's mailboxes hold."""

    def __init__(self, boxes=None):
        self.boxes = boxes or {}

    def copy(self):
        return State({n: b.copy() for n, b in self.boxes.items()})


def ranges(uids):
    return ",".join(str(u) for u in sorted(uids))


class Op:
    """One change: run() asks for it, apply() makes it in the model."""
    name = ""

    def __init__(self, command, apply, select=None, literal=None):
        self.command, self.change = command, apply
        self.select, self.literal = select, literal

    def apply(self, state):
        after = state.copy()
        self.change(after)
        return after

    def run(self, imap):
        if self.select:
            imap.select(self.select)
        return imap.ask(self.command, self.literal)


def op_append(owner, rng):
    name = rng.choice(owner.own())
    token = owner.mail.new(owner.prefix)
    flags = frozenset(rng.sample(FLAGS, rng.randrange(3)))

    def change(state):
        state.boxes[name].add(token, flags)
    return Op('APPEND "%s" (%s)' % (name, " ".join(sorted(flags))), change,
              literal=owner.mail.text[token])


def some(owner, rng, names):
    """A mailbox with messages and some of its uids."""
    names = [n for n in names if owner.state.boxes[n].messages]
    if not names:
        return None, ()
    name = rng.choice(names)
    uids = sorted(owner.state.boxes[name].messages)
    return name, rng.sample(uids, min(len(uids), rng.choice((1, 1, 2, 5, 20))))


def op_store(owner, rng):
    name, uids = some(owner, rng, owner.all())
    if not uids:
        return None
    how = rng.choice(("+", "-", ""))
    flags = frozenset(rng.sample(FLAGS + ("\\Deleted",), rng.randrange(1, 4)))

    def change(state):
        box = state.boxes[name]
        for u in uids:
            token, had = box.messages[u]
            box.messages[u] = (token, had | flags if how == "+" else
                               had - flags if how == "-" else flags)
    return Op("UID STORE %s %sFLAGS (%s)" % (ranges(uids), how,
                                             " ".join(sorted(flags))),
              change, select=name)


def op_copy(owner, rng, move=None):
    name, uids = some(owner, rng, owner.all())
    others = [n for n in owner.own() if n != name]
    if not uids or not others:
        return None
    to = rng.choice(others)
    move = rng.random() < 0.6 if move is None else move

    def change(state):
        box = state.boxes[name]
        for u in sorted(uids):
            state.boxes[to].add(*box.messages[u])
            if move:
                del box.messages[u]
    return Op('UID %s %s "%s"' % ("MOVE" if move else "COPY", ranges(uids), to),
              change, select=name)


def op_expunge(owner, rng):
    names = [n for n in owner.all() if any(
        "\\Deleted" in f for _, f in owner.state.boxes[n].messages.values())]
    if not names:
        return None
    name = rng.choice(names)
    box = owner.state.boxes[name]
    doomed = [u for u, (_, f) in box.messages.items() if "\\Deleted" in f]
    some_uids = rng.random() < 0.5
    if some_uids:
        doomed = rng.sample(doomed, rng.randrange(1, len(doomed) + 1))

    def change(state):
        for u in doomed:
            del state.boxes[name].messages[u]
    return Op("UID EXPUNGE " + ranges(doomed) if some_uids else "EXPUNGE",
              change, select=name)


def op_create(owner, rng):
    if len(owner.own()) > 5:
        return None
    owner.count += 1
    name = "%s/n%d" % (owner.prefix, owner.count)
    if rng.random() < 0.3:
        name = "%s/c" % rng.choice(owner.own())
        if name in owner.state.boxes or name.count("/") > 3:
            return None

    def change(state):
        state.boxes[name] = Box()
    return Op('CREATE "%s"' % name, change)


def below(owner, name):
    return [n for n in owner.own() if n.startswith(name + "/")]


def op_delete(owner, rng):
    names = [n for n in owner.own()
             if n != owner.prefix and not below(owner, n)]
    if len(names) < 2:
        return None
    name = rng.choice(names)

    def change(state):
        del state.boxes[name]
    op = Op('DELETE "%s"' % name, change)
    op.unselects = name
    return op


def op_rename(owner, rng):
    names = [n for n in owner.own() if n != owner.prefix]
    if not names:
        return None
    name = rng.choice(names)
    owner.count += 1
    to = "%s/r%d" % (owner.prefix, owner.count)
    moved = [name] + below(owner, name)

    def change(state):
        for n in moved:
            state.boxes[to + n[len(name):]] = state.boxes.pop(n)
    op = Op('RENAME "%s" "%s"' % (name, to), change)
    op.unselects = name
    return op


def op_trim(owner, rng):
    """Keeps mailboxes small: what is above fifty goes."""
    for name in owner.all():
        uids = sorted(owner.state.boxes[name].messages)
        if len(uids) > 50:
            doomed = uids[:30]
            box = owner.state.boxes[name]
            marked = [u for u in doomed if "\\Deleted" in box.messages[u][1]]
            if len(marked) < len(doomed):
                def change(state):
                    for u in doomed:
                        t, f = state.boxes[name].messages[u]
                        state.boxes[name].messages[u] = (t, f | {"\\Deleted"})
                return Op("UID STORE %s +FLAGS (\\Deleted)" % ranges(doomed),
                          change, select=name)

            def change2(state):
                for u in doomed:
                    del state.boxes[name].messages[u]
            return Op("UID EXPUNGE " + ranges(doomed), change2, select=name)
    return None


OPS = ((op_append, 30), (op_store, 25), (op_copy, 25), (op_expunge, 10),
       (op_create, 4), (op_delete, 3), (op_rename, 5))


class Owner:
    """Of mailboxes below prefix in an account; one of each account has INBOX
    as well, into which others deliver."""

    def __init__(self, user, prefix, mail, rng, inbox=False):
        self.user, self.prefix, self.mail, self.rng = user, prefix, mail, rng
        self.inbox = inbox
        self.imap = None
        self.count = 0
        self.state = State()
        if inbox:
            self.state.boxes["INBOX"] = Box()
        self.pending = None
        self.arrived = {}            # token -> how often, in INBOX
        self.refused = False         # the pending operation, with NO
        self.done = 0
        self.history = []            # [begun, ended, op]; disk.py's positions
        self.position = lambda: 0

    def own(self):
        return sorted(n for n in self.state.boxes if n != "INBOX")

    def all(self):
        return sorted(self.state.boxes)

    def connect(self, port):
        self.close()
        self.imap = Imap(port, self.user)

    def close(self):
        if self.imap:
            self.imap.close()
        self.imap = None

    def do(self, op):
        """Asks for it; in the model when it is promised."""
        entry = [self.position(), None, op]
        self.history.append(entry)
        self.pending = op
        name = getattr(op, "unselects", None)
        if name and self.imap.selected and (
                self.imap.selected + "/").startswith(name + "/"):
            self.imap.ask("UNSELECT")
            self.imap.selected = None
        try:
            op.run(self.imap)
        except Refused:
            self.refused = True
            raise
        entry[1] = self.position()
        self.state = op.apply(self.state)
        self.pending = None
        self.done += 1

    def learn(self):
        """New messages in INBOX, which the server shows."""
        self.imap.select("INBOX")
        box = self.state.boxes["INBOX"]
        got, _ = self.imap.ask("UID FETCH %d:* (UID FLAGS BODY.PEEK["
                               "HEADER.FIELDS (X-Token)])" % box.uidnext)
        new = {u: (token_of(h), f) for u, (f, h) in
               parse_fetch(got, True).items() if u >= box.uidnext}
        if new:
            self.note_new(new, self.position())

    def note_new(self, new, position):
        def change(state):
            state.boxes["INBOX"].messages.update(new)
            state.boxes["INBOX"].uidnext = max(new) + 1
        op = Op("learn", change)
        op.new = [t for t, _ in new.values()]
        self.history.append([position, position, op])
        self.state = op.apply(self.state)
        for token in op.new:
            self.arrived[token] = self.arrived.get(token, 0) + 1

    def begin(self):
        """Mailboxes to begin with; the first of them stays."""
        if self.prefix in self.state.boxes:
            return
        for name in ("", "/a", "/b"):
            box = self.prefix + name
            if box not in self.state.boxes:
                self.do(Op('CREATE "%s"' % box, lambda s, b=box:
                           s.boxes.__setitem__(b, Box())))

    def step(self):
        if self.inbox and self.rng.random() < 0.3:
            self.learn()
        op = op_trim(self, self.rng)
        while not op:
            make = self.rng.choices([o for o, _ in OPS],
                                    [w for _, w in OPS])[0]
            op = make(self, self.rng)
        self.do(op)


class Sender:
    """Delivers to several accounts at once."""

    def __init__(self, name, mail, rng, user=None):
        self.name, self.mail, self.rng, self.user = name, mail, rng, user
        self.author = user + "@example.org" if user else "x@far.example"
        self.sent = {}          # token -> [rcpts, acked at, attempts, begun]
        self.unsure = []
        self.file = self.sock = None
        self.done = 0
        self.position = lambda: 0

    def connect(self, port):
        self.close()
        try:
            self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
            self.file = self.sock.makefile("rb")
        except OSError as e:
            raise Lost(str(e))
        self.expect(b"220")
        self.ask(b"EHLO torture.example", b"250")
        if self.user:
            import base64
            self.ask(b"AUTH PLAIN " + base64.b64encode(
                ("\0%s\0%s" % (self.user, hermod.PASSWORD)).encode()), b"235")

    def close(self):
        for what in (self.file, self.sock):
            if what:
                try:
                    what.close()
                except OSError:
                    pass
        self.file = self.sock = None

    def expect(self, code):
        while True:
            try:
                line = self.file.readline()
            except OSError as e:
                raise Lost(str(e))
            if not line.endswith(b"\n"):
                raise Lost("end of the connection")
            if line[3:4] != b"-":
                break
        if line.startswith(b"421"):
            raise Lost(line.decode())
        if not line.startswith(code):
            raise Refused(line.decode(errors="replace"))

    def ask(self, line, code):
        try:
            self.sock.sendall(line + b"\r\n")
        except OSError as e:
            raise Lost(str(e))
        self.expect(code)

    def rcpts(self, token):
        return ["<%s@example.org>" % user for user in self.sent[token][0]]

    def choose_rcpts(self, token):
        return self.rng.sample(USERS, self.rng.randrange(1, 3))

    def send(self, token):
        entry = self.sent[token]
        self.ask(b"MAIL FROM:<%s>" % self.author.encode(), b"250")
        for rcpt in self.rcpts(token):
            self.ask(b"RCPT TO:" + rcpt.encode(), b"250")
        self.ask(b"DATA", b"354")
        entry[2] += 1
        text = self.mail.text[token].replace(b"\r\n.", b"\r\n..")
        self.ask(text + b".", b"250")
        if entry[1] is None:
            entry[1] = self.position()
        self.done += 1

    def step(self):
        if self.unsure and self.rng.random() < 0.5:
            token = self.unsure.pop()
        else:
            token = self.mail.new(self.name, self.author)
            self.sent[token] = [self.choose_rcpts(token), None, 0,
                                self.position()]
        try:
            self.send(token)
        except (Lost, Refused) as e:
            if self.sent[token][2] == 0:
                del self.sent[token]
            else:
                self.unsure.append(token)
            if isinstance(e, Refused):
                self.ask(b"RSET", b"250")
            raise


# ---- what is there -----------------------------------------------------------

def observe(port, user):
    """name -> (uidnext, uid -> (token, flags, body)) of an account."""
    imap = Imap(port, user)
    got, _ = imap.ask('LIST "" "*"')
    names = []
    for text, literals in got:
        m = re.match(rb'\* LIST \(([^)]*)\) "/" (.*)$', text)
        if m and b"NoSelect" not in m.group(1):
            names.append(m.group(2).decode().strip('"'))
    seen = {}
    for name in names:
        got, _ = imap.ask('EXAMINE "%s"' % name)
        m = re.search(rb"UIDNEXT (\d+)", b" ".join(t for t, _ in got))
        uidnext = int(m.group(1))
        got, _ = imap.ask("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
        seen[name] = (uidnext, {
            u: (token_of(b), f, b) for u, (f, b) in
            parse_fetch(got, True).items()})
    imap.close()
    return seen


def difference(seen, state, owner):
    """What is not as the state says, or None. Beyond its uidnext INBOX may
    have more."""
    names = {n for n in seen if n == owner.prefix or
             n.startswith(owner.prefix + "/")}
    wanted = {n for n in state.boxes if n != "INBOX"}
    if names != wanted:
        return "mailboxes are %s, not %s" % (sorted(names), sorted(wanted))
    for name, box in state.boxes.items():
        uidnext, messages = seen[name]
        got = {u: (t, f) for u, (t, f, _) in messages.items()
               if name != "INBOX" or u < box.uidnext}
        if got != box.messages:
            wrong = [u for u in sorted(set(got) | set(box.messages))
                     if got.get(u) != box.messages.get(u)]
            return "%s: %d of %d messages differ: uid %d is %s, not %s" % (
                name, len(wrong), len(box.messages), wrong[0],
                got.get(wrong[0]), box.messages.get(wrong[0]))
        if name != "INBOX" and uidnext < box.uidnext:
            return "%s: UIDNEXT %d, not %d" % (name, uidnext, box.uidnext)
    return None


def bodies_wrong(seen, mail):
    """Messages whose bytes are not those that were given."""
    for name, (_, messages) in seen.items():
        for uid, (token, _, body) in messages.items():
            text = mail.text.get(token)
            if text is None:
                return "%s: uid %d is no message of ours: %r" % (
                    name, uid, (body or b"")[:80])
            if body != text and not (body.endswith(text) and
                                     b"X-Token" not in body[:-len(text)]):
                return "%s: uid %d (%s) has other bytes" % (name, uid, token)
    return None


class Tally:
    """What all rounds found."""

    def __init__(self):
        self.lost = self.torn = self.doubled = self.rounds = 0
        self.finished = self.not_done = 0
        self.partly = set()
        self.refused_done = 0
        self.recovery = []

    def text(self):
        r = sorted(self.recovery) or [0]
        return ("%d rounds; %d lost, %d torn; after no reply %d doubled and %d "
                "at some of the recipients; of what was under way %d were done "
                "and %d not; recovery median %.3f s, longest %.3f s" % (
                    self.rounds, self.lost, self.torn, self.doubled,
                    len(self.partly), self.finished, self.not_done,
                    r[len(r) // 2], r[-1]))


def judge(port, owners, senders, mail, tally, cut=None):
    """Compares all that is there with all that was promised; the models are
    then what was found. Returns complaints."""
    bad = []
    arrivals = {}
    for user in sorted({o.user for o in owners}):
        try:
            seen = observe(port, user)
        except (Lost, Refused) as e:
            tally.torn += 1
            bad.append("%s cannot be read: %s" % (user, e))
            continue
        wrong = bodies_wrong(seen, mail)
        if wrong:
            bad.append("%s: %s" % (user, wrong))
        for owner in (o for o in owners if o.user == user):
            settle(owner, seen, bad, tally)
            if owner.inbox:
                new = {u: (t, f) for u, (t, f, _) in seen["INBOX"][1].items()
                       if u >= owner.state.boxes["INBOX"].uidnext}
                if new:
                    owner.note_new(new, owner.position())
                arrivals[user] = owner.arrived
    for sender in senders:
        for token, (users, acked, attempts, _) in sender.sent.items():
            counts = [arrivals[u].get(token, 0) for u in users
                      if u in arrivals]
            if not counts:
                continue
            if acked is not None and min(counts) == 0:
                tally.lost += 1
                bad.append("message %s was taken and is lost" % token)
            elif max(counts) > max(attempts, 1):
                tally.torn += 1
                bad.append("message %s is there too often" % token)
            # each account has it or not: one that got no reply may have come
            # to some, and will come again to all (RFC 5321, 4.5.4.1)
            elif acked is None and len(set(counts)) > 1:
                tally.partly.add(token)
    tally.doubled = sum(
        max(0, arrivals[u].get(t, 0) - 1)
        for s in senders for t, e in s.sent.items() for u in e[0]
        if u in arrivals)
    return bad


def settle(owner, seen, bad, tally):
    wrong = difference(seen, owner.state, owner)
    if owner.pending:
        after = owner.pending.apply(owner.state)
        done = difference(seen, after, owner)
        if done is None:
            owner.state = after
            tally.finished += 1
            # one that changes nothing is done in any case
            tally.refused_done += owner.refused and wrong is not None
            wrong = None
        elif wrong is None:
            tally.not_done += 1
        else:
            wrong += "; with %s: %s" % (owner.pending.command[:60], done)
    if wrong:
        tally.torn += 1
        bad.append("%s %s: %.300s" % (owner.user, owner.prefix, wrong))
        for begun, ended, op in owner.history[-5:]:
            bad.append("  %s %.80s" % (
                "OK" if ended is not None else "??", op.command))
    owner.pending = None
    owner.refused = False


# ---- a server to be hurt -----------------------------------------------------

LIMITS = "connection-rate: 1000000\nconnections-per-address: %d\n"
CONF = {"imap": "insecure-login: yes\n" + LIMITS % 100000,
        "smtp": "insecure-login: yes\n" + LIMITS % 100000,
        # so that pages leave the cache and come back all the time
        "kv-bdb": "cache: 2M\npage-size: 64K\n"}


def open_modules():
    """Modules below /root cannot be loaded by nobody: then copies are."""
    path = modules = os.path.abspath(
        os.environ.get("HERMOD_MODULE_PATH", "/"))
    while os.stat(path).st_mode & 0o5 == 0o5 and path != "/":
        path = os.path.dirname(path)
    if path == "/" or not os.path.isdir(modules):
        return
    copy = tempfile.mkdtemp(prefix="hermod-t.")
    atexit.register(shutil.rmtree, copy, True)
    shutil.copytree(modules, copy, dirs_exist_ok=True)
    os.chmod(copy, 0o755)
    os.environ["HERMOD_MODULE_PATH"] = copy


class Victim(hermod.Server):
    """A server that is killed and started again; where root starts it, it has
    a parent, and its worker is nobody."""

    def __init__(self, conf=None, env=None, users=USERS, blob=None):
        merged = dict(CONF)
        merged.update(conf or {})
        if blob == "blob-fs":
            merged.setdefault("blob-fs", "")
            merged["blob-segment"] = "enabled: no\n"
        self.env = env or {}
        super().__init__(merged, users=users, start=False)

    def _configure(self, conf, hermod_yaml):
        super()._configure(conf, hermod_yaml)
        if os.getuid() != 0:
            return
        open_modules()
        self.privsep = True
        path = self.path("etc", "hermod.yaml")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("user: root", "user: nobody"))
        os.chmod(self.dir, 0o755)
        for at, _, files in os.walk(self.path("etc")):
            os.chmod(at, 0o755)
            for name in files:
                if not name.endswith(".key"):
                    os.chmod(os.path.join(at, name), 0o644)
        data = self.path("etc", "data")
        shutil.rmtree(data, ignore_errors=True)
        os.mkdir(data, 0o750)
        shutil.chown(data, "nobody")

    def start(self):
        saved = {k: os.environ.get(k) for k in self.env}
        os.environ.update(self.env)
        try:
            super().start()
        finally:
            for k, v in saved.items():
                if v is None:
                    del os.environ[k]
                else:
                    os.environ[k] = v

    def workers(self):
        """Their pids; without a parent it is the process itself."""
        if not self.privsep:
            return [self.process.pid] if self.process.poll() is None else []
        try:
            with open("/proc/%d/task/%d/children" % (self.process.pid,
                                                     self.process.pid)) as f:
                return [int(p) for p in f.read().split()]
        except OSError:
            return []

    def kill_worker(self):
        """The pids that were killed."""
        pids = self.workers()
        for pid in pids:
            send_signal(pid, signal.SIGKILL)
        if not self.privsep:
            self.process.wait()
            self.start()
        return pids

    def kill_parent(self):
        pids = self.workers()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return pids if self.privsep else []

    def end_worker(self, pids):
        """A worker whose parent died ends by itself, in good order."""
        if not wait_gone(pids):
            ok(False, "a worker without its parent ends")
            for pid in pids:
                send_signal(pid, signal.SIGKILL)

    def hurt(self, how, meanwhile=lambda: None):
        """Kills the worker, the parent or both; then the server runs again.
        Seconds until it answers."""
        begin = time.monotonic()
        if how == "worker":
            self.kill_worker()
            meanwhile()
            self.wait_answer()
            return time.monotonic() - begin
        pids = self.kill_parent()
        if how == "both":
            for pid in pids:
                send_signal(pid, signal.SIGKILL)
        meanwhile()
        self.end_worker(pids)
        begin = time.monotonic()
        self.start()
        self.wait_answer()
        return time.monotonic() - begin

    def wait_answer(self, user=None, limit=60):
        """Until a client can log in; seconds it took."""
        begin = time.monotonic()
        while time.monotonic() - begin < limit:
            try:
                imap = Imap(self.ports["imap"], user or USERS[0], 5)
                imap.close()
                return time.monotonic() - begin
            except (Lost, Refused):
                if self.process.poll() is not None:
                    raise RuntimeError("the server ended:\n" + self.worries())
                time.sleep(0.005)
        raise RuntimeError("the server does not answer:\n" + self.worries())

    def worries(self):
        """What the log has beside news."""
        return "\n".join(x for x in self.read_log().splitlines()
                         if " l=" in x and " l=info" not in x or
                         "Sanitizer" in x)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def send_signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def wait_gone(pids, limit=60):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if not any(os.path.exists("/proc/%d" % p) for p in pids):
            return True
        time.sleep(0.005)
    return False


# ---- load --------------------------------------------------------------------

class Load:
    """Owners and senders, each in a thread, until stop()."""

    def __init__(self, victim, seed, per_user=2, senders=2, submitters=1,
                 reloads=True):
        rng = random.Random(seed)
        self.victim = victim
        self.mail = Mail(random.Random(rng.random()))
        self.owners = [Owner(u, "%s%d" % (u[0], i), self.mail,
                             random.Random(rng.random()), inbox=i == 0)
                       for u in USERS for i in range(per_user)]
        self.senders = [Sender("mx%d" % i, self.mail,
                               random.Random(rng.random()))
                        for i in range(senders)]
        self.senders += [Sender("sub%d" % i, self.mail,
                                random.Random(rng.random()), USERS[i])
                         for i in range(submitters)]
        self.rng = random.Random(rng.random())
        self.reloads = reloads
        self.refusals = []
        self.broken = []
        self.stopping = threading.Event()
        self.threads = []

    def work(self, who, port):
        try:
            who.connect(port)
            if isinstance(who, Owner):
                who.begin()
            while not self.stopping.is_set():
                try:
                    who.step()
                except Refused as e:
                    self.refusals.append(str(e))
                    if isinstance(who, Owner):
                        return          # what holds now is unsure
        except (Lost, Refused) as e:
            if isinstance(e, Refused):
                self.refusals.append(str(e))
        except Exception as e:          # a mistake of ours
            self.broken.append("%s: %r" % (type(e).__name__, e))
        finally:
            who.close()

    def reload(self):
        path = self.victim.path("etc", "conf.d", "store.yaml")
        n = 0
        while not self.stopping.wait(self.rng.random() * 0.4):
            n += 1
            with open(path, "w") as f:
                f.write("enabled: yes\nchanges-kept: %d\n" % (50000 + n))
            subprocess.run([hermod.HERMOD, "-c", self.victim.path("etc"),
                            "reload"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)

    def start(self):
        self.stopping.clear()
        ports = self.victim.ports
        self.threads = [threading.Thread(target=self.work, args=(
            o, ports["imap"])) for o in self.owners]
        self.threads += [threading.Thread(target=self.work, args=(
            s, ports["submission" if s.user else "mx"]))
            for s in self.senders]
        if self.reloads:
            self.threads.append(threading.Thread(target=self.reload))
        for t in self.threads:
            t.start()

    def wait(self, operations, limit=30):
        """Until so many more are promised; a slow machine takes its time."""
        end = time.monotonic() + limit
        done = self.done()
        while self.done() - done < operations and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()
        self.threads = []

    def judge(self, tally):
        return judge(self.victim.ports["imap"], self.owners, self.senders,
                     self.mail, tally) + self.broken

    def done(self):
        return sum(w.done for w in self.owners + self.senders)
