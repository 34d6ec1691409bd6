# What modules answer becomes what SMTP clients hear: every decision with every
# verdict, and every way of failing with every policy for it.
need smtp auth answer
include common.inc
include 69-hooks.inc

# all GOOD: GOOD is what is heard when nobody objects.
define all
	answer pass defer "$1"
	answer accept defer "$1"
	answer junk defer "$1"
	answer defer pass "451 4.7.99 the answer is defer"
	answer reject pass "55"
	answer disconnect pass "421 4.7.98 the answer is disconnect"
	s closed
	each how fail late
		broken $how defer "451 4.3.0"
		broken $how reject "55"
		broken $how pass "$1"
	end
	module answer
end

set hook connection
set place at_greeting
define at_greeting
	client s connect 25
	s < $1
end
all 220

set hook helo
set place at_helo
define at_helo
	client s connect 25
	s < 220
	s > EHLO client.example
	s < $1
end
all 250

set hook mail-from
set place at_mail
define at_mail
	smtp s
	s > MAIL FROM:<x@example.com>
	s < $1
end
all "250 2.1.0"

set hook rcpt-to
set place at_rcpt
define at_rcpt
	at_mail "250 2.1.0"
	s > RCPT TO:<anna@example.org>
	s < $1
end
all "250 2.1.5"

define at_dot
	at_rcpt "250 2.1.5"
	s > DATA
	s < 354
	s >> From: <x@example.com>\r\n\r\nx\r\n.\r\n
	s < $1
end
set place at_dot
each name header message deliver
	set hook $name
	all "250 2.0.0"
end
# Only what nobody objected to has been stored: five of eleven, three times.
expect mailbox anna INBOX 15

set hook auth
set place at_login
define at_login
	client s connect 465 tls
	s < 220
	s > EHLO laptop
	s < 250
	s > AUTH PLAIN $plain_bert
	s < $1
end
all "235 2.7.0"

set hook submit
set place at_submitted
define at_submitted
	at_login 235
	s > MAIL FROM:<bert@example.org>
	s < 250
	s > RCPT TO:<bert@example.org>
	s < 250
	s > DATA
	s < 354
	s >> From: <bert@example.org>\r\n\r\nx\r\n.\r\n
	s < $1
end
all "250 2.0.0"
expect mailbox bert INBOX 5

# All of it was counted.
module answer { rcpt-to: late, deadline: 2s }
reload
at_rcpt "451 4.3.0"
expect log level=error event="hook failed" hook=rcpt_to why=/late/
command hooks rcpt-to
expect output /rcpt_to +decision +[0-9]+ +answer +policy +[0-9]+ +7 +4 /
