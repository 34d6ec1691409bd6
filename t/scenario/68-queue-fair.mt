# Much mail for a dead domain, and a slow one, hold up nothing else.
need smtp auth queue wire
include queue.inc
module queue { runs: 4, runs-per-domain: 2, max-first-time-per-day: 0 }

submission u anna
repeat 60
	send u anna@example.org dead$i@dead.example x ""
end
repeat 6
	send u anna@example.org slow$i@slow.example x ""
end
send u anna@example.org ok@far.example x ""
expect log event=sent to=ok@far.example
expect no log event=sent to=slow6@slow.example
clock +10m
expect log event=sent to=slow6@slow.example

# A clock that is set hurries nothing (and loses nothing).
submission u anna
send u anna@example.org once@far.example x ""
expect log event=deferred to=once@far.example
clock jump +3650d
clock +1m
expect no log event=wire to=once@far.example
clock +7m
expect log event=sent to=once@far.example

# Attempts that last longer than the wait for the next one are not begun again.
module queue { retry: 10s, runs-per-domain: 2, max-first-time-per-day: 0 }
reload
submission u anna
repeat 5
	send u anna@example.org slow$i@long.example x ""
end
clock +10m
repeat 5
	expect log event=wire to=slow$i@long.example number=1
	expect no log event=wire to=slow$i@long.example
end

# With all runs taken by slow servers, each gives way after a while.
module queue { runs: 1, max-first-time-per-day: 0 }
reload
submission u anna
repeat 20
	send u anna@example.org slow$i@crawl.example x ""
end
send u anna@example.org ok@quick.example x ""
clock +9m
expect no log event=sent to=ok@quick.example
clock +3m
expect log event=sent to=ok@quick.example
expect no log event=sent to=slow20@crawl.example
clock +15m
expect log event=sent to=slow20@crawl.example attempt=1
