# The plugin that the SDK begins with: a field above every message, chosen
# recipients refused; taken over, changed and dropped while the server runs.
need smtp hello
include common.inc

smtp s
deliver s x@example.com anna@example.org before
expect message anna INBOX 1 /^Return-Path[^\n]*\n(Delivered-To|Received|\t)/

module hello { greeting: Good day, refuse: [bert@example.org] }
reload
# The session began without it.
deliver s x@example.com bert@example.org before

smtp t
t > MAIL FROM:<x@example.com>
t < 250
t > RCPT TO:<bert@example.org>
t < 550 5.7.1 this address only greets
t > RCPT TO:<anna@example.org>
t < 250
t > RSET
t < 250
deliver t x@example.com anna@example.org during
expect message anna INBOX 2 /\nX-Hello: Good day\n/

module hello { greeting: Good evening }
reload
smtp u
deliver u x@example.com bert@example.org evening
expect message bert INBOX 2 /\nX-Hello: Good evening\n/
module disable hello
smtp v
deliver v x@example.com anna@example.org after
expect mailbox anna INBOX 3
imap r anna
r > a SEARCH HEADER X-Hello ""
r < /^\* SEARCH 2$/
r < a OK
