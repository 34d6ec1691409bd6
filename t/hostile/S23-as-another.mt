# S23: a user who writes as another, in the envelope or in the message; what only
# the sender may see; control characters.
need smtp auth
include ../scenario/common.inc
submission u anna
each path <bert@example.org> <root@example.org> <anna@elsewhere.example> <anna@example.org.evil.example> <"anna@example.org"@elsewhere.example> <anna+bert@example.org>
	u >> MAIL FROM:${path}\r\n
	u < /^(550 5.7.1|250)/
	u > RSET
	u < 250
end
u > MAIL FROM:<bert@example.org>
u < 550 5.7.1
expect log event=refused code=550
define send
	u > MAIL FROM:<anna@example.org>
	u < 250
	u > RCPT TO:<bert@example.org>
	u < 250
	u > DATA
	u < 354
	u >> $2\r\n\r\ntext\r\n.\r\n
	u < $1
end
send "550 5.7.1" "From: bert@example.org"
send "250" "From: anna@example.org\r\nBcc: secret@example.org,\r\n other@example.org\r\nbcc : more@example.org\r\nResent-Bcc: again@example.org\r\nResent-From: anna@example.org\r\nSubject: x"
expect message bert INBOX 1 /\nSubject: x\n/
expect message bert INBOX 1 /From: anna@example.org\nResent-From: anna@example.org\nSubject: x\n/
# Who sends it on is named, and is the user as well.
send "550 5.7.1" "From: anna@example.org\r\nResent-From: bert@example.org"
send "550 5.7.1" "Resent-From: Anna <bert@example.org>\r\nResent-From: anna@example.org\r\nFrom: anna@example.org"
send "550 5.6.0" "Resent-From: anna@example.org, bert@example.org\r\nFrom: anna@example.org"
send "550 5.7.1" "Resent-From: anna@example.org\r\nResent-Sender: anna@example.org\r\nFrom: x@elsewhere.example"
send "554 5.6.0" "From: anna@example.org\r\nSubject: a\nX-Injected: b"
send "554 5.6.0" "From: anna@example.org\r\nSubject: a\rX-Injected: b"
send "554 5.6.0" "From: anna@example.org\r\nSubject: a\0b"
expect mailbox bert INBOX 1
# Own fields of trace and delivery do not stand above ours.
send "250" "From: anna@example.org\r\nReturn-Path: <root@example.org>\r\nDelivered-To: root@example.org"
expect message bert INBOX 2 /^Return-Path: <anna@example.org>\nDelivered-To: bert@example.org\nReceived: /
u > MAIL FROM:<>
u < 250
u > RCPT TO:<bert@example.org>
u < 250
u > DATA
u < 354
u >> From: bert@example.org\r\n\r\ntext\r\n.\r\n
u < 550 5.7.1
