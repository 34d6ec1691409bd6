/* args.c - the command line that sendmail has had for thirty years. */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include <hermod/encode.h>

#include "sendmail.h"

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 1 },
	{ "version", no_argument, NULL, 2 },
	{ "example", no_argument, NULL, 3 },
	{ NULL, 0, NULL, 0 }
};

/* RFC 3461, 4.1: "never" alone, or some of the others. */
static int
parse_notify(struct args *args, const char *text, struct hm_err *reterr)
{
	static const struct { const char *word; unsigned bit; } words[] = {
		{ "never", HM_NOTIFY_NEVER }, { "success", HM_NOTIFY_SUCCESS },
		{ "failure", HM_NOTIFY_FAILURE }, { "delay", HM_NOTIFY_DELAY },
	};
	struct hm_str rest = hm_str(text);
	unsigned bits = 0;

	while (rest.p != NULL) {
		struct hm_str word = hm_str_split(&rest, ',');
		size_t i = 0;

		while (i < HM_ARRAY_LEN(words) &&
		    !hm_str_caseis(word, words[i].word))
			i++;
		if (i == HM_ARRAY_LEN(words) || bits == HM_NOTIFY_NEVER)
			return hm_err_set(reterr, -HM_EINVAL, "-N is never, or "
			    "some of success,failure,delay");
		bits |= words[i].bit;
	}
	if ((bits & HM_NOTIFY_NEVER) && bits != HM_NOTIFY_NEVER)
		return hm_err_set(reterr, -HM_EINVAL,
		    "-N never goes with nothing else");
	args->notify = bits;
	return 0;
}

static int
parse_return(struct args *args, const char *text, struct hm_err *reterr)
{
	if (hm_str_caseis(hm_str(text), "full"))
		args->ret = HM_RET_FULL;
	else if (hm_str_caseis(hm_str(text), "hdrs"))
		args->ret = HM_RET_HDRS;
	else
		return hm_err_set(reterr, -HM_EINVAL, "-R is full or hdrs");
	return 0;
}

/* It stands in a command of SMTP. */
static int
parse_envid(struct args *args, const char *text, struct hm_err *reterr)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return hm_err_set(reterr, -HM_EINVAL,
			    "-V is printable ASCII");
	if (*text == '\0' || strlen(text) > 90)
		return hm_err_set(reterr, -HM_EINVAL,
		    "-V has 1 to 90 characters");
	args->envid = text;
	return 0;
}

/* What it shall be, instead of sending. */
static int
parse_mode(struct args *args, char mode, struct hm_err *reterr)
{
	switch (mode) {
	case 'm':                      /* send, which it does anyway */
		return 0;
	case 's':
		args->mode = ARGS_SMTP;
		return 0;
	case 'p': case 'P':
		args->mode = ARGS_MAILQ;
		return 0;
	case 'i':                      /* addresses are current at any time */
		args->mode = ARGS_NOTHING;
		return 0;
	case 'd': case 'D': case 'l':
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "this program is no "
		    "server: \"hermod serve\" is, see hermod(8)");
	case 'v':
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "addresses are "
		    "checked where they are delivered, not here");
	default:
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "there is no mode -b%c", mode);
	}
}

/* -o and -O set what other programs have; one of them is an option of ours. */
static void
parse_other(struct args *args, const char *text)
{
	if (text[0] == 'i' && text[1] == '\0')
		args->keep_dots = true;
}

static int
parse_one(struct args *args, int c, struct hm_err *reterr)
{
	switch (c) {
	case 't': args->from_header = true; return 0;
	case 'i': args->keep_dots = true; return 0;
	case 'v': args->verbose = true; return 0;
	case 'f': case 'r': args->sender = optarg; return 0;
	case 'F': args->full_name = optarg; return 0;
	case 'C': args->settings = optarg; return 0;
	case 'N': return parse_notify(args, optarg, reterr);
	case 'R': return parse_return(args, optarg, reterr);
	case 'V': return parse_envid(args, optarg, reterr);
	case 'b': return parse_mode(args, optarg[0], reterr);
	case 'o': parse_other(args, optarg); return 0;
	case 'I': case 'q':            /* the server sees to its queue */
		args->mode = ARGS_NOTHING;
		return 0;
	case 1: args->mode = ARGS_HELP; return 0;
	case 2: args->mode = ARGS_VERSION; return 0;
	case 3: args->mode = ARGS_EXAMPLE; return 0;
	default: return 0;             /* what means nothing here */
	}
}

static enum args_mode
mode_of_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	struct hm_str base = hm_str(slash != NULL ? slash + 1 : name);

	return hm_str_is(base, "mailq") ? ARGS_MAILQ :
	    hm_str_is(base, "newaliases") ? ARGS_NOTHING : ARGS_SEND;
}

int
args_parse(int argc, char **argv, struct args *ret, struct hm_err *reterr)
{
	/* The first word that is no option ends them: a recipient that looks
	 * like one is none. */
	static const char short_options[] =
	    "+:A:B:b:C:D:d::e:F:f:Gh:IiL:M:mN:nO:o:p:q::R:r:stUV:vX:x::";
	int c;

	*ret = (struct args){ .mode = argc > 0 ? mode_of_name(argv[0]) :
	    ARGS_SEND };
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, short_options, long_options,
	    NULL)) != -1) {
		if (c == '?' || c == ':') {
			hm_err_set(reterr, -HM_EINVAL, c == '?' ?
			    "unknown option -%c" : "the option -%c needs a value",
			    optopt > ' ' && optopt < 0x7f ? optopt : '-');
			return EX_USAGE;
		}
		if (parse_one(ret, c, reterr) < 0)
			return reterr->code == -HM_EUNSUPPORTED ?
			    EX_UNAVAILABLE : EX_USAGE;
	}
	ret->rcpts = argv + optind;
	ret->nrcpts = argc > optind ? (size_t)(argc - optind) : 0;
	return EX_OK;
}
