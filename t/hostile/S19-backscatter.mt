# S19: mail with a forged sender, made to be returned to a bystander. What is not
# wanted is refused while the other server is there; nobody is written to.
need smtp auth queue wire answer
include ../scenario/queue.inc
smtp s

# Nobody here, and nobody elsewhere: at RCPT.
repeat 30
	s > MAIL FROM:<victim@far.example>
	s < 250
	s > RCPT TO:<nobody@example.org>
	s < 550 5.1.1
	s > RCPT TO:<x@other.example>
	s < 550 5.7.1
	s > RSET
	s < 250
	smtp s
end
# What modules find bad, before and behind the message, and for one of two.
each hook rcpt-to header message deliver
	module answer { $hook: reject, only: bert }
	reload
	smtp s
	s > MAIL FROM:<victim@far.example> SIZE=50
	s < 250
	s > RCPT TO:<anna@example.org>
	s < /^[25]50/
	s > RCPT TO:<bert@example.org>
	s < /^[25]50/
	s > DATA
	s < /^(354|554)/
	s >> From: <victim@far.example>\r\n\r\nx\r\n.\r\n
	s < /^(550 5.7.99|451 4.7.1|500)/
	expect mailbox anna INBOX 0
	expect mailbox bert INBOX 0
end
module answer { deliver: pass }
reload

# Reports for a user are the user's: the sender must be an address of theirs.
submission u anna
u > MAIL FROM:<victim@far.example>
u < 550 5.7.1
u > MAIL FROM:<bert@example.org>
u < 550 5.7.1
send u anna@example.org perm@far.example mine ""
expect mailbox anna INBOX 1
# Of a report nobody is told, and a postmaster is not asked twice.
u > MAIL FROM:<>
u < 250
u > RCPT TO:<perm2@far.example>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\n\r\nx\r\n.\r\n
u < 250
expect log event="given up" to=perm2@far.example
expect mailbox anna INBOX 1
clock +2d
command queue list --json
expect output []
expect no log event=wire
