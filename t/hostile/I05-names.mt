# I05: names of mailboxes that are no names, that mean a path, or that are INBOX in
# disguise; patterns made to take for ever.
need imap
include ../scenario/common.inc
imap i anna
each name "" / // a//b /a #news &  &AO "&AO " &AOQ &AAA- &2AA- "x&AGEAYg-y" &/- ü "a\x01b" "a\x7fb"
	i >> a CREATE "${name}"\r\n
	i < /^a (NO|BAD)/
	i > b NOOP
	i < b OK
end
# A path is a name as any other: nothing of it reaches the disk.
each name ../../../etc/passwd .. a/../../b . ~root "C:\\\\x" "a\\\\b" "%2e%2e" "*" "%"
	i >> a CREATE "${name}"\r\n
	i < /^a (OK|NO|BAD)/
end
i > a DELETE INBOX
i < a NO
each name inbox Inbox iNbOx
	i > a CREATE ${name}
	i < a NO [ALREADYEXISTS]
	i > a STATUS ${name} (MESSAGES)
	i < * STATUS INBOX
	i < a OK
end
i > a CREATE INBOX/inbox
i < a OK
# Normal forms: one name however it is written.
i > a ENABLE IMAP4rev2
i < * ENABLED
i < a OK
i > a CREATE "ä"
i < a OK
i >> a CREATE "a\xcc\x88"\r\n
i < a NO [ALREADYEXISTS]
each name \xc0\xaf \xff \xed\xa0\x80 a\xe2\x80\xa8b
	i >> a CREATE "${name}"\r\n
	i < /^a (NO|BAD)/
	i > b NOOP
	i < b OK
end
# NUL, ten thousand letters, a thousand levels.
i >> a CREATE {3}\r\n
i < +
i >> a\0b\r\n
i < /^a (NO|BAD)/
set x xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
i > a CREATE $x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x
i < a NO
set l a/a/a/a/a/a/a/a/a/a/
i > a CREATE $l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l$l${l}a
i < a NO
i > a CREATE ${l}a
i < a OK
# Patterns: each answer comes, and soon.
set w %*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*
set v *a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*
i > a LIST "" "$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w$w"
i <* a OK
i > a LIST "" "$v$v$v$v$v$v$v$v$v${v}b"
i <* a OK
i > a LIST "" ("$v$v${v}b" "%/%/%/%/%/%/%/%/%/%/%/%/%/%b" "$w" "*")
i <* a OK
i > a LSUB "" "$w$w$v"
i <* a OK
