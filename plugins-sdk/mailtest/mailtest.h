/* mailtest.h - what the files of hermod-mailtest share.
 *
 * A script is read whole, then its statements are run one by one outside any
 * fiber; each connection has a fiber that moves bytes. Nothing here looks into
 * the core: it is written with the SDK alone.
 */
#ifndef MAILTEST_H
#define MAILTEST_H

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/harness.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/str.h>

/* ---- script.c: the file as statements ---- */

enum {
	MT_DEPTH = 16,          /* of loops and definitions in each other */
	MT_ARGS = 9,
};

struct mt_stmt {
	const char *path;
	unsigned line;
	struct hm_str text;     /* trimmed, without the mark of a block */
	struct hm_str block;    /* lines ended by LF; absent: none */
	bool expands;           /* variables are put into the block */
	size_t jump;            /* of a loop: behind its end */
};

/* What the script says somewhere, so that only that is prepared. */
enum mt_mention { MT_PASSWORD, MT_PLAIN, MT_ANNA, MT_BERT, MT_MENTIONS };

struct mt_script {
	size_t n, cap;
	struct mt_stmt *at;
	bool mentions[MT_MENTIONS];
};

/* Exits with a message when the file cannot be read or has no sense. */
void mt_script_read(struct hm_arena *arena, const char *path,
    struct mt_script *ret);
bool mt_script_mentions(const struct mt_script *script, enum mt_mention what);
void mt_script_free(struct mt_script *script);

/* ---- the run ---- */

struct mt_var {
	struct mt_var *next;
	const char *name;
	struct hm_str value;
};

struct mt_define {
	struct mt_define *next;
	const char *name;
	size_t body;
};

/* A loop, or the use of a definition: that returns where it came from. */
struct mt_loop {
	size_t body;            /* its first statement */
	size_t back;            /* a definition's; 0: a loop */
	struct hm_str var;
	uint64_t round, rounds; /* round counts from 1 */
	struct hm_str *values;  /* of the variable; NULL: the round's number */
	struct hm_str args[MT_ARGS]; /* $1 to $9 as they were before */
};

struct mt_log_line {
	struct mt_log_line *next;
	int64_t at_ms;
	enum hm_loglevel level;
	bool expected;
	struct hm_str text;
};

/* One connection and its fiber. */
struct mt_conn {
	struct mt_conn *next;   /* accepted, and not yet asked for */
	struct hm_io *io;
	struct hm_buf in, out;
	size_t taken;           /* bytes of in that were looked at */
	bool replies;           /* a server whose lines have reply codes */
	struct hm_tls *tls;     /* a server's, NULL: the usual one; borrowed */
	bool wants_tls, tls_over, is_server;
	int tls_result;
	struct hm_err tls_err;
	bool wants_end, abort;  /* we end it */
	bool ended;             /* they did, or the fiber has */
	bool gone;              /* the fiber has returned */
	int why;
	struct hm_cond cond;
};

struct mt_peer {
	struct mt_peer *next;
	const char *name;
	bool is_server;
	struct hm_sockaddr addr;        /* where it listens, or called */
	struct mt_conn *conn;           /* NULL: none just now */
	struct mt_conn *waiting;        /* server: accepted, oldest first */
	struct mt_conn *former;         /* to be freed at the end */
	struct hm_buf transcript;
	struct hm_tls *tls;             /* NULL: the usual certificate */
	bool tls_first;                 /* a server's: before anything else */
};

struct mt {
	struct hm_arena *arena;
	struct mt_script script;
	size_t pc;              /* index of the next statement */
	const struct mt_stmt *stmt;
	struct mt_loop loops[MT_DEPTH];
	size_t nloops;
	struct mt_define *defines;
	unsigned count;         /* tests said so far */
	bool failed;            /* and the script stops */
	bool skipped;
	bool verbose, keep;
	uint64_t seed, stuck_s;
	int64_t began_ms, patience_ms;
	struct mt_var *vars;

	/* platform.c */
	const char *dir;        /* scratch: configuration and data */
	const char *module_path;
	struct hm_harness *server;
	bool prepared;          /* default configuration written */
	bool started;           /* at least once */

	/* peer.c */
	struct mt_peer *peers;
	unsigned nclients;
	bool ending;            /* nobody is let in any more */
	struct hm_tls *tls_client, *tls_server;

	/* certificate.c */
	struct mt_certificate *certificates;

	/* log.c */
	struct mt_log_line *log, **log_tail, **log_cursor;

	/* command.c */
	struct hm_buf output;
	int exit_status;
	bool exit_unasked;      /* the status was not expected explicitly yet */
};

/* ---- report.c: TAP ---- */

/* One test; fails the script when not good. */
bool mt_ok(struct mt *t, bool good, const char *fmt, ...) HM_PRINTF(3, 4);
/* A failure that is not an expectation: a statement that cannot be done. */
void mt_fail(struct mt *t, const char *fmt, ...) HM_PRINTF(2, 3);
/* Lines of diagnostics under the test just failed. */
void mt_diag(const char *fmt, ...) HM_PRINTF(1, 2);
void mt_diag_text(const char *label, struct hm_str text);
/* All that happened, for the reader of a failure. */
void mt_show(struct mt *t, const struct mt_peer *first);

/* ---- words.c: words, variables, patterns ---- */

/* The next word of *rest, blank separated or in double quotes, with variables
 * put in; absent at the end. */
struct hm_str mt_word(struct mt *t, struct hm_str *rest);
/* The next word if it is that one. */
bool mt_word_is(struct hm_str *rest, const char *word);
/* All of the text with variables put in, and so the statement's block. */
struct hm_str mt_expand(struct mt *t, struct hm_str text);
struct hm_str mt_block(struct mt *t);
void mt_set(struct mt *t, struct hm_str name, struct hm_str value);
/* Its value, absent if it has none. */
struct hm_str mt_get(struct mt *t, struct hm_str name);
/* "5s", "1h30m", "250ms"; negative when it is none. */
int64_t mt_duration(struct hm_str text);
bool mt_number(struct mt *t, struct hm_str *rest, uint64_t *ret);
/* \r \n \t \0 \\ \xNN */
void mt_unescape(struct hm_buf *out, struct hm_str text);
/* With LF line ends, which are easier to write patterns for. */
struct hm_str mt_without_cr(struct mt *t, struct hm_str text);
/* Does the text match what was expected? "/regex/" anywhere, else the text as a
 * prefix. $name stands for its value or, when it has none, takes a word. */
bool mt_matches(struct mt *t, struct hm_str pattern, struct hm_str text);

/* ---- platform.c: the server ---- */

void mt_platform_begin(struct mt *t);
/* Makes a server run if none does. */
bool mt_platform_ready(struct mt *t);
void mt_platform_end(struct mt *t);
void mt_do_conf(struct mt *t, struct hm_str rest);
void mt_do_module(struct mt *t, struct hm_str rest);
void mt_do_dns(struct mt *t, struct hm_str rest);
void mt_do_need(struct mt *t, struct hm_str rest);
void mt_do_start(struct mt *t, struct hm_str rest);
void mt_do_stop(struct mt *t, struct hm_str rest);
void mt_do_reload(struct mt *t, struct hm_str rest);

/* ---- peer.c, talk.c: connections ---- */

void mt_do_client(struct mt *t, struct hm_str rest);
void mt_do_server(struct mt *t, struct hm_str rest);
void mt_do_fail(struct mt *t, struct hm_str rest);
struct mt_peer *mt_peer_find(struct mt *t, struct hm_str name);
void mt_peer_starttls(struct mt *t, struct mt_peer *peer, struct hm_str line,
    bool want);
void mt_peer_accept(struct mt *t, struct mt_peer *peer, bool last);
void mt_peer_nobody(struct mt *t, struct mt_peer *peer, struct hm_str rest);
void mt_peers_end(struct mt *t);
/* A statement of a peer: "<", ">", "data" … */
void mt_talk(struct mt *t, struct mt_peer *peer, struct hm_str rest);
void mt_transcript(struct mt *t, struct mt_peer *peer, const char *mark,
    struct hm_str bytes);

/* ---- certificate.c ---- */

void mt_do_certificate(struct mt *t, struct hm_str rest);
void mt_peer_certificate(struct mt *t, struct mt_peer *peer, struct hm_str name);
void mt_certificates_end(struct mt *t);

/* ---- command.c, log.c, store.c: asking the server ---- */

void mt_do_command(struct mt *t, struct hm_str rest);
void mt_do_password(struct mt *t, struct hm_str rest);
void mt_expect_exit(struct mt *t, struct hm_str rest);
void mt_expect_output(struct mt *t, struct hm_str rest);
/* A status that nobody asked for must be 0. */
void mt_command_settle(struct mt *t);
/* Runs it; the status. */
int mt_run_command(struct mt *t, const char *const *words, struct hm_str input);

void mt_log_begin(struct mt *t);
void mt_log_end(struct mt *t);
void mt_expect_log(struct mt *t, struct hm_str rest, bool want);

void mt_expect_mailbox(struct mt *t, struct hm_str rest);
void mt_expect_message(struct mt *t, struct hm_str rest);
void mt_do_verify(struct mt *t, struct hm_str rest);

/* ---- run.c ---- */

/* The whole script; the exit status. */
int mt_run(struct mt *t);

#endif
