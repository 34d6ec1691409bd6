# I10: commands in the wrong state, and commands sent along before a login has
# ended. modules/imap/t/test-states.c plays every command in every state.
need imap auth smtp
include ../scenario/common.inc
module auth { failure-delay: 2s }
smtp s
deliver s x@example.com anna@example.org secret
client i connect 993 tls
i < * OK
each command "SELECT INBOX" "EXAMINE INBOX" "CREATE x" "DELETE x" "RENAME x y" "SUBSCRIBE x" "LIST \"\" *" "LSUB \"\" *" "STATUS INBOX (MESSAGES)" "APPEND INBOX {3}" "NAMESPACE" "IDLE" "FETCH 1 BODY[]" "UID FETCH 1 BODY[]" "SEARCH ALL" "STORE 1 FLAGS ()" "COPY 1 x" "MOVE 1 x" "EXPUNGE" "CLOSE" "UNSELECT" "CHECK" "ENABLE CONDSTORE"
	i > a ${command}
	i < a BAD
	i > b NOOP
	i < b OK
end
# Pipelined behind a wrong login, and behind a right one.
i >> a LOGIN anna wrong\r\nb SELECT INBOX\r\nc FETCH 1 BODY[]\r\n
i silent 1900ms
clock +100ms
i < a NO
i < b BAD
i < c BAD
i >> a LOGIN anna $password\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]\r\nd LOGIN bert $password\r\ne AUTHENTICATE PLAIN $plain_bert\r\nf STARTTLS\r\n
i <* a OK
i <* b OK
i < /\* 1 FETCH .*Subject: secret/
i < c OK
i < d BAD
i < e BAD
i < f BAD
i > g UNSELECT
i < g OK
each command "FETCH 1 FLAGS" "SEARCH ALL" "STORE 1 FLAGS ()" "COPY 1 x" "EXPUNGE" "CLOSE" "UNSELECT"
	i > a ${command}
	i < a BAD
	i > b NOOP
	i < b OK
end
# Read-only stays so.
i > h EXAMINE INBOX
i <* h OK
each command "STORE 1 +FLAGS (x)" "EXPUNGE" "MOVE 1 Sent"
	i > a ${command}
	i < a NO
end
i > a FETCH 1 BODY[]
i <* a OK
i > a CLOSE
i < a OK
expect mailbox anna INBOX 1 unseen 1
# Nothing runs behind LOGOUT.
i >> a LOGOUT\r\nb SELECT INBOX\r\nc FETCH 1 BODY[]\r\n
i < * BYE
i < a OK
i closed
