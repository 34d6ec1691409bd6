/* addr.c - addresses and networks: text, kernel form, comparison. */
#include "addr-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <hermod/err.h>
#include <hermod/str.h>

enum { IPV4 = 4, IPV6 = 6, UNIX = 1 };

static int
parse_ip(struct hm_str s, int family, uint8_t *to)
{
	char text[INET6_ADDRSTRLEN];

	if (s.len == 0 || s.len >= sizeof(text) || memchr(s.p, '\0', s.len))
		return -HM_ESYNTAX;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	return inet_pton(family, text, to) == 1 ? 0 : -HM_ESYNTAX;
}

/* "fe80::1%eth0" or "%2". */
static int
parse_zone(struct hm_str zone, uint32_t *ret)
{
	char name[IF_NAMESIZE];
	uint32_t n;

	if (hm_str_u32(zone, &n) == 0) {
		*ret = n;
		return n ? 0 : -HM_ESYNTAX;
	}
	if (zone.len == 0 || zone.len >= sizeof(name))
		return -HM_ESYNTAX;
	memcpy(name, zone.p, zone.len);
	name[zone.len] = '\0';
	*ret = if_nametoindex(name);
	return *ret ? 0 : -HM_ENOENT;
}

static int
parse_ip6(struct hm_str s, struct hm_sockaddr *a)
{
	ssize_t percent = hm_str_chr(s, '%');
	int rc;

	a->family = IPV6;
	if (percent >= 0) {
		rc = parse_zone(hm_str_skip(s, (size_t)percent + 1), &a->scope);
		if (rc != 0)
			return rc;
		s = hm_str_take(s, (size_t)percent);
	}
	return parse_ip(s, AF_INET6, a->ip);
}

static int
parse_port(struct hm_str s, uint16_t *ret)
{
	uint64_t port;

	if (s.len > 5 || hm_str_u64(s, 65535, &port) != 0)
		return -HM_ESYNTAX;
	*ret = (uint16_t)port;
	return 0;
}

static int
parse_unix(struct hm_str path, struct hm_sockaddr *a)
{
	if (path.len == 0 || memchr(path.p, '\0', path.len))
		return -HM_ESYNTAX;
	if (path.len >= sizeof(a->path))
		return -HM_ELIMIT;
	a->family = UNIX;
	memcpy(a->path, path.p, path.len);
	return 0;
}

/* "[::1]" or "[::1]:25". */
static int
parse_bracketed(struct hm_str text, struct hm_sockaddr *a)
{
	ssize_t close = hm_str_chr(text, ']');
	struct hm_str rest;
	int rc;

	if (close < 0)
		return -HM_ESYNTAX;
	rest = hm_str_skip(text, (size_t)close + 1);
	rc = parse_ip6(hm_str_skip(hm_str_take(text, (size_t)close), 1), a);
	if (rc != 0 || rest.len == 0)
		return rc;
	return rest.p[0] == ':' ? parse_port(hm_str_skip(rest, 1), &a->port) :
	    -HM_ESYNTAX;
}

static int
parse(struct hm_str text, struct hm_sockaddr *a)
{
	ssize_t colon = hm_str_chr(text, ':');
	int rc;

	if (hm_str_starts(text, HM_STR("unix:")))
		return parse_unix(hm_str_skip(text, 5), a);
	if (text.len > 0 && text.p[0] == '[')
		return parse_bracketed(text, a);
	if (colon >= 0 && hm_str_rchr(text, ':') != colon)
		return parse_ip6(text, a);
	a->family = IPV4;
	if (colon < 0)
		return parse_ip(text, AF_INET, a->ip);
	rc = parse_port(hm_str_skip(text, (size_t)colon + 1), &a->port);
	return rc != 0 ? rc :
	    parse_ip(hm_str_take(text, (size_t)colon), AF_INET, a->ip);
}

int
hm_sockaddr_parse(struct hm_str text, struct hm_sockaddr *ret)
{
	struct hm_sockaddr a = { 0 };
	int rc = parse(text, &a);

	if (rc == 0)
		*ret = a;
	return rc;
}

const char *
hm_sockaddr_ip(char buf[112], const struct hm_sockaddr *a)
{
	size_t len;

	buf[0] = '\0';
	if (a->family == UNIX) {
		snprintf(buf, 112, "unix:%.*s", (int)sizeof(a->path), a->path);
		return buf;
	}
	if (a->family != IPV4 && a->family != IPV6)
		return "unknown";
	inet_ntop(a->family == IPV6 ? AF_INET6 : AF_INET, a->ip, buf, 112);
	if (a->family == IPV6 && a->scope) {
		len = strlen(buf);
		snprintf(buf + len, 112 - len, "%%%u", a->scope);
	}
	return buf;
}

const char *
hm_sockaddr_text(char buf[112], const struct hm_sockaddr *a)
{
	char ip[112];

	hm_sockaddr_ip(ip, a);
	if (a->family == IPV4)
		snprintf(buf, 112, "%.80s:%u", ip, a->port);
	else if (a->family == IPV6)
		snprintf(buf, 112, "[%.80s]:%u", ip, a->port);
	else
		snprintf(buf, 112, "%s",
		    a->family == UNIX ? ip : "unknown");
	return buf;
}

bool
hm_sockaddr_ip_eq(const struct hm_sockaddr *a, const struct hm_sockaddr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == UNIX)
		return strncmp(a->path, b->path, sizeof(a->path)) == 0;
	return memcmp(a->ip, b->ip, a->family == IPV4 ? 4 : 16) == 0 &&
	    (a->family == IPV4 || a->scope == b->scope);
}

bool
hm_sockaddr_eq(const struct hm_sockaddr *a, const struct hm_sockaddr *b)
{
	return hm_sockaddr_ip_eq(a, b) && a->port == b->port;
}

bool
hm_sockaddr_any(const struct hm_sockaddr *a)
{
	static const uint8_t zero[16];

	return a->family != UNIX &&
	    memcmp(a->ip, zero, a->family == IPV4 ? 4 : 16) == 0;
}

bool
hm_sockaddr_loopback(const struct hm_sockaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == IPV4)
		return a->ip[0] == 127;
	return a->family == UNIX ||
	    (a->family == IPV6 && memcmp(a->ip, one, 16) == 0);
}

/* ---- networks ---- */

static void
mask(uint8_t *ip, size_t bytes, unsigned bits)
{
	size_t i;

	for (i = 0; i < bytes; i++) {
		unsigned keep = bits > i * 8 ? bits - (unsigned)i * 8 : 0;

		if (keep < 8)
			ip[i] &= (uint8_t)(0xff00 >> keep);
	}
}

int
hm_net_parse(struct hm_str text, struct hm_net *ret)
{
	ssize_t slash = hm_str_chr(text, '/');
	struct hm_net net = { 0 };
	unsigned max;
	uint64_t bits;
	int rc;

	if (hm_str_starts(text, HM_STR("unix:")))
		return -HM_ESYNTAX;
	rc = parse(slash < 0 ? text : hm_str_take(text, (size_t)slash),
	    &net.addr);
	if (rc != 0)
		return rc;
	if (net.addr.port || net.addr.scope)
		return -HM_ESYNTAX;
	max = net.addr.family == IPV4 ? 32 : 128;
	bits = max;
	if (slash >= 0 &&
	    hm_str_u64(hm_str_skip(text, (size_t)slash + 1), max, &bits) != 0)
		return -HM_ESYNTAX;
	net.bits = (uint8_t)bits;
	mask(net.addr.ip, max / 8, net.bits);
	*ret = net;
	return 0;
}

bool
hm_net_has(const struct hm_net *net, const struct hm_sockaddr *a)
{
	uint8_t ip[16];
	size_t bytes = a->family == IPV4 ? 4 : 16;

	if (a->family != net->addr.family || a->family == UNIX)
		return false;
	memcpy(ip, a->ip, sizeof(ip));
	mask(ip, bytes, net->bits);
	return memcmp(ip, net->addr.ip, bytes) == 0;
}

/* ---- the kernel's form ---- */

static void
from_in6(const struct sockaddr_in6 *in6, struct hm_sockaddr *ret)
{
	ret->port = ntohs(in6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		ret->family = IPV4;
		memcpy(ret->ip, in6->sin6_addr.s6_addr + 12, 4);
		return;
	}
	ret->family = IPV6;
	memcpy(ret->ip, in6->sin6_addr.s6_addr, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		ret->scope = in6->sin6_scope_id;
}

int
hm_sockaddr_from_os(const struct sockaddr_storage *ss, socklen_t len,
    struct hm_sockaddr *ret)
{
	struct hm_sockaddr a = { 0 };

	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;

		a.family = IPV4;
		a.port = ntohs(in->sin_port);
		memcpy(a.ip, &in->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		from_in6((const void *)ss, &a);
	} else if (ss->ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const void *)ss;
		size_t head = offsetof(struct sockaddr_un, sun_path);

		a.family = UNIX;
		if (len > head)
			snprintf(a.path, sizeof(a.path), "%.*s",
			    (int)(len - head), un->sun_path);
	} else {
		return -HM_EUNSUPPORTED;
	}
	*ret = a;
	return 0;
}

int
hm_sockaddr_to_os(const struct hm_sockaddr *a, struct sockaddr_storage *ret,
    socklen_t *ret_len)
{
	memset(ret, 0, sizeof(*ret));
	if (a->family == IPV4) {
		struct sockaddr_in *in = (void *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		*ret_len = sizeof(*in);
	} else if (a->family == IPV6) {
		struct sockaddr_in6 *in6 = (void *)ret;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		in6->sin6_scope_id = a->scope;
		memcpy(&in6->sin6_addr, a->ip, 16);
		*ret_len = sizeof(*in6);
	} else if (a->family == UNIX) {
		struct sockaddr_un *un = (void *)ret;

		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "%.*s",
		    (int)sizeof(a->path) - 1, a->path);
		*ret_len = sizeof(*un);
	} else {
		return -HM_EINVAL;
	}
	return 0;
}

int
hm_sockaddr_of_fd(int fd, bool peer, struct hm_sockaddr *ret)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	int rc = peer ? getpeername(fd, (struct sockaddr *)&ss, &len) :
	    getsockname(fd, (struct sockaddr *)&ss, &len);

	if (rc != 0)
		return -HM_EIO;
	return hm_sockaddr_from_os(&ss, len, ret);
}
