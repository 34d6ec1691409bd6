# I08: one session changes what another looks at. Answers are as the RFCs have
# them, whatever was changed.
need imap smtp
include ../scenario/common.inc
smtp s
repeat 6
	deliver s x@example.com anna@example.org m$i
end
imap a anna
imap b anna
imap c anna
# STORE and FETCH of what is expunged already.
b > 1 STORE 2:3 +FLAGS.SILENT (\Deleted)
b <* 1 OK
b > 2 EXPUNGE
b <* 2 OK
a > 1 FETCH 1:6 (UID)
a < * 1 FETCH
a <* /^1 (OK|NO \[EXPUNGEISSUED\])/
a > 2 NOOP
a <* 2 OK
a > 3 STORE 1:4 +FLAGS (\Flagged)
a <* 3 OK
c > 1 STORE 2 +FLAGS (x)
c <* /^1 (OK|NO)/
c > 2 NOOP
c <* 2 OK
# CONDSTORE with a modseq that is old, in the future, or none.
a > 4 STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\Seen)
a <* /^4 (OK|NO) \[MODIFIED 1\]/
a > 5 STORE 1 (UNCHANGEDSINCE 9223372036854775807) +FLAGS (\Seen)
a <* 5 OK
each n 9223372036854775808 18446744073709551616 -1 x
	a > 6 STORE 1 (UNCHANGEDSINCE $n) +FLAGS (\Seen)
	a < 6 BAD
	a > 6 FETCH 1 FLAGS (CHANGEDSINCE $n)
	a < 6 BAD
	a > 7 NOOP
	a <* 7 OK
end
a > 8 FETCH 1:* FLAGS (CHANGEDSINCE 9223372036854775807)
a < 8 OK
# QRESYNC is not offered: its lies are refused as any unknown parameter.
c > 3 ENABLE QRESYNC
c <* 3 OK
c > 4 SELECT INBOX (QRESYNC (1 1 1:4294967295 (1:9 1:9)))
c < 4 BAD
c > 4 UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)
c < 4 BAD
# The mailbox is renamed under a session that has it selected, then removed.
b > 3 CREATE work/sub
b <* 3 OK
b > 4 COPY 1:2 work/sub
b <* 4 OK
c > 5 SELECT work/sub
c <* 5 OK
b > 5 RENAME work/sub play
b <* 5 OK
c > 6 FETCH 1 (UID FLAGS)
c <* 6 OK
c > 7 STORE 1 +FLAGS (\Answered)
c <* 7 OK
b > 6 DELETE work
b <* /^6 (OK|NO)/
b > 7 DELETE play
b <* 7 OK
c > 8 FETCH 1 BODY.PEEK[]
c <* /^(8|\* BYE)/
b > 8 CREATE play
b <* 8 OK
b > 9 STATUS play (UIDVALIDITY MESSAGES)
b < /^\* STATUS play \(UIDVALIDITY [0-9]+ MESSAGES 0\)/
b < 9 OK
# All of INBOX goes elsewhere, and what another session holds of it.
b > 10 RENAME INBOX old
b <* 10 OK
a > 9 NOOP
a <* 9 OK
a > 10 FETCH 1:* UID
a <* /^10 (OK|BAD|NO)/
deliver s x@example.com anna@example.org after
expect mailbox anna INBOX 1
expect mailbox anna old 4
# Both expunge the same at once.
a > 11 STORE 1 +FLAGS.SILENT (\Deleted)
a <* 11 OK
b > 11 NOOP
b <* 11 OK
a >> 12 EXPUNGE\r\n
b >> 12 EXPUNGE\r\n
a <* 12 OK
b <* 12 OK
expect mailbox anna INBOX 0
