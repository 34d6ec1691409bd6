# T05: SASL exchanges that are not what they say. Each ends with an error, wrong
# credentials count once, and others log in meanwhile.
need smtp imap auth
include ../scenario/common.inc
module auth { failures-per-minute: 100, failure-delay: 1s }
client u connect 465 tls
u < 220
u > EHLO c
u < 250
submission other bert

# Not base64, not the mechanism, cancelled: no password was tried.
define ask
	u > AUTH $1
	u < $2
end
ask "PLAIN" 334
u > *
u < 501 5.5.0
ask "PLAIN ====" "501 5.5.2"
ask "PLAIN A" "501 5.5.2"
ask "PLAIN AGFubmEA!!!!" "501 5.5.2"
ask "PLAIN =" "501 5.5.2"
ask "PLAIN YW5uYQ==" "501 5.5.2"
ask "LOGIN" 334
u > *
u < 501
ask "CRAM-MD5" 334
u > *
u < 501
ask "CRAM-MD5 AAAA" "501 5.5.2"
ask "CRAM-MD5" 334
u > =
u < 501
ask "EXTERNAL =" "504 5.5.4"
ask "ANONYMOUS" "504 5.5.4"
ask "SCRAM-SHA-999 AA==" "504 5.5.4"
ask "" "501 5.5.4"
ask "A-NAME-THAT-IS-FAR-TOO-LONG-FOR-A-MECHANISM AA==" "501 5.5.4"
expect no log event="failed authentication attempt"
u close

# NUL beyond the two of PLAIN; one who would act for another.
client u connect 465 tls
u < 220
u > EHLO c
u < 250
each response AGFubmEAY29ycmVjdC1ob3JzZQB4 AGFubmEAAA== AABhbm5hAGNvcnJlY3QtaG9yc2U=
	u > AUTH PLAIN $response
	clock +5s
	u < /^(501|535) 5/
end
u close
client u connect 465 tls
u < 220
u > EHLO c
u < 250
each response YmVydABhbm5hAGNvcnJlY3QtaG9yc2U= AGFubmEAd3Jvbmc=
	u > AUTH PLAIN $response
	u silent 900ms
	clock +100ms
	u < 535 5.7.8
end
expect log event="failed authentication attempt" user=anna
expect log event="failed authentication attempt" user=anna
expect no log event="failed authentication attempt"
# LOGIN with the name at once, as some clients do.
u > AUTH LOGIN YW5uYQ==
u < 334 UGFzc3dvcmQ6
u > d3Jvbmc=
clock +1s
u < 535
u > AUTH LOGIN YW5uYQ==
u < 334
u > Y29ycmVjdC1ob3JzZQ==
u < 235
other > NOOP
other < 250

# Ten megabytes.
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
client u connect 465 tls
u < 220
u > EHLO c
u < 250
u > AUTH PLAIN
u < 334
u > $k$k$k$k$k$k$k$k$k$k$k$k$k
u < 500
u closed anyway
client i connect 993 tls
i < * OK
i > a AUTHENTICATE PLAIN
i < +
i > *
i < a BAD
i > a AUTHENTICATE PLAIN YWJj
i < /^a (BAD|NO)/
i > a AUTHENTICATE PLAIN =
i < /^a (BAD|NO)/
i > a AUTHENTICATE XYZ
i < a NO
set l $k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k
i > a AUTHENTICATE PLAIN
i < +
i >> $l$l$l$l$l
i < /BYE/
i closed anyway
other > NOOP
other < 250
