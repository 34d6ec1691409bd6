/* zone.c - reads a zone file. */
#include "zone.h"

#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/conf.h>
#include <hermod/str.h>

enum { DEFAULT_TTL_S = 300, TTL_MAX = 0x7fffffff, RULES_MAX = 10000 };

struct reader {
	struct zone *zone;
	const char *name;          /* of the file */
	bool may_include;
	unsigned depth;
	struct zone_lex lex;
	unsigned line;             /* where the statement begins */
	struct hm_str origin;
	struct hm_str owner;       /* of the record before */
	uint32_t ttl_s;
	size_t record_room, rule_room;
	struct hm_err *err;
};

static int read_text(struct reader *r, struct hm_str text);

static int
wrong(struct reader *r, const char *what)
{
	return hm_err_at(r->err, -HM_ESYNTAX, r->name, r->line, 1, "%s", what);
}

static int
wrong_word(struct reader *r, const char *what, struct hm_str word)
{
	return wrong(r, hm_printf(r->zone->arena, "\"%.*s\" is not %s",
	    HM_FMT(hm_str_take(word, 100)), what));
}

/* "300", "5m", "1h30m". */
static int
parse_ttl(struct hm_str word, uint32_t *ret)
{
	uint64_t total = 0, n = 0;
	bool digits = false;

	for (size_t i = 0; i < word.len; i++) {
		char c = word.p[i];
		uint64_t unit = c == 's' ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 :
		    c == 'd' ? 86400 : c == 'w' ? 604800 : 0;

		if (c >= '0' && c <= '9') {
			n = n * 10 + (uint64_t)(c - '0');
			digits = true;
		} else if (unit > 0 && digits) {
			total += n * unit;
			n = 0;
			digits = false;
		} else {
			return -HM_ESYNTAX;
		}
		if (n > TTL_MAX || total > TTL_MAX)
			return -HM_ELIMIT;
	}
	if (word.len == 0 || total + n > TTL_MAX)
		return -HM_ESYNTAX;
	*ret = (uint32_t)(total + n);
	return 0;
}

/* ---- directives ---- */

static struct zone_rule *
add_rule(struct reader *r, int kind, struct hm_str name)
{
	struct zone *z = r->zone;

	if (z->nrules == r->rule_room) {
		r->rule_room = r->rule_room ? 2 * r->rule_room : 16;
		z->rules = hm_xrealloc(z->rules, r->rule_room *
		    sizeof(*z->rules));
	}
	z->rules[z->nrules] = (struct zone_rule){ .name = hm_str_is(name, ".") ?
	    HM_STR("") : name, .kind = kind };
	return &z->rules[z->nrules++];
}

static int
set_failure(struct reader *r, struct hm_str value, struct hm_str at,
    struct hm_str type)
{
	enum hm_dns_outcome o = hm_str_is(value, "timeout") ?
	    HM_DNS_TIMEOUT : hm_str_is(value, "failed") ? HM_DNS_FAILED :
	    hm_str_is(value, "bogus") ? HM_DNS_BOGUS : HM_DNS_OK;
	enum hm_dns_type only = 0;
	struct zone_rule *rule;

	if (o == HM_DNS_OK && !hm_str_is(value, "no"))
		return wrong(r, "$FAIL must be timeout, failed, bogus or no");
	if (type.len > 0 && hm_dns_type_parse(type, &only) < 0)
		return wrong_word(r, "a type of records", type);
	rule = add_rule(r, ZONE_FAIL, at);
	rule->outcome = o;
	rule->type = only;
	return 0;
}

static int
set_rule(struct reader *r, struct hm_str directive, struct hm_str value,
    struct hm_str name, struct hm_str type)
{
	struct hm_str at = r->origin;
	uint32_t seconds;

	if (r->zone->nrules >= RULES_MAX)
		return wrong(r, "too many $SECURE, $FAIL and $DELAY");
	if (name.len > 0 && zone_name(r->zone->arena, name, r->origin, &at) < 0)
		return wrong_word(r, "a name", name);
	if (hm_str_is(directive, "$SECURE")) {
		if (!hm_str_is(value, "yes") && !hm_str_is(value, "no"))
			return wrong(r, "$SECURE must be yes or no");
		add_rule(r, ZONE_SECURE, at)->secure = hm_str_is(value, "yes");
	} else if (hm_str_is(directive, "$DELAY")) {
		if (parse_ttl(value, &seconds) < 0)
			return wrong_word(r, "a time", value);
		add_rule(r, ZONE_DELAY, at)->delay_ms = (int64_t)seconds * 1000;
	} else {
		return set_failure(r, value, at, type);
	}
	return 0;
}

static int
include(struct reader *r, struct hm_str file)
{
	struct hm_arena *arena = r->zone->arena;
	const char *slash = strrchr(r->name, '/');
	struct reader inner = *r;
	struct hm_str text;
	int rc;

	if (!r->may_include)
		return wrong(r, "$INCLUDE is not possible here");
	if (r->depth == ZONE_INCLUDES_MAX)
		return wrong(r, "too many files include each other");
	inner.depth++;
	inner.name = file.p[0] == '/' || !slash ?
	    hm_printf(arena, "%.*s", HM_FMT(file)) :
	    hm_printf(arena, "%.*s/%.*s", (int)(slash - r->name), r->name,
	    HM_FMT(file));
	rc = hm_file_read(arena, inner.name, ZONE_BYTES_MAX, &text, r->err);
	if (rc == 0)
		rc = read_text(&inner, text);
	r->record_room = inner.record_room;
	r->rule_room = inner.rule_room;
	return rc;
}

static int
directive(struct reader *r, struct hm_str word)
{
	struct hm_arena *arena = r->zone->arena;
	struct hm_str words[4] = { { 0 } }, first, second;
	size_t n = 0;

	while (n < HM_ARRAY_LEN(words) &&
	    zone_next(&r->lex, &words[n]) < ZONE_END_OF_LINE)
		n++;
	first = words[0];
	second = n > 1 ? words[1] : (struct hm_str){ 0 };
	if (n == 0 || first.len == 0)
		return wrong(r, "something is missing behind the directive");
	if (n > (hm_str_is(word, "$FAIL") ? 3 : 2))
		return wrong_word(r, "expected here", words[n - 1]);
	if (hm_str_is(word, "$SECURE") || hm_str_is(word, "$FAIL") ||
	    hm_str_is(word, "$DELAY"))
		return set_rule(r, word, first, second,
		    n > 2 ? words[2] : (struct hm_str){ 0 });
	if (second.len > 0)
		return wrong_word(r, "expected here", second);
	if (hm_str_is(word, "$INCLUDE"))
		return include(r, first);
	if (hm_str_is(word, "$ORIGIN"))
		return zone_name(arena, first, r->origin, &r->origin) < 0 ?
		    wrong_word(r, "a name", first) : 0;
	if (hm_str_is(word, "$TTL"))
		return parse_ttl(first, &r->ttl_s) < 0 ?
		    wrong_word(r, "a time to live", first) : 0;
	return wrong_word(r, "a directive", word);
}

/* ---- records ---- */

/* Takes "[ttl] [IN] type", the first two in any order. */
static int
record_type(struct reader *r, struct zone_record *rec)
{
	struct hm_str word;

	for (int i = 0; i < 3; i++) {
		if (zone_next(&r->lex, &word) != ZONE_WORD)
			return wrong(r, "the type of the record is missing");
		if (hm_str_caseis(word, "IN"))
			continue;
		if (word.p[0] >= '0' && word.p[0] <= '9') {
			if (parse_ttl(word, &rec->ttl_s) < 0)
				return wrong_word(r, "a time to live", word);
			continue;
		}
		break;
	}
	return hm_dns_type_parse(word, &rec->type) < 0 ?
	    wrong_word(r, "a type that is known here", word) : 0;
}

static void
keep_record(struct reader *r, const struct zone_record *rec)
{
	struct zone *z = r->zone;

	if (z->nrecords == r->record_room) {
		r->record_room = r->record_room ? 2 * r->record_room : 64;
		z->records = hm_xrealloc(z->records, r->record_room *
		    sizeof(*z->records));
	}
	z->records[z->nrecords++] = *rec;
}

static int
record(struct reader *r)
{
	struct zone_record rec = { .owner = r->owner, .ttl_s = r->ttl_s,
	    .origin = r->origin };
	struct hm_arena *arena;
	struct hm_dns_rr rr;
	struct hm_str word;
	struct hm_err err = { 0 };
	size_t start;
	int rc;

	if (r->zone->nrecords >= ZONE_RECORDS_MAX)
		return wrong(r, "too many records");
	rc = record_type(r, &rec);
	if (rc < 0)
		return rc;
	for (start = r->lex.at; zone_next(&r->lex, &word) < ZONE_END_OF_LINE;)
		;
	if (r->lex.parens > 0)
		return wrong(r, "a parenthesis is not closed");
	rec.data = hm_str_n(r->lex.text.p + start, r->lex.at - start);
	arena = hm_arena_new(NULL, "record");
	rc = zone_rdata(arena, rec.type, rec.origin, rec.data, &rr, &err);
	hm_arena_free(arena);
	if (rc < 0)
		return wrong(r, err.text);
	keep_record(r, &rec);
	return 0;
}

static int
statement(struct reader *r)
{
	bool same_owner = r->lex.at < r->lex.text.len &&
	    (r->lex.text.p[r->lex.at] == ' ' || r->lex.text.p[r->lex.at] == '\t');
	struct zone_lex before;
	enum zone_token token;
	struct hm_str word;

	r->line = r->lex.line;
	before = r->lex;
	token = zone_next(&r->lex, &word);
	if (token >= ZONE_END_OF_LINE)
		return 0;
	if (token == ZONE_QUOTED)
		return wrong(r, "a name cannot be in quotes");
	if (!same_owner && word.p[0] == '$')
		return directive(r, word);
	if (same_owner)
		r->lex = before;
	else if (zone_name(r->zone->arena, word, r->origin, &r->owner) < 0)
		return wrong_word(r, "a name", word);
	if (r->owner.len == 0)
		return wrong(r, "the first record has no name");
	return record(r);
}

static int
read_text(struct reader *r, struct hm_str text)
{
	int rc = 0;

	r->lex = (struct zone_lex){ .text = text, .line = 1 };
	r->owner = (struct hm_str){ 0 };
	while (rc == 0 && r->lex.at < r->lex.text.len)
		rc = statement(r);
	return rc;
}

static int
by_owner(const void *a, const void *b)
{
	const struct zone_record *x = a, *y = b;
	int c = hm_str_cmp(x->owner, y->owner);

	if (c != 0)
		return c;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	/* In the order of the file. */
	return (x->data.p > y->data.p) - (x->data.p < y->data.p);
}

static int
load(const char *name, struct hm_str text, bool from_file, struct zone **ret,
    struct hm_err *reterr)
{
	struct zone *z = hm_xalloc(sizeof(*z));
	struct reader r = { .zone = z, .name = name, .may_include = from_file,
	    .origin = HM_STR("."), .ttl_s = DEFAULT_TTL_S, .err = reterr };
	int rc = 0;

	z->arena = hm_arena_new(NULL, "zone");
	if (from_file)
		rc = hm_file_read(z->arena, name, ZONE_BYTES_MAX, &text, reterr);
	else
		text = hm_str_dup(z->arena, text);
	if (rc == 0)
		rc = read_text(&r, text);
	if (rc < 0) {
		zone_free(z);
		return rc;
	}
	if (z->nrecords > 0)
		qsort(z->records, z->nrecords, sizeof(*z->records), by_owner);
	*ret = z;
	return 0;
}

int
zone_read(const char *path, struct zone **ret, struct hm_err *reterr)
{
	return load(path, (struct hm_str){ 0 }, true, ret, reterr);
}

int
zone_parse(struct hm_str text, const char *name, struct zone **ret,
    struct hm_err *reterr)
{
	if (text.len > ZONE_BYTES_MAX)
		return hm_err_set(reterr, -HM_ELIMIT, "a zone of more than %d bytes",
		    ZONE_BYTES_MAX);
	return load(name, text, false, ret, reterr);
}

void
zone_free(struct zone *z)
{
	if (!z)
		return;
	hm_arena_free(z->arena);
	free(z->records);
	free(z->rules);
	free(z);
}
