# Q07: what is changed about a message while it waits, or is just being sent, does
# not change the message; copies of it are independent of each other.
need smtp auth imap queue smtp-client queue-transport-direct queue-transport-smtp
include outbound.inc
module queue-transport-smtp { transports: { office: { host: 203.0.113.7, port: 2525, tls: never } } }
server mx listen 203.0.113.9:2525
server office listen 203.0.113.7:2525
submission u anna

# In the middle of its text all kinds of commands come.
send u x@[203.0.113.9] held
greet mx
envelope mx
mx < DATA
command queue hold --all
command queue transport office --all
command queue requiretls yes --all
command queue schedule --in 1h --all
mx > 354 go on
mx < Received:
each n 1 2 3 4
	mx < /./
end
each line Date: Message-ID: From: To:
	mx < $line
end
mx < Subject: held
mx < /^$/
mx < Text of held.
mx < /^\.$/
mx > 451 4.2.0 later
expect log event=deferred to=x@[203.0.113.9] code=451
mx < QUIT
mx close
# The result is noted, and what the admin said holds.
command queue list
expect output /x@\[203.0.113.9\].* on hold .*office.*later/
clock +2h
expect no log event=deferred
command queue dump 1
expect output /Subject: held.*\n.*\nText of held/
command queue requiretls default --all
command queue unhold --all
office accept
office > 220 office
office < EHLO
office > 250 office
envelope office
text office held
# Removed while it is sent: it was sent, and is gone; nothing comes back.
command queue drop --all
office > 250 2.0.0 taken
expect log event=sent to=x@[203.0.113.9]
office < QUIT
office close
clock +1h
command queue drop --all
expect exit 1
expect mailbox anna INBOX 0

# Given up by the admin while it is sent: one of the two holds, not both.
submission u anna
send u y@[203.0.113.9] fail
greet mx
envelope mx
command queue fail --all
text mx fail
mx > 451 4.2.0 later
mx < QUIT
mx close
expect log event="given up" to=y@[203.0.113.9]
expect mailbox anna INBOX 1

# A copy that is expunged here goes out all the same, whole.
u > MAIL FROM:<anna@example.org>
u < 250
u > RCPT TO:<anna@example.org>
u < 250
u > RCPT TO:<z@[203.0.113.9]>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\nTo: <z@[203.0.113.9]>\r\nSubject: both\r\n\r\nText of both.\r\n.\r\n
u < 250
greet mx
imap i anna
i > d STORE 1:* +FLAGS.SILENT (\Deleted)
i <* d OK
i > e EXPUNGE
i <* e OK
i > o LOGOUT
i <* o OK
clock +1m
envelope mx
mx < DATA
mx > 354 go on
repeat 8
	mx < /./
end
mx < Subject: both
mx < /^$/
mx < Text of both.
mx < /^\.$/
mx > 250 2.0.0 taken
expect log event=sent to=z@[203.0.113.9]
mx < QUIT
mx close
expect mailbox anna INBOX 0
