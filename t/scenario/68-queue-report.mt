# Who is told what: RFC 3461's NOTIFY, RET, ENVID and ORCPT.
need smtp auth queue wire
include queue.inc

submission u anna
u > EHLO again
u < /250.DSN\n/

send u anna@example.org perm@far.example gone "ORCPT=rfc822;old@far.example"
expect log event="given up" to=perm@far.example attempt=1 code=550
expect mailbox anna INBOX 1
expect message anna INBOX 1 /\nOriginal-Recipient: rfc822;old@far.example\nFinal-Recipient: rfc822; perm@far.example\nAction: failed\nStatus: 5.1.1\n/
expect message anna INBOX 1 /\nDiagnostic-Code: smtp; 550-5.1.1 no such\n 550 5.1.1 user\n/

# Never; and only what was asked for.
send u anna@example.org perm2@far.example quiet "NOTIFY=NEVER"
expect log event="given up" to=perm2@far.example
expect mailbox anna INBOX 1
send u anna@example.org ok@far.example told "NOTIFY=SUCCESS"
expect log event=sent to=ok@far.example
expect mailbox anna INBOX 1
send u anna@example.org relayed@far.example told "NOTIFY=SUCCESS"
expect log event=sent to=relayed@far.example
expect mailbox anna INBOX 2
expect message anna INBOX 2 /\nAction: relayed\nStatus: 2.0.0\n/

# An account here says that it has it.
send u anna@example.org bert@example.org local "NOTIFY=SUCCESS"
expect mailbox bert INBOX 1
expect message bert INBOX 1 /\nSubject: local\n/
expect mailbox anna INBOX 3
expect message anna INBOX 3 /\nAction: delivered\n/

# The whole message comes back if that is asked for, and the envelope's id.
u > MAIL FROM:<anna@example.org> RET=FULL ENVID=order+2B7
u < 250
u > RCPT TO:<perm3@far.example>
u < 250
u > RCPT TO:<ok@far.example>
u < 250
u > RCPT TO:<perm4@far.example> NOTIFY=FAILURE
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\nSubject: back\r\n\r\n..A dot.\r\n.\r\n
u < 250
expect mailbox anna INBOX 4
expect message anna INBOX 4 /\nOriginal-Envelope-Id: order\+7\n/
expect message anna INBOX 4 /\nFinal-Recipient: rfc822; perm3@far.example\n(.*\n)*Final-Recipient: rfc822; perm4@far.example\n/
expect message anna INBOX 4 /\nContent-Type: message\/rfc822\n\nReceived: (.*\n)*Subject: back\n\n\.A dot\.\n/

# UTF-8 addresses are reported as such (RFC 6533).
u > MAIL FROM:<anna@example.org> SMTPUTF8
u < 250
u > RCPT TO:<permé@far.example>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\nSubject: utf8\r\n\r\nText.\r\n.\r\n
u < 250
expect mailbox anna INBOX 5
expect message anna INBOX 5 /report-type=global-delivery-status/
expect message anna INBOX 5 /\nFinal-Recipient: utf-8; permé@far.example\n/

# What was refused for good is not tried again.
send u anna@example.org perm@far.example again ""
expect mailbox anna INBOX 6
expect no log event=wire to=perm@far.example
expect message anna INBOX 6 /not sent: this account's earlier mail/
command queue suppress list anna
expect output /perm@far.example/
command queue suppress remove anna perm@far.example
send u anna@example.org perm@far.example again ""
expect log event=wire to=perm@far.example
command queue retired --to ok@far.example
expect output /ok@far.example .*sent/
