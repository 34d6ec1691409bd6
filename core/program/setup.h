/* setup.h - making a first configuration from a folder of templates. */
#ifndef HERMOD_PROGRAM_SETUP_H
#define HERMOD_PROGRAM_SETUP_H

#include <hermod/err.h>

#include "program.h"

/* "@NAME@" in a template becomes value. */
struct hm_setup_var {
	const char *name;
	const char *value;
};

/* Copies the templates of that name ("localserve", "quickstart") into dir,
 * which is made. Files that exist are an error, and nothing is left behind. */
int hm_setup_copy(const char *name, const char *dir,
    const struct hm_setup_var *vars, struct hm_err *reterr);
/* Makes an ECDSA certificate for these names and addresses, NULL-ended, below dir
 * as FOLDER/name.crt and .key after the first; folder may be "". */
int hm_setup_certificate(const char *dir, const char *folder,
    const char *const *names, int days, struct hm_err *reterr);
/* For root: what lies below dir belongs to root and is read by the group of user;
 * the folders named in writable (NULL-ended) belong to user. */
int hm_setup_own(const char *dir, const char *user, const char *const *writable,
    struct hm_err *reterr);
/* Runs "hermod -c dir WORD…" in a process of its own with input as its standard
 * input; its output is not shown unless it fails. Returns its exit status. */
int hm_setup_command(const struct hm_options *options, const char *dir,
    const char *const *words, const char *input);
/* Removes what a failed set-up made. */
void hm_setup_undo(const char *dir);

#endif
