/* test-err.c - error objects. */
#include <errno.h>

#include <hermod/err.h>
#include <hermod/str.h>

#include "t/tap.h"

static void
test_long(void)
{
	struct hm_err err = { 0 };
	char text[600];

	memset(text, 'x', sizeof(text));
	text[599] = '\0';
	hm_err_set(&err, -HM_EIO, "%s", text);
	is_int(strlen(err.text), sizeof(err.text) - 1, "a long text is cut");
	/* Two bytes for each letter; the text's room is odd. */
	memset(text, 0xc3, sizeof(text));
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = (char)0xa4;
	text[598] = '\0';
	hm_err_set(&err, -HM_EIO, "%s", text);
	ok(hm_utf8_valid(hm_str(err.text)), "not within a code point");
	is_int(strlen(err.text), sizeof(err.text) - 2, "but close to the end");
	hm_err_prefix(&err, "p");
	ok(hm_utf8_valid(hm_str(err.text)), "nor after a prefix");
	hm_err_prefix(&err, "%s", text);
	ok(strlen(err.text) < sizeof(err.text), "a prefix may be too long");
	hm_err_prefix(&err, "a\nb");
	ok(hm_str_starts(hm_str(err.text), HM_STR("a b: ")), "one line");
}

static void
test_disk(void)
{
	static const struct {
		int errnum, code;
	} t[] = {
		{ ENOSPC, -HM_ENOSPC }, { EDQUOT, -HM_ENOSPC },
		{ EFBIG, -HM_ENOSPC }, { EIO, -HM_EIO }, { EACCES, -HM_EIO },
		{ EROFS, -HM_EIO }, { ENOENT, -HM_EIO }, { EMFILE, -HM_EIO },
	};
	struct hm_err err = { 0 };
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++)
		is_int(hm_err_disk(&err, t[i].errnum, "write %s", "f"),
		    t[i].code, "errno %d on our disk: %s", t[i].errnum,
		    err.text);
	hm_err_disk(&err, EDQUOT, "write %s", "f");
	is_str(err.text, "write f: no room on the disk", "full");
	hm_err_disk(&err, EACCES, "write %s", "f");
	is_str(err.text, "write f: Permission denied", "not full");
	is_int(hm_err_disk(NULL, EIO, "x"), -HM_EIO, "no object");
}

int
main(void)
{
	static const struct {
		int errnum, code;
	} t[] = {
		{ ENOENT, -HM_ENOENT }, { EEXIST, -HM_EEXIST },
		{ EACCES, -HM_EACCES }, { ENOSPC, -HM_ENOSPC },
		{ EIO, -HM_EIO }, { ECONNREFUSED, -HM_EIO },
		{ EMFILE, -HM_EIO }, { EADDRINUSE, -HM_EBUSY },
	};
	struct hm_err err = { 0 };
	size_t i;

	is_int(hm_err_set(&err, -HM_ENOENT, "no \"%s\"", "x"), -HM_ENOENT, "set");
	is_str(err.text, "no \"x\"", "text");
	is_int(err.code, -HM_ENOENT, "code");
	is_int(hm_err_at(&err, -HM_ESYNTAX, "a.yaml", 3, 7, "bad\nthing"),
	    -HM_ESYNTAX, "at");
	is_str(err.text, "bad thing", "one line");
	is_str(err.file, "a.yaml", "file");
	is_int(err.line, 3, "line");
	is_int(err.col, 7, "col");
	hm_err_prefix(&err, "module %s", "smtp");
	is_str(err.text, "module smtp: bad thing", "prefix");
	hm_err_set(&err, -HM_EIO, "again: %s", err.text);
	is_str(err.text, "again: module smtp: bad thing", "text made of itself");
	is_str(err.file, "", "the place is gone");
	is_int(hm_err_set(NULL, -HM_EIO, "x"), -HM_EIO, "no object");
	is_int(hm_err_at(NULL, -HM_EIO, "f", 1, 1, "x"), -HM_EIO, "no object");
	hm_err_prefix(NULL, "x");
	is_int(hm_err_errno(NULL, ENOENT, "x"), -HM_ENOENT, "no object");
	for (i = 0; i < HM_ARRAY_LEN(t); i++)
		is_int(hm_err_errno(&err, t[i].errnum, "open %s", "f"),
		    t[i].code, "errno %d", t[i].errnum);
	hm_err_errno(&err, ENOENT, "open %s", "f");
	is_str(err.text, "open f: No such file or directory", "reason");
	hm_err_errno(&err, 99999, "open");
	is_str(err.text, "open: error 99999", "unknown reason");
	test_disk();
	is_str(hm_err_name(-HM_ENOENT), "enoent", "name");
	is_str(hm_err_name(-HM_EINTERNAL), "einternal", "last name");
	is_str(hm_err_name(-HM_ERRCODES), "unknown", "no name");
	is_str(hm_err_name(INT32_MIN), "unknown", "far off");
	for (i = 0; i < HM_ERRCODES; i++)
		ok(hm_err_name((int)i) != NULL, "code %zu has a name", i);
	test_long();
	return done();
}
