# S18: mail that goes round: a hundred hops, hosts that are this one, hosts that are
# nobody, hosts that nobody outside should reach.
need smtp auth queue smtp-client queue-transport-direct resolver-zone
include outbound.inc
dns <<END
null.example.       MX 0 .
self.example.       MX 10 mail.example.org.
less.example.       MX 10 mail.example.org.
less.example.       MX 20 mx.far.example.
more.example.       MX 10 mx.far.example.
more.example.       MX 20 mail.example.org.
mx.far.example.     A 203.0.113.9
round.example.      CNAME about.example.
about.example.      CNAME round.example.
t1.example.         A 127.0.0.1
t2.example.         A 127.1.2.3
t3.example.         AAAA ::1
t4.example.         AAAA ::ffff:127.0.0.1
t5.example.         A 169.254.1.1
t6.example.         AAAA fe80::1
t7.example.         A 0.0.0.0
t8.example.         A 10.1.2.3
t9.example.         A 192.168.1.1
t10.example.        A 172.16.0.1
t11.example.        AAAA fd00::1
t12.example.        A 224.0.0.1
t13.example.        A 255.255.255.255
t14.example.        MX 10 t1.example.
t15.example.        MX 10 localhost.
localhost.          A 127.0.0.1
END
server mx listen 203.0.113.9:2525
set r Received: from a by b; Fri, 20 Nov 2026 12:00:00 +0000\r\n
set r10 $r$r$r$r$r$r$r$r$r$r

# hops NUMBER: fields to begin with; the connection takes a message for anna.
smtp s
define hops
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
	s > DATA
	s < 354
	repeat 9
		s >> $r10
	end
	s >> $1
	s >> Subject: round\r\n\r\nText.\r\n.\r\n
	s < $2
end
hops "" 250
hops $r10 250
hops $r10$r "554 5.4.6"
# What was here already is no sign of a loop by itself: nothing is forwarded.
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s >> Delivered-To: anna@example.org\r\nSubject: x\r\n\r\nText.\r\n.\r\n
s < 250
expect mailbox anna INBOX 3

# bounced DOMAIN CODE: at once, with a report; nobody is dialled.
set n 0
submission u anna
define bounced
	send u x@$1 loop
	expect log event="given up" to=x@$1 attempt=1 esc=$2
end
bounced null.example 5.1.10
bounced self.example 5.4.6
bounced less.example 5.4.6
expect mailbox anna INBOX 6
expect message anna INBOX 6 /\nAction: failed\nStatus: 5.4.6\n/
# Better ones than this server are tried, and no other.
send u x@more.example one
greet mx
mx < MAIL
mx > 450 4.2.0 later
mx < QUIT
mx > 221 bye
expect log event=deferred to=x@more.example code=450
send u x@round.example loop
expect log to=x@round.example attempt=1

each k 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
	bounced t$k.example 5.7.1
end
bounced [127.0.0.1] 5.7.1
bounced [10.0.0.1] 5.7.1
bounced [IPv6:::1] 5.7.1
bounced [IPv6:fe80::1] 5.7.1
# Unless the admin allows it.
module queue-transport-direct { port: 2525, refuse: [127.0.0.0/8] }
reload
server near listen 10.1.2.3:2525
submission u anna
send u x@t8.example near
greet near
near < MAIL
near > 550 5.7.1 no
near < QUIT
near > 221 bye
expect log event="given up" to=x@t8.example code=550
