#!/usr/bin/env python3
# Thunderbird without a screen, told what to do through Marionette.
import json
import os
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.dont_write_bytecode = True
from hermod import *  # noqa: E402,F403

PREFS = """user_pref("mail.accountmanager.accounts", "account1");
user_pref("mail.accountmanager.defaultaccount", "account1");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.identity.id1.fullName", "Anna");
user_pref("mail.identity.id1.useremail", "anna@example.org");
user_pref("mail.identity.id1.smtpServer", "smtp1");
user_pref("mail.identity.id1.valid", true);
user_pref("mail.server.server1.type", "imap");
user_pref("mail.server.server1.hostname", "localhost");
user_pref("mail.server.server1.port", @PORT@);
user_pref("mail.server.server1.userName", "anna");
user_pref("mail.server.server1.socketType", @SOCKET@);
user_pref("mail.server.server1.authMethod", @AUTH@);
user_pref("mail.server.server1.name", "anna@example.org");
user_pref("mail.server.server1.login_at_startup", false);
user_pref("mail.server.server1.check_new_mail", false);
user_pref("mail.smtpservers", "smtp1");
user_pref("mail.smtp.defaultserver", "smtp1");
user_pref("mail.smtpserver.smtp1.hostname", "localhost");
user_pref("mail.smtpserver.smtp1.port", @SMTP@);
user_pref("mail.smtpserver.smtp1.username", "anna");
user_pref("mail.smtpserver.smtp1.authMethod", @AUTH@);
user_pref("mail.smtpserver.smtp1.try_ssl", @SOCKET@);
user_pref("mailnews.start_page.enabled", false);
user_pref("mail.rights.version", 1);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mail.winsearch.firstRunDone", true);
user_pref("marionette.port", @MARIONETTE@);
"""
TLS = {"SOCKET": 3, "AUTH": 3, "PORT": "imaps", "SMTP": "submissions"}
STARTTLS = {"SOCKET": 2, "AUTH": 4, "PORT": "imap", "SMTP": "submission"}


class Marionette:
    """Mozilla's remote control: length, colon, JSON."""

    def __init__(self, port, process):
        end = time.monotonic() + 180
        while True:
            try:
                self.s = socket.create_connection(("127.0.0.1", port), 5)
                break
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise RuntimeError("no Marionette on port %d" % port)
                time.sleep(0.3)
        self.s.settimeout(300)
        self.data = b""
        self.n = 0
        self.read()
        self.call("WebDriver:NewSession", capabilities={})
        self.call("Marionette:SetContext", value="chrome")
        self.call("WebDriver:SetTimeouts", script=240000)

    def more(self):
        data = self.s.recv(65536)
        if not data:
            raise RuntimeError("Marionette has gone")
        self.data += data

    def read(self):
        while b":" not in self.data:
            self.more()
        length, self.data = self.data.split(b":", 1)
        while len(self.data) < int(length):
            self.more()
        text, self.data = self.data[:int(length)], self.data[int(length):]
        return json.loads(text)

    def call(self, name, **params):
        self.n += 1
        text = json.dumps([0, self.n, name, params]).encode()
        self.s.sendall(b"%d:%s" % (len(text), text))
        answer = self.read()
        if answer[2]:
            raise RuntimeError(answer[2])
        return answer[3]

    def script(self, source, *args):
        source = ("const [args, resolve] = [[...arguments].slice(0, -1), "
                  "arguments[arguments.length - 1]];"
                  "(async () => {" + source + "})().then(resolve, "
                  "e => resolve({error: String(e) + e.stack}));")
        return self.call("WebDriver:ExecuteAsyncScript", script=source,
                         args=list(args), sandbox="system",
                         newSandbox=True)["value"]


def start(home, kind, profile):
    words = dict(kind, PORT=server.ports[kind["PORT"]],
                 SMTP=server.ports[kind["SMTP"]], MARIONETTE=free_port())
    prefs = PREFS
    for word, value in words.items():
        prefs = prefs.replace("@%s@" % word, str(value))
    home.write(profile + "/user.js", prefs)
    at = home.path(profile)
    p = subprocess.Popen(
        ["thunderbird", "--headless", "--marionette",
         "-remote-allow-system-access", "--no-remote", "--profile", at],
        env=dict(home.env, MOZ_HEADLESS="1"), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=open(home.path("tb.log"), "ab"),
        stderr=subprocess.STDOUT)
    try:
        return p, Marionette(words["MARIONETTE"], p)
    except Exception:
        os.killpg(p.pid, signal.SIGKILL)
        raise


def drive(home, kind, name):
    process, m = start(home, kind, "tb-" + name)
    try:
        with open(home.cert) as f:
            cert = "".join(f.read().split("-----")[2].split())
        m.script(TRUST, cert, server.ports[kind["PORT"]],
                 server.ports[kind["SMTP"]])
        with open(os.path.join(HERE, "thunderbird.js")) as f:
            seen = m.script(f.read(), PASSWORD, name)
        # New mail from outside comes while it idles.
        home.deliver(1, "pushed-" + name)
        seen["pushed"] = m.script(WAIT_FOR, "pushed-" + name)
        return seen
    finally:
        try:
            m.call("Marionette:Quit", flags=["eForceQuit"])
            process.wait(60)
        except Exception:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


# "Confirm Security Exception", as a person would for a self-signed certificate.
TRUST = """
const [text, ...ports] = args;
const cert = Cc["@mozilla.org/security/x509certdb;1"]
    .getService(Ci.nsIX509CertDB).constructX509FromBase64(text);
for (const port of ports)
	Cc["@mozilla.org/security/certoverride;1"]
	    .getService(Ci.nsICertOverrideService)
	    .rememberValidityOverride("localhost", port, {}, cert, false);
return true;
"""
WAIT_FOR = """
const { MailServices } =
    ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const root = MailServices.accounts.accounts[0].incomingServer.rootFolder;
const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
for (let i = 0; i < 600; i++) {
	if ([...inbox.messages].some(h => h.mime2DecodedSubject.includes(args[0])))
		return true;
	await new Promise(r => {
		const t = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
		t.initWithCallback(r, 100, 0);
		globalThis.keep = t;
	});
}
return false;
"""

need("thunderbird")
server = Server()
home = Home(server)
for name, kind in ("tls", TLS), ("starttls", STARTTLS):
    home.deliver(5, name)
    try:
        seen = drive(home, kind, name)
    except (RuntimeError, OSError, ValueError) as e:
        ok(False, name + ": Thunderbird can be driven")
        diag(e)
        continue
    if not ok(not seen.get("error"), name + ": every step was done"):
        diag(seen)
    for what, want in (
            ("folders", ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]),
            ("uses", ["archive", "drafts", "inbox", "junk", "sent", "trash"]),
            ("subjects", ["%s %d" % (name, i) for i in range(5)]),
            ("body", True), ("send", "sent"), ("copied", True),
            ("arrived", True), ("found", 1), ("pushed", True)):
        equal(seen.get(what), want, "%s: %s" % (name, what))
    own = 'SUBJECT "%s ' % name
    equal(home.find("INBOX", 'FLAGGED KEYWORD $label1 ' + own + '0"'), 1,
          name + ": a star and a label")
    equal(home.find("INBOX", "SEEN " + own + '4"'), 1, name + ": read")
    equal(home.find("Made in " + name, own + '1"'), 1, name + ": copied")
    equal((home.find("Made in " + name, own + '2"'),
           home.find("INBOX", own + '2"')), (1, 0), name + ": moved")
    equal((home.find("Trash", own + '3"'), home.find("INBOX", own + '3"')),
          (1, 0), name + ": deleted")
    equal(home.find("Sent", 'SUBJECT "from Thunderbird %s"' % name), 1,
          name + ": a copy in Sent")
server.close()
finish()
