# CONDSTORE (RFC 7162), UIDPLUS (RFC 4315) and MOVE (RFC 6851) over two sessions.
need imap auth store smtp
include common.inc

imap a anna
imap b anna
a literal a1 APPEND INBOX (\Seen) <<END
	Subject: one

	1
END
a <* a1 OK [APPENDUID $validity 1]
a literal a2 APPEND INBOX <<END
	Subject: two

	2
END
a <* a2 OK [APPENDUID $validity 2]
a literal a3 APPEND INBOX ($$Forwarded urgent) "01-Feb-2020 03:04:05 +0100" <<END
	Subject: three

	3
END
a <* a3 OK [APPENDUID $validity 3]

a > a4 FETCH 1:3 (UID FLAGS MODSEQ INTERNALDATE)
a <* /^\* 1 FETCH .*UID 1.*MODSEQ \($m1\)/
a < /^\* 2 FETCH .*MODSEQ \($m2\)/
a < /^\* 3 FETCH .*FLAGS \(.*\$$Forwarded.*urgent.*MODSEQ \($m3\).*" 1-Feb-2020 02:04:05 \+0000"/
a < a4 OK

# The other session knows after its next command.
b > b1 NOOP
b < * FLAGS
b < * OK [PERMANENTFLAGS
b < * 3 EXISTS
b <* b1 OK
b > b2 STORE 2 (UNCHANGEDSINCE $m2) +FLAGS (\Flagged)
b <* /^\* 2 FETCH .*MODSEQ \($m4\)/
b < b2 OK

# What was changed meanwhile is left alone, and named.
a > a5 STORE 1:3 (UNCHANGEDSINCE $m3) +FLAGS (\Answered)
a <* /^a5 OK \[MODIFIED 2\]/
a > a6 NOOP
a <* a6 OK
a > a7 FETCH 1:3 (FLAGS) (CHANGEDSINCE $m3)
a < /^\* 1 FETCH .*\\Answered/
a < /^\* 2 FETCH .*FLAGS \(\\Flagged \\Recent\)/
a < /^\* 3 FETCH .*\\Answered/
a < a7 OK
a > a8 SEARCH MODSEQ $m4
a < /^\* (ESEARCH|SEARCH)/
a < a8 OK

# Copy and move, with the uids on both sides.
a > a9 COPY 1,3 Archive
a < /^a9 OK \[COPYUID [0-9]+ 1,3 1:2\]/
a > b0 UID MOVE 2 Archive
a < /^\* OK \[COPYUID [0-9]+ 2 3\]/
a < * 2 EXPUNGE
a <* b0 OK
expect mailbox anna INBOX 2
expect mailbox anna Archive 3 unseen 2
b > b3 NOOP
b < /^\* (1|2|3) (FETCH|EXPUNGE)/
b <* b3 OK

# UID EXPUNGE takes only what it is told.
a > b1 STORE 1:2 +FLAGS.SILENT (\Deleted)
a <* b1 OK
a > b2 UID EXPUNGE 3
a < * 2 EXPUNGE
a <* b2 OK
expect mailbox anna INBOX 1
a > b3 CLOSE
a < b3 OK
expect mailbox anna INBOX 0

# What another session moves and then removes for good can be read for as long
# as it is shown.
a literal b4 APPEND INBOX <<END
	Subject: four

	4
END
a <* b4 OK
b > b4 NOOP
b < * 2 EXPUNGE
b <* b4 OK
a > b5 SELECT INBOX
a <* b5 OK
a > b6 UID MOVE 4 Trash
a <* b6 OK
a > b7 SELECT Trash
a <* b7 OK
a > b8 STORE 1 +FLAGS.SILENT (\Deleted)
a <* b8 OK
a > b9 EXPUNGE
a <* b9 OK
b > b5 FETCH 1 BODY.PEEK[TEXT]
b < /^\* 1 FETCH \(BODY\[TEXT\]/
b <* b5 OK
b > b6 NOOP
b < * 1 EXPUNGE
b <* b6 OK
verify
