/* doc.c - the text of a document: encoding, lines, places. */
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "errs.h"
#include "node.h"

enum { HM_DOC_STEP = 128 };

/* The folder of name as an absolute path. */
static const char *
doc_dir(struct hm_arena *arena, const char *name)
{
	struct hm_str path = hm_str(name);
	ssize_t slash = hm_str_rchr(path, '/');
	char cwd[1024];

	if (slash == 0)
		return "/";
	if (slash > 0 && name[0] == '/')
		return hm_strndup(arena, name, (size_t)slash);
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return slash > 0 ? hm_strndup(arena, name, (size_t)slash) : ".";
	if (slash < 0)
		return hm_strdup(arena, cwd);
	return hm_printf(arena, "%s/%.*s", cwd, (int)slash, name);
}

static void
find_lines(struct hm_arena *arena, struct hm_doc *doc)
{
	const char *p = doc->text.p;
	size_t len = doc->text.len, n = 1;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n' ||
		    (p[i] == '\r' && (i + 1 == len || p[i + 1] != '\n'));
	doc->lines = hm_alloc_array(arena, n, sizeof(doc->lines[0]));
	doc->nlines = 1;
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\n' ||
		    (p[i] == '\r' && (i + 1 == len || p[i + 1] != '\n')))
			doc->lines[doc->nlines++] = i + 1;
	}
}

/* The offset of the first byte that is not UTF-8, or the length. */
static size_t
valid_prefix(struct hm_str text)
{
	size_t i = 0, n;
	uint32_t cp;

	while (i < text.len) {
		if ((unsigned char)text.p[i] < 0x80) {
			i++;
			continue;
		}
		n = hm_utf8_next(hm_str_skip(text, i), &cp);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

static void
find_chars(struct hm_arena *arena, struct hm_doc *doc)
{
	size_t len = doc->text.len, count = 0;

	if (hm_str_ascii(hm_str_skip(doc->text, doc->bom)))
		return;
	doc->chars = hm_alloc_array(arena, len / HM_DOC_STEP + 1,
	    sizeof(doc->chars[0]));
	for (size_t i = doc->bom; i < len; i++) {
		if (((unsigned char)doc->text.p[i] & 0xc0) == 0x80)
			continue;
		if (count++ % HM_DOC_STEP == 0)
			doc->chars[doc->nchars++] = i;
	}
}

static int
check_encoding(const struct hm_doc *doc, struct hm_errs *errs)
{
	struct hm_str text = doc->text;
	size_t good;

	if (text.len >= 2 && (memcmp(text.p, "\xff\xfe", 2) == 0 ||
	    memcmp(text.p, "\xfe\xff", 2) == 0)) {
		hm_errs_put(errs, HM_ERRS_ERROR, doc, 0, 0,
		    "the file is written in UTF-16; save it as UTF-8");
		return -HM_ESYNTAX;
	}
	good = valid_prefix(text);
	if (good < text.len) {
		hm_errs_put(errs, HM_ERRS_ERROR, doc, good, good + 1,
		    "byte 0x%02x is not UTF-8; save the file as UTF-8",
		    (unsigned char)text.p[good]);
		return -HM_ESYNTAX;
	}
	return 0;
}

int
hm_doc_new(struct hm_arena *arena, const char *name, struct hm_str text,
    struct hm_doc **ret, struct hm_errs *errs)
{
	struct hm_doc *doc = hm_new(arena, struct hm_doc);
	int r;

	doc->name = hm_strdup(arena, name);
	doc->dir = doc_dir(arena, name);
	if (text.len > HM_NODE_MAX_BYTES) {
		hm_errs_put(errs, HM_ERRS_ERROR, doc, 0, 0,
		    "the file is larger than 16 MiB");
		return -HM_ESYNTAX;
	}
	doc->text = hm_str_dup(arena, text);
	if (text.len >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		doc->bom = 3;
	find_lines(arena, doc);
	r = check_encoding(doc, errs);
	if (r < 0)
		return r;
	find_chars(arena, doc);
	*ret = doc;
	return 0;
}

size_t
hm_doc_offset(const struct hm_doc *doc, size_t chars)
{
	size_t len = doc->text.len, i, rest;

	if (doc->chars == NULL)
		return chars > len - doc->bom ? len : chars + doc->bom;
	if (chars / HM_DOC_STEP >= doc->nchars)
		return len;
	i = doc->chars[chars / HM_DOC_STEP];
	for (rest = chars % HM_DOC_STEP; rest > 0 && i < len; rest--) {
		i++;
		while (i < len &&
		    ((unsigned char)doc->text.p[i] & 0xc0) == 0x80)
			i++;
	}
	return i;
}

/* The index of the line that offset lies in. */
static size_t
line_of(const struct hm_doc *doc, size_t offset)
{
	size_t lo = 0, hi = doc->nlines;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (doc->lines[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

void
hm_doc_place(const struct hm_doc *doc, size_t offset, unsigned *ret_line,
    unsigned *ret_col)
{
	size_t line, start;

	if (doc->nlines == 0) {
		*ret_line = *ret_col = 1;
		return;
	}
	line = line_of(doc, offset);
	start = doc->lines[line];
	/* A byte order mark is not seen by whoever counts columns. */
	if (line == 0 && offset >= doc->bom)
		start = doc->bom;
	*ret_line = (unsigned)line + 1;
	*ret_col = (unsigned)(offset - start) + 1;
}

void
hm_doc_line(const struct hm_doc *doc, size_t offset, size_t *ret_start,
    size_t *ret_end)
{
	size_t line, end;

	if (doc->nlines == 0) {
		*ret_start = *ret_end = 0;
		return;
	}
	line = line_of(doc, offset);
	*ret_start = line == 0 ? doc->bom : doc->lines[line];
	end = line + 1 < doc->nlines ? doc->lines[line + 1] : doc->text.len;
	while (end > *ret_start && (doc->text.p[end - 1] == '\n' ||
	    doc->text.p[end - 1] == '\r'))
		end--;
	*ret_end = end;
}

void
hm_doc_mask(struct hm_arena *arena, struct hm_doc *doc, size_t start, size_t end)
{
	struct hm_mask *mask = hm_new(arena, struct hm_mask);

	mask->start = start;
	mask->end = end;
	mask->next = doc->masks;
	doc->masks = mask;
}
