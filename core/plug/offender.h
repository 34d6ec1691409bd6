/* offender.h - modules that made the server crash, and are switched off for it.
 *
 * DATADIR/crashes is a list that only grows: what core/run/guard.c records of
 * crashes, "TIME off NAME WHY..." when that was too much, and "TIME on NAME" when
 * the admin enabled the module again. It is cut when a server starts.
 */
#ifndef HERMOD_PLUG_OFFENDER_H
#define HERMOD_PLUG_OFFENDER_H

#include <hermod/types.h>

struct hm_offender {
	struct hm_offender *next;
	const char *name;
	const char *why;               /* "crashed 3 times, the last time ..." */
	int64_t since_s;
};

struct hm_server_conf;

/* At the start of a server: switches off who crashed too often. Returns a
 * descriptor for new records, or -1. */
int hm_offenders_judge(const struct hm_server_conf *conf);
/* Who is off. Thread: any. */
struct hm_offender *hm_offenders_read(struct hm_arena *arena,
    const char *data_dir);
struct hm_offender *hm_offender_find(struct hm_offender *list,
    const char *name);
/* The admin trusts it again; what was before no longer counts. */
int hm_offender_pardon(const char *data_dir, const char *name,
    struct hm_err *reterr);
/* Crashes that name the module since then; for "module upgrade". */
unsigned hm_offender_crashes(struct hm_arena *arena, const char *data_dir,
    const char *name, int64_t since_s, const char **ret_last);

#endif
