# I01: literals of any size are judged before memory is given to them, and what
# cannot be told from commands is not read on.
need imap
include ../scenario/common.inc
module imap { max-literal: 4K, append-limit: 64K }
imap o bert
each size 4294967296 99999999999 18446744073709551616 99999999999999999999999 4097
	imap i anna
	# Announced and waited for: refused, and the session goes on.
	i > a CREATE {${size}}
	i < a BAD
	i > b NOOP
	i < b OK
	# Sent without waiting: what follows could be anything.
	i > c CREATE {${size}+}
	i < c BAD
	i < * BYE
	i closed
	expect log event="sent away"
end
imap i anna
each size -1 +5 0x5 5a "" " 5"
	i > a CREATE {${size}}
	i < a BAD
end
# Zeros in front, more of them than anybody looks through to find the brace.
set z 00000000000000000000000000000000
each size ${z}5 ${z}${z}5
	i > a CREATE {${size}}
	i < a BAD
	i > a APPEND {${size}}
	i < a BAD
	i > a APPEND INBOX {${size}}
	i < a BAD
end
i > a NOOP
i < a OK
i close
# LITERAL- (RFC 7888, 5) is not offered, so what is sent at once may be as large as
# any; many small ones in a command have a sum.
imap i anna
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
i >> a SEARCH
repeat 999
	i >> \x20TEXT {1+}\r\nx
end
i >> \r\n
i < /^(\* SEARCH|a )/
i close
imap i anna
i >> a SEARCH
repeat 1001
	i >> \x20TEXT {1+}\r\nx
end
i >> \r\n
i < /^a BAD/
i < * BYE
i closed anyway
imap i anna
i >> a SEARCH
repeat 300
	i >> \x20TEXT {4096+}\r\n$k$k$k$k
end
i >> \r\n
i < /^a BAD/
i < * BYE
i closed anyway
# Before the login there is less of it.
client i connect 143
i < * OK
i > a LOGIN {65537}
i < a BAD
i > a LOGIN {70000+}
i < a BAD
i < * BYE
i closed
# A message has its own limit; a literal within an unknown command is not run.
imap i anna
i > a APPEND INBOX {65537}
i < /^a (NO|BAD) \[(TOOBIG|LIMIT)\]/
i > b APPEND INBOX {99999999999999+}
i < /^b (NO|BAD)/
i < * BYE
i closed anyway
imap i anna
i >> a XYZZY {20+}\r\nb LOGOUT\r\nb LOGOUT\r\n
i < a BAD
i < * BYE
i closed anyway
o > n NOOP
o < n OK
