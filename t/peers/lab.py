"""lab.py - other mail servers, with a network and folders of their own.

The test runs in new namespaces: nothing but a loopback interface, so that port 25
of 127.0.0.0/8 is free, and /etc, /usr, /var with other packages laid over them
($PEERS, see README). What is written there is gone when the test ends.
"""
import atexit
import glob
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("interop", "dns"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import zones  # noqa: E402
from hermod import diag, skip_all  # noqa: E402

PEERS = os.environ.get("PEERS", "")
USERS = {"postfix": 990, "postdrop": 991, "Debian-exim": 992, "opensmtpd": 993,
         "opensmtpq": 994, "dovecot": 995, "dovenull": 996, "vmail": 997,
         "socks": 998, "nobody": 65534}
PASSWORD = "peer secret"


def enter(disk=False):
    """The rest of the program runs in namespaces of its own; disk: what is
    written goes to the disk of $TMPDIR, not to memory. Returns a folder there."""
    if os.environ.get("HERMOD_LAB") == "in":
        return build_world(disk)
    if os.getuid() != 0:
        skip_all("needs root, for namespaces of its own")
    for program in ("unshare", "ip", "openssl"):
        if shutil.which(program) is None:
            skip_all("%s is not installed" % program)
    # With the first process of its namespace every other ends, wherever it went:
    # Postfix's master leaves the group that it was started in.
    words = ["unshare", "--net", "--mount", "--propagation", "private", "--pid",
             "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run(words + ["true"], stderr=subprocess.DEVNULL).returncode:
        skip_all("no namespaces of our own can be had")
    env = dict(os.environ, HERMOD_LAB="in")
    os.execvpe(words[0], words + [sys.executable] + sys.argv, env)


def build_world(disk):
    if disk:
        scratch = tempfile.mkdtemp(prefix="hermod-lab.")
        atexit.register(shutil.rmtree, scratch, True)
    else:
        scratch = "/mnt"
        run("mount", "-t", "tmpfs", "tmpfs", scratch)
    os.chmod(scratch, 0o755)
    for name in ("etc", "usr", "var"):
        up, work = (os.path.join(scratch, name + x) for x in ("", ".work"))
        os.mkdir(up)
        os.mkdir(work)
        more = os.path.join(PEERS, name)
        lower = (more + ":" if PEERS and os.path.isdir(more) else "") + "/" + name
        run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s,upperdir=%s,"
            "workdir=%s" % (lower, up, work), "/" + name)
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", "fd00:1::20/128", "dev", "lo")
    for name, number in USERS.items():
        for path, line in (("/etc/passwd", "%s:x:%d:%d::/nonexistent:/bin/false"),
                           ("/etc/group", "%s:x:%d:")):
            with open(path, "r+") as f:
                if not re.search("^%s:" % name, f.read(), re.M):
                    f.write(line % ((name,) + (number,) * line.count("%d"))
                            + "\n")
    os.environ["TMPDIR"] = tempfile.tempdir = scratch
    atexit.register(end)
    return scratch


def run(*words, **more):
    p = subprocess.run(words, capture_output=True, text=True, **more)
    if p.returncode:
        raise RuntimeError("%s: %s%s" % (" ".join(words), p.stdout, p.stderr))
    return p.stdout


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


_running = {}


def start(name, *words, port):
    """A program in the foreground; it is ended with the test."""
    out = open("/run/%s.out" % name, "ab")
    p = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                         start_new_session=True, cwd="/")
    _running[name] = p
    limit = time.monotonic() + 60
    while time.monotonic() < limit and p.poll() is None:
        try:
            socket.create_connection(port, 2).close()
            return True
        except OSError:
            time.sleep(0.05)
    with open("/run/%s.out" % name, errors="replace") as f:
        diag("%s does not run:\n%s" % (name, f.read()[-2000:]))
    return False


def end(*names):
    """All programs, or some."""
    gone = [_running.pop(n) for n in names or list(_running)]
    for p in gone:
        try:
            os.killpg(p.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    for p in gone:
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)


# ---- certificates ------------------------------------------------------------

CA = "/etc/lab/ca.pem"
NAMES = ["*.secure.test", "*.insecure.test", "*.bogus.test"]


def make_certificates(web=("web.test",)):
    """NAME.crt, NAME.key, and NAME.both with the two. By an authority, whose own
    certificate comes behind theirs: good, expired, other (of another name), web
    (of all those names). short is good without the authority; self is its own."""
    os.makedirs("/etc/lab/new", exist_ok=True)
    write("/etc/lab/index.txt", "")
    write("/etc/lab/index.txt.attr", "unique_subject = no\n")
    write("/etc/lab/serial", "1000\n")
    write("/etc/lab/ca.cnf", "[ca]\ndefault_ca = d\n[d]\ndatabase = "
          "/etc/lab/index.txt\nserial = /etc/lab/serial\nnew_certs_dir = "
          "/etc/lab/new\ndefault_md = sha256\npolicy = p\ncopy_extensions = "
          "copy\n[p]\ncommonName = supplied\n")
    key = ("-newkey", "rsa:2048", "-nodes")
    run("openssl", "req", "-x509", *key, "-subj", "/CN=Lab CA", "-days", "30",
        "-keyout", "/etc/lab/ca.key", "-out", CA)
    for name, finish, names in (
            ("good", 2040, ["good.peer.test", "cyrus.peer.test",
                            "good.smart.test"] + NAMES),
            ("expired", 2021, ["expired.smart.test"] + NAMES),
            ("other", 2040, ["somebody.else.test"]), ("web", 2040, list(web))):
        base = "/etc/lab/" + name
        run("openssl", "req", "-new", *key, "-subj", "/CN=" + name, "-addext",
            "subjectAltName=" + ",".join("DNS:" + n for n in names),
            "-keyout", base + ".key", "-out", base + ".csr")
        run("openssl", "ca", "-batch", "-notext", "-config", "/etc/lab/ca.cnf",
            "-cert", CA, "-keyfile", "/etc/lab/ca.key", "-startdate",
            "20200101000000Z", "-enddate", "%d0101000000Z" % finish, "-in",
            base + ".csr", "-out", base + ".crt")
    run("openssl", "req", "-x509", *key, "-subj", "/CN=self", "-addext",
        "subjectAltName=" + ",".join("DNS:" + n for n in NAMES), "-days", "30",
        "-keyout", "/etc/lab/self.key", "-out", "/etc/lab/self.crt")
    shutil.copy("/etc/lab/good.key", "/etc/lab/short.key")
    shutil.copy("/etc/lab/good.crt", "/etc/lab/short.crt")
    for name in ("good", "expired", "other", "web"):
        with open("/etc/lab/%s.crt" % name, "a") as f, open(CA) as g:
            f.write(g.read())
    for path in glob.glob("/etc/lab/*.crt"):
        with open(path) as f, open(path[:-4] + ".key") as g:
            write(path[:-4] + ".both", g.read() + f.read())
        os.chmod(path[:-4] + ".key", 0o644)  # each daemon is somebody else


def tlsa(usage, selector, matching, path):
    """The record of the first certificate in a file, as OpenSSL sees it."""
    what = ("-outform", "DER") if selector == 0 else ("-pubkey", "-noout")
    out = subprocess.run(["openssl", "x509", "-in", path, *what], check=True,
                         capture_output=True).stdout
    if selector != 0:
        out = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                             input=out, check=True, capture_output=True).stdout
    digest = {0: bytes.hex, 1: lambda b: hashlib.sha256(b).hexdigest(),
              2: lambda b: hashlib.sha512(b).hexdigest()}
    return "%d %d %d %s" % (usage, selector, matching,
                            digest.get(matching, digest[1])(out))


# ---- names -------------------------------------------------------------------

RESOLVER = ("127.1.5.1", 53)


def start_dns(all_):
    """Zones by name; RESOLVER is asked for them."""
    absent = zones.missing()
    if absent:
        skip_all("not installed: " + " ".join(absent))
    return zones.Dns(all_, "/run/dns", ("127.1.5.2", 53), RESOLVER)
