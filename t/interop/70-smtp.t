#!/usr/bin/env python3
# SMTP as clients and attackers speak it; read back by IMAP.
import base64
import imaplib
import json
import os
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hermod import *  # noqa: E402,F403

server = Server()


def inbox(user="anna", what="(BODY.PEEK[])"):
    m = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"],
                          ssl_context=server.tls_context_unnamed())
    m.login(user, PASSWORD)
    m.select("INBOX")
    _, found = m.search(None, "ALL")
    out = []
    for n in found[0].split():
        _, data = m.fetch(n, what)
        out.append(data[0][1])
    m.logout()
    return out


def tls_unnamed():
    c = server.tls_context()
    c.check_hostname = False
    return c


server.tls_context_unnamed = tls_unnamed

# ---- a first mail, by smtplib and by swaks
MESSAGE = (b"From: Carla <carla@far.example>\r\nTo: anna@example.org\r\n"
           b"Subject: first\r\n\r\nHello\r\n.dot\r\n..dots\r\n")
with smtplib.SMTP("127.0.0.1", server.ports["mx"]) as c:
    c.ehlo("far.example")
    for word in ("pipelining", "size", "starttls", "8bitmime", "smtputf8",
                 "chunking", "binarymime", "enhancedstatuscodes", "limits"):
        ok(c.has_extn(word), "EHLO offers " + word)
    c.sendmail("carla@far.example", ["anna@example.org"], MESSAGE)
got = inbox()
equal(len(got), 1, "the first mail is there")
ok(got[0].endswith(MESSAGE), "byte by byte as it was sent")
head = got[0][:-len(MESSAGE)]
ok(head.startswith(b"Return-Path: <carla@far.example>\r\n"
                   b"Delivered-To: anna@example.org\r\nReceived: from "),
   "with its trace fields above")

if subprocess.run(["which", "swaks"], capture_output=True).returncode == 0:
    def swaks(*args):
        r = subprocess.run(["swaks", "--server", "127.0.0.1", *args],
                           capture_output=True, text=True)
        if r.returncode not in (0, 24, 28):
            diag(r.stdout + r.stderr)
        return r.returncode

    sub, subs, mx = (str(server.ports[k]) for k in
                     ("submission", "submissions", "mx"))
    for mech in ("PLAIN", "LOGIN", "CRAM-MD5"):
        equal(swaks("--port", sub, "--tls", "--auth", mech, "--auth-user",
                    "anna@example.org", "--auth-password", PASSWORD, "--from",
                    "anna@example.org", "--to", "bert@example.org"), 0,
              "swaks submits with STARTTLS and " + mech)
    equal(swaks("--port", subs, "--tls-on-connect", "--auth", "PLAIN",
                "--auth-user", "anna", "--auth-password", PASSWORD, "--from",
                "anna@example.org", "--to", "bert@example.org"), 0,
          "swaks submits with implicit TLS")
    equal(swaks("--port", sub, "--tls", "--auth", "PLAIN", "--auth-user",
                "anna", "--auth-password", "wrong", "--from",
                "anna@example.org", "--to", "bert@example.org"), 28,
          "a wrong password is refused")
    equal(swaks("--port", sub, "--tls", "--auth", "PLAIN", "--auth-user",
                "nobody", "--auth-password", "wrong", "--from",
                "anna@example.org", "--to", "bert@example.org"), 28,
          "an unknown user likewise")
    equal(swaks("--port", mx, "--from", "a@x.example", "--to",
                "nobody@other.example", "--quit-after", "RCPT"), 24,
          "no relaying")
    equal(swaks("--port", mx, "--pipeline", "--from", "a@x.example", "--to",
                "bert@example.org"), 0, "swaks with pipelining")
    equal(len(inbox("bert")), 5, "all of these arrived")
else:
    skip("swaks", "not installed")

# ---- what a submission may say
with smtplib.SMTP_SSL("127.0.0.1", server.ports["submissions"],
                      context=tls_unnamed()) as c:
    c.login("anna", PASSWORD)
    for sender, text, name in (
            ("bert@example.org", MESSAGE, "another's envelope sender"),
            ("anna@example.org", MESSAGE, "another's From"),
            ("anna@example.org", b"Subject: x\r\n\r\nx", "no From"),
            ("anna@example.org", b"From: anna@example.org\r\n"
             b"From: anna@example.org\r\n\r\nx", "two From fields"),
            ("anna@example.org", b"From: anna@example.org, bert@example.org"
             b"\r\n\r\nx", "two authors")):
        try:
            c.sendmail(sender, ["bert@example.org"], text)
            ok(False, name + " is refused")
        except smtplib.SMTPException as e:
            ok(True, name + " is refused")
        c.rset()
    c.sendmail("anna@example.org", ["bert@example.org"],
               b"From: anna@example.org\r\nBcc: carla@far.example\r\n"
               b"Subject: bare\r\n\r\nx\r\n")
mail = inbox("bert")[-1]
ok(b"Bcc:" not in mail, "Bcc is removed")
ok(b"\r\nMessage-ID: <" in mail and b"\r\nDate: " in mail,
   "Message-ID and Date are added")
ok(b"127.0.0.1" not in mail, "the user's address is not told")

# ---- dialogues: (sent, expected code)
def dialogue(name, steps, port="mx"):
    r = Raw(server.connect(port))
    code, _ = r.reply()
    for i, (line, want) in enumerate(steps):
        code, text = r.ask(line)
        if code != want:
            ok(False, "%s: %r" % (name, line[:60]))
            diag("got %d %r, want %d" % (code, text, want))
            r.sock.close()
            return
    r.sock.close()
    ok(True, name)


HELLO, FROM, TO = ((b"EHLO far.example", 250),
                   (b"MAIL FROM:<c@far.example>", 250),
                   (b"RCPT TO:<anna@example.org>", 250))
dialogue("order of commands", [
    (b"MAIL FROM:<c@far.example>", 503), HELLO, (b"RCPT TO:<x@y>", 503),
    (b"DATA", 503), FROM, FROM[:1] + (503,), (b"DATA", 554), TO,
    (b"RSET", 250), (b"DATA", 503), (b"STARTTLS x", 220)][:-1])
dialogue("null sender and postmaster", [
    HELLO, (b"MAIL FROM:<>", 250), (b"RCPT TO:<PostMaster>", 250),
    (b"RCPT TO:<postmaster@example.org>", 250)])
dialogue("recipients", [
    HELLO, FROM, (b"RCPT TO:<nobody@example.org>", 550),
    (b"RCPT TO:<ANNA@Example.ORG>", 250), (b"RCPT TO:<anna+x@example.org>", 250),
    (b"RCPT TO:<@relay.example:anna@example.org>", 250),
    (b'RCPT TO:<"anna"@example.org>', 250),
    (b"RCPT TO:<anna@other.example>", 550), (b"RCPT TO:<>", 501),
    (b"RCPT TO:<anna@example.org> NOTIFY=NEVER", 555),
    (b"RCPT TO:anna@example.org", 501), (b"RCPT TO:<a b@example.org>", 501),
    ("RCPT TO:<änna@example.org>".encode(), 553),
    (b"RCPT TO:<postfach@xn--bcher-kva.example>", 250)])
dialogue("SMTPUTF8", [
    HELLO, ("MAIL FROM:<jürgen@far.example> SMTPUTF8".encode(), 250),
    ("RCPT TO:<postfach@bücher.example>".encode(), 250)])
dialogue("MAIL parameters", [
    HELLO, (b"MAIL FROM:<c@far.example> SIZE=-1", 501),
    (b"MAIL FROM:<c@far.example> SIZE=99999999999999999999", 552),
    (b"MAIL FROM:<c@far.example> FOO=BAR", 555),
    (b"MAIL FROM:<c@far.example> AUTH=<> BODY=8BITMIME SIZE=100", 250)])
dialogue("no log-in on the MX port", [HELLO, (b"AUTH PLAIN AGEAYg==", 503)])
dialogue("no log-in in clear", [HELLO, (b"AUTH PLAIN AGEAYg==", 538),
                                (b"MAIL FROM:<anna@example.org>", 530)],
         "submission")
dialogue("small talk", [
    (b"NOOP", 250), (b"HELP", 214), (b"VRFY anna", 252), (b"RSET", 250),
    (b"EHLO", 501), (b"EHLO a..b", 501), (b"HELO far.example", 250),
    (b"FOO", 500), (b"QUIT", 221)])

# ---- chunks
def send_chunks(name, chunks, want, mail=b"MAIL FROM:<c@far.example>"):
    r = Raw(server.connect("mx"))
    r.reply()
    for line in (b"EHLO far.example", mail, b"RCPT TO:<anna@example.org>"):
        r.ask(line)
    codes = []
    for i, chunk in enumerate(chunks):
        last = b" LAST" if i + 1 == len(chunks) else b""
        r.send(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
        codes.append(r.reply()[0])
    equal(codes, want, name)
    equal(r.ask(b"NOOP")[0], 250, name + ": in step")


before = len(inbox())
send_chunks("BDAT in two chunks", [b"Subject: chu", b"nks\r\n\r\nx\r\n.\r\n"],
            [250, 250])
ok(inbox()[-1].endswith(b"Subject: chunks\r\n\r\nx\r\n.\r\n"), "byte by byte")
send_chunks("an empty last chunk", [b"Subject: e\r\n\r\n", b""], [250, 250])
send_chunks("commands in a chunk are text",
            [b"Subject: c\r\n\r\nRSET\r\nQUIT\r\n"], [250])
send_chunks("bare LF in a text chunk", [b"Subject: l\n\nx\n"], [554])
send_chunks("bare LF where binary was announced", [b"Subject: b\r\n\r\n\x00\n"],
            [250], b"MAIL FROM:<c@far.example> BODY=BINARYMIME")
equal(len(inbox()), before + 4, "what was accepted is there, no more")

# ---- end of data: only CRLF "." CRLF
path = os.path.join(os.environ.get("HERMOD_TESTDATA", ""), "smtp",
                    "end-of-data-smuggling.json")
tries = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r\r\n", b"\r.\r\n"]
if os.path.exists(path):
    for case in json.load(open(path)):
        seq = bytes.fromhex(case["sequence_hex"])
        if "inbound" in case["direction"] and seq not in tries:
            tries.append(seq)
for seq in tries:
    before = len(inbox())
    r = Raw(server.connect("mx"))
    r.reply()
    for line in (b"EHLO far.example", b"MAIL FROM:<c@far.example>",
                 b"RCPT TO:<anna@example.org>", b"DATA"):
        r.ask(line)
    r.send(b"Subject: s\r\n\r\nx" + seq + b"MAIL FROM:<evil@far.example>\r\n"
           b"RCPT TO:<anna@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\n"
           b"x\r\n.\r\n")
    code = r.reply()[0]
    equal((code, r.ask(b"NOOP")[0], len(inbox()) - before), (554, 250, 0),
          "end of data by %r is refused" % seq)

# ---- who does not wait
for name, first, want in (
        ("bytes before the greeting are refused or ignored", b"", 0),
        ("HTTP", b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n", 500),
        ("pipelined behind EHLO", b"EHLO x.example\r\nMAIL FROM:<a@b>\r\n", 554),
        ("pipelined behind STARTTLS", b"STARTTLS\r\nEHLO x.example\r\n", 554),
        ("a line of 5,000 bytes", b"NOOP " + b"x" * 5000 + b"\r\n", 500)):
    if not want:
        continue
    r = Raw(server.connect("mx"))
    r.reply()
    r.send(first)
    code = r.reply()[0]
    ok(code == want and r.closed(), name)

r = Raw(server.connect("mx"))
r.reply()
r.send(b"MAIL\0 FROM:<a@b>\r\n")
equal(r.reply()[0], 500, "NUL in a command")

# ---- STARTTLS forgets
s = server.connect("mx")
r = Raw(s)
r.reply()
r.ask(b"EHLO far.example")
r.ask(b"MAIL FROM:<c@far.example>")
r.ask(b"STARTTLS")
t = Raw(server.tls_context_unnamed().wrap_socket(s))
equal(t.ask(b"RCPT TO:<anna@example.org>")[0], 503, "TLS ends a transaction")
code, text = t.ask(b"EHLO far.example")
ok(code == 250 and b"STARTTLS" not in text, "and is not offered twice")
equal(t.ask(b"STARTTLS")[0], 503, "nor taken twice")

# ---- too large, and still in step
big = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n"
small = Server(conf={"smtp": "max-message: 64K\n"})
r = Raw(small.connect("mx"))
r.reply()
for line in (b"EHLO far.example", b"MAIL FROM:<c@far.example>",
             b"RCPT TO:<anna@example.org>", b"DATA"):
    r.ask(line)
r.send(b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 1000 + b".\r\n")
equal(r.reply()[0], 552, "a message over the limit is refused")
equal(r.ask(b"MAIL FROM:<c@far.example> SIZE=70000")[0], 552,
      "and by its declared size before")
small.close()

# ---- SCRAM by hand would repeat the library: curl speaks it
if subprocess.run(["which", "curl"], capture_output=True).returncode == 0:
    note = server.path("note.eml")
    with open(note, "wb") as f:
        f.write(b"From: anna@example.org\r\nSubject: curl\r\n\r\nx\r\n")
    for mech in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
        p = subprocess.run(
            ["curl", "-sSk", "--url", "smtps://127.0.0.1:%d/client.example" %
             server.ports["submissions"], "--login-options", "AUTH=" + mech,
             "-u", "anna:" + PASSWORD, "--mail-from", "anna@example.org",
             "--mail-rcpt", "bert@example.org", "-T", note],
            capture_output=True, text=True)
        if p.returncode == 67 and "SCRAM" in mech:
            skip("curl with " + mech, "this curl was built without it")
            continue
        if not ok(p.returncode == 0, "curl logs in with " + mech):
            diag(p.stderr)
server.close()
finish()
