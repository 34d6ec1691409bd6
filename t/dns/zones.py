#!/usr/bin/env python3
"""zones.py - a small DNS of our own: nsd serves zones below "test.", which is
signed, and unbound, which trusts the key of that one alone, validates them."""
import atexit
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
HEAD = "@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"


class Zone:
    """Signed zones are delegated with a DS record, others without, which is
    signed, too. spoil: (expression, other text), for what is signed already."""

    def __init__(self, text, signed=True, spoil=()):
        self.text, self.signed, self.spoil = text, signed, spoil


def missing():
    return [p for p in ("nsd", "unbound", "ldns-keygen", "ldns-signzone")
            if shutil.which(p, path=PATH) is None]


def standard(more=None):
    """The zones of t/dns, with further records by the name of the zone."""
    def text(name):
        with open(os.path.join(HERE, name + ".zone")) as f:
            return f.read() + (more or {}).get(name, "")
    return {"secure.test": Zone(text("secure.test")),
            "insecure.test": Zone(text("insecure.test"), signed=False),
            "bogus.test": Zone(text("bogus.test"), spoil=(
                (r"192\.0\.2\.66", "192.0.2.67"), (r"(MX\s*)10 mx", r"\g<1>11 mx")))}


def free_ports(address, count):
    """Of those that the kernel gives to nobody by itself (ip_local_port_range): the
    servers listen on them only when the zones are signed."""
    ports = []
    while len(ports) < count:
        port = random.randrange(10000, 32768)
        with socket.socket() as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((address, port))
                udp.bind((address, port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Dns:
    """Runs until close(). authority and resolver are addresses with ports; what
    goes wrong is a RuntimeError."""

    def __init__(self, zones, folder, authority=None, resolver=None):
        self.folder, self.running, self.keys = folder, {}, {}
        atexit.register(self.close)
        ports = free_ports("127.0.0.1", 2)
        self.authority = authority or ("127.0.0.1", ports[0])
        self.resolver = resolver or ("127.0.0.1", ports[1])
        os.makedirs(folder, exist_ok=True)
        zones = dict(zones)
        zones["test"] = Zone("$TTL 300\n" + HEAD + "".join(
            self.make(name, zone) for name, zone in zones.items()))
        self.write("anchor", self.make("test", zones["test"], glue=False))
        self.write("nsd.conf", self.nsd_conf(zones))
        self.write("unbound.conf", self.unbound_conf(zones))
        self.start("nsd")
        self.start("unbound")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    # ---- zones ----

    def make(self, name, zone, glue=True):
        """Writes NAME.zone; what the zone above says of it."""
        self.write(name + ".zone", "$ORIGIN %s.\n%s" % (name, zone.text))
        out = "%s. NS ns.%s.\nns.%s. A 127.0.0.1\n" % (name, name, name) \
            if glue else ""
        return out + self.sign(name, zone) if zone.signed else out

    def run(self, *words):
        p = subprocess.run(words, cwd=self.folder, text=True, env=dict(
            os.environ, PATH=PATH), capture_output=True)
        if p.returncode:
            raise RuntimeError("%s: %s" % (" ".join(words), p.stderr))
        return p.stdout.strip()

    def sign(self, name, zone):
        if name not in self.keys:
            self.keys[name] = self.run("ldns-keygen", "-a", "ECDSAP256SHA256",
                                       "-k", name)
        key = self.keys[name]
        self.run("ldns-signzone", "-n", "-i", "20200101000000", "-e",
                 "20371231235959", "-f", name + ".signed", name + ".zone", key)
        with open(self.path(name + ".signed")) as f:
            text = f.read()
        for old, new in zone.spoil:
            text, count = re.subn(old, new, text)
            if count == 0:
                raise RuntimeError("%s has no %s to spoil" % (name, old))
        self.write(name + ".zone", text)
        with open(self.path(key + ".ds")) as f:
            return f.read()

    # ---- programs ----

    def nsd_conf(self, zones):
        return """server:
	ip-address: %s@%d
	username: ""
	zonesdir: "%s"
	pidfile: "%s"
	database: ""
	xfrdfile: "%s"
	xfrdir: "%s"
	zonelistfile: "%s"
	server-count: 1
remote-control:
	control-enable: no
""" % (*self.authority, self.folder, *map(self.path, (
            "nsd.pid", "xfrd.state", "", "zone.list"))) + "".join(
                "zone:\n\tname: %s\n\tzonefile: %s.zone\n" % (z, z)
                for z in zones)

    def unbound_conf(self, zones):
        return """server:
	interface: %s
	port: %d
	username: ""
	chroot: ""
	directory: "%s"
	pidfile: "%s"
	use-syslog: no
	module-config: "validator iterator"
	trust-anchor-file: "%s"
	do-not-query-localhost: no
	outgoing-port-avoid: "0-32767"
	do-ip6: no
	num-threads: 1
	ede: yes
	local-zone: "test." nodefault
	val-override-date: "-1"
	root-hints: ""
""" % (*self.resolver, self.folder, self.path("unbound.pid"),
            self.path("anchor")) + "".join(
                "stub-zone:\n\tname: %s\n\tstub-addr: %s@%d\n" % (
                    z, *self.authority) for z in zones)

    def start(self, program):
        address = self.authority if program == "nsd" else self.resolver
        with open(self.path(program + ".log"), "w") as log:
            self.running[program] = subprocess.Popen(
                [shutil.which(program, path=PATH), "-d", "-c",
                 self.path(program + ".conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(300):
            if answers(address):
                return
            if self.running[program].poll() is not None:
                break
            time.sleep(0.1)
        self.close()
        with open(self.path(program + ".log")) as log:
            raise RuntimeError("%s does not answer:\n%s" % (program, log.read()))

    def stop(self, program):
        p = self.running.pop(program)
        p.terminate()
        p.wait(30)

    def change(self, name, zone):
        """Another text; the key stays."""
        self.make(name, zone)
        self.stop("nsd")
        self.start("nsd")

    def close(self):
        for program in list(self.running):
            self.stop(program)


def answers(address):
    """Whether the SOA of test. is to be had there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        try:
            s.sendto(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + b"\4test\0" +
                     struct.pack("!2H", 6, 1), address)
            return s.recv(4096)[3] & 15 == 0
        except OSError:
            return False


def main(folder):
    """For scripts: the standard zones, with $folder/extra.ZONE; says the ports,
    and runs until its input ends."""
    more = {}
    for name in os.listdir(folder):
        if name.startswith("extra."):
            with open(os.path.join(folder, name)) as f:
                more[name[6:]] = f.read()
    dns = Dns(standard(more), os.path.join(folder, "lab"))
    print(dns.resolver[1], dns.authority[1], flush=True)
    sys.stdin.read()
    dns.close()


if __name__ == "__main__":
    main(sys.argv[1])
