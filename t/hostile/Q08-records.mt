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
	# They are shown, counted and dumped, and nothing of them is removed.
	command queue list
	expect output /^[^\n]*\n2 more cannot be read and are not tried: hermod queue damaged list/
	command queue list --json
	expect output []
	command queue damaged list --json
	expect output /"id": "$3", "recipient": "0", "set_aside": "2026-1[12]-[0-9]+T[0-9:]+Z", "what": "the [^"]*$5[^"]* cannot be read"\},\n\{"id": "$4", "recipient": "0"/
	command metrics
	expect output /hermod_queue_set_aside 2\n/
	command queue damaged dump $3
	expect output /message, [0-9]+ bytes\n000000  ([0-9a-f][0-9a-f] ){16} /
	expect output /recipient 0, [0-9]+ bytes\n000000  .*temp1/
	submission u anna
	send u ok@far.example good
	expect log event=sent to=ok@far.example
	# And taken out, one by one.
	command queue damaged drop $3
	expect output /1 removed; nobody is told/
	command queue list
	expect output /\n1 more cannot be read and is not tried/
	command queue damaged drop $4
	command queue damaged list --json
	expect output []
	command metrics
	expect output /hermod_queue_set_aside 0\n/
end
# Ids are taken in blocks of ten thousand, a new one for each start.
damaged queue-rcpt cut 1 2 recipient
damaged queue-rcpt version 10003 10004 recipient
damaged queue-message cut 20003 20004 record
damaged queue-message version 30003 30004 record

# A version that nobody knew is known one day: then they are due again.
each table queue-rcpt queue-message
	submission u anna
	send u temp3@far.example three
	expect log event=deferred to=temp3@far.example
	command spoil $table version
	clock +10m
	expect log l=error event=/set.aside/ domain=far.example
	u close
	stop
	start
	expect no log event="a record of the queue that was set aside can be read again"
	command spoil $table mend
	stop
	start
	expect log event="a record of the queue that was set aside can be read again"
	expect log event=deferred to=temp3@far.example attempt=2
	command queue damaged list --json
	expect output []
	command metrics
	expect output /hermod_queue_set_aside 0\n/
	command queue drop --all
end
command queue damaged drop 1
expect exit 1
expect output /message 1 has nothing that cannot be read/
command queue damaged dump 1
expect exit 1

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
