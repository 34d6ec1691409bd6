# Whose mail is it: case, subaddresses, catch-all, postmaster, other mailboxes,
# international addresses, domains that are switched off, full accounts.
need smtp directory-yaml
include common.inc
conf domains.yaml {
	postmaster: bert
	domains:
	  example.org: {separators: "+-"}
	  exact.example: {case-sensitive: yes}
	  off.example: {disabled: yes}
	  "bücher.example": {}
	accounts:
	  anna:
	    addresses: [anna@example.org, Anna@exact.example, "info@bücher.example"]
	    mailboxes: {anna@example.org: Post}
	  bert: {addresses: ["@example.org", "грета@bücher.example"]}
	  carl: {addresses: [carl@example.org], quota: 1K}
	  dora: {addresses: [dora@off.example]}
}

smtp s
define accepted
	s > RCPT TO:<$1>
	s < 250 2.1.5
end
define refused
	s > RCPT TO:<$1>
	s < $2
end
s > MAIL FROM:<x@example.com> SMTPUTF8
s < 250
accepted ANNA@EXAMPLE.ORG
accepted anna+shop@example.org
accepted anna-shop@example.org
accepted Anna@exact.example
refused anna@exact.example "550 5.1.1"
accepted anybody@example.org
accepted postmaster@example.org
accepted postmaster@exact.example
accepted postmaster
refused dora@off.example "450 4.2.1"
accepted info@bücher.example
accepted info@xn--bcher-kva.example
accepted грета@bücher.example
refused nobody@bücher.example "550 5.1.1"
refused x@example.net "550 5.7.1"
refused anna@ "501"
refused "anna@example.org> SIZE=1 <" "55"
s > DATA
s < 354
s data <<END
	Subject: to many

	One copy each.
END
s < 250 2.0.0
expect mailbox anna Post 1
expect mailbox anna INBOX 1
expect mailbox bert INBOX 1

# International addresses need their extension.
s > MAIL FROM:<x@example.com>
s < 250
refused грета@bücher.example "553 5.6.7"
s > RSET
s < 250

# No room: refused before the data, as soon as it is known.
s > MAIL FROM:<x@example.com> SIZE=5000
s < 250
refused carl@example.org "452 4.2.2"
accepted anna@example.org
s > RSET
s < 250
s > MAIL FROM:<x@example.com>
s < 250
accepted carl@example.org
s > DATA
s < 354
repeat 30
	s > 0123456789012345678901234567890123456789012345678901234567890123456789
end
s > .
s < 452 4.2.2
expect mailbox carl INBOX 0
