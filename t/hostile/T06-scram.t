#!/usr/bin/env python3
# T06: SCRAM (RFC 5802, RFC 7677) with messages changed on the way, or made up.
import base64
import hashlib
import hmac
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attack import *  # noqa: E402,F403

server = Server({"auth": "failures-per-minute: 100000\nfailure-delay: 0s\n"})


def b64(data):
    return base64.b64encode(data)


def h(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


class Scram:
    """One exchange; parts of it can be replaced."""

    def __init__(self, name=b"anna"):
        self.c = Raw(server.connect("submissions", tls=True))
        self.c.reply()
        self.c.ask(b"EHLO x.example")
        self.name, self.nonce = name, b64(os.urandom(18))

    def run(self, gs2=b"n,,", first=None, binding=None, nonce=None, proof=None,
            final=None, password=PASSWORD.encode(), extra=b"", turn=None):
        """The code of the last reply."""
        bare = b"n=" + self.name + b",r=" + self.nonce if first is None else first
        code, text = self.c.ask(b"AUTH SCRAM-SHA-256 " + b64(gs2 + bare))
        if code != 334:
            return code
        challenge = base64.b64decode(text)
        given = dict(p.split(b"=", 1) for p in challenge.split(b","))
        self.iterations = int(given[b"i"])
        salted = hashlib.pbkdf2_hmac("sha256", password,
                                     base64.b64decode(given[b"s"]),
                                     self.iterations)
        without = b"c=" + (b64(gs2) if binding is None else binding) + b",r=" + \
            (given[b"r"] if nonce is None else nonce(given[b"r"])) + extra
        client = h(salted, b"Client Key")
        signature = h(hashlib.sha256(client).digest(),
                      bare + b"," + challenge + b"," + without)
        right = bytes(a ^ b for a, b in zip(client, signature))
        message = without + b",p=" + b64(right if proof is None else proof(right))
        if final is not None:
            message = final(message)
        code, text = self.c.ask(b64(message))
        if code == 334:
            want = b"v=" + b64(h(h(salted, b"Server Key"), bare + b"," +
                                 challenge + b"," + without))
            equal(base64.b64decode(text), want, "T06: the server proves itself")
            code, text = self.c.ask(b"")
        return code


equal(Scram().run(), 235, "T06: who is honest comes in")
equal(Scram().run(gs2=b"y,,"), 235, "T06: with the offer of a binding, too")
equal(Scram().run(password=b"wrong"), 535, "T06: a wrong password")
for what, changes in (
        ("another binding than was said", {"binding": b64(b"y,,")}),
        ("no binding", {"binding": b""}),
        ("a binding that is no base64", {"binding": b"!!!"}),
        ("a binding of TLS made up", {"binding": b64(b"p=tls-unique,,x")}),
        ("p= without -PLUS", {"gs2": b"p=tls-exporter,,"}),
        ("another's nonce", {"nonce": lambda r: (b"y" if r[:1] == b"x" else
                                                 b"x") + r[1:]}),
        ("a shorter nonce", {"nonce": lambda r: r[:-1]}),
        ("a longer nonce", {"nonce": lambda r: r + b"x"}),
        ("the client's own nonce", {"nonce": lambda r: r[:24]}),
        ("no nonce", {"first": b"n=anna"}),
        ("an empty nonce", {"first": b"n=anna,r="}),
        ("no name", {"first": b"r=abc"}),
        ("an empty name", {"first": b"n=,r=abc"}),
        ("a reserved extension", {"first": b"m=x,n=anna,r=abc"}),
        ("a name with a comma", {"first": b"n=an,na,r=abc"}),
        ("a wrong escape", {"first": b"n=an=4ana,r=abc"}),
        ("another to act for", {"gs2": b"n,a=bert,"}),
        ("no header", {"gs2": b""}),
        ("a header that is none", {"gs2": b"z,,"}),
        ("a proof with one bit changed",
         {"proof": lambda p: bytes([p[0] ^ 1]) + p[1:]}),
        ("a proof cut short", {"proof": lambda p: p[:-1]}),
        ("a proof too long", {"proof": lambda p: p + b"x"}),
        ("an empty proof", {"proof": lambda p: b""}),
        ("no proof", {"final": lambda m: m[:m.index(b",p=")]}),
        ("two proofs", {"final": lambda m: m + b",p=AAAA"}),
        ("text behind the proof", {"final": lambda m: m + b",x=y"}),
        ("NUL at the end", {"final": lambda m: m + b"\0"}),
        ("nothing at all", {"final": lambda m: b""}),
        ("a nonce of 8,000 octets", {"first": b"n=anna,r=" + b"a" * 8000,
                                     "proof": lambda p: b"x" * 32})):
    s = Scram()
    code = s.run(**changes)
    ok(code in (501, 535, 500), "T06: %s: %d" % (what, code))
    if what == "an extension nobody knows":
        continue
    s.c.sock.close()

# Who does not exist looks like who does: salt and iterations, each time the same.
seen = []
for name in (b"nobody", b"nobody", b"anna"):
    s = Scram(name)
    code, text = s.c.ask(b"AUTH SCRAM-SHA-256 " + b64(
        b"n,,n=" + name + b",r=" + s.nonce))
    given = dict(p.split(b"=", 1) for p in base64.b64decode(text).split(b","))
    seen.append((given[b"s"], given[b"i"]))
    s.c.sock.close()
ok(seen[0] == seen[1] and seen[0][0] != seen[2][0], "T06: a made-up salt stays")
ok(seen[0][1] == seen[2][1] and len(seen[0][0]) == len(seen[2][0]),
   "T06: and looks like any")

# Iterations that would cost a client nothing, or all.
for n in ("1", "4095", "1000001", "2147483648", "-1"):
    with open(server.path("etc", "conf.d", "auth.yaml"), "w") as f:
        f.write("enabled: yes\nscram-iterations: %s\n" % n)
    out = server.command("config", "check")
    ok(server.status != 0 and "scram-iterations" in out + server.stderr,
       "T06: scram-iterations: %s is refused" % n)
with open(server.path("etc", "conf.d", "auth.yaml"), "w") as f:
    f.write("enabled: yes\n")
equal(Scram().run(), 235, "T06: others log in meanwhile")
server.close()
finish()
