#!/bin/bash
# The plugin of plugins-sdk/template, as a stranger would build it: outside the
# tree, against an installed Hermod, found by pkg-config.
. "${top_srcdir:-.}/t/lib.sh"
. "$top_srcdir/t/sdk/lib-stage.sh"

# A name with a dash, a folder of another name; then the one that is looked at.
try 'hermod plugin new second-try' \
    "$HERMOD" plugin new second-try --dir "$trash/my plugin"
(cd "$trash/my plugin" && find . -type f | sort | tr '\n' ' ') > "$trash/files"
[ "$(cat "$trash/files")" = "./Makefile ./hermod-second-try.7 ./second-try.c \
./second-try.yaml ./t/second-try.mt " ]
ok $? 'it writes code, sample, manual page, scenario and Makefile'
[ "$(wc -l < "$trash/my plugin/Makefile")" -eq 3 ] &&
    grep -q 'HM_MODULE_NAMED("second-try", ' "$trash/my plugin/second-try.c" &&
    ! grep -rq 'hello' "$trash/my plugin"
ok $? 'the name of the template is gone'
if command -v mandoc > /dev/null; then
	mandoc -Tlint -Wwarning "$trash/my plugin/hermod-second-try.7" |
	grep -v 'referenced manual not found' |
	nothing 'its manual page is well-formed'
fi
cp -r "$trash/my plugin" "$trash/second-try"
try 'what it wrote builds' "$make" -C "$trash/second-try" CC="$CC" \
    CFLAGS='-O2 -Werror'
try 'and passes its own tests' "$make" -C "$trash/second-try" check
printf '%s\n' "$tap_out" | grep -q 'nothing wrong was found'
ok $? 'hermod plugin check is one of them'
rm "$trash/my plugin/Makefile"
"$HERMOD" plugin new second-try --dir "$trash/my plugin" > "$trash/out" 2>&1
[ $? -eq 1 ] && grep -q 'second-try.c exists already' "$trash/out" &&
    ! [ -e "$trash/my plugin/Makefile" ]
ok $? 'nothing is overwritten, and nothing written then'
for name in Hello 2nd a--b a- ../x '' kv_db; do
	"$HERMOD" plugin new "$name" --dir "$trash/none" > "$trash/out" 2>&1
	[ $? -eq 2 ] && ! [ -e "$trash/none" ] || echo "$name"
done | nothing 'what is no name is refused'
HERMOD_MODULE_PATH=$(pkg-config --variable=moduledir hermod) \
    "$HERMOD" plugin new smtp --dir "$trash/none" > "$trash/out" 2>&1
[ $? -eq 1 ] && grep -q 'smtp is installed already' "$trash/out"
ok $? 'the name of an installed module is refused'
"$HERMOD" plugin > "$trash/out" 2>&1
[ $? -eq 2 ] && "$HERMOD" plugin check --help | grep -q 'RUNS THE CODE'
ok $? 'help says that the code is run'
"$HERMOD" help | grep -q '^ *plugin new '
ok $? 'hermod help lists it'

"$HERMOD" plugin new hello --dir "$trash/hello" > "$trash/out" 2>&1
cd "$trash/hello" || exit 99
sed -i 's/^\.Dd .*/.Dd/' hermod-hello.7
sed 's/^\.Dd .*/.Dd/' "$(pkg-config --variable=template hermod)/hermod-hello.7" |
cmp -s - hermod-hello.7 &&
    cmp -s hello.c "$(pkg-config --variable=template hermod)/hello.c"
ok $? 'named like the template it is the template'
[ "$(wc -l < hello.c)" -le 50 ]
ok $? 'it is short'
# Built without the flags of Hermod itself, sanitizers among them.
try 'make' "$make" CC="$CC" CFLAGS='-O2 -Werror'
symbols=$(nm -D --defined-only hello.so | awk '{ print $3 }' | tr '\n' ' ')
[ "$symbols" = 'hm_module ' ]
ok $? "one symbol is let out: $symbols"
try 'make check loads it' "$make" check HERMOD="$HERMOD"
printf '%s\n' "$tap_out" | grep -q 'ok .*X-Hello'
ok $? 'and plays its scenario'
try 'make install' "$make" install
[ -e "$(pkg-config --variable=moduledir hermod)/hello.so" ] &&
    [ -e "$(pkg-config --variable=confddir hermod)/hello.yaml" ] &&
    [ -e "$(pkg-config --variable=mandir hermod)/man7/hermod-hello.7" ]
ok $? 'module, sample and manual page are in their places'

mkdir -p "$trash/conf/conf.d" "$trash/data"
cat > "$trash/conf/hermod.yaml" <<END
hostname: mail.example
data-dir: $trash/data
END
cat > "$trash/conf/conf.d/hello.yaml" <<END
enabled: yes
greeting: Good morning
refuse: [wall@b.example]
END
export HERMOD_MODULE_PATH=$trash/hello
try 'hermod config check' "$HERMOD" -c "$trash/conf" config check
"$HERMOD" -c "$trash/conf" hooks > "$trash/hooks"
grep -q 'rcpt_to *decision *1 *hello *policy' "$trash/hooks" &&
    grep -q 'message *decision *1 *hello *rewrite' "$trash/hooks"
ok $? 'hermod hooks shows it'

"$top_builddir/t/sdk/fire" "$trash/conf" a@b.example Wall@B.Example \
    > "$trash/out" 2> "$trash/err"
ok $? 'its hooks are called'
cat > "$trash/want" <<'END'
a@b.example: pass - - -
Wall@B.Example: reject 5.7.1 this address only greets hello
message: pass - - -
END
printf 'X-Hello: Good morning\r\n' >> "$trash/want"
cmp -s "$trash/out" "$trash/want"
ok $? 'it refuses one and greets the other'
[ "$tap_failed" -eq 0 ] || diag "$(cat "$trash/out" "$trash/err")"

# The same over SMTP, in a whole server.
ports=$(python3 -c '
import socket
open = [socket.create_server(("127.0.0.1", 0)) for i in range(5)]
print(*[s.getsockname()[1] for s in open])' 2> /dev/null)
export HERMOD_TEMPLATES="$prefix/share/hermod"
export HERMOD_MODULE_PATH="$(pkg-config --variable=moduledir hermod)"
if [ -z "$ports" ]; then
	skip 'needs python3'
elif ! "$HERMOD" localserve --dir "$trash/ls" --init-only > "$trash/out" 2>&1
then
	ok 1 'a server for trying things out'
	diag "$(cat "$trash/out")"
else
	set -- $ports
	sed -i "s/1025/$1/; s/1587/$2/; s/1465/$3/" "$trash/ls/conf.d/smtp.yaml"
	sed -i "s/1143/$4/; s/1993/$5/" "$trash/ls/conf.d/imap.yaml"
	sed -i 's/^addresses:.*/addresses: [127.0.0.1]/' "$trash/ls/hermod.yaml"
	sed 's/wall@b.example/wall@localhost/' "$trash/conf/conf.d/hello.yaml" \
	    > "$trash/ls/conf.d/hello.yaml"
	"$HERMOD" -c "$trash/ls" serve 2> "$trash/log" &
	server=$!
	trap 'kill -9 $server 2> /dev/null; rm -rf "$trash"' EXIT
	python3 - "$1" "$4" <<'END' > "$trash/out" 2>&1
import imaplib, smtplib, sys, time
for i in range(100):
    try:
        s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
        break
    except OSError:
        time.sleep(0.1)
s.ehlo()
s.mail("me@example.org")
print(s.rcpt("wall@localhost"))
print(s.rcpt("hermod@localhost")[0])
print(s.data(b"Subject: hi\r\n\r\nhello\r\n")[0])
s.quit()
i = imaplib.IMAP4("127.0.0.1", int(sys.argv[2]), timeout=20)
i.starttls()
i.login("hermod", "hermodhermod")
i.select()
print(i.fetch("1", "(BODY.PEEK[HEADER.FIELDS (X-HELLO)])")[1][0][1])
END
	grep -q "(550, b'5.7.1 this address only greets')" "$trash/out" &&
	    grep -q "b'X-Hello: Good morning" "$trash/out"
	ok $? 'mail is refused and greeted'
	[ "$tap_failed" -eq 0 ] || diag "$(cat "$trash/out" "$trash/log")"
	timeout 60 "$HERMOD" -c "$trash/ls" stop || kill -9 $server
	wait $server
fi
export HERMOD_MODULE_PATH=$trash/hello

# A mistake in its settings is told like one of ours.
echo 'greting: hi' >> "$trash/conf/conf.d/hello.yaml"
"$HERMOD" -c "$trash/conf" config check 2>&1 |
    grep -q 'hello.yaml:4:1: error.*did you mean "greeting"'
ok $? 'a slip in its settings has its place and a proposal'

# What does not fit does not compile or link.
sed 's/HM_ON(message, /HM_ON(rcpt_to, /' hello.c > wrong.c
! "${CC%% *}" ${CC#"${CC%% *}"} -std=gnu11 -Werror -fPIC -c \
    $(pkg-config --cflags hermod) wrong.c -o wrong.o 2> "$trash/err" &&
    grep -q 'incompatible pointer type' "$trash/err"
ok $? 'a function of another hook does not compile'
sed 's/hm_message_add_field(/smtp_reply(/; 1i int smtp_reply();' hello.c \
    > hello2.c
! "$make" SOURCES=hello2.c CC="$CC" > "$trash/err" 2>&1 &&
    grep -q 'undefined reference.*smtp_reply' "$trash/err"
ok $? 'a call of another module does not link'
finish
