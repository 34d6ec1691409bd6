#!/usr/bin/env python3
# data-imap.t - body structures and sections as other IMAP servers give them.
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe import Cases, Grammar, Probe, raw, testdata  # noqa: E402

DIFFERENCES = {
    "dates are sent as they stand in the header, and comments are no part of "
    "a name (RFC 9051, 7.5.2; RFC 5322, 3.2.2)": [
        "stalwart 002.imap BODY", "stalwart 002.imap BODYSTRUCTURE"],
    "an address without domain keeps its local part": [
        "stalwart 004.imap BODY", "stalwart 004.imap BODYSTRUCTURE"],
    "parameters in RFC 2231 are sent so, joined; a charset stands in the "
    "first piece only (RFC 2231, 4.1)": [
        "stalwart 009.imap BODY", "stalwart 009.imap BODYSTRUCTURE"],
    "encoded words are sent as they stand in the header": [
        "stalwart 015.imap BODY", "stalwart 015.imap BODYSTRUCTURE"],
    "a part that is no multipart has no part 1 (RFC 9051, 6.4.5)": [
        "stalwart 002.imap BODY[1.1]", "stalwart 002.imap BODY[2.1.1]",
        "stalwart 002.imap BODY[2.2.1]", "stalwart 004.imap BODY[1.1]",
        "stalwart 005.imap BODY[1.1]", "stalwart 005.imap BODY[2.1]",
        "stalwart 006.imap BODY[1.1]", "stalwart 006.imap BODY[2.1]",
        "stalwart 009.imap BODY[1.1]", "stalwart 009.imap BODY[2.1.1]",
        "stalwart 009.imap BODY[2.2.1]", "stalwart 012.imap BODY[1.1]",
        "stalwart 012.imap BODY[2.1.1]", "stalwart 012.imap BODY[2.2.1]",
        "stalwart 015.imap BODY[1.1]", "stalwart 015.imap BODY[2.1]",],
}

data = os.path.join(testdata(), "imap")
probe = Probe()
cases = Cases(DIFFERENCES)


def read(*path):
    with open(os.path.join(data, *path), "rb") as f:
        return f.read()


def parse(s):
    """Expected values are laid out over several lines; strings may hold what
    IMAP would send as a literal."""
    s = re.sub(rb'"(?:[^"\\]|\\.)*"|\s+',
               lambda m: m[0] if m[0].startswith(b'"') else b" ", s)
    s = re.sub(rb"\( ", b"(", s)
    s = re.sub(rb" \)", b")", s)
    s = re.sub(rb"\) \(", b")(", s)
    s = re.sub(rb'"((?:[^"\\]|\\.)*)"', lambda m: m[0] if m[1].isascii() else
               b"{%d}\r\n%s" % (len(m[1]), m[1]), s)
    return Grammar(s.strip()).value()


def lower(b):
    """Types, encodings and names of parameters have no case."""
    if isinstance(b, list):
        return [lower(x) for x in b]
    return b.lower() if isinstance(b, bytes) else b


def demanded(b):
    """What the RFC demands and Stalwart leaves out or makes up: messages have
    a subtype, an encoding and a count of lines (RFC 9051, 9, body-type-msg);
    the MD5 is that of the Content-MD5 field, which no message here has."""
    if not isinstance(b, list):
        return b
    b = [demanded(x) for x in b]
    if b and b[0] == b"message" and len(b) >= 10:
        b[1], b[5], b[9] = b"rfc822", b"7bit", "lines"
    md5 = {b"text": 8, b"message": 10}.get(b[0], 7) if b and \
        isinstance(b[0], bytes) else 0
    if md5 and len(b) == md5 + 4:
        b[md5] = None
    return b


# Stalwart: BODY, BODYSTRUCTURE, and the bodies of parts.
folder = "stalwart-fetch"
for name in sorted(os.listdir(os.path.join(data, folder))):
    if not name.endswith(".imap"):
        continue
    want, message = read(folder, name), read(folder, name[:-5] + ".txt")
    body, full = probe("message", message)[4:6]
    for kind, got in (b"BODY", body), (b"BODYSTRUCTURE", full):
        m = re.search(rb"^%s (\(\n.*?^\)\n)" % kind, want, re.M | re.S)
        cases.same("stalwart %s %s" % (name, kind.decode()),
                   demanded(lower(Grammar(raw(got)).value())),
                   demanded(lower(parse(m[1]))))
    at = 0
    pattern = re.compile(rb"^BODY\[([0-9.]+)\] \{(\d+)\}\r?\n", re.M)
    while True:
        m = pattern.search(want, at)
        if not m:
            break
        at = m.end() + int(m[2])
        cases.same("stalwart %s BODY[%s]" % (name, m[1].decode()),
                   raw(probe("section", m[1] + b"\n" + message)[0]),
                   want[m.end():at])

# imaptest: its mailboxes are in mbox format with LF.
def mbox(name):
    text = read("imaptest", name)
    parts = re.split(rb"^From .*\n", text, flags=re.M)[1:]
    return [re.sub(rb"\r?\n", b"\r\n", p) for p in parts]


messages = mbox("fetch-bodystructure.mbox")
script = read("imaptest", "fetch-bodystructure")
for m in re.finditer(rb"^\* (\d+) FETCH \(BODY (.*)\)$", script, re.M | re.I):
    got = probe("message", messages[int(m[1]) - 1])[4]
    cases.same("imaptest fetch-bodystructure %s" % m[1].decode(),
               lower(Grammar(raw(got)).value()), lower(parse(m[2])))

# Sections and their MIME headers, from the scripts that fetch bodies.
for name in ("fetch-body-mime", "fetch-body-message-rfc822-mime"):
    messages = mbox(name + ".mbox")
    script = read("imaptest", name)
    for m in re.finditer(rb"^\* (\d+) fetch \(body\[([0-9.]+)\] "
                         rb"(\{\{\{\n.*?^\}\}\}|\"\"|NIL)\)$",
                         script, re.M | re.S | re.I):
        want = m[3][4:-4] if m[3].startswith(b"{") else b""
        want = None if m[3] == b"NIL" else \
            re.sub(rb"\r?\n", b"\r\n", want)
        got = raw(probe("section", m[2] + b"\n" +
                        messages[int(m[1]) - 1])[0])
        cases.same("imaptest %s %s %s" % (name, m[1].decode(),
                   m[2].decode()), got, want)

cases.ok(probe.close(), "the probe ended well")
cases.done()
