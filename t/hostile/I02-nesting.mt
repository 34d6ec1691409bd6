# I02: parentheses in parentheses, however many, cost no stack.
need imap
include ../scenario/common.inc
set o ((((((((((((((((((((((((((((((((((((((((((((((((((
set o $o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o
set n NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT
set r OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR OR
imap i anna
each line "SEARCH $o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o" "SEARCH $n $n $n ALL" "SEARCH $r ALL ALL" "FETCH 1 $o" "FETCH 1 ((FLAGS))" "FETCH 1 (BODY[HEADER.FIELDS ((X))])" "LIST $o" "LIST \"\" ((a))" "LIST (((" "STATUS INBOX $o" "STORE 1 FLAGS $o" "ID $o" "SELECT INBOX $o" "FETCH 1 (FLAGS) $o" "SEARCH RETURN $o ALL" "APPEND INBOX $o {3}" "ENABLE $o" "$o"
	i > a ${line}
	i < /^a BAD/
	# The session does not count them as a row of mistakes.
	i > b NOOP
	i < b OK
end
i > a SEARCH ((((((((((ALL))))))))))
i < * SEARCH
i < a OK
# A megabyte of them is longer than any line.
repeat 5
	i >> $o$o$o$o$o$o$o$o$o$o$o$o$o$o$o$o
end
i < * BYE
i closed anyway
