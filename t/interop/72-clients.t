#!/usr/bin/env python3
# Programs people read mail with: mbsync, offlineimap, mutt.
import glob
import imaplib
import os
import shutil
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hermod import *  # noqa: E402,F403

server = Server()
home = server.path("home")
os.mkdir(home)
env = dict(os.environ, HOME=home, TERM="xterm-256color",
           LD_PRELOAD="", ASAN_OPTIONS="")


def run(*args, **more):
    p = subprocess.run(args, capture_output=True, text=True, env=env,
                       timeout=120, **more)
    return p.returncode, p.stdout + p.stderr


def write(name, text):
    path = os.path.join(home, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def status(mailbox):
    c = server.tls_context()
    c.check_hostname = False
    m = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=c)
    m.login("anna", PASSWORD)
    typ, data = m.status(mailbox, "(MESSAGES UNSEEN)")
    m.logout()
    return data[0].split(b"(")[1].rstrip(b")") if typ == "OK" else None


with smtplib.SMTP("127.0.0.1", server.ports["mx"]) as c:
    for i in range(5):
        c.sendmail("carla@far.example", ["anna@example.org"],
                   "From: carla@far.example\r\nTo: anna@example.org\r\n"
                   "Subject: number %d\r\nMessage-ID: <%d@far.example>\r\n"
                   "\r\nHello %d\r\n" % (i, i, i))

cert = server.path("etc", "localhost.crt")
if shutil.which("mbsync"):
    os.makedirs(os.path.join(home, "mb"))
    rc = write("mbsyncrc", """IMAPAccount a
Host localhost
Port %d
User anna
Pass "%s"
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account a

MaildirStore near
Path %s/mb/
Inbox %s/mb/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""" % (server.ports["imaps"], PASSWORD, cert, home, home))
    code, text = run("mbsync", "-c", rc, "-a")
    if not ok(code == 0, "mbsync"):
        diag(text)
    box = os.path.join(home, "mb", "INBOX")
    files = glob.glob(box + "/*/*:2,*") + glob.glob(box + "/new/*")
    equal(len(set(files)), 5, "all messages are in the Maildir")
    code, text = run("mbsync", "-c", rc, "-a")
    ok(code == 0 and len(set(glob.glob(box + "/*/*"))) == 5,
       "a second run moves nothing")
    one = sorted(glob.glob(box + "/new/*") + glob.glob(box + "/cur/*"))
    base = one[0].split("/")[-1].split(":")[0]
    os.rename(one[0], box + "/cur/" + base + ":2,FS")
    os.remove(one[1])
    with open(box + "/new/1.fresh", "w") as f:
        f.write("From: anna@example.org\nSubject: fresh\n\nfrom here\n")
    code, text = run("mbsync", "-c", rc, "-a")
    if not ok(code == 0, "mbsync with local changes"):
        diag(text)
    equal(status("INBOX"), b"MESSAGES 5 UNSEEN %d" % 4,
          "flag, removal and new message arrived")
else:
    skip("mbsync", "not installed")

if shutil.which("offlineimap"):
    rc = write("offlineimaprc", """[general]
accounts = a
maxsyncaccounts = 1
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %s/oi
[Repository far]
type = IMAP
remotehost = localhost
remoteport = %d
remoteuser = anna
remotepass = %s
ssl = yes
sslcacertfile = %s
""" % (home, server.ports["imaps"], PASSWORD, cert))
    code, text = run("offlineimap", "-c", rc, "-o")
    if not ok(code == 0 and "Finished account" in text, "offlineimap"):
        diag(text)
    equal(len(glob.glob(home + "/oi/INBOX/*/*")), 5, "has all messages")
else:
    skip("offlineimap", "not installed")

def terminal():
    """mutt's screen needs a pseudo-terminal; not every build room has one."""
    return shutil.which("script") and run(
        "script", "-qec", "true", "/dev/null", stdin=subprocess.DEVNULL)[0] == 0


if shutil.which("mutt"):
    rc = write("muttrc", """set imap_user=anna
set imap_pass="%s"
set certificate_file=%s
set ssl_verify_host=no
set folder="imaps://localhost:%d/"
set spoolfile="imaps://localhost:%d/INBOX"
set smtp_url="smtps://anna@localhost:%d/"
set smtp_pass="%s"
set from=anna@example.org
set record="" header_cache="" postponed=""
set confirmcreate=no confirmappend=no move=no delete=yes quit=yes
set copy=no timeout=1 mail_check=1 ssl_force_tls=yes
""" % (PASSWORD, cert, server.ports["imaps"], server.ports["imaps"],
       server.ports["submissions"], PASSWORD))
    code, text = run("mutt", "-F", rc, "-n", "-s", "by mutt", "--",
                     "anna@example.org", input="Hello from mutt\n")
    if not ok(code == 0, "mutt sends"):
        diag(text)
    if terminal():
        code, text = run(
            "script", "-qec", "mutt -F %s -n -e 'push \"<tag-pattern>~s mutt"
            "<enter><tag-prefix><save-message>=Archive<enter><sync-mailbox>"
            "<quit>\"'" % rc, "/dev/null", stdin=subprocess.DEVNULL)
        if not ok(code == 0 and (status("Archive") or b"").startswith(
                b"MESSAGES 1"), "mutt reads, and saves to Archive"):
            diag(text)
    else:
        skip("mutt reads", "no pseudo-terminal")
else:
    skip("mutt", "not installed")
server.close()
finish()
