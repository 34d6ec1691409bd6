#!/usr/bin/env python3
# Mail to Postfix, Exim and OpenSMTPD: it arrives, waits or comes back as the RFCs
# say. The table below is what is expected; README tells how to get the peers.
import json
import os
import re
import smtplib
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

SCRATCH = lab.enter()
import hermod  # noqa: E402
from hermod import *  # noqa: E402,F403

NAMES = {"p": "postfix", "e": "exim", "o": "opensmtpd"}
PLAIN = "Text.\r\n"
DOTS = ".\r\n..\r\n.x\r\nend.\r\n.\r\n..a\r\n"
LONG = "a" * 998 + "\r\n" + "b" * 997 + ".\r\n." + "c" * 900 + "\r\n"
EIGHT = "Gr\u00fc\u00dfe aus K\u00f6ln\r\n"
TLS = r"\sby mx\.\w+\.test (\(\w+\) )?with ESMTPS"
BIG = ("0123456789abcdef" * 4 + "\r\n") * 400

# name, recipients, what becomes of each: "arrives"; "waits TEXT" and then,
# behind "/", what becomes of it when it is tried again; "returns TEXT", a report
# in the sender's mailbox with TEXT. More: body, mail_options, rcpt_options, and
# what else the report or the message must have.
CASES = []


def case(name, rcpts, *outcomes, **more):
    CASES.append((name, rcpts.split(), outcomes, more))


for letter, peer in NAMES.items():
    d1 = "%s1.peer.test" % letter

    def stage(i, letter=letter):
        return "x@%s%d.peer.test" % (letter, 10 + i)
    case(peer + ": plain", "anna@" + d1, "arrives")
    case(peer + ": dots", "anna@" + d1, "arrives", body=DOTS)
    case(peer + ": lines of 998 octets", "anna@" + d1, "arrives", body=LONG)
    case(peer + ": 8BITMIME", "anna@" + d1, "arrives", body=EIGHT,
         mail_options=["BODY=8BITMIME"])
    case(peer + ": several recipients, one unknown",
         "one@%s nobody@%s two@%s" % (d1, d1, d1),
         "arrives", "returns nobody@", "arrives")
    case(peer + ": big", "anna@" + d1, "arrives", body=BIG * 40)
    for i, name in enumerate(lab.STAGES):
        # before it knows the mail a server may be wrong about itself
        early = letter == "p" and i < 2 or letter != "p" and i < 2
        case("%s: refused at %s" % (peer, name), stage(i),
             "waits " if early else "returns not at this stage")
    # OpenSMTPD 6.8 breaks off with OpenSSL 3, and gets its mail in clear
    for i, name in enumerate(("good", "expired", "other", "self")
                             if letter != "o" else ("good",)):
        case("%s: TLS if offered, certificate %s" % (peer, name),
             "anna@%s%d.peer.test" % (letter, 20 + i), "arrives",
             has=TLS if letter != "o" else "")
for letter in "pe":
    peer = NAMES[letter]
    d1, d2, d3 = ("%s%d.peer.test" % (letter, i) for i in (1, 2, 3))
    case(peer + ": SMTPUTF8", "gr\u00fc\u00dfe@" + d1, "arrives",
         body=EIGHT, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    case(peer + ": no SMTPUTF8 there", "gr\u00fc\u00dfe@" + d2,
         "returns 5.6.7", body=EIGHT,
         mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    case(peer + ": nothing is offered", "anna@" + d2, "arrives", body=DOTS)
    case(peer + ": binary, which it does not take", "anna@" + d1,
         "returns 5.6.1", body="a\0b\r\n", chunk=True)
    case(peer + ": larger than it takes", "anna@" + d3, "returns 5.3.4",
         body=BIG)
    case(peer + ": DSN is passed on", "anna@" + d1, "arrives",
         mail_options=["ENVID=order7", "RET=HDRS"],
         rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;old@peer.test"],
         report=("Action: delivered", "Original-Envelope-Id: order7",
                 "old@peer.test"))
    case(peer + ": no DSN there: relayed", "anna@" + d2, "arrives",
         mail_options=["ENVID=order8"],
         rcpt_options=["NOTIFY=SUCCESS"],
         report=("Action: relayed", "Original-Envelope-Id: order8"))
case("opensmtpd: no SMTPUTF8 there", "gr\u00fc\u00dfe@o1.peer.test",
     "returns 5.6.7", body=EIGHT, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
case("postfix: greylisted", "grey1@p13.peer.test",
     "waits greylisted / arrives")
case("exim: greylisted", "grey1@e1.peer.test", "waits greylisted / arrives")
case("postfix: 421 at RCPT", "hangup@p13.peer.test", "waits going down")
case("postfix: 421 at the end", "hangup@p15.peer.test", "waits going down")
case("postfix: busy at DATA", "busy@p14.peer.test", "waits busy")
case("postfix: one of two refused for now", "taken1@p13.peer.test "
     "busy@p13.peer.test", "arrives", "waits busy")
case("null MX", "x@null.peer.test", "returns 5.1.10")
case("no such domain", "x@none.invalid", "returns 5.1.2")
case("the first of three hosts is dead", "anna@several.peer.test", "arrives")
case("every host is dead", "anna@dead.peer.test", "waits refused")
case("no MX but an address", "anna@mx.p1.peer.test", "arrives")
case("postfix: STARTTLS fails", "anna@p24.peer.test", "arrives")
# smarthosts that must prove who they are
case("smarthost: certificate good", "good@smart.peer.test", "arrives",
     has=TLS)
case("smarthost: expired", "expired@smart2.peer.test", "waits expired")
case("smarthost: of another name", "other@smart3.peer.test", "waits name")
case("smarthost: self-signed", "self@smart4.peer.test", "waits ")
case("smarthost: STARTTLS refused", "x@smart5.peer.test", "waits ")
case("smarthost: STARTTLS not offered", "x@smart6.peer.test", "waits ")
# submission
for n, name in enumerate(("scram-sha-256, 465", "scram-sha-1, 587",
                          "cram-md5, 587", "plain, 465")):
    case("submission to postfix: " + name, "sub@sub%d.peer.test" % n, "arrives",
         has=r"Authenticated sender: anna")
case("submission to postfix: wrong password", "x@sub4.peer.test",
     "waits ")
case("submission to exim: cram-md5, 587", "sub@sub5.peer.test", "arrives")
case("submission to exim: plain, 465", "sub@sub6.peer.test", "arrives")
case("submission to exim: nothing that is allowed", "x@sub7.peer.test",
     "waits ")
# a proxy
case("dante", "socks@socks0.peer.test", "arrives")
case("dante: log-in", "socks@socks1.peer.test", "arrives")
case("dante: wrong password", "x@socks2.peer.test", "waits log-in")
case("dante: it looks names up", "socks@socks3.peer.test", "arrives")
case("dante: it does not know the name", "x@socks4.peer.test", "waits ")
case("dante: a host it does not let us reach", "x@socks5.peer.test",
     "waits not allowed")

# ---- our side ----------------------------------------------------------------

SMART = (("good", 20), ("expired", 21), ("other", 22), ("self", 23),
         ("refused", 24), ("bare", 2))
SUBMISSION = (                           # host, tls, password, mechanisms
    ("good.peer.test", "implicit", lab.PASSWORD, ""),
    ("good.peer.test", "starttls", lab.PASSWORD, "SCRAM-SHA-1"),
    ("good.peer.test", "starttls", lab.PASSWORD, "CRAM-MD5"),
    ("good.peer.test", "implicit", lab.PASSWORD, "PLAIN"),
    ("good.peer.test", "implicit", "wrong", ""),
    ("exim.peer.test", "starttls", lab.PASSWORD, ""),
    ("exim.peer.test", "implicit", lab.PASSWORD, "PLAIN"),
    ("exim.peer.test", "implicit", lab.PASSWORD, "SCRAM-SHA-256"),
)

SOCKS = (                                # settings, where its domain points to
    ("address: '127.1.4.1:1080'", "mx.p1"),
    ("address: '127.1.4.2:1080', user: proxied, password: %s" % lab.PASSWORD,
     "mx.p1"),
    ("address: '127.1.4.2:1080', user: proxied, password: wrong", "mx.p1"),
    ("address: '127.1.4.1:1080', remote-dns: yes", "mx.p1"),
    ("address: '127.1.4.1:1080', remote-dns: yes", "mx.p2"),
    ("address: '127.1.4.1:1080'", "mx.p3"),
)


def zone():
    lines = ["$TTL 60"]
    for letter, net in (("p", 1), ("e", 2), ("o", 3)):
        for i in range(1, 25):
            lines += ["%s%d.peer.test. MX 10 mx.%s%d.peer.test." % (
                letter, i, letter, i), "mx.%s%d.peer.test. A 127.1.%d.%d" % (
                    letter, i, net, i)]
    lines += ["null.peer.test. MX 0 .",
              "several.peer.test. MX 10 gone.peer.test.",
              "several.peer.test. MX 20 mx.p1.peer.test.",
              "several.peer.test. MX 30 mx.p3.peer.test.",
              "dead.peer.test. MX 10 gone.peer.test.",
              "gone.peer.test. A 127.1.9.9"]
    lines += ["%s.smart.test. A 127.1.1.%d" % x for x in SMART]
    lines += ["good.peer.test. A 127.1.1.30", "exim.peer.test. A 127.1.2.30"]
    lines += ["socks%d.peer.test. MX 10 %s.peer.test." % (n, host)
              for n, (_, host) in enumerate(SOCKS)]
    return "\n".join(lines) + "\n"


def configuration(zone_file):
    smart = subs = routes = socks = ""
    for n, (name, _) in enumerate(SMART):
        routes += "  smart%d: {to: [smart%s.peer.test], transport: smart%d}\n" % (
            n, n + 1 if n else "", n)
        smart += "  smart%d: {host: %s.smart.test, ca-file: %s}\n" % (
            n, name, lab.CA)
    for n, (host, tls, password, mechanisms) in enumerate(SUBMISSION):
        routes += "  sub%d: {to: [sub%d.peer.test], transport: sub%d}\n" % (
            n, n, n)
        subs += "  sub%d: {host: %s, tls: %s, ca-file: %s, user: anna, " \
            "password: %s, mechanisms: [%s], verify: %s}\n" % (
                n, host, tls, lab.CA, password, mechanisms,
                "no" if host.startswith("exim") else "yes")
    for n, (settings, _) in enumerate(SOCKS):
        routes += "  socks%d: {to: [socks%d.peer.test], transport: socks%d}\n" \
            % (n, n, n)
        socks += "  socks%d: {%s, refuse: [127.2.0.0/16]}\n" % (n, settings)
    return {
        "queue": "retry: 1h\nsuppress: no\nmax-outgoing-per-day: 0\n"
                 "max-first-time-per-day: 0\nroutes:\n" + routes,
        "smtp-client": "",
        "queue-transport-direct": "refuse: [127.2.0.0/16]\n",
        "queue-transport-smtp": "transports:\n" + smart,
        "queue-transport-submission": "transports:\n" + subs,
        "queue-transport-socks": "transports:\n" + socks,
        "resolver-getdns": "enabled: no\n",
        "resolver-zone": "file: %s\n" % zone_file,
    }


def message(n, body):
    return ("From: <anna@example.org>\r\nTo: undisclosed-recipients:;\r\n"
            "Subject: case-%d.\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
            "Message-ID: <case-%d@example.org>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n%s" % (
                n, n, body)).encode()


def submit_chunk(smtp, text, rcpts):
    """RFC 3030."""
    codes = [smtp.docmd("MAIL FROM:<anna@example.org> BODY=BINARYMIME")[0]]
    codes += [smtp.docmd("RCPT TO:<%s>" % r)[0] for r in rcpts]
    smtp.send(b"BDAT %d LAST\r\n" % len(text) + text)
    codes.append(smtp.getreply()[0])
    if set(codes) != {250}:
        raise RuntimeError("BDAT: %s" % codes)


def submit(smtp, n, rcpts, more):
    if more.get("chunk"):
        return submit_chunk(smtp, message(n, more["body"]), rcpts)
    options = list(more.get("mail_options", []))
    if not more.get("body", "").isascii() and "BODY=8BITMIME" not in options:
        options.append("BODY=8BITMIME")
    smtp.sendmail("anna@example.org", rcpts, message(n, more.get("body", PLAIN)),
                  mail_options=options,
                  rcpt_options=more.get("rcpt_options", []))


class Sight:
    """What is where, as seen now."""

    def __init__(self, server, home):
        self.arrived = {p: lab.arrivals(p) for p in NAMES.values()}
        self.waiting = json.loads(server.command("queue", "list", "--json")
                                  or "[]")
        m = home.imap()
        m.select("INBOX", readonly=True)
        _, data = m.fetch("1:*", "(BODY.PEEK[])")
        self.reports = [d[1].decode(errors="replace") for d in data if d and
                        isinstance(d, tuple)]
        m.logout()

    def copies(self, n):
        return [x for all_ in self.arrived.values() for x in all_
                if b"Subject: case-%d.\n" % n in x]

    def report(self, n, text):
        return any("<case-%d@example.org>" % n in r and
                   text.lower() in r.lower()
                   for r in self.reports)

    def waits(self, rcpt, text):
        return any(w["to"] == rcpt and text in w["last"] and w["attempts"]
                   for w in self.waiting)


def faults(sight, n, rcpts, outcomes, more):
    """What is not yet as the table says."""
    bad = []
    outcomes = [o.split(" / ")[-1] for o in outcomes]
    copies = sight.copies(n)
    if len(copies) != outcomes.count("arrives"):
        bad.append("%d copies arrived" % len(copies))
    text = message(n, more.get("body", PLAIN)).replace(b"\r\n", b"\n")
    bad += ["it was changed on the way:\n%r" % c for c in copies
            if not c.endswith(text)]
    bad += ["it came without %s:\n%.1500s" % (more["has"], c.decode(
        errors="replace")) for c in copies if not re.search(
            more.get("has", ""), c.decode(errors="replace"), re.I)]
    for rcpt, outcome in zip(rcpts, outcomes):
        kind, _, words = outcome.partition(" ")
        if kind == "waits" and not sight.waits(rcpt, words):
            bad.append("it does not wait")
        if kind == "returns" and not sight.report(n, words):
            bad.append("there is no report")
    bad += ["no report says " + words for words in more.get("report", ())
            if not sight.report(n, words)]
    return bad


def again(server, rcpts, outcomes):
    """Those that wait, and are to be tried again, are."""
    for rcpt, outcome in zip(rcpts, outcomes):
        if " / " in outcome:
            server.command("queue", "schedule", "--to", rcpt)


def judge(server, home, cases):
    """Until all is as the table says, or a minute passes without any change."""
    open_ = dict(cases)
    end = time.monotonic() + 60
    first = {n for n, c in open_.items() if any(" / " in o for o in c[2])}
    while open_ and time.monotonic() < end:
        sight = Sight(server, home)
        for n in list(first):
            _, rcpts, outcomes, _ = open_[n]
            if all(sight.waits(r, o.split(" / ")[0].split(" ", 1)[1])
                   for r, o in zip(rcpts, outcomes) if " / " in o):
                first.remove(n)
                if any(r.endswith("@e1.peer.test") for r in rcpts):
                    open("/run/exim-grey", "w").close()
                again(server, rcpts, outcomes)
                end = time.monotonic() + 60
        for n in list(open_):
            if n not in first and not faults(sight, n, *open_[n][1:]):
                ok(True, open_.pop(n)[0])
                end = time.monotonic() + 60
        time.sleep(0.3)
    for n, c in open_.items():
        ok(False, c[0])
        for line in faults(sight, n, *c[1:]):
            diag(line)
        diag("%r" % [w for w in sight.waiting if w["to"] in c[1]])


def main():
    lab.make_certificates()
    zone_file = lab.write("/etc/lab/dns.zone", zone())
    server = Server(configuration(zone_file))
    mx = server.ports["mx"]
    there = {"postfix": lab.start_postfix(mx) and lab.start_dovecot(),
             "exim": lab.start_exim(mx), "opensmtpd": lab.start_opensmtpd(),
             "dante": lab.start_dante()}
    for peer in (p for p, t in there.items() if not t):
        skip(peer, "it is missing, see README")
    home = Home(server)
    cases = {}
    with smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                          context=server.tls_context()) as smtp:
        smtp.login("anna", PASSWORD)
        for n, c in enumerate(CASES):
            needs = c[0].split(":")[0] if c[0].split(":")[0] in there else \
                "exim" if "exim" in c[0] else "postfix"
            if there[needs]:
                submit(smtp, n, c[1], c[3])
                cases[n] = c
        smtp.docmd("MAIL FROM:<anna@example.org>")
        smtp.docmd("RCPT TO:<x@p1.peer.test>")
        smtp.docmd("DATA")
        smtp.send(b"From: anna@example.org\r\n\r\na\0b\r\n.\r\n")
        code = smtp.getreply()[0]
        ok(500 <= code < 600, "NUL is refused when it is handed in")
    judge(server, home, cases)
    if hermod._failed:
        for path in ("/var/log/postfix.log", "/var/log/exim4/mainlog",
                     "/run/opensmtpd.out", "/var/log/danted.log"):
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    diag(path + "\n" + f.read()[-3000:])
    lab.end()
    server.close()


main()
finish()
