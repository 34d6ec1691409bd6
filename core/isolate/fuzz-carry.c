/* fuzz-carry.c - what the process of an isolated module may send. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/dns.h>
#include <hermod/message.h>
#include <hermod/spool.h>
#include <hermod/str.h>

#include "core/mail/message-private.h"
#include "core/plug/load.h"

#include "carry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it accepts, the loader can judge. */
static void
try_def(struct hm_arena *arena, struct hm_str in)
{
	struct hm_carry_def said;
	struct hm_module_def def;

	if (hm_carry_take_def(arena, in, &said) < 0)
		return;
	for (const struct hm_hook *h = said.def.hooks; h->id != HM_HOOK_NONE; h++)
		if ((unsigned)h->id >= HM_HOOK_COUNT)
			abort();
	(void)hm_module_check(&said.def, said.def.name, "fuzz", &def, NULL);
}

static void
try_errs(struct hm_arena *arena, struct hm_str in)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_buf text = { 0 };

	(void)hm_carry_take_errs(&in, errs);
	hm_errs_print(errs, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] == '\0' || text.p[i] == '\x1b')
			abort();
	hm_buf_release(&text);
}

/* Fields of the message stay fields. */
static void
try_verdict(struct hm_str in)
{
	static const char text[] = "A: 1\r\nB: 2\r\nA: 3\r\n\r\nbody\r\n";
	struct hm_spool *spool = hm_spool_new("/nonexistent");
	struct hm_carry_verdict said;
	struct hm_message *msg;
	struct hm_str prefix;

	if (hm_carry_take_verdict(&in, &said) < 0) {
		hm_spool_free(spool);
		return;
	}
	(void)hm_spool_append(spool, text, sizeof(text) - 1, NULL);
	msg = hm_message_new(NULL, spool);
	(void)hm_message_replay(msg, said.journal);
	prefix = hm_message_prefix(msg);
	if (hm_str_find(prefix, HM_STR("\r\n\r\n")) >= 0 ||
	    memchr(prefix.p ? prefix.p : "", '\0', prefix.len) != NULL)
		abort();
	hm_message_free(msg);
}

static void
try_line(struct hm_arena *arena, struct hm_str in)
{
	struct hm_carry_line line;

	if (hm_carry_take_line(arena, in, &line) < 0)
		return;
	if (line.n > HM_CARRY_FIELDS_MAX || line.fields[line.n].key != NULL)
		abort();
	for (size_t i = 0; i < line.n; i++)
		if (strcmp(line.fields[i].key, "module") == 0)
			abort();
	hm_log_event(line.level, line.event, line.fields);
}

static void
no_log(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < 0x20)
			abort();
	if (level > HM_LOG_TRACE)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = { (const char *)data, size };
	struct hm_dns_wants wants = { .arena = arena };
	struct hm_session_facts facts;
	struct hm_tls_policy policy;
	struct hm_addr addr;
	uint8_t which = 0;

	hm_log_set_sink(no_log, NULL);
	if (hm_take_u8(&in, &which) == 0 && which == 'd')
		try_def(arena, in);
	else if (which == 'e')
		try_errs(arena, in);
	else if (which == 'v')
		try_verdict(in);
	else if (which == 'l')
		try_line(arena, in);
	else if (which == 's')
		(void)hm_carry_take_facts(&in, &facts);
	else if (which == 'a')
		(void)hm_carry_take_addr(&in, &addr);
	else if (which == 't')
		(void)hm_carry_take_tls_policy(arena, &in, &policy);
	else if (which == 'w')
		(void)hm_carry_take_wants(&in, &wants);
	hm_arena_free(arena);
	return 0;
}
