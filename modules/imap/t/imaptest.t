#!/usr/bin/env python3
"""The scripts of imaptest, each on a mailbox of its own."""
import os
import sys

SRC = os.environ.get("top_srcdir", ".")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SRC, "t", "interop"),
                os.path.join(SRC, "modules", "imap", "t")]

import hermod
from hermod import ok, skip, diag
from imaptest import Mismatch, Player, Script

DATA = os.path.join(os.environ.get("HERMOD_TESTDATA") or
                    os.path.join(SRC, "..", "shared", "testdata"),
                    "imap", "imaptest")

def address_of(server):
    text = os.environ.get("HERMOD_IMAP")
    if text:
        host, _, port = text.rpartition(":")
        return host, int(port)
    return "127.0.0.1", server.ports["imap"]


def main():
    if not os.path.isdir(DATA):
        hermod.skip_all("no directory %s" % DATA)
    server = None if os.environ.get("HERMOD_IMAP") else hermod.Server(
        conf={"imap": "insecure-login: yes\n"})
    names = sys.argv[1:] or sorted(
        n for n in os.listdir(DATA) if not n.endswith(".mbox") and
        os.path.isfile(os.path.join(DATA, n)))
    for i, name in enumerate(names):
        play(server, name, "t%d" % i)
    if server:
        server.close()
    hermod.finish()


def play(server, name, mailbox):
    mbox = os.path.join(DATA, name + ".mbox")
    if not os.path.exists(mbox):
        mbox = os.path.join(DATA, "default.mbox")
    player = Player(Script(os.path.join(DATA, name), mbox),
                    address_of(server),
                    os.environ.get("HERMOD_USER", "anna@example.org"),
                    os.environ.get("HERMOD_PASSWORD", hermod.PASSWORD),
                    mailbox)
    try:
        player.prepare()
        player.play()
        ok(True, name)
    except LookupError as e:
        skip(name, "needs %s" % e)
    except (Mismatch, OSError, ValueError, RuntimeError) as e:
        ok(False, name)
        diag(e)
    finally:
        player.cleanup()


main()
