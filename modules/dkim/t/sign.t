#!/usr/bin/env python3
# What a user sends is signed; others' software says that the signatures are good.
import imaplib
import json
import os
import smtplib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
from hermod import *  # noqa: E402,F403

# Debian's packages are for Debian's Python.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import dkim
except ImportError:
    skip_all("python3-dkim is not installed")

zone = tempfile.NamedTemporaryFile(suffix=".zone")
os.chmod(zone.name, 0o644)
server = Server({"dkim": "", "dns": "",
                 "resolver-zone": "file: %s\n" % zone.name})


def records():
    text = server.command("dkim", "txt", "example.org", "--json")
    rows = json.loads(text) if server.status == 0 else []
    return {row["name"]: row["text"] for row in rows}


def look_up(name, timeout=5):
    return records().get(name.decode().rstrip("."), "").encode() or None


def send(text, extra=()):
    s = smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                         context=server.tls_context())
    s.login("anna", PASSWORD)
    s.sendmail("anna@example.org", ["bert@example.org"], text, extra)
    s.quit()
    m = imaplib.IMAP4_SSL("localhost", server.ports["imaps"],
                          ssl_context=server.tls_context())
    m.login("bert", PASSWORD)
    m.select("INBOX")
    _, data = m.fetch("*", "(BODY.PEEK[])")
    m.logout()
    return data[0][1]


def signatures(message):
    return message.lower().count(b"\r\ndkim-signature:")


def good(message, index=0):
    try:
        return dkim.verify(message, dnsfunc=look_up) if index == 0 else \
            dkim.DKIM(message).verify(idx=index, dnsfunc=look_up)
    except dkim.DKIMException as e:
        diag(repr(e))
        return False


def publish():
    """What we say that should be published is."""
    with open(zone.name, "w") as f:
        f.write("$TTL 300\n")
        for name, text in records().items():
            f.write("%s. TXT %s\n" % (name, " ".join('"%s"' % text[i:i + 200]
                    for i in range(0, len(text), 200))))


def results(message):
    """What we ourselves say of its signatures."""
    r = subprocess.run([HERMOD, "-c", server.path("etc"), "dkim", "verify",
                        "--json"], input=message, capture_output=True)
    if r.returncode != 0:
        diag(r.stdout.decode() + r.stderr.decode())
    return [row["result"] for row in json.loads(r.stdout or "[]")]


PLAIN = ("From: Anna <anna@example.org>\r\nTo: bert@example.org\r\n"
         "Subject:  folded\r\n  and \t folded again\r\n\r\n"
         "Some text \t with  blanks \r\n\r\n.dot\r\n\r\n\r\n").encode()
end = time.monotonic() + 20
while len(records()) < 1 and time.monotonic() < end:
    time.sleep(0.1)
equal(len(records()), 1, "a domain has a key from the start")
got = send(PLAIN)
equal(signatures(got), 1, "a message is signed")
ok(good(got), "the signature is good")
ok(not good(got.replace(b"Some text", b"Some tent")), "not if the body changes")
ok(not good(got.replace(b"Subject:  folded", b"Subject: other")),
   "not if a field changes")
ok(not good(b"Subject: another\r\n" + got), "not if a field is added")
ok(good(got.replace(b"with  blanks", b"with blanks")),
   "white space may change")
ok(good(send(b"From: anna@example.org\r\n\r\n")), "an empty body")
ok(good(send(b"From: anna@example.org\r\n\r\nx" + b"y" * 300000)),
   "a large one without a last line end")

server.command("dkim", "add", "example.org", "second", "--type", "ed25519")
equal(server.status, 0, "a second key")
got = send(PLAIN)
equal(signatures(got), 2, "both sign")
ok(good(got, 0), "the first is good")
try:
    import nacl  # noqa: F401
    ok(good(got, 1), "so is the second")
except ImportError:
    skip("so is the second", "python3-nacl is not installed")
publish()
equal(results(got), ["pass", "pass"], "so we say ourselves")
equal(results(got.replace(b"Some text", b"Some tent")), ["fail", "fail"],
      "and not if the body changes")
text = server.command("dkim", "lookup", "second", "example.org")
ok(server.status == 0 and "It is the key of this server" in text and
   "Ed25519" in text, "a key that is published is looked up")
row = json.loads(server.command("dkim", "lookup", sorted(records())[0].split(
    ".")[0], "example.org", "--json"))[0]
equal((row["key"], row["bits"], row["own"]),
      ("rsa", "2048", "it is the key of this server"), "so is the first")
server.command("dkim", "add", "example.org", "second")
ok(server.status != 0 and "exists" in server.stderr,
   "a key is never written over")
server.command("dkim", "add", "example.org", "../x")
ok(server.status != 0, "a selector is no path")
server.command("domain", "add", "new.example")
end = time.monotonic() + 20
while "new.example" not in server.command("dkim", "list") and \
        time.monotonic() < end:
    time.sleep(0.1)
ok("new.example" in server.command("dkim", "list"), "a new domain gets a key")
text = server.command("domain", "dnsrecords", "example.org")
ok("second._domainkey.example.org. IN TXT" in text and "k=ed25519" in text,
   "what to publish is told with the rest")

# Each selector its own canonical forms; one that rests signs nothing.
def configured(text):
    with open(server.path("etc", "conf.d", "dkim.yaml"), "w") as f:
        f.write("enabled: yes\n" + text)
    server.command("reload")
    return server.status


LONG = ("From: Anna <anna@example.org>\r\nTO:bert@example.org\r\n"
        "Subject:  a rather long one that is folded\r\n\there,\t and   "
        "there \r\n and has more\r\n\r\n  Blanks \t and \r\n\r\nlines "
        "\r\n\r\n\r\n").encode()
first = sorted(records())[0].split(".")[0]
equal(configured("header: simple\nbody: simple\nselectors:\n"
                 "  second: {form: relaxed/simple}\n"), 0, "forms by selector")
got = send(LONG)
ok(b"c=simple/simple" in got and b"c=relaxed/simple" in got, "are used")
ok(good(got, 0), "a folded field is good in its simple form")
if "nacl" in sys.modules:
    ok(good(got, 1), "so is the other one")
else:
    skip("so is the other one", "python3-nacl is not installed")
simple = 0 if got.index(b"c=simple/simple") < got.index(b"c=relaxed/") else 1
ok(not good(got.replace(b"TO:bert", b"To: bert"), simple),
   "nothing may change in a simple header")
for pair in "simple", "relaxed":
    for other in "simple", "relaxed":
        configured("header: %s\nbody: %s\nselectors: {second: {sign: no}}\n"
                   % (pair, other))
        got = send(LONG)
        ok(signatures(got) == 1 and good(got) and
           results(got) == ["pass"] and
           b"c=%s/%s" % (pair.encode(), other.encode()) in got,
           "%s/%s" % (pair, other))
ok("second._domainkey" in "".join(records()), "who rests is published still")
got = send(LONG)
tags = dict(t.strip().split(b"=", 1) for t in got.lower().split(
    b"dkim-signature:")[1].split(b"\r\nreceived:")[0].replace(
        b"\r\n", b"").split(b";")[:8])
equal(int(tags[b"x"]) - int(tags[b"t"]), 72 * 3600, "it expires")
ok(b"l" not in tags, "the body is signed to its end")
names = tags[b"h"].replace(b" ", b"").split(b":")
ok(names.count(b"from") == 2 and names.count(b"cc") == 1,
   "no field that is signed can be added")
configured("expire: 0\noversign: no\n")
got = send(LONG)
ok(b"; x=" not in got and good(got) and b"from:from" not in got.lower(),
   "neither is a must")
equal(configured("fields: [To, Subject]\n") == 0, False,
      "From has to be signed")
configured("")
mode = os.stat(server.path("etc", "data", "dkim", "example.org",
                           "second.pem")).st_mode
equal(mode & 0o777, 0o600, "keys are nobody else's")
server.close()
finish()
