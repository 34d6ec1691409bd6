# Q04: jumps of the clock by ten years, forth and back, while mail waits: the
# schedule neither hurries nor stands still, over a restart too.
need smtp auth queue wire
include ../scenario/queue.inc
submission u anna
send u anna@example.org temp@far.example late ""
expect log event=deferred to=temp@far.example attempt=1
clock jump +87600h
clock +7m
expect no log event=wire number=2
clock +40s
expect log event=wire number=2
clock jump -175200h
clock +14m
expect no log event=wire number=3
clock +1m10s
expect log event=wire number=3
# The machine begins again, and believes it is twenty years ago.
stop
start
clock +29m
expect no log event=wire number=4
clock +1h10m
expect log event=wire number=4
clock jump +87600h
stop
start
clock +1h1m
expect log event=wire number=5
# New mail goes at once, whatever the year is.
submission u anna
send u anna@example.org ok@far.example now ""
expect log event=sent to=ok@far.example
expect mailbox anna INBOX 1
expect message anna INBOX 1 /\nSubject: Mail is delayed\n/
clock +2d
expect log event="given up" to=temp@far.example attempt=8
command queue list --json
expect output []
