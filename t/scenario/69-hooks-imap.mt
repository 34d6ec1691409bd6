# What modules answer becomes what IMAP clients hear.
need imap auth answer
include common.inc
include 69-hooks.inc

# all GOOD DEFER REJECT: what is heard when nobody objects, for now, for ever.
define all
	answer pass defer "$1"
	answer accept defer "$1"
	answer junk defer "$1"
	answer defer pass "$2"
	answer reject pass "$3"
	answer disconnect pass "* BYE"
	s closed
	each how fail late
		broken $how defer "$2"
		broken $how reject "$3"
		broken $how pass "$1"
	end
	module answer
end

set hook connection
set place at_greeting
define at_greeting
	client s connect 993 tls
	s < $1
end
all "* OK" "* BYE [UNAVAILABLE]" "* BYE"

set hook auth
set place at_login
define at_login
	client s connect 993 tls
	s < * OK
	s > a LOGIN anna $password
	s < $1
end
all "a OK" "a NO [UNAVAILABLE]" "a NO [AUTHORIZATIONFAILED]"

set hook imap-command
set place at_command
define at_command
	client s connect 993 tls
	s < * OK
	s > b CAPABILITY
	s <* $1
end
all "b OK" "b NO [UNAVAILABLE]" "b NO [NOPERM]"
