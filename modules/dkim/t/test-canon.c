/* test-canon.c - canonical forms; among them the examples of RFC 6376, 3.4.5. */
#include <stdlib.h>

#include <hermod/encode.h>
#include <hermod/header.h>

#include "modules/dkim/dkim.h"
#include "t/tap.h"

static void
collect(void *arg, const void *p, size_t len)
{
	hm_buf_add(arg, p, len);
}

static void
test_body(void)
{
	static const struct {
		const char *in, *relaxed, *simple;
	} t[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n",
		    " C \r\nD \t E\r\n" },
		{ "", "", "\r\n" },
		{ "\r\n\r\n", "", "\r\n" },
		{ " \t\r\n", "", " \t\r\n" },
		{ "a", "a\r\n", "a\r\n" },
		{ "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n" },
		{ "a\r\n \r\nb \r\n \r\n", "a\r\n\r\nb\r\n",
		    "a\r\n \r\nb \r\n \r\n" },
		{ "\r\na\r\n", "\r\na\r\n", "\r\na\r\n" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++)
		for (size_t cut = 0; cut < 8; cut++) {
			struct hm_str in = hm_str(t[i].in);

			for (int relaxed = 0; relaxed < 2; relaxed++) {
				struct hm_buf out = { 0 };
				struct dkim_body b = { .relaxed = relaxed,
				    .out = collect, .arg = &out };

				dkim_body_feed(&b, hm_str_take(in, cut));
				dkim_body_feed(&b, hm_str_skip(in, cut));
				dkim_body_end(&b);
				is_str(out.p ? out.p : "", relaxed ?
				    t[i].relaxed : t[i].simple,
				    "body %zu %s, cut at %zu", i,
				    relaxed ? "relaxed" : "simple", cut);
				hm_buf_release(&out);
			}
		}
}

static void
test_fields(void)
{
	static const char *const names[] = { "From", "Received", "Cc" };
	const struct hm_strlist list = { 3, names };
	struct hm_str header = HM_STR("Received: one\r\nFROM : Y\t\r\n\tZ  \r\n"
	    "Received:two\r\nSubject: no\r\n\r\n");
	struct hm_buf h = { 0 }, canonical = { 0 };

	is_int(dkim_fields(&list, true, true, header, &h, &canonical), 0, "signed");
	is_str(h.p, "From:From:Received:Received:Received:Cc",
	    "each once more than it is there");
	is_str(canonical.p, "from:Y Z\r\nreceived:two\r\nreceived:one\r\n",
	    "the last first, relaxed");
	hm_buf_clear(&h);
	hm_buf_clear(&canonical);
	is_int(dkim_fields(&list, false, false, header, &h, &canonical), 0,
	    "signed");
	is_str(h.p, "From:Received:Received", "as often as it is there");
	is_str(canonical.p, "FROM : Y\t\r\n\tZ  \r\nReceived:two\r\n"
	    "Received: one\r\n", "as they stand there, simple");
	hm_buf_release(&h);
	hm_buf_release(&canonical);
}

/* Ten thousand of a name are nobody's message, and cost no more than a few. */
static void
test_many(void)
{
	static const char *const names[] = { "From", "To" };
	const struct hm_strlist list = { 2, names };
	struct hm_buf header = { 0 }, h = { 0 }, canonical = { 0 };

	for (int i = 0; i < 10000; i++)
		hm_buf_printf(&header, "To: a%d@example.org\r\n", i);
	is_int(dkim_fields(&list, true, true, hm_buf_view(&header), &h,
	    &canonical), -HM_ELIMIT, "too many fields are not signed");
	hm_buf_clear(&header);
	for (int i = 0; i < DKIM_SAME_MAX; i++)
		hm_buf_puts(&header, "To: a@example.org\r\n");
	is_int(dkim_fields(&list, true, true, hm_buf_view(&header), &h,
	    &canonical), 0, "as many as the limit are");
	hm_buf_release(&header);
	hm_buf_release(&h);
	hm_buf_release(&canonical);
}

/* ---- signatures that others made ---- */

static struct hm_arena *arena;

static struct hm_str
tag(struct hm_str field, char name)
{
	while (field.p != NULL) {
		struct hm_str one = hm_str_trim(hm_str_split(&field, ';'));

		if (one.len > 1 && one.p[0] == name && one.p[1] == '=')
			return hm_str_skip(one, 2);
	}
	return HM_STR("");
}

/* Without white space, which may stand anywhere in base64. */
static struct hm_str
packed(struct hm_str s)
{
	struct hm_buf out = { 0 };
	struct hm_str ret;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] > ' ')
			hm_buf_putc(&out, s.p[i]);
	ret = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

static struct hm_strlist
names_of(struct hm_str h)
{
	static const char *names[20];
	struct hm_strlist list = { 0, names };

	h = packed(h);
	while (h.p != NULL && list.n < 20) {
		struct hm_str one = hm_str_split(&h, ':');

		/* Named again to keep others from adding one. */
		if (!hm_strlist_has(&list, one))
			names[list.n++] = hm_strndup(arena, one.p, one.len);
	}
	return list;
}

static bool
verified(struct hm_str data, struct hm_str b64)
{
	/* RFC 8463, A.2 */
	static const char key[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
	struct hm_buf raw = { 0 }, sig = { 0 };
	unsigned char digest[32];
	gnutls_datum_t x, in = { digest, sizeof(digest) }, s;
	gnutls_pubkey_t public;
	int r;

	hm_base64_decode(&raw, hm_str(key));
	if (hm_base64_decode(&sig, b64) < 0)
		return false;
	x = (gnutls_datum_t){ (unsigned char *)raw.p, (unsigned)raw.len };
	s = (gnutls_datum_t){ (unsigned char *)sig.p, (unsigned)sig.len };
	gnutls_hash_fast(GNUTLS_DIG_SHA256, data.p, data.len, digest);
	gnutls_pubkey_init(&public);
	r = gnutls_pubkey_import_ecc_raw(public, GNUTLS_ECC_CURVE_ED25519, &x,
	    NULL);
	if (r == 0)
		r = gnutls_pubkey_verify_data2(public, GNUTLS_SIGN_EDDSA_ED25519,
		    0, &in, &s);
	gnutls_pubkey_deinit(public);
	hm_buf_release(&raw);
	hm_buf_release(&sig);
	return r >= 0;
}

static struct hm_str
body_hash(struct hm_str body, bool relaxed)
{
	struct hm_buf out = { 0 }, b64 = { 0 };
	struct dkim_body b = { .relaxed = relaxed, .out = collect, .arg = &out };
	unsigned char digest[32];
	struct hm_str ret;

	dkim_body_feed(&b, body);
	dkim_body_end(&b);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, out.p ? out.p : "", out.len, digest);
	hm_base64_encode(&b64, hm_str_n((char *)digest, 32));
	ret = hm_str_dup(arena, hm_buf_view(&b64));
	hm_buf_release(&out);
	hm_buf_release(&b64);
	return ret;
}

/* Files keep LF; on the wire it is CRLF. */
static struct hm_str
read_message(const char *path)
{
	struct hm_buf out = { 0 };
	struct hm_str text, ret;

	if (hm_file_read(arena, path, 1 << 20, &text, NULL) < 0)
		return (struct hm_str){ 0 };
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			hm_buf_putc(&out, '\r');
		hm_buf_putc(&out, text.p[i]);
	}
	ret = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

static void
check_signature(const char *file, struct hm_str message,
    const struct hm_hdrfield *field)
{
	struct hm_str header = hm_header_section(message), c = tag(field->value, 'c');
	struct hm_str b = tag(field->value, 'b');
	bool header_relaxed = hm_str_starts(c, HM_STR("relaxed"));
	struct hm_strlist names = names_of(tag(field->value, 'h'));
	struct hm_hdrfield bare = *field;
	struct hm_buf list = { 0 }, data = { 0 };
	size_t at = (size_t)(b.p - field->raw.p);
	struct hm_str bh = { 0 };

	for (struct hm_str rest = field->value; rest.p != NULL; ) {
		struct hm_str one = hm_str_trim(hm_str_split(&rest, ';'));

		if (hm_str_starts(one, HM_STR("bh=")))
			bh = packed(hm_str_skip(one, 3));
	}
	ok(hm_str_eq(body_hash(hm_str_skip(message, header.len),
	    hm_str_ends(c, HM_STR("relaxed"))), bh), "%s: body %.*s", file,
	    HM_FMT(c));
	is_int(dkim_fields(&names, false, header_relaxed, header, &list, &data), 0,
	    "%s: fields", file);
	/* The field itself, up to its last "b=" (these end with it). */
	bare.raw.len = at;
	bare.value.len = (size_t)(b.p - field->value.p);
	if (header_relaxed) {
		dkim_field(&data, bare.name, bare.value);
		data.len -= 2;
	} else {
		hm_buf_str(&data, bare.raw);
	}
	ok(verified(hm_buf_view(&data), packed(b)), "%s: signature %.*s", file,
	    HM_FMT(c));
	hm_buf_release(&list);
	hm_buf_release(&data);
}

static void
test_vectors(void)
{
	static const char *const files[] = {
		"dkim/dkimpy/rfc6376-signed/rfc6376.signed.msg",
		"dkim/mimekit/rfc8463-example.msg",
	};
	const char *dir = getenv("HERMOD_TESTDATA");

	for (size_t i = 0; i < HM_ARRAY_LEN(files); i++) {
		struct hm_str message = dir == NULL ? (struct hm_str){ 0 } :
		    read_message(hm_printf(arena, "%s/%s", dir, files[i]));
		struct hm_str rest = hm_header_section(message);
		struct hm_hdrfield field;

		if (message.p == NULL) {
			skip("no %s", files[i]);
			continue;
		}
		while (hm_header_next(&rest, &field))
			if (hm_str_caseis(field.name, "DKIM-Signature") &&
			    hm_str_is(tag(field.value, 'a'), "ed25519-sha256"))
				check_signature(files[i], message, &field);
	}
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_body();
	test_fields();
	test_many();
	test_vectors();
	hm_arena_free(arena);
	return done();
}
