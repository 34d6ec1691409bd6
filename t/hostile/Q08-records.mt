# Q08: records of the queue that are damaged, or of a version that nobody knows: the
# server starts, they are named and left alone, and all other mail goes.
need smtp auth queue wire spoil
include ../scenario/common.inc
module wire
module spoil
module queue { max-first-time-per-day: 0 }

define send
	$1 > MAIL FROM:<anna@example.org>
	$1 < 250
	$1 > RCPT TO:<$2>
	$1 < 250
	$1 > DATA
	$1 < 354
	$1 >> From: <anna@example.org>\r\nTo: <$2>\r\nSubject: $3\r\n\r\nText of $3.\r\n.\r\n
	$1 < 250 2.0.0
end

# damaged TABLE HOW: what waits is damaged; what comes behind it goes, now and when
# the server was started again.
define damaged
	submission u anna
	send u temp1@far.example one
	send u temp2@far.example two
	expect log event=deferred to=temp2@far.example
	command spoil $1 $2
	expect output /spoiled/
	u > QUIT
	u < 221
	stop
	start
	submission u anna
	send u ok@far.example good
	expect log event=sent to=ok@far.example
	clock +10m
	expect log l=error event=/set.aside/ domain=far.example
	expect log l=error event=/set.aside/ domain=far.example
	clock +1d
	expect no log event=/set.aside/
	command queue list
	expect exit 0
	submission u anna
	send u ok@far.example good
	expect log event=sent to=ok@far.example
end
damaged queue-rcpt cut
# Those of before are damaged again, and not named again.
damaged queue-rcpt version
damaged queue-message cut
damaged queue-message version

# Keys that are none stop nobody.
submission u anna
send u temp5@far.example five
expect log event=deferred to=temp5@far.example
command spoil queue-due key
u > QUIT
u < 221
stop
start
submission u anna
send u ok@far.example good
expect log event=sent to=ok@far.example
clock +10m
expect log event=deferred to=temp5@far.example attempt=2
