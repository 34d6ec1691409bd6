# I12: messages too large for the quota or the limit are refused before they come;
# nothing half remains. CATENATE and URLs are not known.
need imap
include ../scenario/common.inc
conf domains.yaml {
	domains: {example.org: {}}
	accounts:
	  anna: {addresses: [anna@example.org], quota: 100K}
	  bert: {addresses: [bert@example.org]}
}
module imap { append-limit: 1M }
imap i anna
i > a APPEND INBOX {2147483648}
i < /^a (NO|BAD) \[(TOOBIG|LIMIT|OVERQUOTA)\]/
i > a APPEND INBOX {200000}
i < a NO [OVERQUOTA]
i > b NOOP
i < b OK
expect mailbox anna INBOX 0
# Full in the middle of several (RFC 3502): none of them is kept.
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
set l $k$k$k$k$k$k$k$k$k$k
set m ${l}$l$l$l$l
i > a APPEND INBOX {51200}
i < +
i >> $m {51200}\r\n
i < /^(\+|a NO)/
i >> $m {51200}\r\n
i < /^(\+|a NO)/
i >> $m\r\n
i <* /^(a NO|\* BYE|.* BAD)/
i close
expect mailbox anna INBOX 0
imap i anna
each date "32-Jan-2026 00:00:00 +0000" "31-Feb-2026 00:00:00 +0000" "01-Jan-26 00:00:00 +0000" "1-Jan-2026 24:00:00 +0000" " 1-Jan-2026 00:00:00 +9999" "now" ""
	i >> a APPEND INBOX "${date}" {3}\r\n
	i < a BAD
	i > b NOOP
	i < b OK
end
i > a APPEND INBOX CATENATE (URL "imap://bert@mail.example.org/INBOX;UID=1" TEXT {3}
i < a BAD
i > a APPEND nowhere {3}
i < a NO [TRYCREATE]
i > a APPEND INBOX (\Recent) {3}
i < /^(a BAD|\+)/
i close
expect mailbox anna INBOX 0
# The connection ends within the literal.
imap i anna
i > a APPEND INBOX {1000}
i < +
i >> Subject: half
i drop
clock +1s
expect mailbox anna INBOX 0
