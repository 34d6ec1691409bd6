/* idle.c - IDLE (RFC 2177). */
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/session.h>

#include "imap.h"

/* Tells changes as they happen until the client sends something. */
static void
tell_changes(struct imap *s)
{
	struct hm_cond *cond = s->srv->store->ops->cond(s->acc);
	int64_t end = hm_now_ms() + s->srv->conf->idle_timeout_ms;
	bool told;
	int r;

	while (!s->broken) {
		/* What changes while bytes are on their way to the client wakes
		 * nobody: look again until there was nothing to send. */
		told = imap_sync(s, true, NULL);
		imap_push(s);
		if (!s->broken) {
			r = hm_io_flush(s->io);
			if (r < 0)
				s->broken = r;
		}
		if (told || s->broken)
			continue;
		if (s->out.cap > 0)
			hm_buf_release(&s->out);
		hm_session_idle(s->session, true);
		r = hm_io_wait(s->io, cond, end - hm_now_ms());
		hm_session_idle(s->session, false);
		if (r < 0)
			s->broken = r;
		if (r > 0)
			return;
	}
}

void
imap_cmd_idle(struct imap_cmd *c)
{
	struct imap *s = c->s;
	size_t at = s->in.len;

	if (!imap_args_end(c))
		return;
	hm_buf_puts(&s->out, "+ idling\r\n");
	tell_changes(s);
	if (s->broken || imap_read_line(s) < 0)
		return;
	if (hm_str_caseeq(hm_str_skip(hm_buf_view(&s->in), at), HM_STR("DONE")))
		imap_ok(c, "done");
	else
		imap_bad(c, "expected DONE");
}
