/* verdict.c - what hooks answered, made safe to be told to a peer. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/hooks.h>
#include <hermod/str.h>

#include "generation.h"
#include "verdict.h"

struct hm_verdict
hm_ok_or_fail(int result)
{
	return result < 0 ? hm_fail(hm_err_name(result)) : hm_pass();
}

/* class.subject.detail (RFC 3463, 2); the class must agree with the reply. */
static bool
good_esc(const char *esc, char class)
{
	struct hm_str rest = hm_str(esc);
	uint32_t n;

	if (strnlen(esc, 10) > 9 || esc[0] != class || esc[1] != '.')
		return false;
	hm_str_split(&rest, '.');
	if (hm_str_u32(hm_str_split(&rest, '.'), &n) < 0 || n > 999)
		return false;
	return hm_str_u32(rest, &n) == 0 && n <= 999;
}

static bool
good_text(const char *text)
{
	size_t len = strnlen(text, HM_VERDICT_TEXT_MAX + 1);

	if (len > HM_VERDICT_TEXT_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return hm_utf8_valid(hm_str_n(text, len));
}

static const char *
clean_text(const char *text, struct hm_call *call)
{
	size_t len;
	char *copy;

	if (text == NULL || good_text(text))
		return text;
	len = strnlen(text, HM_VERDICT_TEXT_MAX);
	copy = hm_strndup(hm_call_arena(call), text, len);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)copy[i] < 0x20 ||
		    (unsigned char)copy[i] > 0x7e)
			copy[i] = '?';
	return copy;
}

struct hm_verdict
hm_verdict_clean(struct hm_verdict v, bool late, struct hm_call *call)
{
	char class = '5';

	if ((unsigned)v.kind > HM_FAIL)
		v = hm_fail("the verdict is none");
	if (late)
		v = hm_fail("too late");
	v.module = NULL;
	if (v.kind != HM_JUNK)
		v.score = 0;
	if (v.kind == HM_DEFER || v.kind == HM_DISCONNECT)
		class = '4';
	else if (v.kind == HM_ACCEPT)
		class = '2';
	if (v.esc != NULL && !good_esc(v.esc, class))
		v.esc = NULL;
	v.text = clean_text(v.text, call);
	return v;
}

/* ---- texts without another owner ---- */

enum { MAX_SAID = 64 };

struct hm_said {
	struct hm_said *next;
	unsigned n;            /* of this one and those behind it */
	const char *text;
};

const char *
hm_said(struct hm_mod *m, const char *text)
{
	struct hm_said *said;

	if (text == NULL)
		return NULL;
	for (said = m->said; said != NULL; said = said->next)
		if (strcmp(said->text, text) == 0)
			return said->text;
	if (m->said != NULL && m->said->n >= MAX_SAID)
		return "see the log";
	said = hm_new(m->arena, struct hm_said);
	said->text = hm_strdup(m->arena, text);
	said->next = m->said;
	said->n = m->said != NULL ? m->said->n + 1 : 1;
	m->said = said;
	return said->text;
}
