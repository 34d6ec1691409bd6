/* errs.h - the collection of mistakes from the inside.
 *
 * Everything is copied, so that mistakes can be shown after the documents they
 * are about have been freed.
 */
#ifndef HM_CONF_ERRS_H
#define HM_CONF_ERRS_H

#include <hermod/conf.h>

struct hm_doc;

enum hm_errs_kind { HM_ERRS_ERROR = 0, HM_ERRS_WARNING = 1 };

/* A mistake at the bytes start..end of a document; warnings are shown but not
 * counted. */
void hm_errs_put(struct hm_errs *errs, enum hm_errs_kind kind,
    const struct hm_doc *doc, size_t start, size_t end, const char *fmt, ...)
    HM_PRINTF(6, 7);
/* A mistake that has no bytes to show. */
void hm_errs_put_err(struct hm_errs *errs, const struct hm_err *err);
size_t hm_errs_warnings(const struct hm_errs *errs);
/* For mistakes that were found in another process: the nth in order of place, of
 * either kind, and NULL behind the last; and putting what came from there, which
 * is made harmless. */
const struct hm_err *hm_errs_nth(const struct hm_errs *errs, size_t n,
    enum hm_errs_kind *ret_kind, const char **ret_excerpt);
void hm_errs_put_found(struct hm_errs *errs, enum hm_errs_kind kind,
    const struct hm_err *err, struct hm_str excerpt);
/* All of them, in order of place:
 *   file:line:col: error: text
 *       the source line
 *       ^~~~~~~~~~ */
void hm_errs_print(const struct hm_errs *errs, struct hm_buf *out);

#endif
