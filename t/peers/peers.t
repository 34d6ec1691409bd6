#!/usr/bin/env python3
# Mail to Postfix, Exim and OpenSMTPD: it arrives, waits or comes back as the RFCs
# say. The table below is what is expected; README tells how to get the peers.
import os
import re
import smtplib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

SCRATCH = lab.enter()
import hermod  # noqa: E402
import servers  # noqa: E402
import zones  # noqa: E402
from hermod import *  # noqa: E402,F403
from table import Table, play  # noqa: E402

NAMES = {"p": "postfix", "e": "exim", "o": "opensmtpd"}
DOTS = ".\r\n..\r\n.x\r\nend.\r\n.\r\n..a\r\n"
LONG = "a" * 998 + "\r\n" + "b" * 997 + ".\r\n." + "c" * 900 + "\r\n"
EIGHT = "Gr\u00fc\u00dfe aus K\u00f6ln\r\n"
TLS = r"\sby mx\.\w+\.test (\(\w+\) )?with ESMTPS"
BIG = ("0123456789abcdef" * 4 + "\r\n") * 400

TABLE = Table()
case = TABLE.case

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
    for i, name in enumerate(servers.STAGES):
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
    case(peer + ": eight bits, no 8BITMIME there", "anna@" + d2, "arrives",
         body=EIGHT)
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
    case(peer + ": UTF-8 in a header field", "anna@" + d1, "arrives",
         header="X-Name: Gr\u00fc\u00dfe\r\n", mail_options=["SMTPUTF8"])
    case(peer + ": UTF-8 in a header field, no SMTPUTF8 there", "anna@" + d2,
         "returns 5.6.7", header="X-Name: Gr\u00fc\u00dfe\r\n",
         mail_options=["SMTPUTF8"])
    case(peer + ": an international domain, no SMTPUTF8 there",
         "anna@b\u00fccher-%s.peer.test" % letter, "arrives",
         mail_options=["SMTPUTF8"])
    case(peer + ": more recipients than it takes at once", " ".join(
        "u%d@%s4.peer.test" % (i, letter) for i in range(5)), *["arrives"] * 5)
case("postfix: one accepted, one put off, one refused", "taken2@p13.peer.test "
     "busy2@p13.peer.test no2@p13.peer.test", "arrives", "waits busy",
     "returns not at this stage")
case("exim: one accepted, one put off, one refused", "two@e1.peer.test "
     "busy2@e1.peer.test nobody@e1.peer.test", "arrives", "waits busy",
     "returns no such user")
case("opensmtpd: one accepted, one refused", "two@o1.peer.test "
     "nobody@o1.peer.test", "arrives", "returns nobody@")
case("hermod: binary", "anna@hermod.peer.test", "arrives", body="a\0b\r\nc\r\n",
     chunk=True)
case("hermod: SMTPUTF8", "gr\u00fc\u00dfe@hermod.peer.test", "arrives", body=EIGHT,
     mail_options=["SMTPUTF8", "BODY=8BITMIME"])
case("opensmtpd: no SMTPUTF8 there", "gr\u00fc\u00dfe@o1.peer.test",
     "returns 5.6.7", body=EIGHT, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
case("postfix: greylisted", "grey1@p13.peer.test",
     "waits greylisted / arrives")
case("exim: greylisted", "grey1@e1.peer.test", "waits greylisted / arrives",
     then=servers.exim_remembers)
case("postfix: killed behind the message", "crash1@p16.peer.test",
     "waits connection was lost / arrives")
case("postfix: larger than it takes, which it does not say first",
     "anna@p5.peer.test", "returns message file too big", body=BIG)
case("postfix: 421 at RCPT", "hangup@p13.peer.test", "waits going down")
case("postfix: 421 at the end", "hangup@p15.peer.test", "waits going down")
case("postfix: busy at DATA", "busy@p14.peer.test", "waits busy")
case("postfix: one of two refused for now", "taken1@p13.peer.test "
     "busy@p13.peer.test", "arrives", "waits busy")
case("null MX", "x@null.peer.test", "returns 5.1.10")
case("no such domain", "x@none.invalid", "returns 5.1.2")
case("no such name in a signed zone", "x@none.peer.test", "returns 5.1.2")
case("a host that has no address", "x@noaddress.peer.test", "returns 5.4.4")
case("a host in a network that is refused", "x@refused.peer.test",
     "returns 5.7.1")
case("the host is this server", "x@loop.peer.test", "returns 5.4.6")
case("the first of three hosts is dead", "anna@several.peer.test", "arrives")
case("the first of two hosts lets nobody in", "anna@closed.peer.test", "arrives")
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
for n, name in enumerate(("scram-sha-256, 465", "scram-sha-1, 587",
                          "cram-md5, 587", "plain, 465"), 8):
    case("cyrus: " + name, "sub@sub%d.peer.test" % n, "arrives",
         has=r"Authenticated sender: anna")
case("cyrus: wrong password", "x@sub12.peer.test", "waits 535 5.7.8")
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
    ("cyrus.peer.test", "implicit", lab.PASSWORD, "SCRAM-SHA-256"),
    ("cyrus.peer.test", "starttls", lab.PASSWORD, "SCRAM-SHA-1"),
    ("cyrus.peer.test", "starttls", lab.PASSWORD, "CRAM-MD5"),
    ("cyrus.peer.test", "implicit", lab.PASSWORD, "PLAIN"),
    ("cyrus.peer.test", "implicit", "wrong", ""),
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


HOSTS = """null MX 0 .
noaddress MX 10 nothing
refused MX 10 private
private A 127.2.0.1
loop MX 10 localhost.
several MX 10 gone
several MX 20 mx.p1
several MX 30 mx.p3
closed MX 10 mx.p10
closed MX 20 mx.p1
dead MX 10 gone
gone A 127.1.9.9
hermod A 127.0.0.1
later A 127.1.1.1
good A 127.1.1.30
cyrus A 127.1.1.31
exim A 127.1.2.30"""


def all_zones():
    lines = ["$TTL 60\n" + zones.HEAD]
    for letter, net in (("p", 1), ("e", 2), ("o", 3)):
        for i in range(1, 25):
            lines += ["%s%d MX 10 mx.%s%d" % (letter, i, letter, i),
                      "mx.%s%d A 127.1.%d.%d" % (letter, i, net, i)]
        lines.append("%s MX 10 mx.%s2" % (("b\u00fccher-%s" % letter).encode(
            "idna").decode(), letter))
    lines.append(HOSTS)
    lines += ["socks%d MX 10 %s" % (n, host) for n, (_, host) in
              enumerate(SOCKS)]
    smart = "".join("%s A 127.1.1.%d\n" % x for x in SMART)
    return {"peer.test": zones.Zone("\n".join(lines) + "\n"), "smart.test":
            zones.Zone("$TTL 60\n" + zones.HEAD + smart, signed=False)}


def configuration():
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
        "resolver-getdns": "servers: ['%s:%d']\n" % lab.RESOLVER, "dns": "",
        "dane": "", "mta-sts": "",
    }


def nul_is_refused(server):
    with smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                          context=server.tls_context()) as smtp:
        smtp.login("anna", PASSWORD)
        smtp.docmd("MAIL FROM:<anna@example.org>")
        smtp.docmd("RCPT TO:<x@p1.peer.test>")
        smtp.docmd("DATA")
        smtp.send(b"From: anna@example.org\r\n\r\na\0b\r\n.\r\n")
        code = smtp.getreply()[0]
        ok(500 <= code < 600, "NUL is refused when it is handed in")


def without_dns(dns):
    """Mail to a host that nobody has asked for yet."""
    table = Table()
    dns.stop("unbound")
    table.case("the resolver: stopped, and started again", "x@later.peer.test",
               "waits the DNS has no answer / arrives",
               then=lambda: dns.start("unbound"))
    return table.cases


def stopped(there):
    """Mail to peers that run no more, and then do again."""
    table = Table()
    for peer, (stop, start, rcpt) in {
            "postfix": (servers.stop_postfix, servers.run_postfix, "p1"),
            "exim": (servers.stop_exim, servers.run_exim, "e1"),
            "opensmtpd": (servers.stop_opensmtpd, servers.run_opensmtpd, "o1"),
    }.items():
        if there[peer]:
            stop()
            table.case("%s: stopped, and started again" % peer,
                       "again@%s.peer.test" % rcpt, "waits refused / arrives",
                       then=start)
    return table.cases


def needs(name, there):
    word = name.split(":")[0]
    return word if word in there else "exim" if "exim" in name else "postfix"


def main():
    lab.make_certificates()
    dns = lab.start_dns(all_zones())
    server = Server(configuration())
    mx = server.ports["mx"]
    there = {"postfix": servers.start_postfix(mx) and servers.start_dovecot(),
             "cyrus": servers.start_cyrus(), "exim": servers.start_exim(mx),
             "opensmtpd": servers.start_opensmtpd(),
             "dante": servers.start_dante(), "hermod": True}
    for peer in (p for p, t in there.items() if not t):
        skip(peer, "it is missing, see README")
    home = Home(server)
    other, others = servers.start_hermod("hermod.peer.test")
    play(server, home, {n: c for n, c in TABLE.cases.items()
                        if there[needs(c[0], there)]}, [others])
    nul_is_refused(server)
    if there["exim"]:
        with open("/var/log/exim4/mainlog") as f:
            ok(re.search(r"=> anna@example[.]org .* K C=", f.read()),
               "exim hands in its report with BDAT")
    if there["postfix"]:
        play(server, home, without_dns(dns))
    play(server, home, stopped(there))
    if hermod._failed:
        servers.show_logs()
    lab.end()
    server.close()
    other.close()
    dns.close()


main()
finish()
