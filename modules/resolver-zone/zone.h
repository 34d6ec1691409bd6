/* zone.h - a small DNS in a file: records, and what shall go wrong. */
#ifndef ZONE_H
#define ZONE_H

#include <hermod/dns.h>
#include <hermod/err.h>

enum {
	ZONE_BYTES_MAX = 16 << 20,
	ZONE_RECORDS_MAX = 200000,
	ZONE_INCLUDES_MAX = 8,     /* one within the other */
};

struct zone_record {
	struct hm_str owner;
	enum hm_dns_type type;
	uint32_t ttl_s;
	struct hm_str data;        /* as in the file; read again for each answer */
	struct hm_str origin;
};

/* What holds at and below a name; of several the longest name's. */
struct zone_rule {
	struct hm_str name;        /* empty: everywhere */
	enum { ZONE_SECURE, ZONE_FAIL, ZONE_DELAY } kind;
	bool secure;
	enum hm_dns_outcome outcome; /* OK: nothing fails */
	enum hm_dns_type type;     /* what fails of it; 0: everything */
	int64_t delay_ms;
};

struct zone {
	struct hm_arena *arena;
	size_t nrecords, nrules;
	struct zone_record *records; /* sorted by owner and type */
	struct zone_rule *rules;
};

/* Reads a file and what it includes. Thread: worker. */
int zone_read(const char *path, struct zone **ret, struct hm_err *reterr);
/* The same from memory; $INCLUDE is refused. */
int zone_parse(struct hm_str text, const char *name, struct zone **ret,
    struct hm_err *reterr);
void zone_free(struct zone *zone); /* NULL accepted */

/* Answers from the zone; *ret_delay_ms is how long that shall take, -1: until
 * whoever asked gives up. name is what hm_dns_name() made. */
void zone_answer(const struct zone *zone, struct hm_str name,
    enum hm_dns_type type, struct hm_arena *arena, struct hm_dns_answer *ret,
    int64_t *ret_delay_ms);

/* rdata.c: the data of one record from text; complains with reterr->text. */
int zone_rdata(struct hm_arena *arena, enum hm_dns_type type,
    struct hm_str origin, struct hm_str data, struct hm_dns_rr *ret,
    struct hm_err *reterr);
/* A name as written in a zone file: relative to the origin, or with a dot at
 * its end; "@" is the origin itself. */
int zone_name(struct hm_arena *arena, struct hm_str text, struct hm_str origin,
    struct hm_str *ret);

/* lex.c: words of a zone file (RFC 1035, 5.1). */
struct zone_lex {
	struct hm_str text;
	size_t at;
	unsigned line;
	unsigned parens;           /* how many are open: lines go on */
	bool bad;                  /* a quote that does not end */
};
enum zone_token { ZONE_WORD, ZONE_QUOTED, ZONE_END_OF_LINE, ZONE_END };
/* *ret: the word as written, without quotes; escapes are left in it. */
enum zone_token zone_next(struct zone_lex *lex, struct hm_str *ret);
/* Takes \DDD and \X out of a word. -HM_ESYNTAX. */
int zone_unescape(struct hm_arena *arena, struct hm_str word,
    struct hm_str *ret);

#endif
