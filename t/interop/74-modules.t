#!/usr/bin/env python3
# Each module that was built is switched off, while the server runs and before it
# starts: the rest serves on, or the refusal names a module that needs it. The
# folder of modules says which there are, so that none is forgotten.
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hermod import *  # noqa: E402,F403

MODULES = sorted(
    f[:-3] for d in os.environ.get("HERMOD_MODULE_PATH", "").split(":")
    if os.path.isdir(d) for f in os.listdir(d) if f.endswith(".so"))
FACES = {"mx": "smtp", "imap": "imap"}     # ports, and who listens there


def answers(port):
    try:
        with server.connect(port) as s:
            s.settimeout(60)
            return s.recv(4) in (b"220 ", b"* OK")
    except OSError:
        return False


def serves(without, name):
    """Every face but those that are switched off greets."""
    wrong = [p for p, m in FACES.items() if answers(p) == (m in without)]
    if not ok(not wrong, name):
        diag("wrong: %s\n%s" % (wrong, server.read_log()[-3000:]))


def named(text, module):
    """Whether a refusal names another module than that, or what is missing."""
    rest = text.replace(module, "")
    return any(m in rest for m in MODULES if m != module) or \
        "needs the interface \"" in rest


def running(module):
    server.command("module", "disable", module)
    if server.status == 0:
        serves({module}, "without %s the rest serves" % module)
        server.command("module", "enable", module)
        if not ok(server.status == 0, "%s is switched on again" % module):
            diag(server.stderr)
    elif not ok(named(server.stderr, module),
                "who needs %s is told" % module):
        diag(server.stderr)
    serves(set(), "with %s all serves as before" % module)


def starting(module):
    path = server.path("etc", "conf.d", module + ".yaml")
    with open(path) as f:
        before = f.read()
    with open(path, "w") as f:
        f.write("enabled: no\n")
    server.command("config", "check")
    if server.status == 0:
        start_without(module)
    elif not ok(named(server.stderr, module),
                "the check says who needs %s" % module):
        diag(server.stderr)
    with open(path, "w") as f:
        f.write(before)


def start_without(module):
    seen = server.read_log().count("m=ready")
    server.wait_ready = lambda: None
    server.start()
    end = time.monotonic() + 120
    while server.read_log().count("m=ready") == seen and \
            server.process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    serves({module}, "it starts without %s" % module)
    equal(server.stop(), 0, "and stops")


if not MODULES:
    skip_all("no HERMOD_MODULE_PATH")
server = Server()
for module in MODULES:
    server.command("module", "enable", module)
    if server.status == 0:
        running(module)
    elif not ok(named(server.stderr, module),
                "why %s cannot be added is told" % module):
        diag(server.stderr)
equal(server.stop(), 0, "the server stops")
for module in MODULES:
    if os.path.exists(server.path("etc", "conf.d", module + ".yaml")):
        starting(module)
server.close()
finish()
