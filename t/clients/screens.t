#!/usr/bin/env python3
# Mail programs on a terminal, seen through tmux: aerc and alpine.
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.dont_write_bytecode = True
from hermod import *  # noqa: E402,F403


class Screen:
    """A program in a terminal of its own; keys go in, its picture comes out."""

    def __init__(self, home, name, *command):
        self.home = home
        self.name = name
        self.tmux("new-session", "-d", "-x", "120", "-y", "40", *command)

    def tmux(self, *words):
        return self.home.run("tmux", "-S", self.home.path("tmux." + self.name),
                             "-f", "/dev/null", *words)[1]

    def picture(self):
        return self.tmux("capture-pane", "-p")

    def sees(self, text, name=None):
        """Waits for a text; with a name, that is a test."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if text in self.picture():
                return ok(True, name) if name else True
            time.sleep(0.1)
        ok(False, name or "%s shows %s" % (self.name, text))
        diag(self.picture())
        return False

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def close(self):
        self.tmux("kill-server")


def until(name, test):
    """What a program does in the background is waited for."""
    end = time.monotonic() + 60
    while not test() and time.monotonic() < end:
        time.sleep(0.2)
    ok(test(), name)


def aerc():
    home.write(".config/aerc/accounts.conf", """[anna]
source = imaps://anna:@quoted@@localhost:@imaps@
outgoing = smtps+plain://anna:@quoted@@localhost:@submissions@
default = INBOX
from = Anna <anna@example.org>
copy-to = Sent
""".replace("@quoted@", PASSWORD.replace(" ", "%20")))
    home.write(".config/aerc/aerc.conf", "[compose]\neditor=true\n")
    s = Screen(home, "aerc", "aerc")
    try:
        if not s.sees("aerc 3", "aerc lists the messages"):
            return
        s.sees("Archive", "and the folders")
        # The newest stands on top: 4.
        s.type(":flag", "Enter")
        until("aerc flags", lambda: home.find(
            "INBOX", 'FLAGGED SUBJECT "aerc 4"') == 1)
        s.type(":copy Archive", "Enter")
        until("aerc copies", lambda: home.find(
            "Archive", 'SUBJECT "aerc 4"') == 1)
        s.type(":delete", "Enter")
        until("aerc deletes", lambda: home.find(
            "INBOX", 'SUBJECT "aerc 4"') == 0)
        s.type(":move Archive", "Enter")
        until("aerc moves", lambda: (
            home.find("INBOX", 'SUBJECT "aerc 3"'),
            home.find("Archive", 'SUBJECT "aerc 3"')) == (0, 1))
        home.deliver(1, "aerc pushed")
        s.sees("aerc pushed 0", "aerc sees new mail by itself")
        s.type(':compose -H "To: anna@example.org" -H "Subject: by aerc"',
               "Enter")
        if s.sees("Send this email", "aerc composes"):
            s.type("y")
            until("aerc sends", lambda: home.find(
                "INBOX", 'SUBJECT "by aerc"') == 1)
            until("and keeps a copy", lambda: home.find(
                "Sent", 'SUBJECT "by aerc"') == 1)
        s.type(":quit", "Enter")
    finally:
        s.close()


def password(s):
    if s.sees("PASSWORD"):
        s.type("-l", PASSWORD)
        s.type("Enter")
        time.sleep(1)
        if "reserve" in s.picture():
            s.type("n")


def alpine():
    rc = home.write("pinerc", """personal-name=Anna
user-domain=example.org
customized-hdrs=From: anna@example.org
inbox-path={localhost:@imaps@/imap/ssl/novalidate-cert/user=anna}INBOX
folder-collections=Mail {localhost:@imaps@/imap/ssl/novalidate-cert/user=anna}[]
default-fcc=Sent
smtp-server=localhost:@submissions@/ssl/novalidate-cert/user=anna
feature-list=enable-delete-from-remote,quit-without-confirm,
	expunge-without-confirm,auto-move-read-msgs,save-will-not-delete,
	allow-changing-from,compose-send-offers-first-filter
initial-keystroke-list=
last-version-used=99.99
""")
    s = Screen(home, "alpine", "alpine", "-p", rc, "-i")
    try:
        password(s)
        s.sees("alpine 3", "alpine lists the messages")
        s.type("D")
        s.type("x")
        until("alpine deletes and expunges", lambda: home.find(
            "INBOX", 'SUBJECT "alpine "') == 4)
        s.type("s")
        s.sees("to folder")
        s.type("C-u", "Archive", "Enter")
        until("alpine saves", lambda: home.find(
            "Archive", 'SUBJECT "alpine "') == 1)
        s.type("*")
        s.type("*")
        until("alpine flags", lambda: home.find("INBOX", "FLAGGED") == 1)
        home.deliver(1, "alpine pushed")
        s.type("C-l")
        s.sees("alpine pushed 0", "alpine sees new mail")
        s.type("c")
        s.sees("COMPOSE MESSAGE")
        s.type("anna@example.org", "Enter", "Enter", "Enter", "by alpine")
        s.type("C-x")
        s.sees("Send message")
        s.type("y")
        password(s)
        until("alpine sends", lambda: home.find(
            "INBOX", 'SUBJECT "by alpine"') == 1)
        until("and keeps a copy", lambda: home.find(
            "Sent", 'SUBJECT "by alpine"') == 1)
        s.type("q")
    finally:
        s.close()


need("tmux")
server = Server()
home = Home(server)
for program, play in ("alpine", alpine), ("aerc", aerc):
    if shutil.which(program):
        home.deliver(5, program)
        play()
    else:
        skip(program, "package %s is not installed" % program)
server.close()
finish()
