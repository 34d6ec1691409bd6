# The schedule: 0, 7.5 m, 15 m, 30 m, 1 h, 2 h, 4 h, 8 h; a notice of delay after
# the fifth attempt, the report after the last. The queue outlives restarts.
need smtp auth queue wire
include queue.inc

submission u anna
send u anna@example.org ok@far.example first ""
expect log event=wire to=ok@far.example number=1 whole=1
expect log event=sent to=ok@far.example
expect mailbox anna INBOX 0

send u anna@example.org temp@far.example late ""
expect log event=deferred to=temp@far.example attempt=1 code=451
clock +7m
expect no log event=wire number=2
clock +31s
clock +10s
expect log event=wire to=temp@far.example number=2
clock +15m
clock +10s
expect log event=wire number=3
stop
start
clock +30m
clock +20s
expect log event=wire number=4
expect mailbox anna INBOX 0
clock +1h
clock +20s
expect log event=wire number=5
expect mailbox anna INBOX 1
expect message anna INBOX 1 /^Return-Path: <>\n/
expect message anna INBOX 1 /\nSubject: Mail is delayed\n/
expect message anna INBOX 1 /\nAction: delayed\n/
expect message anna INBOX 1 /\nStatus: 4.2.0\n/
expect message anna INBOX 1 /\nWill-Retry-Until: Sat, 21 Nov 2026 0[0-9]/
clock +2h
clock +20s
expect log event=wire number=6
clock +4h
clock +20s
expect log event=wire number=7
expect mailbox anna INBOX 1
clock +8h
clock +20s
expect log event=wire number=8
expect log event="given up" to=temp@far.example attempt=8
expect mailbox anna INBOX 2
expect message anna INBOX 2 /\nContent-Type: multipart\/report; report-type=delivery-status;\n/
expect message anna INBOX 2 /\nFinal-Recipient: rfc822; temp@far.example\nAction: failed\nStatus: 5.2.0\nRemote-MTA: dns; mx.wire.example\nDiagnostic-Code: smtp; 451 4.2.0 not now\n/
expect message anna INBOX 2 /\nContent-Type: text\/rfc822-headers\n\nReceived: /
expect message anna INBOX 2 /\nSubject: late\n/
clock +2d
expect no log event=wire
command queue list --json
expect output []
