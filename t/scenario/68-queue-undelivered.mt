# Reports that nobody can be given: they are tried as other mail is, and that ends.
need smtp auth queue wire
include queue.inc
module answer
define quota
	conf domains.yaml {
		domains:
		  example.org: {}
		accounts:
		  anna: {addresses: [anna@example.org], quota: $1}
		  bert: {addresses: [bert@example.org]}
	}
end
quota 1K
submission u anna

# The account has no room: what was sent is settled, and its report waits as mail.
send u anna@example.org perm@far.example gone ""
expect log l=warn event="an account has no room for a report, which is tried again as mail" account=anna
expect log event="given up" to=perm@far.example code=550
expect log event=deferred from="" to=anna@example.org attempt=1 esc=4.2.2 text=/full/
command queue list --json
expect output /\n\{"id": "2", "account": "", "from": "<>", "to": "anna@example.org", /
expect mailbox anna INBOX 0

# Once there is room it arrives, and says what it would have said.
quota 1M
reload
clock +8m
expect log event=sent from="" to=anna@example.org attempt=2
expect mailbox anna INBOX 1
expect message anna INBOX 1 /^Return-Path: <>\n(.*\n)*Subject: Mail could not be delivered\n(.*\n)*Final-Recipient: rfc822; perm@far.example\nAction: failed\n/
command queue list --json
expect output []

# There is none for all of the schedule: eight attempts, a line in the log, an entry
# among what was sent. Nothing is said about a report.
quota 1K
reload
submission u anna
send u anna@example.org perm2@far.example gone ""
expect log event="given up" to=perm2@far.example
clock +1d
each n 1 2 3 4 5 6 7
	expect log event=deferred from="" to=anna@example.org attempt=$n
end
expect log l=warn event="given up" from="" to=anna@example.org attempt=8 esc=4.2.2
command queue list --json
expect output []
command queue retired --to anna@example.org
expect output /<> +anna@example.org .* 8 +failed +the mailbox is full/
command queue retired --to perm2@far.example
expect output /perm2@far.example .*failed/
clock +7d
expect no log event=queued
expect mailbox anna INBOX 1
expect mailbox bert INBOX 0

# A notice of delay, and one of success, are no different; the mail itself goes on.
submission u anna
send u anna@example.org temp@far.example late ""
send u anna@example.org ok@far.example told "NOTIFY=SUCCESS"
send u anna@example.org relayed@far.example told "NOTIFY=SUCCESS"
expect log event=sent to=relayed@far.example
expect log event=deferred from="" to=anna@example.org
clock +3h
expect log event=deferred to=temp@far.example attempt=5
expect log event=deferred from="" to=anna@example.org attempt=1
clock +2d
expect log event="given up" to=temp@far.example attempt=8
clock +2d
command queue list --json
expect output []

# A module that refuses reports for good is heard once; one that puts them off is
# asked again, and the mail is kept until it agrees.
module answer { report: reject }
reload
submission u anna
send u anna@example.org perm3@far.example gone ""
expect log l=error event="the sender is not told" sender=anna@example.org error=/answer.is.reject/
expect log event="given up" to=perm3@far.example
command queue list --json
expect output []
module answer { report: defer }
reload
submission u anna
send u anna@example.org perm4@far.example gone ""
expect log l=error event="cannot report to the sender" error=/answer.is.defer/
clock +20m
expect log l=error event="cannot report to the sender" error=/answer.is.defer/
command queue list --json
expect output /"to": "perm4@far.example"/
module answer
reload
clock +16m
expect log event="given up" to=perm4@far.example
expect log event=deferred from="" to=anna@example.org
