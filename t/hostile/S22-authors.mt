# S22: From fields with several authors, none, groups, or a name that looks like an
# address. From users exactly one address, and theirs; from others the message is
# stored, but no author of it is taken for known.
need smtp auth imap
include ../scenario/common.inc
submission u anna
define refused
	u > MAIL FROM:<anna@example.org>
	u < 250
	u > RCPT TO:<bert@example.org>
	u < 250
	u > DATA
	u < 354
	u >> $2\r\n\r\ntext\r\n.\r\n
	u < $1
	u > RSET
	u < 250
end
refused "550 5.6.0" "Subject: none"
refused "550 5.6.0" "From: anna@example.org\r\nFrom: anna@example.org"
refused "550 5.6.0" "From: anna@example.org\r\nfrom : bert@example.org"
refused "550 5.6.0" "From: anna@example.org, bert@example.org"
refused "550 5.6.0" "From: bert@example.org, anna@example.org"
refused "550 5.6.0" "From: group: anna@example.org;"
refused "550 5.6.0" "From: undisclosed:;"
refused "550 5.6.0" "From:"
refused "550 5.6.0" "From: <>"
refused "550 5.6.0" "From: anna@example.org bert@example.org"
refused "550 5.6.0" "From: <anna@example.org> <bert@example.org>"
refused "550 5.7.1" "From: anna@example.org <bert@example.org>"
refused "550 5.7.1" "From: =?utf-8?q?anna=40example.org?= <bert@example.org>"
refused "550 5.7.1" "From: =?utf-8?b?YW5uYUBleGFtcGxlLm9yZw==?= <bert@example.org>"
refused "550 5.7.1" "From: (anna@example.org) bert@example.org"
refused "550 5.7.1" "From: \x22anna@example.org\x22 <bert@example.org>"
refused "550 5.7.1" "From: x@elsewhere.example"
refused "550 5" "From: =?utf-8?q?anna=40example=2Eorg?="
refused "550 5" "From: anna@example.org\r\n\t, bert@example.org"
expect mailbox bert INBOX 0
refused "250 2.0.0" "From: =?utf-8?q?bert=40example.org?= <anna@example.org>\r\nSender: bert@example.org"
expect mailbox bert INBOX 1

# What comes from elsewhere is delivered and shown as it is.
smtp s
each from "From: a@a.example\\r\\nFrom: b@b.example" "From: a@a.example, b@b.example" "X: none" "From: g: a@a.example, b@b.example;" "From: =?utf-8?q?ceo=40bank.example?= <x@evil.example>"
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
	s > DATA
	s < 354
	s >> ${from}\r\n\r\ntext\r\n.\r\n
	s < 250
end
imap i anna
i > f FETCH 5 ENVELOPE
i < /\* 5 FETCH \(ENVELOPE \(.*\(\(\"=\?utf-8\?q\?ceo=40bank.example\?=" NIL "x" "evil.example"\)\)/
i < f OK
