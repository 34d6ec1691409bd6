# I03: sequence sets in any order, doubled, with numbers that no message has.
need imap smtp
include ../scenario/common.inc
smtp s
repeat 5
	deliver s x@example.com anna@example.org m$i
end
imap i anna
define five
	i > a $1
	repeat 5
		i < /^\* $i FETCH \(/
	end
	i < a OK
end
five "FETCH 1:*,*:1,5:1,1:5 UID"
five "FETCH *:1 FLAGS"
five "UID FETCH 1:* FLAGS"
five "UID FETCH 4294967295:1 FLAGS"
five "UID FETCH *:4294967295,1:4,7:9 FLAGS"
i > a UID FETCH *:4294967295 UID
i < * 5 FETCH (UID 5)
i < a OK
i > a UID FETCH 6:4294967295 UID
i < a OK
i > a FETCH *:4294967295 UID
i < /^(a BAD|\* 5)/
each set 0 0:1 1:0 4294967296 99999999999 -1 1:-1 , 1, ,1 1,,2 1:2:3 : * :* *: 1:*: a 1.2 "" 1;2 "1 2"
	imap i anna
	i > a FETCH ${set} UID
	i < /^(a (BAD|NO)|\* 5)/
	i > a UID FETCH ${set} UID
	i <* /^a |\* 5/
	i close
end
imap i anna
i > a FETCH 6 UID
i < a BAD
i > a UID STORE 4000000000:* +FLAGS (\Flagged)
i < * 5 FETCH
i < a OK
# As long as a line may be; each message comes once.
set p 1:*,*:1,3,2,
set p $p$p$p$p$p$p$p$p$p$p
set p $p$p$p$p$p$p$p$p$p$p
set p $p$p$p$p
five "FETCH ${p}1 UID"
five "UID FETCH ${p}1 FLAGS"
i > a SEARCH ${p}1
i < * SEARCH 1 2 3 4 5
i < a OK
i > a UID COPY ${p}1 Sent
i < /^a OK \[COPYUID [0-9]+ 1:5 1:5\]/
expect mailbox anna Sent 5
# A megabyte of them.
repeat 20
	i >> $p
end
i < * BYE
i closed anyway
