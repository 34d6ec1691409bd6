#!/usr/bin/env python3
# Mail by DANE in earnest: zones signed and served by nsd, validated by unbound,
# asked by getdns, and a server with OpenSSL that the mail goes to.
import hashlib
import os
import smtplib
import ssl
import sys
import threading
import time
import socket

for folder in ("t/interop", "t/dns"):
    sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), folder))
import zones  # noqa: E402
from hermod import *  # noqa: E402,F403


class Sink(threading.Thread):
    """A mail server with STARTTLS that takes everything."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.context, self.got = None, []
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, daemon=True,
                             args=(self.socket.accept()[0],)).start()

    def serve(self, s):
        try:
            self.talk(s)
        except OSError:
            pass
        s.close()

    def talk(self, s):
        f, rcpt, tls = s.makefile("rwb"), "", ""

        def say(text):
            f.write(text + b"\r\n")
            f.flush()
        say(b"220 sink")
        while line := f.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-sink\r\n250 STARTTLS" if not tls else b"250 sink")
            elif verb == b"STAR":
                say(b"220 go")
                s = self.context.wrap_socket(s, server_side=True)
                f, tls = s.makefile("rwb"), s.version()
            elif verb == b"DATA":
                say(b"354 go")
                while f.readline() not in (b".\r\n", b""):
                    pass
                self.got.append((rcpt, tls))
                say(b"250 taken")
            elif verb == b"QUIT":
                return say(b"221 bye")
            else:
                if verb == b"RCPT":
                    rcpt = line.split(b"<")[1].split(b">")[0].decode()
                say(b"250 ok")


if zones.missing():
    skip_all("not installed: " + " ".join(zones.missing()))
sink = Sink()
sender = Server({"smtp-client": "", "dane": "", "dns": "",
                 "queue": "suppress: no\n",
                 "queue-transport-direct":
                 f"port: {sink.port}\nrefuse: []\n",
                 "resolver-getdns": "servers: ['127.0.0.1:1']\n"}, start=False)
crt = sender.path("etc", "localhost.crt")
sink.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
sink.context.load_cert_chain(crt, sender.path("etc", "localhost.key"))
pem = open(crt).read()
digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
record = sender.command("dane", "record", input=pem).strip()
equal(sender.command("dane", "record", "3", "0", "1", input=pem).strip(),
      "3 0 1 " + digest, "dane record agrees with OpenSSL about a certificate")
ok(record.startswith("3 1 1 ") and len(record) == 70, "and makes one of its key")

# Domain, TLSA records of its host, what becomes of mail: TLS, or a word of why it
# waits.
CASES = (
    ("right.secure.test", [record], "TLS"),
    ("cert.secure.test", ["3 0 1 " + digest], "TLS"),
    ("several.secure.test", ["3 1 1 " + "00" * 32, record], "TLS"),
    ("wrong.secure.test", ["3 1 1 " + "00" * 32], "matches none"),
    ("name.secure.test", ["2 0 1 " + digest], "matches none"),
    ("pkix.secure.test", ["1 0 1 " + digest], "TLS"),
    ("none.secure.test", [], "TLS"),
    ("wrong.insecure.test", ["3 1 1 " + "00" * 32], "TLS"),
)
more = {z: "" for z in ("secure.test", "insecure.test", "bogus.test")}
for domain, records, _ in CASES:
    name, zone = domain.split(".", 1)
    more[zone] += (f"{name} MX 10 mx-{name}\nmx-{name} A 127.0.0.1\n" +
                   "".join(f"_{sink.port}._tcp.mx-{name} TLSA {r}\n"
                           for r in records))
more["secure.test"] += ("alias MX 10 al\nal CNAME mx-right\n"
                        "elsewhere MX 10 mx.bogus.test.\n"
                        "split MX 10 mx-wrong.insecure.test.\n"
                        "noad MX 10 mx-noad\nmx-noad A 127.0.0.1\n"
                        f"_{sink.port}._tcp.mx-noad TLSA 3 1 1 {'00' * 32}\n")
dns = zones.Dns(zones.standard(more), sender.path("dns"))
validating, authoritative = ("%s:%d" % a for a in (dns.resolver, dns.authority))


def resolver(server):
    with open(sender.path("etc", "conf.d", "resolver-getdns.yaml"), "w") as f:
        f.write(f"enabled: yes\nservers: ['{server}']\n")


def send(domain):
    s = smtplib.SMTP_SSL("localhost", sender.ports["submissions"],
                         context=sender.tls_context())
    s.login("anna", PASSWORD)
    s.sendmail("anna@example.org", ["x@" + domain],
               "From: anna@example.org\r\nSubject: x\r\n\r\nx\r\n")
    s.quit()


def outcome(domain):
    """How it arrived, or why it waits."""
    sink.got.clear()
    send(domain)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for rcpt, tls in sink.got:
            if rcpt == "x@" + domain:
                return "TLS" if tls else "clear"
        out = sender.command("queue", "list", "--to", "x@" + domain, "--json")
        if '"attempt": "0"' not in out and '"attempts": "0"' not in out and \
                ": " in out.replace('"x@', ""):
            text = [line for line in sender.read_log().splitlines()
                    if "deferred" in line and "x@" + domain in line]
            if text:
                return text[-1]
        time.sleep(0.1)
    return "nothing in a minute"


def case(domain, want, name=""):
    got = outcome(domain)
    if not ok(want == got or (want != "TLS" and want in got),
              f"{name}{domain}: {want}"):
        diag(got)
    sender.command("queue", "drop", "--all")


resolver(validating)
sender.start()
for domain, _, want in CASES:
    case(domain, want)
case("alias.secure.test", "TLS")
case("bogus.test", "validation failed")
case("elsewhere.secure.test", "validation failed")
case("split.secure.test", "TLS")

# The commands say the same.
out = sender.command("dane", "lookup", f"mx-right.secure.test:{sink.port}")
ok(sender.status == 0 and record in out, "dane lookup")
sender.command("dane", "lookup", f"mx-wrong.insecure.test:{sink.port}")
ok(sender.status == 1 and "not signed" in sender.stderr,
   "dane lookup without DNSSEC")
for host, status, words in (("right", 0, "the certificate matches"),
                            ("wrong", 1, "matches no TLSA record"),
                            ("pkix", 1, "any certificate will do"),
                            ("none", 1, "no TLSA records")):
    out = sender.command("dane", "dial", f"mx-{host}.secure.test:{sink.port}")
    if not ok(sender.status == status and words in out,
              f"dane dial: {words}"):
        diag(out + sender.stderr)
for domain, status in (("right", 0), ("alias", 0), ("wrong", 1), ("none", 0)):
    out = sender.command("dane", "dialmx", f"{domain}.secure.test:{sink.port}")
    if not ok(sender.status == status, f"dane dialmx {domain}"):
        diag(out + sender.stderr)
out = sender.command("smtp", "dial", f"mx-right.secure.test:{sink.port}")
if not ok(sender.status == 0 and "< 220 sink" in out and "TLS: TLS1.3" in out
          and "certificate 1:" in out and "not verified" in out, "smtp dial"):
    diag(out + sender.stderr)
out = sender.command("smtp", "dial", "--tls", "never", "--json",
                     f"127.0.0.1:{sink.port}")
ok(sender.status == 0 and '"what": "received", "value": "250 STARTTLS"' in out and
   "cipher" not in out, "smtp dial in clear, as JSON")

# An answer without the AD bit: records mean nothing.
resolver(authoritative)
sender.command("reload")
case("noad.secure.test", "TLS", "no AD: ")
# A resolver whose AD bit would mean nothing.
resolver("192.0.2.53")
sender.command("reload")
ok("no host can be verified by DANE" in sender.read_log(), "that is said")
dns.close()
sender.close()
finish()
