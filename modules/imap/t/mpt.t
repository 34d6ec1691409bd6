#!/usr/bin/env python3
"""The dialogues of Apache James' IMAP tests, each as a user of its own."""
import os
import re
import sys

SRC = os.environ.get("top_srcdir", ".")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SRC, "t", "interop"),
                os.path.join(SRC, "modules", "imap", "t")]

import hermod
from hermod import ok, skip, diag
from imapconv import tokens, Connection
from mpt import Mismatch, Script

DATA = os.path.join(os.environ.get("HERMOD_TESTDATA") or
                    os.path.join(SRC, "..", "shared", "testdata"),
                    "imap", "james-mpt")

# What this server does otherwise, and why.
DOT = "James' names have dots where ours have slashes"
BYE = "a line that is no command is answered BAD, not with the end"
DIFFERENT = {
    "AuthenticatePlain.test": "a response in AUTHENTICATE is no literal",
    "BadTag.test": BYE, "JustTag.test": BYE, "NoCommand.test": BYE,
    "ConcurrentDeleteSelected.test":
        "the messages of a deleted mailbox are told as expunged",
    "ConcurrentRenameSelectedSub.test": DOT,
    "FetchAllEmptyMailbox.test":
        "RFC 9051, 2.3.1.2: \"*\" in an empty mailbox is BAD",
    "FetchRFC822Header.test":
        "RFC 9051, 6.4.5: TEXT of a part is that of the message in it",
    "ListNamespace.test": DOT, "ListOnly.test": DOT,
    "ListWithPercentWildcardInMailboxName.test": DOT,
    "RenameHierarchy.test": DOT, "Subscribe.test": DOT,
    "Login.test": "written for another password",
    "SearchOptionSave.test":
        "RFC 5182, 2.1: nothing is told for RETURN (SAVE)",
    "SearchAtoms.test":
        "the header of an enclosed message belongs to the BODY",
    "UidSearchAtoms.test":
        "the header of an enclosed message belongs to the BODY",
    "Uid.test": "UID FETCH tells the uid first",
}
NOT_HERE = re.compile(r"ACL|acl|Sharing|Shared|XList|Replace")
# Those begin where SelectedStateSetup ends.
SELECTED = {"Check.test", "FetchPeek.test", "FetchRFC822.test",
            "FetchRFC822Header.test", "FetchRFC822Text.test",
            "FetchEnvelope.test", "FetchSaveDate.test", "Store.test"}


def fresh(address):
    """Empties the account."""
    c = Connection(address)
    c.login("anna@example.org", hermod.PASSWORD)
    for r in c.command(b'LIST "" *')[2][::-1]:
        name = tokens(r)[-1]
        if name == b"INBOX":
            c.command(b"SELECT INBOX")
            c.command(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
            c.command(b"CLOSE")
        elif not re.search(rb"\\(Sent|Drafts|Junk|Trash|Archive)", r):
            c.command(b'DELETE "%s"' % name)
    for r in c.command(b'LSUB "" *')[2]:
        if tokens(r)[-1] != b"INBOX":
            c.command(b'UNSUBSCRIBE "%s"' % tokens(r)[-1])
    c.close()


def play(server, name):
    if name in DIFFERENT or NOT_HERE.search(name):
        skip(name, DIFFERENT.get(name, "no such extension here"))
        return
    address = ("127.0.0.1", server.ports["imap"])
    fresh(address)
    selected = name in SELECTED
    if selected:
        setup = Script(os.path.join(DATA, "SelectedStateSetup.test"), address,
                       "anna@example.org", hermod.PASSWORD)
        setup.play(True)
        setup.close()
    script = Script(os.path.join(DATA, name), address, "anna@example.org",
                    hermod.PASSWORD, b"SELECT selected" if selected else None)
    try:
        script.play("LOGIN imapuser" not in "\n".join(script.lines) and
                    "AUTHENTICATE" not in "\n".join(script.lines))
        ok(True, name)
    except (Mismatch, OSError, ValueError, RuntimeError, EOFError) as e:
        ok(False, name)
        diag("\n".join(str(e).split("\n")[:20]))
    finally:
        script.close()


def main():
    if not os.path.isdir(DATA):
        hermod.skip_all("no directory %s" % DATA)
    server = hermod.Server(conf={"imap": "insecure-login: yes\n"})
    for name in sys.argv[1:] or sorted(
            n for n in os.listdir(DATA) if n.endswith(".test")):
        play(server, name)
    server.close()
    hermod.finish()


main()
