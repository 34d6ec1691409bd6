# S05: a line of text of a hundred megabytes goes to the disk in pieces, up to
# the limit.
need smtp
include ../scenario/common.inc
module smtp { max-message: 120M }
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
set m $k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k
set m $m$m$m$m$m$m$m$m$m$m$m$m$m$m$m$m

smtp s
define begin
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
	s > DATA
	s < 354
end
begin
s >> Subject: long\r\n\r\n
repeat 400
	s >> $m
end
s > end
s > .
s < 250 2.0.0
expect mailbox anna INBOX 1

# Too much is read to its end, and refused; far too much ends the session.
begin
repeat 500
	s >> $m
end
s > end
s > .
s < 552 5.3.4
expect log event=refused code=552
begin
repeat 962
	s >> $m
end
s < 552 5.3.4
s closed anyway
expect mailbox anna INBOX 1
smtp s
s > QUIT
s < 221
