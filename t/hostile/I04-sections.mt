# I04: parts that are deeper than any message, and bytes beyond its end.
need imap smtp
include ../scenario/common.inc
smtp s
deliver s x@example.com anna@example.org one
imap i anna
set d 1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.
set d $d$d$d$d$d$d$d$d$d$d$d$d$d$d$d$d$d$d$d$d
i > a FETCH 1 BODY.PEEK[${d}1]
i < /^\* 1 FETCH \(BODY\[[1.]*\] NIL\)/
i < a OK
i > a FETCH 1 BINARY.SIZE[${d}1]
i < /^\* 1 FETCH \(BINARY.SIZE\[[1.]*\] 0\)/
i < a OK
each part 2 1.1 1.2 0 4294967295 1.4294967295 1.MIME.1 1.1.HEADER 1.TEXT
	i > a FETCH 1 BODY.PEEK[${part}]
	i <* /^a (OK|BAD)/
	i > b NOOP
	i < b OK
end
each partial <4294967290.4294967295> <4294967295.1> <100000.1> <1000.4294967295>
	i > a FETCH 1 BODY.PEEK[]${partial}
	i < /^\* 1 FETCH \(BODY\[\]<[0-9]+> (\{0\}\n|"")\)/
	i < a OK
end
i > a FETCH 1 BODY.PEEK[TEXT]<8.4294967295>
i < /^\* 1 FETCH \(BODY\[TEXT\]<8> \{6\}\none.\n\)/
i < a OK
each wrong <0.0> <4294967296.1> <1.4294967296> <-1.5> <1> <1.> <.1> <1.2.3> <a.b>
	i > a FETCH 1 BODY.PEEK[]${wrong}
	i < a BAD
	i > b NOOP
	i < b OK
end
each item BODY[ BODY[] BODY[1 BODY[]] BODY[HEADER.FIELDS] "BODY[HEADER.FIELDS ()]" "BODY[HEADER.FIELDS (a" BODY[1..2] BODY[.1] BODY[1.] BINARY[TEXT] BINARY[1.] RFC822.PEEK BODY.PEEK XYZ ""
	i > a FETCH 1 (${item}
	i < a BAD
	i > b NOOP
	i < b OK
end
