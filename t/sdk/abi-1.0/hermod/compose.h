/* compose.h - writing a well-formed message. Thread: any.
 *
 * Field by field, then the body; CRLF line ends. Every input is checked: CR or
 * LF in a header value is -HM_EINVAL and nothing is written.
 */
#ifndef HERMOD_COMPOSE_H
#define HERMOD_COMPOSE_H

#include <hermod/types.h>

/* A field whose value is free text (Subject): encoded words unless utf8_ok. */
HM_API int hm_compose_text(struct hm_buf *out, const char *name,
    struct hm_str value, bool utf8_ok);
/* One address of From, To, …: display name encoded or quoted as it needs. */
HM_API int hm_compose_addr(struct hm_buf *out, const char *name,
    struct hm_str display, const struct hm_addr *addr, bool utf8_ok);
HM_API int hm_compose_date(struct hm_buf *out, int64_t unix_s);
/* Message-ID: a new unique id at that host. */
HM_API int hm_compose_msgid(struct hm_buf *out, const char *host);
/* MIME-Version, Content-Type and Content-Transfer-Encoding for a text/plain
 * UTF-8 body, the empty line, and the body in the encoding it needs. */
HM_API void hm_compose_body(struct hm_buf *out, struct hm_str utf8);

#endif
