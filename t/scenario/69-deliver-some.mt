# What one of several recipients refuses, the others get: the sender is told, and
# nobody else is.
need smtp auth queue answer wire
include queue.inc
module answer { deliver: reject, only: bert }
start

# two NAME FROM PARAMETERS: a message for anna and bert, up to the dot.
define two
	$1 > MAIL FROM:<$2> $3
	$1 < 250
	$1 > RCPT TO:<anna@example.org>
	$1 < 250
	$1 > RCPT TO:<bert@example.org>
	$1 < $4
	$1 > DATA
	$1 < 354
	$1 >> From: <$2>\r\nSubject: both\r\n\r\nText.\r\n.\r\n
end

# A user's message is taken; the queue reports.
submission u anna
two u anna@example.org "" 250
u < 250 2.0.0
expect mailbox anna INBOX 2
expect mailbox bert INBOX 0
expect message anna INBOX 2 /\nFinal-Recipient: rfc822; bert@example.org\nAction: failed\nStatus: 5.7.99\n/
expect message anna INBOX 2 /the answer is reject/

# From elsewhere nobody is told by us: once more, and the other server tells.
smtp s
two s x@far.example SIZE=60 250
s < 451 4.7.1
expect mailbox anna INBOX 2
two s x@far.example SIZE=60 "550 5.7.99 the answer is reject"
s < 250 2.0.0
expect mailbox anna INBOX 3
expect mailbox bert INBOX 0

# It was for that message alone: another one is asked about anew, after a reload
# too.
two s x@far.example SIZE=61 250
s < 451 4.7.1
reload
smtp s
two s x@far.example SIZE=62 250
s < 451 4.7.1
two s x@far.example SIZE=61 "550 5.7.99"
s < 250 2.0.0
two s x@far.example SIZE=61 250
s < 451 4.7.1
expect mailbox anna INBOX 4
# Servers try for five days.
clock +6d
smtp s
two s x@far.example SIZE=62 250
s < 451 4.7.1

# A message that would not be known again is refused for all.
two s x@far.example "" 250
s < 550 5.7.99
expect mailbox anna INBOX 4

# Of a report nobody would hear; those who take it have it.
two s "" SIZE=60 250
s < 250 2.0.0
expect mailbox anna INBOX 5
expect mailbox bert INBOX 0
expect log level=warn event="refused for one recipient, and there is no sender to tell" rcpt=bert@example.org

# One for bert alone is refused at once, as ever.
s > MAIL FROM:<x@far.example> SIZE=60
s < 250
s > RCPT TO:<bert@example.org>
s < 250
s > DATA
s < 354
s >> From: <x@far.example>\r\n\r\nx\r\n.\r\n
s < 550 5.7.99

# "Not now" for one is "not now" for all: nothing is stored twice.
module answer { deliver: defer, only: bert }
reload
smtp s
two s x@far.example SIZE=60 250
s < 451 4.7.99
expect mailbox anna INBOX 5
# A user need not wait: the queue does.
submission u anna
two u anna@example.org "" 250
u < 250 2.0.0
expect mailbox anna INBOX 6
expect mailbox bert INBOX 0
module answer { deliver: pass }
reload
clock +20m
expect mailbox bert INBOX 1
