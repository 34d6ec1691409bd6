/* verify.c - all signatures of a message (RFC 6376, 6.1).
 *
 * First what costs least: the field itself, then its key, then the signature over
 * the header, and the body only for signatures that are good so far. The body is
 * read once, in pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "verify.h"

enum { PIECE = 64 * 1024, FIELDS_MAX = 50000, DIGEST_MAX = 32 };

static const gnutls_digest_algorithm_t digests[DKIM_HASHES] = {
	[DKIM_SHA256] = GNUTLS_DIG_SHA256, [DKIM_SHA1] = GNUTLS_DIG_SHA1,
};

static size_t
digest_bytes(enum dkim_hash hash)
{
	return hash == DKIM_SHA1 ? 20 : 32;
}

/* A field, found by its name; of one name the last comes first (RFC 6376,
 * 5.4.2). */
struct entry {
	struct hm_hdrfield field;
	struct hm_str name;
	size_t taken;                  /* at the first of a name: how many were */
};

struct work {
	struct dkim_verifying *v;
	struct hm_str header;
	size_t n;
	struct entry *at;
	struct hm_err *err;
};

static void
settle(struct dkim_verifying *v, struct dkim_check *c, enum dkim_result result,
    const char *why)
{
	/* Who is testing asks to be treated as if he had not signed (RFC 6376,
	 * 3.6.1). */
	if (result != DKIM_PASS && c->found && c->record.testing) {
		result = DKIM_NONE;
		why = hm_printf(v->arena, "%s; its domain is testing (t=y)", why);
	}
	c->result = result;
	c->why = why;
}

/* ---- the header ---- */

static int
read_header(struct work *w)
{
	struct hm_spool *spool = w->v->spool;
	struct hm_buf text = { 0 };
	struct hm_str header;
	ssize_t n;

	do {
		hm_buf_reserve(&text, PIECE);
		n = hm_spool_read(spool, text.len, text.p + text.len, PIECE);
		text.len += n > 0 ? (size_t)n : 0;
		header = hm_header_section(hm_buf_view(&text));
	} while (n > 0 && header.len == text.len && text.len <= DKIM_HEADER_MAX);
	if (n >= 0 && header.len <= DKIM_HEADER_MAX)
		w->header = hm_str_dup(w->v->arena, header);
	hm_buf_release(&text);
	if (n < 0)
		return hm_err_set(w->err, (int)n, "the message cannot be read");
	return header.len <= DKIM_HEADER_MAX ? 0 : hm_err_set(w->err, -HM_ELIMIT,
	    "the header is longer than 1 MiB");
}

static int
by_name(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int r = hm_str_casecmp(a->name, b->name);

	return r != 0 ? r : a->field.raw.p < b->field.raw.p ? 1 : -1;
}

static int
index_fields(struct work *w)
{
	struct hm_str rest = w->header;
	struct hm_hdrfield field;
	size_t n = 0;

	while (hm_header_next(&rest, &field))
		if (++n > FIELDS_MAX)
			return hm_err_set(w->err, -HM_ELIMIT,
			    "the header has more than 50,000 fields");
	w->at = hm_alloc_array(w->v->arena, n + 1, sizeof(*w->at));
	rest = w->header;
	while (hm_header_next(&rest, &field)) {
		if (field.name.p == NULL)
			continue;
		w->at[w->n].field = field;
		w->at[w->n++].name = hm_str_trim(field.name);
	}
	qsort(w->at, w->n, sizeof(*w->at), by_name);
	return 0;
}

/* The first of that name, or w->n. */
static size_t
find(const struct work *w, struct hm_str name)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hm_str_casecmp(w->at[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->n && hm_str_caseeq(w->at[low].name, name) ? low : w->n;
}

static size_t
count(const struct work *w, const char *name)
{
	size_t first = find(w, hm_str(name)), n = first;

	while (n < w->n && hm_str_caseis(w->at[n].name, name))
		n++;
	return n - first;
}

/* ---- what can be said without its key ---- */

/* A second one could be what a reader sees (RFC 6376, 8.15). */
static bool
signs_all(const struct work *w, const struct dkim_signature *sig,
    const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < sig->nnames; i++)
		n += hm_str_caseis(sig->names[i], name);
	return n >= count(w, name);
}

static void
judge_field(struct work *w, struct dkim_check *c)
{
	struct dkim_verifying *v = w->v;
	const char *why = dkim_signature_parse(v->arena, c->field.value, &c->sig);

	if (why == NULL)
		why = dkim_signature_fault(&c->sig, &v->rules);
	if (why != NULL) {
		settle(v, c, DKIM_PERMERROR, why);
		return;
	}
	why = dkim_signature_policy(&c->sig, &v->rules);
	if (why == NULL && !signs_all(w, &c->sig, "From"))
		why = "there is another From that it does not sign";
	if (why == NULL && !signs_all(w, &c->sig, "Subject"))
		why = "there is another Subject that it does not sign";
	if (why != NULL)
		settle(v, c, DKIM_POLICY, why);
}

static int
begin_job(void *arg)
{
	struct work *w = arg;
	struct dkim_verifying *v = w->v;
	struct hm_hdrfield field;
	struct hm_str rest;
	int r = read_header(w);

	if (r == 0)
		r = index_fields(w);
	if (r < 0)
		return r;
	v->at = hm_alloc_array(v->arena, DKIM_CHECKS_MAX, sizeof(*v->at));
	rest = w->header;
	while (hm_header_next(&rest, &field)) {
		if (!hm_str_caseis(hm_str_trim(field.name), "DKIM-Signature"))
			continue;
		if (v->n == DKIM_CHECKS_MAX) {
			v->more++;
			continue;
		}
		v->at[v->n].field = field;
		judge_field(w, &v->at[v->n++]);
	}
	return 0;
}

/* ---- its key ---- */

static void
judge_record(struct dkim_verifying *v, struct dkim_check *c)
{
	const struct dkim_record *rec = &c->record;
	const char *why = dkim_record_fault(rec, &v->rules);

	if (why == NULL && rec->kind != c->sig.kind)
		why = "the key is of another kind than the signature";
	else if (why == NULL && !rec->hashes[c->sig.hash])
		why = "the key is not to be used with that hash (h=)";
	else if (why == NULL && rec->strict &&
	    !hm_str_eq(c->sig.identity, c->sig.domain))
		why = "the key is for d= alone (t=s), and i= is below it";
	if (why != NULL)
		settle(v, c, DKIM_PERMERROR, why);
}

static HM_FIBER int
find_key(struct dkim_verifying *v, struct dkim_check *c, int64_t until_ms)
{
	int64_t left = until_ms - hm_now_ms();
	struct hm_dns_answer answer = { .outcome = HM_DNS_TIMEOUT };
	enum dkim_result result;
	const char *why;
	int r = 0;

	if (left > 0)
		r = dkim_record_ask(v->arena, v->resolver, c->sig.selector,
		    c->sig.domain, 0, left < DKIM_LOOKUP_MS ? left : DKIM_LOOKUP_MS,
		    &answer);
	if (r < 0)
		return r;
	result = dkim_record_find(v->arena, &answer, &c->record, &why);
	c->secure = answer.secure;
	c->found = result == DKIM_PENDING;
	if (c->found)
		judge_record(v, c);
	else
		settle(v, c, result, why);
	return 0;
}

static HM_FIBER int
find_keys(struct dkim_verifying *v)
{
	int64_t until = hm_now_ms() + DKIM_LOOKUPS_MS;
	int r = 0;

	for (size_t i = 0; i < v->n && r == 0; i++)
		if (v->at[i].result == DKIM_PENDING)
			r = find_key(v, &v->at[i], until);
	return r;
}

/* ---- the signature over the header ---- */

static void
hash_field(gnutls_hash_hd_t hash, const struct dkim_check *c,
    const struct hm_hdrfield *field, struct hm_buf *tmp)
{
	hm_buf_clear(tmp);
	if (c->sig.header == DKIM_RELAXED)
		dkim_field(tmp, field->name, field->value);
	else
		dkim_field_simple(tmp, field->raw);
	(void)gnutls_hash(hash, tmp->p, tmp->len);
}

/* The field itself: as if b= were empty, and without the line end (RFC 6376,
 * 3.7). */
static void
hash_own(gnutls_hash_hd_t hash, const struct dkim_check *c, struct hm_buf *tmp)
{
	const struct hm_hdrfield *f = &c->field;
	struct hm_str b = c->sig.b;
	bool relaxed = c->sig.header == DKIM_RELAXED;
	struct hm_str whole = relaxed ? f->value : f->raw;
	struct hm_buf bare = { 0 };

	hm_buf_str(&bare, hm_str_take(whole, (size_t)(b.p - whole.p)));
	hm_buf_str(&bare, hm_str_skip(whole, (size_t)(b.p - whole.p) + b.len));
	hm_buf_clear(tmp);
	if (relaxed)
		dkim_field(tmp, f->name, hm_buf_view(&bare));
	else
		dkim_field_simple(tmp, hm_buf_view(&bare));
	(void)gnutls_hash(hash, tmp->p, tmp->len - 2);
	hm_buf_release(&bare);
}

static void
hash_header(struct work *w, const struct dkim_check *c, gnutls_hash_hd_t hash)
{
	struct hm_buf tmp = { 0 };

	for (size_t i = 0; i < w->n; i++)
		w->at[i].taken = 0;
	for (size_t i = 0; i < c->sig.nnames; i++) {
		size_t first = find(w, c->sig.names[i]), at;

		if (first == w->n)
			continue;
		at = first + w->at[first].taken;
		/* It was not there yet when it was made. */
		if (at < w->n && w->at[at].field.raw.p == c->field.raw.p)
			at = first + ++w->at[first].taken;
		if (at == w->n || !hm_str_caseeq(w->at[at].name,
		    c->sig.names[i]))
			continue;
		w->at[first].taken++;
		hash_field(hash, c, &w->at[at].field, &tmp);
	}
	hash_own(hash, c, &tmp);
	hm_buf_release(&tmp);
}

/* RSA signs what the digest is of, Ed25519 the digest (RFC 8463, 3). */
static bool
signature_good(const struct dkim_check *c, unsigned char *digest)
{
	struct hm_str s = c->sig.signature;
	gnutls_datum_t in = { digest, (unsigned)digest_bytes(c->sig.hash) };
	gnutls_datum_t signature = { (unsigned char *)s.p, (unsigned)s.len };
	size_t bytes = c->sig.kind == DKIM_ED25519 ? 64 :
	    (c->record.bits + 7) / 8;

	if (s.len != bytes)
		return false;
	if (c->sig.kind == DKIM_ED25519)
		return gnutls_pubkey_verify_data2(c->record.public,
		    GNUTLS_SIGN_EDDSA_ED25519, 0, &in, &signature) >= 0;
	return gnutls_pubkey_verify_hash2(c->record.public,
	    c->sig.hash == DKIM_SHA1 ? GNUTLS_SIGN_RSA_SHA1 :
	    GNUTLS_SIGN_RSA_SHA256, c->sig.hash == DKIM_SHA1 ?
	    GNUTLS_VERIFY_ALLOW_BROKEN : 0, &in, &signature) >= 0;
}

static void
judge_header(struct work *w, struct dkim_check *c)
{
	unsigned char digest[DIGEST_MAX];
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, digests[c->sig.hash]) < 0) {
		settle(w->v, c, DKIM_TEMPERROR,
		    "there is no memory to hash with");
		return;
	}
	hash_header(w, c, hash);
	gnutls_hash_deinit(hash, digest);
	if (!signature_good(c, digest))
		settle(w->v, c, DKIM_FAIL, "the signature is not of this header, "
		    "or by another key");
}

/* ---- the body ---- */

/* One way to look at it; several signatures may share it. */
struct look {
	bool wanted;
	gnutls_hash_hd_t hash;
	struct dkim_body body;
	unsigned char digest[DIGEST_MAX];
};

static void
hash_out(void *arg, const void *p, size_t len)
{
	(void)gnutls_hash(arg, p, len);
}

static int
hash_body(struct work *w, struct look looks[], size_t n)
{
	char *piece = hm_alloc(w->v->arena, PIECE);
	uint64_t at = w->header.len;
	ssize_t got;

	while ((got = hm_spool_read(w->v->spool, at, piece, PIECE)) > 0) {
		for (size_t i = 0; i < n; i++)
			if (looks[i].wanted)
				dkim_body_feed(&looks[i].body,
				    hm_str_n(piece, (size_t)got));
		at += (uint64_t)got;
	}
	return got < 0 ? hm_err_set(w->err, (int)got,
	    "the message cannot be read") : 0;
}

static int
judge_bodies(struct work *w)
{
	struct dkim_verifying *v = w->v;
	struct look looks[DKIM_FORMS * DKIM_HASHES] = { 0 };
	int r = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct dkim_check *c = &v->at[i];
		struct look *l = &looks[c->sig.body * DKIM_HASHES + c->sig.hash];

		if (c->result != DKIM_PENDING || l->wanted)
			continue;
		if (gnutls_hash_init(&l->hash, digests[c->sig.hash]) < 0)
			r = hm_err_set(w->err, -HM_EINTERNAL,
			    "there is no memory to hash with");
		else
			l->wanted = true;
		l->body = (struct dkim_body){ .out = hash_out, .arg = l->hash,
		    .relaxed = c->sig.body == DKIM_RELAXED };
	}
	if (r == 0)
		r = hash_body(w, looks, HM_ARRAY_LEN(looks));
	for (size_t i = 0; i < HM_ARRAY_LEN(looks); i++) {
		if (!looks[i].wanted)
			continue;
		dkim_body_end(&looks[i].body);
		gnutls_hash_deinit(looks[i].hash, looks[i].digest);
	}
	for (size_t i = 0; i < v->n && r == 0; i++) {
		struct dkim_check *c = &v->at[i];
		struct look *l = &looks[c->sig.body * DKIM_HASHES + c->sig.hash];

		if (c->result != DKIM_PENDING)
			continue;
		if (memcmp(l->digest, c->sig.body_hash.p,
		    digest_bytes(c->sig.hash)) == 0)
			settle(v, c, DKIM_PASS, NULL);
		else
			settle(v, c, DKIM_FAIL, "the body is not what was signed");
	}
	return r;
}

static int
prove_job(void *arg)
{
	struct work *w = arg;
	struct dkim_verifying *v = w->v;
	bool any = false;

	for (size_t i = 0; i < v->n; i++) {
		if (v->at[i].result == DKIM_PENDING)
			judge_header(w, &v->at[i]);
		any = any || v->at[i].result == DKIM_PENDING;
	}
	return any ? judge_bodies(w) : 0;
}

int
dkim_verify(struct dkim_verifying *v, struct hm_err *reterr)
{
	struct work w = { .v = v, .err = reterr };
	int r = hm_work(begin_job, &w);

	if (r == 0)
		r = find_keys(v);
	if (r == 0)
		r = hm_work(prove_job, &w);
	return r;
}
