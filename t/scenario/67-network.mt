# Connections that break: nothing is half stored, nobody else notices.
need smtp imap
include common.inc

imap r anna
smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s > Subject: half
s drop
smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s >> BDAT 100 LAST\r\nSubject: half
s drop
expect mailbox anna INBOX 0

# The network fails at each step of a delivery; there is a message if and only if
# it was all there.
repeat 14
	smtp f
	fail read $i
	f >> MAIL FROM:<x@example.com>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n
	clock +1s
	f close
	fail read 0
end
expect mailbox anna INBOX 0
r > a NOOP
r < a OK

# The reply is lost, the message is not (RFC 5321, 4.2.5).
smtp f
f > MAIL FROM:<x@example.com>
f < 250
f > RCPT TO:<anna@example.org>
f < 250
f > DATA
f < 354
fail write 2
f >> Subject: whole\r\n\r\nx\r\n.\r\n
f closed
fail write 0
expect mailbox anna INBOX 1
r > b NOOP
r < * 1 EXISTS
r <* b OK

# A client that goes away in the middle of an answer, and one in IDLE.
r > c IDLE
r < +
r drop
imap r anna
r > d FETCH 1 BODY[]
r drop
imap r anna
r > e FETCH 1 FLAGS
r < /^\* 1 FETCH/
r < e OK

# Reads and writes of an IMAP session fail, each in turn. What was answered is
# done, and whoever watches goes on.
imap w anna
repeat 8
	imap f anna
	fail read $i
	f >> a APPEND Drafts {6+}\r\nx\r\n\r\ny\r\nb STORE 1 +FLAGS (\\Flagged)\r\nc FETCH 1 BODY.PEEK[]\r\nd COPY 1 Archive\r\ne LOGOUT\r\n
	clock +1s
	f closed anyway
	fail read 0
	w > n NOOP
	w <* n OK
end
repeat 12
	imap f anna
	fail write $i
	f >> a APPEND Drafts {6+}\r\nx\r\n\r\ny\r\nb STORE 1 +FLAGS (\\Answered)\r\nc FETCH 1 BODY.PEEK[]\r\nd COPY 1 Archive\r\ne IDLE\r\nDONE\r\nf LOGOUT\r\n
	clock +1s
	f closed anyway
	fail write 0
	w > n NOOP
	w <* n OK
end
w > g FETCH 1 FLAGS
w < /^\* 1 FETCH .*\\Answered/
w <* g OK
