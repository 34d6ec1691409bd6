# Messages: transparency, pipelining, chunks, limits, and what must not be one.
need smtp
include common.inc
module smtp { max-message: 64K, max-recipients: 2 }

smtp s
# Pipelined up to DATA (RFC 2920).
s >> MAIL FROM:<x@example.com>\r\nRCPT TO:<anna@example.org>\r\nRCPT TO:<bert@example.org>\r\nDATA\r\n
s < 250
s < 250
s < 250
s < 354
s data <<END
	Subject: dots

	.one
	..two
	.
	end
END
s < 250 2.0.0
expect message anna INBOX 1 /\n\n\.one\n\.\.two\n\.\nend\n$/
expect message anna INBOX 1 /^Return-Path: <x@example.com>\n/
expect message anna INBOX 1 /Delivered-To: anna@example.org\n/
expect message bert INBOX 1 /Delivered-To: bert@example.org\n/
expect message bert INBOX 1 /Received: from client.example .*198\.51\.100\.1/

# Two addresses of one account are one copy.
command address add a@example.org anna
s > MAIL FROM:<> BODY=8BITMIME
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > RCPT TO:<a@example.org>
s < 250
s > BDAT 14
s >> Subject: b\r\n\r\n
s < 250
s bdat last <<END
	chunk
END
s < 250 2.0.0
expect mailbox anna INBOX 2 unseen 2
expect message anna INBOX 2 /Subject: b\n\nchunk\n$/

# A line end that another server might take for the end of the message.
each end \n.\n \n.\r\n \r\n.\n \r.\r \r\n.\r
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<bert@example.org>
	s < 250
	s > DATA
	s < 354
	s >> Subject: smuggled${end}MAIL FROM:<evil@example.com>\r\n.\r\n
	s < /^55[04] 5/
end
expect mailbox bert INBOX 1

# Limits.
s > MAIL FROM:<x@example.com> SIZE=65537
s < 552 5.3.4
s > MAIL FROM:<x@example.com> SIZE=1000
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > RCPT TO:<bert@example.org>
s < 250
s > RCPT TO:<postmaster@example.org>
s < /^(452 4.5.3|550)/
s > DATA
s < 354
repeat 700
	s >> 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n
end
s > .
s < 552 5.3.4
expect mailbox bert INBOX 1
