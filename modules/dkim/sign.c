/* sign.c - DKIM-Signature (RFC 6376, 5; Ed25519: RFC 8463). */
#include <hermod/encode.h>
#include <hermod/header.h>

#include "dkim.h"

const char *
dkim_kind_name(enum dkim_kind kind)
{
	return kind == DKIM_RSA ? "rsa" : "ed25519";
}

static void
hash_out(void *arg, const void *p, size_t len)
{
	(void)gnutls_hash(arg, p, len);
}

static int
hash_body(const struct dkim_signing *s, unsigned char digest[32])
{
	struct hm_str body = hm_str_skip(s->message,
	    hm_header_section(s->message).len);
	gnutls_hash_hd_t hash;
	struct dkim_body b = { .relaxed = s->conf->body == 0, .out = hash_out };

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

static void
put_tags(struct hm_buf *out, const struct dkim_signing *s,
    const struct dkim_key *key, struct hm_str list, struct hm_str body_hash)
{
	hm_buf_printf(out, "v=1; a=%s-sha256; c=relaxed/%s; d=%.*s; s=%.*s; "
	    "t=%lld; ", dkim_kind_name(key->kind),
	    s->conf->body == 0 ? "relaxed" : "simple", HM_FMT(key->domain),
	    HM_FMT(key->selector), (long long)s->now_s);
	if (s->conf->expire_ms > 0)
		hm_buf_printf(out, "x=%lld; ",
		    (long long)(s->now_s + s->conf->expire_ms / 1000));
	hm_buf_printf(out, "h=%.*s; bh=", HM_FMT(list));
	hm_base64_encode(out, body_hash);
	hm_buf_puts(out, "; b=");
}

/* The field itself is signed too, with an empty b= and no line end. */
static int
sign_with(struct dkim_signing *s, const struct dkim_key *key, struct hm_str list,
    struct hm_str canonical, struct hm_str body_hash)
{
	struct hm_buf value = { 0 }, data = { 0 };
	int r;

	put_tags(&value, s, key, list, body_hash);
	hm_buf_str(&data, canonical);
	dkim_field(&data, HM_STR("DKIM-Signature"), hm_buf_view(&value));
	data.len -= 2;
	r = sign_data(key, hm_buf_view(&data), &value);
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
	struct hm_buf header = { 0 }, list = { 0 }, canonical = { 0 };
	unsigned char digest[32];
	int r = hash_body(s, digest);

	hm_buf_str(&header, s->prefix);
	hm_buf_str(&header, hm_header_section(s->message));
	dkim_fields(s->conf->fields, s->conf->oversign, hm_buf_view(&header),
	    &list, &canonical);
	s->values = hm_alloc_array(s->arena, s->keys->n + 1, sizeof(*s->values));
	for (size_t i = 0; i < s->keys->n && r == 0; i++)
		if (hm_str_eq(s->keys->at[i].domain, s->domain))
			r = sign_with(s, &s->keys->at[i], hm_buf_view(&list),
			    hm_buf_view(&canonical),
			    hm_str_n((char *)digest, sizeof(digest)));
	hm_buf_release(&header);
	hm_buf_release(&list);
	hm_buf_release(&canonical);
	return r;
}
