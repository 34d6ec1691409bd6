# T11: no password, an empty one, one that is too short: nobody gets in by it.
need imap auth smtp
include ../scenario/common.inc
# Nobody has set any: every one is wrong, and the empty one, too.
client i connect 993 tls
i < * OK
i > a LOGIN anna ""
clock +10s
i < a NO [AUTHENTICATIONFAILED]
i > a LOGIN anna " "
clock +10s
i < a NO [AUTHENTICATIONFAILED]
i > a LOGIN anna x
clock +10s
i < a NO [AUTHENTICATIONFAILED]
client s connect 465 tls
s < 220
s > EHLO c
s < 250
each response AGFubmEA AAAA AGFubmEAeA==
	s > AUTH PLAIN $response
	clock +10s
	s < /^(535|501) 5/
end
command account password anna {

}
expect exit 1
expect output /at least 8/
command account password anna {
	short
}
expect exit 1
client i connect 993 tls
i < * OK
i > a LOGIN anna short
clock +10s
i < a NO
command account password nobody {
	long-enough
}
expect exit 1
command account password anna {
	long-enough
}
client i connect 993 tls
i < * OK
i > b LOGIN anna long-enoug
clock +10s
i < b NO
i > c LOGIN anna long-enough
i <* c OK
