/* test-verify.c - lists of tags, signatures and records of keys; and that what our
 * own signer signs is good, and nothing else is.
 */
#include <libpsl.h>

#include <hermod/err.h>

#include "modules/dkim/t/dns.h"
#include "modules/dkim/verify.h"
#include "t/tap.h"

enum { NOW = 1795000000 };

static struct hm_arena *arena;
static struct dns dns;
static struct dkim_rules rules = { .now_s = NOW, .sha1 = true,
	.rsa_bits_min = DKIM_RSA_BITS_MIN };

/* ---- tags ---- */

static void
test_tags(void)
{
	static const struct {
		const char *text, *fault;
		size_t n;
	} t[] = {
		{ "a=1", NULL, 1 },
		{ " a = 1 ; b_2 =\r\n\tx y;", NULL, 2 },
		{ "a=;b=", NULL, 2 },
		{ "a=1;\r\n ", NULL, 1 },
		{ "a==1", NULL, 1 },
		{ "a=\xc3\xa4", NULL, 1 },
		{ "", "it is no list of tags", 0 },
		{ ";", "it is no list of tags", 0 },
		{ "a=1;;b=2", "it is no list of tags", 0 },
		{ "a=1;;", "it is no list of tags", 0 },
		{ "a", "it is no list of tags", 0 },
		{ "=1", "it is no list of tags", 0 },
		{ "1a=1", "it is no list of tags", 0 },
		{ "a b=1", "it is no list of tags", 0 },
		{ "a=1\x01", "it is no list of tags", 0 },
		{ "a=\xc3(", "it is no list of tags", 0 },
		{ "a=1; b=2; a=3", "it has a tag twice", 0 },
		{ "a=1; A=2", NULL, 2 },
	};
	struct dkim_tags *tags = hm_new(arena, struct dkim_tags);
	struct hm_buf many = { 0 };

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		is_str(dkim_tags_parse(hm_str(t[i].text), tags), t[i].fault,
		    "tags %zu", i);
		if (t[i].fault == NULL)
			is_int(tags->n, t[i].n, "tags %zu: how many", i);
	}
	(void)dkim_tags_parse(HM_STR(" a = 1 \r\n 2 ; b=3"), tags);
	is_slice(dkim_tag(tags, "a"), "1 \r\n 2", "white space around is none");
	is_slice(dkim_tag(tags, "c"), NULL, "what is not there");
	for (int i = 0; i < DKIM_TAGS_MAX; i++)
		hm_buf_printf(&many, "t%d=;", i);
	is_str(dkim_tags_parse(hm_buf_view(&many), tags), NULL, "as many as may be");
	hm_buf_puts(&many, "more=");
	is_str(dkim_tags_parse(hm_buf_view(&many), tags), "it has too many tags",
	    "one more");
	hm_buf_release(&many);
}

/* ---- signatures ---- */

#define HASH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define GOOD "v=1;a=rsa-sha256;d=far.example;s=x;b=AA==;" HASH ";"
#define NAMES "h=From:Subject;"

/* Of a signature, until its key is wanted: what it breaks, or "" if nothing. */
static const char *
judge(struct hm_str value)
{
	struct dkim_signature sig;
	const char *why = dkim_signature_parse(arena, value, &sig);

	if (why == NULL)
		why = dkim_signature_fault(&sig, &rules);
	if (why == NULL)
		why = dkim_signature_policy(&sig, &rules);
	return why != NULL ? why : "";
}

static void
test_signatures(void)
{
	static const struct { const char *value, *why; } t[] = {
		{ GOOD NAMES, "" },
		{ GOOD "h= from : subject : from ;", "" },
		{ GOOD NAMES "z=From:a|\r\n To:b;c=relaxed;q=x/y:dns/txt", "" },
		{ GOOD NAMES "c=relaxed/simple; t=1; x=1795000001", "" },
		{ GOOD NAMES "i=a@far.example", "" },
		{ GOOD NAMES "i=@sub.far.example", "" },
		{ GOOD NAMES "i=a=3Db=40c=\r\n", "i= is no address" },
		{ GOOD NAMES "i=a=3D=40far.example", "" },
		{ GOOD NAMES "i=\xc3\xa4@far.example", "" },
		{ GOOD NAMES "i=a", "i= is no address" },
		{ GOOD NAMES "i=a@ar.example",
		    "the domain of i= is not d= or below" },
		{ GOOD NAMES "i=a@xfar.example",
		    "the domain of i= is not d= or below" },
		{ GOOD NAMES "c=nofws", "c= is a canonical form nobody knows" },
		{ GOOD NAMES "c=simple/", "c= is a canonical form nobody knows" },
		{ GOOD NAMES "q=dns", "q= is a way to ask for keys nobody knows" },
		{ GOOD NAMES "t=-1", "t= is no moment" },
		{ GOOD NAMES "x=99999999999999999999", "x= is no moment" },
		{ GOOD NAMES "x=1794999999", "it has expired" },
		{ GOOD NAMES "t=5;x=5", "it expired before it was made" },
		{ GOOD NAMES "t=1795090000", "it was made in the future" },
		{ GOOD NAMES "t=1795080000", "" },
		{ GOOD NAMES "l=0", "it lets the body grow (l=)" },
		{ GOOD NAMES "l=x", "l= is no number" },
		{ GOOD "h=Subject:To", "it does not sign From" },
		{ GOOD "h=From:To", "it does not sign Subject" },
		{ GOOD "h=From::To", "h= has an empty name" },
		{ GOOD "h=", "h= has an empty name" },
		{ GOOD "h=From:a b", "h= has what is no name of a field" },
		{ GOOD, "it has no h=" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x;b=AA==;" NAMES,
		    "it has no bh=" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x;" HASH ";" NAMES,
		    "it has no b=" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x;b=;" HASH ";" NAMES,
		    "b= is empty" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x;b=A;" HASH ";" NAMES,
		    "b= is no base64" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x;b=A\r\n A =\r\n =;" HASH
		    ";" NAMES, "" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x;b=AA==;bh=AA==;" NAMES,
		    "bh= is not as long as a hash" },
		{ "v=1;a=rsa-sha1;d=far.example;s=x;b=AA==;" HASH ";" NAMES,
		    "bh= is not as long as a hash" },
		{ "a=rsa-sha256;d=far.example;s=x;b=AA==;" HASH ";" NAMES,
		    "its version is not 1 (v=)" },
		{ "v=2;a=rsa-sha256;d=far.example;s=x;b=AA==;" HASH ";" NAMES,
		    "its version is not 1 (v=)" },
		{ "v=1;a=rsa-md5;d=far.example;s=x;b=AA==;" HASH ";" NAMES,
		    "a= is an algorithm nobody knows" },
		{ "v=1;a=rsa-sha256;d=example;s=x;b=AA==;" HASH ";" NAMES,
		    "d= is a domain below which anybody may have one" },
		{ "v=1;a=rsa-sha256;d=co.uk;s=x;b=AA==;" HASH ";" NAMES,
		    "d= is a domain below which anybody may have one" },
		{ "v=1;a=rsa-sha256;d=CO.uk;s=x;b=AA==;" HASH ";" NAMES,
		    "d= is a domain below which anybody may have one" },
		{ "v=1;a=rsa-sha256;d=\xe5\x85\xac\xe5\x8f\xb8.cn;s=x;b=AA==;"
		    HASH ";" NAMES,
		    "d= is a domain below which anybody may have one" },
		{ "v=1;a=rsa-sha256;d=github.io;s=x;b=AA==;" HASH ";" NAMES,
		    "" },
		{ "v=1;a=rsa-sha256;d=b\xc3\xbc" "cher.example;s=x;b=AA==;" HASH
		    ";" NAMES "i=@xn--bcher-kva.example", "" },
		{ "v=1;a=rsa-sha256;d=a..b;s=x;b=AA==;" HASH ";" NAMES,
		    "d= is no domain" },
		{ "v=1;a=rsa-sha256;d=a.b.;s=x;b=AA==;" HASH ";" NAMES,
		    "d= is no domain" },
		{ "v=1;a=rsa-sha256;d=a b.c;s=x;b=AA==;" HASH ";" NAMES,
		    "d= is no domain" },
		{ "v=1;a=rsa-sha256;d=far.example;s=x/y;b=AA==;" HASH ";" NAMES,
		    "s= is no selector" },
		{ "v=1;a=rsa-sha256;d=far.example;s=a.b_c;b=AA==;" HASH ";"
		    NAMES, "" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++)
		is_str(judge(hm_str(t[i].value)), t[i].why, "%s", t[i].value);
	rules.sha1 = false;
	is_str(judge(HM_STR("v=1;a=rsa-sha1;d=far.example;s=x;b=AA==;"
	    "bh=2jmj7l5rSw0yVb/vlWAYkK/YBwk=;" NAMES)),
	    "rsa-sha1 is not taken (RFC 8301)", "rsa-sha1 can be refused");
	rules.sha1 = true;
}

static void
test_large(void)
{
	struct hm_buf value = { 0 };

	hm_buf_puts(&value, GOOD "h=From:Subject");
	for (int i = 2; i < DKIM_NAMES_MAX; i++)
		hm_buf_puts(&value, ":x");
	is_str(judge(hm_buf_view(&value)), "", "as many names as may be");
	hm_buf_puts(&value, ":x");
	is_str(judge(hm_buf_view(&value)), "h= has more than 1,000 names",
	    "one more");
	hm_buf_clear(&value);
	hm_buf_puts(&value, "v=1;a=rsa-sha256;d=far.example;s=x;b=AA==;" NAMES
	    "bh=");
	for (int i = 0; i < 10000; i++)
		hm_buf_puts(&value, "AAAA");
	is_str(judge(hm_buf_view(&value)), "bh= is not as long as a hash",
	    "a long hash");
	for (int i = 0; i < 10000; i++)
		hm_buf_puts(&value, "AAAA");
	is_str(judge(hm_buf_view(&value)), "it is longer than 64 KiB",
	    "a longer one");
	hm_buf_release(&value);
}

/* ---- records ---- */

#define ED "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6" \
	"Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBs" \
	"CR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l" \
	"/K4w3QIDAQAB"
/* The same without what stands around the numbers (RFC 8017, A.1.1). */
#define BARE "p=MIGJAoGBAOQeU5CgFPNZGIazlXo2k/eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj8nX" \
	"oliLRC/H9vJjMI1vdb3XLcW60AIN/PBD8EL97/y4GwJH7LPUvGP48vqUe+owqszesbiGy1" \
	"PlCO8c70/OjFnJVgvMF87YR4LcincbbaSvI5MgpP6X8rjDdAgMBAAE="

static void
test_records(void)
{
	static const struct { const char *text, *why; } t[] = {
		{ "v=DKIM1; k=ed25519; " ED, NULL },
		{ "v=DKIM1; " RSA, NULL },
		{ " v = DKIM1 ; k = rsa ; n=notes=for people; x=y; " RSA " ; ",
		    NULL },
		{ RSA, NULL },
		{ "v=DKIM1; p=", "the key was revoked" },
		{ "v=DKIM1; k=ed25519; s=a:email; " ED, NULL },
		{ "v=DKIM1; k=ed25519; s=a : *; " ED, NULL },
		{ "v=DKIM1; k=ed25519; s=a; " ED, "the key is not for mail (s=)" },
		{ "v=DKIM1; k=ed25519; " RSA, "p= is no Ed25519 key of 32 bytes" },
		{ "v=DKIM1; " ED, "p= is no RSA key" },
		{ "v=DKIM1; p=AAAA", "p= is no RSA key" },
		{ "v=DKIM1; p=AAA", "p= is no base64" },
		{ "v=DKIM1; k=ed25519; p="
		    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		    "the key is one with which everything is signed" },
		{ "v=DKIM1; k=ed25519; p="
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=",
		    "the key is one with which everything is signed" },
		{ "v=DKIM1; k=ed25519; p="
		    "7f///////////////////////////////////////38=",
		    "the key is one with which everything is signed" },
		{ "v=DKIM1; k=ed25519; p="
		    "JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/IU=",
		    "the key is one with which everything is signed" },
		{ "v=DKIM1; k=x; p=AAAA", "k= is a kind of key nobody knows" },
		{ "v=DKIM1", "it has no p=" },
		{ "v=DKIM1; p=AAAA; p=AAAA", "it has a tag twice" },
		{ "k=rsa; v=DKIM1; p=AAAA", "v= is not in front, or not DKIM1" },
		{ "v=DKIM1; k=rsa; t; p=AAAA", "it is no list of tags" },
	};
	struct dkim_record rec;

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		const char *why = dkim_record_parse(arena, hm_str(t[i].text),
		    &rec);

		ok(dkim_record_is(hm_str(t[i].text)), "a record: %s", t[i].text);
		is_str(why != NULL ? why : dkim_record_fault(&rec, &rules),
		    t[i].why, "%s", t[i].text);
	}
	(void)dkim_record_parse(arena, HM_STR("v=DKIM1;h=sha1:x;t=x : y;p="),
	    &rec);
	ok(rec.hashes[DKIM_SHA1] && !rec.hashes[DKIM_SHA256], "its hashes");
	ok(rec.testing && !rec.strict, "its flags");
	is_str(dkim_record_parse(arena, HM_STR(BARE), &rec), NULL,
	    "bare numbers are a key, too");
	is_int(rec.bits, 1024, "of that size");
}

static void
test_foreign(void)
{
	static const char *const t[] = { "", "v=spf1 -all", "v=DMARC1; p=none",
	    "v=DKIM3; p=AAAA", "v=DKIM1: k=rsa; p=AAAA", "some words",
	    "google-site-verification=abc", "k=rsa", "V=DKIM1" };

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++)
		ok(!dkim_record_is(hm_str(t[i])), "no record: %s", t[i]);
}

/* ---- our signer ---- */

static const char *const fields[] = { "From", "Subject", "To", "DKIM-Signature" };
static const struct hm_strlist field_list = { HM_ARRAY_LEN(fields), fields };
static const struct hm_blocks no_selectors;
static struct dkim_key keys_at[2];
static struct dkim_keys keys = { .at = keys_at, .n = 2 };

static void
free_key(void *arg)
{
	gnutls_privkey_deinit(arg);
}

static void
make_key(struct dkim_key *key, const char *selector, enum dkim_kind kind)
{
	struct hm_buf text = { 0 };

	*key = (struct dkim_key){ .domain = HM_STR("far.example"),
	    .selector = hm_str(selector), .kind = kind,
	    .bits = kind == DKIM_RSA ? 1024 : 256 };
	(void)gnutls_privkey_init(&key->key);
	hm_on_free(arena, free_key, key->key);
	(void)gnutls_privkey_generate(key->key, kind == DKIM_RSA ?
	    GNUTLS_PK_RSA : GNUTLS_PK_EDDSA_ED25519, kind == DKIM_RSA ? 1024 : 0,
	    0);
	(void)dkim_key_record(key, &text);
	dns_add(&dns, hm_str(hm_printf(arena, "%s._domainkey.far.example",
	    selector)), hm_str_dup(arena, hm_buf_view(&text)));
	hm_buf_release(&text);
}

/* The message under a signature of each key. */
static struct hm_str
sign(struct hm_str message, enum dkim_form header, enum dkim_form body)
{
	struct dkim_conf conf = { .fields = &field_list, .header = header,
	    .body = body, .expire_ms = 3600000, .selectors = &no_selectors };
	struct dkim_signing s = { .conf = &conf, .keys = &keys,
	    .domain = HM_STR("far.example"), .message = message, .now_s = NOW,
	    .arena = arena };
	struct hm_buf out = { 0 };
	struct hm_str ret;

	is_int(dkim_sign(&s), 0, "signed");
	for (size_t i = 0; i < s.n; i++)
		(void)hm_header_fold(&out, "DKIM-Signature", hm_str(s.values[i]));
	hm_buf_str(&out, message);
	ret = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

static struct dkim_verifying
verify(struct hm_str message)
{
	struct dkim_verifying v = { .arena = arena, .resolver = &dns.resolver,
	    .rules = rules, .spool = hm_spool_new("/tmp") };
	struct hm_err err = { 0 };

	(void)hm_spool_append(v.spool, message.p, message.len, NULL);
	if (dkim_verify(&v, &err) < 0)
		diag("%s", err.text);
	hm_spool_free(v.spool);
	return v;
}

/* Both signatures come to that. */
static void
expect(struct hm_str message, enum dkim_result result, const char *name)
{
	struct dkim_verifying v = verify(message);

	is_int(v.n, 2, "%s: both are looked at", name);
	for (size_t i = 0; i < v.n; i++)
		if (!is_str(dkim_result_text(v.at[i].result),
		    dkim_result_text(result), "%s: %s: %s", name,
		    dkim_kind_name(v.at[i].sig.kind), dkim_result_text(result)))
			diag("%s", v.at[i].why != NULL ? v.at[i].why : "good");
}

static struct hm_str
replace(struct hm_str text, const char *from, const char *to)
{
	ssize_t at = hm_str_find(text, hm_str(from));
	struct hm_buf out = { 0 };
	struct hm_str ret;

	if (at < 0)
		return HM_STR("");
	hm_buf_str(&out, hm_str_take(text, (size_t)at));
	hm_buf_puts(&out, to);
	hm_buf_str(&out, hm_str_skip(text, (size_t)at + strlen(from)));
	ret = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

static const struct {
	const char *from, *to;
	enum dkim_result result;       /* relaxed/relaxed */
	enum dkim_result simple;       /* simple/simple */
} changes[] = {
	{ "\r\n\r\n", "\r\nX: y\r\n\r\n", DKIM_PASS, DKIM_PASS },
	{ "\r\n\r\n", "\r\nCc: y\r\n\r\n", DKIM_PASS, DKIM_PASS },
	{ "SUBJECT", "Subject", DKIM_PASS, DKIM_FAIL },
	{ "two  words", "two\r\n\t words", DKIM_PASS, DKIM_FAIL },
	{ "two  words", "twowords", DKIM_FAIL, DKIM_FAIL },
	{ "anna@", "bert@", DKIM_FAIL, DKIM_FAIL },
	{ "the body", "the  body", DKIM_PASS, DKIM_FAIL },
	{ "the body", "the bodice", DKIM_FAIL, DKIM_FAIL },
	{ "\r\nend", "\r\n\r\nend", DKIM_FAIL, DKIM_FAIL },
	{ "SUBJECT", "Subject: x\r\nSUBJECT", DKIM_POLICY, DKIM_POLICY },
	{ "\nFrom:", "\nFrom: x@y.example\r\nFrom:", DKIM_POLICY, DKIM_POLICY },
	{ "To:", "To: x@y.example\r\nTo:", DKIM_PASS, DKIM_PASS },
	{ "To:", "X-To:", DKIM_FAIL, DKIM_FAIL },
};

static void
test_forms(void)
{
	struct hm_str message = HM_STR("From: anna@far.example\r\n"
	    "SUBJECT : two  words\r\nTo:\r\n b@far.example\r\n\r\n"
	    "the body \t has\t\r\nlines\r\n\r\nend\r\n\r\n\r\n");

	for (int form = 0; form < DKIM_FORMS * DKIM_FORMS; form++) {
		struct hm_str text = sign(message, (enum dkim_form)(form / 2),
		    (enum dkim_form)(form % 2));
		const char *name = hm_printf(arena, "form %d", form);

		expect(text, DKIM_PASS, name);
		for (size_t i = 0; i < HM_ARRAY_LEN(changes); i++) {
			if (form != 0 && form != 3)
				continue;
			expect(replace(text, changes[i].from, changes[i].to),
			    form == 0 ? changes[i].result : changes[i].simple,
			    hm_printf(arena, "%s, change %zu", name, i));
		}
	}
}

/* Where pieces end does not matter, nor how a message ends. */
static void
test_bodies(void)
{
	struct hm_buf text = { 0 };
	static const char *const whole[] = {
		"From: a@far.example\r\n\r\n",
		"From: a@far.example\r\n",
		"From: a@far.example\r\n\r\n\r\n\r\n",
		"From: a@far.example\r\n\r\nx",
		"From: a@far.example\r\n\r\n \t\r\n",
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(whole); i++)
		for (int form = 0; form < 2; form++)
			expect(sign(hm_str(hm_printf(arena, "Subject: x\r\n%s",
			    whole[i])), DKIM_RELAXED, (enum dkim_form)form),
			    DKIM_PASS, "ends");
	hm_buf_puts(&text, "From: a@far.example\r\nSubject: x\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		hm_buf_puts(&text, i % 7 == 0 ? "\r\n" : "a \t");
	for (int form = 0; form < 2; form++)
		expect(sign(hm_buf_view(&text), DKIM_SIMPLE,
		    (enum dkim_form)form), DKIM_PASS, "a long body");
	hm_buf_release(&text);
}

/* A signature that signs one below it, and does not sign itself. */
static void
test_chain(void)
{
	struct hm_str once = sign(HM_STR("From: a@far.example\r\nSubject: x\r\n\r\n"
	    "x\r\n"), DKIM_RELAXED, DKIM_RELAXED);
	struct hm_str twice = sign(once, DKIM_RELAXED, DKIM_RELAXED);
	struct dkim_verifying v = verify(twice);

	is_int(v.n, 4, "four signatures");
	/* The upper two saw neither each other: the lower of them is right. */
	is_str(dkim_result_text(v.at[1].result), "pass", "it signs what is below");
	is_str(dkim_result_text(v.at[2].result), "pass", "which is good as well");
	is_str(dkim_result_text(v.at[3].result), "pass", "all of it");
}

static void
test_limits(void)
{
	struct hm_str one = sign(HM_STR("From: a@far.example\r\nSubject: x\r\n\r\n"
	    "x\r\n"), DKIM_RELAXED, DKIM_RELAXED);
	struct hm_buf text = { 0 };
	struct dkim_verifying v;

	for (int i = 0; i < 10000; i++)
		hm_buf_puts(&text, "DKIM-Signature: v=1; d=x.example\r\n");
	hm_buf_str(&text, one);
	dns.asked = 0;
	v = verify(hm_buf_view(&text));
	is_int(v.n, DKIM_CHECKS_MAX, "so many are looked at");
	is_int(v.more, 10002 - DKIM_CHECKS_MAX, "and the rest counted");
	is_int(dns.asked, 0, "nobody asks for keys of what is no signature");
	hm_buf_clear(&text);
	for (int i = 0; i < 60000; i++)
		hm_buf_puts(&text, "a:\r\n");
	hm_buf_str(&text, one);
	v = verify(hm_buf_view(&text));
	is_int(v.n, 0, "too many fields");
	hm_buf_clear(&text);
	hm_buf_puts(&text, "a: ");
	for (int i = 0; i < 300000; i++)
		hm_buf_puts(&text, "bbbb");
	hm_buf_puts(&text, "\r\n");
	hm_buf_str(&text, one);
	v = verify(hm_buf_view(&text));
	is_int(v.n, 0, "too long a header");
	hm_buf_release(&text);
}

/* What the DNS says instead of the key. */
static void
test_answers(void)
{
	static const struct {
		enum hm_dns_outcome outcome;
		const char *text;
		enum dkim_result result;
	} t[] = {
		{ HM_DNS_NXDOMAIN, NULL, DKIM_PERMERROR },
		{ HM_DNS_NODATA, NULL, DKIM_PERMERROR },
		{ HM_DNS_TIMEOUT, NULL, DKIM_TEMPERROR },
		{ HM_DNS_FAILED, NULL, DKIM_TEMPERROR },
		{ HM_DNS_BOGUS, NULL, DKIM_TEMPERROR },
		{ HM_DNS_OK, "v=DKIM1; p=", DKIM_PERMERROR },
		{ HM_DNS_OK, "v=DKIM1; t=y; p=", DKIM_NONE },
		{ HM_DNS_OK, "v=spf1 -all", DKIM_PERMERROR },
		{ HM_DNS_OK, "v=DKIM1; " RSA, DKIM_FAIL },
		{ HM_DNS_OK, "v=DKIM1; t=s:y; " RSA, DKIM_NONE },
		{ HM_DNS_OK, "v=DKIM1; k=ed25519; " ED, DKIM_PERMERROR },
		{ HM_DNS_OK, "v=DKIM1; h=sha1; " RSA, DKIM_PERMERROR },
	};
	struct hm_str text = sign(HM_STR("From: a@far.example\r\nSubject: x\r\n\r\n"
	    "x\r\n"), DKIM_RELAXED, DKIM_RELAXED);
	struct hm_str good = dns.at[0].text;

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		dns.at[0].outcome = t[i].outcome;
		dns.at[0].text = hm_str(t[i].text);
		is_str(dkim_result_text(verify(text).at[0].result),
		    dkim_result_text(t[i].result), "answer %zu", i);
	}
	dns.at[0].outcome = HM_DNS_OK;
	dns.at[0].text = good;
	dns_add(&dns, dns.at[0].name, HM_STR("some words"));
	is_str(dkim_result_text(verify(text).at[0].result), "pass",
	    "other texts beside it");
	dns_add(&dns, dns.at[0].name, HM_STR(RSA));
	is_str(dkim_result_text(verify(text).at[0].result), "temperror",
	    "two keys");
	dns_add(&dns, dns.at[0].name, HM_STR("v=DKIM1; p=!"));
	is_str(dkim_result_text(verify(text).at[0].result), "permerror",
	    "one of which is none");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	rules.psl = psl_builtin();
	dns_init(&dns);
	make_key(&keys_at[0], "r", DKIM_RSA);
	make_key(&keys_at[1], "e", DKIM_ED25519);
	test_tags();
	test_signatures();
	test_large();
	test_records();
	test_foreign();
	test_forms();
	test_bodies();
	test_chain();
	test_limits();
	test_answers();
	hm_arena_free(arena);
	return done();
}
