/* carry-words.c - how what is carried is written and read. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "core/plug/generation.h"
#include "core/plug/verdict.h"

#include "carry.h"

enum {
	HOOKS_MAX = 100, METRICS_MAX = 500, VALUES_MAX = 100, BOUNDS_MAX = 50,
	ERRS_MAX = 300, ESC_MAX = 16,
};

/* ---- strings and numbers ---- */

void
hm_carry_put_str(struct hm_buf *out, struct hm_str s)
{
	hm_buf_varint(out, s.p != NULL ? s.len + 1 : 0);
	hm_buf_str(out, s);
}

int
hm_carry_take_int(struct hm_str *in, int64_t *ret)
{
	uint64_t n;
	int r = hm_take_varint(in, &n);

	if (r == 0)
		*ret = (int64_t)(n >> 1 ^ (0 - (n & 1)));
	return r;
}

int
hm_carry_take_str(struct hm_str *in, struct hm_str *ret)
{
	uint64_t len;

	if (hm_take_varint(in, &len) < 0 || (len > 0 && len - 1 > in->len))
		return -HM_ECORRUPT;
	*ret = (struct hm_str){ NULL, 0 };
	if (len > 0) {
		*ret = hm_str_n(in->p, (size_t)len - 1);
		*in = hm_str_skip(*in, (size_t)len - 1);
	}
	return 0;
}

static void
harmless(char *p)
{
	for (; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* A C string in arena: without NUL, and without what moves a cursor. */
static int
take_text(struct hm_arena *arena, struct hm_str *in, const char **ret)
{
	struct hm_str s;
	char *text;

	if (hm_carry_take_str(in, &s) < 0 || s.p == NULL ||
	    memchr(s.p, '\0', s.len) != NULL)
		return -HM_ECORRUPT;
	text = hm_strndup(arena, s.p, s.len);
	harmless(text);
	*ret = text;
	return 0;
}

static int
take_count(struct hm_str *in, size_t max, size_t *ret)
{
	uint64_t n;

	if (hm_take_varint(in, &n) < 0 || n > max)
		return -HM_ECORRUPT;
	*ret = (size_t)n;
	return 0;
}

/* ---- addresses and sessions; from the worker ---- */

void
hm_carry_put_addr(struct hm_buf *out, const struct hm_addr *addr)
{
	hm_carry_put_str(out, addr->local);
	hm_carry_put_str(out, addr->domain);
	hm_carry_put_str(out, addr->text);
	hm_buf_putc(out, addr->utf8);
}

int
hm_carry_take_addr(struct hm_str *in, struct hm_addr *ret)
{
	uint8_t utf8;

	if (hm_carry_take_str(in, &ret->local) < 0 ||
	    hm_carry_take_str(in, &ret->domain) < 0 ||
	    hm_carry_take_str(in, &ret->text) < 0 || hm_take_u8(in, &utf8) < 0)
		return -HM_ECORRUPT;
	ret->utf8 = utf8 != 0;
	return 0;
}

void
hm_carry_put_facts(struct hm_buf *out, const struct hm_session_facts *facts)
{
	hm_buf_putc(out, facts->tls);
	hm_buf_add(out, &facts->peer, sizeof(facts->peer));
	hm_buf_add(out, &facts->local, sizeof(facts->local));
	hm_carry_put_str(out, facts->protocol);
	hm_carry_put_str(out, facts->id);
	hm_carry_put_str(out, facts->helo);
	hm_carry_put_str(out, facts->account);
	hm_carry_put_str(out, facts->login);
}

int
hm_carry_take_facts(struct hm_str *in, struct hm_session_facts *ret)
{
	size_t size = sizeof(ret->peer);
	uint8_t tls;

	if (hm_take_u8(in, &tls) < 0 || in->len < 2 * size)
		return -HM_ECORRUPT;
	ret->tls = tls != 0;
	memcpy(&ret->peer, in->p, size);
	memcpy(&ret->local, in->p + size, size);
	*in = hm_str_skip(*in, 2 * size);
	if (hm_carry_take_str(in, &ret->protocol) < 0 ||
	    hm_carry_take_str(in, &ret->id) < 0 ||
	    hm_carry_take_str(in, &ret->helo) < 0 ||
	    hm_carry_take_str(in, &ret->account) < 0)
		return -HM_ECORRUPT;
	return hm_carry_take_str(in, &ret->login);
}

/* ---- mistakes ---- */

void
hm_carry_put_err(struct hm_buf *out, const struct hm_err *err)
{
	hm_carry_put_int(out, err->code);
	hm_buf_varint(out, err->line);
	hm_buf_varint(out, err->col);
	hm_carry_put_str(out, hm_str(err->file));
	hm_carry_put_str(out, hm_str(err->text));
}

int
hm_carry_take_err(struct hm_str *in, struct hm_err *ret)
{
	struct hm_str file, text;
	uint64_t line, col;
	int64_t code = 0;

	if (hm_carry_take_int(in, &code) < 0 || hm_take_varint(in, &line) < 0 ||
	    hm_take_varint(in, &col) < 0 || hm_carry_take_str(in, &file) < 0 ||
	    hm_carry_take_str(in, &text) < 0)
		return -HM_ECORRUPT;
	*ret = (struct hm_err){ .line = (unsigned)line, .col = (unsigned)col };
	ret->code = code < 0 && code > -HM_ERRCODES ? (int)code : -HM_EINTERNAL;
	snprintf(ret->file, sizeof(ret->file), "%.*s",
	    HM_FMT(hm_str_take(file, sizeof(ret->file))));
	snprintf(ret->text, sizeof(ret->text), "%.*s",
	    HM_FMT(hm_str_take(text, sizeof(ret->text))));
	harmless(ret->file);
	harmless(ret->text);
	return 0;
}

void
hm_carry_put_errs(struct hm_buf *out, const struct hm_errs *errs)
{
	const struct hm_err *err;
	enum hm_errs_kind kind;
	const char *excerpt;

	for (size_t i = 0; (err = hm_errs_nth(errs, i, &kind, &excerpt)) != NULL &&
	    out->len < HM_CARRY_PART; i++) {
		hm_buf_putc(out, (char)kind);
		hm_carry_put_err(out, err);
		hm_carry_put_str(out, hm_str(excerpt));
	}
}

int
hm_carry_take_errs(struct hm_str *in, struct hm_errs *errs)
{
	for (size_t n = 0; in->len > 0; n++) {
		struct hm_str excerpt;
		struct hm_err err;
		uint8_t kind;

		if (n > ERRS_MAX || hm_take_u8(in, &kind) < 0 ||
		    kind > HM_ERRS_WARNING ||
		    hm_carry_take_err(in, &err) < 0 ||
		    hm_carry_take_str(in, &excerpt) < 0)
			return -HM_ECORRUPT;
		hm_errs_put_found(errs, (enum hm_errs_kind)kind, &err, excerpt);
	}
	return 0;
}

/* ---- what a module is ---- */

/* In words for whoever wrote "isolate: yes". */
static void
put_refused(struct hm_buf *out, const struct hm_module_def *def)
{
	struct hm_buf why = { 0 };

	if (def->provides != NULL && def->provides->iface != NULL)
		hm_buf_printf(&why, "it provides \"%s\" to other modules",
		    def->provides->iface);
	for (const struct hm_need *n = def->needs; why.len == 0 && n != NULL &&
	    n->iface != NULL; n++)
		if (!n->optional)
			hm_buf_printf(&why, "it needs \"%s\" of another module",
			    n->iface);
	if (why.len == 0 && def->commands != NULL && def->commands->words != NULL)
		hm_buf_printf(&why, "it has the command \"hermod %s\"",
		    def->commands->words);
	hm_carry_put_str(out, hm_buf_view(&why));
	hm_buf_release(&why);
}

static void
put_metric(struct hm_buf *out, const struct hm_metric *m)
{
	size_t n = 0;

	hm_carry_put_str(out, hm_str(m->name));
	hm_carry_put_str(out, hm_str(m->help));
	hm_buf_varint(out, m->kind);
	hm_carry_put_str(out, hm_str(m->label));
	while (m->label != NULL && m->values[n] != NULL)
		n++;
	hm_buf_varint(out, n);
	for (size_t i = 0; i < n; i++)
		hm_carry_put_str(out, hm_str(m->values[i]));
	hm_buf_varint(out, m->nbounds);
	for (size_t i = 0; i < m->nbounds; i++)
		hm_carry_put_int(out, m->bounds[i]);
}

void
hm_carry_put_def(struct hm_buf *out, const struct hm_module_def *def)
{
	size_t n = 0;

	hm_buf_varint(out, def->abi_major);
	hm_buf_varint(out, def->abi_minor);
	hm_carry_put_str(out, hm_str(def->name));
	hm_carry_put_str(out, hm_str(def->version));
	hm_carry_put_str(out, hm_str(def->summary));
	put_refused(out, def);
	while (def->hooks != NULL && def->hooks[n].id != HM_HOOK_NONE)
		n++;
	hm_buf_varint(out, n);
	for (size_t i = 0; i < n; i++) {
		hm_buf_varint(out, def->hooks[i].id);
		hm_buf_varint(out, def->hooks[i].order);
	}
	for (n = 0; def->metrics != NULL && def->metrics[n].name != NULL; )
		n++;
	hm_buf_varint(out, n);
	for (size_t i = 0; i < n; i++)
		put_metric(out, &def->metrics[i]);
}

static int
take_hooks(struct hm_arena *arena, struct hm_str *in, struct hm_module_def *def)
{
	struct hm_hook *hooks;
	uint64_t id, order;
	size_t n;

	if (take_count(in, HOOKS_MAX, &n) < 0)
		return -HM_ECORRUPT;
	hooks = hm_alloc_array(arena, n + 1, sizeof(*hooks));
	for (size_t i = 0; i < n; i++) {
		if (hm_take_varint(in, &id) < 0 || id == HM_HOOK_NONE ||
		    id >= HM_HOOK_COUNT || hm_take_varint(in, &order) < 0 ||
		    order > HM_ORDER_LAST)
			return -HM_ECORRUPT;
		hooks[i].id = (enum hm_hook_id)id;
		hooks[i].order = (enum hm_order)order;
	}
	def->hooks = hooks;
	return 0;
}

static int
take_metric(struct hm_arena *arena, struct hm_str *in, struct hm_metric *m)
{
	struct hm_str label;
	const char **values;
	int64_t *bounds;
	uint64_t kind;
	size_t n;

	if (take_text(arena, in, &m->name) < 0 ||
	    take_text(arena, in, &m->help) < 0 ||
	    hm_take_varint(in, &kind) < 0 || kind > HM_METRIC_HISTOGRAM ||
	    hm_carry_take_str(in, &label) < 0 ||
	    take_count(in, VALUES_MAX, &n) < 0)
		return -HM_ECORRUPT;
	m->kind = (enum hm_metric_kind)kind;
	m->label = label.p != NULL ? hm_strndup(arena, label.p, label.len) :
	    NULL;
	m->values = values = hm_alloc_array(arena, n + 1, sizeof(*values));
	for (size_t i = 0; i < n; i++)
		if (take_text(arena, in, &values[i]) < 0)
			return -HM_ECORRUPT;
	if (take_count(in, BOUNDS_MAX, &n) < 0)
		return -HM_ECORRUPT;
	m->bounds = bounds = hm_alloc_array(arena, n + 1, sizeof(*bounds));
	m->nbounds = n;
	for (size_t i = 0; i < n; i++)
		if (hm_carry_take_int(in, &bounds[i]) < 0)
			return -HM_ECORRUPT;
	return 0;
}

static int
take_metrics(struct hm_arena *arena, struct hm_str *in,
    struct hm_module_def *def)
{
	struct hm_metric *metrics;
	size_t n;

	if (take_count(in, METRICS_MAX, &n) < 0)
		return -HM_ECORRUPT;
	metrics = hm_alloc_array(arena, n + 1, sizeof(*metrics));
	for (size_t i = 0; i < n; i++) {
		if (take_metric(arena, in, &metrics[i]) < 0)
			return -HM_ECORRUPT;
		metrics[i].offset = i * sizeof(void *);
	}
	if (n > 0)
		def->metrics = metrics;
	def->metrics_size = n * sizeof(void *);
	return 0;
}

int
hm_carry_take_def(struct hm_arena *arena, struct hm_str in,
    struct hm_carry_def *ret)
{
	struct hm_module_def *def = &ret->def;
	uint64_t major, minor;
	struct hm_str refused;

	memset(ret, 0, sizeof(*ret));
	if (hm_take_varint(&in, &major) < 0 || hm_take_varint(&in, &minor) < 0 ||
	    major > UINT16_MAX || minor > UINT16_MAX ||
	    take_text(arena, &in, &def->name) < 0 ||
	    take_text(arena, &in, &def->version) < 0 ||
	    take_text(arena, &in, &def->summary) < 0 ||
	    hm_carry_take_str(&in, &refused) < 0 ||
	    take_hooks(arena, &in, def) < 0 ||
	    take_metrics(arena, &in, def) < 0 || in.len > 0)
		return -HM_ECORRUPT;
	def->abi_major = (uint16_t)major;
	def->abi_minor = (uint16_t)minor;
	def->size = sizeof(*def);
	if (refused.len > 0)
		ret->refused = hm_printf(arena, "%.*s",
		    HM_FMT(hm_str_take(refused, 200)));
	return 0;
}

/* ---- verdicts ---- */

void
hm_carry_put_verdict(struct hm_buf *out, const struct hm_verdict *v,
    struct hm_str journal)
{
	hm_buf_varint(out, v->kind);
	hm_carry_put_int(out, v->score);
	hm_carry_put_int(out, v->code);
	hm_carry_put_str(out, hm_str(v->esc));
	hm_carry_put_str(out, hm_str(v->text));
	hm_carry_put_str(out, journal);
}

int
hm_carry_take_verdict(struct hm_str *in, struct hm_carry_verdict *ret)
{
	int64_t score = 0, code = 0;
	uint64_t kind;

	if (hm_take_varint(in, &kind) < 0 || kind > HM_FAIL ||
	    hm_carry_take_int(in, &score) < 0 || score < INT32_MIN ||
	    score > INT32_MAX || hm_carry_take_int(in, &code) < 0 ||
	    code < INT32_MIN || code > INT32_MAX ||
	    hm_carry_take_str(in, &ret->esc) < 0 || ret->esc.len > ESC_MAX ||
	    hm_carry_take_str(in, &ret->text) < 0 ||
	    ret->text.len > HM_VERDICT_TEXT_MAX ||
	    hm_carry_take_str(in, &ret->journal) < 0)
		return -HM_ECORRUPT;
	ret->v = (struct hm_verdict){ .kind = (enum hm_verdict_kind)kind,
	    .score = (int)score, .code = (int)code };
	return 0;
}

/* ---- lines of the log: "l=info m=\"message stored\" size=12" ---- */

/* A value as log.c writes it, taken off the front. */
static int
take_value(struct hm_arena *arena, struct hm_str *in, struct hm_str *ret)
{
	struct hm_buf out = { 0 };
	bool quoted = in->len > 0 && in->p[0] == '"';
	size_t i = quoted;

	for (; i < in->len && in->p[i] != (quoted ? '"' : ' '); i++) {
		char c = in->p[i];

		if (quoted && c == '\\' && i + 1 < in->len) {
			c = in->p[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' :
			    c;
		}
		hm_buf_putc(&out, c);
	}
	*ret = hm_str_dup(arena, out.p != NULL ? hm_buf_view(&out) : HM_STR(""));
	hm_buf_release(&out);
	if (quoted && i == in->len)
		return -HM_ECORRUPT;
	*in = hm_str_skip(*in, i + quoted);
	return 0;
}

static int
take_key(struct hm_arena *arena, struct hm_str *in, const char **ret)
{
	size_t n = 0;

	*in = hm_str_trim(*in);
	while (n < in->len && n < 32 && ((in->p[n] >= 'a' && in->p[n] <= 'z') ||
	    in->p[n] == '_' || in->p[n] == '-'))
		n++;
	if (n == 0 || n == in->len || in->p[n] != '=')
		return -HM_ECORRUPT;
	*ret = hm_strndup(arena, in->p, n);
	*in = hm_str_skip(*in, n + 1);
	return 0;
}

/* "2026-11-28T15:27:00.522Z " */
static struct hm_str
skip_date(struct hm_str in)
{
	size_t n = 0;

	while (n < in.len && memchr("0123456789-T:.Z", in.p[n], 15) != NULL)
		n++;
	return n > 20 && n < in.len && in.p[n] == ' ' ? hm_str_skip(in, n + 1) :
	    in;
}

int
hm_carry_take_line(struct hm_arena *arena, struct hm_str in,
    struct hm_carry_line *ret)
{
	struct hm_str value;
	const char *key;

	memset(ret, 0, sizeof(*ret));
	in = skip_date(in);
	if (take_key(arena, &in, &key) < 0 || strcmp(key, "l") != 0 ||
	    take_value(arena, &in, &value) < 0 ||
	    hm_log_level_from_name(value, &ret->level) < 0 ||
	    take_key(arena, &in, &key) < 0 || strcmp(key, "m") != 0 ||
	    take_value(arena, &in, &value) < 0)
		return -HM_ECORRUPT;
	ret->event = value.p;
	while (hm_str_trim(in).len > 0 && ret->n < HM_CARRY_FIELDS_MAX) {
		if (take_key(arena, &in, &key) < 0 ||
		    take_value(arena, &in, &value) < 0)
			return -HM_ECORRUPT;
		/* Who it is, it does not say itself. */
		if (strcmp(key, "module") != 0)
			ret->fields[ret->n++] = hm_field_str(key, value);
	}
	return 0;
}
