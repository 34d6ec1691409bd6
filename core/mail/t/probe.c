/* probe.c - lets test scripts call the parsers of this folder.
 *
 * Reads requests from standard input, one a line: an operation and its
 * arguments in hexadecimal, "-" for none. Answers each with one line of fields
 * separated by spaces, in hexadecimal as well; "!" and a code for an error,
 * "-" for what is absent, "." for an empty string.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/str.h>

#include "core/mail/param.h"

static struct hm_arena *arena;

static void
put(struct hm_str s)
{
	if (!s.p || s.len == 0) {
		printf("%s ", s.p ? "." : "-");
		return;
	}
	for (size_t i = 0; i < s.len; i++)
		printf("%02x", (unsigned char)s.p[i]);
	putchar(' ');
}

static void
put_error(int rc)
{
	printf("! %s", hm_err_name(rc));
}

static void
put_number(int64_t n)
{
	printf("%lld ", (long long)n);
}

static void
op_domain_ascii(struct hm_str in)
{
	struct hm_str out;
	int rc = hm_domain_ascii(arena, in, &out, NULL);

	if (rc < 0)
		put_error(rc);
	else
		put(out);
}

static void
op_domain_unicode(struct hm_str in)
{
	put(hm_domain_unicode(arena, in));
}

static void
address(struct hm_str in, unsigned flags)
{
	struct hm_addr addr;
	int rc = hm_addr_parse(arena, in, flags, &addr, NULL);

	if (rc < 0) {
		put_error(rc);
		return;
	}
	put(addr.local);
	put(addr.domain);
	put(addr.text);
}

static void
op_address(struct hm_str in)
{
	address(in, HM_ADDR_UTF8);
}

static void
op_address_ascii(struct hm_str in)
{
	address(in, 0);
}

/* Kind, name (decoded), route, local, domain of each. */
static void
op_addresses(struct hm_str in)
{
	struct hm_hdraddrs list;
	struct hm_buf name = { 0 };

	hm_hdraddrs_parse(arena, in, &list);
	put_number(list.damaged);
	for (size_t i = 0; i < list.n; i++) {
		hm_buf_clear(&name);
		put_number(list.at[i].kind);
		hm_words_decode(&name, list.at[i].name);
		put(list.at[i].name.p ? hm_buf_view(&name)
		    : list.at[i].name);
		put(list.at[i].route);
		put(list.at[i].local);
		put(list.at[i].domain);
	}
	hm_buf_release(&name);
}

static void
op_single(struct hm_str in)
{
	struct hm_addr addr;
	int rc = hm_hdraddr_single(arena, in, &addr, NULL);

	if (rc < 0)
		put_error(rc);
	else
		put(addr.text);
}

static void
op_words(struct hm_str in)
{
	struct hm_buf out = { 0 };

	hm_words_decode(&out, in);
	put(out.len ? hm_buf_view(&out) : HM_STR(""));
	hm_buf_release(&out);
}

static void
op_encode(struct hm_str in)
{
	struct hm_buf out = { 0 };

	hm_words_encode(&out, in);
	put(out.len ? hm_buf_view(&out) : HM_STR(""));
	hm_buf_release(&out);
}

static void
op_unfold(struct hm_str in)
{
	put(hm_header_unfold(arena, in));
}

static void
op_date(struct hm_str in)
{
	int64_t unix_s;
	int zone;
	int rc = hm_date_parse(in, &unix_s, &zone);

	if (rc < 0) {
		put_error(rc);
		return;
	}
	put_number(unix_s);
	put_number(zone);
}

/* The first token, the one behind "/", then the parameters. */
static void
op_params(struct hm_str in)
{
	const char *p = in.p, *end = in.p + in.len;
	struct mime_params params;
	struct hm_buf value = { 0 };

	put(hm_param_token(arena, &p, end));
	if (p < end && *p == '/') {
		p++;
		put(hm_param_token(arena, &p, end));
	} else {
		put((struct hm_str){ NULL, 0 });
	}
	hm_params_parse(arena, p, end, &params);
	for (size_t i = 0; i < params.n; i++) {
		hm_buf_clear(&value);
		put(params.at[i].name);
		put(params.at[i].value);
	}
	hm_buf_release(&value);
}

static void
op_field(struct hm_str in)
{
	struct hm_hdrfield field = { 0 };

	if (hm_header_next(&in, &field)) {
		put(field.name);
		put(field.value);
	}
}

static bool
offsets_ok(const struct hm_mime *mime, size_t size)
{
	for (size_t i = 0; i < mime->n; i++) {
		const struct hm_mime_part *p = &mime->parts[i];
		if (p->header > p->body || p->body > p->end || p->end > size)
			return false;
		if (p->next != HM_MIME_NONE &&
		    (mime->parts[p->next].header < p->end ||
		    mime->parts[p->next].parent != p->parent))
			return false;
		if (i == 0)
			continue;
		const struct hm_mime_part *up = &mime->parts[p->parent];
		if (p->header < up->body || p->end > up->end ||
		    p->header < mime->parts[i - 1].body ||
		    p->depth != up->depth + 1)
			return false;
	}
	return mime->parts[0].header == 0 && mime->parts[0].end == size;
}

/* Every part is found under its own section number. */
static bool
sections_ok(const struct hm_mime *mime)
{
	static uint32_t numbers[200];

	for (size_t i = 0; i < mime->n; i++) {
		size_t n = 0;
		int want = (int)i;
		for (int p = want; mime->parts[p].parent != HM_MIME_NONE;) {
			int up = mime->parts[p].parent, k = 1;
			if (mime->parts[up].message) {
				/* the root of a message within: itself is
				 * "1" unless it is a multipart */
				if (p == want && !mime->parts[p].multipart)
					numbers[n++] = 1;
				else if (p == want)
					goto next;
				p = up;
				if (mime->parts[p].parent == HM_MIME_NONE ||
				    mime->parts[mime->parts[p].parent].message)
					numbers[n++] = 1;
				continue;
			}
			for (int s = mime->parts[up].first_child; s != p;
			    s = mime->parts[s].next)
				k++;
			numbers[n++] = (uint32_t)k;
			p = up;
		}
		for (size_t k = 0; k < n / 2; k++) {
			uint32_t t = numbers[k];
			numbers[k] = numbers[n - 1 - k];
			numbers[n - 1 - k] = t;
		}
		if (hm_mime_section(mime, numbers, n) != want)
			return false;
next:
		;
	}
	return true;
}

/* Whether the invariants hold: offsets nest, the stored form is the same,
 * sections are found, texts come out as UTF-8. Then BODY, BODYSTRUCTURE and
 * ENVELOPE. */
static void
op_message(struct hm_str in)
{
	const struct hm_mime *mime, *stored = NULL;
	struct hm_buf body = { 0 }, full = { 0 }, envelope = { 0 };
	struct hm_buf again = { 0 }, record = { 0 }, text = { 0 };
	bool utf8 = true;

	hm_mime_parse(arena, in, NULL, &mime);
	put_number(offsets_ok(mime, in.len));
	put_number(sections_ok(mime));
	hm_imap_bodystructure(&body, in, mime, false);
	hm_imap_bodystructure(&full, in, mime, true);
	hm_imap_envelope(&envelope, hm_header_section(in));
	hm_mime_pack(&record, mime);
	bool same = hm_mime_unpack(arena, hm_buf_view(&record), &stored) == 0;
	if (same)
		hm_imap_bodystructure(&again, in, stored, true);
	put_number(same && hm_str_eq(hm_buf_view(&full), hm_buf_view(&again)));
	for (size_t i = 0; i < mime->n; i++) {
		hm_buf_clear(&text);
		int rc = hm_mime_text(&text, in, &mime->parts[i], 1 << 20);
		utf8 &= rc == -HM_EUNSUPPORTED || hm_utf8_valid(
		    hm_buf_view(&text));
		struct hm_str name = hm_mime_filename(arena, &mime->parts[i]);
		utf8 &= hm_utf8_valid(name) && hm_str_chr(name, '/') < 0;
	}
	put_number(utf8);
	put(hm_buf_view(&body));
	put(hm_buf_view(&full));
	put(hm_buf_view(&envelope));
	hm_buf_release(&body);
	hm_buf_release(&full);
	hm_buf_release(&envelope);
	hm_buf_release(&again);
	hm_buf_release(&record);
	hm_buf_release(&text);
}

/* Per part: depth, type, flags (multipart 1, message 2, damaged 4), offsets,
 * lines, encoding, decoded body, text in UTF-8 or absent, file name. */
static void
op_parts(struct hm_str in)
{
	const struct hm_mime *mime;

	hm_mime_parse(arena, in, NULL, &mime);
	for (size_t i = 0; i < mime->n; i++) {
		const struct hm_mime_part *p = &mime->parts[i];
		struct hm_buf out = { 0 };
		put_number(p->depth);
		put(p->type);
		put(p->subtype);
		put_number(p->multipart + 2 * p->message + 4 * p->damaged);
		put_number((int64_t)p->header);
		put_number((int64_t)p->body);
		put_number((int64_t)p->end);
		put_number(p->body_lines);
		put(p->encoding);
		if (hm_mime_decode(&out, in, p, SIZE_MAX / 8) ==
		    -HM_EUNSUPPORTED)
			hm_buf_str(&out, hm_str_n(in.p + p->body,
			    (size_t)(p->end - p->body)));
		put(out.len ? hm_buf_view(&out) : HM_STR(""));
		hm_buf_clear(&out);
		struct hm_str none = { NULL, 0 };
		if (!hm_str_is(p->type, "text"))
			put(none);
		else if (hm_mime_text(&out, in, p, SIZE_MAX / 8) < 0 ||
		    out.len == 0)
			put(HM_STR(""));
		else
			put(hm_buf_view(&out));
		put(hm_mime_filename(arena, p));
		hm_buf_release(&out);
	}
}

/* "1.2", a line feed, a message: the body of that part. */
static void
op_section(struct hm_str in)
{
	struct hm_str path = hm_str_split(&in, '\n');
	const struct hm_mime *mime;
	uint32_t numbers[20];
	size_t n = 0;

	while (path.p && n < HM_ARRAY_LEN(numbers))
		if (hm_str_u32(hm_str_split(&path, '.'), &numbers[n++]) < 0)
			exit(2);
	hm_mime_parse(arena, in, NULL, &mime);
	int part = hm_mime_section(mime, numbers, n);
	if (part == HM_MIME_NONE) {
		put((struct hm_str){ NULL, 0 });
		return;
	}
	const struct hm_mime_part *p = &mime->parts[part];
	put(hm_str_n(in.p + p->body, (size_t)(p->end - p->body)));
}

static const struct {
	const char *name;
	void (*fn)(struct hm_str in);
} ops[] = {
	{ "domain-ascii", op_domain_ascii },
	{ "domain-unicode", op_domain_unicode },
	{ "address", op_address },
	{ "address-ascii", op_address_ascii },
	{ "addresses", op_addresses },
	{ "single", op_single },
	{ "words", op_words },
	{ "encode", op_encode },
	{ "unfold", op_unfold },
	{ "date", op_date },
	{ "params", op_params },
	{ "field", op_field },
	{ "message", op_message },
	{ "parts", op_parts },
	{ "section", op_section },
};

static void
request(char *line)
{
	char *arg = strchr(line, ' ');
	struct hm_buf in = { 0 };

	if (!arg)
		exit(2);
	*arg++ = '\0';
	hm_buf_puts(&in, "");
	if (strcmp(arg, "-") != 0 && hm_hex_decode(&in, hm_str(arg)) < 0)
		exit(2);
	for (size_t i = 0; i < HM_ARRAY_LEN(ops); i++) {
		if (strcmp(line, ops[i].name) != 0)
			continue;
		/* A copy of exactly that size, for ASan's sake. */
		char *copy = malloc(in.len ? in.len : 1);
		if (!copy)
			exit(2);
		memcpy(copy, in.p, in.len);
		ops[i].fn(hm_str_n(copy, in.len));
		putchar('\n');
		fflush(stdout);
		free(copy);
		hm_buf_release(&in);
		hm_arena_clear(arena);
		return;
	}
	exit(2);
}

int
main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	arena = hm_arena_new(NULL, "probe");
	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		request(line);
	}
	free(line);
	hm_arena_free(arena);
	return 0;
}
