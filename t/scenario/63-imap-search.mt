# Searching, sorting out by flags, and parts of messages.
need imap auth store smtp
include common.inc

smtp s
deliver s x@example.com anna@example.org apple
deliver s y@example.com anna@example.org pear
clock +2d
smtp s
deliver s x@example.com anna@example.org plum
imap r anna
r > a SEARCH FROM x@example.com
r < * SEARCH 1 3
r < a OK
r > b SEARCH NOT SUBJECT apple BODY "Text of"
r < * SEARCH 2 3
r < b OK
r > c SEARCH RETURN (MIN MAX COUNT ALL) SINCE 22-Nov-2026
r < /^\* ESEARCH \(TAG "c"\) .*MIN 3.*MAX 3/
r < c OK
r > d UID SEARCH OLDER 3600
r < * SEARCH 1 2
r < d OK
r > e SEARCH RETURN (SAVE) UNSEEN SUBJECT p
r <* e OK
r > f STORE $$ +FLAGS (\Seen)
r < * 1 FETCH
r < * 2 FETCH
r < * 3 FETCH
r < f OK
r > g SEARCH UNSEEN
r < /^\* SEARCH$/
r < g OK
r > h FETCH 3 (BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)] BODY[TEXT]<5.2> RFC822.SIZE ENVELOPE)
r < /Subject: plum.*BODY\[TEXT\]<5> ("of"|\{2\}\nof)/
r < h OK
r > i FETCH 1 BODYSTRUCTURE
r < /^\* 1 FETCH \(.*BODYSTRUCTURE \("TEXT" "PLAIN" .*"7BIT" 16 1/i
r < i OK
r > j SEARCH CHARSET X-UNKNOWN TEXT x
r <* j NO [BADCHARSET
r > k FETCH 4 FLAGS
r <* /^k (BAD|NO|OK)/
r > l LOGOUT
r < * BYE
r < l OK
r closed
