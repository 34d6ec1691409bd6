/* err.c - error objects. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <hermod/err.h>
#include <hermod/str.h>

/* Cuts a text that filled its buffer at a code point, and keeps it one line. */
static void
tidy(char *text, size_t size)
{
	size_t len = strlen(text), back;
	uint32_t cp;
	char *c;

	for (c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	if (len < size - 1)
		return;
	for (back = 1; back <= 3 && back < len; back++) {
		unsigned char u = (unsigned char)text[len - back];

		if (u >= 0xc0) {
			if (!hm_utf8_next(hm_str_n(text + len - back, back), &cp))
				text[len - back] = '\0';
			return;
		}
		if (u < 0x80)
			return;
	}
}

/* The arguments may point into err itself: the text is made apart first. */
static void
set_text(struct hm_err *err, const char *fmt, va_list ap)
{
	char text[sizeof(err->text)];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	tidy(text, sizeof(text));
	memcpy(err->text, text, sizeof(text));
}

int
hm_err_set(struct hm_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	err->code = code;
	err->line = err->col = 0;
	err->file[0] = '\0';
	return code;
}

int
hm_err_at(struct hm_err *err, int code, const char *file, unsigned line,
    unsigned col, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	err->code = code;
	err->line = line;
	err->col = col;
	if (file != err->file)
		snprintf(err->file, sizeof(err->file), "%s", file ? file : "");
	return code;
}

void
hm_err_prefix(struct hm_err *err, const char *fmt, ...)
{
	char prefix[sizeof(err->text)];
	size_t len, room;
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	if (vsnprintf(prefix, sizeof(prefix) - 2, fmt, ap) < 0)
		prefix[0] = '\0';
	va_end(ap);
	tidy(prefix, sizeof(prefix) - 2);
	len = strlen(prefix);
	memcpy(prefix + len, ": ", 3);
	len += 2;
	room = sizeof(err->text) - 1 - len;
	if (strlen(err->text) > room)
		err->text[room] = '\0';
	memmove(err->text + len, err->text, strlen(err->text) + 1);
	memcpy(err->text, prefix, len);
	tidy(err->text, sizeof(err->text));
}

static int
code_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return -HM_ENOENT;
	case EEXIST:
		return -HM_EEXIST;
	case EACCES:
	case EPERM:
	case EROFS:
		return -HM_EACCES;
	case ENOSPC:
	case EDQUOT:
		return -HM_ENOSPC;
	case ETIMEDOUT:
		return -HM_ETIMEDOUT;
	case EFBIG:
	case ENAMETOOLONG:
		return -HM_ELIMIT;
	case EAGAIN:
	case EBUSY:
	case EADDRINUSE:
		return -HM_EBUSY;
	case EINVAL:
		return -HM_EINVAL;
	case EOPNOTSUPP:
	case ENOSYS:
	case EAFNOSUPPORT:
		return -HM_EUNSUPPORTED;
	default:
		return -HM_EIO;
	}
}

/* "what: reason" */
static int
set_reason(struct hm_err *err, int code, int errnum, const char *fmt,
    va_list ap)
{
	const char *reason = code == -HM_ENOSPC ? "no room on the disk" :
	    strerrordesc_np(errnum);
	char what[sizeof(err->text)];

	if (!err)
		return code;
	if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
		what[0] = '\0';
	if (!reason)
		return hm_err_set(err, code, "%s: error %d", what, errnum);
	return hm_err_set(err, code, "%s: %s", what, reason);
}

int
hm_err_errno(struct hm_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	int code;

	va_start(ap, fmt);
	code = set_reason(err, code_of(errnum), errnum, fmt, ap);
	va_end(ap);
	return code;
}

int
hm_err_disk(struct hm_err *err, int errnum, const char *fmt, ...)
{
	bool full = errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;
	va_list ap;
	int code;

	va_start(ap, fmt);
	code = set_reason(err, full ? -HM_ENOSPC : -HM_EIO, errnum, fmt, ap);
	va_end(ap);
	return code;
}

const char *
hm_err_name(int code)
{
	static const char *const names[HM_ERRCODES] = {
		[0] = "ok",
		[HM_EINVAL] = "einval",
		[HM_ESYNTAX] = "esyntax",
		[HM_ENOENT] = "enoent",
		[HM_EEXIST] = "eexist",
		[HM_ELIMIT] = "elimit",
		[HM_ETIMEDOUT] = "etimedout",
		[HM_ECANCELED] = "ecanceled",
		[HM_EEOF] = "eeof",
		[HM_EIO] = "eio",
		[HM_ENOSPC] = "enospc",
		[HM_EQUOTA] = "equota",
		[HM_EACCES] = "eacces",
		[HM_EAUTH] = "eauth",
		[HM_ECONFLICT] = "econflict",
		[HM_ECORRUPT] = "ecorrupt",
		[HM_ETLS] = "etls",
		[HM_EUNSUPPORTED] = "eunsupported",
		[HM_EBUSY] = "ebusy",
		[HM_EINTERNAL] = "einternal",
	};

	if (code < 0 && code > -HM_ERRCODES)
		code = -code;
	if (code < 0 || code >= HM_ERRCODES)
		return "unknown";
	return names[code];
}
