#!/usr/bin/env python3
# M01 to M09: messages made to cost time and memory, or to be read differently by
# two programs. They are stored byte for byte; structure, envelope, search and
# texts answer within bounds.
import base64
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403

server = Server()
imap = Imap(server)
count = 0


def look(row, message, structure=None, text=None, found=None):
    """Stores it and asks for all that is made of a message."""
    global count
    count += 1
    n = b"%d" % count
    ok(imap.append(message).startswith(b"t OK"), row + ": stored")
    imap.ok(b"NOOP")
    parts = imap.ok(b"FETCH " + n + b" (BODYSTRUCTURE ENVELOPE)")[0]
    if structure:
        ok(re.search(structure, parts, re.I | re.S), row + ": its structure")
    ok(len(parts) < 4 << 20, row + ": a structure of %d bytes" % len(parts))
    back = imap.ok(b"FETCH " + n + b" BODY.PEEK[]")[0]
    ok(message.replace(b"\0", b"\x80") in back or b"\0" in message,
       row + ": byte for byte")
    for section in (b"1", b"1.1.1.1.1", b"TEXT", b"HEADER.FIELDS (Subject To)",
                    b"1.MIME", b"2"):
        imap.ok(b"FETCH " + n + b" BODY.PEEK[" + section + b"]<0.100>")
    imap.ask(b"FETCH " + n + b" BINARY.SIZE[1]")
    got = imap.ok(b"SEARCH " + n + b" TEXT needle-in-hay")[0]
    if text is not None:
        equal(n in got.split(), text, row + ": text found or not")
    got = imap.ok(b"SEARCH " + n + b" OR FROM needle@hay SUBJECT needle")[0]
    if found is not None:
        equal(n in got.split(), found, row + ": fields found or not")
    return parts, back


def multipart(boundary, *parts, kind=b"mixed"):
    return (b"Content-Type: multipart/" + kind + b"; boundary=\"" + boundary +
            b"\"\r\n\r\n" + b"".join(b"--" + boundary + b"\r\n" + p + b"\r\n"
                                     for p in parts) +
            b"--" + boundary + b"--\r\n")


# ---- M01: depth
with Bounded(server, "M01"):
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
                    % (i, i) for i in range(10000)) + b"\r\nneedle-in-hay\r\n"
    look("M01 multiparts", deep, rb"BODYSTRUCTURE \(")
    look("M01 messages", b"Content-Type: message/rfc822\r\n\r\n" * 10000 +
         b"Subject: inmost\r\n\r\nneedle-in-hay\r\n", rb'"message" "rfc822"')
    look("M01 same boundary within", multipart(b"b", multipart(
        b"b", b"\r\nneedle-in-hay"), b"\r\nsecond"), text=True)
    look("M01 boundaries in a circle", multipart(
        b"a", multipart(b"b", multipart(b"a", multipart(b"b", b"\r\nx")))))
    look("M01 digest", multipart(b"d", *[b"\r\nSubject: s\r\n\r\ntext"] * 50,
                                 kind=b"digest"), rb'"message" "rfc822"')

# ---- M02: number
with Bounded(server, "M02"):
    look("M02 a million parts", multipart(b"b", *[b""] * 1000000))
    look("M02 empty parts", multipart(b"b", *[b"\r\n"] * 1000))
    long = b"B" * 10000
    look("M02 long boundary", multipart(long, b"\r\nneedle-in-hay"))
    look("M02 prefix of another", multipart(b"ab", multipart(
        b"abc", b"\r\nneedle-in-hay"), b"\r\nsecond"), text=True)
    look("M02 no end", multipart(b"b", b"\r\nneedle-in-hay")[:-6], text=True)
    look("M02 preamble", multipart(b"b", b"\r\nx").replace(
        b"--b\r\n", b"--bb\r\n-- b\r\n--b \r\nneedle\r\n--b\r\n", 1))
    look("M02 no boundary", b"Content-Type: multipart/mixed\r\n\r\n--\r\nx\r\n----\r\n")
    look("M02 many near misses", multipart(b"b" * 70, b"\r\n" + (
        b"--" + b"b" * 69 + b"\r\n") * 50000))

# ---- M03: parameters
with Bounded(server, "M03"):
    pieces = b"".join(b";\r\n name*%d*=utf-8''x%d" % (i, i) for i in range(100000))
    look("M03 a hundred thousand pieces", b"Content-Type: text/plain" +
         pieces[:900000] + b"\r\n\r\nx")
    parts, _ = look("M03 twice", b"Content-Type: text/plain; charset=utf-8; "
                    b"charset=us-ascii; name=first; name=second\r\n\r\nx")
    ok(parts.count(b'"charset"') + parts.count(b'"CHARSET"') == 1,
       "M03: one charset of two")
    look("M03 gaps", b"Content-Type: text/plain; name*0=a; name*2=c; name*1=b; "
         b"name*99999999999999999999=z; name*=utf-16''%ff; name*00=y\r\n\r\nx")
    look("M03 charsets", b"Content-Disposition: attachment; filename*0*=koi8-r''%d0;"
         b" filename*1*=%ff; filename*2=plain\r\n\r\nx")

# ---- M04: encoded words
with Bounded(server, "M04"):
    word = b"=?utf-8?q?" + b"=41" * 300000 + b"?="
    look("M04 a large word", b"Subject: " + word + b"\r\n\r\nx")
    look("M04 many words", b"Subject:" + b"\r\n =?utf-8?q?a?=" * 40000 +
         b"\r\n\r\nx")
    look("M04 charsets", b"Subject: =?utf-7?q?+ADw-?= =?xx?q?a?= =?iso-2022-jp?b?"
         b"GyRC?= =?iso-2022-jp?q?=1b=24B=21?= =?utf-8?q?=00=0d=0aX: y=1b[2J?="
         b"\r\n\r\nx")
    parts, _ = look("M04 an address of words", b"From: =?utf-8?q?needle=40hay=3E=2C?= "
                    b"<real@example.com>\r\n\r\nx", rb'"real" "example.com"')
    ok(b'"needle"' not in parts, "M04: decoded only for eyes")
    look("M04 at the atom", b"From: real=?utf-8?q?=40evil.example?=@example.com\r\n"
         b"To: =?utf-8?q?a=2Cb=40c?=\r\n\r\nx")

# ---- M05: address lists
with Bounded(server, "M05"):
    look("M05 many addresses", b"To: " + b",\r\n ".join(
        b"a%d@b.example" % i for i in range(40000)) + b"\r\n\r\nx")
    look("M05 a million commas", b"To: " + b"," * 900000 + b"\r\n\r\nx")
    look("M05 groups", b"To: " + b"g: " * 20000 + b";" * 20000 + b"\r\n\r\nx")
    look("M05 comments", b"To: " + b"(" * 10000 + b"\\(" * 1000 + b")" * 10000 +
         b" needle@hay.example\r\n\r\nx")
    look("M05 open comment", b"To: a@b.example " + b"(" * 500000 + b"\r\n\r\nx")
    look("M05 routes", b"From: <" + b"@h.example," * 20000 +
         b"@h.example:a@b.example>\r\nTo: \"a\r\n b\"@c.example, \"a\r\nX: y\r\n\r\nx")
    look("M05 quotes", b"To: " + b'"' * 99999 + b"\r\nCc: " + b"\\" * 99999 +
         b"\r\n\r\nx")

# ---- M06: transfer encodings
with Bounded(server, "M06"):
    look("M06 base64 with junk", b"Content-Transfer-Encoding: base64\r\n\r\n" +
         b"!?*\r\n".join(base64.b64encode(b"needle-in-hay %d" % i) .rstrip(b"=")
                         for i in range(1000)))
    junk = count
    look("M06 no base64 at all", b"Content-Transfer-Encoding: base64\r\n\r\n" +
         b"=" * 1000000)
    look("M06 soft breaks", b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
         b"=\r\n" * 300000 + b"needle-in=\r\n-hay", text=True)
    look("M06 quoted wrongly", b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
         + b"=ZZ=4=\x80=0" * 10000)
    look("M06 uuencode", b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n"
         + b"M" * 100000 + b"\r\nend\r\n=ybegin line=128\r\n")
    size = imap.ok(b"FETCH %d BINARY.SIZE[1]" % junk)[0]
    ok(int(re.search(rb"\] (\d+)\)", size).group(1)) <= 28000 * 3 // 4,
       "M06: no more comes out than goes in")

# ---- M07: charsets
with Bounded(server, "M07"):
    for name in (b"../../etc/passwd", b"//TRANSLIT", b"utf-8//IGNORE", b"x" * 60000,
                 b"", b"\"", b"unicode-1-1-utf-7", b"cp1252%n", b"UTF8"):
        look("M07 " + name[:20].decode(), b"Content-Type: text/plain; charset=\"" +
             name + b"\"\r\nSubject: =?" + name[:50] + b"?q?=e9?=\r\n\r\n\xe9 x\r\n")
    got = imap.ask(b"SEARCH CHARSET ../../x ALL")
    ok(got[-1].startswith(b"t NO [BADCHARSET") or got[-1].startswith(b"t BAD"),
       "M07: search in an unknown charset")

# ---- M08: dates
with Bounded(server, "M08"):
    for date in (b"1 Jan 0 00:00:00 +0000", b"1 Jan 9999999 00:00:00 +0000",
                 b"1 Jan 2026 00:00:00 +9999", b"1 Jan 2026 00:00:00 -9999",
                 b"99 Jan 2026 99:99:99 +0000", b"-1 Jan -5 0:0:0 Z",
                 b"1 Jan 2026 00:00:60 +0000", b"9" * 100000, b"", b"((((",
                 b"Thu, 1 Jan 2026 00:00:00 " + b"(" * 10000):
        look("M08 " + date[:30].decode(), b"Date: " + date + b"\r\n\r\nx")
    imap.ok(b"SEARCH SENTSINCE 1-Jan-2000")
    imap.ok(b"SEARCH OR SENTBEFORE 1-Jan-9999 SENTON 1-Jan-2026")

# ---- M09: file names
with Bounded(server, "M09"):
    for name in (b"../../etc/passwd", b"..\\..\\x", b"a%00b", b"CON", b"a\\/b",
                 "a\u202egpj.exe".encode(), b"x" * 65536, b"a\tb", b"\\\"", b""):
        look("M09 " + repr(name[:20]), b"Content-Type: text/plain; name=\"" + name +
             b"\"\r\nContent-Disposition: attachment; filename=\"" + name +
             b"\"; filename*=utf-8''" + b"".join(b"%%%02x" % c for c in name[:100]) +
             b"\r\n\r\nx\r\n")
    parts, _ = look("M09 controls", b"Content-Disposition: attachment; "
                    b"filename*=utf-8''a%0d%0a*%20OK%20b%00%1b\r\n\r\nx")
    ok(b"\n" not in parts.replace(b"\r\n", b"") and b"\0" not in parts,
       "M09: no control character in a response line")

imap.ok(b"CHECK")
imap.send(b"t LOGOUT\r\n")
server.close()
finish()
