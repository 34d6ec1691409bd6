# Mailboxes over IMAP: the first ones, making, renaming, deleting, subscriptions,
# and what the inbox does when it is renamed.
need imap auth store
include common.inc

imap r anna
r > a LIST "" "*" RETURN (SPECIAL-USE SUBSCRIBED)
r < /^\* LIST \([^)]*\) "\/" INBOX$/
r < /^\* LIST \([^)]*\\Archive[^)]*\) "\/" Archive$/
r < /^\* LIST \([^)]*\\Drafts[^)]*\) "\/" Drafts$/
r < /^\* LIST \([^)]*\\Junk[^)]*\) "\/" Junk$/
r < /^\* LIST \([^)]*\\Sent[^)]*\) "\/" Sent$/
r < /^\* LIST \([^)]*\\Trash[^)]*\) "\/" Trash$/
r < a OK
r > b CREATE Work/Reports/2026
r <* b OK
r > c CREATE Work
r <* c NO [ALREADYEXISTS]
r > d LIST "" "Work*"
r < /^\* LIST .*Work$/
r < /^\* LIST .*Work\/Reports$/
r < /^\* LIST .*Work\/Reports\/2026$/
r < d OK
r > e DELETE Work
r <* e NO
r > f RENAME Work Job
r <* f OK
r > g STATUS Job/Reports/2026 (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
r < /^\* STATUS Job\/Reports\/2026 \(MESSAGES 0 UIDNEXT 1 UIDVALIDITY [1-9][0-9]* UNSEEN 0\)$/
r < g OK
r > h SELECT Work/Reports/2026
r <* h NO [NONEXISTENT]
r > i DELETE INBOX
r <* i NO

# Subscriptions outlive what they name.
r > j SUBSCRIBE Job
r <* j OK
r > k DELETE Job/Reports/2026
r <* k OK
r > l DELETE Job/Reports
r <* l OK
r > m DELETE Job
r <* m OK
r > n LIST (SUBSCRIBED) "" Job
r < /^\* LIST \(.*\\NonExistent.*\) "\/" Job$/
r < n OK
r > o UNSUBSCRIBE Job
r <* o OK

# Renaming the inbox moves its messages (RFC 9051, 6.3.6).
r literal p APPEND INBOX <<END
	Subject: one

	1
END
r <* p OK [APPENDUID
r > q RENAME INBOX Old
r <* q OK
expect mailbox anna INBOX 0
expect mailbox anna Old 1
r > r STATUS INBOX (MESSAGES)
r <* r OK
