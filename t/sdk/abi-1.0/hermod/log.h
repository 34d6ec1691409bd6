/* log.h - structured log lines: one event, then key=value fields.
 *
 *   hm_log(HM_LOG_INFO, "message stored", hm_f("account", name),
 *       hm_f("size", size));
 *
 * prints  l=info m="message stored" account=anna size=1234  with a time stamp.
 * Values are escaped (no control character, no line break survives), so peers
 * cannot forge lines. Never pass a secret. Libraries do not log: the face that
 * decides logs once. Thread: any.
 */
#ifndef HERMOD_LOG_H
#define HERMOD_LOG_H

#include <hermod/types.h>

enum hm_loglevel {
	HM_LOG_ERROR = 0,  /* the operator must act */
	HM_LOG_WARN = 1,   /* the operator should know */
	HM_LOG_INFO = 2,   /* one line for each session, delivery, login */
	HM_LOG_DEBUG = 3,  /* decisions on the way */
	HM_LOG_TRACE = 4,  /* protocol lines, secrets masked */
};

enum hm_field_kind { HM_FIELD_STR = 0, HM_FIELD_INT = 1, HM_FIELD_UINT = 2 };

struct hm_field {
	const char *key;   /* static, lower case */
	enum hm_field_kind kind;
	struct hm_str str;
	int64_t i;
	uint64_t u;
};

HM_API struct hm_field hm_field_str(const char *key, struct hm_str value);
HM_API struct hm_field hm_field_cstr(const char *key, const char *value);
HM_API struct hm_field hm_field_int(const char *key, int64_t value);
HM_API struct hm_field hm_field_uint(const char *key, uint64_t value);

/* One field; the value may be a C string, a slice or an integer. */
#define hm_f(key, value) _Generic((value), \
	char *: hm_field_cstr, const char *: hm_field_cstr, \
	struct hm_str: hm_field_str, \
	bool: hm_field_uint, unsigned char: hm_field_uint, \
	unsigned short: hm_field_uint, unsigned int: hm_field_uint, \
	unsigned long: hm_field_uint, unsigned long long: hm_field_uint, \
	default: hm_field_int)((key), (value))

/* hm_log(level, "event", hm_f(…), …): event is a fixed phrase to search for.
 * The fields are evaluated only when the level is on. Fields of the running
 * fiber (see hm_log_field) are added. */
#define hm_log(level, ...) \
	do { \
		if (hm_log_on(level)) \
			HM_LOG_PICK(level, __VA_ARGS__); \
	} while (0)
#define HM_LOG_PICK(level, event, ...) \
	hm_log_event((level), (event), (struct hm_field[]){ \
	    __VA_ARGS__ __VA_OPT__(,) { .key = NULL } })

/* fields end with a NULL key. */
HM_API void hm_log_event(enum hm_loglevel level, const char *event,
    const struct hm_field *fields);
HM_API bool hm_log_on(enum hm_loglevel level);
HM_API void hm_log_set_level(enum hm_loglevel level);
HM_API int hm_log_level_from_name(struct hm_str name, enum hm_loglevel *ret);
/* Where lines go; NULL restores standard error. Called with one whole line
 * (no newline), from any thread. */
HM_API void hm_log_set_sink(void (*sink)(enum hm_loglevel level,
    struct hm_str line, void *arg), void *arg);

/* A field added to all lines that this fiber (or, outside fibers, this thread)
 * logs from now on; value is copied; NULL removes it. key is a static string. */
HM_API void hm_log_field(const char *key, const char *value);

#endif
