"""table.py - cases of mail and what is to become of it, played and shown.

A case is a name, recipients, and what becomes of the mail for each of them:
"arrives", "arrives TLS" or "arrives clear"; "waits TEXT" with the reason, and
behind "/" what becomes of it when it is tried again; "returns TEXT", a report in the
sender's mailbox with TEXT. More, by name:

	body, header, mail_options, rcpt_options, chunk: the mail itself
	has: what the copy that arrives has in its header
	report: what the report has as well
	events: how TLS went, as "TYPE OUTCOME" each; hosts: a regular expression
		for the domains and hosts that this is said of
	columns: how the case is shown
"""
import base64
import glob
import itertools
import json
import re
import smtplib
import time

from hermod import PASSWORD, diag, ok

PLAIN = "Text.\r\n"
WITH = {"TLS": r"with \w*SMTPS", "clear": r"with \w*SMTP\b"}
LAST_HOP = re.compile(rb"^Received:.*(?:\n[ \t].*)*", re.M)
_numbers = itertools.count()


class Table:
    def __init__(self):
        self.cases = {}

    def case(self, name, rcpts, *outcomes, **more):
        n = next(_numbers)
        self.cases[n] = (name, rcpts.split(), outcomes, more)
        return n


# ---- handing in --------------------------------------------------------------

def message(n, more):
    return ("From: <anna@example.org>\r\nTo: undisclosed-recipients:;\r\n"
            "Subject: case-%d.\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
            "Message-ID: <case-%d@example.org>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n%s"
            "Content-Transfer-Encoding: %s\r\n\r\n%s" % (
                n, n, more.get("header", ""),
                "binary" if more.get("chunk") else "8bit",
                more.get("body", PLAIN))).encode()


def submit_chunk(smtp, text, rcpts):
    """RFC 3030."""
    codes = [smtp.docmd("MAIL FROM:<anna@example.org> BODY=BINARYMIME")[0]]
    codes += [smtp.docmd("RCPT TO:<%s>" % r)[0] for r in rcpts]
    smtp.send(b"BDAT %d LAST\r\n" % len(text) + text)
    codes.append(smtp.getreply()[0])
    if set(codes) != {250}:
        raise RuntimeError("BDAT: %s" % codes)


def submit(smtp, n, rcpts, more):
    text = message(n, more)
    if more.get("chunk"):
        return submit_chunk(smtp, text, rcpts)
    options = list(more.get("mail_options", []))
    if not text.isascii() and "BODY=8BITMIME" not in options:
        options.append("BODY=8BITMIME")
    smtp.sendmail("anna@example.org", rcpts, text, mail_options=options,
                  rcpt_options=more.get("rcpt_options", []))


def as_read(n, more):
    """What IMAP shows of it, or a maildir has, with LF: binary text is encoded
    (RFC 3516, 4.2)."""
    text = message(n, more).replace(b"\r\n", b"\n")
    if more.get("chunk"):
        text = text.replace(b": binary\n", b": base64\n")
        text = text[:text.index(b"\n\n") + 2] + base64.encodebytes(
            more["body"].encode())
    return text


# ---- looking -----------------------------------------------------------------

def maildirs():
    """The messages in the peers' mailboxes, as bytes with LF."""
    found = []
    for path in glob.glob("/var/mail/*/all/new/*"):
        with open(path, "rb") as f:
            found.append(f.read())
    return found


def mailbox(home):
    m = home.imap()
    m.select("INBOX", readonly=True)
    _, data = m.uid("FETCH", "1:*", "(BODY.PEEK[])")
    m.logout()
    return [d[1] for d in data if d and isinstance(d, tuple)]


class Sight:
    """What is where, as seen now. others: homes at further servers of ours."""

    def __init__(self, server, home, others=()):
        self.arrived = maildirs() + [m.replace(b"\r\n", b"\n") for o in others
                                     for m in mailbox(o)]
        self.waiting = json.loads(server.command("queue", "list", "--json")
                                  or "[]")
        self.reports = [m.decode(errors="replace").replace("\r\n", "\n")
                        for m in mailbox(home)]
        self.results = [{k: a or b for k, a, b in re.findall(
            r'(\w+)=(?:"([^"]*)"|(\S+))', line)} for line in
            server.read_log().splitlines() if 'm="tls result"' in line]

    def copies(self, n):
        return [m for m in self.arrived if b"Subject: case-%d.\n" % n in m]

    def report(self, n, text):
        return any("<case-%d@example.org>" % n in r and
                   text.lower() in r.lower() for r in self.reports)

    def failed(self, n, rcpt):
        return self.report(n, "; %s\nAction: failed" % rcpt)

    def reason(self, rcpt):
        """Why it waits, once it was tried."""
        return next((w["last"] for w in self.waiting if w["to"] == rcpt and
                     w["attempts"] and w["last"]), None)

    def waits(self, rcpt, text):
        return text in (self.reason(rcpt) or "\0")

    def events(self, hosts):
        return sorted({"%(type)s %(outcome)s" % r for r in self.results if
                       re.search(hosts, r.get("domain", "") + " " +
                                 r.get("mx", ""))})


def hop(copy):
    """What the peer says of how it came."""
    return LAST_HOP.search(copy).group().decode(errors="replace")


def faults(sight, n, rcpts, outcomes, more):
    """What is not yet as the table says."""
    bad = []
    outcomes = [o.split(" / ")[-1] for o in outcomes]
    copies = sight.copies(n)
    text = as_read(n, more)
    wanted = [o for o in outcomes if o.startswith("arrives")]
    if len(copies) != len(wanted):
        bad.append("%d copies arrived" % len(copies))
    for copy in copies:
        if not copy.endswith(text):
            bad.append("it was changed on the way:\n%r" % copy)
        bad += ["it came without %s:\n%.1500r" % (has, copy) for has in
                [more.get("has", "")] if not re.search(has, hop(copy), re.I)]
        bad += ["it came otherwise: %s" % hop(copy) for o in wanted if " " in o
                and not re.search(WITH[o.split()[1]], hop(copy), re.I)]
    for rcpt, outcome in zip(rcpts, outcomes):
        kind, _, words = outcome.partition(" ")
        if kind == "waits" and (not sight.waits(rcpt, words) or
                                sight.failed(n, rcpt)):
            bad.append("it does not wait so")
        if kind == "returns" and not sight.report(n, words):
            bad.append("there is no such report")
    bad += ["no report says " + words for words in more.get("report", ())
            if not sight.report(n, words)]
    if "events" in more and sight.events(more["hosts"]) != sorted(more["events"]):
        bad.append("TLS is said to have gone so: %s" %
                   sight.events(more["hosts"]))
    return bad


# ---- judging -----------------------------------------------------------------

def again(server, sight, case):
    """Those that were to wait first, and do, are tried again."""
    _, rcpts, outcomes, more = case
    two = [(r, *o.split(" / ")) for r, o in zip(rcpts, outcomes) if " / " in o]
    if not all(sight.waits(r, first.split(" ", 1)[1]) for r, first, _ in two):
        return False
    if "then" in more:
        more["then"]()
    for rcpt, _, _ in two:
        server.command("queue", "schedule", "--to", rcpt)
    return True


def patient(server, sight, rcpts, since):
    """A policy that takes its time: every twelve seconds, for there are only so
    many attempts. since: when that was seen, by recipient."""
    for rcpt in rcpts:
        if not sight.waits(rcpt, "still being fetched"):
            continue
        if time.monotonic() - since.setdefault(rcpt, time.monotonic()) > 12:
            since[rcpt] = time.monotonic()
            server.command("queue", "schedule", "--to", rcpt)


def judge(server, home, cases, others=()):
    """Until all is as the table says, or a minute passes without any change."""
    open_, since = dict(cases), {}
    end = time.monotonic() + 60
    first = {n for n, c in open_.items() if any(" / " in o for o in c[2])}
    while open_ and time.monotonic() < end:
        sight = Sight(server, home, others)
        for n in list(first):
            if again(server, sight, open_[n]):
                first.remove(n)
                end = time.monotonic() + 60
        for n in list(open_):
            patient(server, sight, open_[n][1], since)
            if n not in first and not faults(sight, n, *open_[n][1:]):
                ok(True, open_.pop(n)[0])
                end = time.monotonic() + 60
        time.sleep(0.3)
    sight = Sight(server, home, others)
    late = [n for n, c in cases.items() if n not in open_ and
            faults(sight, n, *c[1:])]
    ok(not late, "all of that stays so")
    for n, c in list(open_.items()) + [(n, cases[n]) for n in late]:
        ok(False, c[0])
        for line in faults(sight, n, *c[1:]):
            diag(line)
        diag("%r" % [w for w in sight.waiting if w["to"] in c[1]])
    show(cases, sight)


def play(server, home, cases, others=()):
    with smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                          context=server.tls_context()) as smtp:
        smtp.login("anna", PASSWORD)
        for n, (_, rcpts, _, more) in cases.items():
            submit(smtp, n, rcpts, more)
    judge(server, home, cases, others)


# ---- showing -----------------------------------------------------------------

def seen(sight, n, rcpts):
    """What became of a message, in the words of those who did it."""
    out = []
    copies = sight.copies(n)
    if copies:
        out += sorted({"arrives " + way for c in copies for way, text in
                       WITH.items() if re.search(text, hop(c), re.I)})
    out += ["waits: " + sight.reason(r) for r in rcpts if sight.reason(r)]
    for r in sight.reports:
        if "<case-%d@example.org>" % n in r:
            out += ["%s: %s" % x for x in zip(
                re.findall(r"^Action: (\w+)", r, re.M),
                re.findall(r"^    (\S.*)", r, re.M))]
    return "; ".join(re.sub(r"\s+", " ", o).strip() for o in out)


def show(cases, sight):
    rows = [[*more.get("columns", [name]), seen(sight, n, rcpts), ", ".join(
        sight.events(more["hosts"])) if "hosts" in more else ""]
            for n, (name, rcpts, _, more) in cases.items()]
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]) - 2)]
    for r in rows:
        diag("| " + " | ".join([w.ljust(n) for w, n in zip(r, widths)] +
                               [w for w in r[-2:] if w]) + " |")
