# O04: what a stranger says cannot make up lines of the log, steer a terminal, or be
# taken for a format.
need smtp imap auth
include ../scenario/common.inc
client s connect 25
s < 220
s > EHLO a=b%n%s"c
s < 501
s > EHLO %n%n%s.example
s < 501
s >> EHLO \xe2\x80\xaeelpmaxe\r\n
s < /^(501|250)/
s > EHLO client.example
s < 250
s > MAIL FROM:<"x y\" l=error m=pwned"@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s >> From: \x1b[31m%n%s\r\nSubject: \x1b]0;owned\x07 %n\r\nMessage-ID: <%n@\x1b>\r\n\r\ntext\r\n.\r\n
s < 250
expect log event=delivered from=/m=pwned/
expect no log event=pwned
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<%n%n%s@example.org>
s < 550
expect log event=refused code=550
client i connect 993 tls
i < * OK
i > a LOGIN "evil l=error m=pwned %n%s" wrong
clock +5s
i < a NO
expect log event="failed authentication attempt" user=/pwned/
expect no log event=pwned
i >> a LOGIN {10}\r\n
i < +
i >> a\r\nb\x1b[2J\x7f wrong\r\n
clock +5s
i < /^a (NO|BAD)/
i > a ID ("name" "x\" l=error m=pwned" "version" "%n")
i <* a OK
expect no log event=pwned
