"""servers.py - Postfix, Dovecot, Exim, OpenSMTPD, dante, and web servers with
policies, each at addresses of its own: what is special there, the tables say."""
import glob
import os
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hermod
import lab
from lab import run, start, write

# ---- Postfix -----------------------------------------------------------------

STAGES = ("connect", "helo", "mail", "rcpt", "data", "end")
POSTFIX = {                              # address: what is special there
    "127.1.1.1": "",
    "127.1.1.2": "-o smtpd_discard_ehlo_keywords=chunking,smtputf8,8bitmime,"
                 "pipelining,dsn,starttls",
    "127.1.1.3": "-o message_size_limit=20000",
    "127.1.1.20": "-o smtpd_tls_chain_files=/etc/lab/good.both",
    "127.1.1.21": "-o smtpd_tls_chain_files=/etc/lab/expired.both",
    "127.1.1.22": "-o smtpd_tls_chain_files=/etc/lab/other.both",
    "127.1.1.23": "-o smtpd_tls_chain_files=/etc/lab/self.both",
    "127.1.1.24": "-o smtpd_tls_chain_files=/nonexistent",
    "127.1.1.25": "-o smtpd_tls_chain_files=/etc/lab/short.both",
    "127.1.1.4": "-o smtpd_recipient_limit=3 -o "
                 "smtpd_recipient_overshoot_limit=9",
    "127.1.1.5": "-o message_size_limit=20000 -o "
                 "smtpd_discard_ehlo_keywords=size",
    "127.1.1.26": "-o smtpd_tls_chain_files=/etc/lab/good.both -o "
                  "smtpd_tls_security_level=encrypt",
    "127.1.1.27": "-o smtpd_tls_chain_files=/nonexistent -o "
                  "smtpd_tls_security_level=encrypt",
    "[fd00:1::20]": "-o smtpd_tls_chain_files=/etc/lab/good.both",
}
POSTFIX.update(("127.1.1.%d" % (10 + i), "-o smtpd_delay_reject=no -o { smtpd_%s_"
                "restrictions = check_policy_service inet:127.1.0.1:10023 }" % {
                    "connect": "client", "mail": "sender", "rcpt": "recipient",
                    "end": "end_of_data"}.get(stage, stage))
               for i, stage in enumerate(STAGES))

POSTFIX["127.1.1.16"] = POSTFIX["127.1.1.15"]


class Policy(socketserver.StreamRequestHandler):
    """Postfix asks; recipients whose names begin with busy, grey, hangup, taken
    are answered so, with crash the one who asks ends the first time, and everything
    else that asks here is refused."""
    seen = set()

    def handle(self):
        try:
            self.converse()
        except ConnectionResetError:
            pass

    def converse(self):
        asked = {}
        for line in self.rfile:
            name, _, value = line.decode().rstrip("\n").partition("=")
            asked[name] = value
            if not name:
                self.wfile.write(b"action=%s\n\n" % self.judge(asked).encode())
                asked = {}

    @classmethod
    def judge(cls, asked):
        name = asked.get("recipient", "").split("@")[0]
        if name.startswith("grey") or name.startswith("crash"):
            if name in cls.seen:
                return "OK"
            cls.seen.add(name)
            if name.startswith("crash"):
                kill_smtpd(b"127.1.1.16")
            return "450 4.7.1 greylisted, come again"
        if name.startswith("hangup"):
            return "421 4.3.2 going down"
        if name.startswith("busy"):
            return "450 4.2.1 busy"
        if name.startswith("taken"):
            return "OK"
        return "550 5.7.1 not at this stage: " + asked["protocol_state"]


def kill_smtpd(service):
    """The processes of Postfix that serve there."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                words = f.read().split(b"\0")
        except FileNotFoundError:
            continue
        if words[0] == b"smtpd" and any(w.startswith(service) for w in words):
            os.kill(int(path.split("/")[2]), signal.SIGKILL)


def start_postfix(mx):
    if not os.path.exists("/usr/sbin/postfix"):
        return False
    policy = socketserver.ThreadingTCPServer(("127.1.0.1", 10023), Policy)
    policy.daemon_threads = True
    threading.Thread(target=policy.serve_forever, daemon=True).start()
    write("/etc/lab/domains", "/[.]test$/ ok\n")
    write("/etc/lab/boxes", "!/^nobody/ all/\n")
    write("/etc/postfix/main.cf", """compatibility_level = 3.6
myhostname = mx.postfix.test
mydestination =
mynetworks = 127.9.9.9/32
inet_interfaces = all
inet_protocols = all
virtual_mailbox_domains = regexp:/etc/lab/domains
virtual_mailbox_maps = regexp:/etc/lab/boxes
virtual_mailbox_base = /var/mail/postfix
virtual_uid_maps = static:997
virtual_gid_maps = static:997
transport_maps = inline:{example.org=smtp:[127.0.0.1]:%d}
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/lab/self.both
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_authenticated_header = yes
smtpd_client_event_limit_exceptions = static:all
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
maillog_file = /var/log/postfix.log
virtual_mailbox_limit = 0
message_size_limit = 100000000
""" % mx)
    with open("/usr/share/postfix/master.cf.dist") as f:
        inner = "\n".join(x for x in f.read().splitlines() if not re.match(
            r"smtp +inet|#|postlog", x))
    text = "".join("%s:25 inet n - n - - smtpd %s\n" % x for x in
                   POSTFIX.items())
    login = "-o smtpd_sasl_auth_enable=yes -o " \
        "smtpd_tls_chain_files=/etc/lab/good.both"
    text += "127.1.1.30:587 inet n - n - - smtpd %s -o " \
        "smtpd_tls_security_level=encrypt\n" % login
    text += "127.1.1.30:465 inet n - n - - smtpd %s -o " \
        "smtpd_tls_wrappermode=yes\n" % login
    cyrus = login + " -o smtpd_sasl_type=cyrus -o smtpd_sasl_path=smtpd -o " \
        "smtpd_sasl_local_domain=lab"
    text += "127.1.1.31:587 inet n - n - - smtpd %s\n" % cyrus
    text += "127.1.1.31:465 inet n - n - - smtpd %s -o " \
        "smtpd_tls_wrappermode=yes\n" % cyrus
    inner = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)[-y]( )", r"\1n\2", inner,
                   flags=re.M)
    write("/etc/postfix/master.cf", text + inner +
          "\npostlog unix-dgram n - n - 1 postlogd\n")
    os.makedirs("/var/mail/postfix", exist_ok=True)
    shutil.chown("/var/mail/postfix", "vmail", "vmail")
    shutil.rmtree("/var/spool/postfix", ignore_errors=True)
    os.makedirs("/var/spool/postfix")
    os.makedirs("/var/lib/postfix", exist_ok=True)
    shutil.chown("/var/lib/postfix", "postfix")
    subprocess.run(["postfix", "set-permissions"], capture_output=True)
    return run_postfix()


def run_postfix():
    return start("postfix", "postfix", "start-fg", port=("127.1.1.1", 25))


def stop_postfix():
    run("postfix", "stop")
    lab.end("postfix")


def start_dovecot(path="/var/spool/postfix/private/auth"):
    """For Postfix: PLAIN, CRAM-MD5, SCRAM."""
    if not os.path.exists("/usr/sbin/dovecot"):
        return False
    write("/etc/lab/passwd", "anna:{PLAIN}%s\n" % lab.PASSWORD)
    write("/etc/lab/dovecot.conf", """protocols =
ssl = no
log_path = /var/log/dovecot.log
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
disable_plaintext_auth = no
passdb {
  driver = passwd-file
  args = scheme=PLAIN /etc/lab/passwd
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/nonexistent
}
service auth {
  unix_listener %s {
    mode = 0666
  }
}
""" % path)
    p = subprocess.Popen(["dovecot", "-F", "-c", "/etc/lab/dovecot.conf"],
                         stdin=subprocess.DEVNULL, start_new_session=True,
                         stdout=open("/run/dovecot.out", "ab"),
                         stderr=subprocess.STDOUT)
    lab._running["dovecot"] = p
    limit = time.monotonic() + 30
    while not os.path.exists(path):
        if time.monotonic() > limit or p.poll() is not None:
            return False
        time.sleep(0.05)
    return True


def start_cyrus():
    """Cyrus SASL, which Postfix has within itself: the same."""
    if not os.path.exists("/usr/sbin/saslpasswd2") or not glob.glob(
            "/usr/lib/*/sasl2/libscram.so"):
        return False
    write("/etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: "
          "sasldb\nsasldb_path: /etc/lab/sasldb\nmech_list: SCRAM-SHA-256 "
          "SCRAM-SHA-1 CRAM-MD5 PLAIN\n")
    run("saslpasswd2", "-p", "-c", "-f", "/etc/lab/sasldb", "-u", "lab", "anna",
        input=lab.PASSWORD)
    os.chmod("/etc/lab/sasldb", 0o644)
    return True


# ---- Exim --------------------------------------------------------------------

EXIM = ["127.1.2.%d" % i for i in (1, 2, 3, 4, 20, 21, 22, 23, 24)] + \
    ["127.1.2.%d" % (10 + i) for i in range(len(STAGES))]


def start_exim(mx):
    if not os.path.exists("/usr/sbin/exim4"):
        return False
    at = "${if eq{$received_ip_address}{127.1.2.%d}{%s}{%s}}"
    refuse = "".join("""
check_%s:
  deny condition = ${if eq{$received_ip_address}{127.1.2.%d}}%s
       message = 5.7.1 not at this stage: %s
%s  accept
""" % (stage, 10 + i, "\n       local_parts = ! taken" if stage == "rcpt" else "",
       stage, RCPT if stage == "rcpt" else "")
        for i, stage in enumerate(STAGES) if stage != "end") + """
check_end:
  deny condition = ${if eq{$received_ip_address}{127.1.2.15}}
       message = 5.7.1 not at this stage: end
  accept
"""
    cert = "/etc/lab/${if eq{$received_ip_address}{127.1.2.20}{good}{${if " \
        "eq{$received_ip_address}{127.1.2.21}{expired}{${if " \
        "eq{$received_ip_address}{127.1.2.22}{other}{${if " \
        "eq{$received_ip_address}{127.1.2.24}{none}{self}}}}}}}}"
    write("/etc/exim4/exim4.conf", """primary_hostname = mx.exim.test
exim_user = Debian-exim
exim_group = Debian-exim
daemon_smtp_ports = 25 : 587 : 465
tls_on_connect_ports = 465
local_interfaces = <; %s
log_file_path = /var/log/exim4/%%slog
domainlist here = *.test
chunking_advertise_hosts = %s
smtputf8_advertise_hosts = %s
pipelining_advertise_hosts = %s
dsn_advertise_hosts = %s
tls_advertise_hosts = %s
auth_advertise_hosts = %s
message_size_limit = %s
tls_certificate = %s.crt
tls_privatekey = %s.key
acl_smtp_connect = check_connect
acl_smtp_helo = check_helo
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_predata = check_data
acl_smtp_data = check_end
acl_not_smtp = accept
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
host_lookup =
rfc1413_query_timeout = 0s
queue_run_in_order
keep_environment =
begin acl
%s
begin routers
back:
  driver = manualroute
  domains = example.org
  route_data = 127.0.0.1
  transport = back
  self = send
local:
  driver = accept
  domains = +here
  transport = store
begin transports
back:
  driver = smtp
  port = %d
  hosts_try_dane =
  allow_localhost
  hosts_avoid_tls = *
store:
  driver = appendfile
  directory = /var/mail/exim/all
  maildir_format
  user = vmail
  group = vmail
  create_directory
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{anna}{%s}fail}
  server_set_id = $auth1
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{anna}}{eq{$auth3}{%s}}}}
  server_advertise_condition = ${if def:tls_in_cipher}
  server_set_id = $auth2
""" % (" ; ".join(EXIM + ["127.1.2.30"]), at % (2, "", "*"), at % (2, "", "*"), at % (2, "", "*"),
       at % (2, "", "*"), at % (2, "", "*"), at % (30, "*", ""), at % (3, "20000", "100M"), cert, cert, refuse, mx,
       lab.PASSWORD, lab.PASSWORD))
    for d in ("/var/spool/exim4", "/var/log/exim4"):
        os.makedirs(d, exist_ok=True)
        shutil.chown(d, "Debian-exim", "Debian-exim")
    os.makedirs("/var/mail/exim", exist_ok=True)
    shutil.chown("/var/mail/exim", "vmail", "vmail")
    return run_exim()


def run_exim():
    return start("exim", "/usr/sbin/exim4", "-bdf", "-q1m",
                 port=("127.1.2.1", 25))


def stop_exim():
    lab.end("exim")


def exim_remembers():
    open("/run/exim-grey", "w").close()


RCPT = """  deny local_parts = nobody
       message = 5.1.1 no such user
  defer local_parts = ^grey
       condition = ${if !exists{/run/exim-grey}}
       message = 4.7.1 greylisted, come again
  defer local_parts = ^busy
       message = 4.2.1 busy
  accept authenticated = *
  defer condition = ${if and{{eq{$received_ip_address}{127.1.2.4}}{>{$rcpt_count}{3}}}}
       message = 452 4.5.3 too many recipients
  require domains = +here
       message = 5.7.1 relay not permitted
"""


# ---- OpenSMTPD ---------------------------------------------------------------

OPENSMTPD_STAGES = {"127.1.3.10": "connect", "127.1.3.11": "ehlo",
                    "127.1.3.12": "mail-from", "127.1.3.13": "rcpt-to",
                    "127.1.3.14": "data", "127.1.3.15": "commit"}


def start_opensmtpd():
    if not os.path.exists("/usr/sbin/smtpd"):
        return False
    filters = "".join("filter \"%s\" phase %s match src { 127.0.0.0/8 } reject "
                      "\"550 5.7.1 not at this stage: %s\"\n" % (s, s, s)
                      for s in OPENSMTPD_STAGES.values())
    listens = "".join("listen on %s port 25 hostname mx.opensmtpd.test filter "
                      "\"%s\"\n" % x for x in OPENSMTPD_STAGES.items())
    listens += "".join("listen on 127.1.3.%d port 25 tls pki %s hostname "
                       "mx.opensmtpd.test\n" % x for x in (
                           (1, "self"), (20, "good"), (21, "expired"),
                           (22, "other"), (23, "self")))
    pki = ""
    for x in ("good", "expired", "other", "self"):
        with open("/etc/lab/%s.key" % x) as f:      # it wants them to itself
            write("/etc/lab/smtpd-%s.key" % x, f.read(), 0o600)
        pki += "pki %s cert \"/etc/lab/%s.crt\"\npki %s key " \
            "\"/etc/lab/smtpd-%s.key\"\n" % (x, x, x, x)
    write("/etc/smtpd.conf", pki + filters + """table users { "@" = "vmail" }
smtp max-message-size 100M
""" + listens + """
action "store" maildir "/var/mail/opensmtpd/all" virtual <users>
match from any for rcpt-to regex "^nobody@" reject
match from any for domain regex "[.]test$" action "store"
""")
    for d in ("/var/mail/opensmtpd", ):
        os.makedirs(d, exist_ok=True)
        shutil.chown(d, "vmail", "vmail")
    os.makedirs("/var/spool/smtpd", exist_ok=True)
    os.chmod("/var/spool/smtpd", 0o711)
    os.makedirs("/var/lib/opensmtpd/empty", exist_ok=True)
    return run_opensmtpd()


def run_opensmtpd():
    return start("opensmtpd", "/usr/sbin/smtpd", "-d", port=("127.1.3.1", 25))


def stop_opensmtpd():
    lab.end("opensmtpd")


# ---- dante, a SOCKS5 proxy ---------------------------------------------------

def start_dante(names=("mx.p1.peer.test",)):
    """127.1.4.1 lets everybody in, 127.1.4.2 those who log in; nobody reaches
    127.1.1.3. It knows no names but these, which are Postfix."""
    if not os.path.exists("/usr/sbin/danted"):
        return False
    with open("/etc/hosts", "a") as f:
        f.write("".join("127.1.1.20 %s\n" % n for n in names))
    for path, line in (("/etc/passwd", "proxied:x:999:999::/nonexistent:/bin/sh"),
                       ("/etc/shadow", "proxied:%s:19000::::::" % run(
                           "openssl", "passwd", "-6", lab.PASSWORD).strip())):
        with open(path, "a") as f:
            f.write(line + "\n")
    good = True
    for address, method in (("127.1.4.1", "none"), ("127.1.4.2", "username")):
        conf = write("/etc/lab/danted-%s.conf" % method, """logoutput: /var/log/danted.log
internal: %s port = 1080
external: 127.0.0.1
clientmethod: none
socksmethod: %s
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks block { from: 0/0 to: 127.1.1.3/32 }
socks pass { from: 0/0 to: 0/0 command: connect }
""" % (address, method))
        good = start("danted-" + method, "/usr/sbin/danted", "-f", conf, "-p",
                     "/run/danted-%s.pid" % method, port=(address, 1080)) and good
    return good


# ---- another server of ours --------------------------------------------------

def start_hermod(*domains):
    """At 127.0.0.1, for whoever is at these domains; it, and the home that all of
    it comes to."""
    server = hermod.Server(start=False)
    server.ports["mx"] = 25
    server._configure({}, "")
    with open(server.path("etc", "domains.yaml"), "w") as f:
        f.write("domains:\n%saccounts:\n  anna: {addresses: [%s]}\n" % (
            "".join("  %s: {}\n" % d for d in domains),
            ", ".join("'@%s'" % d for d in domains)))
    server.start()
    return server, hermod.Home(server)


# ---- policies of MTA-STS, over HTTPS -----------------------------------------

class PolicyHost(BaseHTTPRequestHandler):
    """What hosts serve: (status, text), by name."""
    files = {}

    def do_GET(self):
        status, text = 404, ""
        if self.path == "/.well-known/mta-sts.txt":
            status, text = self.files.get(self.headers["Host"], (404, ""))
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass


def start_mute_web(address):
    """It takes connections, and nothing comes of them."""
    return socket.create_server((address, 443))


def start_web(address, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/etc/lab/%s.both" % certificate)
    web = ThreadingHTTPServer((address, 443), PolicyHost)
    web.socket = context.wrap_socket(web.socket, server_side=True,
                                     do_handshake_on_connect=False)
    threading.Thread(target=web.serve_forever, daemon=True).start()


def show_logs():
    for path in ("/var/log/postfix.log", "/var/log/exim4/mainlog",
                 "/run/opensmtpd.out", "/var/log/danted.log"):
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                hermod.diag(path + "\n" + f.read()[-3000:])
