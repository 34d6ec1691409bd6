# This server is its own provider: TLS, log-in, and the message a second time.
need smtp auth queue smtp-client queue-transport-submission
include ../../../t/scenario/common.inc
module smtp-client
module queue
module queue-transport-submission {
	transports:
	  implicit: {host: 127.0.0.1, verify: no, user: anna, password: "$password"}
	  starttls: {host: 127.0.0.1, tls: starttls, verify: no, user: anna, password: "$password"}
	  plain: {host: 127.0.0.1, verify: no, mechanisms: [PLAIN], user: anna, password: "$password"}
	  wrong: {host: 127.0.0.1, verify: no, user: anna, password: wrong}
	  untrusted: {host: 127.0.0.1, user: anna, password: "$password"}
}

# hold NAME: the user's message to bert waits, to be sent by that way.
define hold
	command queue holdrules add --to-domain example.org
	u > MAIL FROM:<anna@example.org>
	u < 250
	u > RCPT TO:<bert@example.org> NOTIFY=SUCCESS
	u < 250
	u > DATA
	u < 354
	u >> From: <anna@example.org>\r\nSubject: by $1\r\n\r\nText.\r\n.\r\n
	u < 250
	expect log event="queued and held"
	command queue holdrules remove 1
	command queue transport $1 --all
	command queue unhold --all
end

submission u anna
hold implicit
expect log event=sent to=bert@example.org code=250
expect message bert INBOX 1 /\nSubject: by implicit\n/
expect message bert INBOX 1 /\nReceived: (.*\n)*Received: from mail.example.org\n.*ESMTPSA/
hold starttls
expect log event=sent to=bert@example.org
expect message bert INBOX 2 /\nSubject: by starttls\n/
hold plain
expect message bert INBOX 3 /\nSubject: by plain\n/

hold wrong
clock +2s
expect log event="failed authentication attempt" user=anna
expect log event=deferred to=bert@example.org text="/535/"
command queue drop --all
submission u anna
hold untrusted
expect log event=deferred to=bert@example.org text="/TLS: /"
command queue drop --all
expect mailbox bert INBOX 3
