#!/usr/bin/env python3
# A remembered answer is as secure as the resolvers that are asked now are trusted:
# neither resolv.conf nor a reload leaves DANE on by the word of one who is not.
import json
import os
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/interop"))
from hermod import *  # noqa: E402,F403

if not os.path.exists(os.path.join(os.environ["HERMOD_MODULE_PATH"].split(":")[0],
                                   "resolver-getdns.so")):
    skip_all("built without resolver-getdns")


class Resolver(threading.Thread):
    """Says of every name that it has an address, and that this was validated."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = 0
        self.start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            self.asked += 1
            end = query.index(b"\0", 12) + 5
            self.socket.sendto(
                query[:2] + struct.pack("!5H", 0x81a0, 1, 1, 0, 0) +
                query[12:end] + b"\xc0\x0c" +
                struct.pack("!HHIH", 1, 1, 3600, 4) + bytes([192, 0, 2, 1]),
                peer)


resolver = Resolver()
server = Server({"dns": ""}, start=False)


def settings(text):
    with open(server.path("etc", "conf.d", "resolver-getdns.yaml"), "w") as f:
        f.write("enabled: yes\ntry: 300ms\ntimeout: 2s\n" + text)


def resolv_conf(*lines):
    # Another time of change, whatever the clock's grain.
    with open(server.path("resolv.new"), "w") as f:
        f.write("".join(line + "\n" for line in lines))
    os.replace(server.path("resolv.new"), server.path("resolv.conf"))


def look_up(name):
    """(outcome, secure), and whether anybody was asked."""
    before = resolver.asked
    out = server.command("dns", "lookup", "--remembered", "--json", "A",
                         name)
    row = json.loads(out)[0] if out else {"outcome": server.stderr, "secure": ""}
    return (row["outcome"], row["secure"]), resolver.asked > before


def until(want, name, what):
    end = time.monotonic() + 30
    while look_up(name)[0] != want and time.monotonic() < end:
        time.sleep(0.1)
    equal(look_up(name)[0], want, what)


def reload(what):
    server.command("reload")
    equal(server.status, 0, "reload: " + what)


settings("resolv-conf: %s\n" % server.path("resolv.conf"))
here = "nameserver 127.0.0.1:%d" % resolver.port
resolv_conf(here)
server.start()
equal(look_up("a.example"), (("ok", "yes"), True), "a resolver here is believed")
equal(look_up("a.example"), (("ok", "yes"), False), "and what it said remembered")

# One that is elsewhere is asked as well, and not to be believed. A reload sees that
# before anybody looks at the file again, with all that is remembered.
resolv_conf(here, "nameserver 192.0.2.53")
reload("a resolver that nobody trusts")
equal(look_up("a.example")[0], ("ok", "no"),
      "what is remembered is secure no more")
equal(look_up("b.example")[0], ("ok", "no"), "nor is what is new")
resolv_conf(here, "nameserver 192.0.2.53", "options trust-ad")
until(("ok", "yes"), "a.example", "the admin trusts all of them: without a reload")
resolv_conf(here, "nameserver 192.0.2.53")
until(("ok", "no"), "a.example", "and does so no more")

# The same by the module's settings.
both = "servers: ['127.0.0.1:%d', '192.0.2.53']\n" % resolver.port
for nets, want in (("192.0.2.0/24", "yes"), ("", "no"), ("192.0.2.53", "yes"),
                   ("198.51.100.0/24", "no")):
    settings(both + "trusted: [%s]\n" % nets)
    reload("trusted: [%s]" % nets)
    equal(look_up("a.example")[0], ("ok", want), "secure: " + want)
server.close()
finish()
