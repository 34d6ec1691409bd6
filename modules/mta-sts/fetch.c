/* fetch.c - https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461, 3.3). */
#include "sts.h"

enum { ADDRS_MAX = 8, DIAL_MS = 10 * 1000, READ_MS = 20 * 1000 };

struct fetching {
	const struct sts *s;
	const char *host;
	struct hm_arena *arena;
	struct hm_io *io;
	struct hm_buf *text;
	enum hm_tls_outcome outcome;   /* what to call a failure from here on */
	struct hm_err *err;
};

/* ---- connecting ---- */

static HM_FIBER size_t
find_addrs(struct fetching *f, struct hm_sockaddr addrs[ADDRS_MAX])
{
	static const enum hm_dns_type types[] = { HM_DNS_AAAA, HM_DNS_A };
	const struct sts *s = f->s;
	struct hm_dns_answer answer;
	size_t n = 0;

	hm_err_set(f->err, -HM_ENOENT, "%s has no address", f->host);
	for (size_t i = 0; i < HM_ARRAY_LEN(types); i++) {
		if (hm_resolve(s->resolver, hm_str(f->host), types[i], f->arena,
		    &answer) < 0)
			continue;
		if (hm_dns_temporary(answer.outcome))
			hm_err_set(f->err, -HM_EBUSY, "%s: %.*s", f->host,
			    HM_FMT(answer.reason));
		for (size_t k = 0; k < answer.n && n < ADDRS_MAX; k++) {
			addrs[n] = answer.rr[k].addr;
			addrs[n].port = (uint16_t)s->conf->port;
			if (!hm_netlist_has(s->conf->refuse, &addrs[n]))
				n++;
			else
				hm_err_set(f->err, -HM_EACCES, "%s has an "
				    "address that is not dialled", f->host);
		}
	}
	return n;
}

static HM_FIBER int
dial(struct fetching *f)
{
	struct hm_sockaddr addrs[ADDRS_MAX];
	size_t n = find_addrs(f, addrs);
	int r = -HM_ENOENT;

	for (size_t i = 0; i < n; i++) {
		r = hm_dial(&addrs[i], NULL, DIAL_MS, &f->io, f->err);
		if (r == 0 || hm_fiber_cancelled())
			break;
	}
	if (r == 0)
		hm_io_timeouts(f->io, READ_MS, READ_MS);
	return r;
}

static HM_FIBER int
secure(struct fetching *f)
{
	enum hm_tls_fault fault;
	int r = hm_io_starttls_client(f->io, f->s->tls, f->host, f->err);

	if (r < 0)
		return r;
	r = hm_io_tls_verify(f->io, f->host, &fault, f->err);
	if (r < 0)
		f->outcome = HM_TLS_STS_WEBPKI_INVALID;
	return r;
}

/* ---- the request and its reply ---- */

static int
broken(struct fetching *f, int r)
{
	return hm_err_set(f->err, r, "%s: %s", f->host,
	    r == -HM_ETIMEDOUT ? "no reply in time" :
	    r == -HM_ESYNTAX ? "the reply is not HTTP" :
	    r == -HM_ELIMIT ? "the reply is too large" :
	    r == -HM_EUNSUPPORTED ? "the reply is encoded in a way not asked for" :
	    r == -HM_ECANCELED ? "given up" : "the connection was lost");
}

/* HTTP's lines end with CRLF and with nothing else (RFC 9112, 2.2). */
static HM_FIBER int
read_line(struct fetching *f, struct hm_str *ret)
{
	bool crlf;
	int r = hm_io_read_line(f->io, STS_HTTP_LINE_MAX, ret, &crlf);

	return r < 0 ? r : crlf ? 0 : -HM_ESYNTAX;
}

static HM_FIBER int
read_head(struct fetching *f, struct sts_reply *reply)
{
	struct hm_str line;
	int r = read_line(f, &line);

	if (r == 0)
		r = sts_reply_status(reply, line);
	while (r == 0) {
		r = read_line(f, &line);
		if (r < 0 || line.len == 0)
			break;
		r = sts_reply_field(reply, line);
	}
	return r;
}

/* So many bytes, or with no_end all there are. */
static HM_FIBER int
read_bytes(struct fetching *f, uint64_t n, bool no_end)
{
	struct hm_str piece;
	int r = 0;

	if (!no_end && n > STS_BYTES_MAX - f->text->len)
		return -HM_ELIMIT;
	while (n > 0 || no_end) {
		r = hm_io_read_some(f->io, no_end || n > 4096 ? 4096 : (size_t)n,
		    &piece);
		if (r < 0)
			return no_end && r == -HM_EEOF ? 0 : r;
		if (piece.len > STS_BYTES_MAX - f->text->len)
			return -HM_ELIMIT;
		hm_buf_str(f->text, piece);
		n -= no_end ? 0 : piece.len;
	}
	return 0;
}

static HM_FIBER int
read_chunks(struct fetching *f)
{
	struct hm_str line;
	uint64_t n;
	int r;

	for (;;) {
		r = read_line(f, &line);
		if (r == 0)
			r = sts_chunk_size(line, &n);
		if (r < 0 || n == 0)
			return r;
		r = read_bytes(f, n, false);
		if (r == 0)
			r = read_line(f, &line);
		if (r < 0)
			return r;
		if (line.len > 0)
			return -HM_ESYNTAX;
	}
}

static HM_FIBER int
get(struct fetching *f)
{
	struct sts_reply reply = { 0 };
	int r = hm_io_printf(f->io, "GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
	    "Host: %s\r\nAccept: text/plain\r\nAccept-Encoding: identity\r\n"
	    "Connection: close\r\n\r\n", f->host);

	if (r == 0)
		r = hm_io_flush(f->io);
	do
		r = r < 0 ? r : read_head(f, &reply);
	while (r == 0 && reply.status < 200 && reply.status != 101);
	if (r < 0)
		return broken(f, r);
	r = sts_reply_check(&reply, f->err);
	if (r < 0)
		return r;
	/* From here on it is the policy that is wrong. */
	f->outcome = HM_TLS_STS_POLICY_INVALID;
	if (!reply.plain)
		return hm_err_set(f->err, -HM_ESYNTAX, "%s: the policy is not "
		    "text/plain", f->host);
	r = reply.chunked ? read_chunks(f) :
	    read_bytes(f, reply.length, !reply.has_length);
	if (r < 0 && r != -HM_ELIMIT)
		f->outcome = HM_TLS_STS_POLICY_FETCH_ERROR;
	return r < 0 ? broken(f, r) : 0;
}

int
sts_fetch(const struct sts *s, struct hm_str domain, struct hm_buf *text,
    enum hm_tls_outcome *ret_outcome, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "mta-sts fetch");
	struct hm_err err = { 0 };
	struct fetching f = { .s = s, .arena = arena, .text = text, .err = &err,
	    .outcome = HM_TLS_STS_POLICY_FETCH_ERROR,
	    .host = hm_printf(arena, "mta-sts.%.*s", HM_FMT(domain)) };
	int64_t before = hm_fiber_deadline(hm_now_ms() + s->conf->timeout_ms);
	int r = dial(&f);

	if (r == 0) {
		r = secure(&f);
		if (r == 0)
			r = get(&f);
		hm_io_abort(f.io);
	}
	if (hm_fiber_cancelled())
		r = -HM_ECANCELED;
	hm_fiber_deadline(before);
	*ret_outcome = r == 0 ? HM_TLS_SUCCESS : f.outcome;
	if (r < 0 && reterr != NULL)
		*reterr = err;
	hm_arena_free(arena);
	return r;
}
