# How long a fetch may take, how long policies are kept, what happens to fetches when
# the server stops or reloads, and the commands.
need smtp auth queue smtp-client queue-transport-direct resolver-zone mta-sts
include sts.inc
module mta-sts { ca-file: ca.crt, keep-unused: 1d }
reload

# A web server that sends a byte now and then: the first mail waits, and only once.
define drip
	request
	web >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n
	repeat 5
		web >> x
		clock +11s
	end
	web >> x
	clock +6s
	web closed anyway
	expect log event="no MTA-STS policy fetched" error=/no.reply.in.time/
end
mail
drip
never
later +6m
patience 5s
mail
request
secure
patience 100ms
expect log event="tls result" type=none outcome=success
take
web close
expect log event="no MTA-STS policy fetched"

# New settings are taken over in the middle of a fetch: the mail does not go as if
# that had failed, but comes again.
later +6m
id 2
command mtasts forget far.example
mail
request
reload
web closed anyway
expect log event=deferred text=/still.being.fetched/
command queue schedule --all
policy enforce mx.far.example 2592000
expect log event="MTA-STS policy fetched" id=2
secure
expect log event="tls result" type=sts outcome=success
take

# The commands.
command mtasts lookup far.example
expect output /version: STSv1\nmode: enforce\nmx: mx.far.example\n/
command mtasts list
expect output /far.example +enforce +2 /
command mtasts lookup FAR.example --json
expect output /"mode": "enforce"/
record "v=spf1 -all"
command mtasts fetch far.example
expect exit 1
expect output /no record/
command mtasts lookup far.example
command mtasts forget far.example
command mtasts forget far.example
expect exit 1
command mtasts lookup far.example
expect exit 1
command mtasts list --json
expect output []

# What nobody needs is forgotten.
id 3
mail
policy enforce mx.far.example 2592000
secure
take
later +20h
command mtasts list
expect output /far.example +enforce +3 /
later +8h
command mtasts list --json
expect output []

# The server stops in the middle of a fetch: not for long, and nothing is taken for
# granted. The mail goes when it is there again.
id 4
mail
request
u close
stop
start
command queue schedule --all
policy enforce mx.far.example 86400
expect log event="MTA-STS policy fetched" id=4
secure
take
