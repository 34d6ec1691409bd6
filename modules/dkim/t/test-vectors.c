/* test-vectors.c - messages that others signed, with the results that others came
 * to.
 */
#include <libpsl.h>

#include <hermod/err.h>

#include "modules/dkim/t/dns.h"
#include "modules/dkim/verify.h"
#include "t/tap.h"

static struct hm_arena *arena;
static struct dns dns;

static struct hm_str
read_data(const char *file)
{
	struct hm_str text = { NULL, 0 };

	(void)hm_file_read(arena, hm_printf(arena, "%s/dkim/%s", testdata_dir(),
	    file), 1 << 20, &text, NULL);
	return text;
}

/* Files keep LF; on the wire it is CRLF. */
static struct hm_spool *
spool_of(struct hm_str text)
{
	struct hm_spool *spool = hm_spool_new("/tmp");
	struct hm_buf wire = { 0 };

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			hm_buf_putc(&wire, '\r');
		hm_buf_putc(&wire, text.p[i]);
	}
	(void)hm_spool_append(spool, wire.p, wire.len, NULL);
	hm_buf_release(&wire);
	return spool;
}

/* As anybody would, or as these messages want it: from drafts, with short keys. */
static struct dkim_verifying
verify(const char *name, struct hm_str text, bool tolerant)
{
	struct hm_err err = { 0 };
	struct dkim_verifying v = { .arena = arena, .resolver = &dns.resolver,
	    .spool = spool_of(text), .rules = { .now_s = 1795000000, .sha1 = true,
	    .drafts = tolerant, .rsa_bits_min = tolerant ? 512 : 1024,
	    .psl = psl_builtin() } };

	is_int(dkim_verify(&v, &err), 0, "%s is read", name);
	hm_spool_free(v.spool);
	return v;
}

static void
expect(const char *name, const struct dkim_check *c, enum dkim_result wanted)
{
	if (!is_str(dkim_result_text(c->result), dkim_result_text(wanted), "%s: %s",
	    name, dkim_result_text(wanted)))
		diag("%s", c->why != NULL ? c->why : "good");
}

/* ---- a suite with results: FILE, EXPECTED and NOTE between tabs ---- */

/* Where we come to another result, and why. */
static const struct {
	const char *file;
	enum dkim_result result;
	const char *reason;
} others[] = {
	{ "badkey_12.txt", DKIM_PASS, "g= is no more (RFC 6376, C.2)" },
	{ "badkey_2.txt", DKIM_NONE, "its domain is testing" },
	{ "badkey_3.txt", DKIM_PERMERROR, "DKIM3 is nothing we know" },
	{ "mine_ietf01_3.txt", DKIM_PERMERROR, "q=dns is of a draft" },
	{ "mine_ietf01_4.txt", DKIM_PERMERROR, "q=dns is of a draft" },
	{ "FAIL_illegalargumentexception.eml", DKIM_PERMERROR,
	    "i= has '=' and no two digits behind it" },
};

static enum dkim_result
wanted_of(struct hm_str file, struct hm_str word, const struct dkim_check *c)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(others); i++)
		if (hm_str_is(file, others[i].file))
			return others[i].result;
	if (hm_str_is(word, "pass"))
		return DKIM_PASS;
	if (hm_str_is(word, "fail"))
		return DKIM_FAIL;
	return c->result == DKIM_TEMPERROR ? DKIM_TEMPERROR : DKIM_PERMERROR;
}

/* One good signature makes a message good. */
static const struct dkim_check *
best(const struct dkim_verifying *v)
{
	const struct dkim_check *c = &v->at[0];

	for (size_t i = 1; i < v->n; i++)
		if (v->at[i].result == DKIM_PASS)
			c = &v->at[i];
	return c;
}

static void
test_suite(const char *folder, size_t least)
{
	struct hm_str rest = read_data(hm_printf(arena, "%s/expected.tsv", folder));
	size_t n = 0;

	(void)hm_str_split(&rest, '\n');
	while (rest.p != NULL) {
		struct hm_str line = hm_str_split(&rest, '\n');
		struct hm_str file = hm_str_split(&line, '\t');
		struct hm_str word = hm_str_split(&line, '\t');
		const char *name = hm_printf(arena, "%s/%.*s", folder,
		    HM_FMT(file));
		struct dkim_verifying v;

		if (file.len == 0 || hm_str_is(word, "skip"))
			continue;
		v = verify(name, read_data(name), true);
		if (hm_str_starts(line, HM_STR("DomainKeys"))) {
			is_int(v.n, 0, "%s: is not ours to verify", name);
			continue;
		}
		n++;
		if (ok(v.n > 0, "%s: has signatures", name))
			expect(name, best(&v), wanted_of(file, word, best(&v)));
	}
	ok(n >= least, "%s: %zu messages", folder, n);
}

/* Lines "NAME TEXT"; what stands for failures is between tildes. */
static void
read_lines(const char *file)
{
	struct hm_str rest = read_data(file);

	dns_init(&dns);
	while (rest.p != NULL) {
		struct hm_str text = hm_str_trim(hm_str_split(&rest, '\n'));
		struct hm_str name = hm_str_split(&text, ' ');

		text = hm_str_trim(text);
		if (name.len == 0 || name.p[0] == '#')
			continue;
		if (hm_str_starts(text, HM_STR("~~")))
			dns_fail(&dns, name, hm_str_find(text,
			    HM_STR("timed out")) >= 0 ? HM_DNS_TIMEOUT :
			    HM_DNS_FAILED);
		else if (!hm_str_is(text, "NXDOMAIN"))
			dns_add(&dns, name, text);
	}
}

/* Lines "NAME": "TEXT" of an object. */
static void
read_json(const char *file)
{
	struct hm_str rest = read_data(file);

	dns_init(&dns);
	while (rest.p != NULL) {
		struct hm_str line = hm_str_split(&rest, '\n'), name;

		(void)hm_str_split(&line, '"');
		name = hm_str_split(&line, '"');
		(void)hm_str_split(&line, '"');
		if (line.p != NULL)
			dns_add(&dns, name, hm_str_split(&line, '"'));
	}
}

/* ---- single messages ---- */

static const char football[] = "football.example.com";
static const char ed25519[] = "v=DKIM1; k=ed25519; "
    "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
static const char rsa[] = "v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5"
    "qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lx"
    "j+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQ"
    "AB";

/* RFC 8463, A: one message under two signatures. */
static void
test_football(const char *file)
{
	struct dkim_verifying v;

	dns_init(&dns);
	dns_add(&dns, HM_STR("brisbane._domainkey.football.example.com"),
	    hm_str(ed25519));
	dns_add(&dns, HM_STR("test._domainkey.football.example.com"), hm_str(rsa));
	v = verify(file, read_data(file), false);
	is_int(v.n, 2, "%s: two signatures", file);
	for (size_t i = 0; i < v.n; i++) {
		expect(file, &v.at[i], DKIM_PASS);
		is_slice(v.at[i].sig.domain, football, "%s: whose", file);
	}
}

/* The records stand in front of the message. */
static void
test_prefixed(const char *file)
{
	struct hm_str text = read_data(file);
	struct dkim_verifying v;

	dns_init(&dns);
	while (text.p != NULL) {
		struct hm_str line = hm_str_trim(hm_str_split(&text, '\n'));
		struct hm_str name = hm_str_split(&line, ' ');

		if (name.len == 0)
			break;
		dns_add(&dns, name, line);
	}
	v = verify(file, text, false);
	ok(v.n > 0, "%s: has signatures", file);
	for (size_t i = 0; i < v.n; i++)
		expect(file, &v.at[i], DKIM_PASS);
}

/* A key in PEM, which is base64 between two lines. */
static void
test_gmail(const char *file)
{
	struct hm_str pem = read_data("mimekit/gmail/gmail.pub");
	struct hm_buf text = { 0 };
	struct dkim_verifying v;

	hm_buf_puts(&text, "k=rsa; p=");
	while (pem.p != NULL) {
		struct hm_str line = hm_str_split(&pem, '\n');

		if (!hm_str_starts(line, HM_STR("-")))
			hm_buf_str(&text, line);
	}
	dns_init(&dns);
	dns_add(&dns, HM_STR("20120113._domainkey.gmail.com"),
	    hm_buf_view(&text));
	v = verify(file, read_data(file), false);
	is_int(v.n, 1, "%s: a signature", file);
	for (size_t i = 0; i < v.n; i++)
		expect(file, &v.at[i], DKIM_PASS);
	hm_buf_release(&text);
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	if (read_data("mail-dkim/expected.tsv").p == NULL)
		skip_all("there is no external test data (HERMOD_TESTDATA)");
	read_lines("mail-dkim/FAKE_DNS.dat");
	test_suite("mail-dkim", 26);
	read_json("jdkim/dns.json");
	test_suite("jdkim", 4);
	test_football("mimekit/rfc8463-example.msg");
	test_football("mailauth-ec/signed.eml");
	test_football("dkimpy/rfc6376-signed/rfc6376.signed.msg");
	test_prefixed("mail-auth/001.txt");
	test_prefixed("mail-auth/003.txt");
	test_prefixed("mail-auth/006.txt");
	test_gmail("mimekit/gmail/gmail.msg");
	test_gmail("dkimpy/rsa-sign/test2.message");
	hm_arena_free(arena);
	return done();
}
