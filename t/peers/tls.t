#!/usr/bin/env python3
# What the DNS, a policy and the sender ask of TLS, and what Postfix, Exim, OpenSMTPD
# and a server of ours offer: mail arrives, waits or comes back. The zones are signed
# and served by nsd, validated by unbound, and asked by getdns.
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

SCRATCH = lab.enter()
import hermod  # noqa: E402
import servers  # noqa: E402
import zones  # noqa: E402
from hermod import *  # noqa: E402,F403
from table import Table, play  # noqa: E402

WRONG = "00" * 32
PEERS = {                     # peer and its certificate: address
    "postfix good": "127.1.1.20", "postfix expired": "127.1.1.21",
    "postfix other": "127.1.1.22", "postfix self": "127.1.1.23",
    "postfix short": "127.1.1.25", "postfix no STARTTLS": "127.1.1.2",
    "postfix STARTTLS fails": "127.1.1.24", "postfix by IPv6": "fd00:1::20",
    "exim good": "127.1.2.20", "exim expired": "127.1.2.21",
    "exim other": "127.1.2.22", "exim self": "127.1.2.23",
    "postfix only TLS": "127.1.1.26", "postfix only TLS, which fails": "127.1.1.27",
    "exim no STARTTLS": "127.1.2.2", "exim STARTTLS refused": "127.1.2.24",
    "opensmtpd no handshake": "127.1.3.20", "hermod self": "127.0.0.1",
}
POLICY = "version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n"
WEB = {"right": "127.1.6.1", "untrusted": "127.1.6.2", "dead": "127.1.6.3",
       "mute": "127.1.6.4"}

TABLE = Table()
ROWS = []


def row(peer, zone, tlsa, sts, outcome, *events, **more):
    """A domain dN with one host mxN, which is that peer. tlsa: records as "3 1 1"
    of the peer's own certificate, or of the authority's for the usages 0 and 2,
    "3 1 1 wrong", or several of those. sts: what its policy is, if it has one."""
    i = len(ROWS)
    domain = "d%d.%s.test" % (i, zone)
    n = TABLE.case(" | ".join(x for x in (
        peer, zone, tlsa or "no TLSA", "MTA-STS: " + sts if sts else "",
        more.get("what", "")) if x), "x@" + domain, outcome, events=list(events),
        hosts=r"\b(d|mx|al)%d\." % i, columns=[
            peer, zone, tlsa or "-", sts or "-", more.pop("what", "-")],
        **{k: more.pop(k) for k in ("header", "mail_options") if k in more},
        **({"then": put_right} if "later" in more else {}))
    ROWS.append((i, n, peer, zone, tlsa, sts, more))


def put_right():
    """Not before what was asked is forgotten: it lives for a second."""
    dns.change("secure.test", all_zones(later=True)["secure.test"])
    time.sleep(2)


BOTH = ("postfix", "exim")
# What only is offered: TLS with anybody, and in clear if it fails.
for p in BOTH:
    for c in ("good", "expired", "other", "self"):
        row(p + " " + c, "insecure", "", "", "arrives TLS", "none success")
    row(p + " no STARTTLS", "insecure", "", "", "arrives clear",
        "none starttls-not-supported")
row("postfix STARTTLS fails", "insecure", "", "", "arrives clear",
    "none validation-failure")
row("opensmtpd no handshake", "insecure", "", "", "arrives clear",
    "none validation-failure")
row("exim STARTTLS refused", "insecure", "", "", "arrives clear",
    "none starttls-not-supported")
row("postfix only TLS", "insecure", "", "", "arrives TLS", "none success")
row("postfix only TLS, which fails", "insecure", "", "", "waits STARTTLS",
    "none validation-failure")
row("postfix by IPv6", "insecure", "", "", "arrives TLS", "none success")
row("postfix good", "insecure", "", "", "arrives TLS", "none success",
    what="its address of IPv6 is dead", records="{d} MX 10 {h}\n{h} AAAA fd00:1::99\n")

# DANE. A record of the certificate itself: names and dates do not matter.
for p in BOTH:
    for c in ("good", "expired", "other", "self"):
        row(p + " " + c, "secure", "3 1 1", "", "arrives TLS", "tlsa success")
    row(p + " good", "secure", "3 1 1 wrong", "", "waits matches none",
        "tlsa validation-failure")
    # Of an authority: they do.
    row(p + " good", "secure", "2 0 1", "", "arrives TLS", "tlsa success")
    for c in ("expired", "other", "self"):
        row(p + " " + c, "secure", "2 0 1", "", "waits matches none",
            "tlsa validation-failure")
    row(p + " no STARTTLS", "secure", "3 1 1 wrong", "", "waits does not offer it",
        "tlsa starttls-not-supported")
    # Of usages that mean nothing here: TLS with anybody, but never in clear.
    row(p + " self", "secure", "1 0 1", "", "arrives TLS", "tlsa tlsa-invalid")
    row(p + " no STARTTLS", "secure", "0 0 1", "", "waits does not offer it",
        "tlsa starttls-not-supported")
for tlsa in ("3 0 0", "3 1 0", "3 0 1", "3 0 2", "3 1 2", "2 1 1", "2 0 0",
             "3 1 1 wrong, 3 1 1", "3 0 1 wrong, 2 0 1", "1 0 1 wrong, 3 1 1"):
    row("postfix good", "secure", tlsa, "", "arrives TLS", "tlsa success")
row("postfix short", "secure", "2 0 0", "", "arrives TLS", "tlsa success")
row("postfix short", "secure", "2 0 1", "", "waits matches none",
    "tlsa validation-failure")
row("postfix good", "secure", "1 0 1, 3 1 1 wrong", "", "waits matches none",
    "tlsa validation-failure")
for tlsa in ("0 0 1", "1 1 1", "3 1 9", "3 9 1", "9 1 1"):
    row("postfix self", "secure", tlsa, "", "arrives TLS", "tlsa tlsa-invalid")
row("postfix STARTTLS fails", "secure", "3 1 1 wrong", "", "waits TLS: ",
    "tlsa validation-failure")
row("exim STARTTLS refused", "secure", "3 1 1 wrong", "", "waits 454 ",
    "tlsa starttls-not-supported")
row("opensmtpd no handshake", "secure", "3 1 1 wrong", "", "waits TLS: ",
    "tlsa validation-failure")
row("postfix by IPv6", "secure", "3 1 1", "", "arrives TLS", "tlsa success")
row("postfix good", "secure", "", "", "arrives TLS", "none success")
# Where a link of the chain is not signed, records mean nothing.
row("postfix good", "insecure", "3 1 1 wrong", "", "arrives TLS", "none success")
row("postfix good", "secure", "3 1 1 wrong", "", "arrives TLS", "none success",
    what="its host is in the insecure zone", host_zone="insecure")
row("postfix good", "insecure", "3 1 1 wrong", "", "arrives TLS", "none success",
    what="its host is in the secure zone", host_zone="secure")
# Where it is wrong, nothing is known.
row("postfix good", "bogus", "3 1 1", "", "waits validation failed")
row("postfix good", "secure", "3 1 1", "", "waits validation failed",
    what="its host is in the bogus zone", host_zone="bogus")
row("postfix good", "secure", "3 1 1", "", "waits validation failed",
    "tlsa dnssec-invalid", what="the TLSA record was changed", spoil=True)
# Aliases.
row("postfix good", "secure", "3 1 1", "", "arrives TLS", "tlsa success",
    what="the host is an alias", records="{d} MX 10 {al}\n{al} CNAME {h}\n")
row("postfix good", "secure", "3 1 1 wrong", "", "waits matches none",
    "tlsa validation-failure", what="an alias with right records, wrong behind",
    records="{d} MX 10 {al}\n{al} CNAME {h}\n_25._tcp.{al} TLSA {right}\n")
row("postfix good", "secure", "", "", "arrives TLS", "tlsa success",
    what="an alias with right records, none behind",
    records="{d} MX 10 {al}\n{al} CNAME {h}\n_25._tcp.{al} TLSA {right}\n")
row("postfix good", "secure", "", "", "waits matches none",
    "tlsa validation-failure", host_zone="insecure",
    what="an alias with wrong records, into the insecure zone",
    records="{d} MX 10 {al}\n{al} CNAME {h}\n_25._tcp.{al} TLSA 3 1 1 " + WRONG +
    "\n")
row("postfix good", "secure", "3 1 1", "", "arrives TLS", "tlsa success",
    what="the records are an alias",
    records="{d} MX 10 {al}\n{al} A {a}\n_25._tcp.{al} CNAME _25._tcp.{h}\n")
row("postfix good", "secure", "", "", "waits matches none",
    "tlsa validation-failure", what="no MX, wrong records of the domain",
    records="{d} A {a}\n_25._tcp.{d} TLSA 3 1 1 " + WRONG + "\n")
row("postfix good", "secure", "3 1 1", "", "arrives TLS",
    "tlsa success", "tlsa validation-failure",
    what="a host with wrong records goes before",
    records="{d} MX 5 {al}\n{d} MX 10 {h}\n{al} A {a}\n_25._tcp.{al} TLSA 3 1 1 " +
    WRONG + "\n")
row("postfix good", "secure", "2 0 1", "enforce", "arrives TLS", "tlsa success",
    "sts success", what="the domain is an alias",
    records="{d} CNAME {al}\n{al} MX 10 {h}\n")
row("postfix good", "secure", "", "", "returns 5.1.10", what="null MX",
    records="{d} MX 0 .\n")

# MTA-STS.
STS = {"good": ("TLS", "success"), "expired": (" expired", "certificate-expired"),
       "other": (" name", "certificate-host-mismatch"),
       "self": (" NOT trusted", "certificate-not-trusted"),
       "no STARTTLS": (" does not offer it", "starttls-not-supported")}
for p in BOTH:
    for c, (words, result) in STS.items():
        row(p + " " + c, "insecure", "", "enforce", "arrives TLS" if c == "good"
            else "waits" + words, "sts " + result)
        row(p + " " + c, "insecure", "", "testing", "arrives clear" if
            c == "no STARTTLS" else "arrives TLS", "sts " + result)
row("opensmtpd no handshake", "insecure", "", "enforce", "waits TLS: ",
    "sts validation-failure")
row("opensmtpd no handshake", "insecure", "", "testing", "arrives clear",
    "sts validation-failure")
row("postfix short", "insecure", "", "enforce", "arrives TLS", "sts success")
row("postfix good", "insecure", "", "enforce, another host", "waits does not list",
    "sts validation-failure")
row("postfix good", "insecure", "", "testing, another host", "arrives TLS",
    "sts validation-failure")
row("postfix good", "insecure", "", "enforce, wildcard", "arrives TLS",
    "sts success")
row("postfix self", "insecure", "", "none", "arrives TLS", "none success")
# A policy that cannot be had is none, but that is told.
for sts, result in (("untrusted", "webpki-invalid"), ("dead", "policy-fetch-error"),
                    ("mute", "policy-fetch-error"),
                    ("404", "policy-fetch-error"), ("garbage", "policy-invalid")):
    row("postfix self", "insecure", "", sts, "arrives TLS", "none success",
        "sts sts-" + result)
row("postfix self", "insecure", "", "two TXT records", "arrives TLS",
    "none success")
row("postfix good", "secure", "", "enforce", "waits MTA-STS",
    what="the TXT record was changed", spoil=True)
# Both: records that can be used decide alone (RFC 8461, 2), unusable ones do not.
row("postfix self", "secure", "3 1 1", "enforce", "arrives TLS", "tlsa success",
    "sts certificate-not-trusted")
row("postfix good", "secure", "3 1 1 wrong", "enforce", "waits matches none",
    "tlsa validation-failure", "sts success")
row("postfix good", "secure", "1 0 1", "enforce", "arrives TLS",
    "tlsa tlsa-invalid", "sts success")
row("postfix self", "secure", "1 0 1", "enforce", "waits NOT trusted",
    "tlsa tlsa-invalid", "sts certificate-not-trusted")
row("postfix good", "secure", "3 1 1", "enforce, another host", "arrives TLS",
    "sts validation-failure", "tlsa success")

# The sender (RFC 8689).
YES = dict(what="REQUIRETLS", mail_options=["REQUIRETLS"])
NO = dict(what="TLS-Required: No", header="TLS-Required: No\r\n")
row("hermod self", "secure", "3 1 1", "", "arrives TLS", "tlsa success", **YES)
row("hermod self", "secure", "3 1 1 wrong", "", "waits matches none",
    "tlsa validation-failure", **YES)
row("hermod self", "secure", "", "", "returns nothing says how", **YES)
row("hermod self", "secure", "1 0 1", "", "returns nothing says how", **YES)
for p in BOTH:
    row(p + " good", "secure", "3 1 1", "", "returns does not promise",
        "tlsa success", **YES)
    row(p + " good", "insecure", "", "enforce", "returns does not promise",
        "sts success", **YES)
    row(p + " good", "insecure", "", "testing", "returns nothing says how", **YES)
    row(p + " good", "secure", "3 1 1 wrong", "", "arrives TLS", **NO)
    row(p + " self", "insecure", "", "enforce", "arrives TLS", **NO)
    row(p + " no STARTTLS", "secure", "3 1 1 wrong", "", "arrives clear", **NO)
row("opensmtpd no handshake", "secure", "3 1 1 wrong", "", "arrives clear", **NO)
row("postfix good", "secure", "3 1 1", "", "arrives TLS", spoil=True,
    what="TLS-Required: No, the TLSA record was changed", header=NO["header"])
row("postfix good", "bogus", "", "", "waits validation failed",
    what="TLS-Required: No, in the bogus zone", header=NO["header"])

# Through dante.
row("postfix good", "secure", "3 1 1", "", "arrives TLS", "tlsa success",
    what="through dante", via="socks")
row("postfix good", "secure", "3 1 1 wrong", "", "waits matches none",
    "tlsa validation-failure", what="through dante", via="socks")
row("postfix self", "insecure", "", "enforce", "waits NOT trusted",
    "sts certificate-not-trusted", what="through dante", via="socks")
row("postfix good", "insecure", "", "enforce", "arrives TLS", "sts success",
    what="through dante, which looks names up", via="remote")
row("postfix good", "secure", "3 1 1", "", "arrives TLS", "tlsa success",
    what="through dante, which looks names up", via="remote")
row("postfix good", "secure", "3 1 1 wrong", "", "waits matches none",
    "tlsa validation-failure", what="through dante, which looks names up",
    via="remote")

# What is put right between two attempts: a key was changed before its record was, a
# host before the policy.
row("postfix good", "secure", "3 1 1 wrong", "", "waits matches none / arrives TLS",
    "tlsa validation-failure", "tlsa success", what="the record is put right",
    later=("3 1 1", ""))
row("postfix good", "secure", "1 0 1", "enforce, another host",
    "waits does not list / arrives TLS", "sts validation-failure",
    "tlsa tlsa-invalid", "sts success", what="the policy is put right",
    later=("1 0 1", "enforce"))


# ---- the world ---------------------------------------------------------------

def tlsa_of(peer, words):
    """A record: the words say usage, selector, matching, and perhaps "wrong"."""
    usage, selector, matching, *wrong = words.split()
    certificate = lab.CA if usage in "02" else hermod_cert if "hermod" in peer \
        else "/etc/lab/%s.crt" % ("good" if "IPv6" in peer else peer.split()[-1])
    if wrong:
        return "%s %s %s %s" % (usage, selector, matching, WRONG)
    return lab.tlsa(int(usage), int(selector), int(matching), certificate)


def add_host(texts, r, tlsa, names):
    """Its MX, its address, and what is said of its certificate."""
    _, _, peer, zone, _, _, more = r
    records = [tlsa_of(peer, t) for t in tlsa.split(", ")] if tlsa else []
    names["right"] = tlsa_of(peer, "3 1 1") if peer.split()[1] in (
        "good", "self") else ""
    texts[zone] += more.get("records", "{d} MX 10 {h}\n").format(**names)
    host = texts[more.get("host_zone", zone)]
    host += "{h} {type} {a}\n".format(
        type="AAAA" if ":" in names["a"] else "A", **names)
    host += "".join("_25._tcp.%s 1 TLSA %s\n" % (names["h"], t) for t in records)
    texts[more.get("host_zone", zone)] = host


def add_policy(texts, i, zone, sts, number):
    mode, _, which = sts.partition(", ")
    domain, host = "d%d" % i, "mx%d.%s.test" % (i, zone)
    web = WEB.get(mode, WEB["right"])
    texts[zone] += "_mta-sts.%s 1 TXT \"v=STSv1; id=i%dn%d;\"\nmta-sts.%s A %s\n" \
        % (domain, i, number, domain, web)
    if mode == "two TXT records":
        texts[zone] += "_mta-sts.%s 1 TXT \"v=STSv1; id=other;\"\n" % domain
    mx = {"another host": "elsewhere.test", "wildcard": "*.%s.test" % zone}
    text = "garbage" if mode == "garbage" else POLICY % (
        mode if mode in ("enforce", "testing", "none") else "enforce",
        mx.get(which, host))
    if mode != "404":
        servers.PolicyHost.files["mta-sts.%s.%s.test" % (domain, zone)] = (
            200, text)


def all_zones(later=False):
    texts = {z: "$TTL 60\n" + zones.HEAD for z in ("secure", "insecure", "bogus")}
    spoil = {"secure": [], "insecure": [], "bogus": [(r"(MX\s+)10 ", r"\g<1>11 "), (
        r"(mx\d+\S*\s+60\s+IN\s+A\s+127\.1\.1\.)20", r"\g<1>23")]}
    for r in ROWS:
        i, _, peer, zone, tlsa, sts, more = r
        host_zone = more.get("host_zone", zone)
        dot = "" if host_zone == zone else ".%s.test." % host_zone
        names = {"d": "d%d" % i, "h": "mx%d%s" % (i, dot), "al": "al%d" % i,
                 "a": PEERS[peer]}
        if later and "later" in more:
            tlsa, sts = more["later"]
        add_host(texts, r, tlsa, names)
        if sts:
            add_policy(texts, i, zone, sts, later and "later" in more)
        if more.get("spoil") and tlsa:
            spoil[zone].append((r"(_25\._tcp\.mx%d\.\S+\s.*TLSA\s3 1 1 )...." % i,
                                r"\g<1>0000"))
        elif more.get("spoil"):
            spoil[zone].append((r"id=i%dn0;" % i, "id=changed;"))
    return {z + ".test": zones.Zone(text, z != "insecure", spoil[z])
            for z, text in texts.items()}


def configuration():
    via = "".join("  d%d: {to: [d%d.%s.test], transport: %s}\n" % (
        r[0], r[0], r[3], r[6]["via"]) for r in ROWS if "via" in r[6])
    proxy = "address: '127.1.4.1:1080', refuse: [127.2.0.0/16], ca-file: " + lab.CA
    return {
        "queue": "retry: 1h\nsuppress: no\nmax-outgoing-per-day: 0\n"
                 "max-first-time-per-day: 0\nroutes:\n" + via,
        "smtp-client": "", "dane": "", "dns": "", "tlslog": "",
        "queue-transport-direct": "refuse: [127.2.0.0/16]\nca-file: %s\n" % lab.CA,
        "queue-transport-socks": "transports:\n  socks: {%s}\n  remote: {%s, "
                                 "remote-dns: yes}\n" % (proxy, proxy),
        "mta-sts": "refuse: [127.2.0.0/16]\nca-file: %s\n" % lab.CA,
        "resolver-getdns": "servers: ['%s:%d']\n" % lab.RESOLVER,
    }


lab.make_certificates("mta-sts.d%d.%s.test" % (r[0], r[3]) for r in ROWS if r[5])
modules = os.path.join(os.path.abspath(os.environ.get("top_builddir", ".")),
                       "t/scenario/.libs")
server = Server(configuration(), hermod_yaml="module-path: [%s]\n" % modules)
other, others = servers.start_hermod(*("d%d.secure.test" % r[0] for r in ROWS
                                       if r[2].startswith("hermod")))
hermod_cert = other.path("etc", "localhost.crt")
dns = lab.start_dns(all_zones())
for name, certificate in (("right", "web"), ("untrusted", "self")):
    servers.start_web(WEB[name], certificate)
mute = servers.start_mute_web(WEB["mute"])
there = {"postfix": servers.start_postfix(server.ports["mx"]),
         "exim": servers.start_exim(server.ports["mx"]),
         "opensmtpd": servers.start_opensmtpd(),
         "dante": servers.start_dante(names=["mx%d.%s.test" % (r[0], r[3]) for r in
                                             ROWS if r[6].get("via") == "remote"]),
         "hermod": True}
for peer in (p for p, t in there.items() if not t):
    skip(peer, "it is missing, see README")
home = Home(server)
play(server, home, {n: TABLE.cases[n] for _, n, peer, *_, more in ROWS if
                    there[peer.split()[0]] and
                    (there["dante"] or "via" not in more)}, [others])
if hermod._failed:
    servers.show_logs()
lab.end()
server.close()
other.close()
dns.close()
finish()
