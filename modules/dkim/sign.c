/* sign.c - DKIM-Signature (RFC 6376, 5; Ed25519: RFC 8463). */
#include <hermod/encode.h>
#include <hermod/header.h>

#include "dkim.h"

const char *
dkim_kind_name(enum dkim_kind kind)
{
	return kind == DKIM_RSA ? "rsa" : "ed25519";
}

struct dkim_forms
dkim_forms(const struct dkim_conf *conf, const struct dkim_key *key)
{
	const struct dkim_selector *own = conf->selectors->at;
	struct dkim_forms forms = { (enum dkim_form)conf->header,
	    (enum dkim_form)conf->body, true };

	for (size_t i = 0; i < conf->selectors->n; i++) {
		if (!hm_str_caseis(key->selector, conf->selectors->names[i]))
			continue;
		forms.sign = own[i].sign;
		if (own[i].form > 0) {
			forms.header = (enum dkim_form)((own[i].form - 1) / 2);
			forms.body = (enum dkim_form)((own[i].form - 1) % 2);
		}
	}
	return forms;
}

static void
hash_out(void *arg, const void *p, size_t len)
{
	(void)gnutls_hash(arg, p, len);
}

static int
hash_body(const struct dkim_signing *s, enum dkim_form form,
    unsigned char digest[32])
{
	struct hm_str body = hm_str_skip(s->message,
	    hm_header_section(s->message).len);
	gnutls_hash_hd_t hash;
	struct dkim_body b = { .relaxed = form == DKIM_RELAXED, .out = hash_out };

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -HM_EINTERNAL;
	b.arg = hash;
	dkim_body_feed(&b, body);
	dkim_body_end(&b);
	gnutls_hash_deinit(hash, digest);
	return 0;
}

/* Ed25519 signs the digest, RSA what the digest is of (RFC 8463, 3). */
static int
sign_data(const struct dkim_key *key, struct hm_str data, struct hm_buf *out)
{
	unsigned char digest[32];
	gnutls_datum_t in = { (unsigned char *)data.p, (unsigned)data.len };
	gnutls_datum_t signature;
	int r;

	if (key->kind == DKIM_ED25519) {
		if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data.p, data.len,
		    digest) < 0)
			return -HM_EINTERNAL;
		in = (gnutls_datum_t){ digest, sizeof(digest) };
	}
	r = gnutls_privkey_sign_data2(key->key, key->kind == DKIM_RSA ?
	    GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_EDDSA_ED25519, 0, &in,
	    &signature);
	if (r < 0)
		return -HM_EINTERNAL;
	hm_base64_encode(out, hm_str_n((char *)signature.data, signature.size));
	gnutls_free(signature.data);
	return 0;
}

/* ---- one signature ---- */

/* What keys share of one message; made when the first wants it. */
struct parts {
	struct hm_str header;
	struct hm_buf list[DKIM_FORMS], canonical[DKIM_FORMS];
	unsigned char digest[DKIM_FORMS][32];
	bool hashed[DKIM_FORMS];
};

static int
prepare(const struct dkim_signing *s, struct parts *p, struct dkim_forms forms)
{
	int r = 0;

	if (p->list[forms.header].len == 0)
		r = dkim_fields(s->conf->fields, s->conf->oversign,
		    forms.header == DKIM_RELAXED, p->header,
		    &p->list[forms.header], &p->canonical[forms.header]);
	if (r == 0 && !p->hashed[forms.body]) {
		r = hash_body(s, forms.body, p->digest[forms.body]);
		p->hashed[forms.body] = r == 0;
	}
	return r;
}

static void
put_tags(struct hm_buf *out, const struct dkim_signing *s, struct parts *p,
    const struct dkim_key *key, struct dkim_forms forms)
{
	static const char *const words[] = { "relaxed", "simple" };

	hm_buf_printf(out, "v=1; a=%s-sha256; c=%s/%s; d=%.*s; s=%.*s; "
	    "t=%lld; ", dkim_kind_name(key->kind), words[forms.header],
	    words[forms.body], HM_FMT(key->domain), HM_FMT(key->selector),
	    (long long)s->now_s);
	if (s->conf->expire_ms > 0)
		hm_buf_printf(out, "x=%lld; ",
		    (long long)(s->now_s + s->conf->expire_ms / 1000));
	hm_buf_printf(out, "h=%.*s; bh=", (int)p->list[forms.header].len,
	    p->list[forms.header].p);
	hm_base64_encode(out, hm_str_n((char *)p->digest[forms.body], 32));
	hm_buf_puts(out, "; b=");
}

/* The field as it will stand in the message, folded, without what b= will have:
 * so many characters that are one word. */
static int
put_folded(struct hm_buf *out, const struct hm_buf *tags, size_t signature)
{
	struct hm_buf whole = { 0 };
	int r;

	hm_buf_str(&whole, hm_buf_view(tags));
	for (size_t i = 0; i < signature; i++)
		hm_buf_putc(&whole, 'b');
	r = hm_header_fold(out, "DKIM-Signature", hm_buf_view(&whole));
	hm_buf_release(&whole);
	if (r == 0)
		out->len -= signature + 2;
	return r;
}

/* The field itself is signed too, with an empty b= and no line end. */
static int
sign_with(struct dkim_signing *s, struct parts *p, const struct dkim_key *key,
    struct dkim_forms forms)
{
	struct hm_buf value = { 0 }, data = { 0 };
	size_t bytes = key->kind == DKIM_ED25519 ? 64 : (key->bits + 7) / 8;
	size_t tags, signature = (bytes + 2) / 3 * 4;
	int r = prepare(s, p, forms);

	if (r < 0)
		return r;
	put_tags(&value, s, p, key, forms);
	tags = value.len;
	hm_buf_str(&data, hm_buf_view(&p->canonical[forms.header]));
	if (forms.header == DKIM_RELAXED) {
		dkim_field(&data, HM_STR("DKIM-Signature"), hm_buf_view(&value));
		data.len -= 2;
	} else {
		r = put_folded(&data, &value, signature);
	}
	if (r == 0)
		r = sign_data(key, hm_buf_view(&data), &value);
	if (r == 0 && value.len != tags + signature)
		r = -HM_EINTERNAL;
	if (r == 0)
		s->values[s->n++] = hm_strndup(s->arena, value.p, value.len);
	hm_buf_release(&value);
	hm_buf_release(&data);
	return r;
}

int
dkim_sign(void *signing)
{
	struct dkim_signing *s = signing;
	struct parts *p = hm_new(s->arena, struct parts);
	struct hm_buf header = { 0 };
	int r = 0;

	hm_buf_str(&header, s->prefix);
	hm_buf_str(&header, hm_header_section(s->message));
	p->header = hm_buf_view(&header);
	s->values = hm_alloc_array(s->arena, s->keys->n + 1, sizeof(*s->values));
	for (size_t i = 0; i < s->keys->n; i++) {
		const struct dkim_key *key = &s->keys->at[i];
		struct dkim_forms forms = dkim_forms(s->conf, key);
		int one = forms.sign && hm_str_eq(key->domain, s->domain) ?
		    sign_with(s, p, key, forms) : 0;

		/* The others' signatures are as good as ever. */
		r = one < 0 ? one : r;
	}
	for (size_t i = 0; i < DKIM_FORMS; i++) {
		hm_buf_release(&p->list[i]);
		hm_buf_release(&p->canonical[i]);
	}
	hm_buf_release(&header);
	return r;
}
