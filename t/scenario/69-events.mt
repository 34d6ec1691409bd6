# Modules are told what happened, after it did, and cannot hold anything up.
need smtp imap auth answer
include common.inc
module answer

start
expect log event=told hook=generation_changed
smtp s
deliver s x@example.com anna@example.org one
expect log event=told hook=message_added
s > QUIT
s < 221
expect log event=told hook=session_end
imap r anna
r > a STORE 1 +FLAGS (\Seen)
r <* a OK
expect log event=told hook=message_changed
r > b STORE 1 +FLAGS.SILENT (\Deleted)
r <* b OK
expect log event=told hook=message_changed
r > c EXPUNGE
r <* c OK
expect log event=told hook=message_removed
r > d CREATE New
r <* d OK
expect log event=told hook=mailbox_changed
r > e DELETE New
r <* e OK
expect log event=told hook=mailbox_changed
command address add more@example.org anna
expect log event=told hook=account_changed
reload
expect log event=told hook=generation_changed

# A session of the first generation tells those who listen now.
r > f LOGOUT
r <* f OK
expect log event=told hook=session_end
module disable answer
smtp s
deliver s x@example.com anna@example.org two
expect no log event=told
