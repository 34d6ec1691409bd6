# Q04: the clock on the wall jumps ten years in either direction. Silences are
# measured by another clock, and what is stored stays in order.
need imap smtp
include ../scenario/common.inc
module smtp { timeout: 5m }
smtp s
imap i anna
i > a IDLE
i < +
clock jump +87600h
s silent 200s
i silent 30s
deliver s x@example.com anna@example.org future
i < * 1 EXISTS
clock jump -175200h
deliver s x@example.com anna@example.org past
i <* /\* 2 EXISTS/
clock jump +87600h
deliver s x@example.com anna@example.org present
i <* /\* 3 EXISTS/
i > DONE
i <* a OK
i > f FETCH 1:3 (UID INTERNALDATE MODSEQ)
i <* /\* 1 FETCH \(UID 1 INTERNALDATE "1[0-9]-Nov-2036/
i < /\* 2 FETCH \(UID 2 INTERNALDATE "[0-9]+-Nov-2016/
i < /\* 3 FETCH \(UID 3 INTERNALDATE "20-Nov-2026/
i < f OK
s silent 299s
clock +1s
s < 421 4.4.2
# A leap second that is repeated: half a second back, twice.
clock jump -500ms
clock jump -500ms
smtp s
deliver s x@example.com anna@example.org leap
expect message anna INBOX 4 /\n\tFri, 20 Nov 2026 |; Fri, 20 Nov 2026 /
verify
