# The server stops while people are at it: they are told, what was acknowledged
# is there afterwards, under the same uids.
need smtp imap auth store
include common.inc

smtp s
deliver s x@example.com anna@example.org one
imap r anna
r > a STORE 1 +FLAGS (\Answered keep)
r <* a OK
r > b STATUS INBOX (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)
r <* * STATUS INBOX (UIDVALIDITY $validity UIDNEXT $next HIGHESTMODSEQ $modseq)
r <* b OK
imap i anna
i > a IDLE
i < +
submission u bert
u > MAIL FROM:<bert@example.org>
u < 250
u > RCPT TO:<anna@example.org>
u < 250
u > DATA
u < 354
u > From: <bert@example.org>
stop cancel
s < 421 4.3.2
s closed
r < * BYE
r closed
i < * BYE
i closed
u closed

imap r anna
r > c STATUS INBOX (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)
r <* * STATUS INBOX (UIDVALIDITY $validity UIDNEXT $next HIGHESTMODSEQ $modseq)
r <* c OK
r > d FETCH 1 FLAGS
r < /^\* 1 FETCH \(FLAGS \(\\Answered \\Recent keep\)\)/
r < d OK
expect mailbox anna INBOX 1
smtp s
deliver s x@example.com anna@example.org two
r > e NOOP
r <* /^\* 2 FETCH \(UID $next /
r < e OK
