# S08: who speaks too early, or another protocol (ALPACA), is sent away, and
# nothing of it is run.
need smtp imap
include ../scenario/common.inc

# Before the greeting.
client s connect 25
s >> EHLO x.example\r\nMAIL FROM:<x@example.com>\r\n
s < /^(220|554)/
s close

each start "GET / HTTP/1.1" "POST / HTTP/1.1" "OPTIONS sip:x SIP/2.0" "\x16\x03\x01\x02\x00" "USER anna" "* OK hello"
	client h connect 25
	h < 220
	h >> ${start}\r\nHost: mail.example.org\r\n\r\nEHLO x.example\r\nMAIL FROM:<x@example.com>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n
	h < /^500 5.5/
	h closed
	expect log event=refused code=500
	client h connect 143
	h < * OK
	h >> ${start}\r\nHost: mail.example.org\r\n\r\na CAPABILITY\r\na LOGIN anna x\r\n
	h < /BAD|BYE/
	h closed anyway
	expect log event="sent away"
end

# Pipelined behind EHLO, behind STARTTLS, behind DATA.
client s connect 25
s < 220
s >> EHLO x.example\r\nMAIL FROM:<x@example.com>\r\n
s < 554 5.5.0
s closed
smtp s
s >> MAIL FROM:<x@example.com>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nSubject: early\r\n\r\ntext\r\n.\r\n
s < 250
s < 250
s < 554 5.5.0
s closed
expect mailbox anna INBOX 0
