/* part.c - finding parts, parameters and file names in a parsed structure. */
#include <hermod/mime.h>

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/str.h>

#include "lex.h"

enum { FILENAME_MAX_BYTES = 255 };

static int
nth_child(const struct hm_mime *mime, int part, uint32_t n)
{
	int child = mime->parts[part].first_child;

	while (child != HM_MIME_NONE && n-- > 1)
		child = mime->parts[child].next;
	return child;
}

/* A message counts its own parts, and one without parts is its own part 1; the
 * parts of a message within belong to the part that holds it. */
int
hm_mime_section(const struct hm_mime *mime, const uint32_t *numbers, size_t n)
{
	int part = 0;
	bool whole_message = true; /* the number counts parts of a message */

	for (size_t i = 0; i < n; i++) {
		const struct hm_mime_part *p = &mime->parts[part];
		if (numbers[i] == 0)
			return HM_MIME_NONE;
		if (!whole_message && p->message) {
			part = p->first_child;
			p = &mime->parts[part];
			whole_message = true;
		}
		if (p->multipart)
			part = nth_child(mime, part, numbers[i]);
		else if (!whole_message || numbers[i] != 1)
			return HM_MIME_NONE;
		if (part == HM_MIME_NONE)
			return HM_MIME_NONE;
		whole_message = false;
	}
	return part;
}

static struct hm_str
find_param(const struct hm_param *params, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (hm_str_caseis(params[i].name, name))
			return params[i].value;
	return (struct hm_str){ NULL, 0 };
}

struct hm_str
hm_mime_param(const struct hm_mime_part *part, const char *name)
{
	return find_param(part->params, part->nparams, name);
}

/* Characters that turn text around or hide it (Unicode's bidirectional
 * controls, zero width) must not disguise a file name. */
static bool
deceptive(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
	    (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2060 && cp <= 0x2069) || cp == 0xfeff;
}

static bool
unsafe_in_name(uint32_t cp)
{
	return cp == '/' || cp == '\\' || cp == ':' || cp == '*' || cp == '?' ||
	    cp == '"' || cp == '<' || cp == '>' || cp == '|';
}

/* The names that DOS gave to devices open those on Windows, with any suffix. */
static bool
device_name(struct hm_str name)
{
	static const char devices[] = "con prn aux nul com lpt";
	ssize_t dot = hm_str_chr(name, '.');
	struct hm_str stem = dot >= 0 ? hm_str_take(name, (size_t)dot) : name;

	if (stem.len == 4 && lex_is(stem.p[3], LEX_DIGIT)) {
		stem.len = 3;
		return hm_str_caseis(stem, "com") || hm_str_caseis(stem, "lpt");
	}
	for (size_t i = 0; stem.len == 3 && i < 16; i += 4)
		if (hm_str_caseeq(stem, hm_str_n(devices + i, 3)))
			return true;
	return false;
}

/* Copies what is safe to be a file's name; no leading dot, no path. */
static void
sanitise(struct hm_buf *out, struct hm_str name)
{
	name = hm_str_trim(name);
	if (device_name(name))
		hm_buf_putc(out, '_');
	while (name.len > 0 && out->len < FILENAME_MAX_BYTES - 4) {
		uint32_t cp;
		size_t n = hm_utf8_next(name, &cp);
		if (n == 0 || deceptive(cp) || unsafe_in_name(cp) ||
		    (cp == '.' && out->len == 0))
			hm_buf_putc(out, '_');
		else
			hm_buf_add(out, name.p, n);
		name = hm_str_skip(name, n ? n : 1);
	}
}

struct hm_str
hm_mime_filename(struct hm_arena *arena, const struct hm_mime_part *part)
{
	struct hm_str raw = find_param(part->dparams, part->ndparams,
	    "filename");
	struct hm_buf decoded = { 0 }, out = { 0 };

	if (raw.len == 0)
		raw = find_param(part->params, part->nparams, "name");
	if (raw.len == 0)
		return (struct hm_str){ NULL, 0 };
	if (hm_str_find(raw, HM_STR("=?")) >= 0 || !hm_utf8_valid(raw))
		hm_words_decode(&decoded, raw);
	else
		hm_buf_str(&decoded, raw);
	sanitise(&out, hm_buf_view(&decoded));
	struct hm_str name = out.len > 0
	    ? hm_str_dup(arena, hm_buf_view(&out))
	    : (struct hm_str){ NULL, 0 };
	hm_buf_release(&decoded);
	hm_buf_release(&out);
	return name;
}
