/* records.h - records of the DNS, for those who fuzz what makes them. */
#ifndef HERMOD_T_RECORDS_H
#define HERMOD_T_RECORDS_H

#include <hermod/dns.h>

/* Reads every byte that a record refers to, for a sanitizer to see. */
void read_record(struct hm_buf *out, enum hm_dns_type type,
    const struct hm_dns_rr *rr);

#endif
