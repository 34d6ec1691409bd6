/* log.c - structured log lines. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "log-private.h"

/* A peer must not fill the log with one value. */
#define VALUE_MAX 2000
#define PAIRS_MAX 16

struct hm_log_pair {
	struct hm_log_pair *next;
	const char *key;
	char value[];
};

static const char *const level_names[] = {
	"error", "warn", "info", "debug", "trace"
};

static atomic_int current_level = HM_LOG_INFO;
static void (*_Atomic on_error)(void);

static struct {
	pthread_mutex_t lock;
	void (*fn)(enum hm_loglevel level, struct hm_str line, void *arg);
	void *arg;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct hm_log_ctx *fiber_ctx;
static _Thread_local struct hm_log_ctx thread_ctx;

struct hm_field
hm_field_str(const char *key, struct hm_str value)
{
	return (struct hm_field){ .key = key, .kind = HM_FIELD_STR,
	    .str = value };
}

struct hm_field
hm_field_cstr(const char *key, const char *value)
{
	return hm_field_str(key, hm_str(value));
}

struct hm_field
hm_field_int(const char *key, int64_t value)
{
	return (struct hm_field){ .key = key, .kind = HM_FIELD_INT,
	    .i = value };
}

struct hm_field
hm_field_uint(const char *key, uint64_t value)
{
	return (struct hm_field){ .key = key, .kind = HM_FIELD_UINT,
	    .u = value };
}

/* Code points that move the cursor or turn the text around. */
static bool
misleading(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) ||
	    (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	    cp == 0x200e || cp == 0x200f || cp == 0xfeff;
}

static bool
plain(struct hm_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '"' ||
		    s.p[i] == '=' || s.p[i] == '\\')
			return false;
	return s.len > 0;
}

static void
add_escaped(struct hm_buf *out, struct hm_str s)
{
	size_t i, n;
	uint32_t cp;

	while (s.len) {
		n = hm_utf8_next(s, &cp);
		if (n && cp != '"' && cp != '\\' && !misleading(cp)) {
			hm_buf_add(out, s.p, n);
			s = hm_str_skip(s, n);
			continue;
		}
		for (i = 0; i < (n ? n : 1); i++) {
			char c = s.p[i];

			if (c == '"' || c == '\\')
				hm_buf_printf(out, "\\%c", c);
			else if (c == '\n')
				hm_buf_puts(out, "\\n");
			else if (c == '\r')
				hm_buf_puts(out, "\\r");
			else if (c == '\t')
				hm_buf_puts(out, "\\t");
			else
				hm_buf_printf(out, "\\x%02x", (unsigned char)c);
		}
		s = hm_str_skip(s, n ? n : 1);
	}
}

static void
add_value(struct hm_buf *out, struct hm_str s)
{
	bool cut = s.len > VALUE_MAX;

	if (!s.p) {
		hm_buf_putc(out, '-');
		return;
	}
	s = hm_str_take(s, VALUE_MAX);
	if (plain(s) && !cut) {
		hm_buf_str(out, s);
		return;
	}
	hm_buf_putc(out, '"');
	add_escaped(out, s);
	hm_buf_puts(out, cut ? "...\"" : "\"");
}

static void
add_field(struct hm_buf *out, const struct hm_field *f)
{
	hm_buf_putc(out, ' ');
	hm_buf_puts(out, f->key);
	hm_buf_putc(out, '=');
	switch (f->kind) {
	case HM_FIELD_STR:
		add_value(out, f->str);
		break;
	case HM_FIELD_INT:
		hm_buf_printf(out, "%lld", (long long)f->i);
		break;
	case HM_FIELD_UINT:
		hm_buf_u64(out, f->u);
		break;
	}
}

static void
to_stderr(struct hm_str line)
{
	int64_t ms = hm_wall_ms();
	struct hm_buf out = { 0 };
	char date[24];
	size_t done = 0;

	hm_date_rfc3339(date, (ms - (ms % 1000 + 1000) % 1000) / 1000);
	hm_buf_printf(&out, "%.19s.%03dZ ", date,
	    (int)((ms % 1000 + 1000) % 1000));
	hm_buf_str(&out, line);
	hm_buf_putc(&out, '\n');
	while (done < out.len) {
		ssize_t n = write(STDERR_FILENO, out.p + done, out.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* nobody left to tell */
			break;
		done += (size_t)n;
	}
	hm_buf_release(&out);
}

static struct hm_log_ctx *
current_ctx(void)
{
	return fiber_ctx ? fiber_ctx : &thread_ctx;
}

void
hm_log_event(enum hm_loglevel level, const char *event,
    const struct hm_field *fields)
{
	int saved_errno = errno;
	struct hm_buf line = { 0 };
	const struct hm_log_pair *pair;
	void (*fn)(enum hm_loglevel, struct hm_str, void *);
	void *arg;

	if (level == HM_LOG_ERROR && atomic_load(&on_error))
		atomic_load(&on_error)();
	hm_buf_printf(&line, "l=%s m=", level_names[level]);
	add_value(&line, hm_str(event));
	for (; fields->key; fields++)
		add_field(&line, fields);
	for (pair = current_ctx()->pairs; pair; pair = pair->next) {
		struct hm_field f = hm_field_cstr(pair->key, pair->value);

		add_field(&line, &f);
	}
	/* Called without the lock, so that a sink may log or be replaced. */
	pthread_mutex_lock(&sink.lock);
	fn = sink.fn;
	arg = sink.arg;
	pthread_mutex_unlock(&sink.lock);
	if (fn)
		fn(level, hm_buf_view(&line), arg);
	else
		to_stderr(hm_buf_view(&line));
	hm_buf_release(&line);
	errno = saved_errno;
}

void
hm_log_on_error(void (*fn)(void))
{
	atomic_store(&on_error, fn);
}

bool
hm_log_on(enum hm_loglevel level)
{
	return (int)level <= atomic_load_explicit(&current_level,
	    memory_order_relaxed);
}

void
hm_log_set_level(enum hm_loglevel level)
{
	atomic_store(&current_level, (int)level);
}

int
hm_log_level_from_name(struct hm_str name, enum hm_loglevel *ret)
{
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(level_names); i++) {
		if (hm_str_caseis(name, level_names[i])) {
			*ret = (enum hm_loglevel)i;
			return 0;
		}
	}
	return -HM_ENOENT;
}

void
hm_log_set_sink(void (*fn)(enum hm_loglevel level, struct hm_str line,
    void *arg), void *arg)
{
	pthread_mutex_lock(&sink.lock);
	sink.fn = fn;
	sink.arg = arg;
	pthread_mutex_unlock(&sink.lock);
}

/* New fields go to the end, so that lines read in the order of events. */
void
hm_log_field(const char *key, const char *value)
{
	struct hm_log_pair **at = &current_ctx()->pairs, *pair;
	size_t len = value ? strnlen(value, VALUE_MAX) : 0, n = 0;

	for (; *at; at = &(*at)->next, n++) {
		if (strcmp((*at)->key, key) == 0) {
			pair = *at;
			*at = pair->next;
			free(pair);
			break;
		}
	}
	if (!value || n >= PAIRS_MAX)
		return;
	pair = hm_xalloc(sizeof(*pair) + len + 1);
	pair->key = key;
	memcpy(pair->value, value, len);
	pair->next = *at;
	*at = pair;
}

struct hm_log_ctx *
hm_log_ctx_swap(struct hm_log_ctx *ctx)
{
	struct hm_log_ctx *former = fiber_ctx;

	fiber_ctx = ctx;
	return former;
}

void
hm_log_ctx_release(struct hm_log_ctx *ctx)
{
	struct hm_log_pair *pair;

	while ((pair = ctx->pairs) != NULL) {
		ctx->pairs = pair->next;
		free(pair);
	}
}
