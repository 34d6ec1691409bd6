# Domains, accounts, addresses and passwords by command: effective at once, also
# for sessions that are open, and after a restart.
need smtp imap auth directory-yaml
include common.inc

smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<carl@example.net>
s < 550 5.7.1
command domain add example.net
s > RCPT TO:<carl@example.net>
s < 550 5.1.1
command account add carl carl@example.net
expect output /carl/
s > RCPT TO:<carl@example.net>
s < 250
command account add carl other@example.net
expect exit 1
expect output hermod: 
command account list
expect output /carl +.*carl@example.net/
command account list --json
expect output /"account": ?"carl"/
command address add sales@example.net carl
s > RCPT TO:<sales@example.net>
s < 250
command address remove sales@example.net
s > RCPT TO:<sales@example.net>
s < 550 5.1.1
command address add x@nowhere.example carl
expect exit 1

password carl first-password
client r connect 993 tls
r < * OK
r > a LOGIN carl@example.net first-password
r <* a OK
password carl second-password
client q connect 993 tls
q < * OK
q > a LOGIN carl first-password
clock +1s
q < a NO [AUTHENTICATIONFAILED]
q > b LOGIN carl second-password
q <* b OK
command account password carl <<END
	short
END
expect exit 1
expect output /8/

# All of it is there after a restart, and the mail too.
s > RSET
s < 250
deliver s x@example.com carl@example.net kept
r > z LOGOUT
r <* z OK
q close
s close
stop
client t connect 25
t < 220
expect mailbox carl INBOX 1
client r connect 993 tls
r < * OK
r > a LOGIN carl second-password
r <* a OK

# Who is removed cannot log in any more, nor get mail.
command account remove carl
t > EHLO client.example
t < 250
t > MAIL FROM:<x@example.com>
t < 250
t > RCPT TO:<carl@example.net>
t < 550 5.1.1
client q connect 993 tls
q < * OK
q > a LOGIN carl second-password
clock +1s
q < a NO [AUTHENTICATIONFAILED]
command account remove carl
expect exit 1
