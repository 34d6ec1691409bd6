/* imap.h - the server, its sessions and their commands, for all parts of it.
 */
#ifndef IMAP_IMAP_H
#define IMAP_IMAP_H

#include <hermod/buf.h>
#include <hermod/conf.h>
#include <hermod/err.h>
#include <hermod/iface/auth.h>
#include <hermod/iface/store.h>
#include <hermod/str.h>
#include <hermod/types.h>

#include "parse.h"
#include "selected.h"
#include "write.h"

struct hm_ratelimit;
struct imap_recent;

enum {
	IMAP_LINE_MAX = 64 << 10,      /* octets of a command outside literals */
	IMAP_LITERALS_MAX = 1000,      /* in one command */
	IMAP_LITERALS_BYTES = 1 << 20, /* in one command, after login */
	IMAP_LITERALS_EARLY = 64 << 10, /* before it */
	IMAP_BAD_MAX = 20,             /* syntax errors in a row */
	IMAP_EARLY_MAX = 200,          /* commands before login */
};

struct imap_conf {
	const struct hm_addrlist *listen, *listen_tls;
	bool insecure_login;
	int64_t login_timeout_ms, idle_timeout_ms, write_timeout_ms;
	uint64_t max_literal_bytes, append_limit_bytes;
	int64_t connection_rate, connections_per_address, max_connections;
};

struct imap_server {
	struct hm_mod *mod;
	const struct imap_conf *conf;
	const struct hm_auth *auth;
	const struct hm_store *store;
	struct hm_ratelimit *rate, *held; /* NULL: no limit */
	struct imap_recent *recent;
};

enum imap_state {
	IMAP_NONAUTH = 1 << 0,
	IMAP_AUTH = 1 << 1,
	IMAP_SELECTED = 1 << 2,
	IMAP_LOGOUT = 1 << 3,
};

enum imap_enabled {
	IMAP_REV2 = 1 << 0,
	IMAP_UTF8 = 1 << 1,
	IMAP_CONDSTORE = 1 << 2,
};

struct imap {
	struct imap_server *srv;
	struct hm_io *io;
	struct hm_session *session;
	struct hm_account *acc;        /* NULL before login */
	struct imap_selected *sel;     /* NULL while no mailbox is selected */
	enum imap_state state;
	unsigned enabled;
	struct hm_buf in, out;         /* a command, responses on their way */
	uint64_t in_bytes, out_bytes;  /* since they were last counted */
	unsigned bad;                  /* syntax errors in a row */
	unsigned commands;
	int broken;                    /* the error that ended the stream, or 0 */
};

/* A command while it runs. */
struct imap_command;
struct imap_cmd {
	struct imap *s;
	const struct imap_command *def;
	struct hm_arena *arena;        /* freed behind the reply */
	struct hm_str tag;
	struct imap_parse p;           /* behind the name and its space, if any */
	bool replied;
};

enum imap_command_flags {
	IMAP_CMD_KEEPS_SEQ = 1 << 0,   /* no EXPUNGE while it runs (RFC 9051, 7.5.1) */
	IMAP_CMD_WRITES = 1 << 1,      /* not after EXAMINE */
	IMAP_CMD_OWN_LITERALS = 1 << 2, /* reads what follows its first line */
	IMAP_CMD_UID = 1 << 3,         /* sets and results are uids */
	IMAP_CMD_SECRET = 1 << 4,      /* arguments are never logged */
};
struct imap_command {
	const char *name;              /* upper case, "UID FETCH" */
	unsigned states;               /* in which it is allowed */
	unsigned flags;
	HM_FIBER void (*run)(struct imap_cmd *c);
};
/* Ended by a NULL name. */
extern const struct imap_command imap_commands[];
const struct imap_command *imap_command_find(struct hm_str name);

/* session.c: from the greeting to the end. */
HM_FIBER void imap_session_run(struct imap_server *srv, struct hm_io *io,
    bool tls);
/* Hands gathered output to the stream; imap_pump() only when there is much. */
HM_FIBER void imap_push(struct imap *s);
HM_FIBER void imap_pump(struct imap *s);
/* Says "* BYE text" and ends the session after this command. */
void imap_bye(struct imap *s, const char *fmt, ...) HM_PRINTF(2, 3);

/* reader.c: lines and literals. Each returns 0 or the error that ended the
 * stream, noted in s->broken. */
HM_FIBER int imap_read_first_line(struct imap *s);
/* Appends one more line to s->in. */
HM_FIBER int imap_read_line(struct imap *s);
/* Reads the literal announced at the end of s->in, and the line behind it. *ok
 * is false when it was refused; the reply has been sent. */
HM_FIBER int imap_read_literal(struct imap_cmd *c, bool *ret_ok);
/* All of them. */
HM_FIBER int imap_read_literals(struct imap_cmd *c, bool *ret_ok);

/* reply.c: the end of a command. OK and NO first tell what changed in the
 * mailbox. Texts may begin with a response code. */
HM_FIBER void imap_ok(struct imap_cmd *c, const char *fmt, ...) HM_PRINTF(2, 3);
HM_FIBER void imap_no(struct imap_cmd *c, const char *fmt, ...) HM_PRINTF(2, 3);
HM_FIBER void imap_bad(struct imap_cmd *c, const char *fmt, ...)
    HM_PRINTF(2, 3);
/* BAD with what the parser missed, and where. */
HM_FIBER void imap_bad_syntax(struct imap_cmd *c);
/* NO with the response code that fits; logs what the operator should know. */
HM_FIBER void imap_no_err(struct imap_cmd *c, int code,
    const struct hm_err *err);
/* "* OK …" and the like, in the middle of a command. */
void imap_untagged(struct imap *s, const char *fmt, ...) HM_PRINTF(2, 3);
/* Whether the text ends here; otherwise BAD was said. */
HM_FIBER bool imap_args_end(struct imap_cmd *c);

/* names.c: mailbox names. */
/* The next argument as a name for the store: decoded, NFC, "INBOX" in capitals,
 * no trailing "/". Replies and returns false if it is none. */
HM_FIBER bool imap_arg_mailbox(struct imap_cmd *c, struct hm_str *ret);
/* The same from a string; *ret_why says what is wrong with it. */
bool imap_mailbox_name(struct imap *s, struct hm_arena *arena,
    struct hm_str name, struct hm_str *ret, const char **ret_why);
static inline bool
imap_utf8(const struct imap *s)
{
	return s->enabled & (IMAP_REV2 | IMAP_UTF8);
}

/* sync.c: telling the client what happened to its mailbox. */
struct imap_own_change;    /* what this session did and need not be told */
/* Takes over the store's newest view; expunge: EXPUNGE may be sent now. Returns
 * whether anything was written. */
HM_FIBER bool imap_sync(struct imap *s, bool expunge,
    const struct imap_own_change *own);
struct imap_own_change {
	const struct hm_uidset *uids;
	bool all;                  /* every change of these, not only what was asked */
	enum hm_flags_op op;
	unsigned flags;
	uint64_t keywords;
};
/* The flags of a message, without parentheses. */
void imap_put_entry_flags(struct imap *s, struct imap_flag_memo *memo,
    const struct hm_entry *e);
/* "* 3 RECENT" if it is not what was told last. */
void imap_put_recent(struct imap *s);
/* "FLAGS (…)" of a mailbox, without "* ", and PERMANENTFLAGS. */
void imap_put_mailbox_flags(struct imap *s);

/* auth.c: after a successful login. */
HM_FIBER int imap_logged_in(struct imap_cmd *c,
    const struct hm_login_result *who);

/* select.c */
void imap_deselect(struct imap *s);
/* misc.c */
void imap_put_capabilities(struct imap *s);
/* From now on modseqs are told (RFC 7162, 3.1). */
void imap_enable_condstore(struct imap *s);

/* mailbox.c: the items of STATUS, in the order in which they were asked for. */
struct imap_status {
	uint8_t n;
	uint8_t at[9];             /* indices into the table of items */
	bool has_modseq, has_recent;
};
bool imap_p_status(struct imap_parse *p, struct imap_status *ret);
/* "* STATUS box (MESSAGES 3 UIDNEXT 4)" and CRLF. */
HM_FIBER void imap_put_status(struct imap *s, const struct hm_mailbox *box,
    const struct imap_status *items);
/* " \\Archive"; the attribute of a special use. */
void imap_put_special_use(struct hm_buf *out, unsigned special_use,
    bool *first);

/* The set of a command as uids the client knows: sequence numbers, uids or "$".
 * Replies and returns false for numbers beyond the mailbox. */
struct imap_seqset;
HM_FIBER bool imap_resolve(struct imap_cmd *c, const struct imap_seqset *set,
    struct hm_uidset *ret);

/* The commands. */
HM_FIBER void imap_cmd_append(struct imap_cmd *c);
HM_FIBER void imap_cmd_authenticate(struct imap_cmd *c);
HM_FIBER void imap_cmd_capability(struct imap_cmd *c);
HM_FIBER void imap_cmd_check(struct imap_cmd *c);
HM_FIBER void imap_cmd_close(struct imap_cmd *c);
HM_FIBER void imap_cmd_copy(struct imap_cmd *c);
HM_FIBER void imap_cmd_create(struct imap_cmd *c);
HM_FIBER void imap_cmd_delete(struct imap_cmd *c);
HM_FIBER void imap_cmd_enable(struct imap_cmd *c);
HM_FIBER void imap_cmd_examine(struct imap_cmd *c);
HM_FIBER void imap_cmd_expunge(struct imap_cmd *c);
HM_FIBER void imap_cmd_fetch(struct imap_cmd *c);
HM_FIBER void imap_cmd_id(struct imap_cmd *c);
HM_FIBER void imap_cmd_idle(struct imap_cmd *c);
HM_FIBER void imap_cmd_list(struct imap_cmd *c);
HM_FIBER void imap_cmd_login(struct imap_cmd *c);
HM_FIBER void imap_cmd_logout(struct imap_cmd *c);
HM_FIBER void imap_cmd_lsub(struct imap_cmd *c);
HM_FIBER void imap_cmd_move(struct imap_cmd *c);
HM_FIBER void imap_cmd_namespace(struct imap_cmd *c);
HM_FIBER void imap_cmd_noop(struct imap_cmd *c);
HM_FIBER void imap_cmd_rename(struct imap_cmd *c);
HM_FIBER void imap_cmd_search(struct imap_cmd *c);
HM_FIBER void imap_cmd_select(struct imap_cmd *c);
HM_FIBER void imap_cmd_starttls(struct imap_cmd *c);
HM_FIBER void imap_cmd_status(struct imap_cmd *c);
HM_FIBER void imap_cmd_store(struct imap_cmd *c);
HM_FIBER void imap_cmd_subscribe(struct imap_cmd *c);
HM_FIBER void imap_cmd_unselect(struct imap_cmd *c);
HM_FIBER void imap_cmd_unsubscribe(struct imap_cmd *c);

static inline bool
imap_cmd_uid(const struct imap_cmd *c)
{
	return c->def->flags & IMAP_CMD_UID;
}

#endif
