/* err.h - error codes and the error object.
 *
 * A function that can fail returns 0 (or a count) or one of the negative codes
 * below. Results go through ret_ parameters, which are set only on success; the
 * error object is filled only on failure and may always be NULL.
 * Thread: any. Ownership: the caller owns the object; it holds no allocation.
 */
#ifndef HERMOD_ERR_H
#define HERMOD_ERR_H

#include <hermod/types.h>

enum hm_errcode {
	HM_EINVAL = 1,     /* the caller passed something meaningless */
	HM_ESYNTAX = 2,    /* text that does not parse */
	HM_ENOENT = 3,     /* no such thing */
	HM_EEXIST = 4,     /* it exists already */
	HM_ELIMIT = 5,     /* a configured or built-in limit was crossed */
	HM_ETIMEDOUT = 6,  /* a deadline passed */
	HM_ECANCELED = 7,  /* the fiber was cancelled */
	HM_EEOF = 8,       /* the peer closed in an orderly way */
	HM_EIO = 9,        /* reading or writing failed */
	HM_ENOSPC = 10,    /* no room on the disk */
	HM_EQUOTA = 11,    /* no room in the account */
	HM_EACCES = 12,    /* not permitted */
	HM_EAUTH = 13,     /* wrong credentials */
	HM_ECONFLICT = 14, /* a concurrent change won */
	HM_ECORRUPT = 15,  /* stored data is damaged */
	HM_ETLS = 16,      /* TLS failed */
	HM_EUNSUPPORTED = 17, /* this build or peer cannot do it */
	HM_EBUSY = 18,     /* in use, try again later */
	HM_EINTERNAL = 19, /* a defect of ours */
	HM_ERRCODES
};

struct hm_err {
	int code;          /* negative, one of -HM_E…; 0 while unset */
	unsigned line;     /* 1-based; 0 where there is no place */
	unsigned col;      /* 1-based, in bytes */
	char file[192];    /* empty where there is no file */
	char text[512];    /* one sentence, no newline, no secrets */
};

/* Fills err (if not NULL) and returns code, so that callers can write
 * return hm_err_set(reterr, -HM_ENOENT, "…", …). The text is cut to fit. */
HM_API int hm_err_set(struct hm_err *err, int code, const char *fmt, ...)
    HM_PRINTF(3, 4);
/* The same with a place in a file. */
HM_API int hm_err_at(struct hm_err *err, int code, const char *file,
    unsigned line, unsigned col, const char *fmt, ...) HM_PRINTF(6, 7);
/* Puts "prefix: " before the text of an error that is passed on. */
HM_API void hm_err_prefix(struct hm_err *err, const char *fmt, ...)
    HM_PRINTF(2, 3);
/* Turns an errno value into a code and the text "what: reason". */
HM_API int hm_err_errno(struct hm_err *err, int errnum, const char *fmt, ...)
    HM_PRINTF(3, 4);
/* The same where a file of our own fails us: whatever the reason is, the disk
 * has no room (-HM_ENOSPC) or it is a fault of the server's (-HM_EIO), not
 * something that the caller is to be told as missing or forbidden. */
HM_API int hm_err_disk(struct hm_err *err, int errnum, const char *fmt, ...)
    HM_PRINTF(3, 4);
/* The lower-case name of a code ("enoent"), for logs. Static. */
HM_API const char *hm_err_name(int code);

#endif
