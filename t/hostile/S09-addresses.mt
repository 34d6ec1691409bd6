# S09: paths that no mail address has, or that mean what they do not seem to
# (RFC 5321, 4.1.2). Nothing of them comes back raw.
need smtp
include ../scenario/common.inc
smtp s
set a aaaaaaaa
set long $a$a$a$a$a$a$a$a
set b bbbbbbb
set label $b$b$b$b$b$b$b$b$b
each path <x@> <@example.com> <x> <x@@example.com> <x@.example.com> <x@example..com> <.x@example.com> <x..y@example.com> <x.@example.com> <x@exa\x20mple.com> <x\x20y@example.com> <"x@example.com> <"x"y@example.com> <x"y"@example.com> <(c)x@example.com> <x@(c)example.com> <x@[1.2.3]> <x@[1.2.3.4.5]> <x@[256.1.1.1]> <x@[IPv6:::1> <x@[IPv6:1:2:3:4:5:6:7:8:9]> <x@[IPv6:zz]> <x@[IPv6:]> <x@[]> <x@-a.example> <${long}${long}a@example.com> <x@${label}b.com> <x@${label}.${label}.${label}.${label}.com> <x@example.com <<x@example.com>> <x@example.com>> <,@example.com> <x@example.com,y@example.com> <x;y@example.com>
	s >> MAIL FROM:${path}\r\n
	s < /^50[01] [ -~]*$/
	s >> RSET\r\n
	s < 250
	expect log event=refused
	# The errors do not run out of their budget.
	deliver s ok@example.com anna@example.org again
end
s >> MAIL FROM:<"x\r\n
s < /^50[01] [ -~]*$/
s >> RCPT TO:<bert@example.org>"@example.com>\r\n
s < 50
s > RSET
s < 250

# What is legal if odd.
each path <"a\\"b"@example.com> <"a\x20b"@example.com> <x@[192.0.2.1]> <x@[IPv6:2001:db8::1]> <!#$%&'*+-/=?^_`{|}~@example.com> <@hop.example,@hop2.example:x@example.com> <${long}@example.com> <x@xn--bcher-kva.example> <x@BÜCHER.example>
	s >> MAIL FROM:${path} SMTPUTF8\r\n
	s < 250 2.1.0
	s > RSET
	s < 250
end

# A source route is cut, not followed; U-label and A-label are one address.
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<@elsewhere.example:anna@example.org>
s < 250 2.1.5
s > RCPT TO:<@example.org:anna@elsewhere.example>
s < 550 5.7.1
s > RCPT TO:<anna%elsewhere.example@example.org>
s < 550
s > RCPT TO:<"anna@elsewhere.example"@example.org>
s < 550
s > RCPT TO:<elsewhere.example!anna@example.org>
s < 550
s > RCPT TO:<anna@example.org.>
s < /^5/
