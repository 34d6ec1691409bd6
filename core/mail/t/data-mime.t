#!/usr/bin/env python3
# data-mime.t - every message there is: what must hold for any input.
#
# Offsets nest, parts are found by their section numbers, the stored structure
# is the parsed one, text comes out as UTF-8, what goes to IMAP clients is
# well-formed by the grammar of RFC 9051.
import lzma
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe import Cases, Grammar, Probe, raw, testdata  # noqa: E402

data = testdata()
probe = Probe()
cases = Cases()


def is_body(b, extended):
    """Whether b is a body (RFC 9051, 9), with its extension or without."""
    waiting = [b]
    while waiting:
        b = waiting.pop()
        if isinstance(b[0], list):
            n = 0
            while n < len(b) and isinstance(b[n], list):
                n += 1
            waiting += b[:n]
            rest = b[n:]
            if not isinstance(rest[0], bytes) or len(rest) != 1 + 4 * extended:
                return False
            continue
        base = 7
        if b[0] == b"text":
            base = 8
        elif b[0] == b"message" and b[1] in (b"rfc822", b"global"):
            base = 10
            if len(b[7]) != 10 or not isinstance(b[9], int):
                return False
            waiting.append(b[8])
        if len(b) != base + 4 * extended or not isinstance(b[6], int) or \
                not all(isinstance(x, bytes) for x in (b[0], b[1], b[5])):
            return False
        if base == 8 and not isinstance(b[7], int):
            return False
    return True


def check(name, message):
    nested, found, stored, utf8, body, full, envelope = probe(
        "message", message)
    try:
        good = is_body(Grammar(raw(body)).value(), 0) and \
            is_body(Grammar(raw(full)).value(), 1) and \
            len(Grammar(raw(envelope)).value()) == 10
    except (ValueError, AttributeError, IndexError, TypeError) as e:
        good = False
    cases.ok((nested, found, stored, utf8, good) ==
             ("1", "1", "1", "1", True), name,
             "offsets nest %s, sections are found %s, stored is the same %s, "
             "text is UTF-8 %s, IMAP's grammar %s" %
             (nested, found, stored, utf8, good))


def as_crlf(message):
    return re.sub(rb"\r?\n", b"\r\n", message)


# All files, whatever they are meant to be: damage is the point.
files = []
for folder in ("mime", "imap", "dsn"):
    for path, dirs, names in os.walk(os.path.join(data, folder)):
        files += [os.path.join(path, name) for name in names]
for path in sorted(files):
    with open(path, "rb") as f:
        message = f.read()
    if path.endswith(".xz"):
        message = lzma.decompress(message)
    name = os.path.relpath(path, data)
    check(name, message)
    if as_crlf(message) != message:
        check(name + ", CRLF", as_crlf(message))

cases.ok(probe.close(), "the probe ended well")
cases.done()
