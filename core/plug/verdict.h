/* verdict.h - verdicts as they leave a hook: well-formed, whoever made them. */
#ifndef HERMOD_PLUG_VERDICT_H
#define HERMOD_PLUG_VERDICT_H

#include <hermod/verdict.h>

enum { HM_VERDICT_TEXT_MAX = 400 };

/* Turns a late or senseless one into fail, drops a code that does not fit the
 * kind, and replaces a text that would not fit a reply line. */
struct hm_verdict hm_verdict_clean(struct hm_verdict v, bool late,
    struct hm_call *call);

/* A copy that lives as long as m, for verdicts that no session or message can
 * keep. Few different ones are kept. */
const char *hm_said(struct hm_mod *m, const char *text);

#endif
