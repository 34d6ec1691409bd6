# The module that answers as addresses ask, for those who test clients.
need smtp simulate directory-yaml
include common.inc
conf domains.yaml {
	domains: {example.org: {}}
	accounts: {anna: {addresses: ["@example.org"]}}
}

smtp s
s > MAIL FROM:<mailfromtemperror@example.com>
s < 451 4.3.0
s > MAIL FROM:<mailfrom550@example.com>
s < 550
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<rcptto452@example.org>
s < 452
s > RCPT TO:<rcpttopermerror@example.org>
s < 550 5.3.0
s > RCPT TO:<permerror@example.org>
s < 250
s > DATA
s < 354
s data <<END
	Subject: x

	x
END
s < 550 5.3.0
deliver s x@example.com anna@example.org fine
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<rcpttotimeout@example.org>
s silent 59m
clock +1m
s < 4
expect mailbox anna INBOX 1
expect log level=error event="hook failed" module=simulate hook=rcpt_to
