# Mail comes in by SMTP; a session in IDLE hears of it, and of what another
# session does with it.
need smtp imap
include common.inc

imap r anna
r > c IDLE
r < +
smtp s
deliver s x@example.com anna@example.org hello
r < * 1 EXISTS
r < * 1 RECENT
r < * 1 FETCH (UID 1 FLAGS (\Recent))
r silent 1s
expect log event=delivered account=anna mailbox=INBOX uid=1

imap w anna
w > a STORE 1 +FLAGS (\Flagged)
w < /^\* 1 FETCH .*FLAGS \(.*\\Flagged/
w < a OK
r < /^\* 1 FETCH .*\\Flagged/
w > b STORE 1 +FLAGS.SILENT (\Deleted)
w < b OK
r < /^\* 1 FETCH .*\\Deleted/
w > c EXPUNGE
w < * 1 EXPUNGE
w <* c OK
r < * 1 EXPUNGE
r < * 0 RECENT
r silent 1s
r > DONE
r < c OK

# Somebody else's mail is none of its business.
r > d IDLE
r < +
deliver s x@example.com bert@example.org hello
r silent 1s
r > DONE
r < d OK
expect mailbox anna INBOX 0
expect mailbox bert INBOX 1 unseen 1
