/* test-log.c - log lines. */
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "log-private.h"
#include "t/tap.h"

static struct hm_buf got;

static void
collect(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level;
	is_str(arg, "arg", "the sink's argument");
	hm_buf_clear(&got);
	hm_buf_str(&got, line);
}

static void
test_values(void)
{
	static const struct {
		const char *value, *text;
	} t[] = {
		{ "plain", "plain" },
		{ NULL, "-" },
		{ "", "\"\"" },
		{ "two words", "\"two words\"" },
		{ "a=b", "\"a=b\"" },
		{ "say \"x\"", "\"say \\\"x\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "x\r\nl=info m=forged", "\"x\\r\\nl=info m=forged\"" },
		{ "\x1b[2J", "\"\\x1b[2J\"" },
		{ "\xc3\xa4", "\"\xc3\xa4\"" },
		{ "\xff", "\"\\xff\"" },
		{ "\xc2\x9b", "\"\\xc2\\x9b\"" },
		{ "\xe2\x80\xae", "\"\\xe2\\x80\\xae\"" },
		{ "\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"" },
	};
	char want[200];
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		hm_log(HM_LOG_INFO, "event", hm_f("v", t[i].value));
		snprintf(want, sizeof(want), "l=info m=event v=%s", t[i].text);
		is_str(got.p, want, "value %zu", i);
	}
}

static void
test_kinds(void)
{
	struct hm_str s = HM_STR("slice");
	char array[] = "array";
	uint64_t big = UINT64_MAX;
	int64_t low = INT64_MIN;
	uint8_t byte = 255;
	size_t size = 7;

	hm_log(HM_LOG_WARN, "all kinds", hm_f("s", s), hm_f("a", array),
	    hm_f("u", big), hm_f("i", low), hm_f("b", byte), hm_f("z", size),
	    hm_f("t", true), hm_f("n", -1));
	is_str(got.p, "l=warn m=\"all kinds\" s=slice a=array "
	    "u=18446744073709551615 i=-9223372036854775808 b=255 z=7 t=1 n=-1",
	    "every kind of value");
	hm_log(HM_LOG_ERROR, "bare");
	is_str(got.p, "l=error m=bare", "no field at all");
}

static void
test_levels(void)
{
	enum hm_loglevel level;

	hm_buf_clear(&got);
	hm_log(HM_LOG_DEBUG, "quiet", hm_f("x", (ok(false, "evaluated"), 1)));
	is_int(got.len, 0, "debug is off");
	hm_log_set_level(HM_LOG_TRACE);
	hm_log(HM_LOG_TRACE, "loud");
	is_str(got.p, "l=trace m=loud", "trace is on");
	hm_log_set_level(HM_LOG_INFO);
	is_int(hm_log_level_from_name(HM_STR("Debug"), &level), 0, "by name");
	is_int(level, HM_LOG_DEBUG, "debug");
	is_int(hm_log_level_from_name(HM_STR("loud"), &level), -HM_ENOENT,
	    "no such level");
}

static void
test_context(void)
{
	struct hm_log_ctx fiber = { 0 };
	char name[] = "imap";

	hm_log_field("cid", "1");
	hm_log_field("proto", name);
	name[0] = 'x';
	hm_log(HM_LOG_INFO, "e", hm_f("k", 1));
	is_str(got.p, "l=info m=e k=1 cid=1 proto=imap", "fields are added");
	hm_log_field("cid", "2");
	hm_log(HM_LOG_INFO, "e");
	is_str(got.p, "l=info m=e cid=2 proto=imap", "replaced in place");
	ok(hm_log_ctx_swap(&fiber) == NULL, "swap to a fiber");
	hm_log_field("user", "anna b");
	hm_log(HM_LOG_INFO, "e");
	is_str(got.p, "l=info m=e user=\"anna b\"", "it has its own");
	ok(hm_log_ctx_swap(NULL) == &fiber, "and back");
	hm_log_field("proto", NULL);
	hm_log_field("cid", NULL);
	hm_log_field("cid", NULL);
	hm_log(HM_LOG_INFO, "e");
	is_str(got.p, "l=info m=e", "removed");
	hm_log_ctx_release(&fiber);
	hm_log_ctx_release(&fiber);
}

int
main(void)
{
	static char long_value[5000];

	hm_log_set_sink(collect, "arg");
	test_values();
	test_kinds();
	test_levels();
	test_context();
	memset(long_value, 'y', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	hm_log(HM_LOG_INFO, "e", hm_f("v", long_value));
	ok(got.len < 2100, "a long value is cut");
	ok(hm_str_ends(hm_buf_view(&got), HM_STR("...\"")), "and says so");
	hm_log_set_sink(NULL, NULL);
	hm_buf_release(&got);
	return done();
}
