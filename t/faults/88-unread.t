#!/usr/bin/env python3
# Q03: bodies that cannot be opened at the moment are not lost, and where most are
# missing, or the tables are, it is rather the disk: "hermod verify --fix" gives
# nobody's mail up then, and nothing is swept away.
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from torture import *  # noqa: E402,F403

MESSAGES = 20
work_dir()


class Case:
    def __init__(self, blob):
        self.blob = blob
        self.victim = Victim(blob=blob)
        self.folder = self.victim.path(
            "etc", "data", "blob" if blob == "blob-segment" else "blob-fs")
        self.aside = self.victim.path("aside")

    def check(self, good, what):
        if not ok(good, "Q03 %s: %s" % (self.blob, what)):
            diag((self.victim.stdout + self.victim.stderr)[-1200:])

    def verify(self, *words):
        self.victim.stdout = self.victim.command("verify", *words)
        return self.victim.stdout + self.victim.stderr

    def bodies(self):
        """How many messages of anna's can be read, each whole."""
        imap = Imap(self.victim.ports["imap"], "anna")
        try:
            imap.ask("SELECT INBOX")
            got = imap.ask("UID FETCH 1:* BODY.PEEK[]")[0]
        except Refused:
            return -1
        finally:
            imap.close()
        return sum(text == self.text(i) for i, text in enumerate(
            literals[0] for _, literals in got if literals))

    def text(self, i):
        return b"Subject: n%d\r\n\r\n" % i + b"%d\r\n" % i * 5000

    def fill(self):
        self.victim.start()
        imap = Imap(self.victim.ports["imap"], "anna")
        for i in range(MESSAGES):
            imap.ask("APPEND INBOX", self.text(i))
        imap.close()
        self.victim.stop()
        st = os.stat(self.folder)
        self.owner = st.st_uid, st.st_gid

    def files(self):
        return glob.glob(self.folder + "/*.seg") + \
            glob.glob(self.folder + "/[0-9a-f][0-9a-f]/*")

    def all_there(self, what):
        self.check("0 problems" in self.verify(), "nothing is wrong %s" % what)
        self.victim.start()
        self.check(self.bodies() == MESSAGES, "all mail is there %s" % what)
        self.victim.stop()

    def forbid(self):
        for f in self.files():
            os.chmod(f, 0)
            os.chown(f, os.getuid(), os.getgid())

    def permit(self):
        for f in self.files():
            os.chmod(f, 0o600)
            os.chown(f, *self.owner)

    def permission(self):
        self.forbid()
        for words in ((), ("anna",), ("--fix",), ("--fix", "anna"),
                      ("--fix", "--force")):
            said = self.verify(*words)
            self.check(self.victim.status == 1 and "Permission denied" in said,
                       "no permission, which verify %s names" %
                       " ".join(words))
        self.nobody_reads()
        self.permit()
        self.all_there("when there is permission again")

    def nobody_reads(self):
        self.victim.start()
        imap = Imap(self.victim.ports["imap"], "anna")
        imap.ask("SELECT INBOX")
        try:
            imap.ask("FETCH 1 BODY.PEEK[]")
            said = "OK"
        except Refused as e:
            said = str(e)
        imap.close()
        self.check(said.endswith("NO [UNAVAILABLE] try again later"),
                   "a client is told to try later: " + said)
        self.check("Permission denied" in self.victim.read_log(),
                   "and the log says why")
        self.victim.stop()

    def empty(self):
        os.mkdir(self.folder, 0o700)
        os.chown(self.folder, *self.owner)

    def not_mounted(self):
        os.rename(self.folder, self.aside)
        self.empty()
        for words in (("--fix",), ("--fix", "--force")):
            said = self.verify(*words)
            self.check(self.victim.status == 1 and
                       "is its disk mounted?" in said,
                       "an empty directory, and verify %s asks" %
                       " ".join(words))
        try:
            self.victim.start()
            self.check(False, "and nothing starts")
        except RuntimeError:
            self.check("is its disk mounted?" in self.victim.read_log(),
                       "and nothing starts")
        shutil.rmtree(self.folder)
        os.rename(self.aside, self.folder)
        self.all_there("when it is mounted again")

    def table_lost(self):
        """Of the bodies alone; then all tables."""
        table = self.victim.path("etc", "data", "kv", self.blob + ".db")
        os.rename(table, self.aside)
        said = self.verify("--fix")
        self.check(self.victim.status == 1 and "adopt" in said,
                   "the table of bodies is lost, and the way out is told")
        with open(self.folder + "/adopt", "w"):
            pass
        os.chown(self.folder + "/adopt", *self.owner)
        said = self.verify("anna")
        self.check("stays as it is" in said and "lost its body" not in said,
                   "nobody's mail is lost by that")
        self.forbid()
        said = self.verify("--fix")
        self.check("cannot" in said and
                   os.path.exists(self.folder + "/adopt"),
                   "nothing is settled while bodies cannot be read")
        self.permit()
        self.verify("--fix")
        self.check(not os.path.exists(self.folder + "/adopt"),
                   "it is made anew from the bodies")
        self.all_there("then")
        os.remove(self.aside)
        kv = self.victim.path("etc", "data", "kv")
        os.rename(kv, self.aside)
        files = len(self.files())
        try:
            self.victim.start()
            self.check(False, "without all tables nothing starts")
        except RuntimeError:
            self.check("is the disk with the tables mounted?" in
                       self.victim.read_log(),
                       "without all tables nothing starts")
        self.check(len(self.files()) == files, "and no body is removed")
        shutil.rmtree(kv)
        os.rename(self.aside, kv)
        self.all_there("when they are there again")

    def gone_for_good(self):
        shutil.rmtree(self.folder)
        self.empty()
        with open(self.folder + "/gone", "w"):
            pass
        os.chown(self.folder + "/gone", *self.owner)
        for words in (("--fix",), ("--fix", "anna")):
            said = self.verify(*words)
            self.check("--force takes the loss as it is" in said,
                       "gone for good, and verify %s still asks" %
                       " ".join(words))
        said = self.verify("--force")
        self.check(self.victim.status != 0 and "give both" in said,
                   "--force alone does nothing")
        said = self.verify("anna")
        self.check("%d problems" % MESSAGES in said,
                   "nothing was taken away")
        self.verify("--fix", "--force")
        self.check("0 problems" in self.verify(), "--force takes it as it is")
        self.check(not os.path.exists(self.folder + "/gone"),
                   "and it need not be said again")
        said = self.verify("--set-aside")
        self.check(said.count("mailbox \"INBOX\"") == MESSAGES,
                   "what is lost is listed")
        self.victim.start()
        imap = Imap(self.victim.ports["imap"], "anna")
        imap.ask("APPEND INBOX", self.text(0))
        imap.close()
        n = self.bodies()
        self.check(n == 1, "and life goes on, with %d message" % n)
        self.victim.stop()


for blob in ("blob-segment", "blob-fs"):
    case = Case(blob)
    case.fill()
    case.permission()
    case.not_mounted()
    case.table_lost()
    case.gone_for_good()
    case.victim.remove()
finish()
