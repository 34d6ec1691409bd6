# S17: messages whose header is missing, is all, is enormous or is malformed.
need smtp imap
include ../scenario/common.inc
include hostile.inc
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
set m $k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k
set f \r\nx: y\r\nx: y\r\nx: y\r\nx: y\r\nx: y\r\nx: y\r\nx: y\r\nx: y\r\nx: y\r\nx: y
set f $f$f$f$f$f$f$f$f$f$f
set f $f$f$f$f$f$f$f$f$f$f
smtp s
message s 250 "\r\nno header"
message s 250 "Subject: only a header"
message s 250 "Subject: header and no end\r\nTo: x"
message s 250 "this is no field\r\nSubject: behind it\r\n\r\ntext"
message s 250 " folded from the start\r\nSubject: x\r\n\r\ntext"
message s 250 "Subject : blank before the colon\r\n:\r\n: no name\r\nNo value:\r\n\r\ntext"
message s 250 "Subject: blanks alone\r\n \t \r\n \r\n\r\ntext"
message s 250 "${m}: a long name\r\nSubject: x\r\n\r\ntext"
# Ten thousand fields are in order, and so is a header up to a megabyte.
define long
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
	s > DATA
	s < 354
	s >> Subject: long
	repeat $1
		s >> $2
	end
	s >> \r\n\r\ntext\r\n.\r\n
	s < $3
end
long 10 "$f" 250
long 60 "\r\n $m" 250
# Beyond it nobody looks: a million fields, one folded for ten megabytes, no end.
long 70 "\r\n $m" "552 5.3.4 the header"
expect log event=refused code=552
long 640 "\r\n $m" 552
long 1000 "$f" 552
long 1000 $m 552
expect mailbox anna INBOX 10
# A long body is not a long header.
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s >> \r\n
repeat 100
	s >> $m\r\n
end
s > .
s < 250
# IMAP shows them all.
imap i anna
i > f FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (Subject x)]<0.100> RFC822.SIZE)
repeat 11
	i < /^\* $i FETCH \(/
end
i < f OK
i > s SEARCH HEADER Subject long
i < * SEARCH 9 10
i < s OK
