#!/usr/bin/env python3
# A02, as far as verifying goes: signatures without end or sense, keys that prove
# nothing, bodies that were let grow. What is refused here was signed by a signer of
# this test, so that nothing else is wrong with it.
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/hostile"))
from hermod import *  # noqa: E402,F403
from keys import prime, public, rnd, sign  # noqa: E402

p, q = prime(512), prime(512)
N, D = p * q, pow(65537, -1, (p - 1) * (q - 1))
p, q = prime(256), prime(256)
SHORT, SHORT_D = p * q, pow(65537, -1, (p - 1) * (q - 1))
TINY = prime(128) * prime(128)
HUGE = rnd.getrandbits(16384) | 1 << 16383 | 1
B64 = {name: base64.b64encode(key).decode() for name, key in {
    "hollow": b"\1" + bytes(31), "cut": bytes(range(31)),
    "noise": bytes(range(1, 33))}.items()}
ED25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RECORDS = {
    "good": "v=DKIM1; p=" + public(N),
    "notes": "v=DKIM1; n=" + "=20\u00e4\t" * 1500 + "; p=" + public(N),
    "short": "v=DKIM1; p=" + public(SHORT),
    "tiny": "v=DKIM1; p=" + public(TINY),
    "huge": "v=DKIM1; p=" + public(HUGE),
    "one": "v=DKIM1; p=" + public(N, 1),
    "even": "v=DKIM1; p=" + public(N, 65536),
    "long": "v=DKIM1; p=" + public(N, 1 << 1000 | 1),
    "none": "v=DKIM1; p=" + public(N, 0),
    "evenn": "v=DKIM1; p=" + public(N - 1),
    "zero": "v=DKIM1; p=" + public(0),
    "der": "v=DKIM1; p=" + public(N)[:-8],
    "revoked": "v=DKIM1; k=rsa; p=",
    "hollow": "v=DKIM1; k=ed25519; p=" + B64["hollow"],
    "cut": "v=DKIM1; k=ed25519; p=" + B64["cut"],
    "noise": "v=DKIM1; k=ed25519; p=" + B64["noise"],
    "ed": "v=DKIM1; k=ed25519; p=" + ED25519,
    "testing": "v=DKIM1; t=y; p=" + public(N),
}


def quoted(text):
    """As the strings of a TXT record."""
    raw = text.encode()
    return " ".join('"%s"' % "".join(
        chr(c) if 32 <= c < 127 and c not in b'"\\;' else "\\%03d" % c
        for c in raw[i:i + 200]) for i in range(0, len(raw), 200))


zone = tempfile.NamedTemporaryFile("w", suffix=".zone")
os.chmod(zone.name, 0o644)
zone.write("$TTL 300\n")
for name, text in RECORDS.items():
    zone.write("%s._domainkey.far.example. TXT %s\n" % (name, quoted(text)))
zone.flush()
server = Server({"dkim": "", "resolver-zone": "file: %s\n" % zone.name})

FIELDS = [b"From: Anna <anna@far.example>", b"To: bert@example.org",
          b"Subject: A  message"]
BODY = b"One\r\n\r\ntwo  three\r\n"


def relaxed(field):
    name, value = field.split(b":", 1)
    return name.strip().lower() + b":" + b" ".join(value.split()) + b"\r\n"


def simple(field):
    return field + b"\r\n"


def signature(selector="good", n=N, d=D, fields=FIELDS, body=BODY, algorithm=
              "rsa-sha256", h="From:To:Subject", extra="", tags=None, b=None,
              form=relaxed):
    """A field DKIM-Signature; tags replace what it would say."""
    hashed = hashlib.sha1 if "sha1" in algorithm else hashlib.sha256
    say = {"v": "1", "a": algorithm, "d": "far.example", "s": selector,
           "c": form.__name__ + "/simple", "h": h,
           "bh": base64.b64encode(hashed(body).digest()).decode()}
    say.update(tags or {})
    field = ("DKIM-Signature: " + "; ".join(
        "%s=%s" % tag for tag in say.items()) + extra + "; b=").encode()
    data, left = b"", list(fields)
    for name in h.split(":"):
        for i in range(len(left) - 1, -1, -1):
            if left[i].split(b":")[0].strip().lower() == name.lower().encode():
                data += form(left.pop(i))
                break
    data += form(field)[:-2]
    if b is None:
        b = sign(data, n, d, "sha1" in algorithm)
    return field + base64.b64encode(b)


def message(*signatures, fields=FIELDS, body=BODY):
    return b"\r\n".join(list(signatures) + list(fields)) + b"\r\n\r\n" + body


def verify(text, *words):
    r = subprocess.run([HERMOD, "-c", server.path("etc"), "dkim", "verify"] +
                       list(words), input=text, capture_output=True, timeout=300)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def expect(result, why, text, name):
    """All signatures of a message come to that, and nobody falls over it."""
    status, out, err = verify(text, "--json")
    rows = json.loads(out) if out else []
    good = rows and all(row["result"] == result and why in row["reason"]
                        for row in rows) and status == (result != "pass")
    if not ok(good, name):
        diag(out[-2000:] + err)


# What is good passes, or the rest would mean nothing.
expect("pass", "", message(signature()), "a good one")
expect("pass", "", message(signature(algorithm="rsa-sha1")), "with SHA-1")
expect("pass", "", message(signature(form=simple)), "in its simple form")
expect("pass", "", message(signature()).replace(b"\r\n", b"\n"),
       "from a file of this system")
expect("pass", "", message(signature("notes")), "notes of 9,000 bytes say nothing")
expect("fail", "body", message(signature(), body=BODY + b"more\r\n"),
       "a body that grew")
expect("fail", "header", message(signature()).replace(b"A  mess", b"No mess"),
       "another subject")

# Signatures by the thousand: so many are looked at, the rest is counted.
junk = [b"DKIM-Signature: v=1; a=rsa-sha256; d=x%d.example; s=s; h=From:Subject; "
        b"bh=%s; b=AAAA" % (i, base64.b64encode(bytes(32)))
        for i in range(100)] + [b"DKIM-Signature: v=1; d=x.example"] * 9900
status, out, err = verify(message(signature(), *junk))
equal(status, 0, "ten thousand below a good one")
equal(out.count("\n"), 21, "twenty of them are looked at")
ok("9981 further" in err, "and the rest is counted")
status, out, err = verify(message(*junk[:20], signature()))
equal(status, 1, "a good one below is not reached")
status, out, err = verify(message(*[signature()] * 2000))
equal(out.count(" pass "), 20, "nor is the same one verified two thousand times")
status, out, err = verify(message(*[signature()] * 10000))
ok(status == 1 and "1 MiB" in err, "ten thousand of them are no header")

# The body cannot be let grow.
half = signature(body=BODY[:5], extra="; l=5")
expect("policy", "l=", message(half), "a part of the body is signed")
expect("policy", "l=", message(signature(body=b"", extra="; l=0")), "nothing of it")
expect("policy", "l=", message(signature(extra="; l=" + "9" * 76)), "all of it")
expect("permerror", "l=", message(signature(extra="; l=" + "9" * 77)),
       "a length that is none")

# Names without end, and which ones.
expect("pass", "", message(signature(h="From:To:Subject" + ":x" * 997)),
       "a thousand names")
expect("permerror", "1,000", message(signature(
    h="From:To:Subject" + ":x" * 10000)), "ten thousand")
expect("permerror", "64 KiB", message(signature(
    h="From:To:Subject" + ":x" * 100000)), "a hundred thousand")
expect("permerror", "From", message(signature(h="To:Subject")), "no From")
expect("policy", "Subject", message(signature(h="From:To")), "no Subject")
for name in b"From: eve@far.example", b"Subject: Pay":
    expect("policy", "another", message(signature(), fields=[name] + FIELDS),
           "a second %s" % name.decode().split(":")[0])
expect("fail", "", message(signature(h="From:From:To:Subject:Subject"),
                           fields=FIELDS + [b"Subject: Pay"]),
       "a second one where there may be none")

# Moments.
now = int(time.time())
expect("permerror", "expired", message(signature(
    extra="; t=%d; x=%d" % (now - 7200, now - 3600))), "expired")
expect("permerror", "expired", message(signature(extra="; t=9; x=8")),
       "expired before it was made")
expect("policy", "future", message(signature(extra="; t=%d" % (now + 90000))),
       "made tomorrow")
expect("pass", "", message(signature(extra="; t=%d; x=%d" % (now, now + 3600))),
       "in time")
expect("permerror", "x=", message(signature(extra="; x=" + "9" * 4000)),
       "no moment at all")

# Sizes that are not those of a signature or hash.
for size in 1, 127, 129, 512, 30000:
    expect("fail", "", message(signature(b=bytes([1]) * size)),
           "b= of %d bytes" % size)
expect("permerror", "empty", message(signature(b=b"")), "an empty b=")
for size in 0, 1, 31, 33, 30000:
    expect("permerror", "hash", message(signature(tags={
        "bh": base64.b64encode(bytes(size)).decode()})), "bh= of %d bytes" % size)
expect("permerror", "hash", message(signature(algorithm="rsa-sha1", tags={
    "bh": base64.b64encode(bytes(32)).decode()})), "a long hash of a short kind")

# Keys. The signatures by "short" and "one" are what they ought to be.
expect("permerror", "less than 1024", message(signature("short", SHORT, SHORT_D)),
       "RSA of 512 bits")
expect("permerror", "less than 1024", message(signature("tiny")), "of 256")
expect("permerror", "more than 4096", message(signature("huge")), "of 16,384")
expect("permerror", "exponent", message(signature("one", d=1)), "an exponent of 1")
for name in "even", "long", "none":
    expect("permerror", "", message(signature(name)),
                  "an exponent: " + name)
for name in "evenn", "zero", "der":
    status, out, err = verify(message(signature(name)))
    ok(status == 1 and re.search("fail|permerror", out), "no RSA: " + name)
expect("permerror", "revoked", message(signature("revoked")), "a revoked key")
expect("permerror", "everything", message(signature(
    "hollow", algorithm="ed25519-sha256", b=b"\1" + bytes(63))),
    "Ed25519 with a key that signs everything")
expect("permerror", "32 bytes", message(signature(
    "cut", algorithm="ed25519-sha256", b=bytes(64))), "a key of 31 bytes")
for b in bytes(64), b"\xff" * 64, b"\1", bytes(63), bytes(65), bytes(range(64)):
    for name in "ed", "noise":
        expect("fail", "", message(signature(
            name, algorithm="ed25519-sha256", b=b)),
            "%d bytes that are no signature by %s" % (len(b), name))
expect("permerror", "another kind", message(signature("ed")),
       "RSA by a key of Ed25519")
expect("permerror", "another kind", message(signature(
    algorithm="ed25519-sha256", b=bytes(64))), "and the other way round")
expect("none", "testing", message(signature("testing"), body=b"x\r\n"),
       "who is testing does not fail")
expect("pass", "", message(signature("testing")), "but passes")

# Nothing that a sender writes reaches a terminal but as it is.
status, out, err = verify(message(signature(tags={"d": "\x1b[2Jx.example"}),
                                  signature(tags={"s": "\u202eabc"}),
                                  signature(tags={"a": "\x1b]0;x\x07"})))
ok(status == 1 and (out + err).replace("\n", "").isprintable() and
   (out + err).isascii(), "odd names are not shown")

# Fields without end.
status, out, err = verify(message(signature(), fields=FIELDS + [b"a:"] * 60000))
ok(status == 1 and "50,000 fields" in err, "sixty thousand fields")
status, out, err = verify(message(signature(), fields=FIELDS + [
    b"a: " + b"b" * 2000000]))
ok(status == 1 and "1 MiB" in err, "a header of 2 MB")
for text in b"", b"\r\n", b"x", b"\0" * 100000, b"DKIM-Signature:", \
        b"DKIM-Signature:" + b"v=1;" * 100000:
    status, out, err = verify(text)
    ok(status == 1 and "ERROR: " not in err, "what is no message: %d bytes" %
       len(text))
server.close()

# A large message takes no more memory than a small one.
server = Server({"dkim": "", "resolver-zone": "file: %s\n" % zone.name})
server.stop()
LINE = b"x" * 70 + b"\r\n"


# In a process of its own: the figure begins with the size of who starts it.
MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, use = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), use.ru_maxrss)
"""


def memory(lines):
    """KiB that it takes to verify a body of so many lines."""
    body = LINE * lines
    # The tools that look for faults would keep what has been freed.
    env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") +
               ":quarantine_size_mb=1", VALGRIND_OPTS="--freelist-vol=1000000")
    with tempfile.TemporaryFile() as text:
        text.write(message(signature(body=body), body=body))
        text.seek(0)
        r = subprocess.run([sys.executable, "-c", MEASURE, HERMOD, "-c",
                            server.path("etc"), "dkim", "verify"], stdin=text,
                           env=env, capture_output=True, text=True)
    status, size = r.stdout.split()
    if not ok(status == "0", "%d lines are good" % lines):
        diag(r.stderr)
    return int(size)


little, much = memory(1), memory(50000000 // len(LINE))
if not ok(much < little + 8192, "50 MB in the memory of a few bytes"):
    diag("%d and %d KiB" % (much, little))
server.close()
finish()
