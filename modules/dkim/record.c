/* record.c - the record of a key in the DNS (RFC 6376, 3.6.1; Ed25519: RFC 8463)
 * and what it is worth.
 */
#include <string.h>

#include <hermod/encode.h>

#include "verify.h"

enum { EXPONENT_BYTES = 8, ED25519_BYTES = 32 };

bool
dkim_record_is(struct hm_str text)
{
	bool first = true;

	/* v= must come first; without one there has to be a key. */
	while (text.p != NULL) {
		struct hm_str spec = hm_str_split(&text, ';');
		struct hm_str name = hm_str_trim(hm_str_split(&spec, '='));

		if (first && hm_str_is(name, "v"))
			return hm_str_is(hm_str_trim(spec), "DKIM1");
		if (hm_str_is(name, "p") && spec.p != NULL)
			return true;
		first = false;
	}
	return false;
}

/* ---- keys ---- */

static void
free_public(void *arg)
{
	gnutls_pubkey_deinit(arg);
}

static size_t
put_head(unsigned char *out, unsigned char tag, size_t n)
{
	size_t at = 0;

	out[at++] = tag;
	if (n > 0xff)
		out[at++] = 0x82;
	else if (n > 0x7f)
		out[at++] = 0x81;
	if (n > 0xff)
		out[at++] = (unsigned char)(n >> 8);
	out[at++] = (unsigned char)n;
	return at;
}

/* RFC 6376 asks for the bare numbers (RSAPublicKey), but shows the structure with
 * a name that everybody publishes and GnuTLS reads (RFC 8017, A.1): put that
 * around it. */
static struct hm_str
wrap_rsa(struct hm_arena *arena, struct hm_str bare)
{
	static const unsigned char name[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86,
		0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	unsigned char bits[8], *der = hm_alloc(arena, bare.len + 32);
	size_t head = put_head(bits, 0x03, bare.len + 1), n;

	bits[head++] = 0;              /* all bits count */
	n = put_head(der, 0x30, sizeof(name) + head + bare.len);
	memcpy(der + n, name, sizeof(name));
	n += sizeof(name);
	memcpy(der + n, bits, head);
	n += head;
	memcpy(der + n, bare.p, bare.len);
	return hm_str_n((char *)der, n + bare.len);
}

static bool
import_der(gnutls_pubkey_t public, struct hm_str der)
{
	gnutls_datum_t data = { (unsigned char *)der.p, (unsigned)der.len };

	return gnutls_pubkey_import(public, &data, GNUTLS_X509_FMT_DER) >= 0;
}

static bool
import_rsa(struct hm_arena *arena, struct hm_str der, gnutls_pubkey_t public)
{
	return import_der(public, der) ||
	    import_der(public, wrap_rsa(arena, der));
}

/* Points of small order: what is signed with them is signed for every message. */
static bool
ed25519_hollow(struct hm_str key)
{
	static const unsigned char points[][ED25519_BYTES] = {
		{ 0 }, { 1 },
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3,
		  0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05,
		  0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
		  0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c,
		  0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa,
		  0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
		  0x03, 0x7a },
	};
	unsigned char y[ED25519_BYTES];
	bool large = true;             /* y is -1 or more, modulo 2^255 - 19 */

	memcpy(y, key.p, sizeof(y));
	y[31] &= 0x7f;                 /* the sign of x */
	for (size_t i = 1; i < 31; i++)
		large = large && y[i] == 0xff;
	if (large && y[31] == 0x7f && y[0] >= 0xec)
		return true;
	for (size_t i = 0; i < HM_ARRAY_LEN(points); i++)
		if (memcmp(y, points[i], sizeof(y)) == 0)
			return true;
	return false;
}

static bool
import_ed25519(struct hm_str raw, gnutls_pubkey_t public)
{
	gnutls_datum_t x = { (unsigned char *)raw.p, (unsigned)raw.len };

	return raw.len == ED25519_BYTES && gnutls_pubkey_import_ecc_raw(public,
	    GNUTLS_ECC_CURVE_ED25519, &x, NULL) >= 0;
}

static const char *
take_key(struct hm_arena *arena, struct hm_str text, struct dkim_record *rec)
{
	if (text.p == NULL)
		return "it has no p=";
	rec->revoked = text.len == 0;
	if (rec->revoked)
		return NULL;
	if (dkim_base64(arena, text, &rec->key) < 0)
		return "p= is no base64";
	if (gnutls_pubkey_init(&rec->public) < 0)
		return "there is no memory for its key";
	hm_on_free(arena, free_public, rec->public);
	if (rec->kind == DKIM_ED25519)
		return import_ed25519(rec->key, rec->public) ? NULL :
		    "p= is no Ed25519 key of 32 bytes";
	if (!import_rsa(arena, rec->key, rec->public) ||
	    gnutls_pubkey_get_pk_algorithm(rec->public, &rec->bits) !=
	    GNUTLS_PK_RSA)
		return "p= is no RSA key";
	return NULL;
}

/* ---- the record ---- */

static const char *
take_tags(struct hm_arena *arena, const struct dkim_tags *tags,
    struct dkim_record *ret)
{
	struct hm_str kind = dkim_tag(tags, "k"), hashes = dkim_tag(tags, "h");
	struct hm_str services = dkim_tag(tags, "s"), flags = dkim_tag(tags, "t");
	struct hm_str version = dkim_tag(tags, "v");

	if (version.p != NULL && (!hm_str_is(tags->at[0].name, "v") ||
	    !hm_str_is(version, "DKIM1")))
		return "v= is not in front, or not DKIM1";
	*ret = (struct dkim_record){
		.kind = hm_str_is(kind, "ed25519") ? DKIM_ED25519 : DKIM_RSA,
		.hashes = { hashes.p == NULL || dkim_list_has(hashes, "sha256"),
		    hashes.p == NULL || dkim_list_has(hashes, "sha1") },
		.email = services.p == NULL || dkim_list_has(services, "*") ||
		    dkim_list_has(services, "email"),
		.testing = dkim_list_has(flags, "y"),
		.strict = dkim_list_has(flags, "s"),
	};
	if (kind.p != NULL && ret->kind == DKIM_RSA && !hm_str_is(kind, "rsa"))
		return "k= is a kind of key nobody knows";
	return take_key(arena, dkim_tag(tags, "p"), ret);
}

const char *
dkim_record_parse(struct hm_arena *arena, struct hm_str text,
    struct dkim_record *ret)
{
	struct dkim_tags *tags = hm_new(arena, struct dkim_tags);
	const char *why;

	*ret = (struct dkim_record){ 0 };
	if (text.len > DKIM_RECORD_MAX)
		return "it is longer than 16 KiB";
	why = dkim_tags_parse(text, tags);
	return why != NULL ? why : take_tags(arena, tags, ret);
}

/* An even exponent is none, one of 1 signs nothing, and a long one only costs
 * time. */
static bool
exponent_sound(gnutls_pubkey_t public)
{
	gnutls_datum_t n = { NULL, 0 }, e = { NULL, 0 };
	unsigned skip = 0;
	bool sound = false;

	if (gnutls_pubkey_export_rsa_raw(public, &n, &e) < 0)
		return false;
	while (skip < e.size && e.data[skip] == 0)
		skip++;
	if (skip < e.size && e.size - skip <= EXPONENT_BYTES)
		sound = (e.data[e.size - 1] & 1) != 0 &&
		    (e.size - skip > 1 || e.data[skip] >= 3);
	gnutls_free(n.data);
	gnutls_free(e.data);
	return sound;
}

const char *
dkim_record_fault(const struct dkim_record *rec, const struct dkim_rules *rules)
{
	if (rec->revoked)
		return "the key was revoked";
	if (!rec->email)
		return "the key is not for mail (s=)";
	if (rec->kind == DKIM_ED25519)
		return ed25519_hollow(rec->key) ?
		    "the key is one with which everything is signed" : NULL;
	if (rec->bits < rules->rsa_bits_min)
		return "the key is RSA of less than 1024 bits: anybody may have "
		    "broken it";
	if (rec->bits > DKIM_RSA_BITS_MAX)
		return "the key is RSA of more than 4096 bits";
	if (!exponent_sound(rec->public))
		return "the key is RSA with an exponent that signs nothing, or too "
		    "long a one";
	return NULL;
}

/* ---- asking for it ---- */

const char *
dkim_result_text(enum dkim_result result)
{
	static const char *const words[] = {
		[DKIM_PENDING] = "pending", [DKIM_NONE] = "none",
		[DKIM_PASS] = "pass", [DKIM_FAIL] = "fail",
		[DKIM_POLICY] = "policy", [DKIM_TEMPERROR] = "temperror",
		[DKIM_PERMERROR] = "permerror",
	};

	return words[result];
}

static const char *
no_answer(enum hm_dns_outcome outcome)
{
	switch (outcome) {
	case HM_DNS_NXDOMAIN:
		return "there is no key: the DNS has no such name";
	case HM_DNS_NODATA:
		return "there is no key: the name has no TXT record in the DNS";
	case HM_DNS_BADNAME:
		return "there is no key: selector and domain make no name of the "
		    "DNS";
	case HM_DNS_TIMEOUT:
		return "the DNS did not answer in time";
	case HM_DNS_BOGUS:
		return "what the DNS says fails validation by DNSSEC";
	default:
		return "the DNS failed";
	}
}

/* The same whatever the order that they come in. */
enum dkim_result
dkim_record_find(struct hm_arena *arena, const struct hm_dns_answer *answer,
    struct dkim_record *ret, const char **ret_why)
{
	struct dkim_record one;
	size_t n = 0;

	*ret_why = no_answer(answer->outcome);
	if (hm_dns_temporary(answer->outcome))
		return DKIM_TEMPERROR;
	if (answer->outcome != HM_DNS_OK)
		return DKIM_PERMERROR;
	for (size_t i = 0; i < answer->n; i++) {
		struct hm_str text = answer->rr[i].txt.text;
		const char *why;

		if (!dkim_record_is(text))
			continue;
		n++;
		why = dkim_record_parse(arena, text, &one);
		if (why != NULL) {
			*ret_why = hm_printf(arena, "the record of the key is wrong: "
			    "%s", why);
			return DKIM_PERMERROR;
		}
	}
	if (n == 1)
		*ret = one;
	*ret_why = n == 0 ? "there is no key: the name has other texts only" :
	    n > 1 ? "there are several records of keys" : NULL;
	return n == 0 ? DKIM_PERMERROR : n > 1 ? DKIM_TEMPERROR : DKIM_PENDING;
}

int
dkim_record_ask(struct hm_arena *arena, const struct hm_resolver *resolver,
    struct hm_str selector, struct hm_str domain, unsigned flags,
    int64_t timeout_ms, struct hm_dns_answer *ret)
{
	struct hm_str name = hm_str(hm_printf(arena, "%.*s._domainkey.%.*s",
	    HM_FMT(selector), HM_FMT(domain)));

	return resolver->ops->query(resolver->self, name, HM_DNS_TXT, flags,
	    timeout_ms, arena, ret);
}
