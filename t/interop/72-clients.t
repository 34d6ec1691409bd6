#!/usr/bin/env python3
# Programs people read mail with: mbsync, offlineimap, mutt, neomutt.
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hermod import *  # noqa: E402,F403

server = Server()
home = Home(server)
home.deliver(5)

if shutil.which("mbsync"):
    os.makedirs(home.path("mb"))
    rc = home.write("mbsyncrc", """IMAPAccount a
Host localhost
Port @imaps@
User anna
Pass "@password@"
SSLType IMAPS
CertificateFile @cert@

IMAPStore far
Account a

MaildirStore near
Path @home@/mb/
Inbox @home@/mb/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")
    home.try_("mbsync", "mbsync", "-c", rc, "-a")
    box = home.path("mb", "INBOX")
    files = glob.glob(box + "/*/*:2,*") + glob.glob(box + "/new/*")
    equal(len(set(files)), 5, "all messages are in the Maildir")
    home.try_("mbsync again", "mbsync", "-c", rc, "-a")
    equal(len(set(glob.glob(box + "/*/*"))), 5, "a second run moves nothing")
    one = sorted(glob.glob(box + "/new/*") + glob.glob(box + "/cur/*"))
    base = one[0].split("/")[-1].split(":")[0]
    os.rename(one[0], box + "/cur/" + base + ":2,FS")
    os.remove(one[1])
    with open(box + "/new/1.fresh", "w") as f:
        f.write("From: anna@example.org\nSubject: fresh\n\nfrom here\n")
    home.try_("mbsync with local changes", "mbsync", "-c", rc, "-a")
    equal(home.status("INBOX"), (5, 4),
          "flag, removal and new message arrived")
else:
    skip("mbsync", "not installed")

if shutil.which("offlineimap"):
    rc = home.write("offlineimaprc", """[general]
accounts = a
maxsyncaccounts = 1
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = @home@/oi
[Repository far]
type = IMAP
remotehost = localhost
remoteport = @imaps@
remoteuser = anna
remotepass = @password@
ssl = yes
sslcacertfile = @cert@
""")
    home.try_("offlineimap", "offlineimap", "-c", rc, "-o",
              said="Finished account")
    equal(len(glob.glob(home.path("oi/INBOX/*/*"))), 5, "has all messages")
else:
    skip("offlineimap", "not installed")

MUTT = """set imap_user=anna
set imap_pass="@password@"
set certificate_file=@cert@
set ssl_verify_host=no
set folder="imaps://localhost:@imaps@/"
set spoolfile="imaps://localhost:@imaps@/INBOX"
set smtp_url="smtps://anna@localhost:@submissions@/"
set smtp_pass="@password@"
set from=anna@example.org
set record="" header_cache="" postponed=""
set confirmcreate=no confirmappend=no move=no delete=yes quit=yes
set copy=no timeout=1 mail_check=1 ssl_force_tls=yes
"""
PUSH = ("<tag-pattern>~s by.%s<enter><tag-prefix><save-message>=By-%s<enter>"
        "<sync-mailbox><quit>")

for mutt in "mutt", "neomutt":
    if not shutil.which(mutt):
        skip(mutt, "not installed")
        continue
    rc = home.write(mutt + "rc", MUTT)
    home.try_(mutt + " sends", mutt, "-F", rc, "-n", "-s", "by " + mutt, "--",
              "anna@example.org", input="Hello from it\n")
    if not home.terminal():
        skip(mutt + " reads", "no pseudo-terminal")
        continue
    keys = PUSH % (mutt, mutt)
    code, text = home.run("script", "-qec", "%s -F %s -n -e 'push \"%s\"'" %
                          (mutt, rc, keys), "/dev/null",
                          stdin=subprocess.DEVNULL)
    if not ok(code == 0 and (home.status("By-" + mutt) or (0, 0))[0] == 1,
              mutt + " reads, and saves to another mailbox"):
        diag(text)
server.close()
finish()
