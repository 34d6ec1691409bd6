# S10: parameters of MAIL and RCPT: numbers that overflow, doubles, unknown ones.
need smtp
include ../scenario/common.inc
module smtp { max-message: 1M }
smtp s
define refused
	s > MAIL FROM:<x@example.com> $1
	s < $2
	s > RSET
	s < 250
end
refused SIZE=-1 "501 5.5.4"
refused SIZE=+1 "501 5.5.4"
refused SIZE=0x10 "501 5.5.4"
refused SIZE= "501 5.5.4"
refused SIZE "501 5.5.4"
refused SIZE=1048577 "552 5.3.4"
refused SIZE=4294967297 "552 5.3.4"
refused SIZE=18446744073709551615 "552 5.3.4"
refused SIZE=18446744073709551616 "552 5.3.4"
refused SIZE=99999999999999999999 "552 5.3.4"
refused SIZE=999999999999999999999999999999999999999 "501 5.5.4"
refused "SIZE=1 SIZE=1" "501 5.5.4"
deliver s x@example.com anna@example.org one
refused "BODY=8BITMIME BODY=7BIT" "501 5.5.4"
refused BODY=9BIT "501 5.5.4"
refused SMTPUTF8=yes "501 5.5.4"
refused RET=HDRS "555 5.5.4"
refused ENVID=x "555 5.5.4"
refused XYZ=1 "555 5.5.4"
refused =1 "555 5.5.4"
refused AUTH= "501 5.5.4"
refused AUTH=+ZZ "501 5.5.4"
refused AUTH=a+3 "501 5.5.4"
refused AUTH=a=b "501 5.5.4"
refused "AUTH=<> AUTH=<>" "501 5.5.4"
deliver s x@example.com anna@example.org two
s > MAIL FROM:<x@example.com> SIZE=1000 AUTH=<> BODY=8BITMIME SMTPUTF8
s < 250
s > RCPT TO:<anna@example.org> ORCPT=rfc822;anna@example.org
s < 555 5.5.4
s > RCPT TO:<anna@example.org> NOTIFY=NEVER
s < 555 5.5.4
s > RSET
s < 250
# Huge, yet within a command's length; then beyond it.
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
s > MAIL FROM:<x@example.com> ENVID=$k
s < 555 5.5.4
s > MAIL FROM:<x@example.com> AUTH=$k
s < 501 5.5.4
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org> ORCPT=$k$k
s < 500 5.5.2
s closed anyway
