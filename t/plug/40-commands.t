#!/bin/bash
# The command line: what is said, and with which exit status.
. "${top_srcdir:-.}/t/plug/lib-server.sh"
build_probe probe || exit 99
build_probe other || exit 99

# Without a server.
gives 0 '^hermod [0-9]' 'version' hermod version
gives 0 '^hermod [0-9]' '--version' "$HERMOD" --version
gives 2 'Commands:' 'no command at all lists them' hermod
gives 0 'probe say WORD' 'help lists the commands of modules' hermod help
gives 0 '\-\-loud' 'help explains one' hermod help probe say
gives 0 'usage: hermod probe say' '--help explains one' \
    hermod probe say --help
gives 0 'Sessions keep' '--help of a command of the core' \
    hermod reload --help
gives 0 'usage: hermod serve' '--help does not serve' hermod serve --help
gives 2 'did you mean "reload"' 'a slip' hermod relaod
gives 2 'did you mean "probe say"' 'a slip in a module' hermod probe sya x
gives 2 'group of commands' 'half a command' hermod probe
gives 2 'unknown flag ' 'an unknown global flag' "$HERMOD" --frobnicate
gives 2 'needs a directory' '-c without a directory' "$HERMOD" -c
gives 2 'did you mean --name' 'an unknown flag' hermod probe say x --nam=y
gives 2 'needs a value' 'a flag without its value' hermod probe say x --name
gives 2 'takes no value' 'a value without need' hermod probe say x --loud=1
gives 2 'too few' 'too few arguments' hermod probe say
gives 2 'too many' 'too many arguments' hermod probe nap now
gives 2 'two dashes' 'one dash' hermod probe say -x
gives 0 '^-x --loud$' 'after -- words are words' \
    hermod probe say -- -x --loud
gives 0 '^a b, you!$' 'arguments and flags' \
    hermod probe say a --loud --name you b
gives 3 'not running' 'only in the server' hermod probe nap
gives 3 'not running' 'generations without a server' hermod generations
gives 3 'not running' 'stop without a server' hermod stop
gives 0 'rcpt_to *decision *1 *probe *policy' 'hooks without a server' \
    hermod hooks
gives 1 'there is no hook' 'an unknown hook' hermod hooks frob
gives 0 '^the configuration is good: 1 module$' 'config check' \
    hermod config check
gives 0 '^hostname: mail.example' 'config show' hermod config show
gives 0 '^score: 10  # default' 'config show MODULE' hermod config show probe
gives 1 'no enabled module' 'config show of nothing' hermod config show frob
gives 0 'data-dir' 'config example' hermod config example
gives 0 'How bad it is' 'config example MODULE' hermod config example probe
gives 1 'no file frob.so' 'config example of nothing' \
    hermod config example frob
gives 0 '"module": "other", "enabled": "no"' 'module list --json' \
    hermod module list --json
try 'listings in JSON are JSON' sh -c "'$HERMOD' -c '$conf' module list \
    --json | python3 -m json.tool"
echo hello | hermod probe ask > "$trash/out"
[ "$(cat "$trash/out")" = '<hello>' ]
ok $? 'a question takes a line of standard input'
gives 1 'no answer' 'a question without an answer' hermod probe ask
n=$(head -c 300000 /dev/zero | hermod probe count)
[ "$n" = 300000 ]; ok $? 'standard input'

# Mistakes.
echo 'score: bad' >> "$conf/conf.d/probe.yaml"
gives 1 'probe.yaml:2:8: error' 'a mistake and its place' hermod config check
gives 1 'probe.yaml:2:8: error' 'commands of modules say it too' \
    hermod probe say x
gives 0 'Commands:' 'help still helps' hermod help
gives 1 'was not started' 'serve with a mistake' hermod serve
gives 1 'is as it was' 'enabling with a mistake' hermod module enable other
[ ! -e "$conf/conf.d/other.yaml" ]; ok $? 'left no file behind'
echo 'enabled: yes' > "$conf/conf.d/probe.yaml"
gives 1 'No such file' 'no configuration' "$HERMOD" -c "$trash/none" hooks

# With a server.
start_server
ok $? 'the server starts'
gives 1 'another hermod' 'a second server on the same data' hermod serve
gives 0 '^a b, you!$' 'a command in the server' \
    hermod probe say a --loud --name you b
gives 2 'too few' 'misuse in the server' hermod probe say
gives 2 'did you mean "probe say"' 'a slip in the server' hermod probe sya x
gives 1 'works only while the server is stopped' 'only offline' \
    hermod probe alone
n=$(head -c 300000 /dev/zero | hermod probe count)
[ "$n" = 300000 ]; ok $? 'standard input into the server'
hermod probe flood > "$trash/out"
[ $? -eq 7 ] && [ "$(tail -1 "$trash/out")" = 99999 ] &&
    [ "$(wc -l < "$trash/out")" = 100000 ]
ok $? 'much output and its exit status'
hermod probe flood | head -1 > "$trash/out"
gives 0 '^x$' 'a reader that goes away harms nobody' hermod probe say x
gives 0 'generation 2 is current' 'reload' hermod reload
gives 0 '2 *current' 'generations' hermod generations
gives 0 'module other is enabled' 'module enable' hermod module enable other
gives 0 '^hi$' 'its command is there at once' hermod other say hi
gives 0 'enabled: yes' 'its file is there' cat "$conf/conf.d/other.yaml"
gives 0 'module other is disabled' 'module disable' hermod module disable other
gives 2 'unknown command' 'its command is gone' hermod other say hi
gives 0 '^enabled: no' 'its file says so' cat "$conf/conf.d/other.yaml"
echo 'score: bad' >> "$conf/conf.d/probe.yaml"
gives 1 'probe.yaml:2:8: error' 'reload with a mistake' hermod reload
gives 1 'nothing was changed' 'nothing was changed' hermod reload
gives 0 '^x$' 'the server goes on' hermod probe say x
echo 'enabled: yes' > "$conf/conf.d/probe.yaml"
[ "$(cat "$trash/data/hermod.pid")" = "$server" ]; ok $? 'the pid file'
before=$(hermod generations --json | grep -c current)
kill -HUP "$(cat "$trash/data/hermod.pid")"
wait_for sh -c "'$HERMOD' -c '$conf' generations | grep -q '^5 *current'"
ok $? 'SIGHUP reloads'
build_probe probe '-DPROBE_ORDER=HM_ORDER_LAST' && hermod reload > /dev/null
gives 0 'rcpt_to.*probe *last' 'a new file is new code' hermod hooks rcpt-to
hermod probe nap > "$trash/out" 2>&1 &
nap=$!
wait_for grep -q 'good night' "$trash/out"
gives 0 '' 'stop' hermod stop
wait "$server"
ok $? 'the server ended well'
wait $nap
[ $? -eq 1 ] && grep -q woken "$trash/out"
ok $? 'a command under way was told'
[ ! -e "$trash/data/hermod.pid" ] && [ ! -e "$trash/data/ctl" ]
ok $? 'no pid file and no socket is left'
grep -v 'l=info' "$trash/log" | grep -v 'l=error.*configuration' |
    grep -v 'reload failed\|l=warn m=sandbox\|kept the loop busy' |
    nothing 'nothing strange in the log'

start_server && kill -TERM "$server" && wait "$server"
ok $? 'SIGTERM ends it'
gives 2 "too many" "offline work after it" hermod probe alone x
# As many threads for work as are allowed, beside the loop's and the watchdog's.
echo 'workers: 1' >> "$conf/hermod.yaml"
start_server
jobs=
for i in 1 2 3 4; do
	hermod probe work "$trash/enough" > "$trash/work.$i" 2>&1 &
	jobs="$jobs $!"
	wait_for grep -q 'at work' "$trash/work.$i"
done
threads=$(ls "/proc/$(pgrep -P "$server")/task" | wc -l)
[ "$threads" -gt 0 ] && [ "$threads" -le 3 ]
ok $? "with workers: 1 there are $threads threads"
touch "$trash/enough"
wait $jobs
ok $? 'and each job has its turn'
stop_server

finish
