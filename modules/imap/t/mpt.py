"""mpt.py - plays dialogues in the form of Apache James' MPT, loosely: what James
says in its own words (texts, \\Recent, ids) is not compared; the status of every
command is, and so is every untagged EXISTS, EXPUNGE, FETCH, SEARCH, STATUS and
LIST line, in any order."""
import re
import socket

from imapconv import Closed, Connection


class Mismatch(Exception):
    pass


# Untagged responses that mean the same on every server.
COMPARED = re.compile(
    r"^\\\* (\d+ (EXISTS|EXPUNGE|FETCH)|SEARCH|STATUS|LIST|LSUB|ESEARCH)\b")


def loosen(text):
    """James' regular expression without what only James says."""
    m = re.match(r"(\S+ (?:OK|NO|BAD))\b.*", text)
    if m and not text.startswith("\\*") and not text.startswith("\\+"):
        return re.escape(m.group(1)) + r"\b.*"
    text = re.sub(r" \\\\Recent|\\\\Recent ?", "", text)
    # That a message was seen is told in a response of its own.
    text = re.sub(r"\\\((FLAGS \\\((?:\\\\Seen|\.\*)?\\\)|\.\*\\\)) (?=(UID|BODY|RFC822))",
                  r"\\(", text)
    # A length may stand there as it is.
    return re.sub(r"(?<!\\)\{(\d+)\}", r"\\{\1\\}", text)


def expunged(lines):
    """The messages that EXPUNGE lines name, by their numbers before the first
    of them: one server tells them upwards, another downwards."""
    order, gone = list(range(1, 10000)), []
    for line in lines:
        m = re.match(r"\\?\* (\d+) EXPUNGE$", line)
        if m:
            gone.append(order.pop(int(m.group(1)) - 1))
    return sorted(gone)


def normal(text):
    """A response with flags in one order: James tells them sorted by name."""
    def flags(m):
        return "(" + " ".join(sorted(
            f for f in m.group(1).split() if f != "\\Recent")) + ")"
    return re.sub(r"(?<=FLAGS )\(([^()]*)\)", flags, text)


# James is tolerant of two spaces.
def tidy(command):
    if re.match(r"\S+ (UID )?(STORE|FETCH|SEARCH|COPY) ", command, re.I):
        return re.sub(" +", " ", command.rstrip())
    return command


class Script:
    def __init__(self, path, address, user, password, preamble=None):
        self.preamble = preamble
        with open(path, encoding="latin-1", newline="") as f:
            self.lines = f.read().replace("\r\n", "\n").split("\n")
        self.address, self.user, self.password = address, user, password
        self.sessions = {}
        self.conn = None
        self.got = []
        self.expected = []
        self.tagged = None
        self.where = 0

    def session(self, name, login=True):
        if name not in self.sessions:
            self.sessions[name] = Connection(self.address, 5)
            if login:
                self.sessions[name].login(self.user, self.password)
            if self.preamble:
                self.sessions[name].command(self.preamble)
        self.conn = self.sessions[name]

    def play(self, login):
        self.session("", login)
        for self.where, line in enumerate(self.lines, 1):
            if line.startswith("C:"):
                self.settle()
                self.conn.send(tidy(line[3:]).encode("latin-1") + b"\r\n")
            elif line.startswith("S:"):
                self.expect(line[3:])
            elif line.startswith("SESSION:"):
                self.settle()
                self.session(line[8:].strip(), login)
            elif line.startswith("REINIT"):
                self.settle()
                self.close()
                self.sessions = {}
                self.session("", login)
        self.settle()

    def expect(self, text):
        self.expected.append(text)
        m = re.match(r"(?!\\)(\S+) (OK|NO|BAD)\b", text)
        if m:
            self.tagged = m.group(1)
            self.settle()
        elif text.startswith("\\+"):
            self.tagged = "+"
            self.settle()

    def settle(self):
        """Reads up to the tagged reply that is awaited, and compares."""
        if not self.expected:
            return
        got = []
        while self.tagged:
            try:
                data = self.conn.response()
            except (Closed, socket.timeout) as e:
                raise Mismatch("line %d: %s\nexpected %s\ngot %s" % (
                    self.where, e, self.expected, got))
            got.append(data.decode("latin-1").rstrip("\r\n"))
            if got[-1].split(" ")[0] == self.tagged:
                break
        whole = "\n".join(got).replace("\r\n", "\n").split("\n")
        whole = [normal(w) for w in whole]
        want = expunged(self.expected)
        if want and want != expunged(got):
            raise Mismatch("line %d: EXPUNGE of %s\ngot %s" % (
                self.where, expunged(self.expected), "\n".join(got)))
        for text in self.expected:
            if text.startswith("\\*") and (not COMPARED.match(text) or
                                           text.endswith("EXPUNGE")):
                continue
            want = normal(loosen(text))
            if not any(self.fits(want, w) for w in whole):
                raise Mismatch("line %d: %s\ngot %s" % (
                    self.where, text, "\n".join(got)))
        self.expected, self.tagged = [], None

    @staticmethod
    def fits(want, got):
        if want == got:
            return True
        # Changes are told with the uid, which James leaves out.
        shorter = re.sub(r"FETCH \(UID \d+ FLAGS", "FETCH (FLAGS", got)
        try:
            return any(re.fullmatch(want.rstrip(), g.rstrip())
                       for g in (got, shorter))
        except re.error:
            return False

    def close(self):
        for c in self.sessions.values():
            c.close()
