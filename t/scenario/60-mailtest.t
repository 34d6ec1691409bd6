#!/bin/bash
# hermod-mailtest itself: what each statement is for, and that each can fail.
. "${top_srcdir:-.}/t/lib.sh"
make_trash
mailtest=$top_builddir/hermod-mailtest
export HERMOD_TEMPLATES=$trash/templates
mkdir -p "$trash/templates/localserve/conf.d"

# plays NAME: the scenario on standard input goes well.
plays () {
	cat > "$trash/x.mt"
	"$mailtest" "$trash/x.mt" > "$trash/out" 2>&1 &&
	    ! grep -q '^not ok' "$trash/out"
	status=$?
	ok $status "$1"
	[ $status -eq 0 ] || sed 's/^/#   /' "$trash/out"
}

# fails NAME TEXT: it fails at its last line, and says so in these words.
fails () {
	cat > "$trash/x.mt"
	"$mailtest" "$trash/x.mt" > "$trash/out" 2>&1
	status=$?
	[ $status -eq 1 ] && [ "$(grep -c '^not ok' "$trash/out")" -eq 1 ] &&
	    grep -qF -- "$2" "$trash/out" &&
	    grep -q "x.mt:$(grep -c '' "$trash/x.mt"):" "$trash/out"
	status=$?
	ok $status "can fail: $1"
	[ $status -eq 0 ] || sed 's/^/#   /' "$trash/out"
}

pair='server s listen 127.0.0.5:25
client c connect 127.0.0.5:25
s accept'

plays "lines go both ways" <<END
$pair
s > 220 here
c < 220 he
c > one two
s < one two
c close
s closed
END

fails "another line" "got 221 here" <<END
$pair
s > 221 here
c < 220
END

fails "no line" "nothing came" <<END
$pair
c < 220
END

fails "part of a line" "there is only a part of a line: 220" <<END
$pair
s >> 220 he
c < 220
END

fails "a connection that is over" "the connection is over" <<END
$pair
s close
c < 220
END

plays "a reply of several lines is one" <<END
$pair
s > 250-a
s > 250-b
s > 250 c
c < /^250-a\n250-b\n250 c\$/
END

plays "a literal belongs to its line" <<END
$pair
s >> * 1 FETCH (BODY[] {6}\r\na\r\nb\r\n)\r\n* OK\r\n
c < /\{6\}\na\nb\n\)\$/
c < * OK
END

plays "untagged lines are skipped" <<END
$pair
s > * 1 EXISTS
s > * 2 EXISTS
s > a OK
c <* a OK
END

fails "what is not untagged is not skipped" "got b NO" <<END
$pair
s > * 1 EXISTS
s > b NO
c <* a OK
END

plays "variables are taken and given" <<END
$pair
s > * OK [UIDVALIDITY 1234] fine
c < * OK [UIDVALIDITY \$v]
c > is \$v for \$\$1
s < is 1234 for \$\$1
set w x\$v
c > \$w
s < /^x\$v\$/
END

fails "a variable with another value" "got uid 2" <<END
$pair
s > uid 1
c < uid \$u
s > uid 2
c < uid \$u
END

fails "a variable nobody has set" "there is no variable" <<END
$pair
c > \$nothing
END

plays "raw bytes" <<END
$pair
c >> a\x41\\\\b\tc\0d\r\n
s < /^aA.b.c/
END

plays "DATA doubles dots" <<END
$pair
c data <<EOT
.one
two
EOT
s < ..one
s < two
s < /^\.\$/
END

plays "literals and chunks have their size" <<END
$pair
c literal a APPEND INBOX <<EOT
	abc
EOT
s < /^a APPEND INBOX \{5\+\}\nabc\n\$/
c bdat last <<EOT
	abc
EOT
s < /^BDAT 5 LAST\$/
s < abc
END

plays "silence lets time pass" <<END
$pair
c silent 10m
END

fails "noise" "got x" <<END
$pair
s > x
c silent 1s
END

fails "an open connection" "still open" <<END
$pair
c closed
END

fails "unread lines before the end" "unread: x" <<END
$pair
s > x
s close
c closed
END

plays "nobody listens" <<END
client c connect 127.0.0.5:25 refused
END

fails "somebody listens" "cannot connect" <<END
server s listen 127.0.0.5:25
client c connect 127.0.0.5:25 refused
END

plays "faults of the network" <<END
server s listen 127.0.0.5:25
fail connect 2
client a connect 127.0.0.5:25
client b connect 127.0.0.5:25 refused
s accept
fail write 1
a > lost
s closed
END

plays "loops" <<END
$pair
repeat 3
	each x a b
		c > \$i\$x
	end
end
s < 1a
s < 1b
s < 2a
s < 2b
s < 3a
s < 3b
repeat 0
	c > never
end
s silent 1s
END

plays "definitions, with words of their own" <<END
$pair
define say
	c > \$1 and \$2
	s < \$1
end
define twice
	say \$1 "\$2 x"
	say \$1 \$2
end
twice one two
each what say
	\$what three four
end
s silent 1s
END

printf 'define hello\n\tc > hello\n\ts < $1\nend\n' > "$trash/common.inc"
fails "what is used, and says where" "used at" <<END
include common.inc
$pair
hello hello
hello good-bye
END

plays "braces around names" <<END
$pair
set a_b 1
set name b
c > \${a_b}2 \${a_\$name}3
s < 12 13
END

plays "what a client must not do with TLS" <<END
server s listen 127.0.0.5:25
client c connect 127.0.0.5:25
s accept
s close
c starttls refused
END

plays "an empty server and its commands" <<END
command generations
expect output /current/
command nonsense
expect exit 2
reload
stop
start
END

fails "a command that fails" "it exited with 2" <<END
command nonsense
expect output /./
END

fails "another exit status" "it exited with 0" <<END
command generations
expect exit 1
END

fails "other output" "it exited with 0" <<END
command generations
expect output /^nonsense/
END

plays "mistakes in settings" <<END
conf hermod.yaml append { nonsense: 1 }
start expect-fail "nonsense"
conf hermod.yaml { hostname: mail.example.org }
conf hermod.yaml append { data-dir: data }
start
module nonsense
reload expect-fail "nonsense"
END

fails "settings that are right" "the reload fails" <<END
start
reload expect-fail "nonsense"
END

fails "settings that are wrong" "nonsense" <<END
conf hermod.yaml append { nonsense: 1 }
start
END

plays "the log" <<END
reload
expect log event="generation started" generation=2 modules=/^0\$/
expect log event="generation closed"
expect no log event="generation closed"
END

fails "something that is not logged" "it is logged" <<END
reload
expect log event="generation started" generation=3
END

fails "something that is logged" "generation=1" <<END
start
expect no log event="generation started"
END

plays "virtual time" <<END
clock +26h
clock jump +1h
clock jump -30m
expect log event=/./
END

fails "an unknown statement" "unknown statement" <<END
start
nonsense
END

fails "no connection" "has no connection" <<END
server s listen 127.0.0.5:25
s > x
END

# leaves WHAT TEXT: the end of the scenario finds it.
leaves () {
	{ echo 'need leaky'; echo "module leaky { $1: yes }"; echo start; } \
	    > "$trash/x.mt"
	"$mailtest" -m "$top_builddir/t/scenario/.libs" "$trash/x.mt" \
	    > "$trash/out" 2>&1
	status=$?
	[ $status -ne 0 ] && grep -q '^not ok' "$trash/out" &&
	    grep -qF "$2" "$trash/out"
	status=$?
	ok $status "notices what is left: $1"
	[ $status -eq 0 ] || sed 's/^/#   /' "$trash/out"
}

leaves fiber "generation 1 is held: leaky leaky fiber 1"
leaves arena 'arena "leaky arena"'
leaves timer "a timer is left"
leaves error 'l=error m="leaky error"'

# The same seed does the same, down to every id; another one does not.
unset HERMOD_TEMPLATES
export HERMOD_TEMPLATES=$top_srcdir/conf.d
scenario=$top_srcdir/t/scenario/61-idle.mt
for n in 1 2 3; do
	"$mailtest" -v -s $((n / 3 + 7)) "$scenario" > "$trash/run$n" 2>&1
done
if grep -q SKIP "$trash/run1"; then
	skip "no module to play with"
else
	grep -q 'm=delivered' "$trash/run1" && cmp -s "$trash/run1" "$trash/run2"
	ok $? "the same seed, the same run"
	! cmp -s "$trash/run1" "$trash/run3"
	ok $? "another seed, another run"
	diff "$trash/run1" "$trash/run2" | sed 's/^/# /'
fi

finish
