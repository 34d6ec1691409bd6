#!/usr/bin/env python3
# Programs that fetch, sort and send mail, and libraries that read it strictly.
import base64
import glob
import hashlib
import hmac
import imaplib
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hermod import *  # noqa: E402,F403

server = Server()
home = Home(server)
home.deliver(4)


def here(program):
    if shutil.which(program):
        return True
    skip(program, "not installed")
    return False


def sent(subject):
    equal(home.find("INBOX", 'SUBJECT "%s"' % subject), 1,
          "%s has arrived" % subject)


if here("msmtp"):
    rc = home.write("msmtprc", """defaults
auth on
tls on
tls_trust_file @cert@
host localhost
user anna
password "@password@"
from anna@example.org
account starttls
port @submission@
tls_starttls on
account tls
port @submissions@
tls_starttls off
account scram : tls
auth scram-sha-256
account cram : starttls
auth cram-md5
""")
    home.try_("msmtp reads what the server offers", "msmtp", "-C", rc, "-a",
              "starttls", "--serverinfo", said="AUTH")
    for account in "starttls", "tls", "scram", "cram":
        home.try_("msmtp, " + account, "msmtp", "-C", rc, "-a", account,
                  "bert@example.org", "anna@example.org",
                  input="Subject: msmtp %s\n\n.\n..\ndots\n" % account)
        sent("msmtp " + account)

if here("s-nail"):
    nail = ["s-nail", "-:/", "-S", "v15-compat", "-S",
            "tls-ca-file=" + home.cert, "-S", "tls-ca-no-defaults"]
    url = "anna:%s@localhost" % PASSWORD.replace(" ", "%20")
    home.try_("s-nail sends", *nail, "-S", "from=anna@example.org", "-S",
              "smtp-use-starttls", "-S", "smtp-auth=plain", "-S",
              "mta=smtp://%s:%d" % (url, server.ports["submission"]), "-s",
              "by s-nail", "-a", home.cert, "anna@example.org",
              input="Hello\n")
    sent("by s-nail")
    home.try_("s-nail sees new mail", *nail, "-S", "imap-auth=login", "-e",
              "-f", "imaps://%s:%d/INBOX" % (url, server.ports["imaps"]))
    home.try_("s-nail lists", *nail, "-S", "imap-auth=login", "-S",
              "imap-use-starttls", "-H", "-f",
              "imap://%s:%d/INBOX" % (url, server.ports["imap"]),
              said="by s-nail")

if here("fetchmail"):
    os.makedirs(home.path("fm"))
    rc = home.write("fetchmailrc", """poll localhost service @imaps@
 protocol IMAP user anna password "@password@" ssl sslcertck
 sslcertfile @cert@ keep fetchall no rewrite
 mda "/bin/sh -c 'cat > @home@/fm/$$'"
""")
    had = home.status("INBOX")[0]
    home.try_("fetchmail", "fetchmail", "-f", rc, "--pidfile",
              home.path("fetchmail.pid"), "-v", "--nosyslog")
    equal(len(glob.glob(home.path("fm/*"))), had,
          "fetchmail has every message")
    equal(home.status("INBOX"), (had, 0), "and they are seen")

if here("getmail"):
    for sub in "cur", "new", "tmp":
        os.makedirs(home.path("gm", sub))
    # It delivers as another user when root calls it.
    root = os.getuid() == 0
    rc = home.write("getmailrc", """[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = @imaps@
username = anna
password = @password@
mailboxes = ("INBOX",)
ca_certs = @cert@
[destination]
type = Maildir
path = @home@/gm/
%s
[options]
read_all = true
delete = false
""" % ("user = nobody" if root else ""))
    if root:
        for at in server.dir, home.dir:
            os.chmod(at, 0o755)
        for at in glob.glob(home.path("gm", "*")) + [home.path("gm")]:
            shutil.chown(at, "nobody")
    had = home.status("INBOX")[0]
    home.try_("getmail", "getmail", "--getmaildir=" + home.dir,
              "--rcfile=" + rc, said="%d messages" % had)
    equal(len(glob.glob(home.path("gm/new/*"))), had,
          "getmail has every message")

if here("imapfilter"):
    rc = home.write("filter.lua", """options.timeout = 60
options.create = true
options.subscribe = true
a = IMAP {server = 'localhost', port = @imaps@, username = 'anna',
    password = '@password@', ssl = 'auto'}
found = a.INBOX:contain_subject('number')
print('found', #found)
found:copy_messages(a['Sorted/Numbers'])
a.INBOX:contain_subject('number 3'):move_messages(a['Sorted/Three'])
a.INBOX:contain_subject('number 2'):mark_flagged()
a.INBOX:contain_subject('number 1'):delete_messages()
print('body', #a['Sorted/Numbers']:contain_body('Hello 2'))
""")
    text = home.try_("imapfilter", "imapfilter", "-c", rc, "-t", home.cert,
                     said="found\t4")
    ok("body\t1" in text, "imapfilter finds in a body")
    equal((home.status("Sorted/Numbers") or [0])[0], 4, "it copies")
    equal((home.status("Sorted/Three") or [0])[0], 1, "it moves")
    equal([home.find("INBOX", 'SUBJECT "number %d"' % i) for i in range(4)],
          [1, 0, 1, 0], "what was moved and deleted is gone")
    equal(home.find("INBOX", "FLAGGED"), 1, "it sets flags")

def gsasl(server, port, mechanism, *more):
    home.try_("gsasl --%s %s" % (port, " ".join((mechanism,) + more)),
              "gsasl", "--smtp" if port == "submission" else "--imap",
              "--connect", "localhost:%d" % server.ports[port],
              "--x509-ca-file=" + server.path("etc", "localhost.crt"),
              "--mechanism", mechanism, "--authentication-id=anna",
              "--authorization-id=", "--password=" + PASSWORD, *more)


bound = Server(conf={"auth": "mechanisms: [SCRAM-SHA-256-PLUS, "
                             "SCRAM-SHA-1-PLUS, SCRAM-SHA-256]\n"})
if here("gsasl"):
    for port in "imap", "submission":
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                          "SCRAM-SHA-256"):
            gsasl(server, port, mechanism, "--no-cb")
    for port in "imap", "submission":
        for mechanism in "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS":
            gsasl(bound, port, mechanism)
            gsasl(bound, port, mechanism, "--priority=NORMAL:-VERS-TLS1.3")


def scram(server, flag):
    """SCRAM-SHA-256 (RFC 5802, 7677) with a flag for channel binding."""
    nonce = base64.b64encode(os.urandom(12)).decode()
    first = "n=anna,r=" + nonce

    def step(said):
        if not said:
            return (flag + first).encode()
        if said.startswith(b"v="):
            return b""
        s = dict(x.split("=", 1) for x in said.decode().split(","))
        key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(),
                                  base64.b64decode(s["s"]), int(s["i"]))
        last = "c=%s,r=%s" % (base64.b64encode(flag.encode()).decode(), s["r"])
        key = hmac.digest(key, b"Client Key", "sha256")
        sign = hmac.digest(hashlib.sha256(key).digest(), ",".join(
            (first, said.decode(), last)).encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(key, sign))
        return (last + ",p=" + base64.b64encode(proof).decode()).encode()

    m = imaplib.IMAP4("localhost", server.ports["imap"])
    m.starttls(server.tls_context())
    try:
        return m.authenticate("SCRAM-SHA-256", step)[0]
    except imaplib.IMAP4.error as e:
        return "NO" if "AUTHENTICATIONFAILED" in str(e) else str(e)


equal(scram(server, "n,,"), "OK", "SCRAM of a client without channel binding")
equal(scram(server, "y,,"), "OK", "and of one that is offered none")
equal(scram(bound, "n,,"), "OK", "a client may do without it")
equal(scram(bound, "y,,"), "NO", "but not take it for absent: it was hidden")
bound.close()

PERL = r"""
use Mail::IMAPTalk;
my ($port, $password) = @ARGV;
my $m = Mail::IMAPTalk->new(Server => 'localhost', Port => $port, UseSSL => 1,
    UseBlocking => 1, Username => 'anna', Password => $password, Uid => 1)
    or die "no connection: $@";
$m->set_unicode_folders(1);
sub good { $_[0] or die $m->get_last_error(); $_[0] }
good $m->select('INBOX');
my $all = good $m->fetch('1:*', '(uid flags rfc822.size internaldate ' .
    'envelope bodystructure body.peek[header.fields (from subject)])');
for my $uid (keys %$all) {
	my $x = $all->{$uid};
	die "uid $uid" unless $x->{uid} == $uid && $x->{'rfc822.size'} > 0;
	die "envelope of $uid" unless ref $x->{envelope} &&
	    $x->{envelope}{From} =~ /@/ && length $x->{envelope}{Subject};
	die "structure of $uid" unless ref $x->{bodystructure} &&
	    $x->{bodystructure}{'MIME-Type'};
}
my $n = keys %$all;
my $box = "Caf\x{e9} \x{263a}";
good $m->create($box);
good $m->copy('1:*', $box);
my $s = good $m->status($box, '(messages uidnext)');
die "status" unless $s->{messages} == $n && $s->{uidnext} == $n + 1;
good $m->store('1:*', '+flags', '(\\Answered label)');
my $found = good scalar($m->search('1:*', 'keyword', 'label', 'answered'));
die "search" unless @$found == $n;
good $m->delete($box);
$m->logout();
print "all $n\n";
"""
if here("perl") and home.run("perl", "-MMail::IMAPTalk", "-MIO::Socket::SSL",
                             "-e", "1")[0] == 0:
    had = home.status("INBOX")[0]
    home.try_("Mail::IMAPTalk", "perl", home.write("talk.pl", PERL),
              str(server.ports["imaps"]), PASSWORD, said="all %d" % had)
else:
    skip("Mail::IMAPTalk", "not installed")
server.close()
finish()
