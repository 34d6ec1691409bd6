/* tags.c - lists of tags, "v=1; a=rsa-sha256; …" (RFC 6376, 3.2), and what their
 * values have in common.
 */
#include <hermod/encode.h>

#include "verify.h"

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
name_sound(struct hm_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!is_letter(name.p[i]) && (i == 0 ||
		    (!is_digit(name.p[i]) && name.p[i] != '_')))
			return false;
	return name.len > 0;
}

/* Printable characters, folding white space, and UTF-8 (RFC 8616, 5). */
static bool
value_sound(struct hm_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c == 0x7f || (c < ' ' && c != '\t' && c != '\r' && c != '\n'))
			return false;
	}
	return hm_utf8_valid(value);
}

const char *
dkim_tags_parse(struct hm_str text, struct dkim_tags *ret)
{
	ret->n = 0;
	while (text.p != NULL) {
		struct hm_str spec = hm_str_split(&text, ';');
		ssize_t equals = hm_str_chr(spec, '=');
		struct dkim_tag tag;

		if (text.p == NULL && ret->n > 0 && hm_str_trim(spec).len == 0)
			break;                 /* the list ended with a semicolon */
		if (equals < 0)
			return "it is no list of tags";
		tag.name = hm_str_trim(hm_str_take(spec, (size_t)equals));
		tag.whole = hm_str_skip(spec, (size_t)equals + 1);
		tag.value = hm_str_trim(tag.whole);
		if (!name_sound(tag.name) || !value_sound(tag.value))
			return "it is no list of tags";
		for (size_t i = 0; i < ret->n; i++)
			if (hm_str_eq(ret->at[i].name, tag.name))
				return "it has a tag twice";
		if (ret->n == DKIM_TAGS_MAX)
			return "it has too many tags";
		ret->at[ret->n++] = tag;
	}
	return ret->n > 0 ? NULL : "it is empty";
}

static const struct dkim_tag *
find(const struct dkim_tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->n; i++)
		if (hm_str_is(tags->at[i].name, name))
			return &tags->at[i];
	return NULL;
}

struct hm_str
dkim_tag(const struct dkim_tags *tags, const char *name)
{
	const struct dkim_tag *tag = find(tags, name);

	return tag != NULL ? tag->value : (struct hm_str){ NULL, 0 };
}

bool
dkim_list_has(struct hm_str list, const char *word)
{
	while (list.p != NULL)
		if (hm_str_caseis(hm_str_trim(hm_str_split(&list, ':')), word))
			return true;
	return false;
}

int
dkim_base64(struct hm_arena *arena, struct hm_str text, struct hm_str *ret)
{
	struct hm_buf dense = { 0 }, out = { 0 };
	int r;

	for (size_t i = 0; i < text.len; i++)
		if (hm_str_chr(HM_STR(" \t\r\n"), text.p[i]) < 0)
			hm_buf_putc(&dense, text.p[i]);
	r = hm_base64_decode(&out, hm_buf_view(&dense));
	if (r == 0)
		*ret = hm_str_dup(arena, hm_str_n(out.p ? out.p : "", out.len));
	hm_buf_release(&dense);
	hm_buf_release(&out);
	return r;
}

int
dkim_name(struct hm_arena *arena, struct hm_str text, struct hm_str *ret)
{
	struct hm_str name;

	/* Underscores are in use, though no host has them. */
	if (!hm_str_ascii(text)) {
		if (text.len > DKIM_RECORD_MAX ||
		    hm_domain_ascii(arena, text, &name, NULL) < 0)
			return -HM_ESYNTAX;
	} else if (hm_dns_name(arena, text, &name) < 0) {
		return -HM_ESYNTAX;
	}
	for (size_t i = 0; i < name.len; i++)
		if (!is_letter(name.p[i]) && !is_digit(name.p[i]) &&
		    hm_str_chr(HM_STR("-_."), name.p[i]) < 0)
			return -HM_ESYNTAX;
	*ret = name;
	return hm_str_is(name, ".") ? -HM_ESYNTAX : 0;
}
