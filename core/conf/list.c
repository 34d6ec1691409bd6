/* list.c - looking into the lists of filled structs. */
#include <hermod/conf.h>
#include <hermod/net.h>
#include <hermod/str.h>

bool
hm_strlist_has(const struct hm_strlist *list, struct hm_str s)
{
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		if (hm_str_caseis(s, list->at[i]))
			return true;
	}
	return false;
}

bool
hm_strlist_has_domain(const struct hm_strlist *list, struct hm_str domain)
{
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		struct hm_str want = hm_str(list->at[i]);

		if (hm_str_caseeq(want, domain))
			return true;
		/* ".example.org": itself, or whatever ends with it. */
		if (want.len > 1 && want.p[0] == '.' &&
		    (hm_str_caseeq(hm_str_skip(want, 1), domain) ||
		    (domain.len > want.len && hm_str_caseeq(want,
		    hm_str_skip(domain, domain.len - want.len)))))
			return true;
	}
	return false;
}

bool
hm_netlist_has(const struct hm_netlist *list, const struct hm_sockaddr *addr)
{
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		if (hm_net_has(&list->at[i], addr))
			return true;
	}
	return false;
}
