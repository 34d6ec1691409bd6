/* sendmail.h - what the files of hermod-sendmail share.
 *
 * It hands mail in: at this server's local socket, where the kernel says who it
 * is, or at another server. It loads no module; the SMTP client is linked in and
 * used as the service it is.
 */
#ifndef SENDMAIL_H
#define SENDMAIL_H

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/conf.h>
#include <hermod/err.h>
#include <hermod/outbound.h>
#include <hermod/str.h>

/* ---- settings.c: sendmail.yaml ---- */

enum settings_tls { SETTINGS_IMPLICIT = 0, SETTINGS_STARTTLS = 1,
	SETTINGS_NEVER = 2 };

struct settings {
	const char *socket;
	const char *host;
	int64_t port;
	int tls;                       /* enum settings_tls */
	bool verify;
	const char *ca_file;
	const char *user;
	const char *password_file;
	const struct hm_strlist *mechanisms;
	const char *from;
	const char *domain;
	const char *default_recipient;
	const char *failures;
	uint64_t max_message_bytes;
	int64_t timeout_ms;

	const char *password;          /* read from its file */
};
/* file NULL: the admin's, which may be absent. Says what is wrong on standard
 * error. Returns an exit status. */
int settings_read(struct hm_arena *arena, const char *file,
    struct settings *ret);
extern const struct hm_opt settings_options[];

/* ---- args.c: the command line of thirty years ---- */

enum args_mode { ARGS_SEND, ARGS_SMTP, ARGS_MAILQ, ARGS_NOTHING, ARGS_EXAMPLE,
	ARGS_HELP, ARGS_VERSION };

struct args {
	enum args_mode mode;
	bool from_header;              /* -t */
	bool keep_dots;                /* -i: a dot alone ends nothing */
	bool verbose;
	const char *sender;            /* -f, -r; NULL: not given */
	const char *full_name;         /* -F */
	const char *settings;          /* -C */
	unsigned notify;               /* enum hm_dsn_notify */
	enum hm_dsn_ret ret;
	const char *envid;
	char *const *rcpts;
	size_t nrcpts;
};
/* Returns an exit status; words about misuse are in reterr. */
int args_parse(int argc, char **argv, struct args *ret, struct hm_err *reterr);

/* ---- message.c: the message as it will be handed in; pure ---- */

/* Bytes of a message in any style of line ends. */
struct intake {
	bool keep_dots;
	uint64_t max;
	bool cr, ended, over;
	bool in_body;                  /* an empty line was seen */
	size_t line;                   /* where the line begins, in out */
};
/* Appends with CRLF line ends. False when no more is wanted: the dot came, or
 * there is more than max. */
bool message_intake(struct intake *in, struct hm_buf *out, struct hm_str bytes);
void message_intake_end(struct intake *in, struct hm_buf *out);

/* Who writes. */
struct author {
	struct hm_str user;            /* name on this machine */
	struct hm_str host;            /* and the machine's */
	struct hm_str full_name;       /* empty: none */
	struct hm_addr addr;           /* what mail of theirs comes from */
	bool always;                   /* whatever From says */
	int64_t now_s;
};
struct message {
	struct hm_str header;          /* fields, without the empty line */
	struct hm_str body;
};
/* Where the header ends, even if no empty line says so. */
void message_split(struct hm_str text, struct message *ret);
/* Whether an address, as written, is the user's on this machine. */
bool message_own(const struct author *who, struct hm_str local,
    struct hm_str domain);
/* The message with the fields it lacks and without those that nobody may see. */
void message_write(struct hm_buf *out, const struct message *msg,
    const struct author *who);

/* Recipients, each once. */
struct rcpts {
	struct hm_arena *arena;
	const char *domain;            /* of names without one */
	const char *other;             /* who gets their mail instead, or NULL */
	struct hm_attempt_rcpt *at;
	size_t n, cap;
};
enum { RCPTS_MAX = 10000 };
/* Adds those of a list as header fields have it. */
int message_rcpts(struct rcpts *rcpts, struct hm_str list,
    struct hm_err *reterr);
/* Adds those of the header: of the copy that is resent, if it is (RFC 5322,
 * 3.6.6), or those that missed it when it was kept. */
int message_header_rcpts(struct rcpts *rcpts, struct hm_str header,
    struct hm_err *reterr);
/* The sender that a kept message had; false: it is none. */
bool message_kept_sender(struct hm_arena *arena, struct hm_str header,
    struct hm_str *ret);

/* ---- keep.c: what could not be handed in ---- */

/* Writes the message and who misses it into a new file of the folder (NULL: in
 * the user's home). The path, or NULL with reterr. */
const char *keep_copy(struct hm_arena *arena, const char *folder,
    struct hm_str message, struct hm_str sender, const struct hm_attempt *a,
    struct hm_err *reterr);

/* ---- deliver.c: on a fiber ---- */

struct delivery {
	const struct settings *settings;
	const struct args *args;
	struct hm_arena *arena;
	struct author who;             /* addr: filled by what the server says */
	struct message msg;
	int status;                    /* exit status */
};
void deliver(void *delivery);

/* main.c */
void complain(const char *fmt, ...) HM_PRINTF(1, 2);

#endif
