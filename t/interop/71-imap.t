#!/usr/bin/env python3
# IMAP through python3's imaplib and through curl.
import imaplib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hermod import *  # noqa: E402,F403

server = Server()
context = server.tls_context()
context.check_hostname = False


def login(user="anna", tls=True):
    if tls:
        m = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"],
                              ssl_context=context)
    else:
        m = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
        m.starttls(context)
    m.login(user, PASSWORD)
    return m


def good(result, name):
    typ, data = result
    if not ok(typ == "OK", name):
        diag(data)
    return data


MAIL = (b"From: Carla <carla@far.example>\r\nTo: anna@example.org\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        b"Message-ID: <1@far.example>\r\n\r\nHello W\xc3\xb6rld\r\n")

m = login(tls=False)
typ, data = m.capability()
for word in ("IMAP4REV1", "IMAP4REV2", "IDLE", "UIDPLUS", "MOVE", "CONDSTORE",
             "NAMESPACE", "SPECIAL-USE", "UNSELECT", "ID", "ENABLE",
             "CHILDREN", "SASL-IR", "LITERAL+"):
    ok(word in data[0].decode().upper().split(), "capability " + word)
m.logout()

m = login()
names = b"\n".join(good(m.list(), "LIST"))
for use, name in ((rb"\\Sent", b"Sent"), (rb"\\Drafts", b"Drafts"),
                  (rb"\\Trash", b"Trash"), (rb"\\Junk", b"Junk"),
                  (rb"\\Archive", b"Archive")):
    ok(re.search(rb"\(.*" + use + rb".*\) \"/\" \"?" + name, names),
       name.decode() + " has its special use")
good(m.create("Projects/Alpha"), "CREATE below a missing parent")
good(m.create("Entw&APw-rfe"), "CREATE with modified UTF-7")
ok(b"Entw&APw-rfe" in b"\n".join(good(m.list('""', "Entw*"), "LIST Entw*")),
   "and listed so")
typ, _ = m.create("INBOX")
equal(typ, "NO", "INBOX cannot be made")
good(m.append("INBOX", r"(\Flagged)", '" 1-Feb-2003 04:05:06 +0100"', MAIL),
     "APPEND")
data = good(m.select("INBOX"), "SELECT")
equal(data, [b"1"], "EXISTS")
_, data = m.fetch("1", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
text = data[0] if isinstance(data[0], bytes) else data[0][0]
for part in (rb"UID 1\b", rb"\\Flagged", rb'INTERNALDATE " 1-Feb-2003 0[34]:05:06',
             rb"RFC822.SIZE %d\b" % len(MAIL), rb'"1@far.example"|<1@far.example>',
             rb'"carla" "far.example"'):
    ok(re.search(part, text), "FETCH gives %s" % part.decode())
_, data = m.fetch("1", "(BODY.PEEK[])")
equal(data[0][1], MAIL, "the message byte by byte")
_, data = m.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
equal(data[0][1], MAIL.split(b"\r\n")[2] + b"\r\n\r\n", "one header field")
_, data = m.fetch("1", "(BODY.PEEK[TEXT]<6.5>)")
equal(data[0][1], b"W\xc3\xb6rl", "a partial body")
for criteria, found in (
        ("ALL", b"1"), ("FLAGGED", b"1"), ("UNFLAGGED", b""),
        ('FROM "CARLA"', b"1"), ('SUBJECT "gr"', b"1"), ("BEFORE 2-Feb-2003", b"1"),
        ("SINCE 3-Feb-2003", b""), ('BODY "hello"', b"1"), ('BODY "absent"', b""),
        ("NOT FLAGGED", b""), ("OR SEEN FLAGGED", b"1"), ("LARGER 10", b"1"),
        ('HEADER Message-ID "far.example"', b"1"), ("UID 1:*", b"1")):
    equal(good(m.search(None, criteria), "SEARCH " + criteria), [found],
          "finds %r" % found)
m.literal = "grüße".encode()
equal(m.search("UTF-8", "SUBJECT")[1], [b"1"], "SEARCH of an encoded word")
_, data = m.fetch("1", "(BODY[])")
_, data = m.fetch("1", "(FLAGS)")
ok(rb"\Seen" in data[0], "BODY[] sets \\Seen")
good(m.store("1", "+FLAGS", r"(\Answered $Label1)"), "STORE")
_, data = m.fetch("1", "(FLAGS)")
ok(rb"\Answered" in data[0] and b"$Label1" in data[0].lower().replace(
    b"$label1", b"$Label1"), "keywords and flags stay")
good(m.copy("1", "Archive"), "COPY")
good(m.store("1", "+FLAGS", r"(\Deleted)"), "STORE \\Deleted")
equal(good(m.expunge(), "EXPUNGE"), [b"1"], "sequence number 1 is gone")
status = m.status("Archive", "(MESSAGES UNSEEN UIDNEXT)")[1][0].split(b"(")[1]
equal(sorted(status.rstrip(b")").split()),
      sorted(b"MESSAGES 1 UNSEEN 0 UIDNEXT 2".split()),
      "STATUS of the copy's mailbox")
good(m.rename("Archive", "Ablage/2026"), "RENAME makes parents")
good(m.select("Ablage/2026"), "SELECT after RENAME")
good(m.delete("Projects/Alpha"), "DELETE")
equal(m.delete("Nowhere")[0], "NO", "DELETE of nothing")
good(m.close(), "CLOSE")

# NUL, which only literal8 can bring and only BINARY[] may tell (RFC 3516).
raw = Raw(server.connect("imaps", tls=True))
raw.line()
raw.send(b'a LOGIN anna "%s"\r\n' % PASSWORD.encode())
raw.line()
binary = (b"Subject: a\0b\r\nMIME-Version: 1.0\r\n"
          b"Content-Type: application/octet-stream\r\n"
          b"Content-Transfer-Encoding: binary\r\n\r\n\0\1\2")
raw.send(b"b APPEND Binary ~{%d+}\r\n%s\r\n" % (len(binary), binary))
ok(b"[TRYCREATE]" in raw.line(), "APPEND to no mailbox")
raw.send(b"c CREATE Binary\r\nd APPEND Binary ~{%d+}\r\n%s\r\n" %
         (len(binary), binary))
raw.line()
ok(b"APPENDUID" in raw.line(), "APPEND of a literal8")
raw.send(b"e LOGOUT\r\n")
ok(raw.closed(), "LOGOUT")
good(m.select("Binary"), "SELECT Binary")
_, data = m.fetch("1", "(BODY.PEEK[] RFC822.SIZE)")
ok(b"\0" not in data[0][1] and b"RFC822.SIZE %d" % len(data[0][1]) in
   data[0][0] + data[1], "BODY[] has no NUL, and the size that is told")
equal(data[0][1].split(b"\r\n\r\n")[1], b"AAEC\r\n", "it became base64")
ok(b"Subject: a\x80b" in data[0][1], "a NUL in a header is another byte there")
_, data = m.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
equal(data[0][1], b"Subject: a\x80b\r\n\r\n", "alone as well")
m.send(b"x1 FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])\r\n")
equal([m.readline(), m.read(3)], [b"* 1 FETCH (BINARY[1] ~{3}\r\n", b"\0\1\2"],
      "BINARY[] has what was sent")
m.readline(), m.readline()
m.logout()

m = login("bert")
equal(m.select("Ablage/2026")[0], "NO", "another user does not see it")
m.logout()
try:
    imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"],
                      ssl_context=context).login("anna", "wrong")
    ok(False, "a wrong password is refused")
except imaplib.IMAP4.error as e:
    ok("AUTHENTICATIONFAILED" in str(e), "a wrong password is refused")


# ---- a mailbox that nobody has looked at since the start ----

def cold():
    """(session, number of the first unseen message) after a restart"""
    server.stop()
    server.start()
    m = login()
    m.select("Large")
    return m, int(m.response("UNSEEN")[1][0] or 0)


def seen_of(m):
    _, data = m.fetch("1:*", "(FLAGS)")
    return [b"\\Seen" in line for line in data]


COUNT = 1500
m = login()
m.create("Large")
text = b"Subject: %d\r\n\r\n"
for n in range(0, COUNT, 250):
    m.send(b"x%d APPEND Large" % n + b"".join(
        b" (\\Seen) {%d+}\r\n%s" % (len(text % i), text % i)
        for i in range(n, n + 250)) + b"\r\n")
    ok(m.readline().startswith(b"x%d OK" % n), "250 messages in one APPEND")
m.select("Large")
model = [True] * COUNT
for unseen in ((), (COUNT,), (700, COUNT), (1, COUNT - 1), (300, 301, 1100)):
    for n in range(1, COUNT + 1):
        if model[n - 1] != (n not in unseen):
            model[n - 1] = not model[n - 1]
            m.store(str(n), "+FLAGS" if model[n - 1] else "-FLAGS", r"\Seen")
    m.logout()
    m, first = cold()
    equal(first, unseen[0] if unseen else 0, "the first unseen of %d" %
          len(unseen))
    ok(seen_of(m) == model, "as FETCH has it")
m.logout()
m, _ = cold()
good(m.store("400:410", "+FLAGS", r"(\Deleted)"), "STORE before all else")
m.logout()
m, _ = cold()
good(m.expunge(), "EXPUNGE before all else")
del model[399:410]
good(m.store("1,900", "-FLAGS", r"\Seen"), "STORE behind it")
model[0] = model[899] = False
ok(seen_of(m) == model, "leave what they should")
m.logout()
m, first = cold()
equal(first, 1, "also after a restart")
ok(seen_of(m) == model, "all of it")
m.logout()

if shutil.which("curl"):
    def curl(path, *args):
        p = subprocess.run(["curl", "-sSk", "-u", "anna:" + PASSWORD, "--url",
                            "imaps://127.0.0.1:%d/%s" %
                            (server.ports["imaps"], path), *args],
                           capture_output=True)
        if p.returncode:
            diag(p.stderr.decode())
        return p.stdout

    ok(b"Carla" in curl("Ablage%2F2026;UID=1;SECTION=HEADER"),
       "curl reads a header")
    ok(b"* SEARCH 1" in curl("Ablage%2F2026", "-X", "UID SEARCH FLAGGED"),
       "curl searches")
    lines = os.path.join(server.dir, "lines")
    with open(lines, "wb") as f:
        f.write(b"Subject: lines\n\none\n\r\ntwo")
    curl("Drafts", "-T", lines)
    equal(curl("Drafts;UID=1"), b"Subject: lines\r\n\r\none\r\n\r\ntwo",
          "a file with line ends of Unix becomes a message")
    ok(b"* SEARCH" in curl("Drafts", "--login-options", "AUTH=LOGIN", "-X",
                           "SEARCH ALL"),
       "AUTHENTICATE LOGIN with the user name in the command")
else:
    skip("curl", "not installed")
server.close()
finish()
