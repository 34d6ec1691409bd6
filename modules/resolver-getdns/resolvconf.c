/* resolvconf.c - resolv.conf(5), as far as it concerns us. */
#include "resolvconf.h"

#include <hermod/str.h>

enum { DNS_PORT = 53 };

static struct hm_str
word(struct hm_str *line)
{
	size_t start = 0, end;

	while (start < line->len && (line->p[start] == ' ' ||
	    line->p[start] == '\t'))
		start++;
	for (end = start; end < line->len && line->p[end] != ' ' &&
	    line->p[end] != '\t' && line->p[end] != '\r'; end++)
		;
	*line = hm_str_skip(*line, start);
	{
		struct hm_str w = hm_str_take(*line, end - start);

		*line = hm_str_skip(*line, end - start);
		return w;
	}
}

static void
add_server(struct hm_str text, struct resolvconf *rc)
{
	struct hm_sockaddr addr;

	if (rc->n == RESOLVCONF_SERVERS || hm_sockaddr_parse(text, &addr) < 0 ||
	    addr.family == 1)
		return;
	if (addr.port == 0)
		addr.port = DNS_PORT;
	rc->servers[rc->n++] = addr;
}

void
resolvconf_parse(struct hm_str text, struct resolvconf *ret)
{
	struct resolvconf rc = { 0 };

	while (text.p) {
		struct hm_str line = hm_str_split(&text, '\n');
		struct hm_str key, option;

		if (line.len > 0 && (line.p[0] == '#' || line.p[0] == ';'))
			continue;
		key = word(&line);
		if (hm_str_is(key, "nameserver"))
			add_server(word(&line), &rc);
		if (!hm_str_is(key, "options"))
			continue;
		while ((option = word(&line)).len > 0)
			if (hm_str_is(option, "trust-ad"))
				rc.trust_ad = true;
	}
	if (rc.n == 0)
		add_server(HM_STR("127.0.0.1"), &rc);
	*ret = rc;
}
