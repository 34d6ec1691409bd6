#!/usr/bin/env python3
# A02, as far as signing goes: keys that prove nothing or are broken are not used,
# messages that are made to cost much are not signed, and no signature lets a body
# grow. Mail goes out all the same.
import imaplib
import os
import re
import smtplib
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/hostile"))
from hermod import *  # noqa: E402,F403
from keys import pem, prime, private, rnd  # noqa: E402

p, q = prime(512), prime(512)
small = prime(256), prime(256)
huge = rnd.getrandbits(2560) | 3 << 2558 | 1, rnd.getrandbits(2560) | 3 << 2558 | 3
good = private(p, q)
KEYS = {
    "good": (good, None),
    "short": (private(*small), "less than 1024 bits"),
    "huge": (private(*huge, e=3, d=5), "more than 4096 bits"),
    "one": (private(p, q, e=1, d=1), "exponent below 3|do not belong|not a private"),
    "false": (private(p, q, d=12345), "do not belong together|not a private"),
    "cut": (good[:300], "not a private key"),
    "empty": ("", "cannot be read"),
    "noise": ("\0\xff" * 500, "not a private key"),
    "public": (pem("PUBLIC KEY", b"\x30\x00"), "not a private key"),
    "curve": ("""-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgg/gIQEQKudv/Fvkw
Pk4g/mK1fydlf4rXdRwrKvyibxOhRANCAARy3YpkSQ/GMGqGqyZY2dVm1DMeoU3U
2MJ5rAaHtdUI67L9NajTWrqUoJN1F4oX3hqn9nYRkAiQIUshiwEdPlzf
-----END PRIVATE KEY-----
""", "neither RSA nor Ed25519"),
    "locked": ("""-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhd8SBwCLHi3wICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIemaWnZ3eUGIuZ3mkXVbIEEQO2v
TYLzOtely2KM5W36avuG4j6GwNksZogUxIdLtRBc9mx98deW9innF2pITp2mLyCv
NG7QGbgaSfU7bfdT21I=
-----END ENCRYPTED PRIVATE KEY-----
""", "without a password"),
    "big": ("x" * 1000000, "not a private key"),
}

server = Server({"dkim": ""}, start=False)
folder = server.path("etc", "data", "dkim", "example.org")
os.makedirs(folder)
for name, (text, _) in KEYS.items():
    with open(os.path.join(folder, name + ".pem"), "w",
              encoding="latin-1") as f:
        f.write(text)
os.symlink("/etc/passwd", os.path.join(folder, "link.pem"))
os.mkfifo(os.path.join(folder, "pipe.pem"))
server.start()
text = server.command("dkim", "list")
rows = [line.split() for line in text.splitlines()]
used = sorted(r[1] for r in rows if r[:1] == ["example.org"])
equal(used, ["good"], "only the good key is used")
log = server.read_log()
for name, (_, why) in KEYS.items():
    if why:
        ok(re.search(r'not used" file=\S*/%s\.pem why="[^"]*(%s)' % (name, why),
                     log), "the log says what is wrong with " + name)
for name in "link", "pipe":
    ok(re.search(r'not used" file=\S*/%s\.pem' % name, log),
       "a %s is no key" % name)
equal(server.command("dkim", "txt", "example.org").count("_domainkey."), 1,
      "nothing else is published")


def send(text):
    s = smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                         context=server.tls_context())
    s.login("anna", PASSWORD)
    s.sendmail("anna@example.org", ["bert@example.org"], text)
    s.quit()
    m = imaplib.IMAP4_SSL("localhost", server.ports["imaps"],
                          ssl_context=server.tls_context())
    m.login("bert", PASSWORD)
    m.select("INBOX")
    got = m.fetch("*", "(BODY.PEEK[HEADER])")[1][0][1]
    m.logout()
    return got


got = send(b"From: anna@example.org\r\nSubject: x\r\n\r\nx\r\n")
ok(b"s=good;" in got and got.count(b"DKIM-Signature") == 1,
   "mail is signed with it")
ok(not re.search(rb";\s*l=", got), "to the end of the body")
# Ten thousand fields that are to be signed: work and h= stay small.
many = b"From: anna@example.org\r\n" + b"To: bert@example.org\r\n" * 10000 + \
    b"\r\nx\r\n"
got = send(many)
ok(b"DKIM-Signature" not in got, "ten thousand fields are not signed")
ok('m="not signed"' in server.read_log(), "and the log says so")
got = send(b"From: anna@example.org\r\n" + b"X-Other: x\r\n" * 10000 + b"\r\nx\r\n")
ok(b"DKIM-Signature" in got, "others may be as many as they like")
# Signatures that somebody else made are not taken for ours, nor do they break it.
got = send(b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=good; h=" +
           b":".join([b"from"] * 3000) + b"; l=0; b=x\r\n"
           b"From: anna@example.org\r\n\r\nx\r\n")
got = re.sub(rb"\r\n[ \t]*", b" ", got)
ok(0 < got.find(b"s=good; t=") < got.find(b"l=0"), "ours stands above theirs")
server.close()
finish()
