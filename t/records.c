/* records.c - records of the DNS, for those who fuzz what makes them. */
#include <hermod/buf.h>

#include "records.h"

void
read_record(struct hm_buf *out, enum hm_dns_type type,
    const struct hm_dns_rr *rr)
{
	switch (type) {
	case HM_DNS_TXT:
		for (size_t i = 0; i < rr->txt.npieces; i++)
			hm_buf_str(out, rr->txt.pieces[i]);
		hm_buf_str(out, rr->txt.text);
		break;
	case HM_DNS_MX:
		hm_buf_str(out, rr->mx.host);
		break;
	case HM_DNS_SRV:
		hm_buf_str(out, rr->srv.target);
		break;
	case HM_DNS_TLSA:
		hm_buf_str(out, rr->tlsa.data);
		break;
	case HM_DNS_CAA:
		hm_buf_str(out, rr->caa.tag);
		hm_buf_str(out, rr->caa.value);
		break;
	case HM_DNS_SOA:
		hm_buf_str(out, rr->soa.mname);
		hm_buf_str(out, rr->soa.rname);
		break;
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		hm_buf_str(out, rr->name);
		break;
	default:
		hm_buf_add(out, &rr->addr, sizeof(rr->addr));
		break;
	}
}
